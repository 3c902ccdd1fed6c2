"""Leaves of predicates → bounds of the rows where they are true, and of those where they are false."""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import pyarrow as pa

from qframe.filters.advice import conditions
from qframe.filters.bounds import NONE, Bound, all_of, any_of, as_filter, complement, superset, unknown
from qframe.filters.ids import ids_equal
from qframe.filters.numbers import floats_compared, floats_equal, ints_compared, ints_equal, is_number
from qframe.filters.places import NO_FIT, Place, place_of
from qframe.filters.pushed import Facts
from qframe.filters.texts import bools_among, text_has, texts_equal
from qframe.filters.times import times_compared, times_equal
from qframe.model.predicate import (
    FUNCTIONS,
    NEGATED,
    Compare,
    HasElement,
    HasText,
    In,
    IsNull,
    Leaf,
    Length,
    Moment,
    OfNull,
    Operator,
)
from qframe.model.schema import TypeFamily, family

MAX_VALUES = 20_000
"""In one list of values; some 200 kB of a request."""

_DATE = re.compile(r"\d{4}-\d\d-\d\d")

_LONGEST = 2**53
"""No list is longer, and every wire has a number for it."""


class Bounds(NamedTuple):
    """Upper bounds of the rows where a predicate is true, and of those where it is false."""

    true: Bound
    false: Bound


def nothing_known(reason: str) -> Bounds:
    return Bounds(unknown(reason), unknown(reason))


def leaf_bounds(leaf: Leaf, facts: Facts) -> Bounds:
    """The bounds of a leaf."""
    place = place_of(leaf.column, facts)
    if isinstance(place, str):
        return nothing_known(place)
    if isinstance(leaf, IsNull):
        found = Bounds(place.null, place.value)
    else:
        known = _known(leaf, place, facts)
        if place.misfits:
            known = Bounds(*(superset(one, NO_FIT) for one in known))
        found = _with_nulls(known, place, leaf.of_null)
    return Bounds(*(_served(one, facts) for one in found))


def _with_nulls(known: Bounds, place: Place, of_null: OfNull) -> Bounds:
    """The bounds of a comparison from those of its rows that are not null."""
    if of_null == "null":
        return known
    either = of_null == "either"
    true = _or_null(known.true, known.false, place) if of_null != "false" else known.true
    false = _or_null(known.false, known.true, place) if of_null != "true" else known.false
    if either and place.null.points != "none":
        why = f"whether it keeps a row where {place.name!r} is null is not known here"
        return Bounds(superset(true, why), superset(false, why))
    return Bounds(true, false)


def _or_null(these: Bound, others: Bound, place: Place) -> Bound:
    """Those rows and the ones that are null: all but the others, where these are known for certain."""
    return complement(others) if others.exact else any_of([these, place.null])


def _known(leaf: Leaf, place: Place, facts: Facts) -> Bounds:
    """Rows where a comparison is true, and where it is false; null ones are in neither."""
    if place.opaque is not None:
        return nothing_known(place.opaque)
    limit = min(MAX_VALUES, int(facts.strict.get("condition_max_size") or MAX_VALUES))
    match leaf:
        case Compare(_, sign, value):
            return _compared(place, sign, value, limit, facts.typed_by)
        case In(_, values):
            return _and_rest(_equal(place, values, limit), place)
        case HasText():
            asked = _kind(place)
            if asked != "string" or place.kind != "payload":
                return nothing_known(f"Qdrant searches text in payload only, not in {place.name!r}")
            return _and_rest(text_has(place, leaf, facts), place)
        case HasElement(_, value):
            elements = _elements(place)
            if isinstance(elements, str):
                return nothing_known(elements)
            return _and_rest(_equal(elements, (value,), limit), place)
        case Length(_, sign, value):
            if _kind(place) != "list":
                return nothing_known(f"{place.name!r} is no list")
            return Bounds(_counted(place, sign, value), _counted(place, NEGATED[sign], value))
        case _:
            raise TypeError(f"no leaf of a predicate: {leaf!r}")


def _and_rest(true: Bound, place: Place) -> Bounds:
    """A condition, and all that is neither null nor fulfils it."""
    return Bounds(true, all_of([complement(true), place.value]) if true.exact else superset(place.value, *true.reasons))


def _compared(place: Place, sign: Operator, value: Any, limit: int, typed_by: str) -> Bounds:
    if sign in ("==", "!="):
        true, false = _and_rest(_equal(place, (value,), limit), place)
        return Bounds(true, false) if sign == "==" else Bounds(false, true)
    order = _ORDERED.get(_rule(place))
    if order is None:
        why = f"Qdrant has no order of {place.name!r}, which is {_called(place)}"
        dates = isinstance(value, str) and _DATE.match(value) is not None
        return nothing_known(f"{why}; if it holds dates, {typed_by} would tell" if dates else why)
    if not order.takes(value, place):
        return nothing_known(_foreign(place, value))
    return Bounds(order.compared(place, sign, value), order.compared(place, NEGATED[sign], value))


