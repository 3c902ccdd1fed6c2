"""The gRPC backend against the loopback server: administration, faults on request, connections that are cut."""

import time
from collections.abc import Iterator

import numpy as np
import pytest

import qframe as qf
from qframe.backends.grpc import backend
from qframe.model.batch import Batch, WriteOptions
from qframe.model.ids import Ids
from qframe.model.operations import Upsert
from qframe.model.outcome import Ack, Fault
from qframe.model.points import Points
from qframe.model.queries import Nearest, QueryRequest
from qframe.model.requests import (
    Count,
    Create,
    CreateIndex,
    Describe,
    Drop,
    DropIndex,
    Exists,
    ListCollections,
    PageRequest,
    VectorConfig,
)
from qframe.model.schema import Schema, VectorField
from qframe.model.vectors import Dense
from tests.loopback.process import Server
from tests.loopback.relay import Relay

pytestmark = pytest.mark.loopback

CONFIG = {
    "vectors": {
        "d": {"size": 2, "distance": "Dot"},
        "m": {"size": 3, "distance": "Cosine", "multivector_config": {"comparator": "max_sim"}},
    },
    "sparse_vectors": {"s": {}},
}


@pytest.fixture
def opened(faulty: Server) -> Iterator[backend.GrpcBackend]:
    made = backend.open(qf.connect(faulty.url, grpc_port=faulty.grpc_port, transport="grpc"))
    yield made
    made.admin(Drop("qframe_test_live"), 10)
    made.close()


@pytest.fixture
def collection(opened: backend.GrpcBackend) -> str:
    assert opened.admin(Create("qframe_test_live", CONFIG), 10) is True
    return "qframe_test_live"


def prepared(opened: backend.GrpcBackend, collection: str, rows: int = 3):
    vectors = {"d": Dense(np.ones((rows, 2), np.float32))}
    points = Points(Ids(np.arange(rows, dtype=np.uint64)), vectors, None, range(rows))
    return opened.prepare(Batch(collection, (Upsert(points),)), WriteOptions())


def test_a_collection_from_its_making_to_its_end(opened):
    name = "qframe_test_live"
    assert opened.admin(Exists(name), 10) is False
    assert opened.admin(Create(name, CONFIG), 10) is True
    again = opened.admin(Create(name, CONFIG), 10)
    assert (again.kind, again.cause) == ("refused", "exists")
    assert name in opened.admin(ListCollections(), 10)
    assert opened.admin(CreateIndex(name, "city", "keyword"), 10) is True
    info = opened.admin(Describe(name), 10)
    assert dict(info.indexes) == {"city": "keyword"}
    assert info.vectors == (
        VectorConfig("d", "dense", 2, "Dot"),
        VectorConfig("m", "multi", 3, "Cosine"),
        VectorConfig("s", "sparse"),
    )
    assert opened.admin(DropIndex(name, "city"), 10) is True
    assert [opened.admin(Drop(name), 10) for _ in range(2)] == [True, False]


def test_what_is_written_is_counted_by_filters(opened, collection):
    answer = opened.write(prepared(opened, collection, 5), 10)
    assert isinstance(answer, Ack)
    assert answer.status == "completed"
    count = Count(collection, {"must": [{"has_id": [1, 2, 77]}]})
    assert (opened.admin(Count(collection), 10), opened.admin(count, 10)) == (5, 2)
    assert opened.existing(collection, Ids(np.array([4, 5], np.uint64)), 10).tolist() == [True, False]


def test_what_is_written_is_read_page_by_page_and_by_nearness(opened, collection):
    assert isinstance(opened.write(prepared(opened, collection, 5), 10), Ack)
    schema = Schema(vectors=(VectorField("d", "d", "dense", 2),))
    page = opened.page(PageRequest(collection, limit=3, vectors=("d",)), schema, 10)
    assert page.table.to_pylist() == [{"id": i, "d": [1.0, 1.0]} for i in range(3)]
    assert page.next_offset == 3
    rest = opened.page(PageRequest(collection, offset=3, filter={"must_not": [{"has_id": [3]}]}), Schema(), 10)
    assert (rest.table.to_pylist(), rest.next_offset) == ([{"id": 4}], None)
    queries = Dense(np.array([[1, 2], [0, -1]], np.float32))
    hits = opened.query(QueryRequest(collection, Nearest(queries, "d"), limit=1, payload=False), Schema(), 10)
    assert [(one["query"], one["rank"], one["score"]) for one in hits.table.to_pylist()] == [
        (0, 1, 3.0),
        (1, 1, -1.0),
    ]


