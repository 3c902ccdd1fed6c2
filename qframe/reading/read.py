"""A collection as a frame, at once or piece by piece."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pyarrow as pa

from qframe.connection import Connection
from qframe.delivery.jobs import threads
from qframe.errors import OptionError
from qframe.frames.results import DtypeBackend, render
from qframe.model.libraries import usual
from qframe.model.options import as_whole
from qframe.planning.options import ReadSettings
from qframe.planning.plan import Plan
from qframe.planning.sources import make_source
from qframe.reading.running import run_tables
from qframe.reading.sizes import MOST_ROWS

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
    plan, tables = _tables(connection, name, settings, dtype_backend)
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
    """Frames of `batch_size` rows, the last of what is left, one at a time.

    The collection is looked at before the first is asked for.
    """
    batch_size = as_whole("batch_size", batch_size, "a number of rows, at least 1")
    library = library_of(frame, dtype_backend)
    plan, tables = _tables(connection, name, settings, dtype_backend, batch_size)
    return (render(table, library, dtype_backend, plan.targets) for table in _cut(tables, batch_size))


def _cut(tables: Iterator[pa.Table], rows: int) -> Iterator[pa.Table]:
    """The same rows in tables of so many, the last of what is left."""
    held: list[pa.Table] = []
    there = 0
    for table in tables:
        if table.num_rows:
            held.append(table)
            there += table.num_rows
        while there >= rows:
            whole = pa.concat_tables(held)
            yield whole.slice(0, rows)
            there -= rows
            held = [whole.slice(rows)] if there else []
    if held:
        yield pa.concat_tables(held)


def _tables(
    connection: Connection, name: str, settings: ReadSettings, dtype_backend: DtypeBackend, most: int = MOST_ROWS
) -> tuple[Plan, Iterator[pa.Table]]:
    """What will be read, and its pages."""
    settings = replace(settings, n_jobs=threads(settings.n_jobs))
    source = make_source(connection, name, settings, dtype_backend)
    return source.plan, run_tables(connection, source.run(), settings, first=WHOLE_FIRST_ROWS, most=most)
