"""Writes as gRPC request bytes, by column: a batch becomes one `UpsertPoints` message without an object a row.

Owns the layout of the point messages (`points.proto`). Knows no channel: what comes out is bytes.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from qframe.backends.grpc.filters import encode_filter
from qframe.columns.layout import Bytes, rows_of
from qframe.columns.plain import plain
from qframe.columns.protobuf import delimited, entries, field_bytes, packed, varint, varint_bytes
from qframe.columns.rope import Rope, fixed, grouped, join, rope, where
from qframe.model.batch import Batch, WriteOptions
from qframe.model.ids import Ids
from qframe.model.operations import Nulls, Operation, UpdateMode, Upsert
from qframe.model.points import Points, ShardKey, ragged
from qframe.model.vectors import Dense, Multi, Sparse, VectorColumn

_MODES: dict[UpdateMode, bytes] = {"upsert": b"", "insert_only": b"\x40\x01", "update_only": b"\x40\x02"}
_ORDERINGS = {"weak": b"", "medium": b"\x22\x02\x08\x01", "strong": b"\x22\x02\x08\x02"}


def upsert(batch: Batch, options: WriteOptions) -> bytes:
    """The `UpsertPoints` message of a batch whose operation is an `Upsert`.

    Raises
    ------
    ValueError
        When a vector is not present in every row; `cut` groups rows so that it is.
    """
    (operation,) = batch.operations
    if not isinstance(operation, Upsert):
        raise TypeError(f"{type(operation).__name__} is not an upsert")
    points = join(_point_fields(operation))
    head = field_bytes(b"\x0a", batch.collection.encode()) + (b"\x10\x01" if options.wait else b"\x10\x00")
    tail = [_ORDERINGS[options.ordering]]
    if operation.shard_key is not None:
        tail.append(field_bytes(b"\x2a", shard_key_selector(operation.shard_key)))
    if operation.update_filter is not None:
        tail.append(field_bytes(b"\x32", encode_filter(operation.update_filter)))
    tail += [b"\x38", varint_bytes(options.server_timeout), _MODES[operation.mode]]
    return b"".join([head, rows_of(points).data, *tail])


def estimate(operation: Operation) -> npt.NDArray[np.int64]:
    """Bytes of each row's field in the message, exact, `int64` of shape (n,)."""
    if not isinstance(operation, Upsert):
        raise TypeError(f"{type(operation).__name__} is not an upsert")
    fields = _point_fields(operation)
    return np.broadcast_to(np.asarray(fields.sizes, dtype=np.int64), fields.n).copy()


def shard_key_selector(key: ShardKey) -> bytes:
    """`ShardKeySelector` of one key."""
    inner = b"\x10" + varint_bytes(key) if isinstance(key, int) else field_bytes(b"\x0a", key.encode())
    return field_bytes(b"\x0a", inner)


def _point_fields(operation: Upsert) -> Rope:
    """The field `points` of each row: a `PointStruct`."""
    points = operation.points
    if ragged(points):
        raise ValueError("a vector is missing in some rows of the batch: rows are grouped by their vectors before")
    parts = [delimited(b"\x0a", point_ids(points.ids))]
    if points.payload is not None:
        parts.append(_payload(points.payload, operation.nulls))
    parts.append(delimited(b"\x22", _vectors(points)))
    return delimited(b"\x1a", rope(len(points), *parts))


def point_ids(ids: Ids) -> Rope:
    """The `PointId` of each row."""
    n = len(ids)
    if not ids.is_uuid:
        return rope(n, b"\x08", varint(n, ids.values))  # type: ignore[arg-type]

    def write(out: Bytes) -> None:
        out[:] = rows_of(ids.texts()).reshape(n, 36)

    return delimited(b"\x12", fixed(n, 36, write))


def _payload(payload: pa.RecordBatch, nulls: Nulls) -> Rope:
    """The entries of the field `payload` of each row."""
    columns = zip(payload.schema.names, map(plain, payload.columns), strict=True)
    return entries(payload.num_rows, columns, b"\x1a", nulls)


def _vectors(points: Points) -> Rope:
    """The `Vectors` of each row: the unnamed vector if that is all, else a map, which may be empty."""
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
