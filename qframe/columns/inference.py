"""The types of payload columns from the values of a sample and, for what these do not show, the payload indexes.

One lattice, deterministic, no guessing at text.

Knows no backend and no frame library.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import pyarrow as pa

from qframe.columns.index_types import items, types_of
from qframe.columns.values import Values
from qframe.model.schema import EXACT, Field, Kind


def payload_fields(
    sample: Mapping[str, Values], indexes: Mapping[str, str], taken: Iterable[str] = ()
) -> dict[str, Field]:
    """The columns of a sample of payloads, and of the keys that only the payload indexes know, by name.

    Parameters
    ----------
    sample : mapping of str to Values
        What points have stored, by payload key.
    indexes : mapping of str to str
        Payload path → index type.
    taken : iterable of str
        Names of other columns: a key of such a name is left out where it is not in the sample.
    """
    told = types_of(indexes)
    fields = {name: infer(name, values, told.get(name)) for name, values in sample.items()}
    for name in set(told).difference(fields, taken):
        fields[name] = _field(name, told[name])
    return dict(sorted(fields.items()))


def infer(name: str, values: Values, told: pa.DataType | None = None) -> Field:
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
    told : pyarrow.DataType, optional
        What a payload index tells, for what the sample does not show: for a key that is null or an empty list in the
        whole of it, and for members that none of its objects has.
    """
    return _field(name, _settled(_dtype(values, told)))


def _field(name: str, dtype: pa.DataType | None) -> Field:
    return Field(name, pa.large_string(), json=True) if dtype is None else Field(name, dtype)


def _dtype(values: Values, told: pa.DataType | None) -> pa.DataType | None:
    """The type that all values have, null where there is none, None where they have nothing in common."""
    kinds = {Kind(int(kind)) for kind in np.unique(values.kinds)} - {Kind.MISSING, Kind.NULL}
    if not kinds:
        return pa.null() if told is None else told
    if kinds == {Kind.INT, Kind.FLOAT}:
        return pa.float64() if _exact(values) else None
    if len(kinds) > 1:
        return None
    (kind,) = kinds
    if kind is Kind.LIST and values.items is not None:
        inner = _settled(_dtype(values.items, None if told is None else items(told)))
        return None if inner is None else pa.large_list(inner)
    if kind is Kind.OBJECT:
        return _struct(values, told)
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


def _struct(values: Values, told: pa.DataType | None) -> pa.DataType | None:
    """A struct of the members that are known; None for objects that are all empty, which a struct has no form for."""
    members = {item.name: item.type for item in told} if told is not None and pa.types.is_struct(told) else {}
    for key, held in (values.fields or {}).items():
        inner = _settled(_dtype(held, members.get(key)))
        if inner is None:
            return None
        members[key] = inner
    return pa.struct(sorted(members.items())) if members else None


def _settled(dtype: pa.DataType | None) -> pa.DataType | None:
    return pa.large_string() if dtype is not None and pa.types.is_null(dtype) else dtype
