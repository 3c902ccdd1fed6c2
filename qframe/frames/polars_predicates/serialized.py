"""The form in which polars serialises expressions: its nodes, dtypes and constants, read strictly.

polars documents that this form is not stable. What is not exactly as known is refused, never guessed at.
"""

from __future__ import annotations

import datetime
import io
import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import polars as pl

from qframe.model.predicate import Constant, Moment

Node: TypeAlias = Any
"""JSON: a mapping with the kind of the node as its only key, or the kind alone as text."""

UNKNOWN_FORM = "the polars in use writes it in a form that is not known"

DEEP = "it is nested too deeply"


class UntranslatedError(Exception):
    """Says why a part of an expression has no translation; it never leaves the translator."""


@dataclass(frozen=True, slots=True)
class Value:
    """A constant of an expression.

    Parameters
    ----------
    value : bool, int, float, str, datetime.date, Moment or None
        Floats are finite; None is null.
    dtype : polars.DataType or None
        None of a number without a dtype, which takes that of what it is compared with.
    """

    value: Constant | None
    dtype: pl.DataType | None


INTEGERS: Mapping[str, tuple[pl.DataType, int, int]] = {
    str(dtype): (dtype(), lowest, highest)
    for dtype, lowest, highest in [
        *((kind, -(2 ** (bits - 1)), 2 ** (bits - 1) - 1) for kind, bits in zip(
            (pl.Int8, pl.Int16, pl.Int32, pl.Int64), (8, 16, 32, 64), strict=True
        )),
        *((kind, 0, 2**bits - 1) for kind, bits in zip(
            (pl.UInt8, pl.UInt16, pl.UInt32, pl.UInt64), (8, 16, 32, 64), strict=True
        )),
    ]
}  # fmt: skip
"""Name → dtype, smallest and largest value."""

UNITS: Mapping[str, tuple[Any, int]] = {
    "Milliseconds": ("ms", 1_000_000),
    "Microseconds": ("us", 1_000),
    "Nanoseconds": ("ns", 1),
}
"""Name → polars' name of the unit, nanoseconds in it."""

NANOSECONDS = dict(UNITS.values())

_DTYPES: Mapping[str, pl.DataType] = {
    **{name: held[0] for name, held in INTEGERS.items()},
    **{str(kind): kind() for kind in (pl.Float32, pl.Float64, pl.String, pl.Boolean, pl.Date)},
}

_NAMESPACES = {
    "Boolean": "",
    "StringExpr": "str.",
    "TemporalExpr": "dt.",
    "ListExpr": "list.",
    "ArrayExpr": "arr.",
    "StructExpr": "struct.",
    "CategoricalExpr": "cat.",
    "BinaryExpr": "bin.",
}

_SPELT = {"Lowercase": "to_lowercase", "Uppercase": "to_uppercase", "Titlecase": "to_titlecase", "Length": "len"}


@dataclass(frozen=True, slots=True)
class Function:
    """A call: `inputs[0].namespace.name(*inputs[1:], **options)`.

    Parameters
    ----------
    inputs : list of Node
    family, name : str
        As polars serialises them; no family outside the namespaces.
    options : object
        None of a function without any.
    """

    inputs: list[Node]
    family: str
    name: str
    options: Any

    def __str__(self) -> str:
        spelt = _SPELT.get(self.name) or re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", self.name).lower()
        return _NAMESPACES.get(self.family, "") + spelt


def tree(expression: pl.Expr) -> Node:
    """The serialised form.

    Raises
    ------
    UntranslatedError
        For an expression that polars cannot serialise, as one that calls a function of Python's.
    """
    try:
        written = expression.meta.serialize(format="json")
    except Exception as error:  # polars raises errors of its own, those of pickling, and ValueError
        raise UntranslatedError("polars cannot serialise it, as where it calls a Python function") from error
    try:
        return json.loads(written)
    except RecursionError as error:  # at 400 terms of "or", one in the other
        raise UntranslatedError(DEEP) from error


def revived(node: Node) -> pl.Expr:
    """The expression of a part of a tree."""
    return pl.Expr.deserialize(io.BytesIO(json.dumps(node).encode()), format="json")


def kind_of(node: Node) -> tuple[str, Any]:
    """The kind of a node and what it holds."""
    if isinstance(node, str):
        return node, None
    if isinstance(node, dict) and len(node) == 1:
        return next(iter(node.items()))
    raise UntranslatedError(UNKNOWN_FORM)


def fields(content: Any, *names: str) -> list[Any]:
    """The fields of a node that has these and no others."""
    if not isinstance(content, dict) or set(content) != set(names):
        raise UntranslatedError(UNKNOWN_FORM)
    return [content[name] for name in names]


def pair(content: Any) -> list[Any]:
    if not isinstance(content, list) or len(content) != 2:
        raise UntranslatedError(UNKNOWN_FORM)
    return content


def function_of(content: Any) -> Function:
    """The call in a node of the kind "Function"."""
    inputs, called = fields(content, "input", "function")
    if not isinstance(inputs, list) or not inputs:
        raise UntranslatedError(UNKNOWN_FORM)
    name, options = kind_of(called)
    if name not in _NAMESPACES:
        return Function(inputs, "", name, options)
    return Function(inputs, name, *kind_of(options))


def bare(node: Node) -> Node:
    """A node without the names that it is given."""
    kind, content = kind_of(node)
    return bare(pair(content)[0]) if kind == "Alias" else node


