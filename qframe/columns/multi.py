"""Multivectors from Arrow columns: lists of vectors, the same number of numbers in each."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from qframe.columns import layout
from qframe.columns.dense import NullVectors, dense, list_lengths, null_rows, plain_list, usual_width
from qframe.columns.floats import LEAVE_OUT
from qframe.columns.layout import Int64, Mask
from qframe.columns.plain import is_list
from qframe.errors import FrameError
from qframe.model.bad import KEPT_VALUES, Bad
from qframe.model.limits import MULTIVECTOR_NUMBERS
from qframe.model.vectors import Multi


def multi(
    array: pa.Array,
    column: str,
    dim: int | None = None,
    *,
    whose: str = "most rows have",
    datatype: str = "float32",
    null_vectors: NullVectors = "raise",
) -> tuple[Multi, list[Bad]]:
    """Multivectors from a column of lists of lists of numbers; the parameters are those of `dense`.

    Raises
    ------
    FrameError
        When the column is of another type.
    """
    array = plain_list(array)
    if pa.types.is_null(array.type):
        array = pa.nulls(len(array), pa.list_(pa.list_(pa.float32(), dim or 1)))
    if not (is_list(array.type) and is_list(plain_type(array.type.value_type))):
        raise FrameError(
            f"column {column!r}: {array.type} cannot be a multivector. Multivectors are List columns of Array.",
            column=column,
        )
    present = layout.valid(array)
    bad = null_rows(present, column) if null_vectors == "raise" else []
    offsets = layout.ends(list_lengths(array))
    inner = array.flatten()  # leaves out null rows, whatever they hold
    vectors, wrong = dense(inner, column, dim, whose=whose, datatype=datatype)
    bad += [_outer(found, offsets) for found in wrong]
    bad += check_sizes(offsets, present, column, vectors.dim)
    return Multi(offsets, vectors.values, present), bad


def plain_type(dtype: pa.DataType) -> pa.DataType:
    """The type that an extension type is stored in; any other as it is."""
    return dtype.storage_type if isinstance(dtype, pa.BaseExtensionType) else dtype


def inner_width(array: pa.Array) -> int | None:
    """The length that most of the inner lists have."""
    array = plain_list(array)
    return usual_width(array.flatten()) if is_list(array.type) else None


def _outer(found: Bad, offsets: Int64) -> Bad:
    """What is bad in a vector is bad in the multivector that holds it."""
    rows, first = np.unique(np.searchsorted(offsets, found.rows, side="right") - 1, return_index=True)
    values = tuple(found.values[position] for position in first[:KEPT_VALUES] if position < len(found.values))
    message = "a vector of a multivector is null" if found.message == "the vector is null" else found.message
    return Bad(found.column, rows, values, message, f"{LEAVE_OUT}.")


def check_sizes(offsets: Int64, present: Mask | None, column: str, dim: int) -> list[Bad]:
    """Multivectors without a vector, and those of more numbers than Qdrant takes."""
    lengths = np.diff(offsets)
    bad = []
    empty = lengths == 0
    if present is not None:
        empty &= present
    rows = np.flatnonzero(empty)
    if len(rows):
        way_out = f"{LEAVE_OUT}; make it null and null_vectors='omit' writes the point without this vector."
        none: tuple[object, ...] = ([],) * min(len(rows), KEPT_VALUES)
        bad.append(Bad(column, rows, none, "a multivector must hold a vector", way_out))
    rows = np.flatnonzero(lengths * dim >= MULTIVECTOR_NUMBERS)
    if len(rows):
        found = tuple((lengths[rows[:KEPT_VALUES]] * dim).tolist())
        message = f"so many numbers are in the multivector, and Qdrant takes fewer than {MULTIVECTOR_NUMBERS}"
        bad.append(Bad(column, rows, found, message, "Split the document into several points."))
    return bad
