"""Random payload columns of every dtype, and what each of their values is in JSON by the rules of the house.

The oracle works on Python values one at a time and shares no code with the package.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
from hypothesis import strategies as st

TICKS = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
YEAR_1, YEAR_9999 = -62_135_596_800, 253_402_300_799


@dataclass(frozen=True)
class Kind:
    """A dtype: values that `pa.array` builds it from, and their JSON."""

    dtype: pa.DataType
    values: st.SearchStrategy[Any]
    said: Callable[[Any], Any] = lambda value: value


def _fraction(ticks: int, unit: str) -> str:
    """The digits of a second: none, 3, 6 or 9."""
    digits = f"{ticks % TICKS[unit] * (10**9 // TICKS[unit]):09d}"
    for kept in (0, 3, 6):
        if not digits[kept:].strip("0"):
            return "." + digits[:kept] if kept else ""
    return "." + digits


def _timestamp(unit: str) -> Callable[[int], str]:
    def said(ticks: int) -> str:
        second = datetime(1970, 1, 1) + timedelta(seconds=ticks // TICKS[unit])
        return second.isoformat() + _fraction(ticks, unit) + "Z"

    return said


def _time(unit: str) -> Callable[[int], str]:
    def said(ticks: int) -> str:
        second = ticks // TICKS[unit]
        return f"{second // 3600:02d}:{second // 60 % 60:02d}:{second % 60:02d}" + _fraction(ticks, unit)

    return said


def _duration(unit: str) -> Callable[[int], str]:
    def said(ticks: int) -> str:
        sign = "-" if ticks < 0 else ""
        return f"{sign}PT{abs(ticks) // TICKS[unit]}{_fraction(abs(ticks), unit)}S"

    return said


def _timestamps(unit: str) -> st.SearchStrategy[int]:
    if unit == "ns":  # whole microseconds, as far as nanoseconds reach
        return st.integers(-(2**63) // 1000 + 1, 2**63 // 1000 - 1).map(lambda micro: micro * 1000)
    step = TICKS[unit]
    whole = st.integers(YEAR_1, YEAR_9999).map(lambda second: second * step)
    return whole | st.integers(YEAR_1 * step, YEAR_9999 * step + step - 1)


def _number(value: float) -> float | None:
    return None if value != value else float(value)


def _integers(bits: int, *, signed: bool) -> st.SearchStrategy[int]:
    low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, min(2**bits, 2**63) - 1)
    edges = [value for value in (0, 1, -1, 127, 128, 16383, 16384, low, high) if low <= value <= high]
    return st.sampled_from(edges) | st.integers(low, high)


def _floats(width: int) -> st.SearchStrategy[float]:
    edges = [0.0, -0.0, 5.0, 1e-07, 0.1, 5e-324, 1e16, 123456789.125, float("nan")]
    sampled = st.sampled_from(edges).map(lambda value: float(np.dtype(f"f{width // 8}").type(value)))
    some = st.floats(width=width, allow_infinity=False)
    return some if width == 16 else sampled | some


TEXT = st.text(max_size=6) | st.sampled_from(
    ["", '"', "\\", "\x00\n\t\x7f\x1f\b\f\r", "ü€😀", "a" * 127, "é" * 64, "x" * 300, ",]"]
)
LEVELS = ("red", "", 'gre"en', "blué")

KINDS: list[Kind] = [
    Kind(pa.null(), st.none()),
    Kind(pa.bool_(), st.booleans()),
    *(Kind(getattr(pa, f"int{bits}")(), _integers(bits, signed=True)) for bits in (8, 16, 32, 64)),
    *(Kind(getattr(pa, f"uint{bits}")(), _integers(bits, signed=False)) for bits in (8, 16, 32, 64)),
    *(Kind(getattr(pa, f"float{bits}")(), _floats(bits), _number) for bits in (16, 32, 64)),
    *(Kind(dtype, TEXT) for dtype in (pa.string(), pa.large_string(), pa.string_view())),
    *(Kind(pa.timestamp(unit), _timestamps(unit), _timestamp(unit)) for unit in TICKS),
    *(Kind(pa.timestamp(unit, "Europe/Berlin"), _timestamps(unit), _timestamp(unit)) for unit in TICKS),
    *(Kind(pa.duration(unit), st.integers(-(2**63) + 1, 2**63 - 1), _duration(unit)) for unit in TICKS),
    *(
        Kind(
            dtype,
            st.integers(0, 86_400 * TICKS[dtype.unit] - 1) | st.sampled_from([0, 3600 * TICKS[dtype.unit]]),
            _time(dtype.unit),
        )
        for dtype in (pa.time32("s"), pa.time32("ms"), pa.time64("us"), pa.time64("ns"))
    ),
    Kind(pa.date32(), st.dates(), date.isoformat),
    Kind(pa.date64(), st.dates(), date.isoformat),
    *(
        Kind(dtype, st.decimals(Decimal("-999.99"), Decimal("999.99"), places=2), float)
        for dtype in (pa.decimal128(15, 2), pa.decimal256(5, 2))
    ),
    *(
        Kind(dtype, st.decimals(Decimal("-999.99"), Decimal("999.99"), places=2), str)
        for dtype in (pa.decimal128(16, 2), pa.decimal256(60, 2))
    ),
    Kind(pa.dictionary(pa.int8(), pa.string()), st.sampled_from(LEVELS)),
    Kind(pa.dictionary(pa.uint32(), pa.large_string()), st.sampled_from(LEVELS)),
    Kind(pa.dictionary(pa.int16(), pa.int64()), st.integers(0, 3)),
    Kind(pa.binary(16), st.binary(min_size=16, max_size=16), lambda raw: str(uuid.UUID(bytes=raw))),
]
UUIDS = Kind(pa.uuid(), st.uuids().map(lambda value: value.bytes), lambda raw: str(uuid.UUID(bytes=raw)))
"""Arrow builds no list and no struct of these from Python."""

KEYS = st.text(max_size=4) | st.sampled_from(["", 'a"b', "a.b", "ключ", "\x01", "k" * 130])


def _list(inner: Kind, layout: str, size: int) -> Kind:
    build = {
        "list": pa.list_,
        "large": pa.large_list,
        "view": pa.list_view,
        "large_view": pa.large_list_view,
    }
    held = st.none() | inner.values

    def said(values: list[Any]) -> list[Any]:
        return [None if value is None else inner.said(value) for value in values]

    if layout == "fixed":
        return Kind(pa.list_(inner.dtype, size), st.lists(held, min_size=size, max_size=size), said)
    return Kind(build[layout](inner.dtype), st.lists(held, max_size=4), said)


class Absent:
    """Stands in the oracle's objects for a null that `nulls` decides about."""


