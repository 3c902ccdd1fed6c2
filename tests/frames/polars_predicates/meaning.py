"""What a predicate is for a row, worked out over Python values: a second opinion on the translators."""

from __future__ import annotations

import datetime as dt
import itertools
import operator
from collections.abc import Callable, Mapping
from typing import Any

import polars as pl

from qframe.model.predicate import (
    Always,
    And,
    Column,
    Compare,
    HasElement,
    HasText,
    In,
    IsNull,
    Length,
    Moment,
    Not,
    Opaque,
    Or,
    Predicate,
    Xor,
)

Truth = bool | None
ALL: frozenset[Truth] = frozenset({True, False, None})
_SIGNS: Mapping[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_NULL: Mapping[str, frozenset[Truth]] = {
    "null": frozenset({None}),
    "true": frozenset({True}),
    "false": frozenset({False}),
    "either": ALL,
}


def rows_of(frame: pl.DataFrame) -> list[dict[str, Any]]:
    """Rows with points in time as nanoseconds, whatever their unit and zone."""
    columns = {name: frame[name].to_list() for name in frame.columns}
    for name, dtype in frame.schema.items():
        if isinstance(dtype, pl.Datetime):
            ticks = frame[name].to_physical().to_list()
            columns[name] = [None if item is None else item * _TICKS[dtype.time_unit] for item in ticks]
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]


_TICKS = {"ms": 1_000_000, "us": 1_000, "ns": 1}


def possible(predicate: Predicate, row: Mapping[str, Any]) -> frozenset[Truth]:
    """What a predicate may be; one value, unless it is opaque or says "either"."""
    match predicate:
        case Always(value):
            return frozenset({value})
        case Opaque():
            return ALL
        case Not(inner):
            return frozenset(None if truth is None else not truth for truth in possible(inner, row))
        case And(parts):
            return _all(possible(part, row) for part in parts)
        case Or(parts):
            negated = _all(frozenset(_not(t) for t in possible(part, row)) for part in parts)
            return frozenset(_not(truth) for truth in negated)
        case Xor(left, right):
            pairs = itertools.product(possible(left, row), possible(right, row))
            return frozenset(None if None in pair else pair[0] is not pair[1] for pair in pairs)
        case IsNull(column):
            return frozenset({_value(column, row) is None})
    return _leaf(predicate, row)


def _not(truth: Truth) -> Truth:
    return None if truth is None else not truth


def _all(parts: Any) -> frozenset[Truth]:
    found: frozenset[Truth] = frozenset({True})
    for part in parts:
        pairs = itertools.product(found, part)
        found = frozenset(False if False in pair else None if None in pair else True for pair in pairs)
    return found


def _leaf(predicate: Any, row: Mapping[str, Any]) -> frozenset[Truth]:
    value = _value(predicate.column, row)
    if value is None:
        return _NULL[predicate.of_null]
    match predicate:
        case Compare(_, sign, constant):
            return frozenset({_compared(value, sign, constant)})
        case In(_, values):
            return frozenset({any(_compared(value, "==", constant) for constant in values)})
        case HasText(_, "prefix", text):
            return frozenset({value.startswith(text)})
        case HasText(_, "substring", text):
            return frozenset({text in value})
        case HasElement(_, constant):
            return frozenset({any(item is not None and _compared(item, "==", constant) for item in value)})
        case Length(_, sign, constant):
            return frozenset({_SIGNS[sign](len(value), constant)})
    raise AssertionError(predicate)


def _value(column: Column, row: Mapping[str, Any]) -> Any:
    value: Any = row
    for name in column.path:
        value = None if value is None else value[name]
    return value


def _compared(value: Any, sign: str, constant: Any) -> bool:
    if isinstance(constant, Moment):
        assert isinstance(value, int), "a moment is compared with a point in time"
        return _SIGNS[sign](value, constant.ns)
    assert not isinstance(value, dt.datetime)
    assert isinstance(value, bool) is isinstance(constant, bool)
    return _SIGNS[sign](value, constant)