def test_a_missing_collection_ends_the_call(opened):
    for answer in (opened.admin(Describe("nowhere"), 10), opened.write(prepared(opened, "nowhere"), 10)):
        assert (answer.kind, answer.applied, answer.cause) == ("fatal", "no", "collection")


def test_a_wrong_dimension_is_refused_in_the_servers_words(opened, collection):
    points = Points(Ids(np.array([1], np.uint64)), {"d": Dense(np.ones((1, 7), np.float32))}, None, range(1))
    answer = opened.write(opened.prepare(Batch(collection, (Upsert(points),)), WriteOptions()), 10)
    assert (answer.kind, answer.applied) == ("refused", "no")
    assert "expected dim: 2, got 7" in answer.message


@pytest.mark.parametrize(
    ("rule", "kind", "applied", "retry_after"),
    [
        ({"action": "throttle", "retry_after": 7}, "throttled", "no", 7.0),
        ({"action": "throttle"}, "too_large", "no", None),
        ({"action": "unavailable"}, "lost", "unknown", None),
        ({"action": "error"}, "lost", "unknown", None),
        ({"action": "deadline"}, "lost", "unknown", None),
        ({"action": "silence"}, "lost", "unknown", None),
        ({"action": "drop_after"}, "lost", "unknown", None),
        ({"action": "refuse", "ids": [1]}, "refused", "no", None),
    ],
    ids=lambda value: value["action"] if isinstance(value, dict) else None,
)
def test_a_write_that_goes_wrong_is_a_fault(faulty, opened, collection, rule, kind, applied, retry_after):
    faulty.faults([{"wire": "grpc", "operation": "upsert", "times": 1, **rule}])
    write = prepared(opened, collection)
    answer = opened.write(write, 1.0)
    assert (answer.kind, answer.applied, answer.retry_after) == (kind, applied, retry_after)
    assert faulty.fired() == [1]
    assert opened.write(write, 10).status == "completed"


def test_a_write_that_is_late_is_said_to_be_late(faulty, opened, collection):
    faulty.faults([{"wire": "grpc", "operation": "upsert", "action": "wait_timeout", "times": 1}])
    assert opened.write(prepared(opened, collection), 10).status == "wait_timeout"


@pytest.fixture
def relayed(faulty: Server) -> Iterator[tuple[Relay, backend.GrpcBackend]]:
    with Relay(faulty.grpc_port) as relay:
        made = backend.open(qf.connect(faulty.url, grpc_port=relay.port, transport="grpc"))
        yield relay, made
        made.close()


def answered_again(opened: backend.GrpcBackend) -> bool:
    """Calls fail at once while the channel waits to connect again, a second at most."""
    until = time.monotonic() + 30
    while isinstance(opened.admin(ListCollections(), 1.0), Fault):
        if time.monotonic() > until:
            return False
        time.sleep(0.05)
    return True


def test_a_request_cut_in_its_middle_may_have_been_applied(relayed, collection):
    relay, opened = relayed
    write = prepared(opened, collection, 20_000)
    relay.cut(100_000, "up")
    answer = opened.write(write, 10)
    assert (answer.kind, answer.applied) == ("lost", "unknown")
    assert answered_again(opened)
    assert opened.admin(Count(collection), 10) == 0
    assert opened.write(write, 10).status == "completed"


def test_an_answer_that_never_comes_ends_at_the_deadline(relayed, collection):
    relay, opened = relayed
    write = prepared(opened, collection)
    relay.stall()
    answer = opened.write(write, 0.3)
    relay.resume()
    assert (answer.kind, answer.applied) == ("lost", "unknown")
    assert opened.write(write, 10).status == "completed"


def test_a_server_that_refuses_connections_has_applied_nothing(relayed, collection):
    relay, opened = relayed
    write = prepared(opened, collection)
    relay.refuse()
    relay.reset()
    answers = [opened.write(write, 1.0) for _ in range(3)]
    assert answers[-1].kind == "lost"
    assert (answers[-1].applied, answers[-1].cause) == ("no", "unreachable")
    relay.accept()
    assert answered_again(opened)
