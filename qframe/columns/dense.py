"""Dense vectors from Arrow columns: lists of one width (no copy of float32 ones), or several columns of numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from qframe.columns import layout
from qframe.columns.floats import LEAVE_OUT, check_numbers, number_values, to_float32
from qframe.columns.layout import Mask
from qframe.columns.plain import elements, is_list
from qframe.errors import FrameError
from qframe.model.bad import KEPT_VALUES, Bad
from qframe.model.vectors import Dense

NullVectors = Literal["raise", "omit"]


def plain_list(array: pa.Array) -> pa.Array:
    """Lists in one of the three layouts with offsets or one width: extension types and list views undone."""
    if isinstance(array, pa.ExtensionArray):
        array = array.storage
    if pa.types.is_list_view(array.type) or pa.types.is_large_list_view(array.type):
        # Arrow's own cast gives empty lists where no row is null (pyarrow 26).
        mask = layout.valid(array)
        child, spans = elements(array, mask)
        buffers = [layout.validity(mask), pa.py_buffer(spans)]
        return pa.Array.from_buffers(pa.large_list(child.type), len(array), buffers, children=[child])
    return array


def list_lengths(array: pa.Array) -> npt.NDArray[np.int64]:
    """How many elements each list has, 0 for null ones."""
    lengths = pc.list_value_length(array)
    filled = lengths.fill_null(0) if lengths.null_count else lengths
    return filled.to_numpy().astype(np.int64)


def usual_width(array: pa.Array) -> int | None:
    """The length that most of the lists with anything in them have; None where no list is."""
    array = plain_list(array)
    if not is_list(array.type):
        return None
    if pa.types.is_fixed_size_list(array.type):
        return int(array.type.list_size)
    present = layout.valid(array)
    lengths = list_lengths(array)
    lengths = lengths if present is None else lengths[present]
    if len(lengths) == 0:
        return None
    widths, counts = np.unique(lengths[lengths > 0] if lengths.any() else lengths, return_counts=True)
    return int(widths[counts.argmax()])


def dense(
    array: pa.Array,
    column: str,
    dim: int | None = None,
    *,
    whose: str = "most rows have",
    datatype: str = "float32",
    null_vectors: NullVectors = "raise",
) -> tuple[Dense, list[Bad]]:
    """Dense vectors from a column of lists of numbers.

    Parameters
    ----------
    array : pyarrow.Array
        Fixed-size or variable lists of integers, floats or decimals.
    column : str
        Its name, for errors.
    dim : int, optional
        Numbers that a vector must have; default: as many as most rows have.
    whose : str
        Who wants so many, for errors: "the collection's vector 'a' has".
    datatype : str
        How the collection stores the vector.
    null_vectors : "raise" or "omit"
        Whether a null is bad, or a row without this vector.

    Returns
    -------
    vectors : Dense
        One row a row; what stands in bad rows is not to be used.
    bad : list of Bad

    Raises
    ------
    FrameError
        When the column is not one of lists of numbers.
    """
    array = plain_list(array)
    n = len(array)
    if pa.types.is_null(array.type):
        array = pa.nulls(n, pa.list_(pa.float32(), dim or 1))
    if not is_list(array.type):
        raise FrameError(
            f"column {column!r}: {array.type} cannot be a vector. Dense vectors are Array or List columns of numbers.",
            column=column,
        )
    dim = dim if dim is not None else usual_width(array) or 0
    present = layout.valid(array)
    bad = null_rows(present, column) if null_vectors == "raise" else []
    fits, wrong = _fitting(array, present, column, dim, whose)
    bad += wrong
    flat, rows_in = _flat(array, fits, dim)
    given = number_values(flat, column).reshape(rows_in, dim)
    there = layout.valid(flat)
    holes: Mask | None = None if there is None else ~np.all(there.reshape(rows_in, dim), axis=1)
    taken = to_float32(given)
    if fits is not None and rows_in != n:
        given, taken = _spread(given, fits), _spread(taken, fits)
        holes = None if holes is None else _spread(holes, fits)
    if holes is not None:
        rows = np.flatnonzero(holes if fits is None else holes & fits)
        if len(rows):
            shown = tuple(array.take(pa.array(rows[:KEPT_VALUES])).to_pylist())
            bad.append(Bad(column, rows, shown, "a vector must not hold a null", f"{LEAVE_OUT}."))
            fits = ~holes if fits is None else fits & ~holes
    bad += check_numbers(given, taken, column, datatype, fits)
    return Dense(taken, present), bad


def null_rows(present: Mask | None, column: str) -> list[Bad]:
    """Rows without a vector, as bad ones."""
    if present is None:
        return []
    rows = np.flatnonzero(~present)
    way_out = f"{LEAVE_OUT}; null_vectors='omit' writes the point without this vector."
    return (
        [Bad(column, rows, (None,) * min(len(rows), KEPT_VALUES), "the vector is null", way_out)] if len(rows) else []
    )


def _fitting(array: pa.Array, present: Mask | None, column: str, dim: int, whose: str) -> tuple[Mask | None, list[Bad]]:
    """Which rows have `dim` numbers, None when all have; and the others that are not null."""
    lengths = list_lengths(array)
    fits = lengths == dim
    if present is not None:
        fits &= present
    if dim == 0:
        fits[:] = False
    if fits.all():
        return None, []
    wrong = ~fits if present is None else ~fits & present
    rows = np.flatnonzero(wrong)
    if len(rows) == 0:
        return fits, []
    if dim == 0:
        return fits, [_empty(column, rows)]
    found = tuple(lengths[rows[:KEPT_VALUES]].tolist())
    message = f"so many numbers are in the vector, and {whose} {dim}"
    return fits, [Bad(column, rows, found, message, f"{LEAVE_OUT}.")]


def _empty(column: str, rows: npt.NDArray[np.int64]) -> Bad:
    return Bad(column, rows, ([],) * min(len(rows), KEPT_VALUES), "a vector must have numbers", f"{LEAVE_OUT}.")


def _flat(array: pa.Array, fits: Mask | None, dim: int) -> tuple[pa.Array, int]:
    """The numbers of the fitting rows (of all rows of a fixed-size list of the right width), and of how many rows."""
    if pa.types.is_fixed_size_list(array.type) and array.type.list_size == dim:
        # `flatten` drops null rows, `values` does not know the slice.
        return array.values.slice(array.offset * dim, len(array) * dim), len(array)
    fitting = array if fits is None else array.filter(pa.array(fits))
    return fitting.flatten(), len(fitting)


def _spread(rows: npt.NDArray[Any], fits: Mask) -> npt.NDArray[Any]:
    """The rows where they fit, zeros elsewhere."""
    every = np.zeros((len(fits), *rows.shape[1:]), dtype=rows.dtype)
    every[fits] = rows
    return every


def dense_from_columns(
    columns: Mapping[str, pa.Array], *, datatype: str = "float32", null_vectors: NullVectors = "raise"
) -> tuple[Dense, list[Bad]]:
    """One dense vector of several columns of numbers, in the order given. A row where all are null has no vector.

    Raises
    ------
    FrameError
        When a column is not one of numbers.
    """
    names = list(columns)
    n = len(columns[names[0]])
    valid = np.ones((n, len(names)), dtype=np.bool_)
    given = np.empty((n, len(names)), dtype=np.float64)
    for position, name in enumerate(names):
        array = columns[name]
        mask = layout.valid(array)
        if mask is not None:
            valid[:, position] = mask
        given[:, position] = number_values(array, name)
    present: Mask = np.any(valid, axis=1)
    bad = null_rows(present, ", ".join(names)) if null_vectors == "raise" else []
    taken = to_float32(given)
    for position, name in enumerate(names):
        holes = np.flatnonzero(present & ~valid[:, position])
        if len(holes):
            none = (None,) * min(len(holes), KEPT_VALUES)
            bad.append(Bad(name, holes, none, "a vector must not hold a null", f"{LEAVE_OUT}."))
        cell = slice(position, position + 1)
        bad += check_numbers(given[:, cell], taken[:, cell], name, datatype, valid[:, position])
    return Dense(taken, None if present.all() else present), bad
