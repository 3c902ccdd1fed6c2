"""What HTTP answers mean, held against recorded answers of a real server and against what proxies say."""

from typing import Any

import pytest

from qframe.backends.rest.faults import fault, retry_after, words
from qframe.model.outcome import Fault
from tests.backends.rest.recorded import exchange, exchanges

UUID = "550e8400-e29b-41d4-a716-446655440000"


def answered(status: int, text: str, **headers: str) -> Fault:
    body = b'{"status":{"error":"' + text.replace('"', '\\"').encode() + b'"},"time":0.0}'
    return fault(status, {name.replace("_", "-"): value for name, value in headers.items()}, body)


def recorded(name: str) -> Fault:
    found: dict[str, Any] = exchange(name)
    return fault(found["status"], found["headers"], found["answer"].encode())


@pytest.mark.parametrize(
    ("name", "kind", "applied", "cause"),
    [
        ("refused: wrong dimension", "refused", "no", ""),
        ("refused: unknown name", "refused", "some", ""),
        ("refused: null vector", "refused", "no", ""),
        ("refused: negative id", "refused", "no", ""),
        ("refused: empty points", "refused", "no", ""),
        ("refused: bad ordering", "refused", "no", ""),
        ("refused: missing collection", "fatal", "no", "collection"),
        ("refused: create again", "refused", "no", "exists"),
        ("refused: batch lengths", "refused", "no", ""),
        ("refused: limit 0", "refused", "no", ""),
        ("refused: shard key unknown", "refused", "no", ""),
        ("refused: missing point", "refused", "no", ""),
        ("refused: unknown route", "fatal", "no", "unsupported"),
        ("refused: bad json", "refused", "no", ""),
        ("refused: too large", "too_large", "no", ""),
        ("refused: strict sparse too long", "refused", "no", ""),
        ("refused: strict batch size", "refused", "no", ""),
        ("refused: larger than the limiter", "too_large", "no", ""),
        ("trap: two-row multivector of integers", "refused", "some", ""),
    ],
)
def test_recorded_refusals(name: str, kind: str, applied: str, cause: str) -> None:
    found = recorded(name)
    assert (found.kind, found.applied, found.cause) == (kind, applied, cause)


def test_every_recorded_refusal_speaks_in_the_servers_words() -> None:
    refused = [found for found in exchanges() if found["status"] >= 400 and found["answer"]]
    assert len(refused) > 25
    for found in refused:
        told = fault(found["status"], found["headers"], found["answer"].encode()).message
        assert told in found["answer"].replace('\\"', '"')
        assert not told.startswith("{")


@pytest.mark.parametrize(("status", "kind"), [(400, "refused"), (429, "throttled"), (409, "refused")])
def test_the_other_shards_of_a_collection_have_stored_their_points(status: int, kind: str) -> None:
    words = "out of 2 shards failed to apply operation. First error captured: Wrong input: Vector dimension error"
    body = b'{"status":{"error":"%d ' + words.encode() + b'"},"time":0.0}'
    one, all_of_them = (fault(status, {}, body % n) for n in (1, 2))
    assert (one.kind, one.applied) == (kind, "some")
    assert (all_of_them.kind, all_of_them.applied) == (kind, "no")


@pytest.mark.parametrize("kinds", ["sparse and regular", "multi and regular"])
def test_a_wrong_kind_is_found_while_points_are_stored(kinds: str) -> None:
    text = f"Wrong input: Conversion between {kinds} vectors failed"
    assert fault(400, {}, b'{"status":{"error":"%b"}}' % text.encode()).applied == "some"


@pytest.mark.parametrize("name", ["refused: missing id set_payload", "refused: missing id update_vectors"])
def test_a_missing_point_is_named(name: str) -> None:
    assert recorded(name) == Fault("missing", "some", "Not found: No point with id 999 found", point_id=999)


def test_a_missing_uuid_is_named() -> None:
    assert answered(404, f"Not found: No point with id {UUID} found").point_id == UUID


def test_the_limiter_says_how_long() -> None:
    found = recorded("refused: rate limit")
    assert (found.kind, found.applied, found.retry_after) == ("throttled", "no", 41.0)


@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize("text", ["Invalid API key or JWT", "Must provide an API key or an Authorization bearer token"])
def test_a_refused_key_comes_as_plain_text(status: int, text: str) -> None:
    assert fault(status, {}, text.encode()) == Fault("fatal", "no", text, cause="auth")


def test_a_key_that_may_not_write() -> None:
    assert answered(403, "Forbidden: Global manage access is required").cause == "auth"
    assert answered(403, "Write operations are locked") == Fault("fatal", "no", "Write operations are locked")


@pytest.mark.parametrize("status", [408, 500, 502, 503, 504])
def test_failures_that_may_heal(status: int) -> None:
    found = answered(status, "Service internal error", retry_after="3")
    assert found == Fault("lost", "unknown", "Service internal error", retry_after=3.0)


def test_other_statuses() -> None:
    assert answered(405, "Standalone").cause == "unsupported"
    assert fault(413, {}, b"<html>413 Request Entity Too Large</html>").kind == "too_large"
    assert answered(429, "Too Many Requests").kind == "throttled"
    assert answered(507, "Quota").kind == "fatal"
    assert fault(418, {}, b"") == Fault("refused", "no", "the server answered 418")
    assert fault(502, {}, b"") == Fault("lost", "unknown", "the server answered 502")


def test_a_proxys_page_is_told_with_its_status_and_without_its_tags() -> None:
    page = (
        b"<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n<hr><center>nginx</center></body></html>"
    )
    assert fault(502, {}, page).message == "the server answered 502: 502 Bad Gateway nginx"
    assert fault(503, {}, b"<html></html>").message == "the server answered 503"
    assert fault(400, {}, b"<!DOCTYPE html><p>Bad Request<").message == "the server answered 400: Bad Request"


def test_an_older_servers_words_for_too_large_and_exists() -> None:
    assert answered(400, "Payload error: JSON payload (9 bytes) is larger than allowed (limit: 8 bytes).").kind == (
        "too_large"
    )
    assert answered(400, "Wrong input: Collection `v` already exists!").cause == "exists"


def test_a_redirect_names_the_place_and_is_not_followed() -> None:
    found = fault(301, {"location": "https://example.org/"}, b"")
    assert (found.kind, found.cause) == ("fatal", "unreachable")
    assert "https://example.org/" in found.message


def test_a_collection_of_odd_name_is_missing() -> None:
    assert answered(404, "Not found: Collection `a`b` doesn't exist!").cause == "collection"


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b"", ""),
        (b"plain", "plain"),
        (b"[1]", "[1]"),
        (b'{"status":"ok"}', '{"status":"ok"}'),
        (b'{"status":{"error":7}}', '{"status":{"error":7}}'),
        (b"\xff\xfe", "\ufffd\ufffd"),
        (b"x" * 10_000, "x" * 500),
    ],
)
def test_words_of_any_body(body: bytes, text: str) -> None:
    assert words(body) == text


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "36"}, 36.0),
        ({"retry-after": " 0.5 "}, 0.5),
        ({"retry-after": "-1"}, None),
        ({"retry-after": "0"}, 0.0),
        ({"retry-after": "1e20"}, 1e20),
        ({"retry-after": "3, 5"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT", "date": "Wed, 21 Oct 2015 07:27:30 GMT"}, 30.0),
        ({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT", "date": "Wed, 21 Oct 2015 07:29:00 GMT"}, 0.0),
        ({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}, None),
    ],
)
def test_retry_after(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after(headers) == seconds
