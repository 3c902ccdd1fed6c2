"""The pages of one run of a read: fetched with the filter that the server evaluates, filtered again here."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa

from qframe.backends.opening import open_backend
from qframe.connection import Connection
from qframe.delivery.allocator import keep_pages
from qframe.planning.enforce import enforce
from qframe.planning.options import ReadSettings
from qframe.planning.plan import patience_of
from qframe.planning.sources import Run
from qframe.reading.partitions import scan_tables
from qframe.reading.sizes import FIRST_ROWS, MOST_ROWS


def run_tables(
    connection: Connection,
    run: Run,
    settings: ReadSettings,
    *,
    first: int = FIRST_ROWS,
    most: int = MOST_ROWS,
) -> Iterator[pa.Table]:
    """Tables with exactly the columns of the run, until the collection or the limit ends.

    Parameters
    ----------
    settings : ReadSettings
        With a number for `n_jobs`.
    first, most : int
        Rows of the first page and of the largest.

    Raises
    ------
    PushdownError
        Now, with `pushdown="require"`.
    """
    enforce(run, settings.pushdown)
    keep_pages()
    # An exact filter fills its pages, so the limit is a good size for the first.
    if run.limit is not None and run.pushed.exact:
        first = max(1, min(first, run.limit))
    tables = scan_tables(
        open_backend(connection),
        run.request,
        run.plan,
        patience_of(connection, settings),
        ids=run.pushed.ids,
        limit=run.most_points,
        on_mismatch=settings.on_mismatch,
        workers=settings.n_jobs or 1,
        maintain_order=settings.maintain_order,
        first=first,
        most=most,
    )
    return _kept(tables, run) if run.expressions else tables


def _kept(tables: Iterator[pa.Table], run: Run) -> Iterator[pa.Table]:
    """The rows that all expressions keep."""
    left = run.limit
    if left == 0:
        return
    for table in tables:
        kept = table
        for expression in run.expressions:
            kept = expression.keep(kept)
        kept = kept.select(list(run.columns))
        if left is not None:
            kept = kept.slice(0, left)
            left -= kept.num_rows
        # Empty tables too: whoever pulls can stop only between two of them.
        yield kept
        if left == 0:
            return
