"""Operations as gRPC bytes: `UpdateBatchPoints` of a batch, each operation a `PointsUpdateOperation` or several.

Operations that carry rows of vectors are written around their rows. Those that select points are ropes with a row for
each operation on the wire: thousands of payloads are written by the same kernels as thousands of points.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from qframe.backends.grpc.encode import (
    MODES,
    head,
    payload_entries,
    point_ids,
    point_structs,
    point_vectors,
    shard_key_selector,
)
from qframe.backends.grpc.filters import encode_filter
from qframe.columns.layout import Int64, rows_of
from qframe.columns.null_keys import null_keys
from qframe.columns.protobuf import delimited, field_bytes, varint_bytes
from qframe.columns.rope import Rope, column, grouped, join, rope, where
from qframe.model.batch import Batch, WriteOptions
from qframe.model.operations import (
    ClearPayload,
    Delete,
    DeletePayload,
    DeleteVectors,
    Matching,
    Operation,
    OverwritePayload,
    SetPayload,
    Target,
    UpdateVectors,
    Upsert,
)

Selecting = SetPayload | OverwritePayload | DeletePayload | ClearPayload | DeleteVectors | Delete
"""Operations on points that are there, which say only which."""

_OPERATIONS = b"\x1a"
"""Tag of the field of `UpdateBatchPoints` that every operation is."""


def update_batch(batch: Batch, options: WriteOptions) -> bytes:
    """The `UpdateBatchPoints` message of a batch.

    Raises
    ------
    ValueError
        When a vector is not present in every row of its operation; `cut` groups rows so that it is.
    OptionError
        For a filter that has no place in the message.
    """
    parts: list[bytes | memoryview] = [head(batch.collection, options)]
    for operation in batch.operations:
        if isinstance(operation, Upsert | UpdateVectors):
            rows = carried(operation)
            before, after = around(operation, rows.total)
            parts += [before, rows_of(join(rows)).data, after]
        else:
            parts.append(rows_of(join(selected(selecting(operation)))).data)
    return b"".join([*parts, b"\x28", varint_bytes(options.server_timeout)])


def carried(operation: Upsert | UpdateVectors) -> Rope:
    """The field of each row in an operation that carries its rows; it is as long in `UpsertPoints`."""
    if isinstance(operation, Upsert):
        return delimited(b"\x0a", point_structs(operation))
    return delimited(b"\x0a", point_vectors(operation.points))


def around(operation: Upsert | UpdateVectors, length: int) -> tuple[bytes, bytes]:
    """What stands before and after the rows of such an operation, which are `length` bytes."""
    after = _shard_key(operation, b"\x12")
    tag = b"\x3a"
    if isinstance(operation, Upsert):
        tag = b"\x0a"
        if operation.update_filter is not None:
            after += field_bytes(b"\x1a", encode_filter(operation.update_filter))
        if MODES[operation.mode]:
            after += b"\x20" + MODES[operation.mode]
    inner = tag + varint_bytes(length + len(after))
    return _OPERATIONS + varint_bytes(len(inner) + length + len(after)) + inner, after


def selecting(operation: Operation) -> Selecting:
    """The operation, which is one that selects points."""
    if not isinstance(operation, Selecting):
        raise TypeError(f"{type(operation).__name__} is no operation of gRPC's UpdateBatch")
    return operation


def selected(operation: Selecting) -> Rope:
    """The operations on the wire, in order, of one that selects points: a row for each.

    One that writes payload has as many as there are runs of equal payload, any other has one; none has any without
    points.
    """
    tag, write = _SELECTING[type(operation)]
    written = delimited(_OPERATIONS, delimited(tag, write(operation)))
    removed = _removals(operation) if isinstance(operation, SetPayload) else None
    return written if removed is None else rope(written.n, written, removed)


def selecting_runs(operation: Selecting) -> Int64:
    """Where operations on the wire begin among the rows of one that selects points, and their end."""
    if isinstance(operation, SetPayload | OverwritePayload):
        return operation.runs
    n = len(operation.target)
    return np.array([0, n] if n else [0], dtype=np.int64)


def id_fields(target: Target) -> Rope:
    """The field of each id in the selector of some points."""
    if isinstance(target, Matching):
        raise TypeError("what a filter selects has no ids")
    return delimited(b"\x0a", point_ids(target.ids))


def _selector(operation: Selecting, tag: bytes) -> Rope:
    """The field of a `PointsSelector`, a row for each operation on the wire."""
    target = operation.target
    if isinstance(target, Matching):
        return rope(1, field_bytes(tag, field_bytes(b"\x12", encode_filter(target.filter))))
    return delimited(tag, delimited(b"\x0a", grouped(id_fields(target), selecting_runs(operation))))


def _shard_key(operation: Operation, tag: bytes) -> bytes:
    key = operation.shard_key
    return b"" if key is None else field_bytes(tag, shard_key_selector(key))


def _texts(tag: bytes, texts: Sequence[str]) -> bytes:
    return b"".join(field_bytes(tag, text.encode()) for text in texts)


def _payload(operation: SetPayload | OverwritePayload) -> Rope:
    """`SetPayload` or `OverwritePayload`: the payload of a run is that of its first row."""
    written = payload_entries(operation.run_payload, b"\x0a", operation.nulls)
    tail = _shard_key(operation, b"\x1a")
    if isinstance(operation, SetPayload) and operation.key is not None:
        tail += field_bytes(b"\x22", operation.key.encode())
    return rope(written.n, written, _selector(operation, b"\x12"), tail)


def _removals(operation: SetPayload) -> Rope | None:
    """The deletion of the keys that each run is to lose, after what it writes; None where no run loses any."""
    lost = null_keys(operation, operation.run_payload)
    if lost is None:
        return None
    fields = pa.array([field_bytes(b"\x0a", path.encode()) for path in lost.paths], type=pa.large_binary())
    keys = grouped(column(fields.take(pa.array(lost.chosen))), lost.spans)
    tag, _ = _SELECTING[DeletePayload]
    content = rope(keys.n, keys, _selector(operation, b"\x12"), _shard_key(operation, b"\x1a"))
    return where(delimited(_OPERATIONS, delimited(tag, content)), lost.some)


def _delete_payload(operation: DeletePayload) -> Rope:
    selector = _selector(operation, b"\x12")
    return rope(selector.n, _texts(b"\x0a", operation.keys), selector, _shard_key(operation, b"\x1a"))


def _delete_vectors(operation: DeleteVectors) -> Rope:
    selector = _selector(operation, b"\x0a")
    names = field_bytes(b"\x12", _texts(b"\x0a", operation.vectors))
    return rope(selector.n, selector, names, _shard_key(operation, b"\x1a"))


def _points_only(operation: Delete | ClearPayload) -> Rope:
    """`DeletePoints` or `ClearPayload`: which points, and nothing else."""
    selector = _selector(operation, b"\x0a")
    return rope(selector.n, selector, _shard_key(operation, b"\x12"))


_SELECTING: dict[type, tuple[bytes, Callable[[Any], Rope]]] = {
    SetPayload: (b"\x1a", _payload),
    OverwritePayload: (b"\x22", _payload),
    DeletePayload: (b"\x2a", _delete_payload),
    DeleteVectors: (b"\x42", _delete_vectors),
    Delete: (b"\x4a", _points_only),
    ClearPayload: (b"\x52", _points_only),
}
"""Tag in `PointsUpdateOperation`, and what writes the message. `DeletePayload` and later ones since server 1.7."""
