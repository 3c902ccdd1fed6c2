"""The one typing rule for stored values: `Values` of any kinds → an Arrow column of one type, and what did not fit.

`qframe.model.schema.FITS` says which kinds a type takes; this module says which of their values the type has. Nothing
is rounded but floats to Float32 and Float16. Knows no wire: the same values give the same column on every backend.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import orjson
import pyarrow as pa

from qframe.columns.decimals import decimals
from qframe.columns.layout import Int64, Mask, ends, validity
from qframe.columns.temporal_parse import parse
from qframe.columns.values import MISSING, Values, nothing
from qframe.model.schema import EXACT, FITS, Field, Kind, TypeFamily, family

_types = pa.types
_PLAIN = {
    "large_string": "string",
    "large_list": "list",
    "halffloat": "float16",
    "float": "float32",
    "double": "float64",
}
_ARROW_ONLY = re.compile(rf"\b({'|'.join(_PLAIN)})\b(?!:)")
"""Names that only Arrow has for a type, and those that everybody knows."""

Cast = tuple[pa.Array, Mask]
"""A column and the rows that did not fit, `bool` of shape (n,); these are null in the column."""


def cast(values: Values, field: Field) -> tuple[pa.Array, Int64]:
    """The column of a field.

    Parameters
    ----------
    values : Values
    field : Field
        With `json`, the column is the JSON text of whatever is there, keys in sorted order: on gRPC they have none.

    Returns
    -------
    pyarrow.Array
        Of the field's type, dictionaries as the type of their values (text: large_string). Missing values, nulls and
        values that do not fit are null.
    numpy.ndarray
        Positions of the values that do not fit, `int64`, ascending. One that does not fit anywhere inside a list or an
        object makes the whole row's value one.

    Raises
    ------
    TypeError
        For a type that payload cannot be read into.
    """
    column, bad = (_json if field.json else lambda held: _cast(held, field.dtype))(values)
    return column, np.flatnonzero(bad)


def expected(field: Field) -> str:
    """What the values of a field should have been, for an error."""
    return _ARROW_ONLY.sub(lambda found: _PLAIN[found[0]], str(_decoded(field.dtype)))


def _decoded(dtype: pa.DataType) -> pa.DataType:
    """The type without its dictionary; text behind a dictionary is large_string."""
    if not _types.is_dictionary(dtype):
        return dtype
    text = family(dtype.value_type) == "string"
    return pa.large_string() if text else dtype.value_type


def _cast(values: Values, dtype: pa.DataType) -> Cast:
    dtype = _decoded(dtype)
    return _RULES[family(dtype)](values, dtype)


def _unfit(values: Values, name: TypeFamily) -> tuple[Mask, Mask]:
    """The rows whose kind the family takes, and those of another kind."""
    kinds = values.kinds
    fits = FITS[name]
    held = kinds == next(iter(fits)) if len(fits) == 1 else _table(name)[kinds]
    return held, (kinds > Kind.NULL) & ~held


def _table(name: TypeFamily) -> Mask:
    table = np.zeros(len(Kind), dtype=np.bool_)
    table[list(FITS[name])] = True
    return table


def _primitive(dtype: pa.DataType, data: Any, held: Mask) -> pa.Array:
    """A column of numpy data of the type's own layout, null where the mask is false."""
    bitmap = None if held.all() else validity(held)
    return pa.Array.from_buffers(dtype, len(held), [bitmap, pa.py_buffer(np.ascontiguousarray(data))])


def _null(values: Values, dtype: pa.DataType) -> Cast:
    return pa.nulls(len(values), dtype), values.kinds > Kind.NULL


def _bool(values: Values, dtype: pa.DataType) -> Cast:
    held, bad = _unfit(values, "bool")
    if values.bools is None:
        return pa.nulls(len(values), dtype), bad
    return pa.array(values.bools, mask=~held), bad


def _int(values: Values, dtype: pa.DataType) -> Cast:
    held, bad = _unfit(values, "int")
    if values.ints is None:
        return pa.nulls(len(values), dtype), bad
    narrow = np.dtype(dtype.to_pandas_dtype())
    if narrow != np.int64:
        limits = np.iinfo(narrow)
        fits = values.ints >= limits.min
        if narrow != np.uint64:
            fits &= values.ints <= limits.max
        bad |= held & ~fits
        held = held & fits
    return _primitive(dtype, values.ints.astype(narrow, copy=False), held), bad


def _float(values: Values, dtype: pa.DataType) -> Cast:
    held, bad = _unfit(values, "float")
    wide = np.dtype(dtype.to_pandas_dtype())
    out = np.zeros(len(values), dtype=wide) if values.floats is None else values.floats
    if wide != np.float64 and values.floats is not None:
        with np.errstate(over="ignore"):
            out = values.floats.astype(wide)
        over = held & np.isinf(out) & ~np.isinf(values.floats)
        bad, held = bad | over, held & ~over
    if values.ints is not None and (integers := values.kinds == Kind.INT).any():
        with np.errstate(over="ignore"):
            out = np.where(integers, values.ints.astype(wide), out)
        wrong = integers & (_inexact(values.ints) if wide == np.float64 else np.isinf(out))
        bad, held = bad | wrong, held & ~wrong
    return _primitive(dtype, out, held), bad


