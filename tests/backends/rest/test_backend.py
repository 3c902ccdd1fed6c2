"""The REST backend on canned and recorded answers: questions, acknowledgements, faults as values."""

import socket
from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from qdrant_client import models

from qframe.backends.rest.backend import BYTE_LIMIT, RestBackend, open  # noqa: A004 - every backend module opens
from qframe.connection import connect
from qframe.model.batch import Batch, WriteOptions
from qframe.model.ids import Ids
from qframe.model.operations import Delete, Matching, Operation, SetPayload, Upsert
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
    ListShardKeys,
    PageRequest,
)
from qframe.model.schema import Field, Schema, VectorField
from qframe.model.vectors import Dense
from tests.backends.rest.http_server import HttpServer, Told, http_server, result
from tests.backends.rest.recorded import exchange

VALUES = np.array([[0.5, 1.0], [2.0, 3.0]], dtype=np.float32)
POINTS = Points(
    Ids(np.array([7, 8], dtype=np.uint64)),
    {"": Dense(VALUES)},
    pa.record_batch({"city": ["Berlin", "Oslo"]}),
    range(2),
)
UUIDS = Ids(np.arange(32, dtype=np.uint8).reshape(2, 16))


@pytest.fixture
def server() -> Iterator[HttpServer]:
    with http_server() as running:
        yield running


@pytest.fixture
def backend(server: HttpServer) -> Iterator[RestBackend]:
    made = open(connect(server.url, transport="rest"))
    server.seen.clear()
    yield made
    made.close()


def told(name: str) -> Told:
    found = exchange(name)
    return Told(found["status"], found["answer"].encode(), found["headers"])


def written(backend: RestBackend, *operations: Operation, **options: Any) -> Ack | Fault:
    batch = Batch("c", operations or (Upsert(POINTS),))
    return backend.write(backend.prepare(batch, WriteOptions(**options)), 10)


def test_what_it_can_do(backend: RestBackend) -> None:
    found = backend.capabilities
    assert (found.transport, found.version, found.byte_limit) == ("rest", (1, 19, 0), BYTE_LIMIT)
    assert not found.shared_memory_only
    assert BYTE_LIMIT < 32 * 2**20


def test_a_write_arrives_whole(server: HttpServer, backend: RestBackend) -> None:
    server.answers["PUT /collections/c/points"] = result({"operation_id": 5, "status": "completed"})
    assert written(backend, ordering="strong", timeout=10) == Ack("completed", 5)
    seen = server.seen[0]
    assert seen.path == "/collections/c/points?wait=true&ordering=strong&timeout=9"
    read = models.PointsBatch.model_validate_json(seen.body).batch
    assert (read.ids, read.vectors) == ([7, 8], VALUES.tolist())
    assert read.payloads == [{"city": "Berlin"}, {"city": "Oslo"}]


def test_a_batch_is_encoded_once_and_sent_again_alike(server: HttpServer, backend: RestBackend) -> None:
    server.answers["PUT /collections/c/points"] = result({"operation_id": None, "status": "acknowledged"})
    prepared = backend.prepare(Batch("c", (Upsert(POINTS),)), WriteOptions(wait=False))
    assert [backend.write(prepared, 10) for _ in range(2)] == [Ack("acknowledged")] * 2
    assert server.seen[0].body == server.seen[1].body
    assert prepared.nbytes == len(server.seen[0].body)


@pytest.mark.parametrize(
    ("said", "status"),
    [
        ("completed", "completed"),
        ("wait_timeout", "wait_timeout"),
        ("acknowledged", "acknowledged"),
        ("new", "acknowledged"),
    ],
)
def test_only_what_the_server_calls_completed_is(
    server: HttpServer, backend: RestBackend, said: str, status: str
) -> None:
    server.answers["PUT /collections/c/points"] = result({"operation_id": 1, "status": said})
    assert written(backend) == Ack(status, 1)  # type: ignore[arg-type]


DELETE = Delete(Matching({"must": []}))


@pytest.mark.parametrize("operations", [(DELETE,), (Upsert(POINTS), DELETE), (Upsert(POINTS), Upsert(POINTS))])
def test_all_but_a_lone_upsert_is_a_batch(
    server: HttpServer, backend: RestBackend, operations: tuple[Operation, ...]
) -> None:
    server.answers["POST /collections/c/points/batch"] = result(
        [{"operation_id": number, "status": "completed"} for number, _ in enumerate(operations)]
    )
    prepared = backend.prepare(Batch("c", operations), WriteOptions(ordering="medium", timeout=10))
    assert isinstance(backend.write(prepared, 10), Ack)
    (seen,) = server.seen
    assert seen.path == "/collections/c/points/batch?wait=true&ordering=medium&timeout=9"
    assert prepared.nbytes == len(seen.body)
    assert len(models.UpdateOperations.model_validate_json(seen.body).operations) == len(operations)


