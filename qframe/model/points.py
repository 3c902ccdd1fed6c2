"""Points: the rows of a frame as ids, vectors and payload columns; all that the right half ever sees of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from qframe.model.ids import Ids, Index, RowNumbers, join_ids, join_rows, take_rows
from qframe.model.vectors import Sparse, VectorColumn, join_vectors

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

    @property
    def nbytes(self) -> int:
        """In memory, about."""
        total = self.ids.values.nbytes + (0 if self.payload is None else self.payload.nbytes)
        for column in self.vectors.values():
            total += column.values.nbytes + (column.indices.nbytes if isinstance(column, Sparse) else 0)
        return int(total)

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


def join_points(parts: Sequence[Points]) -> Points:
    """The rows of several parts in order: of one shard key, with the same vectors and payload columns."""
    first = parts[0]
    payloads = [part.payload for part in parts if part.payload is not None]
    return Points(
        join_ids([part.ids for part in parts]),
        {name: join_vectors([part.vectors[name] for part in parts]) for name in first.vectors},
        pa.concat_batches(payloads) if payloads else None,
        join_rows([part.rows for part in parts]),
        first.shard_key,
    )


def ragged(points: Points) -> bool:
    """Whether any vector is missing in any row."""
    return any(column.present is not None and not np.all(column.present) for column in points.vectors.values())
