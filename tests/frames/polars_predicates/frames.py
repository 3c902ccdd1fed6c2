"""Frames of every dtype that a payload column can have, with values at the edges of it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl

TEXTS = ["", "a", "b", "ab", "aB", "abc", "b.c", "a|b", "ü", "xabcx", "a\nb", "caab"]
INTS = [0, 1, 2, 3, -1, -3, 7, 127, -128, 2**31, 2**53, 2**53 + 1, -(2**53) - 1, 2**62, 2**63 - 1, -(2**63)]
SMALL = [0, 1, 2, 3, -1, -3, 7, 127, -128]
COUNTS = [0, 1, 2, 3, 7, 2**32 - 1]
FLOATS = [0.0, -0.0, 0.5, 1.0, 2.0, 2.5, -1.0, -2.5, 0.1, 1e300, 5e-324, 2.0**53, 3.0]
SINGLES = [0.0, -0.0, 0.5, 1.0, 2.5, -1.0, 0.10000000149011612, 16777216.0, 3.0]
DAYS = [dt.date(1, 1, 1), dt.date(1969, 12, 31), dt.date(2023, 12, 31), dt.date(2024, 1, 1), dt.date(2024, 2, 29)]
DAYS = [*DAYS, dt.date(2025, 1, 1), dt.date(9998, 12, 31)]
CLOCKS = [(0,), (0, 0, 0, 5000), (12, 30)]
TIMES = [dt.datetime(day.year, day.month, day.day, *clock) for day in DAYS for clock in CLOCKS]  # type: ignore[arg-type]
NEAR = [time for time in TIMES if 1900 < time.year < 2100]
CATEGORIES = ["b", "a", "ab"]
SCHEMA: dict[str, Any] = {
    "i": pl.Int64,
    "i8": pl.Int8,
    "u": pl.UInt32,
    "u64": pl.UInt64,
    "f": pl.Float64,
    "f32": pl.Float32,
    "s": pl.String,
    "b": pl.Boolean,
    "b2": pl.Boolean,
    "d": pl.Date,
    "t": pl.Datetime("us"),
    "tms": pl.Datetime("ms", "UTC"),
    "tns": pl.Datetime("ns"),
    "tb": pl.Datetime("us", "Europe/Berlin"),
    "c": pl.Categorical,
    "e": pl.Enum(CATEGORIES),
    "li": pl.List(pl.Int64),
    "ls": pl.List(pl.String),
    "a": pl.Array(pl.Float32, 2),
    "o": pl.Struct({"i": pl.Int64, "s": pl.String, "b": pl.Boolean, "o": pl.Struct({"f": pl.Float64})}),
}
VALUES: dict[str, Sequence[Any]] = {
    "i": INTS,
    "i8": SMALL,
    "u": COUNTS,
    "u64": [*COUNTS, 2**63, 2**64 - 1],
    "f": FLOATS,
    "f32": SINGLES,
    "s": TEXTS,
    "b": [True, False],
    "b2": [True, False],
    "d": DAYS,
    "t": TIMES,
    "tms": [time.replace(tzinfo=dt.UTC) for time in TIMES],
    "tns": NEAR,
    # In the column's own zone: polars 2.1 raises for `eq_missing` with another.
    "tb": [time.replace(tzinfo=ZoneInfo("Europe/Berlin")) for time in NEAR],
    "c": CATEGORIES,
    "e": CATEGORIES,
}
ROWS = 12


def _value(name: str, random: Random) -> Any:
    if random.random() < 0.2:
        return None
    if name in ("li", "ls"):
        values = INTS if name == "li" else TEXTS
        return [random.choice([None, *values]) for _ in range(random.randrange(4))]
    if name == "a":
        return [random.choice([None, *SINGLES]) for _ in range(2)]
    if name == "o":
        inner = {"f": random.choice([None, *FLOATS])}
        fields = {"i": INTS, "s": TEXTS, "b": [True, False], "o": [inner]}
        return {field: random.choice([None, *values]) for field, values in fields.items()}
    return random.choice(VALUES[name])


def frame_of(seed: int) -> pl.DataFrame:
    random = Random(seed)
    columns = {name: [_value(name, random) for _ in range(ROWS)] for name in SCHEMA}
    return pl.DataFrame({name: pl.Series(values, dtype=SCHEMA[name]) for name, values in columns.items()})
