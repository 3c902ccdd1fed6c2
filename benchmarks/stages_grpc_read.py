"""The stages of decoding gRPC pages: where messages and fields are, then column by column."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import pyarrow as pa

from benchmarks.stages_measure import Stage, each
from qframe.backends.grpc import decode
from qframe.backends.grpc.entries import wanted_members
from qframe.backends.grpc.payload import columns
from qframe.backends.grpc.vectors import vectors_of
from qframe.columns.assemble import page
from qframe.columns.wire_reader import Wire, answer, lockstep
from qframe.model.schema import Field, Schema

RESULT, ID, PAYLOAD, VECTORS = 2, 1, 2, 4


def decoding(bodies: Sequence[bytes], schema: Schema) -> list[Stage]:
    """Of each page."""
    names = frozenset(field.name for field in schema.payload)
    wires = [Wire.of(body) for body in bodies]
    points = [(wire, answer(wire).of(RESULT)[1]) for wire in wires]
    found = [(wire, len(some), lockstep(wire, some)) for wire, some in points]
    entries = [(wire, n, *fields.of(PAYLOAD), names) for wire, n, fields in found]
    members = [(wire, n, wanted_members(*one) or {}) for one in entries for wire, n in [one[:2]]]
    ids = [(wire, n, *fields.last(ID)) for wire, n, fields in found]
    vectors = [(wire, n, *fields.last(VECTORS), schema.vectors) for wire, n, fields in found]
    parts = [
        (schema, decode._ids(*numbers), columns(*held), vectors_of(*floats))
        for numbers, held, floats in zip(ids, members, vectors, strict=True)
    ]
    return [
        each("decoding: where the points are", lambda wire: answer(wire).of(RESULT), wires),
        each("decoding: where their fields are", lambda one: lockstep(*one), points),
        each("decoding: ids", lambda one: decode._ids(*one), ids),
        each("decoding: payload entries by key", lambda one: wanted_members(*one), entries),
        *(each(f"decoding: values, {said}", partial(_values, of), members) for said, of in by_type(schema.payload)),
        each("decoding: vectors", lambda one: vectors_of(*one), vectors),
        each("decoding: types, checks, the table", lambda one: page(*one), parts),
    ]


def decoded(body: bytes, schema: Schema) -> pa.Table:
    """The table of a page, whole."""
    return decode.scroll(body, schema).table


def _values(names: frozenset[str], held: tuple[Wire, int, Any]) -> object:
    return columns(*held, names)


def by_type(fields: Sequence[Field]) -> Iterator[tuple[str, frozenset[str]]]:
    """The fields of each type, and in words which."""
    alike: dict[Any, list[str]] = {}
    for field in fields:
        alike.setdefault(field.dtype, []).append(field.name)
    for dtype, names in alike.items():
        yield f"{len(names)} of {dtype}", frozenset(names)
