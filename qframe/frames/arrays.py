"""Arrays beside a frame: matrices, tensors, nested lists, sparse matrices. Knows none of their libraries."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from qframe.errors import FrameError
from qframe.frames.objects import objects_to_arrow
from qframe.frames.opening import series_to_arrow
from qframe.frames.source import Opaque
from qframe.model.vectors import Dense, Multi, Sparse

NAME = "vector"
"""What errors call an array, and the column that it is read back as."""


def open_array(value: Any) -> pa.Array | Dense | Multi | Sparse | None:
    """What a caller passed as `vector=`, if it is an array and not a column's name.

    Parameters
    ----------
    value : object
        A matrix of shape (rows, dimension) of any float or integer dtype: NumPy, `__array__`, DLPack or nested lists;
        of shape (rows, vectors, dimension) for multivectors; a scipy.sparse matrix; a series or Arrow array of lists.

    Returns
    -------
    Dense, Multi or Sparse
        float32, C-contiguous; a view where the array is that already.
    pyarrow.Array
        For a series, an Arrow array, and lists of different lengths, or with None, in which rows may be null.
    None
        For what is no array: names and mappings of names.

    Raises
    ------
    FrameError
        For a shape or dtype that is no vector.
    """
    if value is None or isinstance(value, str | bytes | bool | Mapping):
        return None
    if isinstance(value, list | tuple):
        return _from_lists(value)
    if _is_sparse(value):
        return _from_sparse(value)
    column = series_to_arrow(value)
    if column is not None:
        return column
    matrix = _as_matrix(value)
    return None if matrix is None else _from_matrix(matrix)


def _from_lists(value: list[Any] | tuple[Any, ...]) -> Dense | Multi | pa.Array | None:
    if not value or any(isinstance(row, str) for row in value):
        return None
    try:
        matrix = np.asarray(value)
    except ValueError:  # ragged
        matrix = np.empty(0, dtype=object)
    if matrix.dtype.kind in "fiu":
        return _from_matrix(matrix)
    found = objects_to_arrow(value)
    if isinstance(found, Opaque):
        raise found.error(NAME)
    return found.combine_chunks() if isinstance(found, pa.ChunkedArray) else found


def _as_matrix(value: Any) -> npt.NDArray[Any] | None:
    try:
        if isinstance(value, np.ma.MaskedArray):
            if np.ma.is_masked(value):
                raise FrameError(
                    f"{NAME}: a masked array has no vectors where it is masked. Fill it first.", column=NAME
                )
            return np.asarray(value)
        if hasattr(value, "__array__"):
            return np.asarray(value)
        if hasattr(value, "__dlpack__"):
            return np.from_dlpack(value)
    except (TypeError, ValueError, RuntimeError, BufferError) as error:
        if isinstance(error, FrameError):
            raise
        raise FrameError(
            f"{NAME}: NumPy cannot take over the {type(value).__name__} ({error}). "
            "Bring it to the CPU as float32 first, for example with tensor.detach().cpu().float().",
            column=NAME,
        ) from error
    return None


def _from_matrix(matrix: npt.NDArray[Any]) -> Dense | Multi:
    if matrix.dtype.kind not in "fiu":
        raise FrameError(
            f"{NAME}: an array of dtype {matrix.dtype} holds no vectors; floats or integers do. "
            "Convert it, for example with array.astype('float32').",
            column=NAME,
        )
    if matrix.ndim not in (2, 3) or 0 in matrix.shape[1:]:
        raise FrameError(
            f"{NAME}: an array of shape {matrix.shape} is not one vector a row. Vectors have the shape "
            "(rows, dimension), multivectors (rows, vectors, dimension).",
            column=NAME,
        )
    with np.errstate(over="ignore"):  # what float32 cannot hold becomes infinity, which the check of vectors finds
        values = np.ascontiguousarray(matrix, dtype=np.float32)
    if values.ndim == 2:
        return Dense(values)
    rows, vectors, dim = values.shape
    return Multi(np.arange(rows + 1, dtype=np.int64) * vectors, values.reshape(-1, dim))


def _is_sparse(value: Any) -> bool:
    scipy = sys.modules.get("scipy.sparse")
    return scipy is not None and bool(scipy.issparse(value))


def _from_sparse(value: Any) -> Sparse:
    if value.ndim != 2 or value.dtype.kind not in "fiu" or value.shape[1] > 2**32:
        raise FrameError(
            f"{NAME}: a sparse array of shape {value.shape} and dtype {value.dtype} is not one sparse vector a row. "
            "It needs the shape (rows, up to 2^32), of floats or integers.",
            column=NAME,
        )
    rows = value.tocsr()
    if not rows.has_canonical_format:
        rows = rows.copy() if rows is value else rows
        rows.sum_duplicates()
    offsets = rows.indptr.astype(np.int64)
    with np.errstate(over="ignore"):
        values = rows.data[: offsets[-1]].astype(np.float32)
    return Sparse(offsets, rows.indices[: offsets[-1]].astype(np.uint32), values)
