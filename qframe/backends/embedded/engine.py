"""The one import of the engine, and what its exceptions mean; knows no folders, no requests.

The engine raises bare `Exception`s whose text is all there is to tell them apart, and a `PanicException`, which is a
`BaseException`, where it runs into a bug of its own.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from qframe.errors import UnsupportedError
from qframe.model.outcome import Applied, Fault, FaultKind

try:
    import qdrant_edge
except ImportError as error:
    raise UnsupportedError(
        "the embedded engine is not installed: there is no qdrant-edge-py wheel for this platform, or it was left out "
        "(`pip install 'qdrant-edge-py>=0.9,<0.10'`). There are wheels for Linux and macOS on x86-64 and ARM and for "
        "Windows on x86-64. Elsewhere connect to a server, for example qframe.connect('http://localhost:6333')"
    ) from error

edge: Any = qdrant_edge
"""The engine's module; its stubs lack classes, and do not know what its arguments really take."""

NO_SHARD_KEYS = Fault(
    "refused", "no", "the embedded engine has no shard keys: leave shard_key out", cause="unsupported"
)

_MISSING_POINT = re.compile(r"No point with id (\S+)")

_MEANINGS: tuple[tuple[str, FaultKind, Applied, str], ...] = (
    ("Vector dimension error", "refused", "some", ""),
    ("Not existing vector name", "refused", "some", ""),
    ("Wrong usage of ", "refused", "some", ""),
    ("No point with id", "missing", "some", ""),
    ("No range index", "refused", "no", ""),
    ("No appropriate index", "refused", "no", ""),
    ("Validation failed", "refused", "no", ""),
    ("Service runtime error: Shard is not initialized", "fatal", "no", "collection"),
    ("Service runtime error", "fatal", "unknown", ""),
)
"""Prefix of the engine's text → kind, applied, cause. An operation stops in its middle: what came before is stored."""


def refused(message: str) -> Fault:
    """A request that is turned down before the engine has seen it, in the words of a server where it has any."""
    return Fault(kind="refused", applied="no", message=message)


def attempt(call: Callable[..., Any], *arguments: Any) -> Any | Fault:
    """What the engine answers, or what its exception means.

    A panic is fatal: the shard's log may hold an operation that will never load again, so nothing more is sent.
    Its class cannot be imported, hence the comparison of names.
    """
    try:
        return call(*arguments)
    except BaseException as error:
        if type(error) is Exception:
            return _fault(str(error))
        if type(error).__name__ == "PanicException":
            return Fault(kind="fatal", applied="unknown", message=f"the embedded engine panicked: {error}")
        raise


def built(kind: Callable[..., Any], **parts: Any) -> Any | Fault:
    """A request of the engine, which raises for numbers and ids that are out of their range."""
    try:
        return kind(**parts)
    except (TypeError, ValueError, OverflowError) as error:
        return refused(f"Format error in JSON body: {error}")


def _fault(text: str) -> Fault:
    if "WouldBlock" in text:
        message = f"the collection is open in another process, perhaps one forked from this one ({text})"
        return Fault(kind="fatal", applied="no", message=message, cause="in_use")
    for prefix, kind, applied, cause in _MEANINGS:
        if text.startswith(prefix):
            return Fault(kind=kind, applied=applied, message=text, point_id=_missing_point(text), cause=cause)
    return Fault(kind="fatal", applied="unknown", message=text)


def _missing_point(text: str) -> int | str | None:
    found = _MISSING_POINT.match(text)
    if found is None:
        return None
    return int(found[1]) if found[1].isdigit() else found[1]
