"""Where the values of a column stand at the server, and which points hold a value there or none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from qframe.filters.bounds import EVERY, NONE, Bound, complement, superset, unknown
from qframe.filters.keys import index_on, path_of
from qframe.filters.pushed import Facts
from qframe.model.predicate import Column
from qframe.model.schema import Field, TypeFamily, VectorField, family

_TYPICAL: Mapping[TypeFamily, tuple[str, ...]] = {
    "bool": ("bool",),
    "int": ("integer",),
    "float": ("float",),
    "string": ("keyword", "uuid", "text"),
    "temporal": ("datetime",),
}
"""The index types that one makes for values of a family only."""

NO_FIT = "stored values that do not fit a column are read as null"


@dataclass(frozen=True, slots=True)
class Place:
    """A column, or the elements of a list column.

    Parameters
    ----------
    name : str
        For reasons.
    kind : "payload", "id" or "vector"
    dtype : pyarrow.DataType
        Of the values, or of the elements; not of their dictionary.
    path : str
        Payload path, or vector name.
    index : str or None
        Type of the payload index there.
    null : Bound
        Rows in which the column is null.
    value : Bound
        Rows in which it is not.
    opaque : str or None
        Why nothing but null tests can be asked.
    misfits : bool
        Some of the values that the server compares may be read as null.
    """

    name: str
    kind: str
    dtype: pa.DataType
    path: str
    index: str | None
    null: Bound
    value: Bound
    opaque: str | None = None
    misfits: bool = False

    def condition(self, **asked: Any) -> Bound:
        """Points for which a condition on the payload key holds."""
        return Bound({"key": self.path, **asked})


def place_of(column: Column, facts: Facts) -> Place | str:
    """The place of a column, or why it has none."""
    schema, top = facts.schema, column.path[0]
    if top == schema.id_name:
        return Place(top, "id", schema.id_type, "", None, NONE, EVERY) if len(column.path) == 1 else _no_field(column)
    vector = next((one for one in schema.vectors if one.column == top), None)
    if vector is not None:
        return _vector(vector, facts) if len(column.path) == 1 else _no_field(column)
    field = next((one for one in schema.payload if one.name == top), None)
    if field is None:
        made = schema.extra == "column" and top == schema.extra_name
        return f"{top!r} is gathered from other keys" if made else f"the collection's schema has no column {top!r}"
    return _payload(column, field, facts)


def _no_field(column: Column) -> str:
    return f"{column.path[0]!r} has no field {column.path[1]!r}"


def _vector(field: VectorField, facts: Facts) -> Place:
    opaque = f"Qdrant has no conditions on the numbers of a vector, {field.column!r}"
    if facts.version < (1, 13, 0):
        old = unknown(f"asking whether there is a vector {field.column!r} needs Qdrant 1.13, {is_old(facts)}")
        return Place(field.column, "vector", field.dtype, field.vector, None, old, old, opaque)
    there = Bound({"has_vector": field.vector})
    return Place(field.column, "vector", field.dtype, field.vector, None, complement(there), there, opaque)


def is_old(facts: Facts) -> str:
    return f"the server is {'.'.join(map(str, facts.version))}"


def _payload(column: Column, field: Field, facts: Facts) -> Place | str:
    dtype = _plain(field.dtype)
    for step in column.path[1:]:
        at = dtype.get_field_index(step) if pa.types.is_struct(dtype) else -1
        if at < 0:
            return f"{str(column)!r} is no field of a struct column"
        dtype = _plain(dtype.field(at).type)
    path = path_of(column.path)
    if path is None:
        return f"{str(column)!r} holds a character that no path of Qdrant's can name"
    index = index_on(path, facts.indexes)
    null, value = _null_and_value(column, field, dtype, path, index, facts)
    opaque = f"{str(column)!r} is read as JSON text" if field.json else None
    return Place(str(column), "payload", dtype, path, index, null, value, opaque, facts.lenient)


def _null_and_value(
    column: Column, field: Field, dtype: pa.DataType, path: str, index: str | None, facts: Facts
) -> tuple[Bound, Bound]:
    """An empty list looks as if nothing were stored. What is stored and does not fit looks like a value."""
    name, kind = str(column), family(dtype)
    empty = Bound({"is_empty": {"key": path}})
    if field.json or kind == "list":
        why = f"an empty list in {name!r} looks like null to Qdrant"
        null, value = superset(empty, why), unknown(why)
    else:
        null, value = empty, complement(empty)
    held = family(_plain(dtype.value_type)) if kind == "list" else kind
    typed = field.json or field.name in facts.proven or index in _TYPICAL.get(held, ())
    if facts.lenient and not field.json:
        return unknown(NO_FIT), superset(value, NO_FIT)
    if not typed:
        guess = f"the type of {name!r} is a guess, and what does not fit it is not null"
        null = unknown(f"{guess}; {facts.typed_by} would tell")
    return null, value


def _plain(dtype: pa.DataType) -> pa.DataType:
    return dtype.value_type if pa.types.is_dictionary(dtype) else dtype
