"""Random polars frames of every payload dtype that a round trip must keep, with ids and vectors."""

from __future__ import annotations

import datetime as dt
import os
import string
from collections.abc import Callable
from typing import Any

import polars as pl
from hypothesis import strategies as st

SAMPLES = 25 if "QFRAME_TEST_URL" not in os.environ else 8
"""Examples of a test in which each makes its own collection, of which a real server takes its time."""

TEXT = st.text(st.characters(exclude_categories=("Cs",)), max_size=12)
FLOATS = st.floats(allow_nan=False, allow_infinity=False)
FLOATS32 = st.floats(allow_nan=False, allow_infinity=False, width=32)
DATES = st.dates(dt.date(1, 1, 1), dt.date(9999, 12, 31))
DATETIMES = st.datetimes(dt.datetime(1700, 1, 1), dt.datetime(2200, 1, 1))
TIMES = st.times()
DURATIONS = st.timedeltas(dt.timedelta(days=-10_000), dt.timedelta(days=10_000))
COLOURS = ["red", "green", "blue"]


def integers(bits: int, *, signed: bool = True) -> st.SearchStrategy[int]:
    if signed:
        return st.integers(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    # What is beyond int64 cannot be stored; a test of bad values holds that.
    return st.integers(0, min(2**bits, 2**63) - 1)


SCALARS: dict[str, tuple[Any, st.SearchStrategy[Any]]] = {
    "boolean": (pl.Boolean, st.booleans()),
    "int8": (pl.Int8, integers(8)),
    "int16": (pl.Int16, integers(16)),
    "int32": (pl.Int32, integers(32)),
    "int64": (pl.Int64, integers(64)),
    "uint8": (pl.UInt8, integers(8, signed=False)),
    "uint16": (pl.UInt16, integers(16, signed=False)),
    "uint32": (pl.UInt32, integers(32, signed=False)),
    "uint64": (pl.UInt64, integers(64, signed=False)),
    "float32": (pl.Float32, FLOATS32),
    "float64": (pl.Float64, FLOATS),
    "string": (pl.String, TEXT),
    "date": (pl.Date, DATES),
    "datetime_us": (pl.Datetime("us"), DATETIMES),
    "datetime_ms": (pl.Datetime("ms"), DATETIMES.map(lambda at: at.replace(microsecond=at.microsecond // 1000 * 1000))),
    "datetime_utc": (pl.Datetime("us", "UTC"), DATETIMES.map(lambda at: at.replace(tzinfo=dt.UTC))),
    "datetime_berlin": (pl.Datetime("us", "Europe/Berlin"), DATETIMES.map(lambda at: at.replace(tzinfo=dt.UTC))),
    "time": (pl.Time, TIMES),
    "duration_us": (pl.Duration("us"), DURATIONS),
    "decimal": (pl.Decimal(20, 4), st.decimals(-(10**12), 10**12, places=4)),
    "decimal_small": (pl.Decimal(9, 2), st.decimals(-(10**6), 10**6, places=2)),
    "enum": (pl.Enum(COLOURS), st.sampled_from(COLOURS)),
    "categorical": (pl.Categorical, st.sampled_from(COLOURS)),
}
NESTED: dict[str, tuple[Any, st.SearchStrategy[Any]]] = {
    "list_int": (pl.List(pl.Int64), st.lists(st.none() | integers(64), max_size=3)),
    "list_string": (pl.List(pl.String), st.lists(st.none() | TEXT, max_size=3)),
    "list_list": (pl.List(pl.List(pl.Float64)), st.lists(st.lists(FLOATS, max_size=2), max_size=2)),
    "array_bool": (pl.Array(pl.Boolean, 2), st.lists(st.booleans(), min_size=2, max_size=2)),
    "struct": (
        pl.Struct({"a": pl.Int64, "b": pl.List(pl.String), "c": pl.Struct({"d": pl.Datetime("us")})}),
        st.fixed_dictionaries(
            {
                "a": st.none() | integers(64),
                "b": st.none() | st.lists(TEXT, max_size=2),
                "c": st.fixed_dictionaries({"d": st.none() | DATETIMES}),
            }
        ),
    ),
    "list_struct": (
        pl.List(pl.Struct({"x": pl.Float64, "y": pl.Boolean})),
        st.lists(st.fixed_dictionaries({"x": st.none() | FLOATS, "y": st.none() | st.booleans()}), max_size=2),
    ),
}
PAYLOAD = SCALARS | NESTED
NAMES = st.text(string.ascii_letters + string.digits + "_ .-äß日", min_size=1, max_size=8).filter(
    lambda name: name not in ("id", "vector", "extra")
)
UNIQUE_INTS = st.integers(0, 2**64 - 1)
UUIDS = st.uuids().map(str)


def column(kind: str, height: int) -> st.SearchStrategy[pl.Series]:
    """Values of one dtype, some of them null."""
    dtype, values = PAYLOAD[kind]
    drawn = st.lists(st.none() | values, min_size=height, max_size=height)
    if kind == "datetime_berlin":
        utc = pl.Datetime("us", "UTC")
        return drawn.map(lambda rows: pl.Series(rows, dtype=utc).dt.convert_time_zone("Europe/Berlin"))
    return drawn.map(lambda rows: pl.Series(rows, dtype=dtype, strict=True))


@st.composite
def frames(draw: Callable[..., Any], kinds: st.SearchStrategy[str] | None = None, most: int = 12) -> pl.DataFrame:
    """A frame with `id`, a few payload columns and a vector column `vector`: Array(Float32, 3)."""
    height = draw(st.integers(1, most))
    ids = draw(st.sampled_from([UNIQUE_INTS, UUIDS]))
    found = draw(st.lists(ids, min_size=height, max_size=height, unique=True))
    columns = [pl.Series("id", found, dtype=pl.String if isinstance(found[0], str) else pl.UInt64)]
    names = draw(st.lists(NAMES, max_size=4, unique=True))
    for name in names:
        kind = draw(st.sampled_from(sorted(PAYLOAD)) if kinds is None else kinds)
        columns.append(draw(column(kind, height)).alias(name))
    vectors = draw(st.lists(st.lists(FLOATS32, min_size=3, max_size=3), min_size=height, max_size=height))
    columns.append(pl.Series("vector", vectors, dtype=pl.Array(pl.Float32, 3)))
    return pl.DataFrame(columns)
