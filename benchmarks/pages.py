"""Pages as a server writes them, encoded once: values by the official stubs and by orjson.

Over gRPC a payload is a map, and each point has its keys in an order of its own: Qdrant's is a hash map with a seed of
its own, so no two points agree. Over REST the keys of a point stand in the order in which they were written.
"""

from __future__ import annotations

import random
import zlib
from collections.abc import Sequence
from functools import cache
from typing import Any, Protocol

import numpy as np
import orjson
import polars as pl
from qdrant_client import grpc
from qdrant_client.conversions.conversion import json_to_value, payload_to_grpc

from benchmarks.data import ids, matrix, payloads

STRUCT = grpc.Value.DESCRIPTOR.fields_by_name["struct_value"].number
LIST = grpc.Value.DESCRIPTOR.fields_by_name["list_value"].number
FIELD = grpc.Struct.DESCRIPTOR.fields_by_name["fields"].number
ITEM = grpc.ListValue.DESCRIPTOR.fields_by_name["values"].number
PAYLOAD = grpc.RetrievedPoint.DESCRIPTOR.fields_by_name["payload"].number
RESULT = grpc.ScrollResponse.DESCRIPTOR.fields_by_name["result"].number
KEY, VALUE = 1, 2

Parts = Sequence[bytes | memoryview]


class Page(Protocol):
    """Scroll answers by offset, limit and whether with vectors, of one slice of so many: ids by their rest."""

    def __call__(self, offset: int, limit: int, vectors: bool, total: int = 1, index: int = 0, /) -> Parts: ...


def _slice(points: int, offset: int, limit: int, total: int, index: int) -> tuple[slice, int | None]:
    """The points of a page, and the first of the next."""
    start = offset + (index - offset) % total
    stop = start + limit * total
    return slice(start, stop, total), stop if stop < points else None


def grpc_points(frame: pl.DataFrame) -> tuple[list[bytes], list[bytes]]:
    """Each row as a point of an answer of gRPC, with its vector and without."""
    rng = random.Random(7)
    full, plain = [], []
    for number, vector, payload in zip(ids(frame), matrix(frame), payloads(frame), strict=True):
        head = grpc.RetrievedPoint(id=grpc.PointId(num=number)).SerializeToString() + _map(PAYLOAD, payload, rng)
        data = grpc.VectorsOutput(vector=grpc.VectorOutput(dense=grpc.DenseVector(data=vector.tolist())))
        tail = grpc.RetrievedPoint(vectors=data).SerializeToString()
        plain.append(_delimited(RESULT, head))
        full.append(_delimited(RESULT, head + tail))
        if len(full) <= 100:
            _check(full[-1], number, payload)
    return full, plain


def grpc_page(frame: pl.DataFrame) -> Page:
    """The answers of gRPC; protobuf messages may be joined from their parts."""
    full, plain = grpc_points(frame)

    @cache
    def page(offset: int, limit: int, vectors: bool, total: int = 1, index: int = 0) -> Parts:
        chosen, following = _slice(len(full), offset, limit, total, index)
        more = None if following is None else grpc.PointId(num=following)
        head = grpc.ScrollResponse(next_page_offset=more).SerializeToString()
        tail = grpc.ScrollResponse(time=0.001).SerializeToString()
        return [b"".join([head, *(full if vectors else plain)[chosen], tail])]

    return page


def _check(message: bytes, number: int, payload: dict[str, Any]) -> None:
    """What was put together by hand is what the stubs would have written, but for the order of keys."""
    (point,) = grpc.ScrollResponse.FromString(message).result
    assert point.id.num == number
    assert point.payload == grpc.RetrievedPoint(payload=payload_to_grpc(payload)).payload


def _map(field: int, fields: dict[str, Any], rng: random.Random) -> bytes:
    """The entries of a map in an order of their own; the stubs would write all maps of the same keys alike."""
    entries = [
        _delimited(field, _delimited(KEY, name.encode()) + _delimited(VALUE, _value(value, rng)))
        for name, value in fields.items()
    ]
    rng.shuffle(entries)
    return b"".join(entries)


def _value(value: Any, rng: random.Random) -> bytes:
    if isinstance(value, dict):
        return _delimited(STRUCT, _map(FIELD, value, rng))
    if isinstance(value, list):
        return _delimited(LIST, b"".join(_delimited(ITEM, _value(item, rng)) for item in value))
    return json_to_value(value).SerializeToString()


def _delimited(field: int, content: bytes) -> bytes:
    head, size = bytearray([field << 3 | 2]), len(content)
    while size > 0x7F:
        head.append(size & 0x7F | 0x80)
        size >>= 7
    head.append(size)
    return bytes(head) + content


def rest_points(frame: pl.DataFrame) -> tuple[list[bytes], list[bytes]]:
    """Each row as a point in JSON, with its vector and without."""
    full, plain = [], []
    for number, vector, payload in zip(ids(frame), matrix(frame), payloads(frame), strict=True):
        head = orjson.dumps({"id": number, "payload": payload})[:-1]
        plain.append(head + b"}")
        full.append(head + b',"vector":' + orjson.dumps(vector, option=orjson.OPT_SERIALIZE_NUMPY) + b"}")
    return full, plain


def rest_page(frame: pl.DataFrame) -> Page:
    """The same as JSON."""
    full, plain = rest_points(frame)
    texts = {True: _Listed(full), False: _Listed(plain)}

    @cache
    def page(offset: int, limit: int, vectors: bool, total: int = 1, index: int = 0) -> Parts:
        chosen, following = _slice(len(full), offset, limit, total, index)
        more = b"null" if following is None else str(following).encode()
        end = b'],"next_page_offset":' + more + b'},"status":"ok","time":0.001}'
        return [b'{"result":{"points":[', texts[vectors].points(chosen), end]

    return page


class _Listed:
    """The JSON of points with commas between them: a page of neighbours is a view, without a copy."""

    def __init__(self, points: list[bytes]) -> None:
        self._text = memoryview(b",".join(points))
        self._ends = np.cumsum([len(point) + 1 for point in points]) - 1
        self._count = len(points)

    def points(self, chosen: slice) -> bytes | memoryview:
        numbers = range(*chosen.indices(self._count))
        if chosen.step > 1:
            return b",".join(self._one(number) for number in numbers)
        return self._text[self._start(numbers.start) : self._ends[numbers[-1]]] if numbers else b""

    def _start(self, number: int) -> int:
        return int(self._ends[number - 1]) + 1 if number else 0

    def _one(self, number: int) -> memoryview:
        return self._text[self._start(number) : self._ends[number]]


def gzipped(page: Page) -> Page:
    """Pages packed beforehand, so that packing is no part of what is measured; level 1, as the server's."""

    @cache
    def packed(offset: int, limit: int, vectors: bool, total: int = 1, index: int = 0) -> Parts:
        packer = zlib.compressobj(1, wbits=31)
        parts = [packer.compress(part) for part in page(offset, limit, vectors, total, index)]
        return [*parts, packer.flush()]

    return packed
