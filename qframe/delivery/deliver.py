"""What becomes of a batch: sent, halved, sent again without what is missing. Runs in the worker, knows no wire, never
raises.
"""

from __future__ import annotations

import logging
import math
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from qframe.delivery.attempts import Counts, Terms, repeat
from qframe.delivery.gate import Gate
from qframe.delivery.missing import WAY_OUT, absent
from qframe.delivery.pieces import Piece, Pieces, Refusals
from qframe.delivery.policy import RetryPolicy
from qframe.model.backend import Backend
from qframe.model.batch import Batch, Prepared, WriteOptions
from qframe.model.ids import Ids, RowNumbers
from qframe.model.outcome import Ack, Fault, Outcome, Span, State
from qframe.model.points import ShardKey

log = logging.getLogger("qframe")

QUESTIONS = 8
"""How often it is asked which ids of the same rows are there: while it is asked, points may be deleted."""

_STATES: dict[str, State] = {
    "completed": "written",
    "acknowledged": "acknowledged",
    "wait_timeout": "acknowledged",
}


@dataclass(slots=True)
class _Tally:
    """What has come of the batch so far."""

    refusals: Refusals
    counts: Counts = field(default_factory=Counts)
    spans: list[Span] = field(default_factory=list)
    fatal: Fault | None = None


def deliver(
    backend: Backend,
    batch: Batch,
    options: WriteOptions,
    policy: RetryPolicy,
    gate: Gate,
    deadline: float = math.inf,
    draw: Callable[[], float] = random.random,
    first: Prepared | Fault | None = None,
) -> Outcome:
    """Send a batch until it is written, refused, or out of time.

    Single bad rows cost at most 2·log2(n) + 4 requests each; missing ids cost a question for each kind of id and one
    more request, and again as often as points are found to have gone meanwhile.

    Parameters
    ----------
    backend : Backend
    batch : Batch
    options : WriteOptions
    policy : RetryPolicy
    gate : Gate
        That of the call in this process.
    deadline : float
        Monotonic seconds at which the call ends.
    draw : callable
        Source of the jitter, numbers in [0, 1).
    first : Prepared, Fault or None
        What `prepared` has made of the whole batch, where it was made before.

    Returns
    -------
    Outcome
        Its spans cover the batch. Whatever goes wrong is in there; nothing is raised. Its `requests` count questions
        too.
    """
    begun = time.monotonic()
    tally, terms = _Tally(Refusals(batch.ordered, policy.attempts)), Terms(options, policy, gate, deadline, draw)
    pieces = Pieces(batch)
    while pieces:
        if tally.refusals.suspect:
            tally.refusals.probe(pieces.single_out())
        piece = pieces.next()
        if tally.fatal is not None or terms.left <= 0:
            tally.spans.append(_ended(piece, tally.fatal))
        elif tally.refusals.hopeless and (told := tally.refusals.last) is not None:
            tally.spans.append(_span(piece, replace(told, applied="some" if piece.stored else "no")))
        else:
            pieces.add(_send(backend, piece, terms, tally, first))
        # Any other piece is a part of the batch.
        first = None
    counts = tally.counts
    return Outcome(
        number=batch.number,
        spans=tuple(sorted(tally.spans, key=lambda span: int(span.positions[0]))),
        requests=counts.requests,
        retries=counts.retries,
        nbytes=counts.nbytes,
        throttled=counts.throttled,
        seconds=time.monotonic() - begun,
        fatal=tally.fatal,
        hopeless=tally.refusals.hopeless,
    )


def _ended(piece: Piece, fatal: Fault | None) -> Span:
    """Rows that nothing was sent for, or that were not taken before and were not tried again."""
    if piece.attempts == 0:
        return Span(piece.positions, "unsent", attempts=0)
    why = "the call ended before these rows were tried again" if fatal is None else fatal.message
    state: State = "unknown" if piece.stored else "failed"
    return Span(piece.positions, state, piece.error if fatal is None else fatal.kind, why, piece.attempts)


def prepared(backend: Backend, batch: Batch, options: WriteOptions) -> Prepared | Fault:
    """A batch as it is sent; a fault when it cannot be made, whatever the reason: then nothing of it was sent."""
    try:
        return backend.prepare(batch, options)
    except Exception as error:
        about = {"collection": batch.collection, "batch": batch.number, "rows": len(batch)}
        log.exception("batch ended by an error", extra={**about, "status": "error"})
        return Fault("fatal", "no", f"{type(error).__name__}: {error}")


