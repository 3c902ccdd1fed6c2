"""Send the batches of a call and hear what became of them; ends in a report whatever happens on the way."""

from __future__ import annotations

import logging
import math
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial

from qframe.connection import Connection
from qframe.delivery.jobs import InFlight, close, run
from qframe.delivery.ledger import Ledger
from qframe.delivery.worker import Task, gate_of, release, work
from qframe.model.backend import Backend
from qframe.model.batch import Batch
from qframe.model.outcome import Outcome
from qframe.write.feed import Feed
from qframe.write.options import WriteSettings
from qframe.write.progress import ProgressMeter

log = logging.getLogger("qframe")

LOST_IN_A_ROW = 3
"""Batches that used up their retries one after the other before the call ends: the target is gone, not busy."""


@dataclass(slots=True)
class Ending:
    """How sending ended: interrupted by Ctrl-C, or early for a reason, or neither."""

    interrupted: bool = False
    reason: str | None = None


@dataclass(slots=True)
class _Judge:
    """Decides after each outcome whether the call goes on."""

    settings: WriteSettings
    failed: int = 0
    lost: int = field(default=0)

    def verdict(self, outcome: Outcome) -> str | None:
        """Why no more batches are to be handed out, or None."""
        failed = [span for span in outcome.spans if span.state == "failed"]
        self.failed += sum(span.stop - span.start for span in failed)
        lost = [span for span in outcome.spans if span.error == "lost"]
        self.lost = self.lost + 1 if lost else 0
        if outcome.fatal is not None:
            return outcome.fatal.message
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
    feed: Feed,
    batches: Iterator[Batch],
    ledger: Ledger,
    settings: WriteSettings,
    meter: ProgressMeter,
) -> Ending:
    """Hand out batches until they end or a rule of the call ends it; every outcome goes into the ledger."""
    call = uuid.uuid4().hex
    deadline = math.inf if settings.deadline is None else time.time() + settings.deadline
    request = settings.request(connection.timeout)
    tasks = (Task(connection, batch, request, settings.policy, call, deadline) for batch in batches)
    able = backend.capabilities
    here = settings.jobs.own_process or able.shared_memory_only
    flight = InFlight()
    results = run(
        partial(_tracked, flight) if here else work,
        tasks,
        settings.jobs,
        shared_memory_only=able.shared_memory_only,
        parallel=able.parallel,
    )
    ending, judge = Ending(), _Judge(settings)
    try:
        for outcome in results:
            flight.taken(outcome.number)
            _hear(outcome, ledger, meter)
            ending.reason = ending.reason or judge.verdict(outcome)
            feed.stopped = feed.stopped or ending.reason is not None
    except KeyboardInterrupt:
        ending.interrupted = True
        ending.reason = "interrupted"
        feed.stopped = True
        gate_of(connection, call).stop()
        # What is on its way may take its time; a second Ctrl-C ends the waiting, and the rows stay unknown.
        for outcome in flight.settle(request.timeout):
            _hear(outcome, ledger, meter)
        close(results)
    finally:
        release(connection, call)
    return ending


def _tracked(flight: InFlight, task: Task) -> Outcome:
    number = task.batch.number
    flight.begin(number)
    try:
        outcome = work(task)
    except BaseException:  # Ctrl-C in this very thread: nobody is left to end the task
        flight.drop(number)
        raise
    flight.end(number, outcome)
    return outcome


def _hear(outcome: Outcome, ledger: Ledger, meter: ProgressMeter) -> None:
    ledger.record(outcome)
    meter.advance(sum(span.stop - span.start for span in outcome.spans))
    if outcome.fatal is not None or any(span.state in ("failed", "unknown") for span in outcome.spans):
        worst = next((span for span in outcome.spans if span.state in ("failed", "unknown")), None)
        log.warning(
            "batch not written whole",
            extra={"batch": outcome.number, "status": worst and worst.error, "detail": worst and worst.message},
        )
