"""Dense vectors from every layout of lists and from columns of numbers; bad rows with what was found."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qframe.columns.dense import dense, dense_from_columns, usual_width
from qframe.errors import FrameError
from qframe.model.vectors import present

NAN, INF = float("nan"), float("inf")
PAIR = pa.list_(pa.float32(), 2)
LIST = pa.list_(pa.float64())


def _layouts(rows: list[list[float] | None], width: int) -> list[pa.Array]:
    """The same rows in every layout, each once more as a slice of something longer."""
    types = [
        pa.list_(pa.float32(), width),
        pa.list_(pa.float64(), width),
        pa.list_(pa.float32()),
        pa.large_list(pa.float64()),
        pa.list_view(pa.float32()),
        pa.large_list_view(pa.float32()),
    ]
    other = [9.0] * width
    found = []
    for dtype in types:
        found += [pa.array(rows, dtype), pa.array([other, None, *rows, other], dtype).slice(2, len(rows))]
    return found


@given(
    st.integers(1, 5).flatmap(
        lambda width: st.tuples(
            st.just(width),
            st.lists(st.none() | st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False),
                                          min_size=width, max_size=width), max_size=20),
        )
    )
)  # fmt: skip
def test_every_layout_gives_the_same(drawn: tuple[int, list[list[float] | None]]) -> None:
    width, rows = drawn
    for array in _layouts(rows, width):
        vectors, bad = dense(array, "e", width, null_vectors="omit")
        assert bad == []
        assert vectors.values.dtype == np.float32
        assert vectors.values.shape == (len(rows), width)
        assert present(vectors).tolist() == [row is not None for row in rows]
        for row, values in zip(rows, vectors.values, strict=True):
            if row is not None:
                np.testing.assert_array_equal(values, np.array(row, dtype=np.float32))


@pytest.mark.parametrize("dtype", [pa.list_(pa.float32(), 3), pa.list_(pa.float32()), pa.large_list(pa.float32())])
def test_float32_is_not_copied(dtype: pa.DataType) -> None:
    array = pa.array(np.arange(300, dtype=np.float32).reshape(100, 3).tolist(), dtype).slice(10, 50)
    vectors, _ = dense(array, "e", 3)
    flat = np.frombuffer(array.values.buffers()[1], dtype=np.float32)
    assert np.shares_memory(vectors.values, flat)
    np.testing.assert_array_equal(vectors.values, np.arange(30, 180).reshape(50, 3))


def test_a_null_vector_hides_what_lies_under_it() -> None:
    flat = pa.array([1.0, 2.0, NAN, NAN, 5.0, 6.0], pa.float32())
    array = pa.FixedSizeListArray.from_arrays(flat, 2, mask=pa.array([False, True, False]))
    vectors, bad = dense(array, "e", null_vectors="omit")
    assert bad == []
    assert vectors.present is not None
    assert vectors.present.tolist() == [True, False, True]
    (null,) = dense(array, "e")[1]
    assert (null.rows.tolist(), null.values) == ([1], (None,))
    assert "null_vectors='omit'" in null.way_out


def test_a_null_list_hides_what_lies_under_it() -> None:
    offsets = pa.array([0, 2, 5, 7], pa.int32())
    flat = pa.array([1.0, 2.0, NAN, NAN, NAN, 5.0, 6.0], pa.float32())
    array = pa.ListArray.from_arrays(offsets, flat, mask=pa.array([False, True, False]))
    vectors, bad = dense(array, "e", null_vectors="omit")
    assert bad == []
    assert vectors.values[[0, 2]].tolist() == [[1.0, 2.0], [5.0, 6.0]]


@pytest.mark.parametrize("dtype", [pa.int8(), pa.uint8(), pa.int64(), pa.float16(), pa.decimal128(5, 1)])
def test_numbers_of_any_type(dtype: pa.DataType) -> None:
    flat = pa.array([1, 2, 3, 4]).cast(pa.float32()).cast(dtype)
    vectors, bad = dense(pa.FixedSizeListArray.from_arrays(flat, 2), "e")
    assert vectors.values.tolist() == [[1.0, 2.0], [3.0, 4.0]]
    assert bad == []


@pytest.mark.parametrize(
    ("array", "dim", "datatype", "rows", "values", "words"),
    [
        (pa.array([[1, 2], [NAN, 2], [1, -INF]], PAIR), None, "float32", [1, 2], (NAN, -INF), "NaN or infinity"),
        (pa.array([[1, 2], [None, 2]], PAIR), None, "float32", [1], ([None, 2.0],), "must not hold a null"),
        (pa.array([[1, 2], [1], [3, 4], [1, 2, 3]], LIST), None, "float32", [1, 3], (1, 3), "most rows have 2"),
        (pa.array([[1, 2], [1, 2, 3]], LIST), 3, "float32", [0], (2,), "the collection wants 3"),
        (pa.array([[1, 2], []], LIST), None, "float32", [1], (0,), "most rows have 2"),
        (pa.array([[], []], LIST), None, "float32", [0, 1], ([], []), "must have numbers"),
        (pa.array([[1, 2], [1e39, 2]], LIST), None, "float32", [1], (1e39,), "beyond float32"),
        (pa.array([[1, 2], [3.5, 2]], PAIR), None, "uint8", [1], (3.5,), "whole numbers from 0 to 255"),
        (pa.array([[1, 256], [0, 255], [-1, 2]], PAIR), None, "uint8", [0, 2], (256.0, -1.0), "uint8"),
        (pa.array([[1, 65504], [1, 65520], [-7e4, 1]], PAIR), None, "float16", [1, 2], (65520.0, -7e4), "float16"),
        (pa.array([[1, 2]], PAIR), 3, "float32", [0], (2,), "the collection wants 3"),
    ],
)  # fmt: skip
def test_bad_rows(
    array: pa.Array, dim: int | None, datatype: str, rows: list[int], values: tuple[object, ...], words: str
) -> None:
    whose = "most rows have" if dim is None else "the collection wants"
    vectors, bad = dense(array, "e", dim, whose=whose, datatype=datatype)
    assert len(vectors) == len(array)
    found = next(item for item in bad if words in item.message)
    assert found.rows.tolist() == rows
    np.testing.assert_equal(list(found.values), list(values))
    assert words in str(found.error())


def test_large_numbers_are_not_taken_for_infinity() -> None:
    array = pa.array([[3e38, 3e38], [-3e38, -3e38], [3e38, -3e38]], PAIR)
    assert dense(array, "e")[1] == []


def test_a_row_is_bad_for_one_reason_only() -> None:
    array = pa.array([[1, 2], [None, NAN], [NAN, 1e39], None, [1]], LIST)
    _, bad = dense(array, "e", 2)
    rows = sorted(int(row) for item in bad for row in item.rows)
    assert rows == [1, 2, 3, 4]


@pytest.mark.parametrize("dtype", [pa.string(), pa.list_(pa.string()), pa.list_(pa.bool_(), 2), pa.float32()])
def test_columns_that_are_no_vectors(dtype: pa.DataType) -> None:
    with pytest.raises(FrameError, match="'e'") as caught:
        dense(pa.array([], dtype), "e")
    assert caught.value.column == "e"


def test_nothing_but_nulls() -> None:
    vectors, bad = dense(pa.nulls(3), "e", 4, null_vectors="omit")
    assert (vectors.values.shape, present(vectors).tolist(), bad) == ((3, 4), [False] * 3, [])


def test_columns_of_numbers_make_one_vector() -> None:
    columns = {
        "a": pa.array([1, None, 3, None, 5]),
        "b": pa.array([1.5, 2.0, INF, None, 1e300]),
        "c": pa.array([0, 0, 0, None, 0], pa.uint8()),
    }
    vectors, bad = dense_from_columns(columns)
    assert vectors.values[0].tolist() == [1.0, 1.5, 0.0]
    assert [(item.column, item.rows.tolist(), item.values) for item in bad] == [
        ("a, b, c", [3], (None,)),
        ("a", [1], (None,)),
        ("b", [2], (INF,)),
        ("b", [4], (1e300,)),
    ]
    vectors, bad = dense_from_columns(columns, null_vectors="omit")
    assert present(vectors).tolist() == [True, True, True, False, True]
    assert [item.column for item in bad] == ["a", "b", "b"]
    with pytest.raises(FrameError, match="'t'"):
        dense_from_columns({"t": pa.array(["x"])})


@pytest.mark.parametrize(
    ("array", "width"),
    [
        (pa.array([], PAIR), 2),
        (pa.array([[1.0], [1.0, 2.0], [3.0, 4.0], None, None, None], LIST), 2),
        (pa.array([None], LIST), None),
        (pa.array([], LIST), None),
        (pa.array(["x"]), None),
    ],
)
def test_the_usual_width(array: pa.Array, width: int | None) -> None:
    assert usual_width(array) == width
