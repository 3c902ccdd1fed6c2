"""The embedded backend: the contract of `qframe.model.backend` on a folder of this computer. No wire, no bytes."""

from __future__ import annotations

import weakref
from typing import Any

import numpy as np
import numpy.typing as npt

from qframe.backends.embedded import admin, operations, queries, reads
from qframe.backends.embedded.folder import Folder, give_back
from qframe.model.backend import Backend, Capabilities
from qframe.model.batch import Batch, Prepared, WriteOptions
from qframe.model.ids import Ids
from qframe.model.operations import Operation
from qframe.model.outcome import Ack, Fault
from qframe.model.points import ShardKey
from qframe.model.queries import Hits, QueryRequest
from qframe.model.requests import Admin, Fetched, PageRequest
from qframe.model.schema import Schema

CAPABILITIES = Capabilities("embedded", (1, 20, 0), byte_limit=None, shared_memory_only=True, parallel=False)
"""The engine is that of server 1.20. It never frees the GIL: threads are safe, and gain nothing."""


class EmbeddedBackend(Backend):
    """One use of a folder; safe to use from several threads.

    Timeouts are not observed: a call runs in this thread until it is done.

    Parameters
    ----------
    folder : Folder
        Borrowed; given back by `close`, when the backend goes, or at the end of the process.
    """

    def __init__(self, folder: Folder) -> None:
        self._folder = folder
        self._finalizer = weakref.finalize(self, give_back, folder)

    @property
    def capabilities(self) -> Capabilities:
        return CAPABILITIES

    @property
    def path(self) -> str:
        """The folder, absolute."""
        return str(self._folder.root)

    def estimate(self, operation: Operation, /) -> npt.NDArray[np.int64] | None:  # noqa: ARG002
        return None

    def prepare(self, batch: Batch, options: WriteOptions, /) -> Prepared:
        return Prepared(operations.prepare(batch, options), 0)

    def write(self, prepared: Prepared, timeout: float, /) -> Ack | Fault:  # noqa: ARG002
        if isinstance(prepared.content, Fault):
            return prepared.content
        return self._unusable() or operations.apply(self._folder, prepared.content)

    def existing(
        self,
        collection: str,
        ids: Ids,
        timeout: float,  # noqa: ARG002
        shard_key: ShardKey | None = None,  # noqa: ARG002 - no write with one comes so far
        /,
    ) -> npt.NDArray[np.bool_] | Fault:
        return self._unusable() or reads.existing(self._folder, collection, ids)

    def fetch(self, request: PageRequest, timeout: float, /) -> Fetched | Fault:  # noqa: ARG002
        return self._unusable() or reads.fetch(self._folder, request)

    def query(self, request: QueryRequest, schema: Schema, timeout: float, /) -> Hits | Fault:  # noqa: ARG002
        return self._unusable() or queries.query(self._folder, request, schema)

    def admin(self, request: Admin, timeout: float, /) -> Any | Fault:  # noqa: ARG002
        fault = self._unusable()
        return admin.answer(self._folder, request) if fault is None else fault

    def flush(self, collection: str, /) -> Fault | None:
        return self._unusable() or self._folder.flush(collection)

    def close(self) -> None:
        """Flush and give the folder back; its last user closes it. May be called again."""
        self._finalizer()

    def _unusable(self) -> Fault | None:
        if not self._finalizer.alive:
            return Fault("fatal", "no", f"the embedded folder {self._folder.root} was closed")
        return self._folder.forked()
