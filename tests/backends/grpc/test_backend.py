"""The gRPC backend against answers made by the official stubs: versions, what old servers would drop, admin answers."""

import socket

import grpc
import numpy as np
import pyarrow as pa
import pytest
from qdrant_client import grpc as stubs

import qframe as qf
from qframe.backends.grpc import backend
from qframe.errors import AuthenticationError, OptionError, UnreachableError, UnsupportedError
from qframe.model.batch import Batch, WriteOptions
from qframe.model.ids import Ids
from qframe.model.operations import ClearPayload, Delete, Matching, UpdateVectors, Upsert
from qframe.model.outcome import Ack, Fault
from qframe.model.points import Points
from qframe.model.queries import Nearest, QueryRequest
from qframe.model.requests import Count, Create, CreateIndex, Drop, ListCollections, PageRequest
from qframe.model.schema import Schema
from qframe.model.vectors import Dense
from tests.backends.grpc.answering import answering

SLICE = {"must": [{"slice": {"total": 2, "index": 0}}]}
IDS = Ids(np.array([1, 2, 3], np.uint64))


def health(version):
    return stubs.HealthCheckReply(title="qdrant", version=version).SerializeToString()


class Script:
    """Answers by method; remembers what was asked."""

    def __init__(self, version="1.19.0", **answers):
        self.asked = []
        self._answers = {"HealthCheck": health(version), **answers}

    def __call__(self, method, content, context):
        name = method.rpartition("/")[2]
        self.asked.append((name, content))
        answer = self._answers[name]
        if isinstance(answer, tuple):
            context.abort(*answer)
        return answer


@pytest.fixture
def served():
    """Opens a backend on a script; closes both."""
    from contextlib import ExitStack

    with ExitStack() as stack:

        def serve(script):
            port = stack.enter_context(answering(script))
            opened = backend.open(connected(port))
            stack.callback(opened.close)
            return opened

        yield serve


def connected(port, **options):
    return qf.connect("http://127.0.0.1", grpc_port=port, transport="grpc", **options)


def batch(**options):
    points = Points(IDS, {"": Dense(np.zeros((3, 2), np.float32))}, None, range(3))
    return Batch("c", (Upsert(points, **options),))


def free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def test_the_server_tells_its_version(served):
    capabilities = served(Script("1.18.3")).capabilities
    assert (capabilities.transport, capabilities.version) == ("grpc", (1, 18, 3))
    assert capabilities.byte_limit == 30 * 1024 * 1024


def test_a_server_too_old_for_the_vector_fields_is_refused():
    with answering(Script("1.12.1")) as port, pytest.raises(UnsupportedError, match="transport='rest'"):
        backend.open(connected(port))


def test_a_server_that_is_not_there_is_said_to_be_unreachable():
    with pytest.raises(UnreachableError, match=r"127\.0\.0\.1"):
        backend.open(connected(free_port()))


def test_a_key_that_is_refused_is_said_to_be_refused():
    script = Script(HealthCheck=(grpc.StatusCode.UNAUTHENTICATED, "Invalid API key or JWT"))
    with answering(script) as port, pytest.raises(AuthenticationError) as caught:
        backend.open(connected(port, api_key="sesame"))
    assert "Invalid API key" in str(caught.value)
    assert "sesame" not in str(caught.value)


@pytest.mark.parametrize("answer", [b"<html>", b"\x0a\xff"])
def test_an_answer_that_is_not_qdrants_is_said_to_be_so(served, answer):
    with answering(Script(HealthCheck=answer)) as port, pytest.raises(UnreachableError, match="not Qdrant's"):
        backend.open(connected(port))
    opened = served(Script(Upsert=answer, List=answer, Scroll=answer))
    written = opened.write(opened.prepare(batch(), WriteOptions()), 5)
    assert (written.kind, written.applied) == ("fatal", "unknown")
    assert opened.admin(ListCollections(), 5).kind == "fatal"
    assert opened.page(PageRequest("c"), Schema(), 5).kind == "fatal"


def test_a_probe_tells_the_version_or_nothing():
    with answering(Script("1.17.0")) as port:
        assert backend.probe(connected(port), 2.0) == (1, 17, 0)
    assert backend.probe(connected(free_port()), 2.0) is None


