"""What a scanned frame looks like, and the one table of which JSON kind fits which type."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import IntEnum
from typing import Literal

import pyarrow as pa

from qframe.model.vectors import VectorKind

EXACT = 2**53
"""Every integer up to here, and its negative, is a float64."""


class Kind(IntEnum):
    """The kind of a stored payload value. An integer beyond int64 is FLOAT: that is how gRPC answers it."""

    MISSING = 0
    NULL = 1
    BOOL = 2
    INT = 3
    FLOAT = 4
    STRING = 5
    LIST = 6
    OBJECT = 7


TypeFamily = Literal["null", "bool", "int", "float", "string", "temporal", "decimal", "list", "struct", "json"]

FITS: dict[TypeFamily, frozenset[Kind]] = {
    "null": frozenset(),
    "bool": frozenset({Kind.BOOL}),
    "int": frozenset({Kind.INT}),
    "float": frozenset({Kind.INT, Kind.FLOAT}),
    "string": frozenset({Kind.STRING}),
    "temporal": frozenset({Kind.STRING}),
    "decimal": frozenset({Kind.INT, Kind.FLOAT, Kind.STRING}),
    "list": frozenset({Kind.LIST}),
    "struct": frozenset({Kind.OBJECT}),
    "json": frozenset({Kind.BOOL, Kind.INT, Kind.FLOAT, Kind.STRING, Kind.LIST, Kind.OBJECT}),
}
"""The rule table: a kind in the set becomes a value, if it has one in the type (an int in int8's range, a float64 that
an int equals exactly, text that parses); MISSING and NULL become null; every other kind is a mismatch, raised or
turned into null as the caller chose."""


def family(dtype: pa.DataType) -> TypeFamily:
    """The row of `FITS` for an Arrow type; TypeError for a type that payload cannot be read into."""
    types = pa.types
    if types.is_dictionary(dtype):
        return family(dtype.value_type)
    tests: tuple[tuple[TypeFamily, bool], ...] = (
        ("null", types.is_null(dtype)),
        ("bool", types.is_boolean(dtype)),
        ("int", types.is_integer(dtype)),
        ("float", types.is_floating(dtype)),
        ("string", types.is_string(dtype) or types.is_large_string(dtype) or types.is_string_view(dtype)),
        ("temporal", types.is_date(dtype) or types.is_timestamp(dtype)),
        ("temporal", types.is_time(dtype) or types.is_duration(dtype)),
        ("decimal", types.is_decimal(dtype)),
        ("list", types.is_list(dtype) or types.is_large_list(dtype) or types.is_fixed_size_list(dtype)),
        ("struct", types.is_struct(dtype)),
    )
    for name, fits in tests:
        if fits:
            return name
    raise TypeError(f"payload cannot be read into {dtype}")


def takes(wide: pa.DataType, narrow: pa.DataType) -> bool:
    """Whether the kinds that one type takes are all taken by another, in lists and structs too."""
    kind = family(narrow)
    if not FITS[kind] <= FITS[family(wide)]:
        return False
    if kind == "list" and family(wide) == "list":
        return takes(wide.value_type, narrow.value_type)
    if kind == "struct" and family(wide) == "struct":
        theirs = {item.name: item.type for item in narrow}
        return all(takes(item.type, theirs[item.name]) for item in wide if item.name in theirs)
    return True


@dataclass(frozen=True, slots=True)
class Field:
    """A payload column.

    Parameters
    ----------
    name : str
        Column name and payload key.
    dtype : pyarrow.DataType
    json : bool
        The column holds the JSON text of whatever is stored (dtype is large_string then).
    """

    name: str
    dtype: pa.DataType
    json: bool = False


SPARSE = pa.struct([("indices", pa.large_list(pa.uint32())), ("values", pa.large_list(pa.float32()))])
"""The column of a sparse vector."""


@dataclass(frozen=True, slots=True)
class VectorField:
    """A vector column.

    Parameters
    ----------
    column : str
        Column name; the unnamed vector is the column "vector".
    vector : str
        Vector name on the server, "" for the unnamed one.
    kind : "dense", "sparse" or "multi"
    dim : int or None
        None for sparse vectors.
    """

    column: str
    vector: str
    kind: VectorKind
    dim: int | None = None

    @property
    def dtype(self) -> pa.DataType:
        if self.kind == "sparse":
            return SPARSE
        dense = pa.list_(pa.float32(), self.dim)
        return dense if self.kind == "dense" else pa.large_list(dense)


@dataclass(frozen=True, slots=True)
class Schema:
    """Columns of a scan in order: the id, payload, vectors.

    Parameters
    ----------
    payload : tuple of Field
    vectors : tuple of VectorField
    id_type : pyarrow.DataType
        uint64 if all ids are integers, else large_string.
    id_name : str
    extra : "ignore", "raise", "column" or "values"
        What stored keys beyond `payload` do; "column": their JSON object as text in `extra_name`; "values": the values
        of every key are in `Page.values`, as they are stored.
    extra_name : str
    unread : frozenset of str
        Payload keys that are known and not asked for: they are not extra.
    """

    payload: tuple[Field, ...] = ()
    vectors: tuple[VectorField, ...] = ()
    id_type: pa.DataType = field(default_factory=pa.uint64)
    id_name: str = "id"
    extra: Literal["ignore", "raise", "column", "values"] = "ignore"
    extra_name: str = "extra"
    unread: frozenset[str] = frozenset()

    @property
    def names(self) -> tuple[str, ...]:
        extra = (self.extra_name,) if self.extra == "column" else ()
        return (
            self.id_name,
            *(item.name for item in self.payload),
            *extra,
            *(item.column for item in self.vectors),
        )

    def arrow(self) -> pa.Schema:
        columns = [pa.field(self.id_name, self.id_type)]
        columns += [pa.field(item.name, item.dtype) for item in self.payload]
        if self.extra == "column":
            columns.append(pa.field(self.extra_name, pa.large_string()))
        columns += [pa.field(item.column, item.dtype) for item in self.vectors]
        return pa.schema(columns)

    def select(self, columns: Sequence[str]) -> Schema:
        """The schema of the given columns, still in schema order; the id is always kept.

        A payload field that has the name of the id or of a vector is not meant by it.
        """
        wanted = set(columns)
        meant = wanted.difference((self.id_name, *(item.column for item in self.vectors)))
        return replace(
            self,
            payload=tuple(item for item in self.payload if item.name in meant),
            vectors=tuple(item for item in self.vectors if item.column in wanted),
            extra="ignore" if self.extra == "column" and self.extra_name not in wanted else self.extra,
            unread=self.unread.union(item.name for item in self.payload if item.name not in meant),
        )