ABSENT = Absent()


def _struct(inner: dict[str, Kind]) -> Kind:
    dtype = pa.struct([pa.field(name, kind.dtype) for name, kind in inner.items()])
    values = st.fixed_dictionaries({name: st.none() | kind.values for name, kind in inner.items()})

    def said(value: dict[str, Any]) -> dict[str, Any]:
        return {name: said_or_absent(kind, value[name]) for name, kind in inner.items()}

    return Kind(dtype, values, said)


def said_or_absent(kind: Kind, value: Any) -> Any:
    result = None if value is None else kind.said(value)
    return ABSENT if result is None else result


def settle(value: Any, nulls: str) -> Any:
    """The oracle's value with its absent members left out, or null."""
    if isinstance(value, dict):
        kept = {name: inner for name, inner in value.items() if nulls == "keep" or inner is not ABSENT}
        return {name: settle(inner, nulls) for name, inner in kept.items()}
    if isinstance(value, list):
        return [settle(inner, nulls) for inner in value]
    return None if value is ABSENT else value


def kinds(depth: int = 2) -> st.SearchStrategy[Kind]:
    """Any supported dtype, nested up to `depth` levels."""
    leaves = st.sampled_from(KINDS)
    if depth == 0:
        return leaves
    inner = kinds(depth - 1)
    layouts = st.sampled_from(["list", "large", "view", "large_view", "fixed"])
    lists = st.builds(_list, inner, layouts, st.integers(0, 3))
    structs = st.dictionaries(KEYS, inner, max_size=3).map(_struct)
    return leaves | st.just(UUIDS) | lists | structs if depth > 1 else leaves | lists | structs


@st.composite
def columns(draw: st.DrawFn, n: int, kind: Kind) -> tuple[pa.Array, list[Any]]:
    """`n` values of a kind as a slice of a longer array, with and without nulls, and their JSON."""
    before, after = draw(st.integers(0, 9)), draw(st.integers(0, 2))
    held = kind.values if draw(st.booleans()) else st.none() | kind.values
    values = draw(st.lists(held, min_size=before + n + after, max_size=before + n + after))
    array = pa.array(values, kind.dtype).slice(before, n)
    return array, [said_or_absent(kind, value) for value in values[before : before + n]]


@st.composite
def payloads(draw: st.DrawFn, n: int) -> tuple[pa.RecordBatch | None, list[dict[str, Any]]]:
    """A record batch of `n` rows, or none at all, and the object of each row."""
    names = draw(st.none() | st.lists(KEYS, unique=True, max_size=4))
    if names is None:
        return None, [{} for _ in range(n)]
    drawn = {name: draw(columns(n, draw(kinds()))) for name in names}
    schema = pa.schema([pa.field(name, array.type) for name, (array, _) in drawn.items()])
    arrays = [array for array, _ in drawn.values()]
    batch = pa.RecordBatch.from_arrays(arrays, schema=schema) if names else _rows_only(n)
    return batch, [{name: said[i] for name, (_, said) in drawn.items()} for i in range(n)]


def _rows_only(n: int) -> pa.RecordBatch:
    """A record batch of `n` rows and no column."""
    return pa.record_batch({"x": pa.nulls(n)}).select([])


def exactly(value: Any) -> str:
    """A JSON value as text that tells 5 from 5.0 and 0.0 from -0.0; the order of keys does not count."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False)
