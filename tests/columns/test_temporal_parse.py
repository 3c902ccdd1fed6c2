"""Text as dates, timestamps, times and durations: strict, and the inverse of how they are written."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qframe.columns.plain import plain
from qframe.columns.temporal_parse import parse

TICKS = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
YEARS = (-62_167_219_200, 253_402_300_799)
"""Seconds of the years 0000 to 9999."""


def _ticks(texts: list[Any], dtype: pa.DataType) -> list[int | None]:
    column, good = parse(pa.array(texts, type=pa.large_string()), dtype)
    column.validate(full=True)
    assert column.type == dtype
    assert good.tolist() == column.is_valid().to_pylist()
    return column.cast(pa.int32() if dtype.bit_width == 32 else pa.int64()).to_pylist()


def _range(dtype: pa.DataType) -> tuple[int, int]:
    if pa.types.is_date32(dtype):
        return -719_528, 2_932_896
    if pa.types.is_time(dtype):
        return 0, 86_400 * TICKS[dtype.unit] - 1
    if pa.types.is_duration(dtype):
        return -(2**63), 2**63 - 1
    low, high = (second * TICKS[dtype.unit] for second in YEARS)
    return max(low, -(2**63)), min(high, 2**63 - 1)


ROUND = [
    pa.date32(),
    *(pa.timestamp(unit) for unit in TICKS),
    *(pa.timestamp(unit, "Europe/Berlin") for unit in TICKS),
    pa.time32("s"),
    pa.time32("ms"),
    pa.time64("us"),
    pa.time64("ns"),
    *(pa.duration(unit) for unit in TICKS),
]


@given(st.data())
@pytest.mark.parametrize("dtype", ROUND, ids=str)
def test_what_is_written_comes_back(dtype: pa.DataType, data: st.DataObject) -> None:
    low, high = _range(dtype)
    # Timestamps are written to the microsecond.
    step = 1000 if pa.types.is_timestamp(dtype) and dtype.unit == "ns" else 1
    some = st.integers(-(-low // step), high // step).map(lambda tick: tick * step)
    ticks = data.draw(
        st.lists(st.none() | some | st.sampled_from([0, -(-low // step) * step, high // step * step]), max_size=9)
    )
    column = pa.array(ticks, pa.int32() if dtype.bit_width == 32 else pa.int64()).view(dtype)
    written = plain(column)
    assert written.type == pa.large_string()
    assert _ticks(written.to_pylist(), dtype) == ticks


def _reference(text: str, unit: str) -> int | None:
    """A timestamp by the letter of RFC 3339, with Python's own calendar."""
    found = re.fullmatch(
        r"(\d{4}-\d\d-\d\d)(?:[Tt ](\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?([Zz]|[+-]\d\d:\d\d)?)?", text, re.ASCII
    )
    if found is None:
        return None
    day, clock, fraction, zone = found.groups()
    if zone is None and "t" in text:
        return None
    try:
        moment = datetime.fromisoformat(f"{day}T{clock or '00:00:00'}")
        offset = timedelta(0)
        if zone and zone not in "Zz":
            hours, minutes = int(zone[1:3]), int(zone[4:])
            if minutes > 59 or hours > 23:
                return None
            offset = (-1 if zone[0] == "-" else 1) * timedelta(hours=hours, minutes=minutes)
    except ValueError:
        return None
    days = moment - datetime(1970, 1, 1) - offset
    nanos = int((fraction or "0").ljust(9, "0"))
    total = (days.days * 86_400 + days.seconds) * 10**9 + nanos
    step = 10**9 // TICKS[unit]
    ticks, rest = divmod(total, step)
    return None if rest or not -(2**63) <= ticks < 2**63 else ticks


def _two(low: int, high: int) -> st.SearchStrategy[str]:
    return st.integers(low, high).map(lambda number: f"{number:02d}")


stamps = st.builds(
    "".join,
    st.tuples(
        st.integers(1, 9999).map(lambda year: f"{year:04d}-") | st.sampled_from(["2024-", "1900-", "2000-", "0001-"]),
        _two(0, 13),
        st.just("-"),
        _two(0, 32),
        st.sampled_from("Tt T_"),
        _two(0, 24),
        st.just(":"),
        _two(0, 60),
        st.just(":"),
        _two(0, 60),
        st.just("") | st.text("0123456789", max_size=10).map(lambda digits: "." + digits),
        st.sampled_from(["", "Z", "z", "+02:00", "-05:30", "+00:00", "-00:00", "+24:00", "+02:60", "+0200", "+2:00"]),
    ),
)
noise = st.text("0123456789-:TZ.+ ٣", max_size=40)


