"""From the answers of a search to one long frame: rows in the order of the queries, what failed, what is kept."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from qframe.connection import users_level
from qframe.errors import QueryError, QueryWarning
from qframe.frames.results import as_in, beside, render
from qframe.frames.source import Library
from qframe.model.queries import Hits
from qframe.planning.options import OnMismatch
from qframe.planning.plan import Plan
from qframe.reading.pages import checked
from qframe.reading.search.rows import Rows

SHOWN = 3
"""Failures that a message tells of; all are in its `failures`."""

KEPT_PREFIX = "query_"


def kept_name(column: str) -> str:
    """What a column of the frame is called in the answer."""
    return KEPT_PREFIX + column


@dataclass(frozen=True, slots=True, eq=False)
class Kept:
    """Columns of the searched frame, for the answer.

    Parameters
    ----------
    columns : tuple of str
    frame : object
        The frame itself.
    table : pyarrow.Table or None
        The columns as Arrow has them, where the frame is not in memory or of another library than the answer.
    lazy : bool
        Whether the frame is a polars LazyFrame, and the answer of polars.
    """

    columns: tuple[str, ...]
    frame: Any
    table: pa.Table | None = None
    lazy: bool = False


def long_table(
    found: Sequence[tuple[Rows, Hits]], failed: Rows, plan: Plan, on_mismatch: OnMismatch
) -> tuple[pa.Table, Rows]:
    """All hits, and a row of nulls for each query that failed, in the order of the queries.

    Returns
    -------
    table : pyarrow.Table
        Columns: query, rank, id, score, payload, vectors.
    queries : numpy.ndarray
        `int64`, the frame's number of the query of each row.

    Raises
    ------
    MismatchError
        A stored value does not fit its column.
    """
    schema = hits_schema(plan)
    tables, queries = [schema.empty_table()], [np.empty(0, dtype=np.int64)]
    for rows, hits in found:
        table = checked(hits, plan.schema, plan.targets, on_mismatch)
        queries.append(rows[table.column(0).to_numpy()])
        tables.append(table)
    tables.append(pa.table([pa.nulls(len(failed), field.type) for field in schema], schema=schema))
    queries.append(failed)
    numbers = np.concatenate(queries)
    whole = pa.concat_tables(tables)
    order = np.argsort(numbers, kind="stable")
    if not np.array_equal(order, np.arange(len(order))):
        whole, numbers = whole.take(pa.array(order)), numbers[order]
    return whole.set_column(0, schema.field(0), pa.array(numbers, pa.uint32())), numbers


def hits_schema(plan: Plan) -> pa.Schema:
    """The columns of a `Hits` table."""
    own, *rest = plan.schema.arrow()
    return pa.schema([pa.field("query", pa.uint32()), pa.field("rank", pa.uint32()), own, _SCORE, *rest])


_SCORE = pa.field("score", pa.float32())


def finish(table: pa.Table, queries: Rows, kept: Kept, library: Library, dtype_backend: Any, plan: Plan) -> Any:
    """The frame of the answer: the table, and the columns that are kept, one row a row of it."""
    names = {column: kept_name(column) for column in kept.columns}
    if kept.table is not None:
        rows = pa.array(queries)
        for column, name in names.items():
            table = table.append_column(name, kept.table.column(column).take(rows))
    answers = render(table, library, dtype_backend, plan.targets)
    if not names:
        return answers
    if kept.table is None:
        return beside(answers, kept.frame, names, queries, library)
    return as_in(answers, kept.frame, names) if kept.lazy else answers


def tell(failures: Mapping[int, str], total: int) -> None:
    """Warn of queries that were not answered, if there are any."""
    if failures:
        text = f"{_summary(failures, total)} Their rows hold null for rank, id and score; errors='raise' raises."
        warnings.warn(QueryWarning(text, sorted(failures.items())), stacklevel=users_level())


def error_of(failures: Mapping[int, str], total: int, answers: Any) -> QueryError:
    """The error for queries that were not answered."""
    text = f"{_summary(failures, total)} The answers to all others are in .answers; errors='report' returns them."
    return QueryError(text, failures=sorted(failures.items()), answers=answers)


def _summary(failures: Mapping[int, str], total: int) -> str:
    first = sorted(failures.items())[:SHOWN]
    text = "; ".join(f"row {row}: {reason.rstrip('.')}" for row, reason in first)
    more = f"; and {len(failures) - SHOWN:,} more, see .failures" if len(failures) > SHOWN else ""
    return f"{len(failures):,} of {total:,} queries were not answered: {text}{more}."
