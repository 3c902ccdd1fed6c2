"""Points: the rows of a frame as ids, vectors and payload columns; all that the right half ever sees of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from qframe.model.ids import Ids, Index, RowNumbers, take_rows
from qframe.model.vectors import VectorColumn

ShardKey = int | str


def take_batch(batch: pa.RecordBatch, index: Index) -> pa.RecordBatch:
    """The rows of a record batch at `index`; a slice copies nothing."""
    if isinstance(index, slice):
        start, stop, _ = index.indices(batch.num_rows)
        return batch.slice(start, max(0, stop - start))
    return batch.take(pa.array(index))


def _pack(batch: pa.RecordBatch) -> bytes:
    """Arrow IPC of exactly the rows: a pickled slice of Arrow data carries its whole parent (4.8 MB for 10 strings)."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    return sink.getvalue().to_pybytes()


def _unpack(data: bytes) -> pa.RecordBatch:
    return pa.ipc.open_stream(data).read_next_batch()


def _revive(
    ids: Ids, vectors: dict[str, VectorColumn], payload: bytes | None, rows: RowNumbers, shard_key: ShardKey | None
) -> Points:
    return Points(ids, vectors, None if payload is None else _unpack(payload), rows, shard_key)


@dataclass(frozen=True, slots=True, eq=False)
class Points:
    """Rows on their way to a collection.

    Parameters
    ----------
    ids : Ids
    vectors : mapping of str to Dense, Sparse or Multi
        By vector name; "" is the unnamed vector. All of length n.
    payload : pyarrow.RecordBatch or None
        One column a payload key, in the Arrow types that the frame had; n rows. None: no payload at all.
    rows : range or numpy.ndarray
        The caller's row numbers, for reports.
    shard_key : int, str or None
        One key for all rows; rows of different keys are different Points.
    """

    ids: Ids
    vectors: Mapping[str, VectorColumn]
    payload: pa.RecordBatch | None
    rows: RowNumbers
    shard_key: ShardKey | None = None

    def __len__(self) -> int:
        return len(self.ids)

    def take(self, index: Index) -> Points:
        return Points(
            self.ids.take(index),
            {name: column.take(index) for name, column in self.vectors.items()},
            None if self.payload is None else take_batch(self.payload, index),
            take_rows(self.rows, index),
            self.shard_key,
        )

    def __reduce__(self) -> tuple[Any, ...]:
        payload = None if self.payload is None else _pack(self.payload)
        return _revive, (self.ids, dict(self.vectors), payload, self.rows, self.shard_key)


def ragged(points: Points) -> bool:
    """Whether any vector is missing in any row."""
    return any(column.present is not None and not np.all(column.present) for column in points.vectors.values())
