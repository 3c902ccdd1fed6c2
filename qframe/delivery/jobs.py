"""Work in parallel: the only place that imports joblib. Results come as they finish."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, TypeVar

import joblib

from qframe.delivery.crew import Alone, Crew, every
from qframe.errors import OptionError, UnsupportedError
from qframe.model.options import as_whole

log = logging.getLogger("qframe")

BackendName = Literal["threading", "loky", "ambient"]
Task = TypeVar("Task")
Result = TypeVar("Result")

DEFAULT_JOBS = 4
"""Requests in flight. A real server took 37,000 rows/s over one connection, 50,000 over two or four."""

_processes = threading.Lock()
"""Held by the call that has loky's processes."""

_HOME = os.getpid()
"""A process that is forked from this one inherits an executor without its threads, in which nothing ever ends."""


@dataclass(frozen=True, slots=True)
class Jobs:
    """How many workers of which kind.

    Parameters
    ----------
    n_jobs : int or None
        joblib's `n_jobs`; None is 4 requests in flight, -1 as many as there are cores.
    backend : "threading", "loky" or "ambient"
        joblib's backend; "ambient" takes what `joblib.parallel_config` says.

    Raises
    ------
    OptionError
        A value out of range.
    UnsupportedError
        The backend that `joblib.parallel_config` says cannot give results as they finish.
    """

    n_jobs: int | None = None
    backend: BackendName = "threading"

    def __post_init__(self) -> None:
        if self.backend not in ("threading", "loky", "ambient"):
            raise OptionError(f"backend={self.backend!r}: one of 'threading', 'loky', 'ambient'.")
        object.__setattr__(self, "n_jobs", _checked(self.n_jobs, f"None for {DEFAULT_JOBS}"))
        if self.backend == "ambient" and self.n_jobs != 1:
            _check_ambient()

    def check(self, *, shared_memory_only: bool) -> None:
        """Raise when processes are asked for, and the target can only be used in this one.

        Raises
        ------
        UnsupportedError
        """
        if shared_memory_only and self.backend == "loky" and self.n_jobs != 1:
            raise UnsupportedError(
                "backend='loky': the embedded engine can only be used in the process that opened it. "
                "Leave backend='threading', or connect to a server."
            )

    def check_tasks(self, parts: Mapping[str, object]) -> None:
        """Raise when workers are other processes, and something that each task carries cannot be sent there.

        joblib would say so of tasks that were handed out already, and not what of them it is.

        Parameters
        ----------
        parts : mapping
            What it is → the value.

        Raises
        ------
        UnsupportedError
        """
        backend = joblib.parallel.get_active_backend()[0] if self.backend == "ambient" else None
        apart = self.backend == "loky" or (backend is not None and not getattr(backend, "supports_sharedmem", False))
        if self.n_jobs == 1 or not apart:
            return
        from joblib.externals.loky.backend.reduction import dumps  # needs processes, which not every platform has

        for what, part in parts.items():
            try:
                dumps(part)
            except Exception as error:
                raise UnsupportedError(
                    f"backend={self.backend!r}: {what} cannot be sent to another process, "
                    f"{type(error).__name__}: {error}. Leave out of its pickle what is of this process alone, a lock "
                    "or a client (__getstate__ says what pickles), or take backend='threading'."
                ) from error


def _checked(n_jobs: object, none: str) -> int | None:
    """What joblib calls `n_jobs`; `none` says what None is."""
    wanted = f"a number of workers, -1 for one a core, {none}"
    number = None if n_jobs is None else as_whole("n_jobs", n_jobs, wanted, least=None)
    if number == 0:
        raise OptionError(f"n_jobs={n_jobs!r}: {wanted}.")
    return number


def _check_ambient() -> None:
    """Raise for a backend that `joblib.Parallel` would refuse, before anything is done."""
    backend, _ = joblib.parallel.get_active_backend()
    kind = type(backend).__name__
    if kind != "SequentialBackend" and not backend.supports_return_generator:
        raise UnsupportedError(
            f"backend='ambient': joblib.parallel_config says {kind}, which cannot give results as they finish. Of "
            "joblib's own, 'threading', 'loky' and 'dask' can."
        )


