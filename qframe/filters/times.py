"""Conditions on dates and points in time, which are stored as text in UTC and compared in microseconds."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from qframe.filters.bounds import NONE, Bound, any_of, superset, unknown
from qframe.filters.numbers import MAX_RANGES
from qframe.filters.places import Place
from qframe.model.predicate import Moment, Operator

_EPOCH = datetime.datetime(1970, 1, 1)
_MICRO = 1_000
_YEARS = (-62_135_596_800_000_000, 253_402_300_799_999_999)
"""Microseconds of the first and the last of the years 1 to 9999."""


def times_equal(place: Place, values: Sequence[Any], limit: int) -> Bound:
    """Rows that are one of the dates or moments."""
    ticks = sorted(dict.fromkeys(map(_ns, values)))
    if len(ticks) > min(limit, MAX_RANGES):
        span = _times(place, {"gte": ticks[0], "lte": ticks[-1]})
        return superset(span, f"more than {min(limit, MAX_RANGES):,} values of {place.name!r} are asked for")
    return any_of(_times(place, {"gte": tick, "lte": tick}) for tick in ticks)


def times_compared(place: Place, operator: Operator, value: Any) -> Bound:
    """Rows that are before, or after, a date or moment."""
    name = {"<": "lt", "<=": "lte", ">": "gt", ">=": "gte"}[operator]
    return _times(place, {name: _ns(value)})


def _ns(value: Any) -> int:
    """Nanoseconds since 1970; of a date, of its first."""
    moment: Moment = Moment.of_day(value) if isinstance(value, datetime.date) else value
    return moment.ns


def _times(place: Place, asked: Mapping[str, int]) -> Bound:
    """Rows within bounds in nanoseconds."""
    if place.index in ("integer", "float"):
        return unknown(f"the {place.index} index on {place.name!r} does not find dates")
    fine = pa.types.is_timestamp(place.dtype) and place.dtype.unit == "ns"
    bounds = dict(_around(name, ns) if fine else _whole(name, ns) for name, ns in asked.items())
    if len(bounds) == 2 and bounds["gte"] > bounds["lte"]:
        return NONE
    if not all(_YEARS[0] <= at <= _YEARS[1] for at in bounds.values()):
        return unknown(f"{place.name!r} is compared with a year that RFC 3339 cannot write")
    found = place.condition(range={name: _text(at) for name, at in bounds.items()})
    return superset(found, f"Qdrant compares microseconds, {place.name!r} has nanoseconds") if fine else found


def _whole(name: str, ns: int) -> tuple[str, int]:
    """A bound in microseconds for values that have nothing below."""
    down, up = ns // _MICRO, -(-ns // _MICRO)
    return name, down if name in ("gt", "lte") else up


def _around(name: str, ns: int) -> tuple[str, int]:
    """A bound in microseconds beyond all values whose digits below are cut, this way or that."""
    return name[0] + "te", ns // _MICRO - 1 if name[0] == "g" else -(-ns // _MICRO) + 1


def _text(us: int) -> str:
    moment = _EPOCH + datetime.timedelta(microseconds=us)
    return moment.isoformat(timespec="microseconds" if us % 1_000_000 else "seconds") + "Z"