def _inexact(ints: Int64) -> Mask:
    """Which integers no float64 equals."""
    if ((ints >= -EXACT) & (ints <= EXACT)).all():
        return np.zeros(len(ints), dtype=np.bool_)
    floats = ints.astype(np.float64)
    # 2^63 itself is a float64 and no int64.
    inside = floats < 2.0**63
    return ~inside | (np.where(inside, floats, 0.0).astype(np.int64) != ints)


def _string(values: Values, dtype: pa.DataType) -> Cast:
    _, bad = _unfit(values, "string")
    if values.strings is None:
        return pa.nulls(len(values), dtype), bad
    return values.strings if dtype == pa.large_string() else values.strings.cast(dtype), bad


def _temporal(values: Values, dtype: pa.DataType) -> Cast:
    held, bad = _unfit(values, "temporal")
    if values.strings is None:
        return pa.nulls(len(values), dtype), bad
    column, parsed = parse(values.strings, dtype)
    return column, bad | (held & ~parsed)


def _decimal(values: Values, dtype: pa.DataType) -> Cast:
    held, bad = _unfit(values, "decimal")
    column = decimals(values, dtype)
    return column, bad | (held & ~_valid(column))


def _valid(array: pa.Array) -> Mask:
    mask: Mask = array.is_valid().to_numpy(zero_copy_only=False)
    return mask


def _list(values: Values, dtype: pa.DataType) -> Cast:
    held, bad = _unfit(values, "list")
    n = len(values)
    if values.spans is None or values.items is None:
        return pa.nulls(n, dtype), bad
    items, wrong = _cast(values.items, dtype.value_type)
    spans = values.spans
    if wrong.any():
        # Wrong elements before each offset; a span over which the number grows holds one.
        bad = bad | (np.diff(ends(wrong.astype(np.int64))[spans]) > 0)
    if _types.is_fixed_size_list(dtype):
        bad = bad | (held & (np.diff(spans) != dtype.list_size))
        return _fixed(items, spans, held & ~bad, dtype.list_size), bad
    held = held & ~bad
    bitmap = None if held.all() else validity(held)
    made = pa.large_list(items.type) if _types.is_large_list(dtype) else pa.list_(items.type)
    offsets = spans if _types.is_large_list(dtype) else spans.astype(np.int32)
    return pa.Array.from_buffers(made, n, [bitmap, pa.py_buffer(offsets)], children=[items]), bad


def _fixed(items: pa.Array, spans: Int64, held: Mask, size: int) -> pa.Array:
    """A fixed_size_list column; rows that do not hold one take null elements."""
    n = len(held)
    made = pa.list_(items.type, size)
    if held.all():
        return pa.Array.from_buffers(made, n, [None], children=[items])
    places = spans[:-1, None] + np.arange(size)
    missing = np.broadcast_to(~held[:, None], (n, size)).reshape(-1)
    taken = items.take(pa.array(places.reshape(-1), mask=missing))
    return pa.Array.from_buffers(made, n, [validity(held)], children=[taken])


def _struct(values: Values, dtype: pa.DataType) -> Cast:
    held, bad = _unfit(values, "struct")
    n = len(values)
    members = values.fields or {}
    columns: list[pa.Array] = []
    for field in dtype:
        member = members.get(field.name)
        column, wrong = _cast(nothing(n) if member is None else member, field.type)
        columns.append(column)
        bad = bad | wrong
    held = held & ~bad
    fields = [pa.field(field.name, column.type) for field, column in zip(dtype, columns, strict=True)]
    bitmap = None if held.all() else validity(held)
    return pa.Array.from_buffers(pa.struct(fields), n, [bitmap], children=columns), bad


def _json(values: Values) -> Cast:
    nulls = values.kinds <= Kind.NULL
    texts = [None if null else _text(held) for null, held in zip(nulls.tolist(), values.objects(), strict=True)]
    return pa.array(texts, type=pa.large_string()), np.zeros(len(values), dtype=np.bool_)


def _text(held: object) -> str | None:
    return None if held is MISSING else orjson.dumps(held, option=orjson.OPT_SORT_KEYS).decode()


_RULES: dict[TypeFamily, Callable[[Values, pa.DataType], Cast]] = {
    "null": _null,
    "bool": _bool,
    "int": _int,
    "float": _float,
    "string": _string,
    "temporal": _temporal,
    "decimal": _decimal,
    "list": _list,
    "struct": _struct,
}
