"""The order of ids: none in Qdrant's filters, but a scroll goes through integer ids from the lowest to the highest,
begins at any of them, and can be left at any.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import pyarrow as pa

from qframe.filters.numbers import is_number
from qframe.filters.pushed import EVERY_ID, Pushed
from qframe.model.predicate import And, Column, Compare, Conjunct, Predicate
from qframe.model.schema import EXACT, Schema


def by_order(pushed: Pushed, conjuncts: Sequence[Conjunct], schema: Schema) -> Pushed:
    """The same with the ids that a scroll need not go beyond; parts that say no more than these are exact.

    Parameters
    ----------
    pushed : Pushed
        What became of the conjuncts, part by part.
    conjuncts : sequence of Conjunct
    schema : Schema
        Ids of text have an order that is not the server's; nothing follows from that.
    """
    if not pa.types.is_integer(schema.id_type):
        return pushed
    ids, parts = EVERY_ID, []
    for conjunct, part in zip(conjuncts, pushed.parts, strict=True):
        span, whole = _span(conjunct.predicate, Column((schema.id_name,)))
        ids = _common(ids, span)
        parts.append(replace(part, exact=True, reasons=()) if whole else part)
    return Pushed(tuple(parts), ids)


def _span(predicate: Predicate, ids: Column) -> tuple[range, bool]:
    """Ids that include all for which a predicate is true, and whether it is true for all of these."""
    match predicate:
        case Compare(column, sign, value) if column == ids and is_number(value):
            if isinstance(value, float) and abs(value) >= EXACT:
                return EVERY_ID, False  # the frame compares such as floats, which several ids are
            if sign in (">", ">="):
                return _within(math.floor(value) + 1 if sign == ">" else math.ceil(value), EVERY_ID.stop), True
            if sign in ("<", "<="):
                return _within(0, math.ceil(value) if sign == "<" else math.floor(value) + 1), True
        case And(parts):
            spans = [_span(part, ids) for part in parts]
            span = EVERY_ID
            for one, _ in spans:
                span = _common(span, one)
            return span, all(whole for _, whole in spans)
    return EVERY_ID, False


def _within(start: int, stop: int) -> range:
    return _common(EVERY_ID, range(start, stop))


def _common(one: range, other: range) -> range:
    start, stop = max(one.start, other.start), min(one.stop, other.stop)
    return range(start, stop) if start < stop else range(0)
