"""Conditions on text: equality, beginnings and parts, letter for letter. Qdrant has no order of texts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from qframe.filters.bounds import NONE, Bound, superset, unknown
from qframe.filters.keys import is_uuid
from qframe.filters.places import Place, is_old
from qframe.filters.pushed import Facts
from qframe.model.predicate import HasText

_SINCE = {"prefix": ((1, 19, 0), "1.19"), "substring": ((1, 20, 0), "1.20")}


def texts_equal(place: Place, values: Sequence[Any], limit: int) -> Bound:
    """Rows that are one of the texts."""
    listed = list(dict.fromkeys(values))
    if not listed:
        return NONE
    if len(listed) > limit:
        return unknown(f"more than {limit:,} texts of {place.name!r} are asked for")
    # An index of UUIDs finds every spelling of one; an index of numbers takes such a text for its own and finds none.
    if any(map(is_uuid, listed)):
        if place.index in ("integer", "float", "datetime"):
            return unknown(f"the {place.index} index on {place.name!r} does not find text that is a UUID")
        if place.index == "uuid":
            found = place.condition(match=_match(listed))
            return superset(found, f"the uuid index on {place.name!r} finds other spellings of a UUID too")
    return place.condition(match=_match(listed))


def _match(texts: list[str]) -> dict[str, Any]:
    return {"value": texts[0]} if len(texts) == 1 else {"any": texts}


def text_has(place: Place, asked: HasText, facts: Facts) -> Bound:
    """Rows whose text begins with, or contains, another."""
    if not asked.value:
        return place.value
    since, name = _SINCE[asked.kind]
    if facts.version < since:
        return unknown(f"{asked.kind} search needs Qdrant {name}, {is_old(facts)}")
    return place.condition(match={asked.kind: asked.value})


def bools_among(place: Place, allowed: set[bool]) -> Bound:
    """Rows that are true, false, or either."""
    if len(allowed) == 2:
        return place.value
    return place.condition(match={"value": allowed.pop()}) if allowed else NONE