@pytest.mark.parametrize(
    ("version", "options", "words"),
    [
        ("1.16.9", {"mode": "insert_only"}, "mode='insert_only' needs Qdrant 1.17.0; the server is 1.16.9"),
        ("1.15.9", {"update_filter": {"must": []}}, "update_filter needs Qdrant 1.16.0"),
        ("1.18.9", {"update_filter": SLICE}, "slice needs Qdrant 1.19.0"),
    ],
)
def test_a_write_that_an_old_server_would_do_otherwise_is_not_sent(served, version, options, words):
    script = Script(version)
    opened = served(script)
    found = opened.write(opened.prepare(batch(**options), WriteOptions()), 5)
    assert (found.kind, found.applied, found.cause) == ("fatal", "no", "unsupported")
    assert words in found.message
    assert [name for name, _ in script.asked] == ["HealthCheck"]


def test_no_operation_of_a_batch_is_sent_that_an_old_server_would_do_otherwise(served):
    script = Script("1.18.9")
    opened = served(script)
    first = ClearPayload(Points(IDS, {}, None, range(3)))
    # Without the condition an older server would delete every point.
    for second in (Delete(Matching(SLICE)), Upsert(batch().operations[0].points, update_filter=SLICE)):
        prepared = opened.prepare(Batch("c", (first, second)), WriteOptions())
        found = opened.write(prepared, 5)
        assert (found.kind, found.applied, found.cause) == ("fatal", "no", "unsupported")
        assert "slice needs Qdrant 1.19.0" in found.message
    assert [name for name, _ in script.asked] == ["HealthCheck"]


def test_reads_that_an_old_server_would_answer_otherwise_are_not_sent(served):
    script = Script("1.18.0")
    opened = served(script)
    queries = Dense(np.zeros((1, 2), np.float32))
    found = [
        opened.page(PageRequest("c", filter=SLICE), Schema(), 5),
        opened.query(QueryRequest("c", Nearest(queries), filter=SLICE), Schema(), 5),
        opened.query(QueryRequest("c", Nearest(queries), params={"idf": {}}), Schema(), 5),
        opened.admin(Count("c", filter=SLICE), 5),
    ]
    assert [(one.kind, one.cause) for one in found] == [("fatal", "unsupported")] * 4
    assert [name for name, _ in script.asked] == ["HealthCheck"]


def test_a_filter_with_an_unknown_key_is_not_sent(served):
    script = Script()
    with pytest.raises(OptionError, match="'musst'"):
        served(script).page(PageRequest("c", filter={"musst": []}), Schema(), 5)
    assert [name for name, _ in script.asked] == ["HealthCheck"]


@pytest.mark.parametrize("filter_", [{"musst": []}, {"must": 5}, {"must": [{"key": "a", "match": 5}]}])
def test_a_write_by_a_filter_that_is_none_is_not_sent(served, filter_):
    opened = served(Script())
    with pytest.raises(OptionError, match="filter"):
        opened.prepare(Batch("c", (Delete(Matching(filter_)),)), WriteOptions())


def test_a_prepared_write_sends_the_same_bytes_each_time(served):
    done = stubs.UpdateResult(operation_id=9, status=stubs.UpdateStatus.Completed)
    script = Script(Upsert=stubs.PointsOperationResponse(result=done).SerializeToString())
    opened = served(script)
    prepared = opened.prepare(batch(), WriteOptions())
    assert [opened.write(prepared, 5) for _ in range(2)] == [Ack("completed", 9)] * 2
    first, second = (content for name, content in script.asked if name == "Upsert")
    assert first == second
    assert len(first) == prepared.nbytes
    assert [point.id.num for point in stubs.UpsertPoints.FromString(first).points] == [1, 2, 3]


