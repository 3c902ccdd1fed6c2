"""Which types look like vectors and which can be one; what the width of a list says where the type does not. Pure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from qframe.columns import layout
from qframe.columns.dense import list_lengths, plain_list
from qframe.columns.floats import is_number
from qframe.columns.multi import plain_type
from qframe.columns.plain import is_list
from qframe.columns.sparse import is_sparse
from qframe.model.requests import CollectionInfo
from qframe.model.vectors import VectorKind

SHORTEST_LIST = 16
"""Numbers from which on a list of one width is taken for a vector without being named."""


@dataclass(frozen=True, slots=True, eq=False)
class Given:
    """What there is to decide on.

    `sample` holds the variable lists of `sample_columns` for a first stretch of rows; `length` is None for a stream;
    `without` is what an error says, as a clause, of doing without vectors.
    """

    schema: pa.Schema
    info: CollectionInfo | None
    sample: pa.RecordBatch | None
    length: int | None
    without: str = "; upsert writes points without vectors with vector=False"

    def rows(self, column: str) -> pa.Array | None:
        """The sample of a column."""
        if self.sample is None or column not in self.sample.schema.names:
            return None
        return self.sample.column(column)


def sample_columns(schema: pa.Schema) -> tuple[str, ...]:
    """Columns of which a first stretch of rows is needed: the type does not tell the width of their lists."""
    return tuple(field.name for field in schema if list_depth(field.type) and not _widths_known(field.type))


def _widths_known(dtype: pa.DataType) -> bool:
    dtype = plain_type(dtype)
    if not is_list(dtype):
        return True
    inner = plain_type(dtype.value_type)
    return pa.types.is_fixed_size_list(inner if is_list(inner) else dtype)


def list_depth(dtype: pa.DataType) -> int:
    """Levels of lists over numbers: 1 for vectors, 2 for multivectors, 0 for anything else."""
    dtype, depth = plain_type(dtype), 0
    while is_list(dtype):
        dtype, depth = plain_type(dtype.value_type), depth + 1
    return depth if is_number(dtype) and depth <= 2 else 0


def _of_floats(dtype: pa.DataType) -> bool:
    dtype = plain_type(dtype)
    while is_list(dtype):
        dtype = plain_type(dtype.value_type)
    return bool(pa.types.is_floating(dtype))


def kind_of(dtype: pa.DataType) -> VectorKind | None:
    """The kind of vector that a column of this type is when it is named as one; None when it cannot be one."""
    if is_sparse(dtype):
        return "sparse"
    return {0: None, 1: "dense", 2: "multi"}[list_depth(dtype)]


def could_be_vector(dtype: pa.DataType) -> bool:
    """Whether a column of this type may have been meant as a vector, whatever its values."""
    return kind_of(dtype) is not None and (is_sparse(dtype) or _of_floats(dtype))


def vector_like(given: Given, column: str) -> bool:
    """Whether a column looks like a vector, so that it must be named as one or left out."""
    dtype = given.schema.field(column).type
    kind = kind_of(dtype)
    if kind != "dense":
        inner = plain_type(plain_type(dtype).value_type) if kind == "multi" else None
        return kind == "sparse" or (inner is not None and pa.types.is_fixed_size_list(inner) and _of_floats(inner))
    if not _of_floats(dtype):
        return False
    if pa.types.is_fixed_size_list(plain_type(dtype)):
        return True
    width = one_width(given.rows(column))
    dims = {config.dim for config in given.info.vectors} if given.info is not None else set()
    return width is not None and (width >= SHORTEST_LIST or width in dims)


def one_width(array: pa.Array | None) -> int | None:
    """The width of all lists, None where they differ or there are none."""
    if array is None:
        return None
    array = plain_list(array)
    there = layout.valid(array)
    lengths = list_lengths(array)
    widths = np.unique(lengths if there is None else lengths[there])
    return int(widths[0]) if len(widths) == 1 else None


def rows_of_width(array: pa.Array, kind: VectorKind, dim: int) -> layout.Int64:
    """The rows with a vector of so many numbers: of lists, or of lists of lists for multivectors."""
    array = plain_list(array)
    if kind == "multi":
        ends = np.cumsum(list_lengths(array))
        inner = plain_list(array.flatten())  # which leaves out null rows
        return np.searchsorted(ends, np.flatnonzero(list_lengths(inner) == dim), side="right")
    fits = list_lengths(array) == dim
    there = layout.valid(array)
    return np.flatnonzero(fits if there is None else fits & there)
