"""ISO 8601 text as dates, timestamps, times of day and durations, by column and strictly.

Dates `YYYY-MM-DD`; timestamps RFC 3339 with `Z`, an offset or nothing (which is UTC), or a date alone; times
`HH:MM:SS[.f…]`; durations `[-]P[nW][nD][T[nH][nM][n[.f…]S]]`. A fraction has up to nine digits and must be a whole
number of the type's units: nothing is rounded. Knows text and Arrow, and nothing of where the text came from.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from qframe.columns.durations import seconds_of
from qframe.columns.layout import Bytes, Int64, Mask, content, offsets, validity
from qframe.columns.temporal_text import TICKS

_DAY = 86_400
_NANO = 10**9
_MONTH_DAYS = np.array([0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31], dtype=np.int64)
_WIDEST = 35
"""`2024-01-03T04:05:06.123456789+02:00`."""

_types = pa.types


def parse(strings: pa.LargeStringArray, dtype: pa.DataType) -> tuple[pa.Array, Mask]:
    """The temporal column of a text column.

    Parameters
    ----------
    strings : pyarrow.LargeStringArray
    dtype : pyarrow.DataType
        Any date, timestamp, time or duration type.

    Returns
    -------
    pyarrow.Array
        Of that type; null where the text is null or is no such value.
    numpy.ndarray
        Which rows hold a value, `bool` of shape (n,).
    """
    given: Mask = strings.is_valid().to_numpy(zero_copy_only=False)
    if _types.is_duration(dtype):
        seconds, nanos, good = seconds_of(strings)
    else:
        seconds, nanos, good = _grids(strings, dtype)
    ticks, fits = _ticks(seconds, nanos, dtype)
    good &= given & fits
    whole = np.where(good, ticks, 0).astype(np.int32 if dtype.bit_width == 32 else np.int64)
    bitmap = None if good.all() else validity(good)
    return pa.Array.from_buffers(dtype, len(strings), [bitmap, pa.py_buffer(whole)]), good


def _ticks(seconds: Int64, nanos: Int64, dtype: pa.DataType) -> tuple[Int64, Mask]:
    """Seconds and 0 ≤ nanoseconds < 10^9 in the type's unit, and where they are a whole number of units in range."""
    if _types.is_date32(dtype):
        return seconds // _DAY, np.ones(len(seconds), dtype=np.bool_)
    a_second = 1_000 if _types.is_date64(dtype) else TICKS[dtype.unit]
    rest, left = np.divmod(nanos, _NANO // a_second)
    most = (2**63 - 1) // a_second
    low, low_rest = divmod(-(2**63), a_second)
    # The last second of int64 is not whole in either direction.
    top = (seconds < most) | ((seconds == most) & (rest <= 2**63 - 1 - most * a_second))
    bottom = (seconds > low) | ((seconds == low) & (rest >= low_rest))
    fits = (left == 0) & top & bottom
    inside = np.where(fits, seconds, 0)
    # In unsigned arithmetic the least second times its ticks wraps to where the rest brings it back.
    return (inside.view(np.uint64) * np.uint64(a_second) + rest.view(np.uint64)).view(np.int64), fits


def _grids(strings: pa.LargeStringArray, dtype: pa.DataType) -> tuple[Int64, Int64, Mask]:
    """Seconds, nanoseconds and success of fixed-position text, one grid for all texts of one length and ending."""
    n = len(strings)
    seconds, nanos, good = np.zeros(n, dtype=np.int64), np.zeros(n, dtype=np.int64), np.zeros(n, dtype=np.bool_)
    read = _time if _types.is_time(dtype) else _date if _types.is_date(dtype) else _timestamp
    spans = offsets(strings)
    lengths = np.diff(spans)
    data = content(strings)
    for length in np.flatnonzero(np.bincount(np.minimum(lengths, _WIDEST + 1), minlength=9)):
        if not 8 <= length <= _WIDEST:
            continue
        rows = np.flatnonzero(lengths == length)
        grid = data[spans[rows][:, None] + np.arange(length)]
        for part, zone in _by_zone(grid, read is _timestamp):
            where = rows[part]
            seconds[where], nanos[where], good[where] = read(grid[part], zone)
    return seconds, nanos, good


def _by_zone(grid: Bytes, zoned: bool) -> list[tuple[Any, int]]:
    """The rows of a grid by the width of their zone: 0 for none, 1 for `Z`, 6 for an offset."""
    length = grid.shape[1]
    if not zoned or length <= 10:
        return [(slice(None), 0)]
    letter = (grid[:, -1] | 32) == ord("z")
    offset = np.zeros(len(grid), dtype=np.bool_)
    if length >= 25:
        offset = ((grid[:, -6] == ord("+")) | (grid[:, -6] == ord("-"))) & (grid[:, -3] == ord(":"))
    parts = ((letter, 1), (offset, 6), (~letter & ~offset, 0))
    return [(slice(None) if mask.all() else mask, zone) for mask, zone in parts if mask.any()]


def _number(grid: Bytes, start: int, stop: int, good: Mask) -> Int64:
    """The digits of some columns as a number; rows that hold anything else lose their `good`."""
    total = np.zeros(len(grid), dtype=np.int64)
    for place in range(start, stop):
        # Unsigned, so that what stands before "0" is more than 9 too.
        digit = grid[:, place] - np.uint8(ord("0"))
        good &= digit <= 9
        total *= 10
        total += digit
    return total


def _marks(grid: Bytes, good: Mask, marks: dict[int, str]) -> None:
    for place, allowed in marks.items():
        column = grid[:, place]
        good &= np.logical_or.reduce([column == ord(mark) for mark in allowed])


def _date(grid: Bytes, _: int = 0) -> tuple[Int64, Int64, Mask]:
    good = np.full(len(grid), grid.shape[1] == 10)
    if grid.shape[1] != 10:
        return np.zeros(len(grid), dtype=np.int64), np.zeros(len(grid), dtype=np.int64), good
    return _days(grid, good) * _DAY, np.zeros(len(grid), dtype=np.int64), good


def _days(grid: Bytes, good: Mask) -> Int64:
    """Days since 1970 of `YYYY-MM-DD` in the first ten columns (proleptic Gregorian)."""
    _marks(grid, good, {4: "-", 7: "-"})
    year, month, day = _number(grid, 0, 4, good), _number(grid, 5, 7, good), _number(grid, 8, 10, good)
    good &= (month >= 1) & (month <= 12) & (day >= 1)
    leap = (year % 4 == 0) & ((year % 100 != 0) | (year % 400 == 0))
    good &= day <= _MONTH_DAYS[np.clip(month, 0, 12)] + (leap & (month == 2))
    # Years that begin in March have their leap day last.
    shifted = year - (month <= 2)
    era = shifted // 400
    of_era = shifted - era * 400
    of_year = (153 * ((month + 9) % 12) + 2) // 5 + day - 1
    return era * 146_097 + of_era * 365 + of_era // 4 - of_era // 100 + of_year - 719_468


def _clock(grid: Bytes, start: int, good: Mask) -> Int64:
    """Seconds of `HH:MM:SS` from a column on."""
    _marks(grid, good, {start + 2: ":", start + 5: ":"})
    hour = _number(grid, start, start + 2, good)
    minute = _number(grid, start + 3, start + 5, good)
    second = _number(grid, start + 6, start + 8, good)
    good &= (hour < 24) & (minute < 60) & (second < 60)
    return hour * 3600 + minute * 60 + second


def _fraction(grid: Bytes, start: int, stop: int, good: Mask) -> Int64:
    """Nanoseconds of `.f…` between two columns; 0 where they are the same."""
    digits = stop - start - 1
    if digits < 0:
        return np.zeros(len(grid), dtype=np.int64)
    if not 1 <= digits <= 9:
        good[:] = False
        return np.zeros(len(grid), dtype=np.int64)
    _marks(grid, good, {start: "."})
    return _number(grid, start + 1, stop, good) * 10 ** (9 - digits)


def _time(grid: Bytes, _: int) -> tuple[Int64, Int64, Mask]:
    good = np.ones(len(grid), dtype=np.bool_)
    return _clock(grid, 0, good), _fraction(grid, 8, grid.shape[1], good), good


def _timestamp(grid: Bytes, zone: int) -> tuple[Int64, Int64, Mask]:
    n, width = grid.shape
    if width <= 10:
        return _date(grid)
    good = np.full(n, width - zone >= 19)
    if not good.any():
        return np.zeros(n, dtype=np.int64), np.zeros(n, dtype=np.int64), good
    # What Qdrant does not take for a time, a filter does not find: without a zone it knows no small letter.
    _marks(grid, good, {10: "Tt " if zone else "T "})
    seconds = _days(grid, good) * _DAY + _clock(grid, 11, good)
    nanos = _fraction(grid, 19, width - zone, good)
    if zone == 6:
        hours, minutes = _number(grid, width - 5, width - 3, good), _number(grid, width - 2, width, good)
        good &= (hours < 24) & (minutes < 60)
        seconds -= (hours * 3600 + minutes * 60) * np.where(grid[:, width - 6] == ord("-"), -1, 1)
    return seconds, nanos, good