@pytest.mark.parametrize(
    ("said", "status"),
    [
        (["completed", "completed"], "completed"),
        (["completed", "wait_timeout", "completed"], "wait_timeout"),
        (["acknowledged", "completed"], "acknowledged"),
        (["completed", "new"], "acknowledged"),
        (["wait_timeout", "acknowledged"], "wait_timeout"),
    ],
)
def test_a_batch_is_as_done_as_its_least_certain_operation(
    server: HttpServer, backend: RestBackend, said: list[str], status: str
) -> None:
    results = [{"operation_id": number, "status": one} for number, one in enumerate(said)]
    server.answers["POST /collections/c/points/batch"] = result(results)
    found = written(backend, DELETE)
    assert isinstance(found, Ack)
    assert found.status == status


@pytest.mark.parametrize("answer", [None, [], [None], [{"operation_id": 1, "status": "completed"}, None], True])
@pytest.mark.parametrize("operation", [Upsert(POINTS), DELETE])
def test_an_answer_without_a_result_is_no_acknowledgement(
    server: HttpServer, backend: RestBackend, answer: Any, operation: Operation
) -> None:
    server.answers["PUT /collections/c/points"] = result(answer)
    server.answers["POST /collections/c/points/batch"] = result(answer)
    found = written(backend, operation)
    assert isinstance(found, Fault)
    assert (found.kind, found.applied, found.cause) == ("fatal", "unknown", "unreachable")


def test_batches_as_a_real_server_answered_them(server: HttpServer, backend: RestBackend) -> None:
    server.answers["POST /collections/c/points/batch"] = told("batch ok")
    found = written(backend, DELETE)
    assert isinstance(found, Ack)
    assert found.status == "completed"
    server.answers["POST /collections/c/points/batch"] = told("batch fails at second")
    missing = written(backend, SetPayload(POINTS))
    assert isinstance(missing, Fault)
    assert (missing.kind, missing.applied, missing.point_id) == ("missing", "some", 12345)


@pytest.mark.parametrize(
    ("name", "kind", "cause"),
    [
        ("refused: missing collection", "fatal", "collection"),
        ("refused: wrong dimension", "refused", ""),
        ("refused: too large", "too_large", ""),
        ("refused: rate limit", "throttled", ""),
    ],
)
def test_a_refused_write_is_a_fault(server: HttpServer, backend: RestBackend, name: str, kind: str, cause: str) -> None:
    server.answers["PUT /collections/c/points"] = told(name)
    found = written(backend)
    assert isinstance(found, Fault)
    assert (found.kind, found.cause) == (kind, cause)


def test_a_lost_write_is_a_fault(backend: RestBackend, server: HttpServer) -> None:
    prepared = backend.prepare(Batch("c", (Upsert(POINTS),)), WriteOptions())
    server.answers["PUT /collections/c/points"] = Told(before=lambda line: line.shutdown(socket.SHUT_RDWR))
    found = backend.write(prepared, 10)
    assert isinstance(found, Fault)
    assert (found.kind, found.applied) == ("lost", "unknown")


@pytest.mark.parametrize(
    ("version", "operation", "words"),
    [
        ("1.16.9", Upsert(POINTS, mode="insert_only"), "mode='insert_only' needs Qdrant 1.17.0; the server is 1.16.9"),
        ("1.15.4", Upsert(POINTS, update_filter={"must": []}), "update_filter needs Qdrant 1.16.0"),
        ("hidden", Upsert(POINTS, mode="update_only"), "the server does not tell its version"),
    ],
)
def test_what_an_old_server_would_silently_leave_out_is_not_sent(
    server: HttpServer, version: str, operation: Upsert, words: str
) -> None:
    server.answers["GET /"] = Told(body=f'{{"version":"{version}"}}'.encode())
    backend = open(connect(server.url, transport="rest"))
    found = written(backend, operation)
    backend.close()
    assert isinstance(found, Fault)
    assert (found.kind, found.applied, found.cause) == ("fatal", "no", "unsupported")
    assert words in found.message
    assert [seen.method for seen in server.seen] == ["GET"]


