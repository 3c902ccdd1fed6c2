"""qframe gives every polars and pandas dataframe a `.qdrant` namespace.

Importing it registers the namespace with polars and pandas as soon as they are imported, and imports neither of them.
"""

from __future__ import annotations

import importlib
import logging as _logging
from typing import TYPE_CHECKING, Any

from qframe.frames.registration import install as _install

if TYPE_CHECKING:
    from qframe.connection import Connection, connect, set_connection
    from qframe.delivery.policy import RetryPolicy
    from qframe.errors import (
        AuthenticationError,
        CheckpointError,
        CollectionExistsError,
        CollectionNotFoundError,
        DefaultTargetWarning,
        FolderInUseError,
        ForkedProcessError,
        FrameError,
        InsecureKeyWarning,
        MismatchError,
        OptionError,
        PushdownError,
        PushdownWarning,
        QframeError,
        QframeWarning,
        QueryError,
        QueryWarning,
        ServerError,
        TargetError,
        UnreachableError,
        UnsupportedError,
        WriteError,
        WriteInterrupted,
    )
    from qframe.explanation import Explanation
    from qframe.model.requests import CollectionInfo, VectorConfig
    from qframe.report import WriteReport
    from qframe.verbs.batch import WriteBatch
    from qframe.verbs.collection import Collection
    from qframe.verbs.functions import (
        batch,
        collection,
        collections,
        count,
        facet,
        iter_frames,
        make_ids,
        read,
        retrieve,
        scan,
        search,
        to_matrix,
    )
    from qframe.write.frame_check import FrameCheck

__version__ = "0.1.0"

_HOME = {
    "AuthenticationError": "errors",
    "CheckpointError": "errors",
    "Collection": "verbs.collection",
    "CollectionExistsError": "errors",
    "CollectionInfo": "model.requests",
    "CollectionNotFoundError": "errors",
    "Connection": "connection",
    "DefaultTargetWarning": "errors",
    "Explanation": "explanation",
    "FolderInUseError": "errors",
    "ForkedProcessError": "errors",
    "FrameCheck": "write.frame_check",
    "FrameError": "errors",
    "InsecureKeyWarning": "errors",
    "MismatchError": "errors",
    "OptionError": "errors",
    "PushdownWarning": "errors",
    "PushdownError": "errors",
    "QframeError": "errors",
    "QframeWarning": "errors",
    "QueryError": "errors",
    "QueryWarning": "errors",
    "RetryPolicy": "delivery.policy",
    "ServerError": "errors",
    "TargetError": "errors",
    "UnreachableError": "errors",
    "UnsupportedError": "errors",
    "VectorConfig": "model.requests",
    "WriteBatch": "verbs.batch",
    "WriteError": "errors",
    "WriteInterrupted": "errors",
    "WriteReport": "report",
    "batch": "verbs.functions",
    "collection": "verbs.functions",
    "collections": "verbs.functions",
    "connect": "connection",
    "count": "verbs.functions",
    "facet": "verbs.functions",
    "iter_frames": "verbs.functions",
    "make_ids": "verbs.functions",
    "read": "verbs.functions",
    "retrieve": "verbs.functions",
    "scan": "verbs.functions",
    "search": "verbs.functions",
    "set_connection": "connection",
    "to_matrix": "verbs.functions",
}

__all__ = [
    "AuthenticationError",
    "CheckpointError",
    "Collection",
    "CollectionExistsError",
    "CollectionInfo",
    "CollectionNotFoundError",
    "Connection",
    "DefaultTargetWarning",
    "Explanation",
    "FolderInUseError",
    "ForkedProcessError",
    "FrameCheck",
    "FrameError",
    "InsecureKeyWarning",
    "MismatchError",
    "OptionError",
    "PushdownError",
    "PushdownWarning",
    "QframeError",
    "QframeWarning",
    "QueryError",
    "QueryWarning",
    "RetryPolicy",
    "ServerError",
    "TargetError",
    "UnreachableError",
    "UnsupportedError",
    "VectorConfig",
    "WriteBatch",
    "WriteError",
    "WriteInterrupted",
    "WriteReport",
    "batch",
    "collection",
    "collections",
    "connect",
    "count",
    "facet",
    "iter_frames",
    "make_ids",
    "read",
    "retrieve",
    "scan",
    "search",
    "set_connection",
    "to_matrix",
]

_install("qframe.verbs.accessor:QdrantNamespace", lazy="qframe.verbs.lazy_accessor:LazyQdrantNamespace")
# Without a handler of the program's own, Python would print warnings; nothing is printed here.
_logging.getLogger("qframe").addHandler(_logging.NullHandler())


if not TYPE_CHECKING:  # where type checkers see it, every misspelt name is an Any

    def __getattr__(name: str) -> Any:
        if name not in _HOME:
            raise AttributeError(f"module 'qframe' has no attribute {name!r}")
        value = getattr(importlib.import_module(f"qframe.{_HOME[name]}"), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted({*__all__, "__version__", "__doc__", "__all__"})
