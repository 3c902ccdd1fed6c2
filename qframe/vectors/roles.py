"""Which columns are vectors, of which name and kind: what the caller said, else what types and the collection say."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pyarrow as pa

from qframe.columns.dense import usual_width
from qframe.columns.floats import is_number
from qframe.columns.multi import inner_width, plain_type
from qframe.columns.plain import is_list
from qframe.errors import FrameError, OptionError
from qframe.model.bad import shown
from qframe.model.requests import CollectionInfo
from qframe.model.spelling import listed
from qframe.model.vectors import VectorKind
from qframe.vectors.agreement import VectorSource, agreed, config_of
from qframe.vectors.beside import beside
from qframe.vectors.names import check_column
from qframe.vectors.role import VectorRole
from qframe.vectors.types import SHORTEST_LIST, Given, kind_of, list_depth, one_width, rows_of_width, vector_like

_EXAMPLES = "vector='column' or vector={'name': 'column'}"
_DENSE = "Dense vectors are Array columns, or List columns of one width, of numbers"


def vector_roles(
    given: Given, vector: Any, taken: Sequence[str], *, using: str | None = None
) -> tuple[VectorRole, ...]:
    """The vectors of the rows.

    Parameters
    ----------
    given : Given
    vector :
        As `Collection.upsert` documents it.
    taken : sequence of str
        Columns with another role, which are not looked at by default.
    using : str, optional
        The vector that a source is if it is the only one and `vector` does not name it.

    Raises
    ------
    FrameError
        When nothing or too much looks like a vector, or what is named does not fit the collection.
    OptionError
        When `vector` is nothing of what is documented.
    """
    if vector is False:
        return ()
    sources = _detected(given, taken) if vector is None else list(_named(given, vector))
    roles: list[VectorRole] = []
    for source in sources:
        alone = len(sources) == 1
        if alone and using is not None and not isinstance(vector, Mapping):
            source = replace(source, target=using)
        role = _role(given, source, alone=alone)
        if any(role.vector == other.vector for other in roles):
            name = f"the vector {role.vector!r}" if role.vector else "the unnamed vector"
            raise OptionError(f"vector=: {source.label} and another source are both {name}. Name targets: {_EXAMPLES}.")
        roles.append(role)
    return tuple(roles)


def _named(given: Given, vector: Any) -> Iterator[VectorSource]:
    """Sources as the caller named them."""
    array = beside(vector, given.length, "vector")
    if array is not None:
        yield VectorSource((), array, "")
    elif isinstance(vector, str):
        yield VectorSource((check_column(vector, given.schema.names, "vector="),))
    elif isinstance(vector, Mapping):
        for target, source in vector.items():
            if not isinstance(target, str):
                raise OptionError(f"vector=: the target {shown(target)} is not text.")
            yield _target(given, target, source)
    elif isinstance(vector, list | tuple):
        if not vector:
            raise OptionError(f"vector=[]: no column is named. Write {_EXAMPLES}.")
        names = [check_column(name, given.schema.names, "vector=") for name in vector]
        if all(is_number(given.schema.field(name).type) for name in names):
            raise OptionError(
                f"vector={vector!r}: columns of numbers make one vector, and it needs a name: vector={{'name': "
                f"{list(names)!r}}}, or {{'': …}} for the unnamed vector."
            )
        yield from (VectorSource((name,)) for name in names)
    else:
        raise OptionError(f"vector={shown(vector)}: not a column, a list, a mapping or an array. Write {_EXAMPLES}.")


def _target(given: Given, target: str, source: Any) -> VectorSource:
    option = f"vector[{target!r}]"
    array = beside(source, given.length, option)
    if array is not None:
        return VectorSource((), array, target)
    if isinstance(source, str):
        return VectorSource((check_column(source, given.schema.names, option),), target=target)
    if not isinstance(source, list | tuple):
        raise OptionError(f"{option}: found {shown(source)}, not a column, a list of columns or an array.")
    if not source:
        raise OptionError(f"{option}: no column is named.")
    return VectorSource(tuple(check_column(name, given.schema.names, option) for name in source), target=target)


def _detected(given: Given, taken: Sequence[str]) -> list[VectorSource]:
    """Columns named like the collection's vectors, else the only vector-like column."""
    free = [name for name in given.schema.names if name not in taken]
    if given.info is not None:
        same = [(config.name or "vector", config) for config in given.info.vectors]
        fits = [(name, config) for name, config in same if name in free and _kind_in(given, name) == config.kind]
        if fits:
            return [VectorSource((name,), target=config.name) for name, config in fits]
    found = [name for name in free if vector_like(given, name)]
    if len(found) == 1:
        return [VectorSource((found[0],))]
    if found:
        raise FrameError(
            f"more than one column looks like a vector: {listed(found)}. Name which to take: vector={found[0]!r}, "
            f"or vector={found!r} for all of them.",
            column=found[1],
        )
    if given.info is not None and (not given.info.vectors or given.length == 0):
        return []
    reasons = _reasons(given, free)
    why = f" ({'; '.join(reasons)})" if reasons else ""
    ragged = any(reason.endswith(_RAGGED) for reason in reasons)
    alone = "; rows of another length are then bad alone" if ragged else ""
    raise FrameError(f"no column looks like a vector{why}. {_DENSE}. Name it: {_EXAMPLES}{alone}{given.without}.")


