"""What comparisons, tests and patterns of pandas mean, as predicates. No frame is looked at here."""

from __future__ import annotations

import datetime
import numbers
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, TypeAlias

import pandas as pd
import pyarrow as pa

from qframe.frames.pandas_predicates.constants import Compared, Field, Unknown, compared, is_missing
from qframe.model import predicate as predicates
from qframe.model.predicate import (
    FUNCTIONS,
    Always,
    And,
    Column,
    Compare,
    Constant,
    HasText,
    In,
    IsNull,
    Length,
    Moment,
    Not,
    OfNull,
    Opaque,
    Operator,
    Or,
    Predicate,
)

_METACHARACTERS = frozenset(".^$*+?{}[]\\|()")


@dataclass(frozen=True, slots=True)
class Truth:
    """A mask."""

    predicate: Predicate


@dataclass(frozen=True, slots=True)
class Filled:
    """A column whose missing values are a constant."""

    field: Field
    constant: Constant


@dataclass(frozen=True, slots=True)
class Year:
    """The years of points in time in UTC or without a zone, or of dates."""

    field: Field


@dataclass(frozen=True, slots=True)
class Size:
    """The lengths of lists."""

    field: Field


@dataclass(frozen=True, slots=True)
class Computed:
    """Values that predicates have no word for."""

    reason: str


Meaning: TypeAlias = Field | Truth | Filled | Year | Size | Computed


@dataclass(frozen=True, slots=True)
class Comparison:
    """What a comparison means, and how it is done here if not as it was written."""

    predicate: Predicate
    compared: Compared | None = None


def comparison(meaning: Meaning, operator: Operator, value: Any) -> Comparison:
    """What is compared with a literal."""
    if isinstance(meaning, Field | Filled):
        field = meaning if isinstance(meaning, Field) else meaning.field
        found = compared(field, operator, value)
        if isinstance(found, Unknown):
            return Comparison(Opaque(found.reason))
        of_null = field.of_null(found.operator)
        if isinstance(meaning, Filled):
            of_null = _holds(found.operator, meaning.constant, found.constant)
        return Comparison(Compare(field.column, found.operator, found.constant, of_null), found)
    number = _whole(value)
    if isinstance(meaning, Size) and number is not None:
        field = meaning.field
        return Comparison(Length(field.column, operator, number, field.of_null(operator)))
    if isinstance(meaning, Year) and number is not None and 1 <= number <= 9998:
        return Comparison(_year(meaning.field, operator, number))
    return Comparison(Opaque(_reason(meaning)))


def _whole(value: Any) -> int | None:
    """A literal as a whole number."""
    is_number = isinstance(value, numbers.Real) and not isinstance(value, bool) and not is_missing(value)
    # A float is looked for in a range number by number.
    return int(value) if is_number and -(2**31) <= value < 2**31 and value == int(value) else None


def _reason(meaning: Meaning) -> str:
    return meaning.reason if isinstance(meaning, Computed) else "it is computed from a column"


def _holds(operator: Operator, left: Constant, right: Constant) -> OfNull:
    """What a comparison of two constants of one column is."""
    sides = [side.ns if isinstance(side, Moment) else side for side in (left, right)]
    return "true" if FUNCTIONS[operator](*sides) else "false"


def _year(field: Field, operator: Operator, year: int) -> Predicate:
    of_null = field.of_null("<")

    def bound(edge: Operator, at: int) -> Predicate:
        day = datetime.date(at, 1, 1)
        is_date = pa.types.is_date(field.dtype)
        return Compare(field.column, edge, day if is_date else Moment.of_day(day), of_null)

    if operator in ("<", ">="):
        return bound(operator, year)
    if operator in ("<=", ">"):
        return bound("<" if operator == "<=" else ">=", year + 1)
    within = And((bound(">=", year), bound("<", year + 1)))
    return within if operator == "==" else Not(within)


def membership(meaning: Meaning, values: Iterable[Any]) -> tuple[Predicate, list[Any] | None]:
    """Whether values are among some; and what pandas is given in their place, None for what was given.

    What is missing is among nothing: false, not null.
    """
    if not isinstance(meaning, Field | Filled):
        return Opaque(_reason(meaning)), None
    field = meaning if isinstance(meaning, Field) else meaning.field
    if pa.types.is_float32(field.dtype):
        return Opaque("float32 values are looked up here"), None
    found = []
    for value in values:
        one = compared(field, "==", value)
        if isinstance(one, Unknown):
            return Opaque(one.reason), None
        if one.settled is None:  # else no value of the column is equal to it
            found.append(one)
    constants = tuple(one.constant for one in found)
    filled = isinstance(meaning, Filled) and meaning.constant in constants
    if not constants:
        return Always(False), []
    return In(field.column, constants, "true" if filled else "false"), [one.here for one in found]


def missing(meaning: Meaning) -> Predicate:
    """Whether values are missing."""
    return IsNull(meaning.column) if isinstance(meaning, Field) else Opaque(_reason(meaning))


