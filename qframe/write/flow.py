"""Send the batches of a call and hear what became of them; ends in a report whatever happens on the way."""

from __future__ import annotations

import logging
import math
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial

from qframe.connection import Connection
from qframe.delivery.ask import Patience
from qframe.delivery.crew import Alone, Crew
from qframe.delivery.interrupts import Held
from qframe.delivery.jobs import run
from qframe.delivery.ledger import Ledger
from qframe.delivery.streak import Streak
from qframe.delivery.worker import Task, gate_of, ready, release, work
from qframe.model.backend import Backend
from qframe.model.outcome import Outcome
from qframe.model.requests import CollectionInfo
from qframe.write.drain import drained
from qframe.write.feed import Wave
from qframe.write.options import WriteSettings
from qframe.write.progress import ProgressMeter

log = logging.getLogger("qframe")

HANG = 5.0
"""Seconds after its deadline that a call waits for its workers. Each has been told the deadline and comes back by
itself; one that does not hangs, and will not come back."""

SETTLE = 10.0
"""Seconds at most that an interrupted call waits for requests on their way. They cannot be called back, and an answer
makes certain what else stays unknown; a second Ctrl-C ends the waiting."""


@dataclass(slots=True)
class Ending:
    """How sending ended.

    Parameters
    ----------
    interrupted : bool
        By Ctrl-C.
    reason : str or None
        Why not all batches were handed out.
    error : BaseException or None
        What the source, the caller's progress function or a checkpoint raised.
    broken : BaseException or None
        What ended the workers before they were done: one was killed, say.
    drained : bool or None
        Whether the server has worked through what it did not apply in time; None where there is no such thing.
    """

    interrupted: bool = False
    reason: str | None = None
    error: BaseException | None = None
    broken: BaseException | None = None
    drained: bool | None = None


class _Judge:
    """Decides after each outcome whether the call goes on; `deadline` in monotonic seconds."""

    def __init__(self, settings: WriteSettings, deadline: float, ledger: Ledger) -> None:
        self._settings, self._deadline, self._ledger = settings, deadline, ledger
        self._streak = Streak(settings.errors == "raise")

    def verdict(self, outcome: Outcome, now: float) -> str | None:
        """Why no more batches are to be handed out, or None; `now` in monotonic seconds."""
        said = self._streak.verdict(outcome)
        if outcome.fatal is None and now >= self._deadline:
            return f"deadline={self._settings.deadline:g} s passed"
        return said or self.too_many()

    def too_many(self) -> str | None:
        """Whether more rows failed than the caller allows, those too that were found bad before they were sent."""
        most = self._settings.max_failures
        return f"more than max_failures={most} rows failed" if self._ledger.failed_more(most) else None


def send(
    connection: Connection,
    backend: Backend,
    collection: str,
    waves: Iterable[Wave],
    ledger: Ledger,
    settings: WriteSettings,
    patience: Patience,
    meter: ProgressMeter,
    interrupts: Held,
    info: CollectionInfo | None = None,
    heard: Callable[[], None] | None = None,
) -> Ending:
    """Hand out batches until they end or a rule of the call ends it; they and every outcome go into the ledger.

    Parameters
    ----------
    waves : iterable of iterable of tuple of Batch
        Pulled in this thread: a lane when a worker becomes free, a wave when all batches of the last have ended.
    interrupts : Held
        Holds Ctrl-C from before this until the report is made; here it is let through where it can be dealt with.
    info : CollectionInfo, optional
        The collection, whose strict mode bounds requests.
    heard : callable, optional
        Called whenever outcomes are in the ledger. What it raises ends the call, as what the source raises does.
    """
    sending = _Sending(connection, backend, collection, ledger, settings, patience, meter, info)
    ending = sending.ending
    try:
        with interrupts.heard():
            try:
                sending.hear_all(waves, heard)
                if settings.wait and ledger.count("acknowledged"):
                    ending.drained = drained(connection, collection, patience)
            except (KeyboardInterrupt, SystemExit, GeneratorExit):
                raise
            except BaseException as error:  # noqa: BLE001 - of the source (polars panics) or the caller's progress
                ending.error = error
                for outcomes in sending.settle(math.inf):
                    sending.record(outcomes)
    except KeyboardInterrupt:
        ending.interrupted = True
        sending.gate.stop()
        log.info("interrupted, waiting for requests on their way", extra={"collection": collection})
        _settle(sending, collection, interrupts)
    finally:
        sending.leave()
    return ending


Workers = Crew[Task, tuple[Outcome, ...]] | Alone[Task, tuple[Outcome, ...]]