def test_every_operation_of_a_batch_must_be_understood(server: HttpServer) -> None:
    server.answers["GET /"] = Told(body=b'{"version":"1.15.4"}')
    backend = open(connect(server.url, transport="rest"))
    found = written(backend, DELETE, Upsert(POINTS, mode="insert_only"), Upsert(POINTS, update_filter={"must": []}))
    backend.close()
    assert isinstance(found, Fault)
    assert (found.kind, found.cause) == ("fatal", "unsupported")
    assert [seen.method for seen in server.seen] == ["GET"]


def test_new_enough_servers_get_it(server: HttpServer, backend: RestBackend) -> None:
    server.answers["PUT /collections/c/points"] = result({"operation_id": 1, "status": "completed"})
    assert isinstance(written(backend, Upsert(POINTS, mode="insert_only", update_filter={"must": []})), Ack)
    assert b'"update_mode":"insert_only"' in server.seen[0].body


@pytest.mark.parametrize(
    ("ids", "there"),
    [(Ids(np.array([3, 2**64 - 1, 5], dtype=np.uint64)), [2**64 - 1]), (UUIDS, [UUIDS[1]])],
)
def test_which_ids_exist(server: HttpServer, backend: RestBackend, ids: Ids, there: list[object]) -> None:
    server.answers["POST /collections/c/points"] = result([{"id": found} for found in there])
    mask = backend.existing("c", ids, 10)
    assert isinstance(mask, np.ndarray)
    assert mask.dtype == np.bool_
    assert mask.tolist() == [point in there for point in ids]


def test_pages(server: HttpServer, backend: RestBackend) -> None:
    server.answers["POST /collections/c/points/scroll"] = told("scroll last page")
    found = backend.page(PageRequest("c", 3, payload=False), Schema(id_type=pa.large_string()), 10)
    assert not isinstance(found, Fault)
    assert found.table.column("id").to_pylist() == [
        "550e8400-e29b-41d4-a716-446655440000",
        "f47ac10b-58cc-4372-a567-0e02b2c3d479",
    ]
    assert found.next_offset is None


def test_points_by_id(server: HttpServer, backend: RestBackend) -> None:
    record = {"id": 7, "payload": {"city": "Berlin"}, "vector": [0.5, 1.0]}
    server.answers["POST /collections/c/points"] = result([record])
    schema = Schema((Field("city", pa.large_string()),), (VectorField("vector", "", "dense", 2),))
    found = backend.page(PageRequest("c", ids=POINTS.ids, vectors=("",)), schema, 10)
    assert not isinstance(found, Fault)
    assert found.table.to_pylist() == [{"id": 7, "city": "Berlin", "vector": [0.5, 1.0]}]


def test_nearest_points(server: HttpServer, backend: RestBackend) -> None:
    hits = [{"id": 7, "version": 1, "score": 0.5, "payload": {"city": "Oslo"}}]
    server.answers["POST /collections/c/points/query/batch"] = result([{"points": hits}, {"points": []}])
    found = backend.query(QueryRequest("c", Nearest(Dense(VALUES))), Schema((Field("city", pa.large_string()),)), 10)
    assert not isinstance(found, Fault)
    assert found.table.to_pylist() == [{"query": 0, "rank": 1, "id": 7, "score": 0.5, "city": "Oslo"}]


@pytest.mark.parametrize("ask", ["page", "query", "existing", "admin"])
def test_every_question_may_meet_a_fault(server: HttpServer, backend: RestBackend, ask: str) -> None:
    for path in ("POST /collections/c/points/scroll", "POST /collections/c/points/query/batch", "GET /collections/c"):
        server.answers[path] = told("refused: missing collection")
    server.answers["POST /collections/c/points"] = told("refused: missing collection")
    found = {
        "page": lambda: backend.page(PageRequest("c"), Schema(), 10),
        "query": lambda: backend.query(QueryRequest("c", Nearest(Dense(VALUES))), Schema(), 10),
        "existing": lambda: backend.existing("c", POINTS.ids, 10),
        "admin": lambda: backend.admin(Describe("c"), 10),
    }[ask]()
    assert isinstance(found, Fault)
    assert found.cause == "collection"


@pytest.mark.parametrize("body", [b"<html>please log in</html>", b"", b'{"error":"log in"}'])
def test_an_answer_that_is_not_qdrants(server: HttpServer, backend: RestBackend, body: bytes) -> None:
    told_so = Told(200, body, {"content-type": "text/html"})
    server.answers["GET /collections"] = server.answers["POST /collections/c/points/scroll"] = told_so
    for found in (backend.admin(ListCollections(), 10), backend.page(PageRequest("c"), Schema(), 10)):
        assert isinstance(found, Fault)
        assert (found.kind, found.cause) == ("fatal", "unreachable")


