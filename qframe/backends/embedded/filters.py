"""Filters in the REST API's JSON → the engine's objects, as strict as a server: what it would refuse is refused here.

Two traps of the binding are stepped around: a bool in a match must be a numpy bool, because the binding tries integers
first and takes True for 1; and lists of conditions that are empty must be left out, because in a nested filter they
match nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from qframe.backends.embedded.engine import edge, refused
from qframe.model.bad import shown
from qframe.model.outcome import Fault

MAX_DEPTH = 100
"""Filters within filters. The engine recurses; some thousands overflow its stack and end the process."""

LOGGED_DEPTH = 20
"""The same for the filter of a write, which goes into the log: 35 nested ones and the collection never loads again."""

_CLAUSES = ("must", "should", "must_not")
_INT64 = range(-(2**63), 2**63)


class _FilterError(Exception):
    """What is wrong with a filter; becomes a fault at the top."""


def edge_filter(condition: Mapping[str, Any], max_depth: int = MAX_DEPTH) -> Any | Fault:
    """The engine's filter.

    Parameters
    ----------
    condition : mapping
        A Qdrant filter as JSON: must, should, must_not (a list, or one condition), min_should.
    max_depth : int
        How deep filters may stand within filters.

    Returns
    -------
    qdrant_edge.Filter or Fault
    """
    try:
        return _filter(condition, max_depth)
    except _FilterError as error:
        return refused(f"Format error in JSON body: {error}")


def _filter(filter_: Any, depth: int) -> Any:
    if depth == 0:
        raise _FilterError("filters are nested too deeply")
    _keys(filter_, (*_CLAUSES, "min_should"), "filter")
    parts = {clause: _conditions(filter_.get(clause), depth) for clause in _CLAUSES}
    return edge.Filter(**parts, min_should=_min_should(filter_.get("min_should"), depth))


def _conditions(found: Any, depth: int) -> list[Any] | None:
    """The conditions of a clause; None for no or an empty list: both are no constraint."""
    if found is None:
        return None
    listed = [found] if isinstance(found, Mapping) else found
    if not _is_list(listed):
        raise _FilterError(f"invalid type: {shown(found)}, expected a condition or a list of conditions")
    return [_condition(item, depth) for item in listed] or None


def _min_should(found: Any, depth: int) -> Any:
    if found is None:
        return None
    _keys(found, ("conditions", "min_count"), "min_should")
    count = _integer(_given(found, "min_count", "min_should"), "min_count")
    if count < 1:
        raise _FilterError(f"min_count: {count} is too small, at least 1")
    return edge.MinShould(_conditions(_given(found, "conditions", "min_should"), depth) or [], count)


def _condition(condition: Any, depth: int) -> Any:
    if not isinstance(condition, Mapping):
        raise _FilterError(f"invalid type: {shown(condition)}, expected a condition")
    if "key" in condition:
        return _field(condition)
    kind = next((key for key in condition if key in _CONDITIONS), None)
    if kind is None:
        return _filter(condition, depth - 1)
    _keys(condition, (kind,), "condition")
    return _CONDITIONS[kind](condition[kind], depth)


def _is_empty(found: Any, _: int) -> Any:
    return _made(edge.IsEmptyCondition, _only_key(found, "is_empty"))


def _is_null(found: Any, _: int) -> Any:
    return _made(edge.IsNullCondition, _only_key(found, "is_null"))


def _has_id(found: Any, _: int) -> Any:
    ids = _list(found, "has_id")
    for point_id in ids:
        if not isinstance(point_id, (int, str)) or isinstance(point_id, bool):
            raise _bad_id(point_id)
        if isinstance(point_id, int) and not 0 <= point_id < 2**64:
            raise _bad_id(point_id)
    return _made(edge.HasIdCondition, set(ids))


def _has_vector(found: Any, _: int) -> Any:
    return _made(edge.HasVectorCondition, _text(found, "has_vector"))


def _nested(found: Any, depth: int) -> Any:
    _keys(found, ("key", "filter"), "nested")
    inner = _filter(_given(found, "filter", "nested"), depth - 1)
    return _made(edge.NestedCondition, _text(_given(found, "key", "nested"), "key"), inner)


def _slice(found: Any, _: int) -> Any:
    _keys(found, ("total", "index"), "slice")
    total, index = (_integer(_given(found, key, "slice"), key) for key in ("total", "index"))
    if not 0 <= index < total < 2**32:
        raise _FilterError(f"slice: index {index} must be less than total {total}")
    return _made(edge.SliceCondition, total, index)


_CONDITIONS: dict[str, Callable[[Any, int], Any]] = {
    "is_empty": _is_empty,
    "is_null": _is_null,
    "has_id": _has_id,
    "has_vector": _has_vector,
    "nested": _nested,
    "slice": _slice,
}


def _field(condition: Mapping[str, Any]) -> Any:
    _keys(condition, ("key", *_PREDICATES), "condition")
    given = {name: value for name, value in condition.items() if name != "key" and value is not None}
    if not given:
        raise _FilterError(f"at least one condition must be given for the key {shown(condition['key'])}")
    predicates = {name: _PREDICATES[name](value) for name, value in given.items()}
    return _made(edge.FieldCondition, _text(condition["key"], "key"), **predicates)


def _match(found: Any) -> Any:
    _keys(found, tuple(_MATCHES), "match")
    if len(found) != 1:
        raise _FilterError(f"match: expected one of {', '.join(_MATCHES)}, got {shown(dict(found))}")
    kind, value = next(iter(found.items()))
    return _MATCHES[kind](value)


def _match_value(value: Any) -> Any:
    if isinstance(value, bool):
        return edge.MatchValue(np.bool_(value))
    if isinstance(value, str) or (isinstance(value, int) and value in _INT64):
        return edge.MatchValue(value)
    raise _FilterError(f"match value {shown(value)}: expected a string, a 64-bit integer or a boolean")


def _variants(value: Any) -> list[str] | list[int]:
    items = _list(value, "match")
    texts = all(isinstance(item, str) for item in items)
    integers = all(isinstance(item, int) and not isinstance(item, bool) and item in _INT64 for item in items)
    if not texts and not integers:
        raise _FilterError(f"match any or except {shown(items)}: expected only strings, or only 64-bit integers")
    return items


_MATCHES: dict[str, Callable[[Any], Any]] = {
    "value": _match_value,
    "any": lambda value: edge.MatchAny(_variants(value)),
    "except": lambda value: edge.MatchExcept(_variants(value)),
    "text": lambda value: edge.MatchText(_text(value, "text")),
    "text_any": lambda value: edge.MatchTextAny(_text(value, "text_any")),
    "phrase": lambda value: edge.MatchPhrase(_text(value, "phrase")),
    "prefix": lambda value: edge.MatchPrefix(_text(value, "prefix")),
    "substring": lambda value: edge.MatchSubstring(_text(value, "substring")),
}


def _range(found: Any) -> Any:
    _keys(found, ("gt", "gte", "lt", "lte"), "range")
    bounds = {name: value for name, value in found.items() if value is not None}
    if bounds and all(isinstance(value, str) for value in bounds.values()):
        return _made(edge.RangeDateTime, **bounds)
    return edge.RangeFloat(**{name: _number(value, name) for name, value in bounds.items()})


def _values_count(found: Any) -> Any:
    _keys(found, ("gt", "gte", "lt", "lte"), "values_count")
    bounds = {name: _integer(value, name) for name, value in found.items() if value is not None}
    if any(bound < 0 for bound in bounds.values()):
        raise _FilterError(f"values_count: {shown(dict(found))} has a negative bound")
    return edge.ValuesCount(**bounds)


def _geo_box(found: Any) -> Any:
    _keys(found, ("top_left", "bottom_right"), "geo_bounding_box")
    return edge.GeoBoundingBox(
        *(_geo_point(_given(found, at, "geo_bounding_box")) for at in ("top_left", "bottom_right"))
    )


def _geo_radius(found: Any) -> Any:
    _keys(found, ("center", "radius"), "geo_radius")
    center = _geo_point(_given(found, "center", "geo_radius"))
    return edge.GeoRadius(center, _number(_given(found, "radius", "geo_radius"), "radius"))


def _geo_polygon(found: Any) -> Any:
    _keys(found, ("exterior", "interiors"), "geo_polygon")
    interiors = [_geo_line(line) for line in _list(found.get("interiors") or [], "interiors")]
    return _made(edge.GeoPolygon, _geo_line(_given(found, "exterior", "geo_polygon")), interiors or None)


def _geo_line(found: Any) -> list[Any]:
    _keys(found, ("points",), "geo line")
    return [_geo_point(point) for point in _list(_given(found, "points", "geo line"), "points")]


def _geo_point(found: Any) -> Any:
    _keys(found, ("lon", "lat"), "geo point")
    return _made(edge.GeoPoint, *(_number(_given(found, axis, "geo point"), axis) for axis in ("lon", "lat")))


_PREDICATES: dict[str, Callable[[Any], Any]] = {
    "match": _match,
    "range": _range,
    "values_count": _values_count,
    "geo_bounding_box": _geo_box,
    "geo_radius": _geo_radius,
    "geo_polygon": _geo_polygon,
    "is_empty": lambda value: _boolean(value, "is_empty"),
    "is_null": lambda value: _boolean(value, "is_null"),
}


def _made(kind: Callable[..., Any], *parts: Any, **named: Any) -> Any:
    """An object of the engine; its ValueErrors are about paths, dates, UUIDs and coordinates, in the server's words."""
    try:
        return kind(*parts, **named)
    except ValueError as error:
        raise _FilterError(str(error)) from error


