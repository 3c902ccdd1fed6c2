"""What an HTTP answer that is not a success means; pure. The texts are read in `qframe.backends.wording`."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from email.utils import parsedate_to_datetime

import orjson

from qframe.backends import wording
from qframe.model.outcome import Fault

_TAG = re.compile(r"<[^>]*>?")

_TOO_LARGE = ("is larger than allowed", "Payload error: ", "payload reached size limit")


def fault(status: int, headers: Mapping[str, str], body: bytes) -> Fault:
    """The fault of an answer.

    Parameters
    ----------
    status : int
        HTTP status, not 2xx.
    headers : mapping
        Names in lower case.
    body : bytes
        Qdrant's envelope, the plain text of its authentication, nothing at all, or what a proxy says.
    """
    text = words(body)
    if status // 100 == 3:
        made = _redirected(headers.get("location", "another address"))
    else:
        made = (_BY_STATUS.get(status) or _BY_CLASS.get(status // 100, _refused))(text)
    seconds = retry_after(headers) if made.kind in ("throttled", "lost") else None
    message = made.message or f"the server answered {status}"
    if body.lstrip().startswith(b"<") and message == text:
        message = f"the server answered {status}: {text}"
    made = replace(made, message=message, retry_after=seconds)
    return wording.of_shards(made)


def words(body: bytes) -> str:
    """The server's own words in a body, "" where it has none; of a proxy's page without the tags."""
    try:
        envelope = orjson.loads(body)
    except orjson.JSONDecodeError:
        text = body[:500].decode("utf-8", "replace").strip()
        return " ".join(_TAG.sub(" ", text).split()) if text.startswith("<") else text
    status = envelope.get("status") if isinstance(envelope, dict) else None
    if isinstance(status, dict) and isinstance(status.get("error"), str):
        return status["error"]
    return body[:500].decode("utf-8", "replace").strip()


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that the server asked to wait. Proxies give a date instead, which counts from the answer's own."""
    text = headers.get("retry-after", "")
    seconds = wording.wait_named(text)
    return _seconds_until(text, headers.get("date", "")) if seconds is None else seconds


def _seconds_until(date: str, now: str) -> float | None:
    try:
        return max(0.0, (parsedate_to_datetime(date) - parsedate_to_datetime(now)).total_seconds())
    except (TypeError, ValueError):
        return None


_Make = Callable[[str], Fault]


def _bad_request(text: str) -> Fault:
    if any(part in text for part in _TOO_LARGE):
        return Fault("too_large", "no", text)
    if wording.existing_collection(text):
        return Fault("refused", "no", text, cause="exists")
    return _refused(text)


def _unauthorized(text: str) -> Fault:
    return Fault("fatal", "no", text, cause="auth")


def _forbidden(text: str) -> Fault:
    # A server locked for writing says so with the same status; no key would help.
    locked = "locked" in text.lower()
    return Fault("fatal", "no", text, cause="" if locked else "auth")


def _not_found(text: str) -> Fault:
    if wording.missing_collection(text):
        return Fault("fatal", "no", text, cause="collection")
    point = wording.missing_point(text)
    if point is not None:
        return Fault("missing", "some", text, point_id=point)
    if text.startswith("Not found"):
        return Fault("refused", "no", text)
    told = f" ({text})" if text else ""
    return Fault(
        "fatal",
        "no",
        f"nothing is served at this address{told}: it is not a Qdrant server's, its prefix is missing or wrong, "
        "or the server is too old for this request",
        cause="unsupported",
    )


def _method(text: str) -> Fault:
    return Fault("fatal", "no", text or "the server does not serve this request", cause="unsupported")


def _timeout(text: str) -> Fault:
    return Fault("lost", "unknown", text or "the server ran out of time")


def _conflict(text: str) -> Fault:
    return Fault("refused", "no", text, cause="exists" if wording.existing_collection(text) else "")


def _large(text: str) -> Fault:
    return Fault("too_large", "no", text or "the body is larger than the server or a proxy before it takes")


def _throttled(text: str) -> Fault:
    # More than the limiter ever holds: only a smaller request can pass, so it is treated like one that is too large.
    return Fault("too_large" if wording.never_fits(text) else "throttled", "no", text or "too many requests")


def _full(text: str) -> Fault:
    return Fault("fatal", "unknown", text or "the server has no room left")


def _redirected(place: str) -> Fault:
    return Fault("fatal", "no", f"the server sends requests on to {place}; name that address", cause="unreachable")


def _failed(text: str) -> Fault:
    return Fault("lost", "unknown", text)


def _refused(text: str) -> Fault:
    return Fault("refused", wording.refused_applied(text), text)


_BY_STATUS: Mapping[int, _Make] = {
    400: _bad_request,
    401: _unauthorized,
    403: _forbidden,
    404: _not_found,
    405: _method,
    408: _timeout,
    409: _conflict,
    413: _large,
    429: _throttled,
    507: _full,
}
_BY_CLASS: Mapping[int, _Make] = {4: _refused, 5: _failed}
