"""Numbers to float32 and the checks that Qdrant leaves to its clients: finite, in the range of the datatype."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from qframe.columns import layout
from qframe.columns.layout import Mask
from qframe.errors import FrameError
from qframe.model.bad import KEPT_VALUES, Bad

Float32 = npt.NDArray[np.float32]
Numbers = npt.NDArray[np.number]

HALF_LIMIT = 65_520.0
"""From here on a number rounds to infinity in float16."""

LEAVE_OUT = "Correct the row, or leave it out"


def is_number(dtype: pa.DataType) -> bool:
    """Whether values of the type can be the numbers of a vector."""
    types = pa.types
    return types.is_integer(dtype) or types.is_floating(dtype) or types.is_decimal(dtype)


def number_values(array: pa.Array, column: str) -> Numbers:
    """The values of a column of numbers as numpy has them; what stands in null rows is anything.

    Raises
    ------
    FrameError
        When they are no numbers.
    """
    dtype = array.type
    if pa.types.is_decimal(dtype):
        array = array.cast(pa.float64())
    elif pa.types.is_null(dtype):
        return np.zeros(len(array), dtype=np.float32)
    elif not is_number(dtype):
        raise FrameError(
            f"column {column!r}: the numbers of a vector cannot be {dtype}. Cast them to float32.", column=column
        )
    return layout.numbers(array, array.type.to_pandas_dtype())


def to_float32(values: Numbers) -> Float32:
    """The same numbers as float32; no copy where they are. What is beyond float32 becomes infinite."""
    with np.errstate(over="ignore", invalid="ignore"):
        return np.ascontiguousarray(values, dtype=np.float32)


def check_numbers(given: Numbers, taken: Float32, column: str, datatype: str, sound: Mask | None) -> list[Bad]:
    """Rows whose numbers cannot be stored as they are.

    Parameters
    ----------
    given, taken : numpy.ndarray
        Shape (n, d): the numbers as they came, and as float32.
    column : str
    datatype : str
        The collection's, "float32", "float16", "uint8" or another.
    sound : numpy.ndarray or None
        Which rows are worth looking at; None for all.
    """
    # One sum a row is a fifth of the cost of asking each number. It is finite unless a number is not, or the sum
    # itself overflows: rows that are asked number by number.
    with np.errstate(over="ignore", invalid="ignore"):
        suspect = ~np.isfinite(taken.sum(axis=1))
    if sound is not None:
        suspect &= sound
    found = []
    rows = np.flatnonzero(suspect)
    if len(rows):
        infinite = ~np.isfinite(given[rows])
        overflow = ~np.isfinite(taken[rows]) & ~infinite
        found += _cells(given, rows, infinite, column, "a vector must not hold NaN or infinity")
        overflow[infinite.any(axis=1)] = False
        found += _cells(given, rows, overflow, column, "the number is beyond float32, in which vectors are stored")
    wrong = _RANGES.get(datatype)
    if wrong is not None:
        usable = ~suspect if sound is None else ~suspect & sound
        rows = np.flatnonzero(usable)
        outside = wrong[0](taken[rows])
        found += _cells(given, rows, outside, column, wrong[1])
    return found


def _cells(given: Numbers, rows: npt.NDArray[np.int64], wrong: Mask, column: str, message: str) -> list[Bad]:
    """A `Bad` of the rows with a wrong number, and the first such number of each."""
    hit = wrong.any(axis=1)
    if not hit.any():
        return []
    cells = wrong.argmax(axis=1)[hit]
    bad = rows[hit]
    values = tuple(given[bad[:KEPT_VALUES], cells[:KEPT_VALUES]].tolist())
    return [Bad(column, bad, values, message, f"{LEAVE_OUT}.")]


def _not_byte(values: Float32) -> Mask:
    return (values < 0) | (values > 255) | (np.floor(values) != values)


def _not_half(values: Float32) -> Mask:
    return np.abs(values) >= HALF_LIMIT


_RANGES: dict[str, tuple[Callable[[Float32], Mask], str]] = {
    "uint8": (_not_byte, "the collection stores this vector as uint8, whole numbers from 0 to 255"),
    "float16": (_not_half, "the collection stores this vector as float16, in which the number becomes infinite"),
}
