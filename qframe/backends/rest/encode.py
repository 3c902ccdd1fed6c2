"""Writes as REST request bodies, by column: Qdrant's columnar `batch` form, without an object a row.

Owns the shape of the bodies. Query parameters (wait, ordering, timeout) are the pipe's, which also knows the address.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import orjson
import pyarrow as pa

from qframe.columns.json_text import dumps, members, regrouped, text
from qframe.columns.layout import Int64, rows_of
from qframe.columns.plain import plain
from qframe.columns.rope import Rope, column, join, rope
from qframe.model.batch import Batch, WriteOptions
from qframe.model.ids import Ids
from qframe.model.operations import Nulls, Upsert
from qframe.model.points import Points, ragged
from qframe.model.vectors import Dense, Multi, Sparse, VectorColumn

_Parts = list[bytes | memoryview]


def upsert(batch: Batch, options: WriteOptions) -> bytes:  # noqa: ARG001 - both wires are asked alike
    """The body of `PUT /collections/{name}/points` for a batch whose operation is an `Upsert`.

    Raises
    ------
    ValueError
        When a vector is not present in every row: the columnar form has no holes, and `cut` groups rows so that it is.
    """
    (operation,) = batch.operations
    if not isinstance(operation, Upsert):
        raise TypeError(f"{type(operation).__name__} is not an upsert")
    points = operation.points
    if ragged(points):
        raise ValueError("a vector is missing in some rows of the batch: rows are grouped by their vectors before")
    parts = _batch(points, operation.nulls) if points.vectors else _list(points, operation.nulls)
    if operation.shard_key is not None:
        parts += [b',"shard_key":', orjson.dumps(operation.shard_key)]
    if operation.update_filter is not None:
        parts += [b',"update_filter":', orjson.dumps(operation.update_filter)]
    if operation.mode != "upsert":
        parts += [b',"update_mode":', text(operation.mode)]
    return b"".join([b"{", *parts, b"}"])


def _batch(points: Points, nulls: Nulls) -> _Parts:
    """`"batch":{…}`: ids, vectors and payloads as columns."""
    parts: _Parts = [b'"batch":{"ids":', _ids(points.ids), b',"vectors":']
    if list(points.vectors) == [""] and points.vectors[""].kind != "sparse":
        parts.append(vectors(points.vectors[""]))
    else:
        for before, (name, values) in zip(_separators(b"{"), points.vectors.items(), strict=False):
            parts += [before, text(name), b":", vectors(values)]
        parts.append(b"}")
    if points.payload is not None:
        parts += [b',"payloads":[', _lined(payload_objects(points.payload, nulls)), b"]"]
    return [*parts, b"}"]


def _list(points: Points, nulls: Nulls) -> _Parts:
    """`"points":[…]`, one object a row: the columnar form cannot say that there is no vector."""
    n = len(points)
    ids = rope(n, b'"', column(points.ids.texts()), b'"') if points.ids.is_uuid else column(_decimal(points.ids))
    payload = () if points.payload is None else (b',"payload":', payload_objects(points.payload, nulls))
    return [b'"points":[', _lined(rope(n, b'{"id":', ids, b',"vector":{}', *payload, b"}")), b"]"]


def _separators(opening: bytes) -> Iterator[bytes]:
    yield opening
    while True:
        yield b","


def _lined(rows: Rope) -> memoryview:
    """The rows with commas between them."""
    return rows_of(join(rope(rows.n, rows, b",")))[:-1].data


def _decimal(ids: Ids) -> pa.LargeStringArray:
    return ids.to_arrow().cast(pa.large_string())


def _ids(ids: Ids) -> bytes:
    if not ids.is_uuid:
        return dumps(ids.values)
    return b"".join([b"[", _lined(rope(len(ids), b'"', column(ids.texts()), b'"')), b"]"])


def payload_objects(payload: pa.RecordBatch, nulls: Nulls) -> Rope:
    columns = zip(payload.schema.names, map(plain, payload.columns), strict=True)
    return members(payload.num_rows, columns, nulls)


def vectors(values: VectorColumn) -> bytes:
    """The JSON array of a column's vectors.

    Floats are always written with a point or an exponent: a multivector of two rows of integers would be read as a
    sparse vector (seen on 1.19).
    """
    if isinstance(values, Dense):
        return dumps(values.values)
    rows = _sparse(values) if isinstance(values, Sparse) else _multi(values)
    return b"".join([b"[", _lined(rows), b"]"])


def _sparse(vectors: Sparse) -> Rope:
    indices = _numbers(vectors.indices, vectors.offsets)
    return rope(len(vectors), b'{"indices":', indices, b',"values":', _numbers(vectors.values, vectors.offsets), b"}")


def _numbers(values: npt.NDArray[np.float32] | npt.NDArray[np.uint32], spans: Int64) -> Rope:
    flat = dumps(values)
    return regrouped(flat, _places(flat, ",", len(values)), spans)


def _multi(vectors: Multi) -> Rope:
    flat = dumps(vectors.values)
    # The brackets of the rows; the comma, or the last bracket, stands behind each.
    return regrouped(flat, _places(flat[:-1], "]", len(vectors.values)) + 1, vectors.offsets)


def _places(flat: bytes, mark: str, count: int) -> Int64:
    """Where the mark stands; the end of the text stands for one that is missing."""
    found = np.flatnonzero(np.frombuffer(flat, dtype=np.uint8) == ord(mark))
    return found if len(found) == count else np.append(found, len(flat) - 1)
