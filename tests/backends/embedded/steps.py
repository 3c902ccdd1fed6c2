"""What the tests of the embedded backend do again and again: make points, write them, look what is there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from qframe.backends.embedded.backend import EmbeddedBackend
from qframe.model.batch import Batch, WriteOptions
from qframe.model.ids import Ids
from qframe.model.operations import Operation, Upsert
from qframe.model.outcome import Ack, Fault
from qframe.model.points import Points
from qframe.model.requests import Count, Create, PageRequest
from qframe.model.schema import Schema, VectorField
from qframe.model.vectors import Dense, Multi, Sparse, VectorColumn

TIMEOUT = 60.0
DIM = 4
CONFIG = {
    "vectors": {
        "": {"size": DIM, "distance": "Dot"},
        "multi": {"size": 2, "distance": "Dot", "multivector_config": {"comparator": "max_sim"}},
    },
    "sparse_vectors": {"sparse": {}},
}
COLLECTION = "places"


def created(backend: EmbeddedBackend, config: Mapping[str, Any] = CONFIG, name: str = COLLECTION) -> str:
    assert backend.admin(Create(name, config), TIMEOUT) is True
    return name


def numbers(*values: int) -> Ids:
    return Ids(np.array(values, dtype=np.uint64))


def dense(n: int, dim: int = DIM, seed: int = 0) -> Dense:
    return Dense(np.random.default_rng(seed).standard_normal((n, dim)).astype(np.float32))


def sparse(*rows: tuple[Sequence[int], Sequence[float]]) -> Sparse:
    ends = np.cumsum([0, *(len(indices) for indices, _ in rows)], dtype=np.int64)
    indices = np.array([item for row, _ in rows for item in row], dtype=np.uint32)
    return Sparse(ends, indices, np.array([item for _, row in rows for item in row], dtype=np.float32))


def multi(*rows: Sequence[Sequence[float]]) -> Multi:
    ends = np.cumsum([0, *(len(row) for row in rows)], dtype=np.int64)
    return Multi(ends, np.array([vector for row in rows for vector in row], dtype=np.float32).reshape(-1, 2))


def points(
    ids: Ids, vectors: Mapping[str, VectorColumn] | None = None, payload: Mapping[str, pa.Array] | None = None
) -> Points:
    if vectors is None:
        vectors = {"": dense(len(ids))}
    batch = None if payload is None else pa.record_batch(dict(payload))
    return Points(ids, vectors, batch, range(len(ids)))


def write(
    backend: EmbeddedBackend, *operations: Operation | Points, wait: bool = True, name: str = COLLECTION
) -> Ack | Fault:
    """One batch; points are upserted."""
    batch = Batch(name, tuple(Upsert(item) if isinstance(item, Points) else item for item in operations))
    return backend.write(backend.prepare(batch, WriteOptions(wait=wait)), TIMEOUT)


def stored(backend: EmbeddedBackend, *operations: Operation | Points, name: str = COLLECTION) -> None:
    answer = write(backend, *operations, name=name)
    assert answer == Ack("completed"), answer


def contents(backend: EmbeddedBackend, name: str = COLLECTION) -> list[dict[str, Any]]:
    """Everything that is stored, in scroll order; the payload as text under "payload"."""
    vectors = (
        VectorField("vector", "", "dense", DIM),
        VectorField("multi", "multi", "multi", 2),
        VectorField("sparse", "sparse", "sparse"),
    )
    schema = Schema((), vectors, pa.large_string(), extra="column", extra_name="payload")
    answer = backend.page(PageRequest(name, limit=100_000, vectors=("", "multi", "sparse")), schema, TIMEOUT)
    assert not isinstance(answer, Fault), answer
    return answer.table.to_pylist()


def count(backend: EmbeddedBackend, condition: Mapping[str, Any] | None = None, name: str = COLLECTION) -> Any:
    return backend.admin(Count(name, condition), TIMEOUT)


def ids_of(backend: EmbeddedBackend, condition: Mapping[str, Any] | None = None, name: str = COLLECTION) -> Any:
    """Ids as text in scroll order, or the fault."""
    request = PageRequest(name, limit=100_000, filter=condition, payload=False)
    answer = backend.page(request, Schema(id_type=pa.large_string()), TIMEOUT)
    return answer if isinstance(answer, Fault) else answer.table.column("id").to_pylist()
