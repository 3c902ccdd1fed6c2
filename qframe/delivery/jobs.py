"""Work in parallel: the only place that imports joblib. Results come as they finish."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

import joblib

from qframe.errors import OptionError, UnsupportedError

BackendName = Literal["threading", "loky", "ambient"]
Task = TypeVar("Task")
Result = TypeVar("Result")

DEFAULT_JOBS = 4
"""Requests in flight. A real server took 37,000 rows/s over one connection, 50,000 over two or four."""


@dataclass(frozen=True, slots=True)
class Jobs:
    """How many workers of which kind.

    Parameters
    ----------
    n_jobs : int or None
        joblib's `n_jobs`; None is 4 requests in flight, -1 as many as there are cores.
    backend : "threading", "loky" or "ambient"
        joblib's backend; "ambient" takes what `joblib.parallel_config` says (dask, ray, loky).
    """

    n_jobs: int | None = None
    backend: BackendName = "threading"

    def __post_init__(self) -> None:
        if self.backend not in ("threading", "loky", "ambient"):
            raise OptionError(f"backend={self.backend!r}: one of 'threading', 'loky', 'ambient'.")
        if self.n_jobs == 0 or not (self.n_jobs is None or isinstance(self.n_jobs, int)):
            raise OptionError(f"n_jobs={self.n_jobs!r}: a number of workers, -1 for one a core, None for 4.")

    @property
    def own_process(self) -> bool:
        """Whether workers run in this process for certain."""
        return self.backend == "threading" or self.n_jobs == 1


def run(
    work: Callable[[Task], Result], tasks: Iterable[Task], jobs: Jobs, *, shared_memory_only: bool, parallel: bool
) -> Iterator[Result]:
    """Results of `work` over `tasks`, in the order in which they finish.

    Parameters
    ----------
    work : callable
        Must not raise: a task that raises makes joblib lose results that are finished already.
    tasks : iterable
        Pulled by joblib's own threads as workers become free, so it must not raise and must not wait for results.
    jobs : Jobs
    shared_memory_only : bool
        The target can only be used in this process.
    parallel : bool
        False runs one task at a time, whatever `jobs` says: the target gains nothing from more.

    Raises
    ------
    UnsupportedError
        Processes were asked for and the target can only be used in this one.
    """
    if shared_memory_only and not jobs.own_process and jobs.backend == "loky":
        raise UnsupportedError(
            "backend='loky': the embedded engine can only be used in the process that opened it. "
            "Leave backend='threading', or connect to a server."
        )
    if jobs.n_jobs == 1 or not parallel:
        return map(work, tasks)
    return _parallel(work, tasks, jobs, shared_memory_only)


def _parallel(
    work: Callable[[Task], Result], tasks: Iterable[Task], jobs: Jobs, shared_memory_only: bool
) -> Iterator[Result]:
    options: dict[str, Any] = {
        "n_jobs": jobs.n_jobs if jobs.n_jobs is not None else DEFAULT_JOBS,
        "return_as": "generator_unordered",
        # One request is one task; memory maps of the arguments gain nothing and fill shared memory.
        "batch_size": 1,
        "max_nbytes": None,
        "pre_dispatch": "n_jobs" if jobs.backend == "threading" else "2*n_jobs",
    }
    if jobs.backend != "ambient":
        options["backend"] = jobs.backend
    elif jobs.n_jobs is None:
        del options["n_jobs"]
    if shared_memory_only:
        options["require"] = "sharedmem"
    call = joblib.delayed(work)
    results: Iterator[Result] = joblib.Parallel(**options)(call(task) for task in tasks)
    return results


class InFlight:
    """Which tasks of this process have begun and not ended; lets an interrupted call wait for what is on its way."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._running: set[int] = set()
        self._results: dict[int, Any] = {}

    def begin(self, number: int) -> None:
        with self._changed:
            self._running.add(number)

    def drop(self, number: int) -> None:
        """The task broke off and will give no result."""
        with self._changed:
            self._running.discard(number)
            self._changed.notify_all()

    def end(self, number: int, result: object) -> None:
        with self._changed:
            self._running.discard(number)
            self._results[number] = result
            self._changed.notify_all()

    def taken(self, number: int) -> None:
        """The result has been read; it need not be kept."""
        with self._changed:
            self._results.pop(number, None)

    def settle(self, seconds: float) -> list[Any]:
        """Wait for running tasks, at the longest so many seconds; the results that nobody has read."""
        with self._changed:
            self._changed.wait_for(lambda: not self._running, timeout=seconds)
            results = list(self._results.values())
            self._results.clear()
            return results


def close(results: Iterator[Any]) -> None:
    """Give up on an iterator of `run` without waiting for its tasks."""
    closing = getattr(results, "close", None)
    if closing is not None:
        # joblib complains when a generator is closed from another thread than its own; there is nothing to save then.
        with suppress(RuntimeError):
            closing()

