"""A collection of points that are known by numbers, on any backend, for tests of single operations."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Literal

import numpy as np
import pyarrow as pa

import qframe as qf
from qframe.backends.opening import open_backend
from qframe.model.batch import Batch, WriteOptions
from qframe.model.ids import Ids, PointId
from qframe.model.operations import Operation
from qframe.model.outcome import Ack, Fault
from qframe.model.points import Points
from qframe.model.requests import Create, Drop, PageRequest
from qframe.model.schema import Schema, VectorField
from qframe.model.vectors import Dense, Multi, Sparse, VectorColumn

TIMEOUT = 60.0
CONFIG = {
    "vectors": {
        "d": {"size": 2, "distance": "Dot"},
        "m": {"size": 1, "distance": "Dot", "multivector_config": {"comparator": "max_sim"}},
    },
    "sparse_vectors": {"s": {}},
}
NAMED = (VectorField("d", "d", "dense", 2), VectorField("m", "m", "multi", 1), VectorField("s", "s", "sparse"))
UNNAMED = (VectorField("d", "", "dense", 2), VectorField("s", "s", "sparse"))

IdKind = Literal["integers", "uuids"]


class Store:
    """A collection whose points are known by numbers, whatever their ids are."""

    def __init__(self, connection: qf.Connection, name: str, kind: IdKind, vectors: tuple[VectorField, ...]) -> None:
        self.backend = open_backend(connection)
        self.name = name
        self.kind = kind
        self.schema = Schema((), vectors, pa.large_string(), extra="column")

    def points(
        self,
        *numbers: int,
        payload: Mapping[str, Any] | None = None,
        vectors: Mapping[str, VectorColumn] | None = None,
    ) -> Points:
        if self.kind == "integers":
            ids = Ids(np.array(numbers, dtype=np.uint64))
        else:
            raw = b"".join(uuid.UUID(int=number).bytes for number in numbers)
            ids = Ids(np.frombuffer(raw, dtype=np.uint8).reshape(-1, 16))
        return Points(ids, vectors or {}, None if payload is None else pa.record_batch(payload), range(len(numbers)))

    def number(self, point: PointId | None) -> int:
        return int(str(point)) if self.kind == "integers" else uuid.UUID(str(point)).int

    def send(self, *operations: Operation, wait: bool = True) -> Ack | Fault:
        prepared = self.backend.prepare(Batch(self.name, operations), WriteOptions(wait=wait))
        return self.backend.write(prepared, TIMEOUT)

    def write(self, *operations: Operation) -> None:
        answer = self.send(*operations)
        assert isinstance(answer, Ack), answer
        assert answer.status == "completed"

    def rows(self) -> dict[int, dict[str, Any]]:
        """Payload and vectors of all points, None for vectors that are not there."""
        names = tuple(item.vector for item in self.schema.vectors)
        answer = self.backend.page(PageRequest(self.name, limit=1000, vectors=names), self.schema, TIMEOUT)
        assert not isinstance(answer, Fault), answer
        found = {self.number(row.pop("id")): row for row in answer.table.to_pylist()}
        return {number: row | {"payload": json.loads(row.pop("extra") or "{}")} for number, row in found.items()}

    def payloads(self) -> dict[int, Any]:
        return {number: row["payload"] for number, row in self.rows().items()}

    def vectors(self, name: str) -> dict[int, Any]:
        return {number: row[name] for number, row in self.rows().items()}


def dense(*rows: list[float]) -> Dense:
    return Dense(np.array(rows, dtype=np.float32))


def multi(*rows: list[float]) -> Multi:
    return Multi(np.cumsum([0, *map(len, rows)]), np.array([[item] for row in rows for item in row], np.float32))


def sparse(*rows: dict[int, float]) -> Sparse:
    indices, values = ([item for row in rows for item in part(row)] for part in (dict.keys, dict.values))
    return Sparse(np.cumsum([0, *map(len, rows)]), np.array(indices, np.uint32), np.array(values, np.float32))


def first_vectors(n: int) -> dict[str, VectorColumn]:
    return {"d": dense(*[[1, 1]] * n), "m": multi(*[[1]] * n), "s": sparse(*[{0: 1}] * n)}


@contextmanager
def opened(connection: qf.Connection, config: Any, kind: IdKind, vectors: tuple[VectorField, ...]) -> Iterator[Store]:
    store = Store(connection, f"qframe_test_{uuid.uuid4().hex[:16]}", kind, vectors)
    assert store.backend.admin(Create(store.name, config), TIMEOUT) is True
    try:
        yield store
    finally:
        store.backend.admin(Drop(store.name), TIMEOUT)
