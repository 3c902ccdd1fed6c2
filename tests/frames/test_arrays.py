"""Arrays beside a frame."""

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import scipy.sparse

from qframe.errors import FrameError
from qframe.frames.arrays import open_array
from qframe.model.vectors import Dense, Multi, Sparse


def test_a_float32_matrix_is_not_copied():
    matrix = np.ones((3, 4), "f4")
    found = open_array(matrix)
    assert isinstance(found, Dense)
    assert found.values.ctypes.data == matrix.ctypes.data


@pytest.mark.parametrize("dtype", ["f2", "f8", "i1", "u8", "f4"])
def test_dtypes_and_order(dtype):
    matrix = np.arange(6).reshape(2, 3).astype(dtype)
    for given in (matrix, np.asfortranarray(matrix), matrix[:, ::-1][:, ::-1]):
        found = open_array(given)
        assert found.values.dtype == np.float32
        assert found.values.flags.c_contiguous
        assert found.values.tolist() == [[0, 1, 2], [3, 4, 5]]


class Tensor:
    """A tensor of a library that is not NumPy."""

    def __init__(self, values):
        self.values = values

    def __dlpack__(self, **options):
        return self.values.__dlpack__()

    def __dlpack_device__(self):
        return self.values.__dlpack_device__()


class OnDevice:
    def __array__(self, dtype=None, copy=None):
        raise TypeError("can't convert cuda tensor to numpy")


def test_other_arrays():
    expected = [[1.0, 2.0]]
    assert open_array([[1, 2]]).values.tolist() == expected
    assert open_array(([1.0, 2.0],)).values.tolist() == expected
    assert open_array([np.array([1.0, 2.0])]).values.tolist() == expected
    assert open_array(Tensor(np.array(expected))).values.tolist() == expected
    assert open_array(pd.DataFrame({"a": [1.0], "b": [2.0]})).values.tolist() == expected
    with pytest.raises(FrameError, match=r"cannot take over the OnDevice .*cuda.*\.cpu\(\)"):
        open_array(OnDevice())


def test_three_dimensions_are_multivectors():
    found = open_array(np.arange(12.0).reshape(2, 2, 3))
    assert isinstance(found, Multi)
    assert found.offsets.tolist() == [0, 2, 4]
    assert found.values.tolist() == np.arange(12.0).reshape(4, 3).tolist()


def test_series_arrow_and_ragged_lists_come_as_arrow():
    lists = [[1.0, 2.0], None]
    for given in (lists, pl.Series(lists), pd.Series(lists), pa.array(lists), pa.chunked_array([lists])):
        assert open_array(given).to_pylist() == lists
    assert open_array([[[1.0]], [[2.0], [3.0]]]).to_pylist() == [[[1.0]], [[2.0], [3.0]]]
    with pytest.raises(FrameError, match="column 'vector', row 1"):
        open_array([[1.0], 3])


def test_sparse_matrices():
    dense = np.array([[0, 2.5, 0], [0, 0, 0], [1, 0, 3]])
    for given in (scipy.sparse.csr_matrix(dense), scipy.sparse.coo_array(dense), scipy.sparse.csc_array(dense)):
        found = open_array(given)
        assert isinstance(found, Sparse)
        assert found.offsets.tolist() == [0, 1, 1, 3]
        assert found.indices.tolist() == [1, 0, 2]
        assert found.values.tolist() == [2.5, 1, 3]
        assert (found.offsets.dtype, found.indices.dtype, found.values.dtype) == ("i8", "u4", "f4")


def test_sparse_indices_are_sorted_and_unique_and_the_matrix_is_left_alone():
    given = scipy.sparse.csr_matrix(([1.0, 2.0, 4.0], [2, 0, 2], [0, 3]), shape=(1, 3))
    found = open_array(given)
    assert found.indices.tolist() == [0, 2]
    assert found.values.tolist() == [2, 5]
    assert given.indices.tolist() == [2, 0, 2]


@pytest.mark.parametrize("value", [None, "embedding", ["a", "b"], [], {"a": "b"}, False, 3])
def test_what_is_no_array(value):
    assert open_array(value) is None


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (np.ones((1, 1, 1, 1)), r"shape \(1, 1, 1, 1\)"),
        (np.ones((3, 0)), r"shape \(3, 0\)"),
        (np.array(1.0), r"shape \(\)"),
        (np.ones((2, 2), dtype=bool), "dtype bool holds no vectors"),
        (np.ones((2, 2), dtype=complex), "dtype complex128"),
        (np.array([["a"]]), "dtype <U1"),
        (np.ma.masked_less(np.ones((2, 2)), 2), "masked"),
        (scipy.sparse.csr_matrix(np.ones((2, 2), dtype=bool)), "dtype bool"),
    ],
)
def test_what_is_no_vector(value, message):
    with pytest.raises(FrameError, match=message) as caught:
        open_array(value)
    assert caught.value.column == "vector"
