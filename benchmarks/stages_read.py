"""The stages of a read, from the request to the caller's frame; only the decoding is a wire's own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import polars as pl
import pyarrow as pa

import qframe as qf
from benchmarks import stages_grpc_read, stages_rest_read
from benchmarks.data import Wire
from benchmarks.pages import grpc_page, rest_page
from benchmarks.stages_measure import Stage, each
from benchmarks.targets import Target
from qframe.backends.opening import open_backend
from qframe.delivery.allocator import keep_pages
from qframe.frames.results import render
from qframe.model.requests import PageRequest
from qframe.planning.options import ReadSettings
from qframe.planning.sources import make_source
from qframe.reading.pages import for_schema
from qframe.reading.sizes import MOST_ROWS, PAGE_BYTES

PAGES = {"grpc": grpc_page, "rest": rest_page}
DECODING = {"grpc": stages_grpc_read.decoding, "rest": stages_rest_read.decoding}
DECODED = {"grpc": stages_grpc_read.decoded, "rest": stages_rest_read.decoded}
TIMEOUT = 60.0


def stages(wire: Wire, frame: pl.DataFrame, reached: Target) -> list[Stage]:
    """A read of all rows by one worker into polars."""
    keep_pages()
    connection = qf.connect(f"http://{reached.host}:{reached.port}", grpc_port=reached.grpc_port, transport=wire)
    settings, backend = ReadSettings(vectors=True), open_backend(connection)
    schema = make_source(connection, reached.collection, settings).plan.schema
    bodies = list(pages(wire, frame))
    size = _size(len(frame), sum(map(len, bodies)))
    request = for_schema(PageRequest(reached.collection), schema)
    wanted = [replace(request, limit=size, offset=start) for start in range(0, len(frame), size)]
    tables = [DECODED[wire](body, schema) for body in bodies]
    return [
        Stage("a call's own: the look at its schema", 1, lambda: make_source(connection, reached.collection, settings)),
        each("asked and received", lambda one: backend.fetch(one, TIMEOUT), wanted),
        *DECODING[wire](bodies, schema),
        Stage("the tables of all pages as one frame", 1, lambda: framed(tables)),
    ]


def pages(wire: Wire, frame: pl.DataFrame, rows: int | None = None) -> Iterator[bytes]:
    """The answers that hold a frame, in pages of so many rows; by default of those that qframe's grow to."""
    page = PAGES[wire](frame)
    size = rows or _size(len(frame), sum(map(len, page(0, len(frame), True))))
    for start in range(0, len(frame), size):
        yield b"".join(page(start, size, True))


def framed(tables: list[pa.Table]) -> pl.DataFrame:
    return render(pa.concat_tables(tables), "polars")


def _size(rows: int, nbytes: int) -> int:
    return min(rows, MOST_ROWS, PAGE_BYTES * rows // nbytes)
