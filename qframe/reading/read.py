"""A collection as a frame, at once or piece by piece."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pyarrow as pa

from qframe.backends.opening import open_backend
from qframe.connection import Connection
from qframe.delivery.jobs import threads
from qframe.errors import OptionError
from qframe.frames.results import render
from qframe.model.libraries import usual
from qframe.model.requests import PageRequest
from qframe.planning.filtering import split
from qframe.planning.options import ReadSettings
from qframe.planning.plan import Plan, make_plan, patience_of
from qframe.reading.pages import MOST_ROWS
from qframe.reading.partitions import scan_tables

FRAMES = ("polars", "pandas", "arrow")
DTYPE_BACKENDS = ("numpy_nullable", "pyarrow", "numpy")
WHOLE_FIRST_ROWS = 1_000
"""Rows of the first page where all rows are wanted anyway."""


def library_of(frame: str | None, dtype_backend: str) -> Any:
    """The library of the answer: the one named, else polars, or pandas where only that has been imported."""
    if frame not in (None, *FRAMES):
        raise OptionError(f"frame={frame!r}: one of {', '.join(map(repr, FRAMES))}.")
    if dtype_backend not in DTYPE_BACKENDS:
        raise OptionError(f"dtype_backend={dtype_backend!r}: one of {', '.join(map(repr, DTYPE_BACKENDS))}.")
    return usual() if frame is None else frame


def read(connection: Connection, name: str, settings: ReadSettings, frame: str | None, dtype_backend: Any) -> Any:
    """All points that match, as one frame."""
    library = library_of(frame, dtype_backend)
    plan, tables = _tables(connection, name, settings)
    found = pa.concat_tables([plan.schema.arrow().empty_table(), *tables])
    return render(found, library, dtype_backend, plan.targets)


def iter_frames(
    connection: Connection,
    name: str,
    settings: ReadSettings,
    frame: str | None,
    dtype_backend: Any,
    batch_size: int,
) -> Iterator[Any]:
    """Frames of at most `batch_size` rows, one at a time. The collection is looked at before the first is asked for."""
    if isinstance(batch_size, bool) or not isinstance(batch_size, int) or batch_size < 1:
        raise OptionError(f"batch_size={batch_size!r}: a number of rows, at least 1.")
    library = library_of(frame, dtype_backend)
    plan, tables = _tables(connection, name, settings, batch_size)
    return (
        render(table.slice(start, batch_size), library, dtype_backend, plan.targets)
        for table in tables
        for start in range(0, table.num_rows, batch_size)
    )


def _tables(
    connection: Connection, name: str, settings: ReadSettings, most: int = MOST_ROWS
) -> tuple[Plan, Iterator[pa.Table]]:
    """What will be read, and its pages; expressions in the filter are applied here, before the limit."""
    workers = threads(settings.n_jobs)
    filters = split(settings.filter)
    backend = open_backend(connection)
    whole = make_plan(connection, backend, name, settings)
    plan = whole.only(settings.columns)
    request = PageRequest(name, filter=filters.pushed, consistency=settings.consistency, shard_key=settings.shard_key)
    patience = patience_of(connection, settings)

    def fetch(wanted: Plan, limit: int | None) -> Iterator[pa.Table]:
        return scan_tables(
            backend,
            request,
            wanted,
            patience,
            limit=limit,
            on_mismatch=settings.on_mismatch,
            workers=workers,
            maintain_order=settings.maintain_order,
            first=WHOLE_FIRST_ROWS,
            most=most,
        )

    if not filters.here:
        return plan, fetch(plan, settings.limit)
    from qframe.frames.polars_filter import check_row_wise, keeping, roots

    looked_at = roots(filters.here, whole.schema.arrow(), whole.targets)
    check_row_wise(filters.here, whole.schema.arrow(), whole.targets)
    wanted = whole.select([*plan.schema.names, *looked_at])
    keep = keeping(filters.here, looked_at, whole.targets)
    return plan, _filtered(fetch(wanted, None), keep, plan.schema.names, settings.limit)


def _filtered(
    tables: Iterator[pa.Table], keep: Callable[[pa.Table], pa.Table], columns: Sequence[str], limit: int | None
) -> Iterator[pa.Table]:
    left = math.inf if limit is None else limit
    for table in tables:
        if left <= 0:
            return
        kept = keep(table).select(list(columns))
        kept = kept.slice(0, int(min(left, kept.num_rows)))
        left -= kept.num_rows
        if kept.num_rows:
            yield kept
