"""Every operation over REST to a server that stores it, and what is read back."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

import qframe as qf
from qframe.backends.rest.backend import RestBackend, open  # noqa: A004 - every backend module opens
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
from qframe.model.requests import Create, PageRequest
from qframe.model.schema import Schema, VectorField
from qframe.model.vectors import Dense, Multi, Sparse

pytestmark = pytest.mark.parametrize("wire", ["rest"], indirect=True)

CONFIG = {
    "vectors": {
        "": {"size": 2, "distance": "Dot"},
        "m": {"size": 2, "distance": "Dot", "multivector_config": {"comparator": "max_sim"}},
    },
    "sparse_vectors": {"s": {}},
}
FIELDS = (VectorField("v", "", "dense", 2), VectorField("m", "m", "multi", 2), VectorField("s", "s", "sparse"))
SCHEMA = Schema((), FIELDS, id_type=pa.large_string(), extra="column")
UUIDS = Ids(np.arange(64, dtype=np.uint8).reshape(4, 16))
NUMBERS = Ids(np.array([0, 7, 2**53 + 1, 2**64 - 1], dtype=np.uint64))
MISSING = Ids(np.array([7, 99], dtype=np.uint64))
ROWS = range(4)
STORED = {"city": ["Oslo", "Rom", "Oslo", "Bern"], "note": ["a", "b", "c", "d"]}
IN_OSLO = Matching({"must": [{"key": "city", "match": {"value": "Oslo"}}]})


def vectors(start: int) -> dict[str, Dense | Multi | Sparse]:
    """Whole numbers in two rows of two: what a careless body makes a sparse vector of."""
    return {
        "": Dense(np.arange(start, start + 8, dtype=np.float32).reshape(4, 2)),
        "m": Multi(np.arange(0, 10, 2), np.arange(start, start + 16, dtype=np.float32).reshape(8, 2)),
        "s": Sparse(np.arange(5), np.arange(4, dtype=np.uint32), np.arange(start, start + 4, dtype=np.float32)),
    }


class Store:
    """A collection of four points in a server."""

    def __init__(self, backend: RestBackend, name: str, ids: Ids) -> None:
        self.backend, self.name, self.ids = backend, name, ids

    def write(self, *operations: Operation) -> Ack | Fault:
        return self.backend.write(self.backend.prepare(Batch(self.name, operations), WriteOptions()), 10)

    def does(self, *operations: Operation) -> None:
        found = self.write(*operations)
        assert isinstance(found, Ack), found
        assert found.status == "completed"

    def read(self) -> list[dict[str, Any] | None]:
        """The points in the order of the ids; None for one that is gone."""
        page = self.backend.page(PageRequest(self.name, ids=self.ids, vectors=("", "m", "s")), SCHEMA, 10)
        assert not isinstance(page, Fault)
        found = {row.pop("id"): row for row in page.table.to_pylist()}
        return [found.get(str(point)) for point in self.ids]

    def payload(self) -> list[dict[str, Any]]:
        return [json.loads(row["extra"] or "{}") for row in self.read() if row is not None]

    def points(self, payload: dict[str, list[Any]] | None = None) -> Points:
        return Points(self.ids, {}, None if payload is None else pa.record_batch(payload), ROWS)


@pytest.fixture(params=[NUMBERS, UUIDS], ids=["integers", "UUIDs"])
def store(request: pytest.FixtureRequest, wire: qf.Connection, name: str) -> Iterator[Store]:
    backend = open(wire)
    assert backend.admin(Create(name, CONFIG), 10) is True
    made = Store(backend, name, request.param)
    made.does(Upsert(Points(made.ids, vectors(0), pa.record_batch(STORED), ROWS)))
    yield made
    backend.close()


def test_what_is_there_before(store: Store) -> None:
    assert store.payload() == [{"city": city, "note": note} for city, note in zip(*STORED.values(), strict=True)]
    assert [row and row["m"] for row in store.read()][1] == [[4.0, 5.0], [6.0, 7.0]]


def test_update_vectors(store: Store) -> None:
    before = store.read()
    store.does(UpdateVectors(Points(store.ids, {"": vectors(1)[""]}, None, ROWS)))
    alone = store.read()
    assert [row and row["v"] for row in alone] == [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0], [7.0, 8.0]]
    assert [row and (row["m"], row["extra"]) for row in alone] == [row and (row["m"], row["extra"]) for row in before]
    store.does(UpdateVectors(Points(store.ids, vectors(10), None, ROWS)))
    last = store.read()[3]
    assert last is not None
    assert last["v"] == [16.0, 17.0]
    assert last["m"] == [[22.0, 23.0], [24.0, 25.0]]
    assert last["s"] == {"indices": [3], "values": [13.0]}


def test_set_payload(store: Store) -> None:
    written = {"note": [None, None, "new", "new"], "in": [{"x": 1, "y": None}] * 4}
    store.does(SetPayload(store.points(written), np.array([5, 5, 9, 9])))
    assert store.payload() == [
        {"city": "Oslo", "in": {"x": 1}},
        {"city": "Rom", "in": {"x": 1}},
        {"city": "Oslo", "note": "new", "in": {"x": 1}},
        {"city": "Bern", "note": "new", "in": {"x": 1}},
    ]


def test_set_payload_under_a_key(store: Store) -> None:
    store.does(SetPayload(store.points({"a": [{"b": 1}] * 4})), SetPayload(store.points({"c": [1, 2, 3, 4]}), key="a"))
    assert [row["a"] for row in store.payload()] == [{"b": 1, "c": c} for c in (1, 2, 3, 4)]


def test_set_payload_that_leaves_nulls_out(store: Store) -> None:
    store.does(SetPayload(store.points({"note": [None, "x", None, "x"]}), nulls="omit"))
    assert [row["note"] for row in store.payload()] == ["a", "x", "c", "x"]


def test_overwrite_payload(store: Store) -> None:
    written = {"a": [1.0, None, 3.0, 4.0]}
    store.does(OverwritePayload(store.points(written)))
    assert store.payload() == [{"a": 1.0}, {}, {"a": 3.0}, {"a": 4.0}]
    store.does(OverwritePayload(store.points(written), nulls="keep"))
    assert store.payload()[1] == {"a": None}


def test_keys_payload_vectors_and_points_go(store: Store) -> None:
    first, second = (store.points().take(slice(start, start + 1)) for start in (0, 1))
    third, last = (store.points().take(slice(start, start + 1)) for start in (2, 3))
    store.does(
        DeletePayload(first, ("city", "none")), ClearPayload(second), DeleteVectors(third, ("", "s")), Delete(last)
    )
    found = store.read()
    assert found[3] is None
    assert store.payload() == [{"note": "a"}, {}, {"city": "Oslo", "note": "c"}]
    assert found[2] is not None
    assert (found[2]["v"], found[2]["s"]) == (None, None)
    assert found[2]["m"] == [[8.0, 9.0], [10.0, 11.0]]


def test_what_a_filter_selects(store: Store) -> None:
    to = replace(IN_OSLO, payload=pa.record_batch({"note": ["in Oslo"], "seen": [True]}))
    store.does(SetPayload(to))
    assert [row["note"] for row in store.payload()] == ["in Oslo", "b", "in Oslo", "d"]
    store.does(DeletePayload(IN_OSLO, ("seen",)), DeleteVectors(IN_OSLO, ("m",)))
    assert [row and row["m"] is None for row in store.read()] == [True, False, True, False]
    assert [row.get("seen") for row in store.payload()] == [None] * 4
    store.does(OverwritePayload(to))
    assert [row.get("city") for row in store.payload()] == [None, "Rom", None, "Bern"]
    rome = Matching({"must": [{"key": "city", "match": {"value": "Rom"}}]})
    store.does(ClearPayload(rome), Delete(Matching({"must": [{"key": "city", "match": {"value": "Bern"}}]})))
    assert store.read()[3] is None
    assert store.payload()[1] == {}


def test_operations_are_done_in_their_order(store: Store) -> None:
    again = Upsert(Points(store.ids, vectors(0), pa.record_batch({"a": [1, 2, 3, 4]}), ROWS))
    store.does(Delete(store.points()), again, SetPayload(store.points({"b": [1, 2, 3, 4]})))
    assert store.payload() == [{"a": a, "b": a} for a in (1, 2, 3, 4)]
    store.does(again, Delete(store.points()))
    assert store.read() == [None] * 4


@pytest.mark.parametrize(
    "make",
    [
        lambda points: UpdateVectors(replace(points, vectors={"": Dense(np.ones((2, 2), np.float32))}, payload=None)),
        SetPayload,
        OverwritePayload,
        lambda points: DeletePayload(points, ("a",)),
        ClearPayload,
        lambda points: DeleteVectors(points, ("",)),
    ],
)
def test_an_id_that_is_not_there(wire: qf.Connection, name: str, make: Callable[[Points], Operation]) -> None:
    backend = open(wire)
    assert backend.admin(Create(name, CONFIG), 10) is True
    store = Store(backend, name, NUMBERS)
    store.does(Upsert(Points(store.ids, vectors(0), None, ROWS)))
    found = store.write(make(Points(MISSING, {}, pa.record_batch({"a": [1, 2]}), range(2))))
    store.does(Delete(Points(MISSING, {}, None, range(2))))
    backend.close()
    assert isinstance(found, Fault)
    assert (found.kind, found.applied, found.point_id) == ("missing", "some", 99)


def test_which_of_many_ids_are_there(store: Store) -> None:
    others = np.arange(1_000, 1_500, dtype=np.uint64)
    values = np.concatenate([store.ids.values, others]) if not store.ids.is_uuid else None
    asked = store.ids if values is None else Ids(values)
    store.does(Delete(store.points().take(slice(1, 2))))
    found = store.backend.existing(store.name, asked, 10)
    assert isinstance(found, np.ndarray)
    assert found[:4].tolist() == [True, False, True, True]
    assert not found[4:].any()
