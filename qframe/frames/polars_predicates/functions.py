"""Functions of polars that are true or false of a column, as predicates; one table of those that are known."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeAlias

import polars as pl

from qframe.frames.polars_predicates import regex
from qframe.frames.polars_predicates.operands import Operand, compare, operand, where_present
from qframe.frames.polars_predicates.serialized import (
    INTEGERS,
    UNKNOWN_FORM,
    Function,
    UntranslatedError,
    Value,
    constants,
    fields,
    listed,
    literal,
)
from qframe.model.predicate import (
    And,
    Column,
    Compare,
    Constant,
    HasElement,
    HasText,
    In,
    IsNull,
    Not,
    Opaque,
    Operator,
    Or,
    Predicate,
    filled,
)

Schema: TypeAlias = Mapping[str, pl.DataType]

MANY = 20_000
"""A longer list makes a filter of megabytes, and takes long to read."""
FEW = 100
"""So many values are compared one by one where a list of them cannot be asked for."""


def translated(called: Function, schema: Schema) -> Predicate:
    """A call, in the place of a predicate.

    Raises
    ------
    UntranslatedError
    """
    known = _KNOWN.get((called.family, called.name))
    if known is None:
        raise UntranslatedError(f"{called} has no counterpart in Qdrant")
    return known(called, schema)


def _exactly(called: Function, inputs: int, *options: str) -> list[Any]:
    """The options of a call that has so many inputs, and these options and no others."""
    if len(called.inputs) != inputs or (not options and called.options is not None):
        raise UntranslatedError(UNKNOWN_FORM)
    return fields(called.options, *options) if options else []


def _flag(option: Any) -> bool:
    if not isinstance(option, bool):
        raise UntranslatedError(UNKNOWN_FORM)
    return option


def _is_null(called: Function, schema: Schema) -> Predicate:
    _exactly(called, 1)
    return IsNull(operand(called.inputs[0], schema).column)


def _is_not_null(called: Function, schema: Schema) -> Predicate:
    return Not(_is_null(called, schema))


_CLOSED: Mapping[str, tuple[Operator, Operator]] = {
    "Both": (">=", "<="),
    "Left": (">=", "<"),
    "Right": (">", "<="),
    "None": (">", "<"),
}


def _is_between(called: Function, schema: Schema) -> Predicate:
    (closed,) = _exactly(called, 3, "closed")
    given = operand(called.inputs[0], schema)
    bounds = [_constant(node) for node in called.inputs[1:]]
    if closed not in _CLOSED:
        raise UntranslatedError(UNKNOWN_FORM)
    return And(tuple(compare(given, sign, bound) for sign, bound in zip(_CLOSED[closed], bounds, strict=True)))


def _constant(node: Any) -> Value:
    value = literal(node)
    if value is None:
        raise UntranslatedError("it compares columns with each other")
    if value.value is None:
        raise UntranslatedError("it compares with null")
    return value


def _is_in(called: Function, schema: Schema) -> Predicate:
    nulls_equal = _flag(_exactly(called, 2, "nulls_equal")[0])
    given = operand(called.inputs[0], schema)
    series = listed(called.inputs[1])
    if series is None:
        raise UntranslatedError("it looks for values in a column")
    if len(series) > MANY:
        return _is_in_many(given, series)
    found = _one_of(given, series)
    if nulls_equal:
        return filled(found, value=series.null_count() > 0)
    # Where no value is left, it is false for null too once it is optimised, and null before.
    return In(given.column, (), "either") if found == In(given.column, ()) else found


def _one_of(given: Operand, series: pl.Series) -> Predicate:
    kept = list(dict.fromkeys(value for value in constants(series) if value is not None))
    if given.view != "itself" and len(kept) > FEW:
        raise UntranslatedError("the list is long")
    if given.view == "itself":
        return In(given.column, tuple(_members(given, kept, series.dtype)))
    each = [compare(given, "==", Value(value, _dtype_for(given, series.dtype))) for value in kept]
    if not each:
        return In(given.column, ())
    return each[0] if len(each) == 1 else Or(tuple(each))


def _members(given: Operand, kept: list[Constant], dtype: pl.DataType) -> Iterator[Constant]:
    """The values of a list that a row can have, as the column has them."""
    # As they are, where that can be said of all at once: lists are long.
    if dtype == pl.String and given.seen == pl.String:
        yield from kept
        return
    if dtype.is_integer() and str(given.dtype) in INTEGERS and given.seen.is_integer():
        _, lowest, highest = INTEGERS[str(given.dtype)]
        yield from (value for value in kept if isinstance(value, int) and lowest <= value <= highest)
        return
    for value in kept:
        found = compare(given, "==", Value(value, _dtype_for(given, dtype)))
        if isinstance(found, Compare):
            yield found.value


def _dtype_for(given: Operand, dtype: pl.DataType) -> pl.DataType | None:
    """The dtype of a list's values; integers compare as such whatever their width."""
    return None if given.seen.is_integer() and dtype.is_integer() else dtype


