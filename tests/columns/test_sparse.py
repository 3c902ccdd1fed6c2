"""Sparse vectors from structs and from pairs of lists."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qframe.columns.sparse import is_sparse, sparse, sparse_struct
from qframe.errors import FrameError
from qframe.model.vectors import Sparse, present

INDICES, VALUES = pa.list_(pa.int64()), pa.list_(pa.float64())
STRUCT = pa.struct([("indices", INDICES), ("values", VALUES)])
NAN = float("nan")


def _rows(vectors: Sparse) -> list[dict[int, float] | None]:
    there = present(vectors)
    spans = zip(vectors.offsets, vectors.offsets[1:], strict=False)
    return [
        dict(zip(vectors.indices[a:b].tolist(), vectors.values[a:b].tolist(), strict=True)) if there[row] else None
        for row, (a, b) in enumerate(spans)
    ]


_FLOATS = st.floats(width=32, allow_nan=False, allow_infinity=False)


@given(st.lists(st.none() | st.dictionaries(st.integers(0, 2**32 - 1), _FLOATS, max_size=5), max_size=10), st.randoms())
def test_rows_in_any_order_come_sorted(rows: list[dict[int, float] | None], random: object) -> None:
    shuffled = [None if row is None else random.sample(sorted(row), len(row)) for row in rows]
    indices = [None if keys is None else keys for keys in shuffled]
    values = [None if keys is None else [rows[i][key] for key in keys] for i, keys in enumerate(shuffled)]
    structs = [None if keys is None else {"indices": keys, "values": values[i]} for i, keys in enumerate(shuffled)]
    padded = pa.array([{"indices": [9], "values": [1.0]}, None, *structs], STRUCT).slice(2)
    for vectors, bad in (
        sparse(pa.array(indices, INDICES), pa.array(values, VALUES), "i", "v", null_vectors="omit"),
        sparse(pa.array(indices, pa.large_list(pa.uint32())), pa.array(values, VALUES), "i", "v", null_vectors="omit"),
        sparse_struct(padded, "s", null_vectors="omit"),
    ):
        assert bad == []
        assert vectors.indices.dtype == np.uint32
        assert vectors.values.dtype == np.float32
        assert _rows(vectors) == rows
        assert all(list(row) == sorted(row) for row in _rows(vectors) if row)


@pytest.mark.parametrize(
    ("indices", "values", "column", "row", "value", "words"),
    [
        ([[1, 1]], [[1.0, 2.0]], "i", 0, 1, "more than once"),
        ([[5, 1, 5]], [[1.0, 2.0, 3.0]], "i", 0, 5, "more than once"),
        ([[1], [-1]], [[1.0], [2.0]], "i", 1, -1, "0 to 2^32 - 1"),
        ([[1], [2**32]], [[1.0], [2.0]], "i", 1, 2**32, "0 to 2^32 - 1"),
        ([[1], [1, 2]], [[1.0], [2.0]], "i, v", 1, (2, 1), "as many indices as values"),
        ([[1], None], [[1.0], [2.0]], "i", 1, None, "one half"),
        ([[1], [2]], [[1.0], None], "v", 1, None, "one half"),
        ([[1], None], [[1.0], None], "i", 1, None, "the vector is null"),
        ([[1], [None]], [[1.0], [2.0]], "i", 1, None, "must not hold a null"),
        ([[1], [2, 3]], [[1.0], [2.0, None]], "v", 1, None, "must not hold a null"),
        ([[1], [2]], [[1.0], [NAN]], "v", 1, NAN, "NaN or infinity"),
        ([[1], [2]], [[1.0], [1e39]], "v", 1, 1e39, "beyond float32"),
    ],
)
def test_bad_rows(indices: list, values: list, column: str, row: int, value: object, words: str) -> None:
    good = ([[7, 8]], [[0.1, 0.2]])
    vectors, (bad,) = sparse(pa.array(indices + good[0], INDICES), pa.array(values + good[1], VALUES), "i", "v")
    assert len(vectors) == len(indices) + 1
    assert (bad.column, bad.rows.tolist()) == (column, [row])
    np.testing.assert_equal(bad.values[0], value)
    assert words in str(bad.error())
    last = vectors.take(np.array([len(indices)]))
    assert last.indices.tolist() == [7, 8]


def test_empty_vectors_are_vectors() -> None:
    vectors, bad = sparse(pa.array([[], []]), pa.array([[], []], VALUES), "i", "v")
    assert bad == []
    assert _rows(vectors) == [{}, {}]


@pytest.mark.parametrize(
    ("indices", "values", "column"),
    [
        (pa.array([[1.5]]), pa.array([[1.0]]), "i"),
        (pa.array([1]), pa.array([[1.0]]), "i"),
        (pa.array([[1]]), pa.array([["x"]]), "v"),
        (pa.array([[1]]), pa.array(["x"]), "v"),
    ],
)
def test_columns_that_are_no_halves(indices: pa.Array, values: pa.Array, column: str) -> None:
    with pytest.raises(FrameError) as caught:
        sparse(indices, values, "i", "v")
    assert caught.value.column == column


def test_the_type_of_a_sparse_column() -> None:
    assert is_sparse(STRUCT)
    assert is_sparse(pa.struct([("values", VALUES), ("indices", pa.large_list(pa.uint32()))]))
    assert not is_sparse(pa.struct([("indices", VALUES), ("values", VALUES)]))
    assert not is_sparse(pa.struct([("indices", INDICES)]))
    assert not is_sparse(INDICES)
