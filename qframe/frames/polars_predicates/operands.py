"""Columns as polars expressions see them, through casts and a few functions, and comparisons of them with constants."""

from __future__ import annotations

import dataclasses
import datetime
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import polars as pl

from qframe.frames.polars_predicates.serialized import (
    INTEGERS,
    NANOSECONDS,
    UntranslatedError,
    Value,
    bare,
    dtype_of,
    fields,
    function_of,
    kind_of,
    literal,
)
from qframe.frames.polars_predicates.serialized import Function as Called
from qframe.model.predicate import (
    FUNCTIONS,
    NS_OF_DAY,
    And,
    Column,
    Compare,
    HasText,
    In,
    Length,
    Moment,
    Not,
    Operator,
    Predicate,
)

View = Literal["itself", "year", "date", "length", "head"]


@dataclass(frozen=True, slots=True)
class Operand:
    """A column, or what an expression makes of it: null where the column is null, and nowhere else.

    Parameters
    ----------
    column : Column
    dtype : polars.DataType
        Of the column.
    seen : polars.DataType
        Of the expression. A cast between the two keeps values and their order, or the order alone where the
        comparison sees to the rest.
    view : str
        What is made of the column: "itself"; the "year" or the "date" of a point in time; the "length" of a list; the
        "head", the first letters of a text.
    letters : int
        How many letters the head has.
    """

    column: Column
    dtype: pl.DataType
    seen: pl.DataType
    view: View = "itself"
    letters: int = 0


def operand(node: Any, schema: Mapping[str, pl.DataType]) -> Operand:
    """The column that a part of an expression stands for.

    Raises
    ------
    UntranslatedError
    """
    node = bare(node)
    kind, content = kind_of(node)
    if kind == "Column":
        if content not in schema:
            raise UntranslatedError("the schema has no such column")
        return Operand(Column((content,)), schema[content], schema[content])
    if kind == "Cast":
        inner, dtype, _ = fields(content, "expr", "dtype", "options")
        return _cast(operand(inner, schema), dtype_of(dtype))
    if kind == "Function":
        return _called(function_of(content), schema)
    if kind == "BinaryExpr":
        raise UntranslatedError("Qdrant computes nothing")
    if kind == "AnonymousFunction":
        raise UntranslatedError("it calls a Python function")
    raise UntranslatedError(f"polars' {kind} has no counterpart in Qdrant")


def _called(called: Called, schema: Mapping[str, pl.DataType]) -> Operand:
    view = _VIEWS.get((called.family, called.name))
    if view is None:
        raise UntranslatedError(f"{called} has no counterpart in Qdrant")
    inner = operand(called.inputs[0], schema)
    if inner.view != "itself" or inner.seen != inner.dtype:
        raise UntranslatedError(f"{called} of what is computed has no counterpart in Qdrant")
    found = view(inner, called)
    if found is None:
        raise UntranslatedError(f"{called} of {inner.dtype} has no counterpart in Qdrant")
    return found


def _field(inner: Operand, called: Called) -> Operand | None:
    dtypes = dict(inner.dtype) if isinstance(inner.dtype, pl.Struct) else {}
    if len(called.inputs) != 1 or not isinstance(called.options, str) or called.options not in dtypes:
        return None
    dtype: Any = dtypes[called.options]
    return Operand(Column((*inner.column.path, called.options)), dtype, dtype)


def _year(inner: Operand, called: Called) -> Operand | None:
    if not _days_of_utc(inner.dtype) or len(called.inputs) != 1 or called.options is not None:
        return None
    return dataclasses.replace(inner, seen=pl.Int32(), view="year")


def _date(inner: Operand, called: Called) -> Operand | None:
    if not _days_of_utc(inner.dtype) or inner.dtype == pl.Date or len(called.inputs) != 1 or called.options is not None:
        return None
    return dataclasses.replace(inner, seen=pl.Date(), view="date")


def _length(inner: Operand, called: Called) -> Operand | None:
    if not isinstance(inner.dtype, pl.List) or len(called.inputs) != 1 or called.options is not None:
        return None
    return dataclasses.replace(inner, seen=pl.UInt32(), view="length")


def _head(inner: Operand, called: Called) -> Operand | None:
    arguments = [literal(node) for node in called.inputs[1:]]
    numbers = [None if argument is None else argument.value for argument in arguments]
    start, letters = (numbers if called.name == "Slice" else [0, *numbers])[:2]
    if inner.dtype != pl.String or start != 0 or type(letters) is not int or letters < 0:
        return None
    return dataclasses.replace(inner, view="head", letters=letters)


