"""ISO 8601 durations, `[-]P[nW][nD][T[nH][nM][n[.f…]S]]`, as seconds and nanoseconds. No years, no months: they have no
length.
"""

from __future__ import annotations

import re

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from qframe.columns.layout import Int64, Mask

_SECONDS = r"^(?P<sign>-?)PT(?P<whole>[0-9]{1,18})(?P<point>\.?)(?P<part>[0-9]{0,9})S$"
"""What qframe itself writes; up to 18 digits are an int64."""

_ANY = re.compile(
    r"(-?)P(?:(\d{1,19})W)?(?:(\d{1,19})D)?(?:T(?:(\d{1,19})H)?(?:(\d{1,19})M)?(?:(\d{1,19})(?:\.(\d{1,9}))?S)?)?",
    re.ASCII,
)
_LEAST, _MOST = -(2**63), 2**63 - 1


def seconds_of(strings: pa.LargeStringArray) -> tuple[Int64, Int64, Mask]:
    """Whole seconds (rounded down), nanoseconds from 0 to 999,999,999, and which texts are durations."""
    found = pc.extract_regex(strings.cast(pa.string()), pattern=_SECONDS)
    good: Mask = found.is_valid().to_numpy(zero_copy_only=False).copy()
    sign, whole, point, part = (pc.fill_null(column, "") for column in found.flatten())
    good &= pc.equal(point, ".").to_numpy(zero_copy_only=False) == (pc.utf8_length(part).to_numpy() > 0)
    mask = pa.array(good)
    seconds = _ints(pc.if_else(mask, whole, "0"))
    nanos = _ints(pc.if_else(mask, pc.utf8_rpad(part, 9, "0"), "0"))
    minus = pc.equal(sign, "-").to_numpy(zero_copy_only=False) & good
    seconds, nanos = np.where(minus, -seconds, seconds), np.where(minus, -nanos, nanos)
    seconds += nanos // 10**9
    nanos %= 10**9
    if not good.all():
        for row in np.flatnonzero(~good).tolist():
            text = strings[row].as_py()
            held = None if text is None else _one(text)
            if held is not None:
                seconds[row], nanos[row] = held
                good[row] = True
    return seconds, nanos, good


def _ints(texts: pa.StringArray) -> Int64:
    return np.array(texts.cast(pa.int64()).to_numpy(zero_copy_only=False), dtype=np.int64)


def _one(text: str) -> tuple[int, int] | None:
    found = _ANY.fullmatch(text)
    if found is None or text.endswith(("P", "T")):
        return None
    weeks, days, hours, minutes, whole = (int(part or 0) for part in found.group(2, 3, 4, 5, 6))
    seconds = ((weeks * 7 + days) * 24 + hours) * 3600 + minutes * 60 + whole
    total = seconds * 10**9 + int((found[7] or "").ljust(9, "0"))
    seconds, nanos = divmod(-total if found[1] else total, 10**9)
    return (seconds, nanos) if _LEAST <= seconds <= _MOST else None
