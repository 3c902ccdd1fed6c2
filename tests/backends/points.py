"""Random points for the encoders of both wires, with what a decoder has to find in the request."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from qframe.model.batch import Batch
from qframe.model.ids import Ids
from qframe.model.operations import Upsert
from qframe.model.points import Points
from qframe.model.vectors import Dense, Multi, Sparse, VectorColumn
from tests.columns.payloads import payloads, settle

NAMES = st.sampled_from(["", "dense", 'q"uote', "ü" * 70])
FLOATS = st.floats(width=32, allow_nan=False, allow_infinity=False) | st.sampled_from([0.0, -0.0, 1.0, 2.0, 0.5])


@dataclass(frozen=True)
class Case:
    """A batch and what it says: ids, per vector name one value a row, payload objects."""

    batch: Batch
    ids: list[int | str]
    vectors: dict[str, list[Any]]
    payloads: list[dict[str, Any]]

    @property
    def operation(self) -> Upsert:
        assert isinstance(self.batch.operations[0], Upsert)
        return self.batch.operations[0]


def _floats(shape: tuple[int, ...]) -> st.SearchStrategy[np.ndarray]:
    return hnp.arrays(np.float32, shape, elements=FLOATS)


@st.composite
def _dense(draw: st.DrawFn, n: int) -> tuple[VectorColumn, list[Any]]:
    values = draw(_floats((n, draw(st.integers(1, 5)))))
    return Dense(np.asfortranarray(values) if draw(st.booleans()) else values), values.tolist()


@st.composite
def _sparse(draw: st.DrawFn, n: int) -> tuple[VectorColumn, list[Any]]:
    index = st.integers(0, 2**32 - 1) | st.sampled_from([0, 127, 128, 2**32 - 1])
    rows = draw(st.lists(st.lists(index, max_size=3, unique=True), min_size=n, max_size=n))
    offsets = np.cumsum([0, *map(len, rows)]).astype(np.int64)
    indices = np.array([index for row in rows for index in row], dtype=np.uint32)
    values = draw(_floats((len(indices),)))
    said = [(row, values[start : start + len(row)].tolist()) for row, start in zip(rows, offsets, strict=False)]
    return Sparse(offsets, indices, values), said


@st.composite
def _multi(draw: st.DrawFn, n: int) -> tuple[VectorColumn, list[Any]]:
    lengths = draw(st.lists(st.integers(1, 3), min_size=n, max_size=n))
    offsets = np.cumsum([0, *lengths]).astype(np.int64)
    values = draw(_floats((int(offsets[-1]), draw(st.integers(1, 3)))))
    said = [values[start : start + length].tolist() for start, length in zip(offsets, lengths, strict=False)]
    return Multi(offsets, values), said


@st.composite
def _ids(draw: st.DrawFn, n: int) -> tuple[Ids, list[int | str]]:
    if draw(st.booleans()):
        numbers = draw(st.lists(st.integers(0, 2**64 - 1) | st.sampled_from([0, 127, 128]), min_size=n, max_size=n))
        return Ids(np.array(numbers, dtype=np.uint64)), list(numbers)
    uuids = draw(st.lists(st.uuids(), min_size=n, max_size=n))
    raw = np.frombuffer(b"".join(value.bytes for value in uuids), dtype=np.uint8).reshape(n, 16)
    return Ids(raw), [str(value) for value in uuids]


def _takeable(batch: pa.RecordBatch | None) -> bool:
    if batch is None:
        return False
    try:
        batch.take(pa.array([], pa.int64()))
    except pa.ArrowNotImplementedError:
        return False
    return True


def source_payloads(n: int) -> st.SearchStrategy[tuple[pa.RecordBatch, list[dict[str, Any]]]]:
    """A payload that is there, without string views: Arrow takes none (as of 26), and sources give none."""
    return payloads(n).filter(lambda drawn: _takeable(drawn[0]))


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """A batch of 1 to 5 rows with any ids, vectors and payload."""
    n = draw(st.integers(1, 5))
    ids, said_ids = draw(_ids(n))
    drawn = {}
    for name in draw(st.lists(NAMES, unique=True, max_size=3)):
        drawn[name] = draw(_dense(n) | _multi(n) if name == "" else _dense(n) | _sparse(n) | _multi(n))
    payload, said_payloads = draw(payloads(n))
    nulls = draw(st.sampled_from(["omit", "keep"]))
    vectors = {name: column for name, (column, _) in drawn.items()}
    operation = Upsert(Points(ids, vectors, payload, range(n)), nulls=nulls)
    return Case(
        Batch("places", (operation,)),
        said_ids,
        {name: said for name, (_, said) in drawn.items()},
        [settle(row, nulls) for row in said_payloads],
    )


def frame(n: int, *, dim: int = 8, payload: pa.RecordBatch | None = None) -> Points:
    """`n` points with integer ids and one unnamed dense vector."""
    values = np.random.default_rng(0).standard_normal((n, dim), dtype=np.float32)
    return Points(Ids(np.arange(n, dtype=np.uint64)), {"": Dense(values)}, payload, range(n))
