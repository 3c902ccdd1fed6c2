"""Rows of any width: how many dimensions, fields and points is told by a collection's name, and by nothing else."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Self

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.data import DIM, VECTOR, make_rows

READY = 2_000
"""Rows that are made; any more are these again, with ids of their own."""

FIRST_ID = 1 << 30
"""All ids have five bytes as a varint and ten digits, so that they can be put in their places."""

SCALARS = 8
"""Fields of the base case."""

ROW_GROUP = 10_000
"""Rows of a row group of a file."""


@dataclass(frozen=True)
class Shape:
    """What the points of a collection look like.

    Parameters
    ----------
    dim : int
        Dimensions of the only vector.
    fields : int
        Payload fields: the eight of the base case, and these again with a number.
    points : int
        How many a read finds.
    """

    dim: int = DIM
    fields: int = SCALARS
    points: int = 0

    @property
    def collection(self) -> str:
        return f"shape-{self.dim}-{self.fields}-{self.points}"

    @classmethod
    def named(cls, collection: str) -> Self:
        dim, fields, points = map(int, collection.split("-")[1:])
        return cls(dim, fields, points)

    @property
    def width(self) -> Shape:
        """The same without a number of points."""
        return replace(self, points=0)


@cache
def ready_rows(shape: Shape) -> pl.DataFrame:
    """`READY` rows: `id`, the fields, the vector."""
    base = make_rows(READY, shape.dim)
    scalars = base.drop("id", VECTOR)
    fields: dict[str, pl.Series] = {}
    for number in range(shape.fields):
        again, place = divmod(number, scalars.width)
        column = scalars.to_series(place)
        fields[f"{column.name}_{again}" if again else column.name] = column.gather(
            (np.arange(READY) + 17 * again) % READY
        )
    ids = pl.Series("id", np.arange(FIRST_ID, FIRST_ID + READY, dtype=np.uint64))
    return pl.DataFrame([ids, *(column.alias(name) for name, column in fields.items()), base[VECTOR]])


def rows_of(shape: Shape, rows: int) -> pl.DataFrame:
    """So many rows in memory, in one chunk."""
    ready = ready_rows(shape.width)
    places = pl.Series(np.arange(rows) % READY)
    ids = pl.Series("id", np.arange(FIRST_ID, FIRST_ID + rows, dtype=np.uint64))
    return ready[places].with_columns(ids).rechunk()


def write_file(path: Path, shape: Shape, rows: int, group: int = ROW_GROUP) -> None:
    """A Parquet file of so many rows, row group by row group, so that this process holds one."""
    begun = rows_of(shape, group).to_arrow()
    with pq.ParquetWriter(path, begun.schema, compression="none", use_dictionary=False) as writer:
        for start in range(0, rows, group):
            ids = pa.array(np.arange(FIRST_ID + start, FIRST_ID + start + group, dtype=np.uint64))
            writer.write_table(begun.set_column(0, "id", ids)[: rows - start], row_group_size=group)
