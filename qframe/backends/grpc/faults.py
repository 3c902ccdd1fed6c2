"""gRPC status → `Fault`: what a code with its text and trailing metadata means for the one who called. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from qframe.backends.wording import (
    existing_collection,
    missing_collection,
    missing_point,
    never_fits,
    of_shards,
    refused_applied,
    wait_named,
)
from qframe.model.outcome import Fault

_NOT_CONNECTED = (
    "failed to connect to all addresses",
    "DNS resolution failed",
    "errors resolving",
    "Name resolution failure",
    "name resolver error",
    "empty address list",
    "connections to all backends failing",
)
"""How grpcio begins when no connection came about: nothing has been sent."""

_TOO_LARGE = ("message larger than max", "message length too large")


def fault(code: str, details: str, trailing: Iterable[tuple[str, str | bytes]] = ()) -> Fault:
    """The fault of a failed call.

    Parameters
    ----------
    code : str
        Name of the status code, for example "UNAVAILABLE".
    details : str
        The text that came with it, the server's or grpcio's.
    trailing : iterable of pairs
        Trailing metadata.
    """
    # What is binary ("…-bin") is not for us, and no text.
    meta = {key: value for key, value in trailing if isinstance(value, str)}
    made = _of_code(code, details or code, meta)
    if made.kind in ("throttled", "lost"):
        made = replace(made, retry_after=wait_named(meta.get("retry-after", "")))
    return of_shards(made)


def _of_code(code: str, text: str, meta: Mapping[str, str]) -> Fault:
    match code:
        case "UNAVAILABLE" if any(words in text for words in _NOT_CONNECTED):
            return Fault("lost", "no", text, cause="unreachable")
        case "UNAVAILABLE":
            return Fault("lost", "unknown", text, cause="unreachable")
        case "RESOURCE_EXHAUSTED":
            return _exhausted(text, meta)
        case "NOT_FOUND":
            return _not_found(text)
        case "UNAUTHENTICATED" | "PERMISSION_DENIED":
            return Fault("fatal", "no", text, cause="auth")
        case "ALREADY_EXISTS":
            return Fault("refused", "no", text, cause="exists")
        case "INVALID_ARGUMENT" if existing_collection(text):
            return Fault("refused", "no", text, cause="exists")
        case "INVALID_ARGUMENT" | "FAILED_PRECONDITION" | "OUT_OF_RANGE":
            # A server locked for writing, which REST answers with 403: no other batch would fare better.
            locked = code == "FAILED_PRECONDITION" and "locked" in text.lower()
            return Fault("fatal" if locked else "refused", refused_applied(text), text)
        case "UNIMPLEMENTED":
            return Fault("fatal", "no", text, cause="unsupported")
    # DEADLINE_EXCEEDED from grpcio, CANCELLED "Timeout expired" from the server, INTERNAL, UNKNOWN, ABORTED, DATA_LOSS:
    # what REST answers with 408 and 5xx. The change may have been applied, and it may be asked for again.
    return Fault("lost", "unknown", f"{code}: {text}")


def _exhausted(text: str, meta: Mapping[str, str]) -> Fault:
    """The rate limiter, a quota, or a message over a limit of the client's or of something in between."""
    if any(words in text for words in _TOO_LARGE):
        # What was received is an answer: its request has been carried out.
        return Fault("too_large", "unknown" if "Received" in text and "CLIENT" in text else "no", text)
    if "qdrant-insufficient-storage" in meta:
        return Fault("fatal", "unknown", text)
    if never_fits(text):
        return Fault("too_large", "no", text)
    return Fault("throttled", "no", text)


def _not_found(text: str) -> Fault:
    point_id = missing_point(text)
    if point_id is not None:
        return Fault("missing", "some", text, point_id=point_id)
    if missing_collection(text):
        return Fault("fatal", "no", text, cause="collection")
    return Fault("refused", "no", text)
