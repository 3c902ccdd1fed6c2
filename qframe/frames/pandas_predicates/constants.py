"""What pandas compares a column with, as the constants of predicates: by the column's type, not by the literal's."""

from __future__ import annotations

import datetime
import math
import numbers
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
import pyarrow as pa

from qframe.errors import OptionError
from qframe.model.bad import shown
from qframe.model.predicate import Column, Constant, Moment, OfNull, Operator
from qframe.model.schema import EXACT, family

Logic = Literal["null", "nan", "either"]
"""What a comparison with a missing value is: null; what NumPy says of NaN; or either, by the page."""

_NS = {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}


@dataclass(frozen=True, slots=True)
class Field:
    """A column of the frame, or a field of a struct column.

    Parameters
    ----------
    column : Column
    dtype : pyarrow.DataType
        As it is read.
    shown : pandas dtype
        As the frame has it where nothing is missing.
    logic : "null", "nan" or "either"
    """

    column: Column
    dtype: pa.DataType
    shown: Any
    logic: Logic

    def of_null(self, operator: Operator) -> OfNull:
        if self.logic != "nan":
            return self.logic
        return "true" if operator == "!=" else "false"

    @property
    def in_arrow(self) -> bool:
        return isinstance(self.shown, pd.ArrowDtype)


@dataclass(frozen=True, slots=True)
class Compared:
    """A comparison of a column with a literal, as it is meant and as it is done here.

    Parameters
    ----------
    operator : str
    constant : Constant
    here : object
        What pandas is given in the literal's place.
    settled : bool or None
        The outcome for every value, where the literal is out of the column's range; pandas is not asked.
    """

    operator: Operator
    constant: Constant
    here: Any
    settled: bool | None = None


@dataclass(frozen=True, slots=True)
class Unknown:
    """No constant. `reason` completes "it stays here, because …"."""

    reason: str


def logic_of(dtype: Any) -> Logic:
    """What a comparison with a missing value is in a pandas dtype."""
    if isinstance(dtype, pd.StringDtype):
        return "null" if dtype.na_value is pd.NA else "nan"
    masked = isinstance(dtype, pd.api.extensions.ExtensionDtype) and dtype.na_value is pd.NA
    return "null" if masked else "nan"


def is_missing(value: Any) -> bool:
    """None, NaN, NaT and NA."""
    return value is None or (pd.api.types.is_scalar(value) and bool(pd.isna(value)))


def compared(field: Field, operator: Operator, value: Any) -> Compared | Unknown:
    """A column compared with a literal.

    Raises
    ------
    OptionError
        For text that is no point in time, and for a time zone on one side only.
    """
    if is_missing(value):
        return Unknown("it compares with a missing value")
    kind = family(field.dtype)
    if isinstance(field.shown, pd.CategoricalDtype) and (kind != "string" or operator not in ("==", "!=")):
        return Unknown("categories have an order of their own")
    if kind == "int":
        return _integer(field, operator, value)
    if kind == "float":
        return _float(field, operator, value)
    if kind == "bool":
        return _boolean(operator, value)
    if kind == "string":
        return Compared(operator, str(value), str(value)) if isinstance(value, str) else _other(field, value)
    if pa.types.is_timestamp(field.dtype):
        return _moment(field, operator, value)
    if pa.types.is_date(field.dtype):
        return _date(field, operator, value)
    return Unknown(f"columns of {field.dtype} are compared here")


def _other(field: Field, value: Any) -> Unknown:
    return Unknown(f"it compares {field.dtype} with {type(value).__name__}")


def _integer(field: Field, operator: Operator, value: Any) -> Compared | Unknown:
    if not _is_number(value):
        return _other(field, value)
    if not isinstance(value, bool | np.bool_ | numbers.Integral) and abs(value) >= EXACT:
        return Unknown("integers beyond 2^53 are compared as floats")
    whole = math.floor(value)
    if whole != value:
        if operator in ("==", "!="):
            return Compared(operator, float(value), None, settled=operator == "!=")
        # Between two integers; pandas would compare as floats, which are not every integer.
        operator = "<=" if operator in ("<", "<=") else ">"
    limits = np.iinfo(field.dtype.to_pandas_dtype())
    if not limits.min <= whole <= limits.max:
        below = whole < limits.min
        return Compared(operator, whole, None, settled=operator in ((">", ">=", "!=") if below else ("<", "<=", "!=")))
    if field.logic != "null" and abs(whole) >= EXACT:
        return Unknown("integers beyond 2^53 are compared as floats where values are missing")
    return Compared(operator, whole, field.dtype.to_pandas_dtype()(whole) if field.in_arrow else whole)


