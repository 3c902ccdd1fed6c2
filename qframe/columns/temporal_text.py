"""Dates, timestamps, times and durations as ISO 8601 text, by column.

Arrow writes the digits, numpy cuts and marks them. One value has one text, whatever its unit: the fraction of a second
has 0, 3, 6 or 9 digits, as few of these as are exact (RFC 3339 leaves the number open). Knows Arrow and nothing of any
wire.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from qframe.columns.layout import Bytes, Mask, ends, numbers, rows_of, valid, validity

TICKS = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
"""Ticks a second."""

_DIGITS = {"s": 0, "ms": 3, "us": 6, "ns": 9}


def date_text(array: pa.Array) -> pa.LargeStringArray:
    """date32 and date64 as `YYYY-MM-DD`; years 0000 to 9999."""
    text = pc.fill_null(array.cast(pa.date32()), pa.scalar(0, pa.date32())).cast(pa.large_string())
    return _strings(_grid(text, 10), None, valid(array))


def timestamp_text(array: pa.Array) -> pa.LargeStringArray:
    """Timestamps of any unit and zone as RFC 3339 in UTC, `YYYY-MM-DDTHH:MM:SS[.fff[fff]]Z`; years 0000 to 9999.

    Without a zone they are taken as UTC. Nanoseconds have to be whole microseconds: what lies below is cut.
    """
    unit = array.type.unit
    ticks = _filled(array)
    text = pa.array(ticks).view(pa.timestamp(unit)).cast(pa.large_string())
    grid = _grid(text, 19 + _fraction_width(unit))
    grid[:, 10] = ord("T")
    digits = np.minimum(_fraction_digits(ticks, unit), 6)
    return _suffixed(grid, 19, digits, ord("Z"), valid(array))


def time_text(array: pa.Array) -> pa.LargeStringArray:
    """Times of day of any unit as `HH:MM:SS[.fff[fff[fff]]]`."""
    unit = array.type.unit
    text = pc.fill_null(array, pa.scalar(0, array.type)).cast(pa.large_string())
    grid = _grid(text, 8 + _fraction_width(unit))
    digits = _fraction_digits(_filled(array), unit)
    return _suffixed(grid, 8, digits, None, valid(array))


def duration_text(array: pa.Array) -> pa.LargeStringArray:
    """Durations of any unit as `[-]PT<seconds>[.fff[fff[fff]]]S`."""
    unit = array.type.unit
    ticks = _filled(array)
    # The absolute of the least int64 is right again once it is read as unsigned.
    seconds, rest = np.divmod(np.abs(ticks).view(np.uint64), np.uint64(TICKS[unit]))
    sign = pc.if_else(pa.array(ticks < 0), _large("-PT"), _large("PT"))
    parts = [sign, pa.array(seconds).cast(pa.large_string())]
    if rest.any():
        fractions = pa.array(rest.view(np.int64) * (10**9 // TICKS[unit])).view(pa.time64("ns"))
        grid = _grid(fractions.cast(pa.large_string()), 18)[:, 8:]
        parts.append(_suffixed(grid, 0, _fraction_digits(ticks, unit), None, None))
    return _nulled(pc.binary_join_element_wise(*parts, _large("S"), _large("")), valid(array))


def _large(text: str) -> pa.LargeStringScalar:
    return pa.scalar(text, pa.large_string())


def _filled(array: pa.Array) -> npt.NDArray[np.int64]:
    """Ticks as int64, 0 in null rows, whose buffer may hold anything."""
    ticks = numbers(array, np.int32 if array.type.bit_width == 32 else np.int64).astype(np.int64, copy=False)
    mask = valid(array)
    return ticks if mask is None else np.where(mask, ticks, 0)


def _fraction_width(unit: str) -> int:
    return _DIGITS[unit] + 1 if _DIGITS[unit] else 0


def _fraction_digits(ticks: npt.NDArray[np.int64], unit: str) -> npt.NDArray[Any]:
    """The digits of each fraction: 0, 3, 6 or 9."""
    digits = np.zeros(len(ticks), dtype=np.int64)
    for needed in (3, 6, 9):
        if needed <= _DIGITS[unit]:
            step = 10 ** (_DIGITS[unit] - needed + 3)
            digits[ticks % step != 0] = needed
    return digits


def _grid(text: pa.LargeStringArray, width: int) -> Bytes:
    """Equally long strings as a copy of shape (n, width)."""
    flat = rows_of(text)
    if len(flat) != len(text) * width:
        raise ValueError("a date or time beyond what four-digit years and 24 hours can say; check_payload finds it")
    return flat.reshape(len(text), width).copy()


def _suffixed(
    grid: Bytes, whole: int, digits: npt.NDArray[Any], suffix: int | None, mask: Mask | None
) -> pa.LargeStringArray:
    """Rows cut behind `digits` of their fraction, which begins with its point at `whole`; the suffix behind each."""
    kept = whole + digits + (digits > 0)
    if suffix is not None:
        wide = np.empty((len(grid), grid.shape[1] + 1), dtype=np.uint8)
        wide[:, :-1] = grid
        wide[np.arange(len(grid)), kept] = suffix
        grid, kept = wide, kept + 1
    return _strings(grid, kept, mask)


def _strings(grid: Bytes, lengths: npt.NDArray[Any] | None, mask: Mask | None) -> pa.LargeStringArray:
    """The first `lengths` bytes of each row, all of them by default; null where the mask is false."""
    n, width = grid.shape
    if lengths is None:
        lengths = np.full(n, width, dtype=np.int64)
    if mask is not None:
        lengths = lengths * mask
    if n and (least := int(lengths.min())) == int(lengths.max()):
        flat = np.ascontiguousarray(grid[:, :least]).reshape(-1)
    else:
        flat = grid[np.arange(width) < lengths[:, None]]
    buffers = [validity(mask), pa.py_buffer(ends(lengths)), pa.py_buffer(flat)]
    return pa.Array.from_buffers(pa.large_string(), n, buffers)


def _nulled(text: pa.LargeStringArray, mask: Mask | None) -> pa.LargeStringArray:
    return text if mask is None else pc.if_else(pa.array(mask), text, pa.scalar(None, pa.large_string()))
