"""The type of a payload column from the values of a sample: one lattice, deterministic, no guessing at text.

Knows no backend and no frame library.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from qframe.columns.values import Values
from qframe.model.schema import EXACT, Field, Kind


def infer(name: str, values: Values) -> Field:
    """The column that holds a sample of values.

    Booleans, integers, floats and text are what they are; integers beside floats are Float64 where they all are exact;
    lists and objects hold what is inferred of their elements and members. What has no type in common is JSON text. A
    key that is null in the whole sample is text, the one type that a later value of any other kind does not silently
    fit.

    Parameters
    ----------
    name : str
        The payload key.
    values : Values
    """
    dtype = _dtype(values)
    if dtype is None:
        return Field(name, pa.large_string(), json=True)
    return Field(name, pa.large_string() if pa.types.is_null(dtype) else dtype)


def _dtype(values: Values) -> pa.DataType | None:
    """The type that all values have, null where there is none, None where they have nothing in common."""
    kinds = {Kind(int(kind)) for kind in np.unique(values.kinds)} - {Kind.MISSING, Kind.NULL}
    if not kinds:
        return pa.null()
    if kinds == {Kind.INT, Kind.FLOAT}:
        return pa.float64() if _exact(values) else None
    if len(kinds) > 1:
        return None
    (kind,) = kinds
    if kind is Kind.LIST and values.items is not None:
        inner = _settled(_dtype(values.items))
        return None if inner is None else pa.large_list(inner)
    if kind is Kind.OBJECT:
        return _struct(values)
    return {
        Kind.BOOL: pa.bool_(),
        Kind.INT: pa.int64(),
        Kind.FLOAT: pa.float64(),
        Kind.STRING: pa.large_string(),
    }.get(kind, pa.null())


def _exact(values: Values) -> bool:
    if values.ints is None:
        return True
    found = values.ints[values.kinds == Kind.INT]
    return bool(((found >= -EXACT) & (found <= EXACT)).all())


def _struct(values: Values) -> pa.DataType | None:
    """A struct of the members that occur; None for objects that are all empty, which a struct has no form for."""
    members = []
    for key, held in sorted((values.fields or {}).items()):
        inner = _settled(_dtype(held))
        if inner is None:
            return None
        members.append(pa.field(key, inner))
    return pa.struct(members) if members else None


def _settled(dtype: pa.DataType | None) -> pa.DataType | None:
    return pa.large_string() if dtype is not None and pa.types.is_null(dtype) else dtype