def _float(field: Field, operator: Operator, value: Any) -> Compared | Unknown:
    if not _is_number(value) or pa.types.is_float16(field.dtype):
        return _other(field, value)
    try:
        number = float(value)
    except OverflowError:
        return Unknown("it compares with a number beyond float64")
    # NumPy compares float32 with a Python number as float32, Arrow as float64.
    constant = float(np.float32(number)) if field.dtype == pa.float32() and not field.in_arrow else number
    if not math.isfinite(constant):
        return Unknown("it compares with infinity")
    return Compared(operator, constant, number)


def _is_number(value: Any) -> bool:
    return isinstance(value, bool | np.bool_ | numbers.Integral | float | np.floating) and math.isfinite(value)


def _boolean(operator: Operator, value: Any) -> Compared | Unknown:
    if operator not in ("==", "!=") or not _is_number(value) or value not in (0, 1):
        return Unknown("booleans are compared with True and False only")
    return Compared(operator, bool(value), bool(value))


def _moment(field: Field, operator: Operator, value: Any) -> Compared | Unknown:
    stamp = timestamp(value, field.dtype.tz, field.column)
    if stamp is None:
        return _other(field, value)
    ns = _nanoseconds(stamp)
    step = _NS[field.dtype.unit]
    if not field.in_arrow:
        return Compared(operator, Moment(ns), stamp)
    if ns % step == 0 and abs(ns // step) < 2**63:
        return Compared(operator, Moment(ns), stamp.as_unit(field.dtype.unit))
    return Unknown("it compares with a finer unit of time than the column's")


def timestamp(value: Any, zone: str | None, column: object) -> pd.Timestamp | None:
    """A literal as a point in time of a column's zone; None for what is none.

    Parameters
    ----------
    value : object
        Text and dates are read in the zone.
    zone : str or None
    column : object
        As errors name it.

    Raises
    ------
    OptionError
    """
    if isinstance(value, str):
        try:
            stamp = pd.Timestamp(value)
        except ValueError as error:
            raise OptionError(
                f"filter: {column} is compared with {value!r}, which is no point in time. "
                "Write it as '2024-01-31T12:00:00'."
            ) from error
        if stamp.tzinfo is None and zone is not None:
            stamp = stamp.tz_localize(zone)
    elif isinstance(value, datetime.datetime | np.datetime64):
        stamp = pd.Timestamp(value)
    elif isinstance(value, datetime.date):
        stamp = pd.Timestamp(value, tz=zone)
    else:
        return None
    if (stamp.tzinfo is None) != (zone is None):
        has, write = ("no", "without a zone") if zone is None else (f"the zone {zone}", f"pd.Timestamp(…, tz={zone!r})")
        raise OptionError(f"filter: {column} has {has} time zone, unlike {shown(value)}. Write {write}.")
    return stamp if zone is None else stamp.tz_convert(zone)


def _nanoseconds(stamp: pd.Timestamp) -> int:
    moment = (stamp.tz_convert(None) if stamp.tzinfo is not None else stamp).to_datetime64()
    return int(moment.astype(np.int64)) * _NS[np.datetime_data(moment.dtype)[0]]


def _date(field: Field, operator: Operator, value: Any) -> Compared | Unknown:
    stamp = timestamp(value, None, field.column)
    if stamp is None:
        return _other(field, value)
    day = stamp.date()
    if stamp != stamp.normalize():  # Within a day, which begins at midnight.
        if operator in ("==", "!="):
            return Unknown("it compares days with a time of day")
        operator = "<=" if operator in ("<", "<=") else ">"
    return Compared(operator, day, day)
