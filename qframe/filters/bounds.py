"""Upper bounds of a set of rows: which points a filter can name that are all of them, and maybe some others."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias

from qframe.model.requests import Filter

MAX_CONDITIONS = 1_000
"""In one filter. The server goes through them for each point that an index does not rule out."""

MAX_DEPTH = 16
"""Filters within filters. The embedded engine cannot log more than 20 for a write, and a caller may add some."""

MAX_REASONS = 5

Condition: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Bound:
    """Points that include the rows meant.

    Parameters
    ----------
    points : mapping, "every" or "none"
        A condition in the REST API's JSON, or every point, or none.
    exact : bool
        Whether no other row is among them.
    reasons : tuple of str
        Why it is not exact: they complete "a superset, because …".
    """

    points: Condition | Literal["every", "none"]
    exact: bool = True
    reasons: tuple[str, ...] = ()


EVERY = Bound("every")
NONE = Bound("none")


def unknown(reason: str) -> Bound:
    """Every point, since no filter is known to leave any row out."""
    return Bound("every", exact=False, reasons=(reason,))


def superset(bound: Bound, *reasons: str) -> Bound:
    """The same points, among which others may be; no point at all needs no reserve."""
    if bound.points == "none":
        return bound
    return replace(bound, exact=False, reasons=_merged((bound.reasons, reasons)))


def all_of(bounds: Iterable[Bound]) -> Bound:
    """Rows that are in each."""
    parts = list(bounds)
    if any(part.points == "none" for part in parts):
        return NONE
    exact, reasons = all(part.exact for part in parts), _merged(part.reasons for part in parts)
    condition = joined(_conditions(parts))
    return Bound("every", exact, reasons) if not condition else _bounded(condition, exact, reasons)


def any_of(bounds: Iterable[Bound]) -> Bound:
    """Rows that are in one of them or more."""
    parts = [part for part in bounds if part.points != "none"]
    every = [part for part in parts if part.points == "every"]
    if every:
        sure = any(part.exact for part in every)
        return EVERY if sure else Bound("every", exact=False, reasons=_merged(part.reasons for part in every))
    should: list[Condition] = []
    for condition in _conditions(parts):
        alike = condition.keys() == {"should"}
        should += _new(condition["should"] if alike else (condition,), should)
    if not should:
        return NONE
    exact, reasons = all(part.exact for part in parts), _merged(part.reasons for part in parts)
    return _bounded(should[0] if len(should) == 1 else {"should": should}, exact, reasons)


def complement(bound: Bound) -> Bound:
    """All rows that are not in it, exactly; it must be exact."""
    if not bound.exact:
        raise ValueError("the complement of an upper bound is no upper bound")
    if isinstance(bound.points, str):
        return NONE if bound.points == "every" else EVERY
    condition = bound.points
    if condition.keys() == {"must_not"}:
        return any_of(map(Bound, condition["must_not"]))
    if condition.keys() == {"should"}:
        return Bound({"must_not": condition["should"]})
    return _bounded({"must_not": [condition]}, exact=True, reasons=())


def joined(conditions: Iterable[Condition]) -> Condition:
    """One condition, as flat as can be, for what meets several; {} for none."""
    must: list[Condition] = []
    must_not: list[Condition] = []
    for condition in conditions:
        if condition.keys() <= {"must", "must_not"}:
            must += _new(condition.get("must", ()), must)
            must_not += _new(condition.get("must_not", ()), must_not)
        else:
            must += _new((condition,), must)
    must = _closed(must)
    if len(must) == 1 and not must_not:
        return must[0]
    return {name: listed for name, listed in (("must", must), ("must_not", must_not)) if listed}


def _closed(conditions: list[Condition]) -> list[Condition]:
    """The same with a bound from below and one from above of the same key in one range.

    An index goes through one range from end to end; of two open ones it goes through one, and each point found is held
    against the other. Ranges for elements of lists have both bounds, so that none of them is open here.
    """
    found: list[Condition] = []
    open_ends: dict[tuple[Any, bool], int] = {}
    for condition in conditions:
        bounds = set(condition["range"]) if condition.keys() == {"key", "range"} else set()
        if len(bounds) != 1:
            found.append(condition)
            continue
        key, below = condition["key"], bounds <= {"gt", "gte"}
        other = open_ends.pop((key, not below), None)
        if other is None:
            open_ends[key, below] = len(found)
            found.append(condition)
        else:
            found[other] = {"key": key, "range": {**found[other]["range"], **condition["range"]}}
    return found


def as_filter(bound: Bound) -> Filter | None:
    """The filter of a bound that names some points; None for every point."""
    if isinstance(bound.points, str):
        return None
    condition = bound.points
    return condition if condition.keys() <= {"must", "should", "must_not"} else {"must": [condition]}


def size(condition: Condition) -> int:
    """The number of conditions that are no filters themselves."""
    inner = list(_inner(condition))
    return sum(map(size, inner)) if inner else 1


def _depth(condition: Condition) -> int:
    return 1 + max((_depth(one) for one in _inner(condition)), default=0)


def _inner(condition: Condition) -> Iterator[Condition]:
    for name in ("must", "should", "must_not"):
        yield from condition.get(name, ())


def _bounded(condition: Condition, exact: bool, reasons: tuple[str, ...]) -> Bound:
    if _depth(condition) > MAX_DEPTH:
        return unknown(f"its filter would be nested more than {MAX_DEPTH} deep")
    if size(condition) > MAX_CONDITIONS:
        return unknown(f"its filter would have more than {MAX_CONDITIONS:,} conditions")
    return Bound(condition, exact, reasons)


def _conditions(parts: Iterable[Bound]) -> Iterator[Condition]:
    return (part.points for part in parts if not isinstance(part.points, str))


def _new(conditions: Iterable[Condition], known: list[Condition]) -> list[Condition]:
    """Those that are not there; a comparison with each is too dear for many."""
    return [one for one in conditions if len(known) > 100 or one not in known]


def _merged(reasons: Iterable[Iterable[str]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(reason for some in reasons for reason in some))[:MAX_REASONS]
