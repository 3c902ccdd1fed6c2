"""Ways side by side: each in a process of its own, taking turns round after round."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from statistics import median
from types import TracebackType
from typing import IO, Any

from benchmarks.data import Job


@dataclass(frozen=True)
class Way:
    """A way of doing the job of its group: what the table calls it, and the job."""

    name: str
    job: Job


@dataclass
class Figures:
    """What the rounds of one way gave.

    Parameters
    ----------
    count : int
        Rows of a run.
    rates : list of float
        Rows/s.
    cpu : list of float
        µs a row.
    traffic : list of float
        Bytes a row on the wire, both ways.
    peak, grown : int
        Bytes that were resident at the most, and how many of them came during the runs.
    """

    count: int
    rates: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    traffic: list[float] = field(default_factory=list)
    peak: int = 0
    grown: int = 0

    @property
    def rate(self) -> float:
        return median(self.rates)

    @property
    def spread(self) -> tuple[float, float]:
        return min(self.rates), max(self.rates)

    @property
    def cpu_a_row(self) -> float:
        return median(self.cpu)

    @property
    def bytes_a_row(self) -> float:
        return median(self.traffic)

    def times(self, other: Figures) -> float:
        """How many times as fast as the other, by the median of the rounds: both met the same machine in each."""
        return median(ours / theirs for ours, theirs in zip(self.rates, other.rates, strict=True))

    def cpu_of(self, other: Figures) -> float:
        """The other's CPU as a multiple of this, by the median of the rounds."""
        return median(theirs / ours for ours, theirs in zip(self.cpu, other.cpu, strict=True))

    def cpu_above(self, other: Figures) -> float:
        """µs a row more than the other, by the median of the rounds."""
        return median(ours - theirs for ours, theirs in zip(self.cpu, other.cpu, strict=True))

    def add(self, run: dict[str, Any]) -> None:
        self.rates.append(run["rows"] / run["seconds"])
        self.cpu.append(run["cpu"] / run["rows"] * 1e6)
        self.traffic.append(run["bytes"] / run["rows"])
        self.peak, self.grown = run["peak"], run["grown"]


class Process:
    """A way's process; `go` is one turn. It leads a session, so that processes of its own are known by that."""

    def __init__(self, job: Job) -> None:
        command = [sys.executable, "-m", "benchmarks.measure"]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
        )
        self._tell(json.dumps(asdict(job)))
        self._job = job

    def __enter__(self) -> Process:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stdin.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def go(self, seconds: float) -> dict[str, Any]:
        self._tell(str(seconds))
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self._job.way} over {self._job.wire} ended with {self._process.wait()}")
        run: dict[str, Any] = json.loads(line)
        if run["rows"] % self._job.count or not run["rows"]:
            raise RuntimeError(f"{self._job} gave {run['rows']} rows")
        return run

    @property
    def _stdin(self) -> IO[str]:
        assert self._process.stdin is not None
        return self._process.stdin

    def _tell(self, line: str) -> None:
        self._stdin.write(f"{line}\n")
        self._stdin.flush()


def measure(ways: Sequence[Way], rounds: int, seconds: float, renew: Callable[[], None]) -> dict[str, Figures]:
    """Every way once as a warm-up, then `rounds` times in turn, at least so many seconds; `renew` comes before."""
    figures = {way.name: Figures(way.job.count) for way in ways}
    with ExitStack() as stack:
        processes = {way.name: stack.enter_context(Process(way.job)) for way in ways}
        for process in processes.values():
            renew()
            process.go(0.0)
        for _ in range(rounds):
            for name, process in processes.items():
                renew()
                figures[name].add(process.go(seconds))
    return figures
