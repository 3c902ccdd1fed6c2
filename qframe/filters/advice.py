"""Which payload indexes a filter asks for, and which of them are there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from qframe.filters.keys import index_on, is_uuid
from qframe.model.requests import Filter

IndexSchema: TypeAlias = str | Mapping[str, Any]
"""What `create_index` takes: a type, or an object of a type and parameters."""

ConditionKind = Literal[
    "text", "uuid", "integer", "boolean", "prefix", "substring", "range", "integer range", "date range", "empty",
    "count", "geo", "full text",
]  # fmt: skip

_SERVING: Mapping[ConditionKind, tuple[str, ...]] = {
    "text": ("keyword",),
    "uuid": ("keyword", "uuid"),
    "integer": ("integer",),
    "boolean": ("bool",),
    "prefix": ("keyword",),
    "range": ("float", "integer"),
    "integer range": ("integer", "float"),
    "date range": ("datetime",),
    "empty": ("keyword", "integer", "float", "bool", "datetime", "uuid", "text", "geo"),
    "count": ("keyword", "integer", "float", "bool", "datetime", "uuid", "text", "geo"),
    "geo": ("geo",),
    "full text": ("text",),
}
"""The index types that serve a kind of condition, the one to make first. Substrings have none."""

_PREFIX: IndexSchema = {"type": "keyword", "prefix": True}


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition on a payload key.

    Parameters
    ----------
    key : str
        Payload path as the filter spells it.
    kind : str
        "text", "uuid" (text that is a UUID), "integer" and "boolean" are matches; "range" is of numbers of which one
        is no integer; "empty" is also `is_null`; "full text" is what a text index answers.
    served : bool
        Whether an index that is there answers it.
    index : str, mapping or None
        What to make so that one does, as `create_index` takes it; None where no index would. Of a condition that any
        index serves it is the type "keyword", unless another condition of the key tells more.
    """

    key: str
    kind: ConditionKind
    served: bool
    index: IndexSchema | None


def conditions(
    filter: Filter,  # noqa: A002 - Qdrant's own word
    indexes: Mapping[str, str],
    params: Mapping[str, Mapping[str, Any]],
) -> tuple[Condition, ...]:
    """The conditions of a filter that an index could serve, each once, in the filter's order.

    Conditions on ids, vectors and slices need none and are left out.

    Parameters
    ----------
    filter : mapping
        A filter as the REST API spells it in JSON.
    indexes : mapping of str to str
        Payload path as the server spells it → index type.
    params : mapping of str to mapping
        Payload path → what its index was made with beside the type.
    """
    found = dict.fromkeys(_of_filter(filter, ""))
    return tuple(_condition(key, kind, index_on(key, indexes), index_on(key, params) or {}) for key, kind in found)


def _condition(key: str, kind: ConditionKind, index: str | None, params: Mapping[str, Any]) -> Condition:
    serving = _SERVING.get(kind, ())
    wanted = _PREFIX if kind == "prefix" else serving[0] if serving else None
    return Condition(key, kind, index in serving and _able(kind, index, params), wanted)


def _able(kind: ConditionKind, index: str | None, params: Mapping[str, Any]) -> bool:
    """Whether an index of a type that serves was made so that it does."""
    if kind == "prefix":
        return params.get("prefix") not in (None, False)
    if index == "integer" and kind in ("integer", "range", "integer range"):
        return params.get("lookup" if kind == "integer" else "range") is not False
    return True


def _of_filter(filter_: Filter, above: str) -> Iterator[tuple[str, ConditionKind]]:
    clauses = [filter_.get(name) or () for name in ("must", "should", "must_not")]
    clauses.append((filter_.get("min_should") or {}).get("conditions") or ())
    for clause in clauses:
        for one in [clause] if isinstance(clause, Mapping) else clause:
            yield from _of_condition(one, above)


def _of_condition(condition: Mapping[str, Any], above: str) -> Iterator[tuple[str, ConditionKind]]:
    if "key" in condition:
        kinds = (_kind(name, value) for name, value in condition.items() if name != "key" and value is not None)
        yield from ((above + condition["key"], kind) for kind in kinds)
    elif "is_empty" in condition or "is_null" in condition:
        asked = condition.get("is_empty") or condition["is_null"]
        yield above + asked["key"], "empty"
    elif "nested" in condition:
        within = condition["nested"]
        array = within["key"] if within["key"].endswith("[]") else within["key"] + "[]"
        yield from _of_filter(within["filter"], f"{above}{array}.")
    elif not condition.keys() & {"has_id", "has_vector", "slice"}:
        yield from _of_filter(condition, above)


def _kind(name: str, value: Any) -> ConditionKind:
    """The kind of one predicate of a field condition."""
    if name == "match":
        return _match_kind(*next(iter(value.items())))
    if name == "range":
        bounds = [bound for bound in value.values() if bound is not None]
        if any(isinstance(bound, float) for bound in bounds):
            return "range"
        return "integer range" if all(isinstance(bound, int) for bound in bounds) else "date range"
    if name.startswith("geo_"):
        return "geo"
    return "count" if name == "values_count" else "empty"


def _match_kind(form: str, value: Any) -> ConditionKind:
    if form == "prefix":
        return "prefix"
    if form == "substring":
        return "substring"
    if form not in ("value", "any", "except"):
        return "full text"
    values: Sequence[Any] = [value] if form == "value" else value
    if all(isinstance(one, str) for one in values):
        return "uuid" if values and all(map(is_uuid, values)) else "text"
    return "boolean" if any(isinstance(one, bool) for one in values) else "integer"