def test_only_an_upsert_alone_has_its_own_method(served):
    done = stubs.UpdateResult(status=stubs.UpdateStatus.Completed)
    late = stubs.UpdateResult(operation_id=4, status=stubs.UpdateStatus.WaitTimeout)
    script = Script(
        Upsert=stubs.PointsOperationResponse(result=done).SerializeToString(),
        UpdateBatch=stubs.UpdateBatchResponse(result=[done, late, done]).SerializeToString(),
    )
    opened = served(script)
    alone, vectors = batch().operations[0], UpdateVectors(batch().operations[0].points)
    for operations in ((alone,), (vectors,), (alone, alone)):
        prepared = opened.prepare(Batch("c", operations), WriteOptions())
        found = opened.write(prepared, 5)
        assert found == (Ack("completed") if operations == (alone,) else Ack("wait_timeout", 4))
        assert prepared.nbytes == len(script.asked[-1][1])
    assert [name for name, _ in script.asked[1:]] == ["Upsert", "UpdateBatch", "UpdateBatch"]
    read = stubs.UpdateBatchPoints.FromString(script.asked[-1][1])
    assert [one.WhichOneof("operation") for one in read.operations] == ["upsert", "upsert"]


@pytest.mark.parametrize("uuids", [False, True])
def test_existing_ids_are_told_by_position(served, uuids):
    ids = Ids(np.arange(48, dtype=np.uint8).reshape(3, 16)) if uuids else IDS
    there = [{"id": {"uuid" if uuids else "num": ids[i]}} for i in (2, 0)]
    opened = served(Script(Get=stubs.GetResponse(result=there).SerializeToString()))
    assert opened.existing("c", ids, 5).tolist() == [True, False, True]


def test_no_existing_id_is_told_too(served):
    opened = served(Script(Get=stubs.GetResponse(time=1.0).SerializeToString()))
    assert opened.existing("c", IDS, 5).tolist() == [False, False, False]


def test_pages_and_points_come_as_tables(served):
    found = [{"id": {"num": 7}, "payload": {"a": {"integer_value": 1}}}]
    script = Script(
        Scroll=stubs.ScrollResponse(result=found, next_page_offset={"num": 8}).SerializeToString(),
        Get=stubs.GetResponse(result=found).SerializeToString(),
    )
    opened = served(script)
    schema = Schema(payload=(qf_field("a"),))
    page = opened.page(PageRequest("c"), schema, 5)
    assert (page.table.to_pylist(), page.next_offset) == ([{"id": 7, "a": 1}], 8)
    assert opened.page(PageRequest("c", ids=IDS), schema, 5).table.to_pylist() == [{"id": 7, "a": 1}]


def qf_field(name):
    from qframe.model.schema import Field

    return Field(name, pa.int64())


def test_dropping_what_is_not_there_is_false(served):
    gone = (grpc.StatusCode.NOT_FOUND, "Not found: Collection `c` doesn't exist!")
    assert served(Script(Delete=gone)).admin(Drop("c"), 5) is False
    assert served(Script(Delete=b"")).admin(Drop("c"), 5) is False


def test_making_what_is_there_is_a_fault(served):
    there = (grpc.StatusCode.ALREADY_EXISTS, "Wrong input: Collection `c` already exists!")
    config = {"vectors": {"size": 2, "distance": "Dot"}}
    assert served(Script(Create=there)).admin(Create("c", config), 5).cause == "exists"
    assert isinstance(served(Script(Create=b"")).admin(Create("c", config), 5), Fault)


def test_a_patient_caller_lets_the_server_take_its_time(served):
    updated = stubs.PointsOperationResponse(result=stubs.UpdateResult(status=stubs.UpdateStatus.Completed))
    script = Script(CreateFieldIndex=updated.SerializeToString(), Scroll=stubs.ScrollResponse().SerializeToString())
    opened = served(script)
    assert opened.admin(CreateIndex("c", "a", "keyword"), 600) is True
    opened.page(PageRequest("c"), Schema(), 600)
    opened.page(PageRequest("c"), Schema(), 30)
    asked = [content for name, content in script.asked if name != "HealthCheck"]
    assert stubs.CreateFieldIndexCollection.FromString(asked[0]).timeout == 540
    assert stubs.ScrollPoints.FromString(asked[1]).timeout == 540
    assert not stubs.ScrollPoints.FromString(asked[2]).HasField("timeout")


def test_an_index_that_is_not_made_in_time(served):
    late = stubs.PointsOperationResponse(result=stubs.UpdateResult(status=stubs.UpdateStatus.WaitTimeout))
    answer = served(Script(CreateFieldIndex=late.SerializeToString())).admin(CreateIndex("c", "a", "keyword"), 10)
    assert (answer.kind, answer.applied) == ("lost", "some")
