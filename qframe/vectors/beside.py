"""Vectors beside the frame: arrays, one row a row of the frame, checked part by part as columns are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from qframe.columns.dense import NullVectors, dense, usual_width
from qframe.columns.floats import check_numbers
from qframe.columns.multi import check_sizes, inner_width, multi
from qframe.columns.plain import is_list
from qframe.columns.sparse import sparse
from qframe.errors import FrameError
from qframe.frames.arrays import open_array
from qframe.model.bad import Bad
from qframe.model.vectors import Dense, Multi, Sparse, VectorColumn, VectorKind


@dataclass(frozen=True, slots=True, eq=False)
class Beside:
    """An array beside the frame.

    Parameters
    ----------
    kind : "dense", "sparse" or "multi"
    dim : int or None
        None for sparse vectors, and for lists none of which holds anything.
    content : Dense, Multi, Sparse or pyarrow.Array
        As `open_array` gives it; an Arrow array is one of lists.
    """

    kind: VectorKind
    dim: int | None
    content: Dense | Multi | Sparse | pa.Array

    def part(
        self, start: int, stop: int, column: str, dim: int | None, whose: str, datatype: str, null_vectors: NullVectors
    ) -> tuple[VectorColumn, list[Bad]]:
        """The rows `start:stop` as vectors, and what is bad in them; see `qframe.columns.dense.dense`."""
        if isinstance(self.content, pa.Array):
            read = multi if self.kind == "multi" else dense
            rows = self.content.slice(start, stop - start)
            return read(rows, column, dim, whose=whose, datatype=datatype, null_vectors=null_vectors)
        taken = self.content.take(slice(start, stop))
        if isinstance(taken, Sparse):
            indices, values = (_lists(taken.offsets, part) for part in (taken.indices, taken.values))
            return sparse(indices, values, column, column)
        # The vectors of an array's multivectors are as many in every row.
        flat = taken.values.reshape(len(taken), -1)
        bad = check_numbers(flat, flat, column, datatype, None)
        if isinstance(taken, Multi):
            bad += check_sizes(taken.offsets, None, column, taken.dim)
        return taken, bad


def _lists(offsets: Any, values: Any) -> pa.LargeListArray:
    return pa.LargeListArray.from_arrays(pa.array(offsets), pa.array(values))


def beside(value: Any, length: int | None, label: str) -> Beside | None:
    """An array beside the frame, None for what is no array but names columns.

    Parameters
    ----------
    value : object
        Whatever `open_array` takes.
    length : int or None
        Rows of the frame; None for a stream.
    label : str
        The option, for errors: "vector" or "vector['dense']".

    Raises
    ------
    FrameError
        For arrays of another shape, and arrays that have not the frame's rows.
    """
    content = open_array(value)
    if content is None:
        return None
    if length is None:
        raise FrameError(
            f"{label}: an array beside a stream, whose rows are not known beforehand. Make it a column, or collect the "
            "stream first.",
            column=label,
        )
    if len(content) != length:
        raise FrameError(
            f"{label}: an array of {len(content)} rows beside a frame of {length}. Give one vector for each row, in "
            "the order of the frame.",
            column=label,
            value=len(content),
        )
    if isinstance(content, Sparse):
        return Beside("sparse", None, content)
    if isinstance(content, Dense | Multi):
        return Beside(content.kind, content.dim, content)
    return _of_lists(content, label)


def _of_lists(array: pa.Array, label: str) -> Beside:
    dtype = array.type
    if not is_list(dtype):
        raise FrameError(
            f"{label}: an array of shape ({len(array)},) of {dtype} is not one vector a row. Vectors beside the frame "
            "have the shape (rows, dimension), or are lists of numbers.",
            column=label,
            value=str(dtype),
        )
    if is_list(dtype.value_type):
        return Beside("multi", inner_width(array), array)
    return Beside("dense", usual_width(array), array)