def _kind_in(given: Given, column: str) -> VectorKind | None:
    return kind_of(given.schema.field(column).type)


_RAGGED = "has lists of different lengths"


def _reasons(given: Given, free: Sequence[str]) -> list[str]:
    """Why lists of numbers were not taken."""
    reasons = []
    for name in free:
        if kind_of(given.schema.field(name).type) != "dense":
            continue
        rows = given.rows(name)
        width = one_width(rows)
        if width is not None:
            reasons.append(f"{name!r} has lists of {width}, taken by themselves are floats from {SHORTEST_LIST} on")
        elif rows is not None and len(rows):
            reasons.append(f"{name!r} {_RAGGED}")
    return reasons


def _role(given: Given, source: VectorSource, *, alone: bool) -> VectorRole:
    kind, scalars = _kind(given, source)
    target = source.target if source.target is not None else _own_name(given.info, source.columns[0], kind, alone)
    if kind == "sparse" and target == "":
        raise FrameError(
            f"{source.label}: a sparse vector must have a name: vector={{'sparse': …}}.",
            column=source.columns[0] if source.columns else source.label,
        )
    config = config_of(given.info, target)
    dim = _dim(given, source, kind, scalars, None if config is None else config.dim)
    role = VectorRole(target, kind, source.columns, scalars, dim, beside=source.array)
    return role if given.info is None else agreed(given.info, role, source, _first_row(given, source, kind, dim))


def _own_name(info: CollectionInfo | None, column: str, kind: VectorKind, alone: bool) -> str:
    """The target of a column that was named without one."""
    names = [] if info is None else [config.name for config in info.vectors]
    if column in names:
        return column
    if alone and names == [""]:
        return ""
    return "" if column == "vector" and kind != "sparse" else column


def _kind(given: Given, source: VectorSource) -> tuple[VectorKind, bool]:
    """The kind of a source, and whether it is of columns of numbers."""
    if source.array is not None:
        return source.array.kind, False
    types = [given.schema.field(name).type for name in source.columns]
    if all(is_number(dtype) for dtype in types):
        return "dense", True
    if len(types) == 1:
        if pa.types.is_null(types[0]):  # nothing but nulls, or no Arrow type: told by its rows
            config = config_of(given.info, source.target if source.target is not None else source.columns[0])
            return ("dense" if config is None else config.kind), False
        kind = kind_of(types[0])
        if kind is None:
            raise FrameError(
                f"column {source.columns[0]!r}: {types[0]} cannot be a vector. {_DENSE}; sparse ones are structs of "
                "indices and values, or a pair of lists; multivectors are List(Array).",
                column=source.columns[0],
                value=str(types[0]),
            )
        return kind, False
    if len(types) == 2 and all(list_depth(dtype) == 1 for dtype in types) and _pairs(types[0]):
        return "sparse", False
    raise FrameError(
        f"{source.label}: {', '.join(map(str, types))} do not make a vector. Several columns are one dense vector when "
        "all are numbers, or a sparse one when they are two of lists: (indices, values), the indices integers.",
        column=source.columns[0],
    )


def _pairs(indices: pa.DataType) -> bool:
    return bool(pa.types.is_integer(plain_type(indices).value_type))


def _dim(given: Given, source: VectorSource, kind: VectorKind, scalars: bool, wanted: int | None) -> int | None:
    """Numbers in a vector: what the collection wants where any row has so many, else what most rows have."""
    if kind == "sparse":
        return None
    if source.array is not None:
        return source.array.dim
    if scalars:
        return len(source.columns)
    dtype = plain_type(given.schema.field(source.columns[0]).type)
    if kind == "multi" and is_list(dtype):
        inner = plain_type(dtype.value_type)
        if pa.types.is_fixed_size_list(inner):
            return int(inner.list_size)
    elif pa.types.is_fixed_size_list(dtype):
        return int(dtype.list_size)
    rows = given.rows(source.columns[0])
    if rows is None:
        return None
    if wanted is not None and len(rows_of_width(rows, kind, wanted)):
        return wanted
    return inner_width(rows) if kind == "multi" else usual_width(rows)


def _first_row(given: Given, source: VectorSource, kind: VectorKind, dim: int | None) -> int | None:
    """The first row of the sample with vectors of `dim` numbers, None where the type tells it all."""
    rows = given.rows(source.columns[0]) if len(source.columns) == 1 else None
    if rows is None or dim is None:
        return None
    there = rows_of_width(rows, kind, dim)
    return int(there[0]) if len(there) else None
