"""The same stage in two threads at once against one: how much of it Python's lock lets run side by side."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from statistics import median
from threading import Thread

import polars as pl

from benchmarks.data import VECTOR, matrix
from benchmarks.stages_grpc_write import encoded
from benchmarks.stages_read import DECODED, pages
from benchmarks.stages_rest_read import MARK
from benchmarks.stages_write import upsert_of
from qframe.backends.rest.cut import cut
from qframe.backends.rest.decode import floats
from qframe.backends.rest.fields import lined, payload_objects, vector_list
from qframe.frames.opening import open_source
from qframe.model.schema import Field, Schema, VectorField

ROWS = 1_600
"""Of a request and of a page."""


def factors(frame: pl.DataFrame, seconds: float = 0.1, rounds: int = 7) -> Iterator[tuple[str, float, float]]:
    """Name of a stage, rows/s in one thread, and how many times as many in two."""
    frame = frame.head(ROWS)
    for name, work in _works(frame).items():
        times = _times(work, seconds)
        one, two = [], []
        for _ in range(rounds):
            one.append(_seconds(work, times, 1))
            two.append(_seconds(work, times, 2))
        gained = median(2 * alone / both for alone, both in zip(one, two, strict=True))
        yield name, times * len(frame) / median(one), gained


def _works(frame: pl.DataFrame) -> dict[str, Callable[[], object]]:
    """By name, on a request or a page of the frame."""
    [batch] = open_source(frame).parts(frame.columns)
    operation = upsert_of(batch)
    vectors, payload = operation.points.vectors[""], operation.points.payload
    dim = matrix(frame).shape[1]
    types = frame.drop("id", VECTOR).to_arrow().schema
    schema = Schema(tuple(Field(one.name, one.type) for one in types), (VectorField(VECTOR, "", "dense", dim),))
    grpc, rest = (next(pages(wire, frame, len(frame))) for wire in ("grpc", "rest"))
    texts = cut(rest, [MARK]).texts[MARK]
    return {
        "gRPC write: encoding": lambda: encoded(operation),
        "REST write: vectors to JSON, orjson": lambda: vector_list(vectors),
        "REST write: payload to JSON": lambda: lined(payload_objects(payload, "omit")),
        "gRPC read: decoding": lambda: DECODED["grpc"](grpc, schema),
        "REST read: decoding": lambda: DECODED["rest"](rest, schema),
        "REST read: of it polars' CSV": lambda: floats(texts.views(), dim),
    }


def _times(work: Callable[[], object], seconds: float) -> int:
    """How many of it take so long."""
    work()
    begin = time.perf_counter()
    work()
    return max(1, round(seconds / (time.perf_counter() - begin)))


def _seconds(work: Callable[[], object], times: int, threads: int) -> float:
    """Of so many of it in each thread."""

    def run() -> None:
        for _ in range(times):
            work()

    begun: Sequence[Thread] = [Thread(target=run) for _ in range(threads)]
    begin = time.perf_counter()
    for thread in begun:
        thread.start()
    for thread in begun:
        thread.join()
    return time.perf_counter() - begin
