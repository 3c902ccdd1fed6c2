"""What a checkpoint knows a call by: its target, verb, roles, options and dtypes as JSON, and how two calls differ."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import pyarrow as pa

from qframe.frames.arrow_source import wide_type
from qframe.model.bad import shown
from qframe.planning.identity import IdColumn, IdsFrom, RandomIds
from qframe.write.options import WriteSettings
from qframe.write.roles import Roles

SHOWN = 3
"""Differences that an error names, at most."""


_DICTIONARY = re.compile(r"dictionary<values=(\w+), indices=\w+, ordered=\d>")


def described(
    target: str,
    collection: str,
    verb: str,
    options: Mapping[str, Any],
    roles: Roles,
    schema: pa.Schema,
    settings: WriteSettings,
) -> dict[str, Any]:
    """A call as JSON: whatever decides which rows are written, and how; nothing of how fast or how patiently.

    Parameters
    ----------
    options : mapping
        What the verb's operation does with the rows.
    schema : pyarrow.Schema
        Of all columns of the frame; those with a role are taken.
    settings : WriteSettings
        `duplicates` and `wait` are taken: rows that are acknowledged count as written with ``wait=False`` alone.
    """
    call = {
        "target": target,
        "collection": collection,
        "verb": verb,
        "columns": _columns(roles),
        "options": {**options, "duplicates": settings.duplicates, "wait": settings.wait},
        "schema": {name: _dtype(schema.field(name).type) for name in sorted(roles.columns)},
    }
    # As a file gives it back: lists for tuples, text for keys.
    again: dict[str, Any] = json.loads(json.dumps(call, default=str))
    return again


def _dtype(dtype: pa.DataType) -> str:
    """A dtype in words. How wide offsets and the indices of a dictionary are says nothing of what is stored: it changes
    with the library, the number of categories, and from a frame to a stream of frames.
    """
    return _DICTIONARY.sub(r"dictionary<\1>", str(wide_type(dtype)))


def _columns(roles: Roles) -> dict[str, Any]:
    match roles.id:
        case IdColumn(column):
            ids: dict[str, Any] = {"id": column}
        case IdsFrom(columns, namespace):
            ids = {"id_from": columns, "namespace": str(namespace)}
        case RandomIds():
            ids = {"id": "random"}
    vectors = {
        role.vector: {"kind": role.kind, "from": role.columns or "an array beside the frame", "dim": role.dim}
        for role in roles.vectors
    }
    shard_key = {"column": roles.shard_column} if roles.shard_column is not None else roles.shard_key
    return {**ids, "vector": vectors, "payload": sorted(roles.payload), "shard_key": shard_key}


def differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """In what two calls differ, as text; empty when they do not."""
    said = [f"{name} was {shown(one)} and is {shown(other)}" for name, one, other in _differing(before, now, "")]
    return ", ".join(said[:SHOWN]) + (f", and {len(said) - SHOWN} more" if len(said) > SHOWN else "")


def _differing(one: Any, other: Any, name: str) -> Iterator[tuple[str, Any, Any]]:
    """Path and both values of each difference, as deep as both have objects."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        for key in {**one, **other}:
            yield from _differing(one.get(key), other.get(key), f"{name}.{key}" if name else key)
    elif one != other:
        yield name, one, other