def run(
    work: Callable[[Task], Result],
    tasks: Iterable[Task],
    jobs: Jobs,
    *,
    shared_memory_only: bool,
    parallel: bool,
    ready: Callable[[Task], Task] | None = None,
    accept: Callable[[Task], bool] = every,
) -> Crew[Task, Result] | Alone[Task, Result]:
    """Results of `work` over `tasks`, in the order in which they finish.

    Parameters
    ----------
    work : callable
        Must not raise: a task that raises makes joblib lose results that are finished already.
    tasks : iterable
        Pulled as workers become free, in the thread that iterates over the results.
    jobs : Jobs
    shared_memory_only : bool
        The target can only be used in this process.
    parallel : bool
        False runs one task at a time, whatever `jobs` says: the target gains nothing from more.
    ready : callable, optional
        Does of `work` what can be done before it: one worker then works beside the caller, who makes the next task
        ready meanwhile. Several overlap by themselves.
    accept : callable
        Asked of each task right before it is handed out; nothing is handed out from the first on that it refuses.

    Raises
    ------
    UnsupportedError
        Processes were asked for and the target can only be used in this one.
    """
    jobs.check(shared_memory_only=shared_memory_only)
    if jobs.n_jobs == 1 and parallel and ready is not None:
        return Crew(partial(map, work), map(ready, tasks), _leave_be, accept=accept, ahead=True)
    if jobs.n_jobs == 1 or not parallel:
        return Alone(work, tasks, accept)
    # Made here, since `joblib.parallel_config` holds in the thread that it is set in.
    pool, call = _parallel(jobs, shared_memory_only), joblib.delayed(work)

    def start(asking: Iterator[Task]) -> Iterator[Result]:
        calls = (call(task) for task in asking)
        if not _is_loky(pool):
            yield from pool(calls)
        elif os.getpid() == _HOME and _processes.acquire(blocking=False):
            try:
                yield from pool(calls)
            finally:
                _processes.release()
        else:
            why = "another call has loky's" if os.getpid() == _HOME else "this one is forked from another"
            log.info("threads instead of processes", extra={"detail": why})
            yield from _parallel(Jobs(pool.n_jobs), shared_memory_only)(calls)

    return Crew(start, tasks, partial(_kill, pool), accept=accept)


def workers(jobs: Jobs, *, parallel: bool) -> int:
    """How many tasks run at a time, at least 1.

    Parameters
    ----------
    jobs : Jobs
    parallel : bool
        As for `run`.
    """
    if jobs.n_jobs == 1 or not parallel:
        return 1
    if jobs.backend == "ambient":
        return max(1, joblib.effective_n_jobs(jobs.n_jobs))
    with joblib.parallel_config(backend=jobs.backend):
        return max(1, joblib.effective_n_jobs(DEFAULT_JOBS if jobs.n_jobs is None else jobs.n_jobs))


def threads(n_jobs: int | None) -> int:
    """How many requests of a read are on their way at a time, at least 1. They are threads of this process.

    Parameters
    ----------
    n_jobs : int or None
        joblib's `n_jobs`: None is what `joblib.parallel_config` says in this thread, else 1; -1 one a core.

    Raises
    ------
    OptionError
    """
    n_jobs = _checked(n_jobs, "None for what joblib.parallel_config says")
    if n_jobs is None:
        n_jobs = joblib.parallel.get_active_backend()[1]
    with joblib.parallel_config(backend="threading"):
        return max(1, joblib.effective_n_jobs(1 if n_jobs is None else n_jobs))


def _parallel(jobs: Jobs, shared_memory_only: bool) -> Any:
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
    pool = joblib.Parallel(**options)
    if type(pool._backend).__name__ == "DaskDistributedBackend":
        _tell_of_lost_tasks(pool._backend)
    if _is_loky(pool):
        _tell_of_tasks_not_taken(pool._backend)
    return pool


def _tell_of_lost_tasks(backend: Any) -> None:
    """Make dask's backend say that a task came to nothing.

    joblib 1.6 hears of those alone that ran to their end. One that could not be unpickled (qframe is not there), or
    whose workers died again and again, it would wait for without end.
    """
    submit = backend.submit
    if hasattr(submit, "tells"):
        return

    def telling(task: Any, callback: Callable[[Any], object]) -> Any:
        def tell(future: Any) -> None:
            error = future.exception()
            if error is not None:
                # What joblib itself does with an exception that a task gives back: it raises it.
                callback(error)

        future = submit(task, callback=callback)
        future.add_done_callback(tell)
        return future

    telling.tells = True  # type: ignore[attr-defined]
    backend.submit = telling


def _tell_of_tasks_not_taken(backend: Any) -> None:
    """Make loky's backend say that a task was not taken, as one that failed.

    loky's processes take none any more when the main thread has come to its end, while the call of another thread still
    goes on. joblib 1.6 hands tasks out as results come in, in a thread where the error is lost, and waits without end.
    """
    submit = backend.submit

    def telling(task: Any, callback: Callable[[Any], object]) -> Any:
        try:
            return submit(task, callback=callback)
        except Exception as error:  # noqa: BLE001 - joblib raises it out of the results
            lost = RuntimeError(f"loky takes no more tasks: {error}")
            lost.__cause__ = error
            future: Future[Any] = Future()
            future.set_exception(lost)
            future.add_done_callback(callback)
            return future

    backend.submit = telling


def _is_loky(pool: Any) -> bool:
    """Whether the workers are the processes of loky, of which a process has one set.

    Two calls that ask for a different number of them at once wait for each other for ever (joblib 1.6), the slow source
    of one holds up the answers of the other, and who ends them ends them for both. So one call at a time has them.
    """
    return type(pool._backend).__name__ == "LokyBackend"


def _kill(pool: Any) -> None:
    """End workers in the middle of their tasks: loky's can be killed, threads and a cluster's cannot."""
    executor = getattr(pool._backend, "_workers", None) if _is_loky(pool) else None
    if executor is not None:
        # joblib does the same when its consumer is interrupted, and starts new ones for the next call.
        executor.shutdown(wait=False, kill_workers=True)


def _leave_be() -> None:
    """Threads end with their requests."""
