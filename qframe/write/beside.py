"""Vectors beside the frame: arrays of any library, one row a row of the frame. Knows arrays by their protocols only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from qframe.columns.dense import NullVectors, dense, usual_width
from qframe.columns.floats import check_numbers, to_float32
from qframe.columns.multi import inner_width, multi
from qframe.columns.plain import is_list
from qframe.columns.sparse import sparse
from qframe.errors import FrameError
from qframe.model.bad import Bad
from qframe.model.vectors import Dense, Multi, VectorColumn, VectorKind


@dataclass(frozen=True, slots=True, eq=False)
class Beside:
    """An array beside the frame.

    Parameters
    ----------
    kind : "dense", "sparse" or "multi"
    length : int
        Its rows.
    dim : int or None
    content : numpy.ndarray, pyarrow.ChunkedArray or scipy.sparse.csr_array
        Numbers of shape (n, d), or (n, k, d) for multivectors; lists; a sparse matrix.
    """

    kind: VectorKind
    length: int
    dim: int | None
    content: Any

    def part(
        self, start: int, stop: int, column: str, dim: int | None, whose: str, datatype: str, null_vectors: NullVectors
    ) -> tuple[VectorColumn, list[Bad]]:
        """The rows `start:stop` as vectors, and what is bad in them; see `qframe.columns.dense.dense`."""
        rows = self.content[start:stop]
        if isinstance(rows, pa.ChunkedArray):
            read = multi if self.kind == "multi" else dense
            array = rows.combine_chunks()
            return read(array, column, dim, whose=whose, datatype=datatype, null_vectors=null_vectors)
        if self.kind == "sparse":
            return _sparse_rows(rows, column)
        taken = to_float32(rows)
        flat = taken.reshape(len(taken), -1)
        bad = check_numbers(rows.reshape(flat.shape), flat, column, datatype, None)
        if self.kind == "dense":
            return Dense(taken), bad
        count, dim = taken.shape[1:]
        return Multi(np.arange(len(taken) + 1, dtype=np.int64) * count, taken.reshape(-1, dim)), bad


def _sparse_rows(rows: Any, column: str) -> tuple[VectorColumn, list[Bad]]:
    rows = rows.copy()
    rows.sum_duplicates()  # what equal places mean in a matrix; sorts, too
    spans = pa.array(rows.indptr.astype(np.int64))
    indices = pa.LargeListArray.from_arrays(spans, pa.array(rows.indices.astype(np.int64)))
    values = pa.LargeListArray.from_arrays(spans, pa.array(rows.data))
    return sparse(indices, values, column, column)


def is_array(value: object) -> bool:
    """Whether the value is an array rather than the name of columns."""
    if isinstance(value, str | list | tuple | dict | type):
        return False
    protocols = ("tocsr", "__array__", "__arrow_c_array__", "__arrow_c_stream__", "__dlpack__")
    return isinstance(value, pa.Array | pa.ChunkedArray) or any(hasattr(value, name) for name in protocols)


def beside(value: Any, label: str) -> Beside:
    """An array beside the frame: numpy, anything with ``__array__``, DLPack or Arrow's protocols, scipy.sparse.

    Parameters
    ----------
    value : array
        Shape (n, d) for dense vectors, (n, k, d) for multivectors; a sparse matrix of shape (n, size); an Arrow array
        or Series of lists.
    label : str
        The option, for errors: "vector" or "vector['dense']".

    Raises
    ------
    FrameError
        For another shape, or values that are no numbers.
    """
    if hasattr(value, "tocsr"):
        matrix = value.tocsr()
        _check_numbers_dtype(matrix.dtype, label)
        return Beside("sparse", matrix.shape[0], None, matrix)
    lists = _as_lists(value, label)
    if lists is not None:
        return lists
    array = _as_numpy(value, label)
    if array.ndim == 3 and 0 not in array.shape[1:]:
        return Beside("multi", len(array), array.shape[2], array)
    if array.ndim != 2 or array.shape[1] == 0:
        raise FrameError(
            f"{label}: an array of shape {array.shape}: vectors beside the frame have the shape (rows, numbers), or "
            "(rows, vectors, numbers) for multivectors.",
            column=label,
            value=array.shape,
        )
    return Beside("dense", len(array), array.shape[1], array)


def _as_lists(value: Any, label: str) -> Beside | None:
    """An Arrow array or Series of lists; None for what is no list column."""
    if isinstance(value, pa.Array):
        chunks = pa.chunked_array([value])
    elif isinstance(value, pa.ChunkedArray):
        chunks = value
    elif hasattr(value, "__arrow_c_stream__") and len(getattr(value, "shape", ())) == 1:
        chunks = pa.chunked_array(value)
    elif isinstance(value, np.ndarray) and value.dtype == object and value.ndim == 1:
        chunks = _objects(value, label)
    else:
        return None
    dtype = chunks.type
    if not is_list(dtype):
        raise FrameError(
            f"{label}: an array of {dtype}: vectors beside the frame are lists of numbers, one a row.", column=label
        )
    array = chunks.combine_chunks() if chunks.num_chunks != 1 else chunks.chunk(0)
    if is_list(dtype.value_type):
        return Beside("multi", len(chunks), inner_width(array), chunks)
    return Beside("dense", len(chunks), usual_width(array), chunks)


def _objects(value: Any, label: str) -> pa.ChunkedArray:
    try:
        return pa.chunked_array([pa.array(list(value), from_pandas=True)])
    except (pa.ArrowException, TypeError, ValueError) as error:
        raise FrameError(
            f"{label}: an array of objects that are not all lists of numbers: {error}", column=label
        ) from error


def _as_numpy(value: Any, label: str) -> Any:
    try:
        array = np.asarray(value) if hasattr(value, "__array__") else np.from_dlpack(value)
    except (TypeError, ValueError, RuntimeError, BufferError) as error:
        raise FrameError(
            f"{label}: a {type(value).__name__} that does not become an array of numbers: {error}", column=label
        ) from error
    _check_numbers_dtype(array.dtype, label)
    if isinstance(value, np.ma.MaskedArray):
        array = np.where(np.ma.getmaskarray(value), np.nan, array)
    return array


def _check_numbers_dtype(dtype: Any, label: str) -> None:
    if np.dtype(dtype).kind not in "iuf":
        raise FrameError(
            f"{label}: an array of {dtype}: the numbers of a vector are integers or floats.",
            column=label,
            value=str(dtype),
        )


def check_length(array: Beside, length: int | None, label: str) -> None:
    """The array must have the frame's rows.

    Raises
    ------
    FrameError
    """
    if length is None:
        raise FrameError(
            f"{label}: an array beside a stream, whose rows are not known beforehand. Make it a column, or collect the "
            "stream first.",
            column=label,
        )
    if array.length != length:
        raise FrameError(
            f"{label}: an array of {array.length} rows beside a frame of {length}. Give one vector for each row, in "
            "the order of the frame.",
            column=label,
            value=array.length,
        )
