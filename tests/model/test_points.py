"""Points and what they are made of: any choice of rows is those rows, and pickles to little more than them."""

from __future__ import annotations

import pickle

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qframe.model.batch import Batch
from qframe.model.ids import Ids
from qframe.model.operations import Upsert
from qframe.model.points import Points
from qframe.model.vectors import Dense, Multi, Sparse, VectorColumn

N = 40
RNG = np.random.default_rng(0)
SPANS = np.arange(N + 1, dtype=np.int64) * 3
COLUMNS: dict[str, VectorColumn] = {
    "": Dense(RNG.random((N, 5), dtype=np.float32)),
    "words": Sparse(SPANS, RNG.integers(0, 99, 3 * N).astype(np.uint32), RNG.random(3 * N, dtype=np.float32)),
    "tokens": Multi(SPANS, RNG.random((3 * N, 2), dtype=np.float32), np.arange(N) % 2 == 0),
}
POINTS = Points(
    Ids(np.arange(N, dtype=np.uint64) + 1000),
    COLUMNS,
    pa.record_batch({"text": [f"row {row} " * (row % 5) for row in range(N)], "n": np.arange(N)}),
    range(500, 500 + N),
)

slices = st.tuples(st.integers(0, N), st.integers(0, N)).map(lambda pair: slice(min(pair), max(pair)))
positions = st.lists(st.integers(0, N - 1), max_size=N).map(lambda found: np.array(found, dtype=np.int64))


def cells(column: VectorColumn, row: int) -> object:
    """What a vector column holds in a row."""
    if isinstance(column, Dense):
        return column.values[row].tolist()
    span = slice(column.offsets[row], column.offsets[row + 1])
    if isinstance(column, Sparse):
        return column.indices[span].tolist(), column.values[span].tolist()
    return column.values[span].tolist()


@given(index=slices | positions)
def test_any_rows_are_those_rows_also_after_a_pickle(index: slice | np.ndarray) -> None:
    rows = list(range(N)[index]) if isinstance(index, slice) else index.tolist()
    taken = POINTS.take(index)
    for found in (taken, pickle.loads(pickle.dumps(taken))):
        assert found.ids.tolist() == [1000 + row for row in rows]
        assert list(found.rows) == [500 + row for row in rows]
        assert found.payload.to_pylist() == [POINTS.payload.to_pylist()[row] for row in rows]
        for name, column in COLUMNS.items():
            assert [cells(found.vectors[name], place) for place in range(len(rows))] == [
                cells(column, row) for row in rows
            ]
        tokens = found.vectors["tokens"]
        there = np.ones(len(rows), dtype=bool) if tokens.present is None else tokens.present
        assert there.tolist() == [row % 2 == 0 for row in rows]


@pytest.mark.parametrize("index", [slice(30_000, 30_500), np.arange(0, 50_000, 100)], ids=["slice", "positions"])
def test_a_batch_pickles_to_little_more_than_its_rows(index: slice | np.ndarray) -> None:
    """A pickled slice of Arrow data carries its whole parent; an operation must not."""
    many = 50_000
    whole = Points(
        Ids(np.arange(many, dtype=np.uint64)),
        {"": Dense(np.zeros((many, 16), dtype=np.float32))},
        pa.record_batch({"text": pa.array(["x" * 100] * many), "n": np.arange(many)}),
        range(many),
    )
    rows = 500 * (8 + 16 * 4 + 104 + 8)
    assert len(pickle.dumps(Batch("c", (Upsert(whole.take(index)),)))) < 1.2 * rows


def test_halves_keep_order_and_lose_nothing() -> None:
    left, right = Batch("c", (Upsert(POINTS),), 3).halves()
    assert [*left.rows, *right.rows] == list(POINTS.rows)
    assert (left.number, right.number) == (3, 3)


@given(st.lists(st.uuids(), max_size=9))
def test_uuids_are_lower_case_and_hyphenated(found: list) -> None:
    raw = np.frombuffer(b"".join(one.bytes for one in found), dtype=np.uint8).reshape(-1, 16)
    ids = Ids(raw)
    assert ids.tolist() == [str(one) for one in found]
    assert [ids[row] for row in range(len(ids))] == [str(one) for one in found]
    assert len(np.unique(ids.keys())) == len(set(found))
