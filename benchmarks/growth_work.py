"""One kind of work at several sizes, measured in a process of its own, in turns: what else runs hits all sizes."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from statistics import median
from typing import Literal

import polars as pl

import qframe as qf
from benchmarks.data import DIM, Wire
from benchmarks.endless import Ports
from benchmarks.shape import SCALARS, Shape, rows_of

Task = Literal["write", "read", "read without vectors"]
ROUNDS = 5
TURN = 0.1
"""Seconds that a turn takes at least: a short call is made again and again."""

WARM_UP_ROWS = 100_000
"""Rows up to which a call is made once before it is measured."""

ENOUGH = 4.0
"""Seconds after which a size gets no more turns."""


@dataclass(frozen=True)
class Size:
    """How much work.

    Parameters
    ----------
    rows : int
        Of a write, or points of a read.
    dim, fields : int
    n_jobs : int
        Requests in flight.
    """

    rows: int
    dim: int = DIM
    fields: int = SCALARS
    n_jobs: int = 1

    @property
    def shape(self) -> Shape:
        return Shape(self.dim, self.fields, self.rows)


@dataclass(frozen=True)
class Cost:
    """Medians of a call, in seconds: by the clock, and of this process with all its threads."""

    wall: float
    cpu: float


def costs(task: Task, wire: Wire, sizes: Sequence[Size], ports: Ports) -> list[Cost]:
    """What a call costs at each size."""
    told = json.dumps([task, wire, [asdict(size) for size in sizes], asdict(ports)])
    command = [sys.executable, "-m", "benchmarks.growth_work", told]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return [Cost(*found) for found in json.loads(done.stdout)]


def main() -> None:
    """What runs in the process that is measured."""
    task, wire, sizes, ports = json.loads(sys.argv[1])
    calls = prepare(task, wire, [Size(**size) for size in sizes], Ports(**ports))
    for call, rows in zip(calls, (size["rows"] for size in sizes), strict=True):
        if rows <= WARM_UP_ROWS:
            turn(call, 0.0)  # what is made once
    spent = [0.0] * len(calls)
    turns: list[list[tuple[float, float]]] = [[] for _ in calls]
    for _ in range(ROUNDS):
        for number, call in enumerate(calls):
            if spent[number] < ENOUGH:
                turns[number].append(turn(call, TURN))
                spent[number] += turns[number][-1][0]
    print(json.dumps([[median(wall for wall, _ in found), median(cpu for _, cpu in found)] for found in turns]))


def turn(call: Callable[[], object], seconds: float) -> tuple[float, float]:
    """Seconds of a call, clock and CPU, of as many as so much time has room for."""
    count, cpu, begin = 0, time.process_time(), time.perf_counter()
    while True:
        call()
        count += 1
        spent = time.perf_counter() - begin
        if spent >= seconds:
            return spent / count, (time.process_time() - cpu) / count


def prepare(task: Task, wire: Wire, sizes: Sequence[Size], ports: Ports) -> list[Callable[[], object]]:
    """A call for each size."""
    connection = qf.connect(f"http://127.0.0.1:{ports.rest}", grpc_port=ports.grpc, transport=wire)
    most: dict[Shape, int] = {}
    for size in sizes:
        most[size.shape.width] = max(size.rows, most.get(size.shape.width, 0))

    @cache
    def frame(width: Shape) -> pl.DataFrame:
        return rows_of(width, most[width])

    def made(size: Size) -> Callable[[], object]:
        collection = qf.collection(size.shape.collection, connection=connection)
        if task == "write":
            rows = frame(size.shape.width).head(size.rows)
            return lambda: _whole(collection.upsert(rows, n_jobs=size.n_jobs, progress=False).written, size)
        vectors = task == "read"
        # Frame by frame: the whole would be gigabytes, and is none of a scan's concern.
        return lambda: _whole(sum(map(len, collection.iter_frames(vectors=vectors, n_jobs=size.n_jobs))), size)

    return [made(size) for size in sizes]


def _whole(rows: int, size: Size) -> None:
    if rows != size.rows:
        raise RuntimeError(f"{rows:,} rows of {size}")


if __name__ == "__main__":
    main()
