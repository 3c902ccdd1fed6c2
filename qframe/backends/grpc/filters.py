"""Filters as Qdrant's JSON has them → `Filter` messages. Unknown keys are refused: gRPC servers drop them in silence.

`encode_filter` writes any filter; `filter_needs` says which server is the first to understand all of it, since an
older one would answer as if the condition were not there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from qframe.backends.grpc.messages import (
    BOOL,
    DOUBLE,
    FLOAT,
    INT64,
    TEXT,
    UINT32,
    UINT64,
    Codec,
    Many,
    Message,
    Shaped,
    message,
    wrong,
)
from qframe.backends.grpc.tables.values import POINT_ID, TIMESTAMP
from qframe.backends.versions import Need, Version
from qframe.errors import OptionError

SINCE: dict[str, Version] = {
    "min_should": (1, 8, 0),
    "has_vector": (1, 13, 0),
    "slice": (1, 19, 0),
    "field is_empty": (1, 14, 0),
    "field is_null": (1, 14, 0),
    "match phrase": (1, 15, 0),
    "match text_any": (1, 16, 0),
    "match prefix": (1, 19, 0),
    "match substring": (1, 20, 0),
}
"""The first release of what came after 1.12.2, the oldest server that qframe speaks gRPC with (and of `min_should`)."""

GEO_POINT = message(lon=(1, DOUBLE), lat=(2, DOUBLE)).needs("lon", "lat")
LINE = message(points=(1, Many(GEO_POINT))).needs("points")
STRINGS = message(strings=(1, Many(TEXT)))
INTEGERS = message(integers=(1, Many(INT64)))


def _single(value: Any, path: str) -> tuple[str, Any]:
    """The key and value of an object that must have exactly one."""
    if not isinstance(value, Mapping) or len(value) != 1:
        raise wrong(path, "an object with one key", value)
    return next(iter(value.items()))


def _match_value(value: Any, path: str) -> dict[str, Any]:
    for kind, name in ((bool, "boolean"), (int, "integer"), (str, "keyword")):
        if isinstance(value, kind):
            return {name: value}
    raise wrong(path, "text, an integer, true or false; use range for other numbers", value)


def _match_list(value: Any, path: str, prefix: str) -> dict[str, Any]:
    if not isinstance(value, Sequence) or isinstance(value, str):
        raise wrong(path, "a list of texts or integers", value)
    if all(isinstance(one, str) for one in value):
        return {f"{prefix}keywords": {"strings": value}}
    return {f"{prefix}integers": {"integers": value}}


def _match(value: Any, path: str) -> dict[str, Any]:
    key, operand = _single(value, path)
    if key == "value":
        return _match_value(operand, f"{path}.value")
    if key in ("any", "except"):
        return _match_list(operand, f"{path}.{key}", "" if key == "any" else "except_")
    if key in ("text", "phrase", "text_any", "prefix", "substring"):
        return {key: operand}
    raise OptionError(
        f"{path}: unknown key {key!r}; known keys: value, any, except, text, phrase, text_any, prefix, substring."
    )


MATCH = Shaped(
    message(
        keyword=(1, TEXT),
        integer=(2, INT64),
        boolean=(3, BOOL),
        text=(4, TEXT),
        keywords=(5, STRINGS),
        integers=(6, INTEGERS),
        except_integers=(7, INTEGERS),
        except_keywords=(8, STRINGS),
        phrase=(9, TEXT),
        text_any=(10, TEXT),
        prefix=(11, TEXT),
        substring=(12, TEXT),
    ),
    _match,
    lambda found: found,
)


def _bounds(codec: Codec) -> Message:
    return message(lt=(1, codec), gt=(2, codec), gte=(3, codec), lte=(4, codec))


FIELD = message(
    key=(1, TEXT),
    match=(2, MATCH),
    range=(3, _bounds(DOUBLE)),
    geo_bounding_box=(
        4,
        message(top_left=(1, GEO_POINT), bottom_right=(2, GEO_POINT)).needs("top_left", "bottom_right"),
    ),
    geo_radius=(5, message(center=(1, GEO_POINT), radius=(2, FLOAT)).needs("center", "radius")),
    values_count=(6, _bounds(UINT64)),
    geo_polygon=(7, message(exterior=(1, LINE), interiors=(2, Many(LINE))).needs("exterior")),
    datetime_range=(8, _bounds(TIMESTAMP)),
    is_empty=(9, BOOL),
    is_null=(10, BOOL),
).needs("key")


def _field(value: Mapping[str, Any], path: str) -> dict[str, Any]:
    """A field condition in its message's shape: a range of texts stands in a field of its own there."""
    if "datetime_range" in value:
        raise OptionError(f"{path}: unknown key 'datetime_range'; a range of dates is a range with text bounds.")
    field = {key: one for key, one in value.items() if one is not None}
    bounds = field.get("range")
    if isinstance(bounds, Mapping):
        given = [one for one in bounds.values() if one is not None]
        if given and not any(isinstance(one, int | float) for one in given):
            field["datetime_range"] = field.pop("range")
    if len(field) < 2:
        raise OptionError(f"{path}: the condition on field {value['key']!r} says nothing about it.")
    return field