@given(st.lists(stamps | noise | st.dates(date(1, 1, 1)).map(str), max_size=12))
@pytest.mark.parametrize("unit", TICKS)
def test_timestamps_are_what_rfc_3339_says(unit: str, texts: list[str]) -> None:
    assert _ticks(texts, pa.timestamp(unit, "UTC")) == [_reference(text, unit) for text in texts]
    assert _ticks(texts, pa.timestamp(unit)) == [_reference(text, unit) for text in texts]


@given(st.datetimes(timezones=st.sampled_from([UTC, timezone(timedelta(hours=-7, minutes=30))])))
def test_timestamps_of_pythons_own_form(moment: datetime) -> None:
    if moment.year in (1, 9999):
        return
    (found,) = _ticks([moment.isoformat()], pa.timestamp("us", "UTC"))
    since = moment - datetime(1970, 1, 1, tzinfo=UTC)
    assert found == since // timedelta(microseconds=1)


@pytest.mark.parametrize(
    "text",
    ["", "x", "2024-1-03", "2024-02-30", "1900-02-29", "2024-00-10", "2024-13-01", "20240103", "+2024-01-03",
     "2024-01-03T00:00:00Z", "2024-01-0٣", " 2024-01-03", "2024-01-03\n", "2024/01/03"],
)  # fmt: skip
def test_what_is_no_date(text: str) -> None:
    assert _ticks([text, "2024-01-03"], pa.date32()) == [None, 19_725]


def test_dates_of_milliseconds() -> None:
    assert _ticks(["1970-01-02", "1969-12-31", None], pa.date64()) == [86_400_000, -86_400_000, None]


@pytest.mark.parametrize(
    ("text", "unit", "ticks"),
    [
        ("00:00:00", "us", 0), ("23:59:59.999999", "us", 86_400 * 10**6 - 1), ("24:00:00", "us", None),
        ("01:02:03.1234567", "us", None), ("01:02:03.1234560", "us", 3_723_123_456), ("01:02", "us", None),
        ("01:02:60", "us", None), ("01:02:03.", "us", None), ("T01:02:03", "us", None), ("01:02:03Z", "us", None),
        ("01:02:03.000000001", "ns", 3_723 * 10**9 + 1), ("01:02:03.0000000001", "ns", None),
    ],
)  # fmt: skip
def test_times_of_day(text: str, unit: str, ticks: int | None) -> None:
    assert _ticks([text], pa.time64(unit)) == [ticks]


@pytest.mark.parametrize(
    ("text", "ticks"),
    [
        ("PT1.5S", 1_500_000), ("P1DT2H", 26 * 3600 * 10**6), ("-PT0.000001S", -1), ("PT0S", 0),
        ("P2W", 14 * 86_400 * 10**6),
        ("PT1M1S", 61_000_000), ("-P1DT0.5S", -86_400_500_000), ("PT0.0000001S", None), ("PT0.0000010S", 1),
        ("P", None), ("PT", None), ("P1DT", None), ("PT1.S", None), ("PT.5S", None), ("P1Y", None), ("P1M", None),
        ("PT1H1D", None), ("pt1s", None), ("+PT1S", None), ("PT1S ", None), ("PT1,5S", None), ("", None),
        ("PT٣S", None),
        ("PT9223372036854.775807S", 2**63 - 1), ("PT9223372036854.775808S", None),
        ("-PT9223372036854.775808S", -(2**63)), ("-PT9223372036854.775809S", None),
        ("PT99999999999999999999S", None), ("PT9999999999999999999S", None), ("P9999999999999999999W", None),
    ],
)  # fmt: skip
def test_durations(text: str, ticks: int | None) -> None:
    assert _ticks([text, "PT1S", None], pa.duration("us")) == [ticks, 10**6, None]


def test_durations_of_whole_seconds_reach_the_ends() -> None:
    assert _ticks([f"PT{2**63 - 1}S", f"-PT{2**63}S", f"PT{2**63}S"], pa.duration("s")) == [2**63 - 1, -(2**63), None]


def test_one_column_of_many_lengths() -> None:
    texts = [
        "2024-01-03",
        None,
        "2024-01-03T00:00:00.5+01:00",
        "",
        "2024-01-03T00:00:00Z",
        "2024-01-03T00:00:00.123456789Z",
    ]
    wanted = [1_704_240_000_000, None, 1_704_236_400_500, None, 1_704_240_000_000, None]
    assert _ticks(texts, pa.timestamp("ms")) == wanted
    assert np.array_equal(parse(pa.array([], pa.large_string()), pa.timestamp("us"))[1], np.array([], dtype=bool))
