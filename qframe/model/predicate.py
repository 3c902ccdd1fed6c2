"""What a row must be to be kept, as values: neither a frame library's expression nor a database's filter.

A predicate is true, false or null for a row, as in SQL; rows are kept where it is true.
"""

from __future__ import annotations

import datetime
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias

Operator = Literal["==", "!=", "<", "<=", ">", ">="]

FUNCTIONS: Mapping[Operator, Callable[[Any, Any], Any]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
"""What Python does for an operator."""

REFLECTED: Mapping[Operator, Operator] = {"==": "==", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
"""The operator with its two sides exchanged."""

NEGATED: Mapping[Operator, Operator] = {"==": "!=", "!=": "==", "<": ">=", ">=": "<", ">": "<=", "<=": ">"}
"""The operator that holds of two values where one does not."""


@dataclass(frozen=True, slots=True)
class Moment:
    """A point in time.

    Parameters
    ----------
    ns : int
        Nanoseconds since 1970 in UTC; of a column without a time zone, as if its zone were UTC.
    """

    ns: int

    @staticmethod
    def of_day(day: datetime.date) -> Moment:
        """The first of a day."""
        return Moment((day - _EPOCH).days * NS_OF_DAY)


NS_OF_DAY = 86_400 * 10**9
"""Nanoseconds of a day."""

_EPOCH = datetime.date(1970, 1, 1)

Constant: TypeAlias = bool | int | float | str | datetime.date | Moment
"""What a column is compared with. Floats are finite; dates are no datetimes, which are `Moment`s."""

OfNull = Literal["null", "false", "true", "either"]
"""What a comparison is where the column is null: null as in polars; false or true as in NumPy and in `eq_missing`;
"either" where that is not known."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column, or a field of a struct column: ("address", "city")."""

    path: tuple[str, ...]

    def __str__(self) -> str:
        return ".".join(self.path)


@dataclass(frozen=True, slots=True)
class Compare:
    """A column against a constant. `column == True` stands for a boolean column by itself."""

    column: Column
    operator: Operator
    value: Constant
    of_null: OfNull = "null"


@dataclass(frozen=True, slots=True)
class In:
    """Whether a column is one of some constants, none of which is null."""

    column: Column
    values: tuple[Constant, ...]
    of_null: OfNull = "null"


@dataclass(frozen=True, slots=True)
class IsNull:
    """Whether a column is null: true or false."""

    column: Column


@dataclass(frozen=True, slots=True)
class HasText:
    """Whether text starts with, or contains, another: letter for letter."""

    column: Column
    kind: Literal["prefix", "substring"]
    value: str
    of_null: OfNull = "null"


@dataclass(frozen=True, slots=True)
class HasElement:
    """Whether an element of a list equals a constant; false for an empty list, `of_null` for a list that is null."""

    column: Column
    value: Constant
    of_null: OfNull = "null"


@dataclass(frozen=True, slots=True)
class Length:
    """The number of elements of a list, null ones among them, against a constant."""

    column: Column
    operator: Operator
    value: int
    of_null: OfNull = "null"


@dataclass(frozen=True, slots=True)
class Always:
    """The same for every row; None is null."""

    value: bool | None


@dataclass(frozen=True, slots=True)
class Opaque:
    """What no translation is known for. `reason` completes the sentence "it stays here, because …"."""

    reason: str


@dataclass(frozen=True, slots=True)
class Not:
    inner: Predicate


@dataclass(frozen=True, slots=True)
class And:
    parts: tuple[Predicate, ...]


@dataclass(frozen=True, slots=True)
class Or:
    parts: tuple[Predicate, ...]


@dataclass(frozen=True, slots=True)
class Xor:
    left: Predicate
    right: Predicate


Leaf: TypeAlias = Compare | In | IsNull | HasText | HasElement | Length
Predicate: TypeAlias = Leaf | Always | Opaque | Not | And | Or | Xor


def filled(predicate: Predicate, *, value: bool) -> Predicate:
    """A predicate that is `value` where the given one is null, and the same where that is true or false."""
    match predicate:
        case Not(inner):
            return Not(filled(inner, value=not value))
        case And(parts) | Or(parts):
            # Both are null only where what has decided nothing is null.
            return type(predicate)(tuple(filled(part, value=value) for part in parts))
        case Always(None):
            return Always(value)
        case Xor():
            return Opaque("nulls of an exclusive or are filled")
        case Always() | IsNull() | Opaque():
            return predicate
    return replace(predicate, of_null="true" if value else "false") if predicate.of_null == "null" else predicate


@dataclass(frozen=True, slots=True)
class Conjunct:
    """One of the predicates that must all be true.

    Parameters
    ----------
    text : str
        As the caller wrote it, about.
    predicate : Predicate
    """

    text: str
    predicate: Predicate
