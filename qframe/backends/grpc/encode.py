"""Points as gRPC messages, by column, and the `UpsertPoints` of a batch of them: bytes without an object a row.

Owns the layout of the point messages (`points.proto`). Knows no channel: what comes out is bytes.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from qframe.backends.grpc.filters import encode_filter
from qframe.columns.layout import Bytes, rows_of
from qframe.columns.plain import plain
from qframe.columns.protobuf import delimited, entries, field_bytes, packed, varint, varint_bytes
from qframe.columns.rope import Rope, fixed, grouped, join, rope, where
from qframe.model.batch import WriteOptions
from qframe.model.ids import Ids
from qframe.model.operations import Nulls, UpdateMode, Upsert
from qframe.model.points import Points, ShardKey, ragged
from qframe.model.vectors import Dense, Multi, Sparse, VectorColumn

MODES: dict[UpdateMode, bytes] = {"upsert": b"", "insert_only": b"\x01", "update_only": b"\x02"}
"""`UpdateMode` as a varint; the plain one is not written."""

_ORDERINGS = {"weak": b"", "medium": b"\x22\x02\x08\x01", "strong": b"\x22\x02\x08\x02"}


def upsert(operation: Upsert, collection: str, options: WriteOptions) -> bytes:
    """The `UpsertPoints` message of an upsert.

    Raises
    ------
    ValueError
        When a vector is not present in every row; `cut` groups rows so that it is.
    """
    points = join(delimited(b"\x1a", point_structs(operation)))
    tail = []
    if operation.shard_key is not None:
        tail.append(field_bytes(b"\x2a", shard_key_selector(operation.shard_key)))
    if operation.update_filter is not None:
        tail.append(field_bytes(b"\x32", encode_filter(operation.update_filter)))
    if MODES[operation.mode]:
        tail += [b"\x40", MODES[operation.mode]]
    timeout = b"\x38" + varint_bytes(options.server_timeout)
    return b"".join([head(collection, options), rows_of(points).data, *tail, timeout])


def head(collection: str, options: WriteOptions) -> bytes:
    """The fields that every write has alike: collection, `wait` and ordering."""
    name = field_bytes(b"\x0a", collection.encode())
    return name + (b"\x10\x01" if options.wait else b"\x10\x00") + _ORDERINGS[options.ordering]


def shard_key_selector(key: ShardKey) -> bytes:
    """`ShardKeySelector` of one key."""
    inner = b"\x10" + varint_bytes(key) if isinstance(key, int) else field_bytes(b"\x0a", key.encode())
    return field_bytes(b"\x0a", inner)


def point_structs(operation: Upsert) -> Rope:
    """The `PointStruct` of each row."""
    points = operation.points
    parts = [delimited(b"\x0a", point_ids(points.ids))]
    if points.payload is not None:
        parts.append(payload_entries(points.payload, b"\x1a", operation.nulls))
    parts.append(delimited(b"\x22", _vectors(points)))
    return rope(len(points), *parts)


def point_vectors(points: Points) -> Rope:
    """The `PointVectors` of each row."""
    return rope(len(points), delimited(b"\x0a", point_ids(points.ids)), delimited(b"\x12", _vectors(points)))


def point_ids(ids: Ids) -> Rope:
    """The `PointId` of each row."""
    n = len(ids)
    if not ids.is_uuid:
        return rope(n, b"\x08", varint(n, ids.values))  # type: ignore[arg-type]

    def write(out: Bytes) -> None:
        out[:] = rows_of(ids.texts()).reshape(n, 36)

    return delimited(b"\x12", fixed(n, 36, write))


def payload_entries(payload: pa.RecordBatch, tag: bytes, nulls: Nulls) -> Rope:
    """The entries of each row in a `map<string, Value>` of the given tag."""
    columns = zip(payload.schema.names, map(plain, payload.columns), strict=True)
    return entries(payload.num_rows, columns, tag, nulls)


def _vectors(points: Points) -> Rope:
    """The `Vectors` of each row: the unnamed vector if that is all, else a map, which may be empty."""
    if ragged(points):
        raise ValueError("a vector is missing in some rows of the batch: rows are grouped by their vectors before")
    n, columns = len(points), points.vectors
    if list(columns) == [""] and columns[""].kind != "sparse":
        return delimited(b"\x0a", vector(columns[""]))
    named = [
        delimited(b"\x0a", rope(n, field_bytes(b"\x0a", name.encode()), delimited(b"\x12", vector(column))))
        for name, column in columns.items()
    ]
    return delimited(b"\x12", rope(n, *named))


def vector(column: VectorColumn) -> Rope:
    """The `Vector` of each row, in the oneof that servers understand since 1.12.2."""
    if isinstance(column, Dense):
        return delimited(b"\xaa\x06", delimited(b"\x0a", packed(column.values)))
    if isinstance(column, Sparse):
        return delimited(b"\xb2\x06", _sparse(column))
    return delimited(b"\xba\x06", _multi(column))


def _sparse(column: Sparse) -> Rope:
    """`SparseVector`: values and indices, both left out where there are none."""
    filled = np.diff(column.offsets) > 0
    indices = grouped(varint(len(column.indices), column.indices.astype(np.uint64)), column.offsets)
    fields = rope(
        len(column),
        delimited(b"\x0a", packed(column.values, column.offsets)),
        delimited(b"\x12", indices),
    )
    return fields if filled.all() else where(fields, filled)


def _multi(column: Multi) -> Rope:
    """`MultiDenseVector`: one `DenseVector` after the other."""
    rows = delimited(b"\x0a", delimited(b"\x0a", packed(column.values)))
    return grouped(rows, column.offsets)