_VIEWS: Mapping[tuple[str, str], Callable[[Operand, Called], Operand | None]] = {
    ("StructExpr", "FieldByName"): _field,
    ("TemporalExpr", "Year"): _year,
    ("TemporalExpr", "Date"): _date,
    ("ListExpr", "Length"): _length,
    ("StringExpr", "Head"): _head,
    ("StringExpr", "Slice"): _head,
}


def _days_of_utc(dtype: pl.DataType) -> bool:
    """Whether days, and years, begin where they do in UTC."""
    return dtype == pl.Date or (isinstance(dtype, pl.Datetime) and dtype.time_zone in (None, "UTC"))


def _cast(inner: Operand, dtype: pl.DataType) -> Operand:
    if dtype == inner.seen:
        return inner
    if not (_widens(inner.seen, dtype) if inner.view != "itself" else _keeps_order(inner.seen, dtype)):
        raise UntranslatedError(f"a cast to {dtype} can change values")
    view: View = "date" if dtype == pl.Date else inner.view
    return dataclasses.replace(inner, seen=dtype, view=view)


def _widens(before: pl.DataType, after: pl.DataType) -> bool:
    if str(before) not in INTEGERS:
        return False
    if after.is_float():
        return True
    _, lowest, highest = INTEGERS[str(before)]
    return str(after) in INTEGERS and _in_range(lowest, after) and _in_range(highest, after)


def _keeps_order(before: pl.DataType, after: pl.DataType) -> bool:
    if isinstance(after, pl.Datetime) and after.time_unit != "ns":  # whose years end in 2262
        if isinstance(before, pl.Datetime):
            finer = NANOSECONDS[before.time_unit] >= NANOSECONDS[after.time_unit]
            return finer and (before.time_zone is None) == (after.time_zone is None)
        return before == pl.Date and after.time_zone is None
    if after == pl.Date:
        return _days_of_utc(before)
    if after == pl.String:
        return before in (pl.Categorical, pl.Enum)
    return (before == pl.Float32 and after == pl.Float64) or _widens(before, after)


def where_present(column: Column, *, value: bool) -> Predicate:
    """The same wherever a column is not null; null where it is."""
    nothing = In(column, ())
    return Not(nothing) if value else nothing


def compare(given: Operand, sign: Operator, value: Value) -> Predicate:
    """An operand against a constant that is not null.

    Raises
    ------
    UntranslatedError
    """
    if given.seen.is_integer() or given.seen.is_float():
        return _numeric(given, sign, value)
    if given.seen == pl.String or given.seen in (pl.Categorical, pl.Enum):
        return _textual(given, sign, value)
    if given.seen == pl.Date or isinstance(given.seen, pl.Datetime):
        return _temporal(given, sign, value)
    if given.seen == pl.Boolean:
        return _boolean(given, sign, value)
    raise UntranslatedError(f"Qdrant does not compare values of {given.seen}")


def _boolean(given: Operand, sign: Operator, value: Value) -> Predicate:
    if value.dtype != pl.Boolean or sign not in ("==", "!=") or not isinstance(value.value, bool):
        raise UntranslatedError("Qdrant has no order of booleans")
    return Compare(given.column, "==", value.value is (sign == "=="))


def _textual(given: Operand, sign: Operator, value: Value) -> Predicate:
    text = value.value
    if not isinstance(text, str):
        raise UntranslatedError("it compares text with something else")
    if given.seen != pl.String and sign not in ("==", "!="):
        raise UntranslatedError("categories have an order of their own")
    if given.view == "itself":
        return Compare(given.column, sign, text)
    if sign not in ("==", "!="):
        raise UntranslatedError("Qdrant has no order of the first letters")
    # As many letters as there are, fewer than are looked at, or more.
    if len(text) > given.letters or not text:
        short = Compare(given.column, "==", "") if not text and given.letters else None
        found = short or where_present(given.column, value=not text)
    elif len(text) < given.letters:
        found = Compare(given.column, "==", text)
    else:
        found = HasText(given.column, "prefix", text)
    return found if sign == "==" else Not(found)


def _numeric(given: Operand, sign: Operator, value: Value) -> Predicate:
    number = value.value
    if isinstance(number, bool) or not isinstance(number, (int, float)):
        raise UntranslatedError("it compares a number with something else")
    if value.dtype is not None and value.dtype != given.seen:
        raise UntranslatedError("it compares numbers of different dtypes")
    if isinstance(number, float) or given.seen.is_float():
        exact = 2**24 if given.seen == pl.Float32 else 2**53
        if (given.dtype.is_integer() or isinstance(number, int)) and abs(number) >= exact:
            raise UntranslatedError("it compares integers as floats, which are not exact there")
    if given.dtype.is_float():
        return Compare(given.column, sign, _as_seen(float(number), given.seen))
    return _whole(given, *_rounded(sign, number))


