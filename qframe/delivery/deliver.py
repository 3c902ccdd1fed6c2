"""The one loop that sends a batch, waits, sends again and halves. Runs in the worker, knows no wire, never raises."""

from __future__ import annotations

import logging
import math
import random
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from qframe.delivery.gate import Gate
from qframe.delivery.policy import RetryPolicy
from qframe.model.backend import Backend
from qframe.model.batch import Batch, Prepared, WriteOptions
from qframe.model.outcome import Ack, Fault, Outcome, Span, State

log = logging.getLogger("qframe")

_STATES: dict[str, State] = {
    "completed": "written",
    "acknowledged": "acknowledged",
    "wait_timeout": "acknowledged",
}


@dataclass(slots=True)
class _Tally:
    """What the loop counts on its way."""

    requests: int = 0
    retries: int = 0
    nbytes: int = 0
    throttled: float = 0.0
    spans: list[Span] = field(default_factory=list)
    fatal: Fault | None = None
    refusals: list[tuple[int, str]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Piece:
    """A part of the batch still to be sent: where it starts in the batch, and what was tried with its rows so far.

    `depth` counts halvings, `attempts` requests; `stored` says whether one of those may have stored some of the rows.
    """

    batch: Batch
    start: int
    depth: int = 0
    attempts: int = 0
    stored: bool = False

    @property
    def positions(self) -> range:
        return range(self.start, self.start + len(self.batch))

    def half(self, batch: Batch, start: int, attempts: int, *, stored: bool) -> _Piece:
        return _Piece(batch, start, self.depth + 1, attempts, self.stored or stored)


@dataclass(frozen=True, slots=True)
class _Terms:
    """Under which a batch is sent; the same for all its pieces."""

    options: WriteOptions
    policy: RetryPolicy
    gate: Gate
    deadline: float
    draw: Callable[[], float]

    @property
    def left(self) -> float:
        """Seconds until the deadline, 0 when the call is stopped."""
        return 0.0 if self.gate.stopped else self.deadline - time.monotonic()


def deliver(
    backend: Backend,
    batch: Batch,
    options: WriteOptions,
    policy: RetryPolicy,
    gate: Gate,
    deadline: float = math.inf,
    draw: Callable[[], float] = random.random,
) -> Outcome:
    """Send a batch until it is written, refused, or out of time.

    Parameters
    ----------
    backend : Backend
    batch : Batch
    options : WriteOptions
    policy : RetryPolicy
    gate : Gate
        The brake shared by all workers of the process.
    deadline : float
        Monotonic seconds at which the call ends.
    draw : callable
        Source of the jitter, numbers in [0, 1).

    Returns
    -------
    Outcome
        Its spans cover the batch. Whatever goes wrong is in there; nothing is raised.
    """
    begun = time.monotonic()
    tally, terms = _Tally(), _Terms(options, policy, gate, deadline, draw)
    # Level by level, so that all halves and quarters have been tried before any eighth is.
    pieces = deque([_Piece(batch, 0)])
    while pieces:
        piece = pieces.popleft()
        if tally.fatal is not None or terms.left <= 0:
            tally.spans.append(_ended(piece, tally.fatal))
        elif piece.depth > 2 and _hopeless(tally):
            tally.spans.append(Span(piece.positions, "failed", "refused", tally.refusals[0][1], piece.attempts))
        else:
            pieces.extend(_send(backend, piece, terms, tally))
    return Outcome(
        number=batch.number,
        spans=tuple(sorted(tally.spans, key=lambda span: int(span.positions[0]))),
        requests=tally.requests,
        retries=tally.retries,
        nbytes=tally.nbytes,
        throttled=tally.throttled,
        seconds=time.monotonic() - begun,
        fatal=tally.fatal,
    )


def _ended(piece: _Piece, fatal: Fault | None) -> Span:
    """Rows that nothing was sent for, or that had been refused before and were not tried again."""
    if piece.attempts == 0:
        return Span(piece.positions, "unsent", attempts=0)
    why = "the call ended before these rows were tried again" if fatal is None else fatal.message
    state: State = "unknown" if piece.stored else "failed"
    return Span(piece.positions, state, "refused" if fatal is None else fatal.kind, why, piece.attempts)


def _send(backend: Backend, piece: _Piece, terms: _Terms, tally: _Tally) -> list[_Piece]:
    """Send one piece; the pieces that are left to be sent instead of it, in order."""
    prepared = backend.prepare(piece.batch, terms.options)
    limit = backend.capabilities.byte_limit
    if limit is not None and prepared.nbytes > limit:
        text = f"a request of {prepared.nbytes:,} bytes is over the limit of {limit:,}"
        return _split(piece, Fault("too_large", "no", text), piece.attempts, tally)
    result, attempts = _attempts(backend, prepared, piece.batch, terms, tally)
    if result is None:
        tally.spans.append(_ended(piece, None))
        return []
    attempts += piece.attempts
    if isinstance(result, Ack):
        text = "the server did not apply the change within the timeout" if result.status == "wait_timeout" else ""
        error = "wait_timeout" if text else ""
        tally.spans.append(Span(piece.positions, _STATES[result.status], error, text, attempts))
        return []
    return _split(piece, result, attempts, tally)


def _attempts(
    backend: Backend, prepared: Prepared, batch: Batch, terms: _Terms, tally: _Tally
) -> tuple[Ack | Fault | None, int]:
    """The same bytes again and again; the last answer and how many requests it took. None: nothing was sent."""
    attempt = 0
    doubt: Fault | None = None
    while True:
        tally.throttled += terms.gate.wait(terms.deadline)
        left = terms.left
        if left <= 0:
            return doubt, attempt
        attempt += 1
        tally.requests += 1
        tally.retries += attempt > 1
        tally.nbytes += prepared.nbytes
        result = backend.write(prepared, min(terms.options.timeout, left))
        if isinstance(result, Ack):
            return result, attempt
        doubt = _certain(doubt, result)
        wait = terms.policy.delay(result, attempt, terms.left, terms.draw())
        log.info(
            "request failed",
            extra={
                "collection": batch.collection,
                "batch": batch.number,
                "rows": len(batch),
                "attempt": attempt,
                "status": result.kind,
                "detail": result.message,
                "wait": wait,
            },
        )
        if wait is None:
            return doubt, attempt
        if result.kind == "throttled" and result.retry_after is not None:
            terms.gate.hold(wait)
        else:
            terms.gate.pause(wait)


def _certain(doubt: Fault | None, fault: Fault) -> Fault:
    """What is known after one more request with the same bytes: one that may have been applied keeps its rows in doubt,
    whatever later ones say. Only a refusal of the content holds for the earlier ones too.
    """
    if doubt is None or doubt.applied == "no" or fault.applied != "no" or fault.kind in ("refused", "too_large"):
        return fault
    return doubt if fault.kind == "lost" else replace(fault, applied=doubt.applied)


def _split(piece: _Piece, fault: Fault, attempts: int, tally: _Tally) -> list[_Piece]:
    """What to do about rows that were not taken: send halves, or say what became of them."""
    start, length = piece.start, len(piece.batch)
    if fault.kind == "fatal":
        tally.fatal = fault
    if fault.kind == "refused":
        tally.refusals.append((piece.depth, fault.message))
    # A throttled request is halved only where no wait could ever satisfy it: the server named none.
    smaller = fault.kind in ("too_large", "refused") or (fault.kind == "throttled" and fault.retry_after is None)
    stored = fault.applied != "no"
    if smaller and length > 1 and not _hopeless(tally):
        left, right = piece.batch.halves()
        return [
            piece.half(left, start, attempts, stored=stored),
            piece.half(right, start + len(left), attempts, stored=stored),
        ]
    # A refusal is an answer; without one, rows that were sent may be stored.
    state: State = "unknown" if stored and fault.kind in ("lost", "throttled", "fatal") else "failed"
    message = fault.message
    if state == "failed" and stored:
        message += " (part of the row may be stored)" if length == 1 else " (some of these rows may be stored)"
    tally.spans.append(Span(piece.positions, state, fault.kind, message, attempts))
    return []


def _hopeless(tally: _Tally) -> bool:
    """Whether the batch, both halves and all quarters were refused with the same words.

    Then the reason is not in single rows (a strict-mode rule, say), and going on down to the rows would cost two
    requests a row for nothing.
    """
    depths = [depth for depth, _ in tally.refusals if depth <= 2]
    return len({message for _, message in tally.refusals}) == 1 and depths.count(1) == 2 and depths.count(2) == 4
