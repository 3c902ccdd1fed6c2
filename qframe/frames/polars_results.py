"""Arrow tables as polars frames, sharing their buffers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa

from qframe.frames.schemas import Target


def to_polars(table: pa.Table, targets: Mapping[str, Target]) -> pl.DataFrame:
    """A frame of the table; fixed-size lists are `Array`. Casts to the dtypes of the targets are strict."""
    if not table.num_columns:
        return pl.DataFrame()
    frame: Any = pl.from_arrow(_with_whole_vectors(table), rechunk=False)
    casts = final_dtypes(table.column_names, targets)
    return frame.cast(casts) if casts else frame


def _with_whole_vectors(table: pa.Table) -> pa.Table:
    """Without slices of fixed-size lists that hold nulls: polars 2.1 refuses those."""
    for at, field in enumerate(table.schema):
        if pa.types.is_fixed_size_list(field.type) and table.column(at).null_count:
            chunks = [_whole(chunk) for chunk in table.column(at).chunks]
            table = table.set_column(at, field, pa.chunked_array(chunks, type=field.type))
    return table


def _whole(chunk: pa.Array) -> pa.Array:
    """A copy without the elements of other lists, where a slice has some."""
    if len(chunk.values) == len(chunk) * chunk.type.list_size:
        return chunk
    return chunk.take(pa.array(np.arange(len(chunk))))


def final_dtypes(names: list[str], targets: Mapping[str, Target]) -> dict[str, Any]:
    """The polars dtypes that are still to be cast to."""
    return {name: targets[name].final for name in names if name in targets and targets[name].library == "polars"}


def polars_schema(schema: pa.Schema, targets: Mapping[str, Target]) -> pl.Schema:
    """The schema of `to_polars`."""
    return to_polars(schema.empty_table(), targets).schema
