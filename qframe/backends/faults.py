"""The one place that turns a fault into the error a user sees, in plain words and with the way out."""

from __future__ import annotations

from typing import NoReturn

from qframe.errors import (
    AuthenticationError,
    CollectionExistsError,
    CollectionNotFoundError,
    FolderInUseError,
    ForkedProcessError,
    QframeError,
    ServerError,
    UnreachableError,
    UnsupportedError,
)
from qframe.model.outcome import Fault

_KINDS: dict[str, type[QframeError]] = {
    "auth": AuthenticationError,
    "exists": CollectionExistsError,
    "fork": ForkedProcessError,
    "in_use": FolderInUseError,
    "unreachable": UnreachableError,
    "unsupported": UnsupportedError,
}
_WAYS_OUT = {
    "auth": "Pass a key with the right to do this: qf.connect(url, api_key=…), or set QDRANT_API_KEY with QDRANT_URL.",
    "unreachable": "Is the server running, and are host, port and scheme right?",
}


def error_of(fault: Fault, *, collection: str = "", target: str = "") -> QframeError:
    """The error for a fault that ends a call.

    Parameters
    ----------
    fault : Fault
    collection : str
        The collection that was asked for, "" where there was none.
    target : str
        URL or path, where the caller knows it and the fault's words need not.
    """
    at = f" at {target}" if target and target not in fault.message else ""
    if fault.cause == "collection":
        name = f"collection {collection!r}" if collection else "the collection"
        return CollectionNotFoundError(f"{name} does not exist{at} ({fault.message})", collection=collection)
    way_out = _WAYS_OUT.get(fault.cause, "")
    text = _sentence(fault.message + at) + (f" {way_out}" if way_out else "")
    kind = _KINDS.get(fault.cause)
    if kind is None:
        where = f"collection {collection!r}: " if collection and collection not in fault.message else ""
        return ServerError(where + text, kind=fault.kind)
    return kind(text)


def raise_fault(fault: Fault, *, collection: str = "", target: str = "") -> NoReturn:
    """Raise the error for a fault; see `error_of`.

    Raises
    ------
    QframeError
        Of the class that the fault's cause names; ServerError where it names none.
    """
    raise error_of(fault, collection=collection, target=target)


def _sentence(text: str) -> str:
    return text if text.endswith((".", "!", "?")) else f"{text}."