def _send(
    backend: Backend, piece: Piece, terms: Terms, tally: _Tally, made: Prepared | Fault | None = None
) -> list[Piece]:
    """Send one piece, as it was `made` if it was; the pieces that are left to be sent instead of it, in order."""
    request = prepared(backend, piece.batch, terms.options) if made is None else made
    if isinstance(request, Fault):
        return _split(piece, request, tally)
    limit = backend.capabilities.byte_limit
    if limit is not None and request.nbytes > limit:
        text = f"a request of {request.nbytes:,} bytes is over the limit of {limit:,}"
        if len(piece) == 1:
            text += ", and this is one row: split what it holds, or leave some of it out"
        return _split(piece, Fault("too_large", "no", text), tally)
    result, attempts = repeat(
        lambda seconds: backend.write(request, seconds),
        piece.batch,
        terms,
        tally.counts,
        nbytes=request.nbytes,
        earlier=piece.attempts,
        divisible=len(piece) > 1,
    )
    if result is None:
        tally.spans.append(_ended(piece, None))
        return []
    if isinstance(result, Ack):
        tally.refusals.accepted = True
        text = "the server did not apply the change within the timeout" if result.status == "wait_timeout" else ""
        error = "wait_timeout" if text else ""
        tally.spans.append(Span(piece.positions, _STATES[result.status], error, text, piece.attempts + attempts))
        return []
    piece = piece.tried(attempts, result)
    if result.kind == "missing":
        return _without_missing(backend, piece, result, terms, tally)
    return _split(piece, result, tally, again=attempts > 1)


def _without_missing(backend: Backend, piece: Piece, fault: Fault, terms: Terms, tally: _Tally) -> list[Piece]:
    """A point of the piece is not there: ask which, say so of their rows, and send the rest again at once."""
    if len(piece) == 1:
        # The answer to a row alone has said it already.
        if not piece.batch.operations[0].needs_existing:
            return _split(piece, fault, tally)
        tally.spans.append(_missing(piece, piece.positions, terms))
        return []
    if piece.asked >= QUESTIONS:
        return _split(piece, fault, tally)

    gone = _asked(backend, piece, terms, tally)
    if gone is None:
        tally.spans.append(_ended(piece, None))
        return []
    if isinstance(gone, Fault):
        if _passes_smaller(gone):
            return _split(replace(piece, asked=piece.asked + 1), fault, tally)
        text = f"{fault.message}; which points are there could not be asked: {gone.message}"
        return _split(piece, replace(gone, message=text), tally)
    if len(gone) == 0:
        # The server means something else; more questions would hear the same.
        return _split(replace(piece, asked=QUESTIONS), fault, tally)
    tally.spans.append(_missing(piece, np.asarray(piece.positions, dtype=np.int64)[gone], terms))
    if len(gone) == len(piece):
        return []
    rest = piece.without(gone)
    return _send(backend, replace(rest, asked=piece.asked + 1), terms, tally)


def _asked(backend: Backend, piece: Piece, terms: Terms, tally: _Tally) -> npt.NDArray[np.int64] | Fault | None:
    """Places of the rows whose ids must be there and are not; what the question gave when it gave no answer."""
    most = math.inf if terms.options.longest is None else terms.options.longest

    def existing(ids: Ids, shard_key: ShardKey | None) -> npt.NDArray[np.bool_] | Fault | None:
        def question(seconds: float) -> npt.NDArray[np.bool_] | Fault:
            return backend.existing(piece.batch.collection, ids, min(seconds, most), shard_key)

        return repeat(question, piece.batch, terms, tally.counts)[0]

    return absent(piece.batch, existing)


def _missing(piece: Piece, positions: RowNumbers, terms: Terms) -> Span:
    if terms.options.missing == "skip":
        return Span(positions, "skipped", "missing", "no point has this id", piece.attempts)
    return Span(positions, "failed", "missing", WAY_OUT, piece.attempts)


def _split(piece: Piece, fault: Fault, tally: _Tally, *, again: bool = False) -> list[Piece]:
    """What to do about rows that were not taken, perhaps `again`: send halves, or say what became of them."""
    if fault.kind == "fatal":
        tally.fatal = fault
    tally.refusals.add(piece, fault)
    stopped_again = again and fault.kind == "throttled" and fault.applied == "some"
    if (_passes_smaller(fault) or stopped_again) and len(piece) > 1 and not tally.refusals.hopeless:
        return replace(piece, error=fault.kind).halves()
    tally.spans.append(_span(piece, fault))
    return []


def _span(piece: Piece, fault: Fault) -> Span:
    """What became of rows that were not taken and are not sent any more."""
    # A refusal of the content is an answer, and holds for earlier requests with the same rows too; without one, rows
    # that were sent may be stored. What is too large today, by a rate limiter that was changed say, was not always.
    answered = fault.kind in ("refused", "missing")
    stored = fault.applied != "no" or piece.begun or (piece.stored and not answered)
    state: State = "unknown" if stored and not answered else "failed"
    message = fault.message + (_in_part(piece, stored=stored) if state == "failed" else "")
    return Span(piece.positions, state, fault.kind, message, piece.attempts)


def _passes_smaller(fault: Fault) -> bool:
    """Whether a part of what was sent may be taken. A throttled request only where the server named no wait: then none
    could ever satisfy it.
    """
    return fault.kind in ("too_large", "refused", "missing") or (
        fault.kind == "throttled" and fault.retry_after is None
    )


def _in_part(piece: Piece, *, stored: bool) -> str:
    if not stored:
        return ""
    return " (part of the row may be stored)" if len(piece) == 1 else " (some of these rows may be stored)"
