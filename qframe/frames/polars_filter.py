"""polars expressions applied to Arrow tables: for filters at the source that the server does not evaluate."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import polars as pl
import pyarrow as pa

from qframe.frames.polars_results import to_polars
from qframe.frames.schemas import Target


def roots(expressions: Sequence[pl.Expr]) -> list[str]:
    """The columns that expressions look at."""
    return list(dict.fromkeys(name for expression in expressions for name in expression.meta.root_names()))


def keeping(expressions: Sequence[pl.Expr], targets: Mapping[str, Target]) -> Callable[[pa.Table], pa.Table]:
    """A function that keeps the rows of a table for which all expressions are true.

    Each table is looked at alone, so an expression must be row-wise.
    """
    columns = roots(expressions)

    def keep(table: pa.Table) -> pa.Table:
        frame = to_polars(table.select(columns), targets)
        mask = frame.select(pl.all_horizontal(*expressions).fill_null(value=False).alias("kept")).to_series()
        return table.filter(pa.array(mask.to_numpy()))

    return keep