def filled(meaning: Meaning, value: Any) -> tuple[Meaning, Any]:
    """What is meant once a literal stands for what is missing, and the literal that pandas is given."""
    if isinstance(meaning, Truth):
        if not isinstance(value, bool):
            return Computed("masks are filled with True or False only"), value
        return Truth(predicates.filled(meaning.predicate, value=value)), value
    if isinstance(meaning, Field):
        found = compared(meaning, "==", value)
        if isinstance(found, Compared) and found.settled is None:
            return Filled(meaning, found.constant), found.here
    return Computed("missing values are filled"), value


def of_mask(meaning: Meaning) -> Predicate | None:
    """What is meant where values stand as a mask; None for what is no mask."""
    if isinstance(meaning, Truth):
        return meaning.predicate
    if isinstance(meaning, Field | Filled):
        field = meaning if isinstance(meaning, Field) else meaning.field
        if not pa.types.is_boolean(field.dtype):
            return None
        # Objects, which NumPy has where booleans are missing, become nullable booleans.
        of_null: OfNull = "either" if field.logic == "either" else "null"
        if isinstance(meaning, Filled):
            of_null = "true" if meaning.constant else "false"
        return Compare(field.column, "==", True, of_null)
    return None


def pattern(meaning: Meaning, method: str, text: Any, na: Any, regex: bool, case: bool) -> Predicate:
    """startswith, endswith, contains, match and fullmatch of text.

    Parameters
    ----------
    meaning : Meaning
        Of what is looked at.
    method : str
    text : object
        As it was given.
    na : object
        What stands for what is missing; Ellipsis where that was left to the dtype.
    regex, case : bool
    """
    if not isinstance(meaning, Field) or not _is_text(meaning):
        return Opaque(_reason(meaning))
    of_null: OfNull
    if isinstance(na, bool):
        of_null = "true" if na else "false"
    elif na is Ellipsis and not isinstance(meaning.shown, pd.CategoricalDtype):
        of_null = _of_no_text(meaning)
    else:
        of_null = "either"
    column = meaning.column
    if isinstance(text, tuple) and text and method in ("startswith", "endswith"):
        return Or(tuple(_text(column, method, one, of_null) for one in text))
    if not case:
        return Opaque("it does not mind the case of letters")
    if method in ("contains", "match", "fullmatch"):
        return _regex(column, method, text, of_null) if regex else _text(column, "contains", text, of_null)
    return _text(column, method, text, of_null)


def _is_text(field: Field) -> bool:
    types = pa.types
    return bool(types.is_string(field.dtype) or types.is_large_string(field.dtype))


def _of_no_text(field: Field) -> OfNull:
    """Objects give missing for missing, pandas 3's `str` gives false."""
    if field.logic == "nan":
        return "false" if isinstance(field.shown, pd.StringDtype) else "either"
    return field.logic


def _regex(column: Column, method: str, text: Any, of_null: OfNull) -> Predicate:
    if isinstance(text, re.Pattern) or not isinstance(text, str):
        return Opaque("it is a pattern")
    anchored = method == "contains" and text.startswith("^")
    text = text[1:] if anchored else text
    if _METACHARACTERS.intersection(text):
        return Opaque("it is a pattern")
    if method == "fullmatch":
        return Compare(column, "==", text, of_null)
    return _text(column, "startswith" if anchored or method == "match" else "contains", text, of_null)


def _text(column: Column, method: str, text: Any, of_null: OfNull) -> Predicate:
    if not isinstance(text, str) or not text:
        return Opaque("it looks for no text")
    if method == "startswith":
        return HasText(column, "prefix", str(text), of_null)
    contains = HasText(column, "substring", str(text), of_null)
    return contains if method == "contains" else And((contains, Opaque("it looks at the end of text")))


def year_of(meaning: Meaning) -> Meaning:
    """The years of a column."""
    if isinstance(meaning, Field):
        dtype = meaning.dtype
        if pa.types.is_date(dtype) or (pa.types.is_timestamp(dtype) and dtype.tz in (None, "UTC", "Etc/UTC", "+00:00")):
            return Year(meaning)
    return Computed("a year is computed, which another zone begins at another time")


def size_of(meaning: Meaning) -> Meaning:
    """The lengths of lists; of anything else a number that is computed."""
    types = pa.types
    if isinstance(meaning, Field) and (types.is_list(meaning.dtype) or types.is_large_list(meaning.dtype)):
        return Size(meaning)
    return Computed("a length is computed")


def field_of(meaning: Meaning, name: Any) -> Meaning:
    """A field of a struct column, which only Arrow's dtypes show as one."""
    if isinstance(meaning, Field) and meaning.in_arrow and pa.types.is_struct(meaning.dtype) and isinstance(name, str):
        index = meaning.dtype.get_field_index(name)
        if index >= 0:
            dtype = meaning.dtype.field(index).type
            return Field(Column((*meaning.column.path, name)), dtype, pd.ArrowDtype(dtype), "null")
    return Computed("a part of a struct is taken")
