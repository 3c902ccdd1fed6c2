"""Python objects, as JSON readers make them, as columns of `Values`; whole columns of one type at C speed.

Shared by the backends whose answers are parsed JSON. Knows Python's types and nothing of Qdrant.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain, compress
from operator import itemgetter
from typing import Any

import numpy as np
import pyarrow as pa

from qframe.columns.layout import Int64, Mask, ends
from qframe.columns.values import MISSING, Float64, Missing, Values
from qframe.model.schema import Kind

_KINDS: dict[type, int] = {
    Missing: Kind.MISSING,
    type(None): Kind.NULL,
    bool: Kind.BOOL,
    int: Kind.INT,
    float: Kind.FLOAT,
    str: Kind.STRING,
    list: Kind.LIST,
    dict: Kind.OBJECT,
}

_INT64 = range(-(2**63), 2**63)


def columns_of(payloads: Sequence[Mapping[str, Any]], names: Iterable[str]) -> dict[str, Values]:
    """The payload keys of the given names, by column; `MISSING` where a payload does not have the key."""
    return {name: values_of(_members(payloads, name)) for name in names}


def keys_of(payloads: Iterable[Mapping[str, Any]]) -> list[str]:
    """Every key that is in one of the payloads, in the order in which they are first seen."""
    return list(dict.fromkeys(chain.from_iterable(payloads)))


def others_of(payloads: Sequence[Mapping[str, Any]], names: Iterable[str]) -> list[dict[str, Any]]:
    """What the payloads hold beyond the given keys, one dict a row; integers beyond int64 as floats."""
    known = frozenset(names)
    return [{key: narrowed(value) for key, value in payload.items() if key not in known} for payload in payloads]


def narrowed(value: Any) -> Any:
    """A value with integers beyond int64, at any depth, as floats: that is how gRPC answers them."""
    kind = type(value)
    if kind is int:
        return value if value in _INT64 else float(value)
    if kind is list:
        return [narrowed(item) for item in value]
    if kind is dict:
        return {key: narrowed(item) for key, item in value.items()}
    return value


def _members(objects: Sequence[Mapping[str, Any]], name: str) -> list[Any]:
    try:
        return list(map(itemgetter(name), objects))
    except KeyError:
        return [held.get(name, MISSING) for held in objects]


def values_of(objects: Sequence[Any]) -> Values:
    """A column of Python objects: None, bool, int, float, str, lists and dicts of these, and `MISSING`.

    Raises
    ------
    TypeError
        For any other type: no JSON reader makes it.
    """
    n = len(objects)
    types = set(map(type, objects))
    if not types <= _KINDS.keys():
        raise TypeError(f"not a JSON value: {', '.join(sorted(kind.__name__ for kind in types - _KINDS.keys()))}")
    if len(types) == 1:
        kinds = np.full(n, _KINDS[next(iter(types))], dtype=np.uint8)
    else:
        kinds = np.fromiter(map(_KINDS.__getitem__, map(type, objects)), dtype=np.uint8, count=n)
    ints, floats = _numbers(objects, types, kinds)
    listed = _spans(objects, kinds) if list in types else None
    return Values(
        kinds,
        ints,
        floats,
        _bools(objects, kinds) if bool in types else None,
        _strings(objects, types) if str in types else None,
        listed,
        values_of(_elements(objects, kinds)) if listed is not None else None,
        _fields(objects, kinds) if dict in types else None,
    )


def _numbers(objects: Sequence[Any], types: set[type], kinds: Any) -> tuple[Int64 | None, Float64 | None]:
    """Both stores of numbers; integers beyond int64 go to the floats, and their kind is changed."""
    ints: Int64 | None = None
    floats: Float64 | None = None
    if float in types:
        floats = np.zeros(len(objects))
        mask = kinds == Kind.FLOAT
        floats[mask] = _picked(objects, mask)
    if int in types:
        ints = np.zeros(len(objects), dtype=np.int64)
        mask = kinds == Kind.INT
        found = _picked(objects, mask)
        try:
            ints[mask] = np.array(found, dtype=np.int64)
        except OverflowError:
            rows = np.flatnonzero(mask)
            floats = np.zeros(len(objects)) if floats is None else floats
            for row, number in zip(rows.tolist(), found, strict=True):
                if number in _INT64:
                    ints[row] = number
                else:
                    kinds[row], floats[row] = Kind.FLOAT, float(number)
    return ints, floats


def _picked(objects: Sequence[Any], mask: Mask) -> list[Any]:
    return list(objects) if mask.all() else list(compress(objects, mask.tolist()))


def _bools(objects: Sequence[Any], kinds: Any) -> Mask:
    mask = kinds == Kind.BOOL
    bools = np.zeros(len(objects), dtype=np.bool_)
    bools[mask] = _picked(objects, mask)
    return bools


def _strings(objects: Sequence[Any], types: set[type]) -> pa.LargeStringArray:
    if types <= {str, type(None)}:
        return pa.array(objects, type=pa.large_string())
    return pa.array([held if type(held) is str else None for held in objects], type=pa.large_string())


def _spans(objects: Sequence[Any], kinds: Any) -> Int64:
    lengths = np.zeros(len(objects), dtype=np.int64)
    mask = kinds == Kind.LIST
    lengths[mask] = list(map(len, _picked(objects, mask)))
    return ends(lengths)


def _elements(objects: Sequence[Any], kinds: Any) -> list[Any]:
    return list(chain.from_iterable(_picked(objects, kinds == Kind.LIST)))


def _fields(objects: Sequence[Any], kinds: Any) -> dict[str, Values]:
    """The members of the objects by key, keys in the order in which they are first seen."""
    names = dict.fromkeys(chain.from_iterable(_picked(objects, kinds == Kind.OBJECT)))
    held = objects if (kinds == Kind.OBJECT).all() else [o if type(o) is dict else {} for o in objects]
    return {name: values_of(_members(held, name)) for name in names}
