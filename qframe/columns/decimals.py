"""Stored numbers and text as exact decimals. Knows `Values` and Arrow."""

from __future__ import annotations

import re
from decimal import Context, Decimal, Inexact, InvalidOperation

import numpy as np
import pyarrow as pa

from qframe.columns.layout import validity
from qframe.columns.plain import EXACT_DIGITS
from qframe.columns.values import Values
from qframe.model.schema import Kind

_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,4})?", re.ASCII)
_NUMERIC = (Kind.INT, Kind.FLOAT, Kind.STRING)


def decimals(values: Values, dtype: pa.DataType) -> pa.Array:
    """The decimal column of numbers and numeric text; null where the type does not have the value exactly.

    A float stands for the shortest decimal that reads back as it: 0.1 is 0.1, not 0.1000000000000000055….
    """
    if (
        values.floats is not None
        and (values.kinds[values.kinds > Kind.NULL] == Kind.FLOAT).all()
        and pa.types.is_decimal128(dtype)
        and 0 <= dtype.scale <= dtype.precision <= EXACT_DIGITS
    ):
        return _of_floats(values, dtype)
    step = Decimal(1).scaleb(-dtype.scale)
    exact = Context(prec=dtype.precision, traps=[Inexact, InvalidOperation])
    kinds = values.kinds.tolist()
    made: list[Decimal | None] = []
    for row, held in enumerate(_numbers(values)):
        made.append(_exact(held, step, exact) if kinds[row] in _NUMERIC else None)
    return pa.array(made, type=dtype)


def _of_floats(values: Values, dtype: pa.Decimal128Type) -> pa.Array:
    """As many digits as any float64 carries there and back: no two such decimals are the same float."""
    assert values.floats is not None  # noqa: S101 - the caller has looked
    with np.errstate(over="ignore", invalid="ignore"):
        scaled = np.rint(values.floats * 10.0**dtype.scale)
        fits = (np.abs(scaled) < 10.0**dtype.precision) & (scaled / 10.0**dtype.scale == values.floats)
    held = (values.kinds == Kind.FLOAT) & fits
    # 128 bits, the low half first; the high half is the sign.
    halves = np.empty((len(held), 2), dtype="<i8")
    halves[:, 0] = np.where(held, scaled, 0)
    halves[:, 1] = halves[:, 0] >> 63
    return pa.Array.from_buffers(dtype, len(held), [validity(held), pa.py_buffer(halves)])


def _numbers(values: Values) -> list[object]:
    """Numbers and text; everything else is left out, so nested values cost nothing."""
    simple = np.isin(values.kinds, _NUMERIC)
    kinds = np.where(simple, values.kinds, Kind.NULL).astype(np.uint8)
    return Values(kinds, values.ints, values.floats, strings=values.strings).objects()


def _exact(held: object, step: Decimal, context: Context) -> Decimal | None:
    text = repr(held) if isinstance(held, float) else str(held)
    if not _NUMBER.fullmatch(text):
        return None
    try:
        return Decimal(text).quantize(step, context=context)
    except (Inexact, InvalidOperation):
        return None