def _equal(place: Place, values: Sequence[Any], limit: int) -> Bound:
    rule = _EQUAL.get(_rule(place))
    if rule is None:
        return unknown(f"Qdrant does not compare {place.name!r}, which is {_called(place)}")
    foreign = [value for value in values if not rule.takes(value, place)]
    if foreign:
        return unknown(_foreign(place, foreign[0]))
    return rule.equal(place, values, limit)


def _foreign(place: Place, value: Any) -> str:
    return f"{place.name!r} is {_called(place)} and is compared with {type(value).__name__}"


def _kind(place: Place) -> TypeFamily:
    return family(place.dtype)


def _rule(place: Place) -> str:
    return "id" if place.kind == "id" else _kind(place)


def _called(place: Place) -> str:
    # Arrow keeps text in one of two layouts, which is nobody's matter here.
    return "the id" if place.kind == "id" else str(place.dtype).replace("large_", "")


def _elements(place: Place) -> Place | str:
    """The elements of a list column as a place: conditions hold for a list when they do for one of them."""
    if _kind(place) != "list":
        return f"{place.name!r} is no list"
    value_type = place.dtype.value_type
    dtype = value_type.value_type if pa.types.is_dictionary(value_type) else value_type
    return replace(place, dtype=dtype)


def _counted(place: Place, sign: Operator, value: int) -> Bound:
    """Lists by length.

    What is missing counts as 0 since Qdrant 1.19 and not at all before, so lengths that may be 0 are asked for by those
    that they are not.
    """
    value = min(value, _LONGEST)
    if FUNCTIONS[sign](0, value):
        others = _counted(place, NEGATED[sign], value)
        why = f"an empty list in {place.name!r} looks like null to Qdrant"
        return superset(complement(others), why)
    bounds: Mapping[Operator, dict[str, int]] = {
        "==": {"gte": value, "lte": value},
        "!=": {"gt": value},
        ">": {"gte": max(value + 1, 1)},
        ">=": {"gte": value},
    }
    if sign not in bounds or (sign == "==" and value < 0):
        return NONE
    return place.condition(values_count=bounds[sign])


def _served(bound: Bound, facts: Facts) -> Bound:
    """A bound whose conditions strict mode would not refuse."""
    filter_ = as_filter(bound)
    if filter_ is None or facts.strict.get("unindexed_filtering_retrieve") is not False:
        return bound
    lacking = next((one for one in conditions(filter_, facts.indexes, facts.index_params) if not one.served), None)
    if lacking is None:
        return bound
    return unknown(f"the collection's strict mode refuses filters on {lacking.key!r} without an index that serves them")


@dataclass(frozen=True, slots=True)
class _Equality:
    takes: Callable[[Any, Place], bool]
    equal: Callable[[Place, Sequence[Any], int], Bound]


@dataclass(frozen=True, slots=True)
class _Order:
    takes: Callable[[Any, Place], bool]
    compared: Callable[[Place, Operator, Any], Bound]


def _is_any(_: Any, __: Place) -> bool:
    return True


def _is_number(value: Any, _: Place) -> bool:
    return is_number(value)


def _is_text(value: Any, _: Place) -> bool:
    return isinstance(value, str)


def _is_bool(value: Any, _: Place) -> bool:
    return isinstance(value, bool)


def _is_time(value: Any, place: Place) -> bool:
    if pa.types.is_date(place.dtype):
        return isinstance(value, datetime.date) and not isinstance(value, datetime.datetime)
    return pa.types.is_timestamp(place.dtype) and isinstance(value, Moment)


def _bools_equal(place: Place, values: Sequence[Any], _: int) -> Bound:
    return bools_among(place, set(values))


def _bools_compared(place: Place, sign: Operator, value: Any) -> Bound:
    return bools_among(place, {one for one in (False, True) if FUNCTIONS[sign](one, value)})


_EQUAL: Mapping[str, _Equality] = {
    "id": _Equality(_is_any, ids_equal),
    "int": _Equality(_is_number, ints_equal),
    "float": _Equality(_is_number, floats_equal),
    "bool": _Equality(_is_bool, _bools_equal),
    "string": _Equality(_is_text, texts_equal),
    "temporal": _Equality(_is_time, times_equal),
}
_ORDERED: Mapping[str, _Order] = {
    "int": _Order(_is_number, ints_compared),
    "float": _Order(_is_number, floats_compared),
    "bool": _Order(_is_bool, _bools_compared),
    "temporal": _Order(_is_time, times_compared),
}
