"""What a worker runs: open the target in its own process, deliver batches, answer with an outcome for each, always."""

from __future__ import annotations

import logging
import math
import os
import random
import signal
import threading
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from qframe.backends.opening import open_backend
from qframe.delivery.allocator import keep_pages
from qframe.delivery.deliver import deliver, prepared
from qframe.delivery.gate import Gate, brake_of
from qframe.delivery.policy import RetryPolicy
from qframe.delivery.streak import Streak
from qframe.errors import ServerError, UnreachableError
from qframe.model.backend import Backend
from qframe.model.batch import Batch, Prepared, WriteOptions
from qframe.model.outcome import Fault, Outcome, Span

if TYPE_CHECKING:
    from qframe.connection import Connection

log = logging.getLogger("qframe")

KEPT_GATES = 64

_gates: dict[tuple[int, Connection, str], Gate] = {}
_lock = threading.Lock()


def _after_fork() -> None:
    global _lock
    _lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


@dataclass(frozen=True, slots=True, eq=False)
class Task:
    """Batches and all that their delivery needs; pickles to little more than the batches.

    Parameters
    ----------
    lane : tuple of Batch
        One after the other, each when the last has ended: what shares an id is in one lane.
    first : Prepared, Fault or None
        The first of them as it is sent, where that was made before; such a task stays in its process.
    strict : bool
        Whether nothing follows a batch of which rows were refused.
    call : str
        Which call the batch belongs to: batches of one call in one process share a gate.
    deadline : float
        Seconds since the epoch, the one clock that processes share; infinity without a deadline.
    caller : int
        The process that the call was made in.
    """

    connection: Connection
    lane: tuple[Batch, ...]
    options: WriteOptions
    policy: RetryPolicy
    strict: bool
    call: str
    deadline: float = math.inf
    caller: int = field(default_factory=os.getpid)
    first: Prepared | Fault | None = None


def gate_of(connection: Connection, call: str) -> Gate:
    """The gate of a call in this process; its brake is that of all calls of the process to the same target."""
    with _lock:
        key = (os.getpid(), connection, call)
        gate = _gates[key] = _gates.pop(key) if key in _gates else Gate(brake_of(connection.target))
        # Worker processes are used again and never told that a call is over; the one used longest ago goes.
        while len(_gates) > KEPT_GATES:
            del _gates[next(iter(_gates))]
        return gate


def release(connection: Connection, call: str) -> None:
    """Forget the gate of a call that is over."""
    with _lock:
        _gates.pop((os.getpid(), connection, call), None)


def ready(backend: Backend, task: Task) -> Task:
    """The task with its first batch encoded, by the backend that the caller has of the same target. Sends nothing."""
    keep_pages()
    return replace(task, first=prepared(backend, task.lane[0], task.options))


def work(task: Task) -> tuple[Outcome, ...]:
    """Deliver the batches of a lane, an outcome for each. Never raises."""
    keep_pages()
    _leave_interrupts(task.caller)
    gate, deadline = gate_of(task.connection, task.call), time.monotonic() + (task.deadline - time.time())
    streak, over = Streak(task.strict), False
    outcomes = []
    for place, batch in enumerate(task.lane):
        first = task.first if place == 0 else None
        outcome = _unsent(batch) if over else _work(task, batch, first, gate, deadline)
        over = over or streak.verdict(outcome) is not None
        if outcome.fatal is not None:
            # The caller will say the same when it hears of this one; until then others would ask for nothing.
            gate.stop()
        outcomes.append(outcome)
    return tuple(outcomes)


def _work(task: Task, batch: Batch, first: Prepared | Fault | None, gate: Gate, deadline: float) -> Outcome:
    about = _about(batch)
    log.debug("batch begun", extra=about)
    begun = False
    try:
        backend = _opened(task, batch, gate, deadline)
        if isinstance(backend, Outcome):
            return backend
        begun = True
        outcome = deliver(backend, batch, task.options, task.policy, gate, deadline, first=first)
    except Exception as error:  # joblib would lose finished results; the outcome names the cause
        log.exception("batch ended by an error", extra={**about, "status": "error"})
        fault = Fault("fatal", "unknown" if begun else "no", f"{type(error).__name__}: {error}")
        span = Span(range(len(batch)), "unknown" if begun else "failed", "error", fault.message, attempts=int(begun))
        outcome = Outcome(batch.number, (span,), fatal=fault)
    log.debug("batch ended", extra={**about, "bytes": outcome.nbytes})
    return outcome


def _about(batch: Batch) -> dict[str, object]:
    return {"collection": batch.collection, "batch": batch.number, "rows": len(batch)}


def _unsent(batch: Batch) -> Outcome:
    return Outcome(batch.number, (Span(range(len(batch)), "unsent", attempts=0),))


def _opened(task: Task, batch: Batch, gate: Gate, deadline: float) -> Backend | Outcome:
    """The target, opened in this process; when it stays out of reach, the outcome of a batch that was not sent.

    The caller has opened it before, so that a worker process which cannot has met it in a bad moment.
    """
    attempt = 0
    while True:
        left = 0.0 if gate.stopped else deadline - time.monotonic()
        if left <= 0:
            return _unsent(batch)
        attempt += 1
        try:
            return open_backend(task.connection)
        except UnreachableError as error:
            fault = Fault("lost", "no", str(error), cause="unreachable")
        except ServerError as error:
            if error.kind not in ("lost", "throttled"):
                raise
            fault = Fault("lost", "no", str(error))
        wait = task.policy.delay(fault, attempt, deadline - time.monotonic(), random.random())  # noqa: S311 - jitter
        told = {"attempt": attempt, "status": fault.kind, "detail": fault.message, "wait": wait}
        log.info("target not opened", extra={**_about(batch), **told})
        if wait is None:
            return Outcome(batch.number, (Span(range(len(batch)), "failed", "lost", fault.message, attempts=0),))
        gate.pause(wait)


def _leave_interrupts(caller: int) -> None:
    """In a worker process, leave Ctrl-C to the caller: those that another call has started do not know of it."""
    if os.getpid() != caller and threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, signal.SIG_IGN)
