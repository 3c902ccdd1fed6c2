"""gRPC answers as columns: `ScrollResponse`, `GetResponse` and `QueryBatchResponse` → `Page` and `Hits`.

No message object is made: the bytes of all points are read in lockstep, column by column. Knows the messages of points
and no network.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from qframe.backends.grpc.entries import wanted_members
from qframe.backends.grpc.payload import Member, columns, members
from qframe.backends.grpc.vectors import vectors_of
from qframe.columns.assemble import hits as assemble_hits
from qframe.columns.assemble import page as assemble_page
from qframe.columns.layout import Int64, ends, validity
from qframe.columns.point_ids import PointIds
from qframe.columns.values import MISSING, Values
from qframe.columns.vector_rows import VectorRows
from qframe.columns.wire_bytes import gather, numbers_at
from qframe.columns.wire_reader import (
    FIXED32,
    VARINT,
    Lockstep,
    Malformed,
    Spans,
    Wire,
    answer,
    fields,
    in_order,
    lockstep,
    varints,
)
from qframe.model.ids import PointId
from qframe.model.queries import Hits
from qframe.model.requests import Page
from qframe.model.schema import Schema

_ID, _PAYLOAD = 1, 2
_RETRIEVED_VECTORS, _SCORED_VECTORS = 4, 6
_SCORE = 3


def scroll(data: bytes, schema: Schema) -> Page:
    """The page of a `ScrollResponse`.

    Raises
    ------
    Malformed
        (a ValueError) where the bytes are no such message.
    """
    wire = Wire.of(data)
    found = answer(wire)
    owners, offset = found.last(1)
    return _page(wire, found.of(2)[1], schema, _ids(wire, 1, owners, offset)[0] if len(owners) else None)


def ahead(data: bytes) -> PointId | None:
    """Where the next page of a scroll begins, if the first bytes of the answer tell: it is their field of number 1."""
    if not data.startswith(b"\x0a"):
        return None
    message = data[2 : 2 + data[1]]
    try:
        return _ids(Wire.of(message), 1, np.zeros(1, dtype=np.int64), _whole(message))[0]
    except Malformed:
        return None


def retrieve(data: bytes, schema: Schema) -> Page:
    """The page of a `GetResponse`; the errors are those of `scroll`."""
    wire = Wire.of(data)
    return _page(wire, answer(wire).of(1)[1], schema, None)


def hits(data: bytes, schema: Schema) -> Hits:
    """The hits of a `QueryBatchResponse`; the errors are those of `scroll`."""
    wire = Wire.of(data)
    results = answer(wire).of(1)[1]
    query, points = fields(wire, results).of(1)
    found = lockstep(wire, points)
    n = len(points)
    score = np.zeros(n, dtype=np.float32)
    owners, spans = found.last(_SCORE, FIXED32)
    score[owners] = numbers_at(wire, spans.starts, np.float32)
    before = ends(np.bincount(query, minlength=len(results)))
    rank = np.arange(1, n + 1) - before[query]
    ids, payload, vectors, extra = _points(wire, n, found, _SCORED_VECTORS, schema)
    return assemble_hits(
        schema,
        ids,
        payload,
        vectors,
        query=query.astype(np.uint32),
        rank=rank.astype(np.uint32),
        score=score,
        extra=extra,
        nbytes=len(data),
    )


def _whole(data: bytes) -> Spans:
    return Spans(np.zeros(1, dtype=np.int64), np.array([len(data)], dtype=np.int64))


def _page(wire: Wire, points: Spans, schema: Schema, offset: PointId | None) -> Page:
    found = lockstep(wire, points)
    ids, payload, vectors, extra = _points(wire, len(points), found, _RETRIEVED_VECTORS, schema)
    return assemble_page(schema, ids, payload, vectors, extra=extra, next_offset=offset, nbytes=len(wire.raw))


def _points(
    wire: Wire, n: int, found: Lockstep, vectors_number: int, schema: Schema
) -> tuple[PointIds, dict[str, Values], dict[str, VectorRows], list[Mapping[str, Any]] | None]:
    ids = _ids(wire, n, *found.last(_ID))
    names = frozenset(field.name for field in schema.payload)
    payload: dict[str, Values] = {}
    extra = None
    if schema.extra == "values":
        payload = columns(wire, n, members(wire, *in_order(*found.of(_PAYLOAD))))
    elif schema.extra != "ignore":
        keys = members(wire, *in_order(*found.of(_PAYLOAD)))
        payload = columns(wire, n, keys, names)
        known = names | schema.unread
        extra = _extra(wire, n, {key: member for key, member in keys.items() if key not in known})
    elif names:
        owners, entries = found.of(_PAYLOAD)
        wanted = wanted_members(wire, n, owners, entries, names)
        payload = columns(wire, n, members(wire, *in_order(owners, entries)) if wanted is None else wanted, names)
    vectors: dict[str, VectorRows] = {}
    if schema.vectors:
        vectors = vectors_of(wire, n, *found.last(vectors_number), schema.vectors)
    return ids, payload, vectors, extra


def _extra(wire: Wire, n: int, keys: dict[str, Member]) -> list[Mapping[str, Any]]:
    rows: list[dict[str, Any]] = [{} for _ in range(n)]
    for key, column in columns(wire, n, keys).items():
        for row, value in zip(rows, column.objects(), strict=True):
            if value is not MISSING:
                row[key] = value
    return list(rows)


def _ids(wire: Wire, n: int, owners: Int64, messages: Spans) -> PointIds:
    """The `PointId` of each of `n` points."""
    if len(owners) != n:
        raise Malformed("a point without an id")
    found = lockstep(wire, messages)
    who, spans = found.last(1, VARINT)
    numbers = varints(wire.data, spans.starts)[0].view(np.uint64)
    if len(who) < n:
        every = np.zeros(n, dtype=np.uint64)
        every[who] = numbers
        numbers = every
    who, spans = found.last(2)
    if not len(who):
        return PointIds(numbers)
    texts = gather(wire, spans).cast(pa.large_string())
    lengths = np.zeros(n, dtype=np.int64)
    held = np.zeros(n, dtype=np.bool_)
    lengths[who], held[who] = spans.stops - spans.starts, True
    buffers = [validity(held), pa.py_buffer(ends(lengths)), texts.buffers()[2]]
    return PointIds(numbers, pa.Array.from_buffers(pa.large_string(), n, buffers))
