"""A stage of a call, and what it costs: run by itself, again and again, in turns with the other stages."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any


@dataclass(frozen=True)
class Stage:
    """A part of the work of a call.

    Parameters
    ----------
    name : str
    often : int
        How many times a call does it.
    work : callable
        All of these times; what it returns is kept until its time is taken.
    """

    name: str
    often: int
    work: Callable[[], object]


@dataclass(frozen=True)
class Cost:
    """µs a row of a stage, CPU of the process: polars and grpcio have threads of their own, and nothing else runs."""

    name: str
    often: int
    cpu: float


def each(name: str, work: Callable[[Any], object], parts: Sequence[Any]) -> Stage:
    """A stage that is done to one part after the other; what is made of one is dropped before the next."""

    def run() -> None:
        for part in parts:
            work(part)

    return Stage(name, len(parts), run)


def costs(stages: Iterable[Stage], rows: int, seconds: float) -> list[Cost]:
    """Medians; `seconds` are for each stage on average."""
    stages = list(stages)
    taken: list[list[float]] = [[] for _ in stages]
    until = time.perf_counter() + seconds * len(stages)
    while not taken[0] or time.perf_counter() < until:
        for stage, found in zip(stages, taken, strict=True):
            stage.work()  # what another has left in the caches, and imports, are not its own
            begin = time.process_time()
            kept = stage.work()
            found.append(time.process_time() - begin)
            del kept
    return [
        Cost(stage.name, stage.often, median(found) / rows * 1e6) for stage, found in zip(stages, taken, strict=True)
    ]
