"""Which payload indexes serve the values of a frame's columns: told by their types, before anything is written. Pure.

A value that an index does not hold is stored all the same. Filters on it are then answered by reading every point, or,
in strict mode, refused.
"""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa

from qframe.columns.plain import is_list, plain
from qframe.model.paths import payload_path
from qframe.model.schema import Kind, family

HELD: dict[str, frozenset[Kind]] = {
    "keyword": frozenset({Kind.STRING}),
    "text": frozenset({Kind.STRING}),
    "uuid": frozenset({Kind.STRING}),
    "datetime": frozenset({Kind.STRING}),
    "integer": frozenset({Kind.INT}),
    "float": frozenset({Kind.INT, Kind.FLOAT}),
    "bool": frozenset({Kind.BOOL}),
    "geo": frozenset({Kind.OBJECT}),
}
"""Index type → the kinds of values that it takes in. Of an array every element is looked at. An integer index takes no
float in (5.0 excepted, since 1.17), a float index takes integers too; a datetime or uuid index takes text that reads as
one."""

_KINDS = {
    "bool": Kind.BOOL,
    "int": Kind.INT,
    "float": Kind.FLOAT,
    "string": Kind.STRING,
    "list": Kind.LIST,
    "struct": Kind.OBJECT,
}
_WORDS = {
    Kind.BOOL: "booleans",
    Kind.INT: "integers",
    Kind.FLOAT: "floats",
    Kind.STRING: "text",
    Kind.OBJECT: "objects",
}
_BEST = {Kind.BOOL: "bool", Kind.INT: "integer", Kind.FLOAT: "float", Kind.STRING: "keyword"}


def payload_types(field: pa.Field) -> Iterator[tuple[str, pa.DataType]]:
    """The payload paths that a column gives values to, with the type of a value there; elements for lists."""
    path = payload_path(field.name)
    if path is not None:
        yield from _below(path, field.type)


def _below(path: str, dtype: pa.DataType) -> Iterator[tuple[str, pa.DataType]]:
    if pa.types.is_dictionary(dtype) or pa.types.is_run_end_encoded(dtype):
        dtype = dtype.value_type
    yield path, dtype
    if is_list(dtype):
        element = dtype.value_type
        # A path looks into an array one level deep; `a` and `a[]` are both its elements.
        yield from _below(f"{path}[]", element)
    elif pa.types.is_struct(dtype):
        for child in dtype:
            name = payload_path(child.name)
            if name is not None:
                yield from _below(f"{path}.{name}", child.type)


def unserved(index: str, dtype: pa.DataType) -> str | None:
    """Why an index does not serve values of a type, as a clause; None where it does, or where nothing can be told.

    Parameters
    ----------
    index : str
        Its type, as `CollectionInfo.indexes` names it.
    dtype : pyarrow.DataType
        Of a value, one that can be payload; lists are looked into.
    """
    held = HELD.get(index)
    while is_list(dtype):
        dtype = dtype.value_type
    stored = plain(pa.nulls(0, dtype)).type
    kind = _KINDS.get(family(stored))
    if held is None or kind is None:
        return None
    if kind not in held:
        better = _BEST.get(kind)
        instead = f"; one of type {better!r} would" if better else ""
        return f"{dtype} is stored as {_WORDS[kind]}, which an index of type {index!r} does not hold{instead}"
    if index == "datetime" and (pa.types.is_time(dtype) or pa.types.is_duration(dtype)):
        return f"{dtype} is stored as text that is no date, which an index of type {index!r} does not hold"
    if index == "geo" and not {"lon", "lat"} <= {child.name for child in stored}:
        return f"{dtype} has not the fields 'lon' and 'lat', by which an index of type {index!r} knows a place"
    return None
