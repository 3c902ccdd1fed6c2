"""Multivectors from lists of lists."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qframe.columns.multi import multi
from qframe.errors import FrameError
from qframe.model.limits import MULTIVECTOR_NUMBERS
from qframe.model.vectors import present

PAIR = pa.list_(pa.float32(), 2)
TYPES = (
    pa.list_(PAIR),
    pa.large_list(PAIR),
    pa.list_(pa.list_(pa.float64())),
    pa.list_view(PAIR),
    pa.large_list(pa.list_view(pa.float32())),
)
NAN = float("nan")

_VECTOR = st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=2, max_size=2)


@given(st.lists(st.none() | st.lists(_VECTOR, min_size=1, max_size=4), max_size=10))
def test_every_layout_gives_the_same(rows: list[list[list[float]] | None]) -> None:
    for dtype in TYPES:
        array = pa.array([[[9.0, 9.0]], None, *rows], dtype).slice(2)
        vectors, bad = multi(array, "m", 2, null_vectors="omit")
        assert bad == []
        assert vectors.values.dtype == np.float32
        assert present(vectors).tolist() == [row is not None for row in rows]
        spans = zip(vectors.offsets, vectors.offsets[1:], strict=False)
        assert [vectors.values[a:b].tolist() or None for a, b in spans] == rows


@pytest.mark.parametrize(
    ("rows", "row", "value", "words"),
    [
        ([[[1, 2]], []], 1, [], "must hold a vector"),
        ([[[1, 2]], None], 1, None, "the vector is null"),
        ([[[1, 2]], [[1, 2], None]], 1, None, "vector of a multivector is null"),
        ([[[1, 2]], [[1, 2], [3]]], 1, 1, "most rows have 2"),
        ([[[1, 2]], [[1, 2], [3, None]]], 1, [3.0, None], "must not hold a null"),
        ([[[1, 2]], [[1, 2], [3, NAN], [NAN, 3]]], 1, NAN, "NaN or infinity"),
        ([[[1, 2]], [[1, 1e39]]], 1, 1e39, "beyond float32"),
    ],
)
def test_bad_rows(rows: list, row: int, value: object, words: str) -> None:
    array = pa.array([*rows, [[5, 6], [7, 8]]], pa.list_(pa.list_(pa.float64())))
    vectors, (bad,) = multi(array, "m")
    assert bad.rows.tolist() == [row]
    np.testing.assert_equal(bad.values[0], value)
    assert words in str(bad.error())
    assert vectors.take(slice(2, 3)).values.tolist() == [[5.0, 6.0], [7.0, 8.0]]


def test_a_multivector_has_a_largest_size() -> None:
    count = MULTIVECTOR_NUMBERS // 1024
    flat = pa.FixedSizeListArray.from_arrays(pa.array(np.zeros((2 * count - 1) * 1024, dtype=np.float32)), 1024)
    array = pa.LargeListArray.from_arrays(pa.array([0, count - 1, 2 * count - 1]), flat)
    _, (bad,) = multi(array, "m")
    assert (bad.rows.tolist(), bad.values) == ([1], (MULTIVECTOR_NUMBERS,))
    assert "Split" in bad.way_out


def test_columns_that_are_no_multivectors() -> None:
    for dtype in (PAIR, pa.string(), pa.list_(pa.list_(pa.string()))):
        with pytest.raises(FrameError, match="'m'"):
            multi(pa.array([], dtype), "m")
