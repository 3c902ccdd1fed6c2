"""Every operation through the gRPC backend to a server, and what is there afterwards."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from qframe.backends.grpc import backend
from qframe.model.batch import Batch, WriteOptions
from qframe.model.ids import Ids
from qframe.model.operations import (
    ClearPayload,
    Delete,
    DeletePayload,
    DeleteVectors,
    Matching,
    Operation,
    OverwritePayload,
    SetPayload,
    UpdateVectors,
    Upsert,
)
from qframe.model.outcome import Ack, Fault
from qframe.model.points import Points
from qframe.model.requests import Create, Drop, PageRequest
from qframe.model.schema import Schema, VectorField
from qframe.model.vectors import Dense, Multi, Sparse, VectorColumn
from tests.conftest import connection_to
from tests.loopback.process import Server

CONFIG = {
    "vectors": {
        "": {"size": 2, "distance": "Dot"},
        "m": {"size": 1, "distance": "Dot", "multivector_config": {"comparator": "max_sim"}},
    },
    "sparse_vectors": {"s": {}},
}
SCHEMA = Schema(
    vectors=(VectorField("d", "", "dense", 2), VectorField("m", "m", "multi", 1), VectorField("s", "s", "sparse")),
    extra="column",
)
ULM = {"must": [{"key": "city", "match": {"value": "Ulm"}}]}


class Live:
    """A collection of the points 0 to 3 on a server: 0 and 1 in Ulm, 2 and 3 in Bonn."""

    def __init__(self, opened: backend.GrpcBackend, name: str) -> None:
        self.opened = opened
        self.name = name
        assert opened.admin(Create(name, CONFIG), 10) is True
        self.write(Upsert(points(4, payload={"city": ["Ulm", "Ulm", "Bonn", "Bonn"]}, vectors=ones(4))))

    def send(self, *operations: Operation, options: WriteOptions = WriteOptions()) -> Ack | Fault:  # noqa: B008
        return self.opened.write(self.opened.prepare(Batch(self.name, operations), options), 10)

    def write(self, *operations: Operation) -> None:
        answer = self.send(*operations)
        assert isinstance(answer, Ack), answer
        assert answer.status == "completed"

    def rows(self) -> dict[int, dict[str, Any]]:
        page = self.opened.page(PageRequest(self.name, limit=100, vectors=("", "m", "s")), SCHEMA, 10)
        assert not isinstance(page, Fault), page
        return {row["id"]: row for row in page.table.to_pylist()}

    def payloads(self) -> dict[int, Any]:
        return {id_: json.loads(row["extra"] or "{}") for id_, row in self.rows().items()}


@pytest.fixture
def live(request: pytest.FixtureRequest) -> Iterator[Live]:
    with connection_to("grpc", request) as connection:
        opened = backend.open(connection)
        name = f"qframe_test_{uuid.uuid4().hex[:16]}"
        try:
            yield Live(opened, name)
        finally:
            opened.admin(Drop(name), 10)
            opened.close()


def points(n: int, *, first: int = 0, payload: dict[str, Any] | None = None, vectors: Any = None) -> Points:
    batch = None if payload is None else pa.record_batch(payload)
    return Points(Ids(np.arange(first, first + n, dtype=np.uint64)), vectors or {}, batch, range(n))


def ones(n: int) -> dict[str, VectorColumn]:
    return {
        "": Dense(np.ones((n, 2), np.float32)),
        "m": Multi(np.arange(n + 1), np.ones((n, 1), np.float32)),
        "s": Sparse(np.arange(n + 1), np.zeros(n, np.uint32), np.ones(n, np.float32)),
    }


def test_vectors_are_replaced_and_the_others_stay(live: Live) -> None:
    values = np.array([[2, 3], [4, 5]], np.float32)
    live.write(UpdateVectors(points(2, first=1, vectors={"": Dense(values)})))
    live.write(UpdateVectors(points(1, vectors={"s": Sparse(np.array([0, 1]), np.array([7]), np.array([0.5]))})))
    rows = live.rows()
    assert [rows[i]["d"] for i in range(4)] == [[1, 1], [2, 3], [4, 5], [1, 1]]
    assert all(row["m"] == [[1]] for row in rows.values())
    assert [rows[i]["s"] for i in (0, 1)] == [{"indices": [7], "values": [0.5]}, {"indices": [0], "values": [1]}]
    assert live.payloads()[1] == {"city": "Ulm"}


def test_payload_is_merged_and_nulls_remove_keys(live: Live) -> None:
    payload = {
        "city": [None, "Köln", "Köln"],
        "n": [1.5, float("nan"), float("nan")],
        "o": [{"a": 1, "b": None}] * 3,
        "l": [[1, None]] * 3,
    }
    live.write(SetPayload(points(3, payload=payload), np.array([0, 1, 1])))
    object_ = {"o": {"a": 1}, "l": [1, None]}
    assert live.payloads() == {
        0: {"n": 1.5, **object_},
        1: {"city": "Köln", **object_},
        2: {"city": "Köln", **object_},
        3: {"city": "Bonn"},
    }


def test_payload_is_merged_under_a_key(live: Live) -> None:
    live.write(SetPayload(points(1, payload={"at": [{"x": 1, "y": 2}]})))
    live.write(SetPayload(points(1, payload={"y": [3]}), key="at"))
    assert live.payloads()[0] == {"city": "Ulm", "at": {"x": 1, "y": 3}}


def test_nulls_that_are_left_out_change_nothing(live: Live) -> None:
    live.write(SetPayload(points(2, payload={"city": [None, "Köln"]}), nulls="omit"))
    assert [live.payloads()[i] for i in (0, 1)] == [{"city": "Ulm"}, {"city": "Köln"}]


@pytest.mark.parametrize(("nulls", "stored"), [("omit", {"n": 1}), ("keep", {"n": 1, "gone": None})])
def test_payload_is_replaced_whole(live: Live, nulls: Any, stored: dict[str, Any]) -> None:
    live.write(OverwritePayload(points(1, payload={"n": [1], "gone": pa.nulls(1)}), nulls=nulls))
    assert live.payloads()[0] == stored
    assert live.payloads()[1] == {"city": "Ulm"}


def test_keys_payloads_vectors_and_points_are_taken_away(live: Live) -> None:
    live.write(SetPayload(points(2, payload={"at": [{"x": 1, "y": 2}] * 2})))
    live.write(DeletePayload(points(1), ("city", "at.x")))
    live.write(ClearPayload(points(1, first=1)))
    live.write(DeleteVectors(points(1, first=2), ("", "s")))
    live.write(Delete(points(5, first=3)))
    assert live.payloads() == {0: {"at": {"y": 2}}, 1: {}, 2: {"city": "Bonn"}}
    rows = live.rows()
    assert [rows[2][name] for name in ("d", "m", "s")] == [None, [[1]], None]
    assert rows[1]["d"] == [1, 1]


def test_what_a_filter_selects_is_changed(live: Live) -> None:
    new = pa.record_batch({"n": [1], "city": pa.nulls(1)})
    live.write(DeleteVectors(Matching(ULM), ("m",)))
    live.write(SetPayload(Matching(ULM, new)))
    assert live.payloads() == {0: {"n": 1}, 1: {"n": 1}, 2: {"city": "Bonn"}, 3: {"city": "Bonn"}}
    assert [row["m"] for row in live.rows().values()] == [None, None, [[1]], [[1]]]
    bonn = {"must_not": [{"key": "n", "match": {"value": 1}}]}
    live.write(OverwritePayload(Matching(bonn, pa.record_batch({"city": ["Ulm"], "k": [2]}))))
    live.write(DeletePayload(Matching(ULM), ("city",)))
    assert [live.payloads()[i] for i in (2, 3)] == [{"k": 2}] * 2
    live.write(ClearPayload(Matching({"must": [{"has_id": [3]}]})))
    assert live.payloads()[3] == {}
    live.write(Delete(Matching({"must_not": [{"has_id": [3]}]})))
    assert list(live.payloads()) == [3]


def test_operations_of_a_batch_are_done_in_their_order(live: Live) -> None:
    live.write(
        SetPayload(points(1, payload={"city": ["Köln"]})),
        Upsert(points(1, first=9, payload={"n": [1]}, vectors=ones(1))),
        SetPayload(points(1, first=9, payload={"n": [2], "late": [True]})),
        Delete(points(2, first=2)),
        Upsert(points(1, first=2, payload={"again": [1]}, vectors=ones(1))),
    )
    assert live.payloads() == {0: {"city": "Köln"}, 1: {"city": "Ulm"}, 2: {"again": 1}, 9: {"n": 2, "late": True}}


@pytest.mark.parametrize(
    "operation",
    [
        UpdateVectors(points(3, first=2, vectors={"": Dense(np.zeros((3, 2), np.float32))})),
        SetPayload(points(3, first=2, payload={"n": [1, 2, 3]})),
        OverwritePayload(points(3, first=2, payload={"n": [1, 1, 1]}), np.zeros(3, np.int64)),
        DeletePayload(points(3, first=2), ("city",)),
        ClearPayload(points(3, first=2)),
        DeleteVectors(points(3, first=2), ("",)),
    ],
    ids=lambda operation: type(operation).__name__,
)
def test_an_id_that_is_not_there_is_named(live: Live, operation: Operation) -> None:
    assert operation.needs_existing
    fault = live.send(operation)
    assert isinstance(fault, Fault)
    assert (fault.kind, fault.applied, fault.point_id) == ("missing", "some", 4)


def test_a_vector_name_that_is_not_there_is_refused(live: Live) -> None:
    fault = live.send(UpdateVectors(points(1, vectors={"nope": Dense(np.zeros((1, 2), np.float32))})))
    assert isinstance(fault, Fault)
    assert fault.kind == "refused"
    assert "nope" in fault.message


def test_a_batch_that_is_not_waited_for_is_acknowledged(live: Live) -> None:
    answer = live.send(Delete(points(1)), ClearPayload(points(1, first=1)), options=WriteOptions(wait=False))
    assert isinstance(answer, Ack)
    assert answer.status == "acknowledged"


@pytest.mark.loopback
def test_a_batch_that_is_late_is_said_to_be_late(faulty: Server, live: Live) -> None:
    faulty.faults([{"wire": "grpc", "operation": "batch", "action": "wait_timeout", "times": 1}])
    answer = live.send(Delete(points(1)), ClearPayload(points(1, first=1)))
    assert isinstance(answer, Ack)
    assert answer.status == "wait_timeout"