def _is_in_many(given: Operand, series: pl.Series) -> Predicate:
    long = Opaque(f"the list has {len(series):,} values, and more than {MANY:,} are not sent")
    if not (series.dtype.is_integer() and given.dtype.is_integer()) or series.null_count():
        return long
    least, most = (Value(edge, None) for edge in (series.min(), series.max()))  # type: ignore[arg-type]
    return And((compare(given, ">=", least), compare(given, "<=", most), long))


def _text(called: Function, schema: Schema) -> tuple[Column, str]:
    """The column of text that a call is about, and what it looks for there."""
    given = operand(called.inputs[0], schema)
    if given.seen != pl.String or given.view != "itself":
        raise UntranslatedError(f"{called} of what is computed has no counterpart in Qdrant")
    wanted = _constant(called.inputs[1]).value
    if not isinstance(wanted, str):
        raise UntranslatedError("it compares text with something else")
    return given.column, wanted


def _starts_with(called: Function, schema: Schema) -> Predicate:
    _exactly(called, 2)
    column, wanted = _text(called, schema)
    return HasText(column, "prefix", wanted) if wanted else where_present(column, value=True)


def _substring(column: Column, wanted: str) -> Predicate:
    return HasText(column, "substring", wanted) if wanted else where_present(column, value=True)


def _ends_with(called: Function, schema: Schema) -> Predicate:
    _exactly(called, 2)
    column, wanted = _text(called, schema)
    found = _substring(column, wanted)
    return And((found, Opaque("str.ends_with has no counterpart in Qdrant"))) if wanted else found


def _contains(called: Function, schema: Schema) -> Predicate:
    plain, _ = (_flag(option) for option in _exactly(called, 2, "literal", "strict"))
    column, wanted = _text(called, schema)
    if plain or not wanted:
        return _substring(column, wanted)
    return regex.matches(column, wanted)


def _contains_any(called: Function, schema: Schema) -> Predicate:
    any_case = _flag(_exactly(called, 2, "ascii_case_insensitive")[0])
    given = operand(called.inputs[0], schema)
    series = listed(called.inputs[1])
    if any_case or series is None or given.seen != pl.String or given.view != "itself":
        raise UntranslatedError("Qdrant finds one text at a time, letter for letter")
    if series.dtype != pl.String or series.null_count() or not 0 < len(series) <= FEW:
        raise UntranslatedError("str.contains_any is translated for up to 100 texts")
    return Or(tuple(_substring(given.column, wanted) for wanted in series.to_list()))


def _has_element(called: Function, schema: Schema) -> Predicate:
    _flag(_exactly(called, 2, "nulls_equal")[0])  # of a constant that is not null it says nothing
    given = operand(called.inputs[0], schema)
    if not isinstance(given.dtype, (pl.List, pl.Array)) or given.view != "itself":
        raise UntranslatedError(f"{called} of {given.dtype} has no counterpart in Qdrant")
    inner: Any = given.dtype.inner
    element = compare(Operand(given.column, inner, inner), "==", _constant(called.inputs[1]))
    if isinstance(element, Compare) and inner != pl.Boolean:
        return HasElement(given.column, element.value)
    if isinstance(element, In):  # outside the range of the elements
        return element
    raise UntranslatedError(f"{called} of {given.dtype} has no counterpart in Qdrant")


_KNOWN: Mapping[tuple[str, str], Callable[[Function, Schema], Predicate]] = {
    ("Boolean", "IsNull"): _is_null,
    ("Boolean", "IsNotNull"): _is_not_null,
    ("Boolean", "IsBetween"): _is_between,
    ("Boolean", "IsIn"): _is_in,
    ("StringExpr", "StartsWith"): _starts_with,
    ("StringExpr", "EndsWith"): _ends_with,
    ("StringExpr", "Contains"): _contains,
    ("StringExpr", "ContainsAny"): _contains_any,
    ("ListExpr", "Contains"): _has_element,
    ("ArrayExpr", "Contains"): _has_element,
}