def dtype_of(node: Node) -> pl.DataType:
    """The dtype of a cast."""
    (written,) = fields(node, "Literal")
    name, detail = kind_of(written)
    if detail is None and name in _DTYPES:
        return _DTYPES[name]
    if name == "Datetime":
        unit, zone = pair(detail)
        return _datetime(unit, zone)
    if (name, detail) == ("Unknown", "Float"):  # 1.38: a number without a dtype, evaluated as one of float64
        return pl.Float64()
    raise UntranslatedError("a cast can change values")


def _datetime(unit: Any, zone: Any) -> pl.DataType:
    if unit not in UNITS:
        raise UntranslatedError(UNKNOWN_FORM)
    return pl.Datetime(UNITS[unit][0], None if zone is None else fields(zone, "inner")[0])


def literal(node: Node) -> Value | None:
    """The constant that a node is or works out to; None where it looks at columns."""
    node = bare(node)
    kind, content = kind_of(node)
    if kind == "Literal":
        return _written(content)
    return _worked_out(node) if _is_constant(node) else None


def listed(node: Node) -> pl.Series | None:
    """The values of a list or a Series in an expression; None where the node is something else."""
    kind, content = kind_of(bare(node))
    if kind != "Literal":
        return None
    wrapping, held = kind_of(content)
    if wrapping == "Scalar":
        wrapping, held = kind_of(held)
        if wrapping != "List":
            return None
    elif wrapping != "Series":
        return None
    # An Arrow IPC stream, byte by byte, of one column.
    series = pl.read_ipc_stream(io.BytesIO(bytes(held))).to_series()
    if wrapping == "Series" and isinstance(series.dtype, pl.List) and len(series) == 1:  # Series.implode
        series = pl.Series([]) if series.item() is None else series.item()
    if series.dtype.is_nested():
        raise UntranslatedError("it compares with lists")
    return series


def constants(series: pl.Series) -> list[Constant | None]:
    """The values of a Series, null as None."""
    dtype = series.dtype
    if isinstance(dtype, pl.Datetime):
        unit = NANOSECONDS[dtype.time_unit]
        return [None if ticks is None else Moment(ticks * unit) for ticks in series.to_physical().to_list()]
    if dtype in (pl.Categorical, pl.Enum):
        return series.cast(pl.String).to_list()
    if dtype.is_float():
        return [None if number is None else _finite(number) for number in series.to_list()]
    if dtype == pl.Date:
        return [None if days is None else _date(days) for days in series.to_physical().to_list()]
    if dtype in (pl.Null, pl.String, pl.Boolean) or str(dtype) in INTEGERS:
        return series.to_list()
    raise UntranslatedError(f"a filter of Qdrant's cannot hold a value of {dtype}")


def _finite(number: Any) -> float:
    # NaN and the infinities are null in JSON.
    if isinstance(number, bool) or not isinstance(number, (int, float)) or not math.isfinite(number):
        raise UntranslatedError("it compares with NaN or an infinity")
    return float(number) + 0.0  # the zero without a sign


def _date(days: Any) -> datetime.date:
    try:
        return datetime.date(1970, 1, 1) + datetime.timedelta(days=_integer(days))
    except OverflowError as error:
        raise UntranslatedError("the year is not between 1 and 9999") from error


def _integer(number: Any) -> int:
    if isinstance(number, bool) or not isinstance(number, int):
        raise UntranslatedError(UNKNOWN_FORM)
    return number


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise UntranslatedError(UNKNOWN_FORM)
    return value


def _written(content: Any) -> Value:
    form, held = kind_of(content)
    name, value = kind_of(held)
    if form == "Dyn" and name == "Int":
        return Value(_integer(value), None)
    if form == "Dyn" and name == "Float":
        return Value(_finite(value), None)
    if form == "Scalar":
        return _scalar(name, value)
    raise UntranslatedError(UNKNOWN_FORM)


def _scalar(name: str, value: Any) -> Value:
    if name in INTEGERS:
        return Value(_integer(value), INTEGERS[name][0])
    if name in ("Float32", "Float64"):
        # Of a float32 the shortest text that tells it apart is written, which is another float64.
        number = pl.Series([_finite(value)], dtype=_DTYPES[name]).item()
        return Value(_finite(number), _DTYPES[name])
    if name in ("String", "StringOwned"):
        return Value(_text(value), pl.String())
    if name == "Boolean" and isinstance(value, bool):
        return Value(value, pl.Boolean())
    if name == "Null":
        return Value(None, pl.Null())
    if name == "Date":
        return Value(_date(value), pl.Date())
    if name == "Datetime" and isinstance(value, list) and len(value) == 3:
        ticks, unit, zone = value
        return Value(Moment(_integer(ticks) * UNITS[unit][1] if unit in UNITS else 0), _datetime(unit, zone))
    raise UntranslatedError(f"a filter of Qdrant's cannot hold a value of {name}")


_DETERMINED = frozenset({"StringExpr", "TemporalExpr"})


def _is_constant(node: Node) -> bool:
    """Whether a node is made of constants only, by operations that give the same value whenever they are asked."""
    kind, content = kind_of(bare(node))
    if kind == "Literal":
        return True
    if kind == "Cast":
        return _is_constant(fields(content, "expr", "dtype", "options")[0])
    if kind == "BinaryExpr":
        left, _, right = fields(content, "left", "op", "right")
        return _is_constant(left) and _is_constant(right)
    if kind == "Function":
        called = function_of(content)
        return called.family in _DETERMINED and all(_is_constant(part) for part in called.inputs)
    return False


def _worked_out(node: Node) -> Value:
    try:
        series = pl.select(revived(node)).to_series()
    except pl.exceptions.PolarsError as error:
        raise UntranslatedError("polars cannot work out a constant of it beforehand") from error
    if len(series) != 1:
        raise UntranslatedError("it compares with several values")
    return Value(constants(series)[0], series.dtype)
