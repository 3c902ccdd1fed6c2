"""Send the batches of a call and hear what became of them; ends in a report whatever happens on the way."""

from __future__ import annotations

import logging
import math
import time
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Protocol

from qframe.connection import Connection
from qframe.delivery.ask import Patience
from qframe.delivery.jobs import run
from qframe.delivery.ledger import Ledger
from qframe.delivery.worker import Task, gate_of, release, work
from qframe.model.backend import Backend
from qframe.model.batch import Batch
from qframe.model.outcome import Outcome
from qframe.write.options import WriteSettings
from qframe.write.progress import ProgressMeter

log = logging.getLogger("qframe")

LOST_IN_A_ROW = 3
"""Batches that used up their retries one after the other before the call ends: the target is gone, not busy."""

SETTLE = 10.0
"""Seconds at most that an interrupted call waits for requests on their way. They cannot be called back, and an answer
makes certain what else stays unknown; a second Ctrl-C ends the waiting."""


class Handout(Protocol):
    """Where the batches of a call come from; told to stop."""

    collection: str
    stopped: bool


@dataclass(slots=True)
class Ending:
    """How sending ended.

    Parameters
    ----------
    interrupted : bool
        By Ctrl-C.
    reason : str or None
        Why not all batches were handed out.
    error : Exception or None
        What the source or the caller's progress function raised.
    broken : BaseException or None
        What ended the workers before they were done: one was killed, say.
    """

    interrupted: bool = False
    reason: str | None = None
    error: Exception | None = None
    broken: BaseException | None = None


@dataclass(slots=True)
class _Judge:
    """Decides after each outcome whether the call goes on."""

    settings: WriteSettings
    deadline: float
    failed: int = 0
    lost: int = field(default=0)

    def verdict(self, outcome: Outcome, now: float) -> str | None:
        """Why no more batches are to be handed out, or None; `now` in monotonic seconds."""
        failed = [span for span in outcome.spans if span.state == "failed"]
        self.failed += sum(map(len, failed))
        lost = [span for span in outcome.spans if span.error == "lost"]
        self.lost = self.lost + 1 if lost else 0
        if outcome.fatal is not None:
            return outcome.fatal.message
        if now >= self.deadline:
            return f"deadline={self.settings.deadline:g} s passed"
        if failed and self.settings.errors == "raise":
            return failed[0].message
        if self.settings.max_failures is not None and self.failed > self.settings.max_failures:
            return f"more than max_failures={self.settings.max_failures} rows failed"
        if self.lost >= LOST_IN_A_ROW:
            return f"{self.lost} batches in a row got no answer: {lost[0].message}"
        return None


def send(
    connection: Connection,
    backend: Backend,
    feed: Handout,
    batches: Iterator[Batch],
    ledger: Ledger,
    settings: WriteSettings,
    patience: Patience,
    meter: ProgressMeter,
) -> Ending:
    """Hand out batches until they end or a rule of the call ends it; every outcome goes into the ledger."""
    call = uuid.uuid4().hex
    # Workers in other processes share no other clock.
    deadline = math.inf if math.isinf(patience.deadline) else time.time() + patience.deadline - time.monotonic()
    request = settings.request(connection.timeout)
    tasks = (Task(connection, batch, request, patience.policy, call, deadline) for batch in batches)
    able = backend.capabilities
    gate = gate_of(connection, call)
    crew = run(work, tasks, settings.jobs, shared_memory_only=able.shared_memory_only, parallel=able.parallel)
    ending, judge = Ending(), _Judge(settings, patience.deadline)
    try:
        try:
            for outcome in crew:
                _hear(outcome, feed.collection, ledger)
                ending.reason = ending.reason or judge.verdict(outcome, time.monotonic())
                feed.stopped = ending.reason is not None
                meter.advance(sum(map(len, outcome.spans)))
        except Exception as error:  # noqa: BLE001 - of the source or of the caller's progress; the report carries it
            ending.error = error
            _hear_all(crew.settle(math.inf), feed.collection, ledger)
    except KeyboardInterrupt:
        ending.interrupted = True
        gate.stop()
        log.info("interrupted, waiting for requests on their way", extra={"collection": feed.collection})
        _settle(crew.settle(min(request.timeout, SETTLE)), feed.collection, ledger)
    finally:
        if crew.over:
            release(connection, call)
        else:
            # Workers that are left to themselves find the gate stopped.
            gate.stop()
            crew.leave()
    ending.broken = crew.broken
    return ending


def _settle(outcomes: Iterable[Outcome], collection: str, ledger: Ledger) -> None:
    try:
        _hear_all(outcomes, collection, ledger)
    except KeyboardInterrupt:
        log.info("interrupted again, what is on its way stays unknown", extra={"collection": collection})


def _hear_all(outcomes: Iterable[Outcome], collection: str, ledger: Ledger) -> None:
    for outcome in outcomes:
        _hear(outcome, collection, ledger)


def _hear(outcome: Outcome, collection: str, ledger: Ledger) -> None:
    ledger.record(outcome)
    worst = next((span for span in outcome.spans if span.state in ("failed", "unknown")), None)
    if worst is not None:
        log.warning(
            "batch not written whole",
            extra={
                "collection": collection,
                "batch": outcome.number,
                "rows": sum(len(span) for span in outcome.spans if span.state in ("failed", "unknown")),
                "attempt": worst.attempts,
                "status": worst.error,
                "detail": worst.message,
            },
        )