def _keys(found: Any, known: Sequence[str], what: str) -> None:
    if not isinstance(found, Mapping):
        raise _FilterError(f"invalid type: {shown(found)}, expected an object for {what}")
    for key in found:
        if key not in known:
            raise _FilterError(
                f"unknown field `{key}` in {what}, expected one of {', '.join(f'`{name}`' for name in known)}"
            )


def _given(found: Mapping[str, Any], key: str, what: str) -> Any:
    if found.get(key) is None:
        raise _FilterError(f"missing field `{key}` in {what}")
    return found[key]


def _only_key(found: Any, what: str) -> str:
    _keys(found, ("key",), what)
    return _text(_given(found, "key", what), "key")


def _is_list(found: Any) -> bool:
    return isinstance(found, Sequence) and not isinstance(found, (str, bytes))


def _list(found: Any, what: str) -> list[Any]:
    if not _is_list(found):
        raise _FilterError(f"{what}: invalid type: {shown(found)}, expected a list")
    return list(found)


def _text(found: Any, what: str) -> str:
    if not isinstance(found, str):
        raise _FilterError(f"{what}: invalid type: {shown(found)}, expected a string")
    return found


def _boolean(found: Any, what: str) -> bool:
    if not isinstance(found, bool):
        raise _FilterError(f"{what}: invalid type: {shown(found)}, expected a boolean")
    return found


def _integer(found: Any, what: str) -> int:
    if not isinstance(found, int) or isinstance(found, bool):
        raise _FilterError(f"{what}: invalid type: {shown(found)}, expected an integer")
    return found


def _number(found: Any, what: str) -> float:
    if not isinstance(found, (int, float)) or isinstance(found, bool) or not math.isfinite(found):
        raise _FilterError(f"{what}: invalid type: {shown(found)}, expected a finite number, or date-times throughout")
    return float(found)


def _bad_id(found: object) -> _FilterError:
    return _FilterError(
        f"value {shown(found)} is not a valid point ID, valid values are either an unsigned integer or a UUID"
    )