class _Sending:
    """A call and the workers of its present wave; the parameters are those of `send`."""

    def __init__(
        self,
        connection: Connection,
        backend: Backend,
        collection: str,
        ledger: Ledger,
        settings: WriteSettings,
        patience: Patience,
        meter: ProgressMeter,
        info: CollectionInfo | None,
    ) -> None:
        self._connection, self._collection, self._ledger = connection, collection, ledger
        self._settings, self._patience, self._meter = settings, patience, meter
        self._backend, self._able = backend, backend.capabilities
        self._request = settings.request(connection.timeout, info)
        self._call, self._judge = uuid.uuid4().hex, _Judge(settings, patience.deadline, ledger)
        self._until = patience.deadline + HANG
        self._crew: Workers | None = None
        # One after the other, so that each batch is heard of before the next is sent.
        self._jobs = settings.jobs_for(parallel=self._able.parallel)
        self._alone = self._jobs.n_jobs == 1
        self.ending = Ending()
        self.gate = gate_of(connection, self._call)

    def hear_all(self, waves: Iterable[Wave], heard: Callable[[], None] | None) -> None:
        """Hear of all waves, until there is a reason to end, the workers break off, or they do not come back."""
        for wave in waves:
            with Held():  # a thread that is begun is known
                crew = self._crew = run(
                    work,
                    self._tasks(wave),
                    self._jobs,
                    shared_memory_only=self._able.shared_memory_only,
                    parallel=self._able.parallel,
                    ready=partial(ready, self._backend),
                    accept=self._accept,
                )
            for outcomes in crew.hear(self._until):
                self.record(outcomes)
                for outcome in outcomes:
                    self.ending.reason = self.ending.reason or self._judge.verdict(outcome, time.monotonic())
                if self.ending.reason is not None:
                    crew.stop()
                self._meter.reach(self._ledger.ended)
                if heard is not None:
                    heard()
            if not crew.over:
                late = "and workers had not come back"
                self.ending.reason = f"deadline={self._settings.deadline:g} s passed, {late}"
            if self.ending.reason is not None or crew.broken is not None:
                return
        # Rows that were left out behind the last batch, or all of them.
        self._meter.reach(self._ledger.ended)
        # The source may have been left for the same reason, without a batch that says so.
        self.ending.reason = self._judge.too_many()

    def _tasks(self, wave: Wave) -> Iterator[Task]:
        lanes = iter(((batch,) for lane in wave for batch in lane) if self._alone else wave)
        left = self._patience.deadline - time.monotonic()
        # Workers in other processes share no other clock.
        deadline = math.inf if math.isinf(left) else time.time() + left
        strict = self._settings.errors == "raise"
        for lane in lanes:
            yield Task(self._connection, lane, self._request, self._patience.policy, strict, self._call, deadline)

    def _accept(self, task: Task) -> bool:
        """Note in the ledger what is about to be handed out, unless the call has ended or is to end."""
        self.ending.reason = self.ending.reason or self._judge.too_many()
        if self.ending.reason is not None:
            return False
        for batch in task.lane:
            self._ledger.hand_out(batch)
        return True

    def record(self, outcomes: Iterable[Outcome]) -> None:
        """Put outcomes into the ledger and what went wrong into the log."""
        for outcome in outcomes:
            with Held():
                self._ledger.record(outcome)
            troubled = [span for span in outcome.spans if span.state in ("failed", "unknown")]
            if troubled:
                told = {"batch": outcome.number, "rows": sum(map(len, troubled)), "attempt": troubled[0].attempts}
                why = {"status": troubled[0].error, "detail": troubled[0].message}
                log.warning("batch not written whole", extra={"collection": self._collection, **told, **why})

    def settle(self, seconds: float) -> Iterator[tuple[Outcome, ...]]:
        """What is on its way, at the longest so many seconds, and no longer than workers are waited for."""
        if self._crew is not None:
            yield from self._crew.settle(min(seconds, max(0.0, self._until - time.monotonic())))

    @property
    def patience_when_interrupted(self) -> float:
        """Seconds that an interrupted call waits for its workers."""
        return min(self._request.timeout, SETTLE)

    def leave(self) -> None:
        """The call is over; workers that are not find it stopped, or are ended."""
        if self._crew is None or self._crew.over:
            release(self._connection, self._call)
        else:
            self.gate.stop()
            self._crew.leave()
        self.ending.broken = None if self._crew is None else self._crew.broken


def _settle(sending: _Sending, collection: str, interrupts: Held) -> None:
    try:
        with interrupts.heard():
            for outcomes in sending.settle(sending.patience_when_interrupted):
                sending.record(outcomes)
    except KeyboardInterrupt:
        log.info("interrupted again, what is on its way stays unknown", extra={"collection": collection})
