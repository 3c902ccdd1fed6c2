"""What a worker runs: open the target in its own process, deliver one batch, answer with an outcome always."""

from __future__ import annotations

import logging
import math
import os
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from qframe.backends.opening import open_backend
from qframe.delivery.allocator import keep_pages
from qframe.delivery.deliver import deliver
from qframe.delivery.gate import Gate
from qframe.delivery.policy import RetryPolicy
from qframe.model.batch import Batch, WriteOptions
from qframe.model.outcome import Fault, Outcome, Span

if TYPE_CHECKING:
    from qframe.connection import Connection

log = logging.getLogger("qframe")

_gates: dict[tuple[int, Connection, str], Gate] = {}
_lock = threading.Lock()


@dataclass(frozen=True, slots=True, eq=False)
class Task:
    """A batch and all that its delivery needs; pickles to little more than the batch.

    Parameters
    ----------
    call : str
        Which call the batch belongs to: batches of one call in one process share a brake.
    deadline : float
        Seconds since the epoch, the one clock that processes share; infinity without a deadline.
    """

    connection: Connection
    batch: Batch
    options: WriteOptions
    policy: RetryPolicy
    call: str
    deadline: float = math.inf


def gate_of(connection: Connection, call: str) -> Gate:
    """The brake of a call in this process."""
    with _lock:
        return _gates.setdefault((os.getpid(), connection, call), Gate())


def release(connection: Connection, call: str) -> None:
    """Forget the brake of a call that is over."""
    with _lock:
        _gates.pop((os.getpid(), connection, call), None)


def work(task: Task) -> Outcome:
    """Deliver one batch. Never raises."""
    batch = task.batch
    keep_pages()
    log.debug("batch begun", extra={"collection": batch.collection, "batch": batch.number, "rows": len(batch)})
    try:
        outcome = deliver(
            open_backend(task.connection),
            batch,
            task.options,
            task.policy,
            gate_of(task.connection, task.call),
            time.monotonic() + (task.deadline - time.time()),
        )
    except Exception as error:  # joblib would lose finished results; the outcome names the cause
        log.exception("batch ended by an error", extra={"collection": batch.collection, "batch": batch.number})
        fault = Fault("fatal", "unknown", f"{type(error).__name__}: {error}")
        outcome = Outcome(batch.number, (Span(0, len(batch), "unknown", "error", fault.message),), fatal=fault)
    log.debug(
        "batch ended",
        extra={"collection": batch.collection, "batch": batch.number, "rows": len(batch), "bytes": outcome.nbytes},
    )
    return outcome
