"""What payload indexes tell of payload columns: the types of what they index. Knows no values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import pyarrow as pa

from qframe.model.paths import steps

INDEXED: dict[str, pa.DataType] = {
    "keyword": pa.large_string(),
    "text": pa.large_string(),
    "uuid": pa.large_string(),
    "datetime": pa.large_string(),
    "integer": pa.int64(),
    "float": pa.float64(),
    "bool": pa.bool_(),
    "geo": pa.struct([("lat", pa.float64()), ("lon", pa.float64())]),
}
"""Payload index → the type that its values have in a sample: datetimes are text there."""


def types_of(indexes: Mapping[str, str]) -> dict[str, pa.DataType | None]:
    """The types of payload keys, as far as payload indexes tell; None where two of them contradict each other.

    A nested path tells of a struct of which it knows one member, brackets tell of lists. An index says nothing of
    whether there is one value or a list of them.

    Parameters
    ----------
    indexes : mapping of str to str
        Payload path → index type; types and paths that are not known are left out.
    """
    found: dict[str, pa.DataType | None] = {}
    for path, kind in sorted(indexes.items()):
        way = steps(path)
        if way is None or kind not in INDEXED:
            continue
        dtype = INDEXED[kind]
        for name, lists in reversed(way[1:]):
            dtype = pa.struct([(name, _listed(dtype, lists))])
        key, lists = way[0]
        dtype = _listed(dtype, lists)
        found[key] = _both(found[key], dtype) if key in found else dtype
    return found


def _listed(dtype: pa.DataType, lists: int) -> pa.DataType:
    for _ in range(lists):
        dtype = pa.large_list(dtype)
    return dtype


def _both(one: pa.DataType | None, other: pa.DataType | None) -> pa.DataType | None:
    """The type that two indexes tell of together."""
    if one is None or other is None or one == other:
        return one if one == other else None
    if pa.types.is_large_list(one) or pa.types.is_large_list(other):
        # What is one value to an index without brackets may be a list.
        inner = _both(items(one), items(other))
        return None if inner is None else pa.large_list(inner)
    if pa.types.is_struct(one) and pa.types.is_struct(other):
        return _struct([*one, *other])
    return None


def items(dtype: pa.DataType) -> pa.DataType:
    """The type of the elements where an index tells of a list; where it tells of one value, they may be such ones."""
    return dtype.value_type if pa.types.is_large_list(dtype) else dtype


def _struct(members: Iterable[pa.Field]) -> pa.DataType | None:
    found: dict[str, pa.DataType | None] = {}
    for item in members:
        found[item.name] = _both(found[item.name], item.type) if item.name in found else item.type
    return None if None in found.values() else pa.struct(sorted(found.items()))
