"""What a predicate is of a row, written apart from what is tested: true, false, or None for null."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce
from operator import eq, ge, gt, le, lt, ne
from typing import Any

import numpy as np
import pyarrow as pa

from qframe.model import predicate as p
from qframe.model.schema import Schema

_SIGNS: dict[str, Callable[[Any, Any], bool]] = {"==": eq, "!=": ne, "<": lt, "<=": le, ">": gt, ">=": ge}


@dataclass(frozen=True)
class Reading:
    """One of the ways in which a predicate may be meant.

    Parameters
    ----------
    either : bool or None
        What a comparison is where the column is null and the predicate does not know.
    opaque : bool or None
    as_floats : bool
        Integers are compared with floats as floats; narrow floats with the constant as narrow as they.
    """

    either: bool | None
    opaque: bool | None
    as_floats: bool


READINGS = [Reading(either, opaque, narrow) for either, opaque, narrow in (
    (None, None, False), (True, True, True), (False, False, True), (True, False, False), (False, True, False),
)]  # fmt: skip


def evaluate(node: p.Predicate, row: dict[str, Any], schema: Schema, reading: Reading) -> bool | None:
    def inner(part: p.Predicate) -> bool | None:
        return evaluate(part, row, schema, reading)

    match node:
        case p.Always(value):
            return value
        case p.Opaque():
            return reading.opaque
        case p.Not(part):
            return _not(inner(part))
        case p.And(parts):
            return reduce(_and, map(inner, parts), True)
        case p.Or(parts):
            return _not(reduce(_and, (_not(inner(part)) for part in parts), True))
        case p.Xor(left, right):
            a, b = inner(left), inner(right)
            return None if a is None or b is None else a != b
        case _:
            return _leaf(node, row, schema, reading)


def _not(value: bool | None) -> bool | None:
    return None if value is None else not value


def _and(a: bool | None, b: bool | None) -> bool | None:
    if a is False or b is False:
        return False
    return None if a is None or b is None else True


def _leaf(leaf: p.Leaf, row: dict[str, Any], schema: Schema, reading: Reading) -> bool | None:
    value: Any = row
    dtype: Any = schema.arrow().field(leaf.column.path[0]).type
    for at, step in enumerate(leaf.column.path):
        value = None if value is None else value[step]
        dtype = dtype if at == 0 else dtype.field(step).type
    if isinstance(leaf, p.IsNull):
        return value is None
    if value is None:
        known = {"null": None, "true": True, "false": False, "either": reading.either}
        return known[leaf.of_null]
    match leaf:
        case p.Compare(_, sign, constant):
            return _compare(value, sign, constant, dtype, reading)
        case p.In(_, constants):
            return any(_compare(value, "==", constant, dtype, reading) for constant in constants)
        case p.HasText(_, kind, text):
            return value.startswith(text) if kind == "prefix" else text in value
        case p.HasElement(_, constant):
            items = [one for one in value if one is not None]
            return any(_compare(one, "==", constant, dtype.value_type, reading) for one in items)
        case p.Length(_, sign, number):
            return _SIGNS[sign](len(value), number)
    raise AssertionError(leaf)


def _compare(value: Any, sign: str, constant: Any, dtype: pa.DataType, reading: Reading) -> bool:
    if isinstance(constant, p.Moment):
        constant = constant.ns
    if reading.as_floats and pa.types.is_integer(dtype) and isinstance(constant, float):
        value = float(value)
    if reading.as_floats and pa.types.is_floating(dtype):
        with np.errstate(over="ignore"):
            constant = float(dtype.to_pandas_dtype()(constant))
    assert not isinstance(value, datetime.datetime)
    return _SIGNS[sign](value, constant)
