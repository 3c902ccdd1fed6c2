"""A first stretch of the rows, for what the types of a frame do not tell; and all rows after it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain

import pyarrow as pa

from qframe.frames.source import Opaque, Source, opaque
from qframe.vectors.types import sample_columns


def sampled(source: Source) -> tuple[pa.RecordBatch | None, Iterator[pa.RecordBatch] | None]:
    """What the types of a frame do not tell: a first stretch of the list columns, whose width stands in the rows.

    Returns
    -------
    sample : pyarrow.RecordBatch or None
        None where the types tell it all, and where there is no row.
    batches : iterator of pyarrow.RecordBatch or None
        All rows with all readable columns, where they had to be begun to be read and can be read only once.
    """
    wanted = sample_columns(source.schema)
    if source.repeatable or not wanted:
        return (next(iter(source.parts(wanted)), None) if wanted else None), None
    batches = source.parts([field.name for field in source.schema if opaque(field) is None])
    first = next(batches, None)
    return (None, batches) if first is None else (first.select(wanted), chain([first], batches))


def rows_of(source: Source, begun: Iterator[pa.RecordBatch] | None, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """The rows with just these columns; of a stream that was begun by `sampled`, with all columns.

    Raises
    ------
    FrameError
        For a column that has no Arrow type.
    """
    if begun is None:
        return source.parts(columns)
    for name in columns:
        found = opaque(source.schema.field(name))
        if found is not None:
            raise Opaque(found, "Give the column one type, or leave it out.").error(name)
    return begun