def _as_seen(number: float, dtype: pl.DataType) -> float:
    nearest: float = pl.Series([number], dtype=dtype).item()
    if nearest != number:
        raise UntranslatedError("it compares numbers of different dtypes")
    return nearest + 0.0


def _rounded(sign: Operator, number: float) -> tuple[Operator, int | bool]:
    """What a comparison with a number means for integers; a truth value for what holds for all or for none."""
    if number == (whole := math.floor(number)):
        return sign, whole
    if sign in ("==", "!="):
        return sign, sign == "!="
    return sign, whole if sign in (">", "<=") else whole + 1


def _whole(given: Operand, sign: Operator, number: int | bool) -> Predicate:
    if isinstance(number, bool):
        return where_present(given.column, value=number)
    if given.view == "year":
        return _in_time(given, sign, _new_year(number), _new_year(number + 1))
    narrow = pl.UInt32() if given.view == "length" else given.dtype
    if not _in_range(number, narrow):
        # Above all of them, or below.
        holds = sign == "!=" or sign in (("<", "<=") if number > 0 else (">", ">="))
        return where_present(given.column, value=holds)
    if given.view == "length":
        return Length(given.column, sign, number)
    return Compare(given.column, sign, number)


def _in_range(number: int, dtype: pl.DataType) -> bool:
    if str(dtype) not in INTEGERS:
        raise UntranslatedError(f"Qdrant does not compare values of {dtype}")
    _, lowest, highest = INTEGERS[str(dtype)]
    return lowest <= number <= highest


def _new_year(year: int) -> datetime.date:
    if not 1 <= year <= 9999:
        raise UntranslatedError("the year is not between 1 and 9999")
    return datetime.date(year, 1, 1)


def _next(day: datetime.date) -> datetime.date:
    if day == datetime.date.max:
        raise UntranslatedError("the year is not between 1 and 9999")
    return day + datetime.timedelta(days=1)


def _in_time(given: Operand, sign: Operator, start: datetime.date, end: datetime.date) -> Predicate:
    """A period that the column is in, before or after, as the comparison has it."""

    def edge(where: Operator, day: datetime.date) -> Predicate:
        return Compare(given.column, where, day if given.dtype == pl.Date else Moment.of_day(day))

    if sign in ("==", "!="):
        within = And((edge(">=", start), edge("<", end)))
        return within if sign == "==" else Not(within)
    return edge("<" if sign in ("<", "<=") else ">=", start if sign in ("<", ">=") else end)


def _temporal(given: Operand, sign: Operator, value: Value) -> Predicate:
    found = value.value
    if isinstance(found, Moment) and isinstance(value.dtype, pl.Datetime):
        return _moment(given, sign, found, value.dtype)
    if not isinstance(found, datetime.date):
        raise UntranslatedError("it compares points in time with something else")
    if given.view == "date":
        return _in_time(given, sign, found, _next(found))
    if isinstance(given.seen, pl.Datetime):
        return _moment(given, sign, Moment.of_day(found), pl.Datetime(given.seen.time_unit))
    return Compare(given.column, sign, found)


def _moment(given: Operand, sign: Operator, moment: Moment, dtype: pl.Datetime) -> Predicate:
    seen = given.seen if isinstance(given.seen, pl.Datetime) else pl.Datetime("us")
    if given.view == "date" or (seen.time_zone is None) != (dtype.time_zone is None):
        raise UntranslatedError("it compares points in time of different kinds")
    # polars compares in the coarser of two units, to which it rounds down the finer one.
    coarse, fine = NANOSECONDS[seen.time_unit], NANOSECONDS[dtype.time_unit]
    beyond = given.dtype == pl.Date and dtype.time_unit == "ns"  # whose years end in 2262: other dates become null
    if coarse < fine or moment.ns % coarse or beyond:
        raise UntranslatedError("it compares points in time of different units")
    if given.dtype != pl.Date:
        return Compare(given.column, sign, moment)
    days, rest = divmod(moment.ns, NS_OF_DAY)
    if rest and sign in ("==", "!="):
        return where_present(given.column, value=sign == "!=")
    try:
        # A day is its first moment.
        day = datetime.date(1970, 1, 1) + datetime.timedelta(days=days + bool(rest and sign in ("<", ">=")))
    except OverflowError as error:
        raise UntranslatedError("the year is not between 1 and 9999") from error
    return Compare(given.column, sign, day)


def holds(left: Value, sign: Operator, right: Value) -> bool:
    """What a comparison of two constants of one kind is."""
    one, other = (value.value.ns if isinstance(value.value, Moment) else value.value for value in (left, right))
    number = (int, float)
    alike = type(one) is type(other) or (isinstance(one, number) and isinstance(other, number))
    if not alike or isinstance(one, bool):
        raise UntranslatedError("it compares a number with something else")
    return bool(FUNCTIONS[sign](one, other))