def _key_of(value: Any, path: str) -> dict[str, Any]:
    """`{"key": …}`, as `is_empty` and `is_null` have it."""
    key, name = _single(value, path)
    if key != "key":
        raise OptionError(f"{path}: unknown key {key!r}; known keys: key.")
    return {"key": name}


class _Condition:
    """A condition as a field codec; stands for the message because conditions and filters hold each other."""

    absent: Any = None

    def put(self, number: int, value: Any, path: str) -> bytes:
        return CONDITION.put(number, _condition(value, path), path)

    def take(self, found: Sequence[int | bytes]) -> Any:
        return CONDITION.take(found)


def _listed(value: Any, _path: str) -> Any:
    return [value] if isinstance(value, Mapping) else value


_CONDITIONS = Shaped(Many(_Condition()), _listed, lambda found: found)

FILTER = message(
    should=(1, _CONDITIONS),
    must=(2, _CONDITIONS),
    must_not=(3, _CONDITIONS),
    min_should=(
        4,
        message(conditions=(1, _CONDITIONS), min_count=(2, UINT64)).needs("conditions", "min_count"),
    ),
)

CONDITION = message(
    field=(1, FIELD),
    is_empty=(2, Shaped(message(key=(1, TEXT)), _key_of, lambda found: found)),
    has_id=(
        3,
        Shaped(message(has_id=(1, Many(POINT_ID))), lambda value, _: {"has_id": value}, lambda found: found),
    ),
    filter=(4, FILTER),
    is_null=(5, Shaped(message(key=(1, TEXT)), _key_of, lambda found: found)),
    nested=(6, message(key=(1, TEXT), filter=(2, FILTER)).needs("key", "filter")),
    has_vector=(
        7,
        Shaped(message(has_vector=(1, TEXT)), lambda value, _: {"has_vector": value}, lambda found: found),
    ),
    slice=(8, message(total=(1, UINT32), index=(2, UINT32)).needs("total", "index")),
)

_FILTER_KEYS = frozenset(FILTER.table)
_SINGLE_KEYS = ("is_empty", "is_null", "has_id", "has_vector", "nested", "slice")


def _condition(value: Any, path: str) -> dict[str, Any]:
    """A condition in its message's shape: which kind it is, the JSON says by its keys alone."""
    if not isinstance(value, Mapping):
        raise wrong(path, "a condition", value)
    if "key" in value:
        return {"field": _field(value, path)}
    if value.keys() <= _FILTER_KEYS:
        return {"filter": value}
    kind = next((key for key in _SINGLE_KEYS if key in value), None)
    if kind is None or len(value) > 1:
        unknown = next(key for key in value if key != kind)
        known = ", ".join(("key", *_SINGLE_KEYS, *FILTER.table))
        raise OptionError(f"{path}: unknown key {unknown!r} in a condition; known keys: {known}.")
    return {kind: value[kind]}


def encode_filter(filter: Mapping[str, Any], path: str = "filter") -> bytes:  # noqa: A002 - Qdrant's own word
    """The `Filter` message of a filter.

    Parameters
    ----------
    filter : mapping
        A filter as the REST API spells it in JSON.
    path : str
        What errors call it.

    Raises
    ------
    OptionError
        For anything the message has no place for, naming it: an unknown key, a value of the wrong kind.
    """
    return FILTER.encode(filter, path)


def filter_needs(filter: Mapping[str, Any]) -> list[Need]:  # noqa: A002 - Qdrant's own word
    """What a filter needs of a server: the conditions that came after the oldest one there is gRPC for."""
    return [(SINCE[name], name) for name in _features(filter) if name in SINCE]


def _features(filter: Mapping[str, Any]) -> Iterator[str]:  # noqa: A002 - Qdrant's own word
    minimum = filter.get("min_should")
    if minimum is not None:
        yield "min_should"
    lists = [filter.get(name) or () for name in ("should", "must", "must_not")]
    lists.append((minimum or {}).get("conditions") or ())
    for conditions in lists:
        for condition in [conditions] if isinstance(conditions, Mapping) else conditions:
            yield from _condition_features(condition)


def _condition_features(condition: Mapping[str, Any]) -> Iterator[str]:
    if "key" in condition:
        yield from (f"field {name}" for name in ("is_empty", "is_null") if condition.get(name) is not None)
        yield from (f"match {name}" for name in condition.get("match") or ())
    elif condition.keys() <= _FILTER_KEYS:
        yield from _features(condition)
    elif "nested" in condition:
        yield from _features(condition["nested"].get("filter") or {})
    else:
        yield from condition