@pytest.mark.parametrize("length", range(1, 80))
def test_half_an_answer_is_lost_wherever_it_breaks_off(server: HttpServer, backend: RestBackend, length: int) -> None:
    """As an old proxy passes it on: without a length, so that nothing else tells."""
    whole = b'{"result":{"collections":[{"name":"a"}]},"status":{"a":{"b":1}},"time":0.000012345}'
    server.answers["GET /collections"] = Told(200, whole[:length], {"content-type": "application/json"})
    found = backend.admin(ListCollections(), 10)
    assert isinstance(found, Fault)
    assert (found.kind, found.applied) == ("lost", "unknown")
    write = b'{"result":{"operation_id":1,"status":"completed"},"status":{"a":{"b":1}},"time":0.000012345}'
    server.answers["PUT /collections/c/points"] = Told(200, write[:length], {"content-type": "application/json"})
    lost = backend.write(backend.prepare(Batch("c", (Upsert(POINTS),), 0), WriteOptions()), 10)
    assert isinstance(lost, Fault)
    assert (lost.kind, lost.applied) == ("lost", "unknown")


def test_administration(server: HttpServer, backend: RestBackend) -> None:
    server.answers = {
        "GET /collections": told("list"),
        "GET /collections/c/exists": told("exists"),
        "GET /collections/none/exists": told("exists not"),
        "PUT /collections/c": told("create unnamed"),
        "DELETE /collections/c": result(True),
        "DELETE /collections/none": result(False),
        "DELETE /collections/gone": told("refused: missing collection"),
        "PUT /collections/c/index": result({"operation_id": 1, "status": "completed"}),
        "DELETE /collections/c/index/city": result({"operation_id": 2, "status": "completed"}),
        "POST /collections/c/points/count": told("count"),
    }
    asked = [
        (ListCollections(), ["c", "kinds", "named", "st", "strict", "strict2", "v", "w"]),
        (Exists("c"), True),
        (Exists("none"), False),
        (Create("c", {}), True),
        (Drop("c"), True),
        (Drop("none"), False),
        (Drop("gone"), False),
        (CreateIndex("c", "city", "keyword"), True),
        (DropIndex("c", "city"), True),
        (Count("c"), 9),
    ]
    assert [backend.admin(request, 10) for request, _ in asked] == [answer for _, answer in asked]


@pytest.mark.parametrize("request_", [CreateIndex("c", "city", "keyword"), DropIndex("c", "city")])
def test_an_index_that_is_not_made_in_time(server: HttpServer, backend: RestBackend, request_: Any) -> None:
    late = result({"operation_id": 1, "status": "wait_timeout"})
    server.answers = {"PUT /collections/c/index": late, "DELETE /collections/c/index/city": late}
    found = backend.admin(request_, 10)
    assert isinstance(found, Fault)
    assert (found.kind, found.applied) == ("lost", "some")


def test_a_collection_that_exists_already(server: HttpServer, backend: RestBackend) -> None:
    server.answers["PUT /collections/c"] = told("refused: create again")
    found = backend.admin(Create("c", {}), 10)
    assert isinstance(found, Fault)
    assert found.cause == "exists"
    server.answers["PUT /collections/c"] = result(False)
    assert isinstance(backend.admin(Create("c", {}), 10), Fault)


def test_shard_keys_wherever_they_lie(server: HttpServer, backend: RestBackend) -> None:
    here = [{"shard_id": 1, "shard_key": "a"}, {"shard_id": 2, "shard_key": 0}, {"shard_id": 3}]
    there = [{"shard_id": 4, "shard_key": "a"}, {"shard_id": 5, "shard_key": "0"}]
    server.answers["GET /collections/c/cluster"] = result({"local_shards": here, "remote_shards": there})
    assert backend.admin(ListShardKeys("c"), 10) == ["a", 0, "0"]


def test_what_a_collection_is(server: HttpServer, backend: RestBackend) -> None:
    server.answers["GET /collections/c"] = told("info")
    found = backend.admin(Describe("c"), 10)
    assert (found.name, found.points, found.status, found.sharding) == ("c", 9, "green", "auto")
    assert [(vector.name, vector.kind, vector.dim, vector.distance) for vector in found.vectors] == [
        ("", "dense", 4, "Dot")
    ]
