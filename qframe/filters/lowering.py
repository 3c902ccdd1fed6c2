"""Predicates → filters by upper bounds, in the logic of three values: a row is kept where a predicate is true.

Each node has a bound of the rows where it is true and one of those where it is false, so that NOT is nothing but their
exchange, and nothing is ever negated that is not exact. Rows where it is null need no bound.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from qframe.filters.bounds import EVERY, NONE, all_of, any_of, as_filter, size
from qframe.filters.leaves import Bounds, leaf_bounds, nothing_known
from qframe.filters.pushed import NOTHING, Facts, Part, Pushed
from qframe.model.predicate import Always, And, Conjunct, Not, Opaque, Or, Predicate, Xor

MAX_LEVELS = 60
"""Of operators within each other; chains of AND and of OR are one level."""


def push(conjuncts: Iterable[Conjunct], facts: Facts) -> Pushed:
    """The filters of some conjuncts.

    Parameters
    ----------
    conjuncts : iterable of Conjunct
        Predicates that must all be true.
    facts : Facts

    Returns
    -------
    Pushed
        A part for each, in order. Conditions beyond the number that strict mode allows are left out, last ones first.
    """
    parts, left = [], facts.strict.get("filter_max_conditions")
    for conjunct in conjuncts:
        part = _part(conjunct, facts)
        needed = 0 if part.filter is None else size(part.filter)
        if left is not None and needed > left:
            reason = (
                f"the collection's strict mode allows {facts.strict['filter_max_conditions']} conditions in a filter"
            )
            part, needed = Part(conjunct.text, None, exact=False, reasons=(reason,)), 0
        left = None if left is None else left - needed
        parts.append(part)
    return Pushed(tuple(parts))


def _part(conjunct: Conjunct, facts: Facts) -> Part:
    bound = _bounds(conjunct.predicate, facts, MAX_LEVELS).true
    filter_ = NOTHING if bound.points == "none" else as_filter(bound)
    return Part(conjunct.text, filter_, bound.exact, () if bound.exact else bound.reasons)


def _bounds(node: Predicate, facts: Facts, levels: int) -> Bounds:
    if levels == 0:
        return nothing_known(f"it has more than {MAX_LEVELS} operators within each other")
    match node:
        case Always(value):
            return Bounds(EVERY if value is True else NONE, EVERY if value is False else NONE)
        case Opaque(reason):
            return nothing_known(reason)
        case Not(inner):
            true, false = _bounds(inner, facts, levels - 1)
            return Bounds(false, true)
        case And() | Or():
            parts = [_bounds(part, facts, levels - 1) for part in _chain(node)]
            return _conjoined(parts) if isinstance(node, And) else _swapped(_conjoined([*map(_swapped, parts)]))
        case Xor(left, right):
            a, b = _bounds(left, facts, levels - 1), _bounds(right, facts, levels - 1)
            return Bounds(
                any_of([all_of([a.true, b.false]), all_of([a.false, b.true])]),
                any_of([all_of([a.true, b.true]), all_of([a.false, b.false])]),
            )
        case _:
            return leaf_bounds(node, facts)


def _conjoined(parts: list[Bounds]) -> Bounds:
    """AND: true where all are, false where one is. OR is the same of the negations."""
    return Bounds(all_of(part.true for part in parts), any_of(part.false for part in parts))


def _swapped(bounds: Bounds) -> Bounds:
    return Bounds(bounds.false, bounds.true)


def _chain(node: And | Or) -> Iterator[Predicate]:
    """The operands of a chain of one operator, however it is nested."""
    waiting: list[Predicate] = [node]
    while waiting:
        one = waiting.pop()
        if type(one) is type(node):
            waiting.extend(reversed(one.parts))
        else:
            yield one
