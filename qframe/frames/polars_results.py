"""Arrow tables as polars frames, sharing their buffers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl
import pyarrow as pa

from qframe.frames.schemas import Target


def to_polars(table: pa.Table, targets: Mapping[str, Target]) -> pl.DataFrame:
    """A frame of the table; fixed-size lists are `Array`. Casts to the dtypes of the targets are strict."""
    if not table.num_columns:
        return pl.DataFrame()
    frame: Any = pl.from_arrow(table, rechunk=False)
    casts = final_dtypes(table.column_names, targets)
    return frame.cast(casts) if casts else frame


def final_dtypes(names: list[str], targets: Mapping[str, Target]) -> dict[str, Any]:
    """The polars dtypes that are still to be cast to."""
    return {name: targets[name].final for name in names if name in targets and targets[name].library == "polars"}


def polars_schema(schema: pa.Schema, targets: Mapping[str, Target]) -> pl.Schema:
    """The schema of `to_polars`."""
    return to_polars(schema.empty_table(), targets).schema
