"""Conditions on integers and floats: exact as far as Qdrant's own comparison of them is, which is in float64."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from typing import Any, TypeGuard

import numpy as np
import pyarrow as pa

from qframe.filters.bounds import NONE, Bound, any_of, superset, unknown
from qframe.filters.floats import lower, upper
from qframe.filters.places import Place
from qframe.model.predicate import Operator
from qframe.model.schema import EXACT

MAX_RANGES = 500
"""Ranges in one condition; for more values, the range of all of them."""

_INT64 = range(-(2**63), 2**63)


def is_number(value: object) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


# --- integers -------------------------------------------------------------------------------------------------------


def ints_equal(place: Place, values: Sequence[Any], limit: int) -> Bound:
    """Rows that equal one of the numbers.

    Parameters
    ----------
    limit : int
        Values in one condition.
    """
    least, most = _domain(place.dtype)
    whole = dict.fromkeys(int(value) for value in values if value == math.floor(value) and least <= value <= most)
    rough = [value for value in values if isinstance(value, float) and abs(value) >= EXACT]
    exact = [value for value in whole if value in _INT64]
    others = [*(value for value in whole if value not in _INT64), *rough]
    if len(exact) > limit or len(others) > MAX_RANGES:
        candidates = [*whole, *map(int, rough)]
        span = _ints_between(place, _about(min(candidates))[0], _about(max(candidates))[1])
        return superset(span, f"more than {limit:,} values of {place.name!r} are asked for")
    found = [_about_equal(place, value) for value in others]
    if exact:
        found.append(place.condition(match={"value": exact[0]} if len(exact) == 1 else {"any": exact}))
    return any_of(found)


def ints_compared(place: Place, operator: Operator, value: float) -> Bound:
    """Rows that are less, or greater, than a number."""
    if isinstance(value, float) and abs(value) >= EXACT:
        # Whether integers become floats for the comparison, and which of them then equal this one, is not known here.
        low, high = _about(value)
        found = _ints_between(place, None, high) if operator in ("<", "<=") else _ints_between(place, low, None)
        return superset(found, f"integers beyond 2^53 in {place.name!r} are compared with a float")
    if operator in ("<", "<="):
        return _ints_between(place, None, math.ceil(value) - 1 if operator == "<" else math.floor(value))
    return _ints_between(place, math.floor(value) + 1 if operator == ">" else math.ceil(value), None)


def _about_equal(place: Place, value: float) -> Bound:
    why = f"values of {place.name!r} beyond int64, or floats beyond 2^53, are not asked for exactly"
    return superset(_ints_between(place, *_about(value)), why)


def _about(value: float) -> tuple[int, int]:
    """The integers that a number may stand for where it is taken for a float64."""
    spread = math.ceil(math.ulp(value))
    return int(value) - spread, int(value) + spread


def _domain(dtype: pa.DataType) -> tuple[int, int]:
    limits = np.iinfo(dtype.to_pandas_dtype())
    return int(limits.min), int(limits.max)


def _ints_between(place: Place, low: int | None, high: int | None) -> Bound:
    """Rows from `low` to `high`, both among them."""
    least, most = _domain(place.dtype)
    low = least if low is None else max(low, least)
    high = most if high is None else min(high, most)
    if low > high:
        return NONE
    if place.index == "datetime":
        return unknown(_other_index(place))
    bounds = {}
    if low > least:
        bounds["gte"] = _float_below(low)
    if high < most:
        bounds["lte"] = -_float_below(-high)
    exact = all(abs(bound) < EXACT for bound in bounds.values())
    if bounds.get("lte", 0) > most:  # no value is there, and JSON has no integer beyond uint64
        del bounds["lte"]
    found = place.condition(range=bounds) if bounds else place.value
    if exact:
        return found
    return superset(found, f"Qdrant compares integers beyond 2^53 in {place.name!r} as floats")


def _float_below(value: int) -> int:
    """The greatest integer up to a given one that is a float64: what is not less than the one is not than the other."""
    found = float(value)
    return int(found if int(found) <= value else math.nextafter(found, -math.inf))


def _other_index(place: Place) -> str:
    return f"the {place.index} index on {place.name!r} answers other questions than one about its values"


# --- floats ---------------------------------------------------------------------------------------------------------


def floats_equal(place: Place, values: Sequence[Any], limit: int) -> Bound:
    """Rows that equal one of the numbers."""
    constants = sorted(dict.fromkeys(_constant(value) for value in values))
    if len(constants) > min(limit, MAX_RANGES):
        span = _floats(place, {"gte": constants[0], "lte": constants[-1]})
        return superset(span, f"more than {min(limit, MAX_RANGES):,} values of {place.name!r} are asked for")
    found = any_of(_floats(place, {"gte": value, "lte": value}) for value in constants)
    return _unequal(place, found, values)


def floats_compared(place: Place, operator: Operator, value: float) -> Bound:
    """Rows that are less, or greater, than a number."""
    name = {"<": "lt", "<=": "lte", ">": "gt", ">=": "gte"}[operator]
    constant = _constant(value)
    if Fraction(constant) != Fraction(value):
        name = name[0] + "te"
    return _unequal(place, _floats(place, {name: constant}), (value,))


def _unequal(place: Place, found: Bound, values: Sequence[Any]) -> Bound:
    """An integer that no float64 equals was replaced by one that is next to it."""
    if all(Fraction(_constant(value)) == Fraction(value) for value in values):
        return found
    return superset(found, f"{place.name!r} is compared with an integer that it cannot hold exactly")


def _constant(value: float) -> float:
    try:
        return float(value) + 0.0  # no -0.0: JSON of some makers drops the sign
    except OverflowError:
        return math.copysign(np.finfo(np.float64).max.item(), value)


def _floats(place: Place, asked: dict[str, float]) -> Bound:
    if place.index in ("integer", "datetime"):
        return unknown(_other_index(place))
    if place.dtype != pa.float64():
        return _narrow(place, asked)
    bounds, exact = {}, True
    for name, value in asked.items():
        move = lower if name.startswith("g") else upper
        bound, sure = move(value, not name.endswith("e"), place.index == "float")
        bounds[name if sure else name[0] + "te"] = bound
        exact &= sure
    found = place.condition(range=bounds)
    return found if exact else superset(found, f"Qdrant may read the last digits of floats in {place.name!r} otherwise")


def _narrow(place: Place, asked: dict[str, float]) -> Bound:
    """Bounds that include all stored float64 which a float of fewer bits rounds to what is asked for."""
    kind: Any = place.dtype.to_pandas_dtype()
    bounds = {}
    for name, value in asked.items():
        side = -math.inf if name.startswith("g") else math.inf
        with np.errstate(over="ignore"):
            rounded = kind(value)
            bound = float(np.nextafter(rounded, kind(side)))
        bound = min(bound, value) if side < 0 else max(bound, value)
        if math.isfinite(bound):
            bounds[name[0] + "te"] = bound
    found = place.condition(range=bounds) if bounds else place.value
    return superset(found, f"{place.name!r} is rounded to {place.dtype} when it is read")
