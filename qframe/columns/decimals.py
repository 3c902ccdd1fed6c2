"""Stored numbers and text as exact decimals. Knows `Values` and Arrow."""

from __future__ import annotations

import re
from decimal import Context, Decimal, Inexact, InvalidOperation

import numpy as np
import pyarrow as pa

from qframe.columns.values import Values
from qframe.model.schema import Kind

_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,4})?")
_NUMERIC = (Kind.INT, Kind.FLOAT, Kind.STRING)


def decimals(values: Values, dtype: pa.DataType) -> pa.Array:
    """The decimal column of numbers and numeric text; null where the type does not have the value exactly.

    A float stands for the shortest decimal that reads back as it: 0.1 is 0.1, not 0.1000000000000000055….
    """
    step = Decimal(1).scaleb(-dtype.scale)
    exact = Context(prec=dtype.precision, traps=[Inexact, InvalidOperation])
    kinds = values.kinds.tolist()
    made: list[Decimal | None] = []
    for row, held in enumerate(_numbers(values)):
        made.append(_exact(held, step, exact) if kinds[row] in _NUMERIC else None)
    return pa.array(made, type=dtype)


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
