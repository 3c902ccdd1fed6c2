"""Sparse vectors from Arrow columns: a struct of two lists, or two columns of lists; sorted by index."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from qframe.columns import layout
from qframe.columns.dense import NullVectors, list_lengths, null_rows, plain_list
from qframe.columns.floats import LEAVE_OUT, is_number, number_values, to_float32
from qframe.columns.layout import Int64, Mask, ends
from qframe.columns.plain import is_list
from qframe.errors import FrameError
from qframe.model.bad import KEPT_VALUES, Bad
from qframe.model.vectors import Sparse

LARGEST_INDEX = 2**32 - 1


def sparse_struct(
    array: pa.StructArray, column: str, *, null_vectors: NullVectors = "raise"
) -> tuple[Sparse, list[Bad]]:
    """Sparse vectors from a column of structs with the fields `indices` and `values`."""
    if pa.types.is_null(array.type):
        indices, values = pa.nulls(len(array)), pa.nulls(len(array))
    else:
        names = [field.name for field in array.type]
        parts = array.flatten()  # a null struct becomes a null in each
        indices, values = parts[names.index("indices")], parts[names.index("values")]
    return sparse(indices, values, column, column, null_vectors=null_vectors)


def sparse(
    indices: pa.Array,
    values: pa.Array,
    indices_column: str,
    values_column: str,
    *,
    null_vectors: NullVectors = "raise",
) -> tuple[Sparse, list[Bad]]:
    """Sparse vectors from two columns of lists: whole numbers from 0 to 2^32 - 1, unique within a row, and numbers.

    Returns
    -------
    vectors : Sparse
        One row a row; bad ones are empty or hold what is not to be used.
    bad : list of Bad

    Raises
    ------
    FrameError
        When a column is not one of lists of such numbers.
    """
    indices, values = _lists(indices, indices_column), _lists(values, values_column)
    if not pa.types.is_integer(indices.type.value_type):
        raise FrameError(
            f"column {indices_column!r}: the indices of a sparse vector cannot be {indices.type.value_type}. "
            "Cast them to UInt32.",
            column=indices_column,
        )
    present, bad = _presence(indices, values, indices_column, values_column)
    if null_vectors == "raise":
        bad += null_rows(None if present.all() else present, indices_column)
    lengths = list_lengths(indices)
    whole = present.copy()
    for found in bad:
        whole[found.rows] = False
    uneven = whole & (lengths != list_lengths(values))
    usable = whole & ~uneven
    if uneven.any():
        bad.append(_uneven(np.flatnonzero(uneven), lengths, list_lengths(values), indices_column, values_column))
    if not usable.all():
        keep = pa.array(usable)
        indices, values = indices.filter(keep), values.filter(keep)
    lengths = np.where(usable, lengths, 0)
    rows = np.repeat(np.arange(len(lengths)), lengths)
    places, weights = indices.flatten(), values.flatten()
    index = number_values(places, indices_column)
    given = number_values(weights, values_column)
    taken = to_float32(given)
    bad += _holes(rows, places, indices_column) + _holes(rows, weights, values_column)
    there = layout.valid(weights)
    bad += _numbers(rows, given, taken, there, values_column)
    bad += _indices(rows, index, layout.valid(places), indices_column)
    order = _order(rows, index)
    if order is not None:
        index, taken = index[order], taken[order]
    bad += _repeated(rows, index, indices_column, {int(row) for found in bad for row in found.rows})
    return Sparse(ends(lengths), index.astype(np.uint32), taken, None if present.all() else present), bad


def is_sparse(dtype: pa.DataType) -> bool:
    """Whether the type is a struct of the lists `indices` and `values`."""
    if not pa.types.is_struct(dtype) or {field.name for field in dtype} != {"indices", "values"}:
        return False
    fields = {field.name: field.type for field in dtype}
    if not (is_list(fields["indices"]) and is_list(fields["values"])):
        return False
    return pa.types.is_integer(fields["indices"].value_type) and is_number(fields["values"].value_type)


def _lists(array: pa.Array, column: str) -> pa.Array:
    array = plain_list(array)
    if pa.types.is_null(array.type):
        return pa.nulls(len(array), pa.large_list(pa.uint32()))
    if not is_list(array.type):
        raise FrameError(
            f"column {column!r}: {array.type} cannot be half of a sparse vector. Take two columns of lists: "
            "(indices, values).",
            column=column,
        )
    if pa.types.is_null(array.type.value_type):  # nothing but empty lists
        return array.cast(pa.large_list(pa.uint32()))
    return array


def _presence(indices: pa.Array, values: pa.Array, first: str, second: str) -> tuple[Mask, list[Bad]]:
    """Which rows have a vector, and rows with one half of it."""
    masks = []
    for array in (indices, values):
        mask = layout.valid(array)
        masks.append(np.ones(len(array), dtype=np.bool_) if mask is None else mask)
    bad = []
    for column, without, having in ((first, ~masks[0], masks[1]), (second, ~masks[1], masks[0])):
        rows = np.flatnonzero(without & having)
        if len(rows):
            none = (None,) * min(len(rows), KEPT_VALUES)
            bad.append(Bad(column, rows, none, "one half of the sparse vector is null", f"{LEAVE_OUT}."))
    return masks[0] | masks[1], bad


def _uneven(rows: Int64, indices: Int64, values: Int64, first: str, second: str) -> Bad:
    found = tuple((int(indices[row]), int(values[row])) for row in rows[:KEPT_VALUES])
    column = first if first == second else f"{first}, {second}"
    return Bad(column, rows, found, "a sparse vector must have as many indices as values", f"{LEAVE_OUT}.")


def _found(rows: Int64, wrong: Mask, values: npt.NDArray[np.generic], column: str, message: str) -> list[Bad]:
    """Rows with a wrong element, and the first such element of each."""
    hits = np.flatnonzero(wrong)
    if len(hits) == 0:
        return []
    bad, first = np.unique(rows[hits], return_index=True)
    return [Bad(column, bad, tuple(values[hits[first[:KEPT_VALUES]]].tolist()), message, f"{LEAVE_OUT}.")]


def _holes(rows: Int64, elements: pa.Array, column: str) -> list[Bad]:
    there = layout.valid(elements)
    if there is None:
        return []
    none = np.full(len(rows), None, dtype=object)
    return _found(rows, ~there, none, column, "a vector must not hold a null")


def _numbers(
    rows: Int64, given: npt.NDArray[np.number], taken: npt.NDArray[np.float32], there: Mask | None, column: str
) -> list[Bad]:
    infinite, beyond = ~np.isfinite(given), ~np.isfinite(taken)
    beyond &= ~infinite
    if there is not None:
        infinite &= there
        beyond &= there
    message = "the number is beyond float32, in which vectors are stored"
    return [
        *_found(rows, infinite, given, column, "a vector must not hold NaN or infinity"),
        *_found(rows, beyond, given, column, message),
    ]


def _indices(rows: Int64, index: npt.NDArray[np.number], there: Mask | None, column: str) -> list[Bad]:
    outside = (index < 0) | (index > LARGEST_INDEX)
    if there is not None:
        outside &= there
    return _found(rows, outside, index, column, "an index of a sparse vector is a whole number from 0 to 2^32 - 1")


def _order(rows: Int64, index: npt.NDArray[np.number]) -> Int64 | None:
    """The order that sorts each row by index; None when it is sorted."""
    falling = (index[1:] < index[:-1]) & (rows[1:] == rows[:-1])
    return np.lexsort((index, rows)) if falling.any() else None


def _repeated(rows: Int64, index: npt.NDArray[np.number], column: str, known: set[int]) -> list[Bad]:
    same = np.zeros(len(rows), dtype=np.bool_)
    same[1:] = (index[1:] == index[:-1]) & (rows[1:] == rows[:-1])
    if known and same.any():
        same &= ~np.isin(rows, list(known))
    return _found(rows, same, index, column, "the index is there more than once")
