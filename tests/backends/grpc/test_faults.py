"""What gRPC's status codes mean, held against recorded answers of a real server and grpcio's own words."""

import pytest

from qframe.backends.grpc.faults import fault
from tests.backends.grpc.recorded import exchange, exchanges

UUID = "550e8400-e29b-41d4-a716-446655440000"


def recorded_fault(name: str):
    found = exchange(name)
    return fault(found["code"], found["details"], [tuple(pair) for pair in found["trailing"]])


def test_every_recorded_refusal_becomes_a_fault_in_the_servers_words():
    failures = [one for one in exchanges() if one["code"] != "OK"]
    assert len(failures) == 9
    for one in failures:
        assert one["details"] in fault(one["code"], one["details"]).message


@pytest.mark.parametrize(
    ("name", "kind", "applied", "cause"),
    [
        ("refused: wrong dimension", "refused", "no", ""),
        ("refused: NaN payload", "refused", "no", ""),
        ("refused: missing collection", "fatal", "no", "collection"),
        ("refused: empty", "refused", "no", ""),
        ("refused: rate limit", "throttled", "no", ""),
        ("refused: larger than the limiter", "too_large", "no", ""),
        ("refused: strict batch size", "refused", "no", ""),
        ("refused: missing id", "missing", "some", ""),
        ("refused: deadline", "lost", "unknown", ""),
    ],
)
def test_a_recorded_refusal_is_classed(name, kind, applied, cause):
    found = recorded_fault(name)
    assert (found.kind, found.applied, found.cause) == (kind, applied, cause)


def test_the_rate_limiter_says_how_long_to_wait():
    assert recorded_fault("refused: rate limit").retry_after == 23.0
    assert recorded_fault("refused: larger than the limiter").retry_after is None


@pytest.mark.parametrize("code", ["INVALID_ARGUMENT", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION"])
def test_the_other_shards_of_a_collection_have_stored_their_points(code):
    words = "out of 2 shards failed to apply operation. First error captured: Wrong input: Vector dimension error"
    assert fault(code, f"1 {words}").applied == "some"
    assert fault(code, f"2 {words}").applied == "no"


@pytest.mark.parametrize("kinds", ["sparse and regular", "multi and regular"])
def test_a_wrong_kind_is_found_while_points_are_stored(kinds):
    assert fault("INVALID_ARGUMENT", f"Wrong input: Conversion between {kinds} vectors failed").applied == "some"


def test_a_missing_point_is_named():
    assert recorded_fault("refused: missing id").point_id == 98765
    assert fault("NOT_FOUND", f"Not found: No point with id {UUID} found").point_id == UUID


@pytest.mark.parametrize(
    ("code", "details", "kind", "applied", "cause"),
    [
        ("UNAVAILABLE", "failed to connect to all addresses; last error: …", "lost", "no", "unreachable"),
        ("UNAVAILABLE", "DNS resolution failed for nowhere.invalid:6334", "lost", "no", "unreachable"),
        ("UNAVAILABLE", "recvmsg:Connection reset by peer", "lost", "unknown", "unreachable"),
        ("DEADLINE_EXCEEDED", "Deadline Exceeded", "lost", "unknown", ""),
        ("INTERNAL", "Service internal error: x", "lost", "unknown", ""),
        ("UNAUTHENTICATED", "Invalid API key or JWT", "fatal", "no", "auth"),
        ("PERMISSION_DENIED", "Forbidden: …", "fatal", "no", "auth"),
        ("ALREADY_EXISTS", "Wrong input: Collection `v` already exists!", "refused", "no", "exists"),
        ("INVALID_ARGUMENT", "Wrong input: Collection `v` already exists!", "refused", "no", "exists"),
        ("INVALID_ARGUMENT", "Wrong input: Not existing vector name error: x", "refused", "some", ""),
        ("UNIMPLEMENTED", "", "fatal", "no", "unsupported"),
        (
            "RESOURCE_EXHAUSTED",
            "CLIENT: Received message larger than max (9 vs. 4)",
            "too_large",
            "unknown",
            "",
        ),
        ("RESOURCE_EXHAUSTED", "CLIENT: Sent message larger than max (9 vs. 4)", "too_large", "no", ""),
        ("NOT_FOUND", "Not found: Shard key z", "refused", "no", ""),
    ],
)
def test_other_answers_are_classed(code, details, kind, applied, cause):
    found = fault(code, details)
    assert (found.kind, found.applied, found.cause) == (kind, applied, cause)


def test_a_full_quota_ends_the_call():
    """As REST's 507, which does not tell what was stored before there was no room left."""
    found = fault("RESOURCE_EXHAUSTED", "quota", [("qdrant-insufficient-storage", "1")])
    assert (found.kind, found.applied) == ("fatal", "unknown")


def test_a_server_locked_for_writing_ends_the_call():
    locked = fault("FAILED_PRECONDITION", "Locked: write operations are locked")
    assert (locked.kind, locked.applied, locked.cause) == ("fatal", "no", "")
    assert fault("FAILED_PRECONDITION", "another one").kind == "refused"


@pytest.mark.parametrize("code", ["RESOURCE_EXHAUSTED", "UNAVAILABLE"])
@pytest.mark.parametrize(
    ("text", "seconds"),
    [("36", 36.0), ("0.5", 0.5), ("0", 0.0), ("-5", None), ("nan", None), ("inf", None), ("soon", None), ("", None)],
)
def test_the_wait_that_is_named(code, text, seconds):
    assert fault(code, "limit", [("retry-after", text)]).retry_after == seconds


def test_binary_metadata_is_no_text_and_no_matter():
    """Servers and proxies that tell more put a message there."""
    found = fault("UNAVAILABLE", "not yet", [("grpc-status-details-bin", b"\x08\x0e\xff\xfe"), ("retry-after", "3")])
    assert (found.kind, found.message, found.retry_after) == ("lost", "not yet", 3.0)
