"""One request again and again, by the policy and behind the gate, until there is an answer or no more patience."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar

from qframe.backends.steps import points_named
from qframe.delivery.gate import Gate
from qframe.delivery.policy import RetryPolicy
from qframe.model.batch import Batch, WriteOptions
from qframe.model.outcome import Fault
from qframe.model.rate import whole_wait

log = logging.getLogger("qframe")

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class Terms:
    """Under which a batch is sent; the same for all its pieces.

    Parameters
    ----------
    deadline : float
        Monotonic seconds at which the call ends.
    draw : callable
        Source of the jitter, numbers in [0, 1).
    """

    options: WriteOptions
    policy: RetryPolicy
    gate: Gate
    deadline: float
    draw: Callable[[], float]

    @property
    def left(self) -> float:
        """Seconds until the deadline, 0 when the call is stopped."""
        return 0.0 if self.gate.stopped else self.deadline - time.monotonic()


@dataclass(slots=True)
class Counts:
    """What is counted on the way; `throttled` in seconds."""

    requests: int = 0
    retries: int = 0
    nbytes: int = 0
    throttled: float = 0.0


def repeat(
    request: Callable[[float], Answer | Fault],
    batch: Batch,
    terms: Terms,
    counts: Counts,
    *,
    nbytes: int = 0,
    earlier: int = 0,
    divisible: bool = False,
) -> tuple[Answer | Fault | None, int]:
    """Send a request until it is answered, refused, or given up.

    Parameters
    ----------
    request : callable
        Sends the same bytes each time; takes the seconds it may use.
    batch : Batch
        What it is about, for the log.
    terms : Terms
    counts : Counts
        Is added to.
    nbytes : int
        Size of the request.
    earlier : int
        Requests made before with the same rows. Those count where the server turns away without naming a wait, so that
        rows which are divided again and again do not wait anew each time.
    divisible : bool
        Whether a smaller request can be made instead: then one that is turned away without a wait named is not
        repeated, after a pause. Nor is one a second time that a limiter stops half-way: what is done before it is
        stopped uses up all that the wait has brought.

    Returns
    -------
    answer : Answer, Fault or None
        None: nothing was sent, since the call has ended.
    attempts : int
        Requests sent.
    """
    attempt = 0
    doubt: Fault | None = None
    turn = terms.gate.turn()
    while True:
        passed = terms.gate.enter(turn, terms.deadline)
        counts.throttled += turn.waited
        if not passed:
            return doubt, attempt
        again: float | None = None
        try:
            left = terms.left
            if left <= 0:
                return doubt, attempt
            attempt += 1
            counts.requests += 1
            counts.retries += attempt > 1
            counts.nbytes += nbytes
            result = request(min(terms.options.timeout, left))
            if not isinstance(result, Fault):
                return result, attempt
            turned_away = result.kind == "throttled" and result.retry_after is None
            counted = attempt + earlier * turned_away
            enough = whole_wait(result, partial(points_named, batch), terms.options.limit)
            wait = terms.policy.delay(result, counted, terms.left, terms.draw(), enough)
            again = _hold(result, wait, terms.policy)
        finally:
            terms.gate.leave(turn, again)
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
            return _certain(doubt, _explained(result, counted, terms)), attempt
        doubt = _certain(doubt, result)
        if again is None:
            terms.gate.pause(wait)
        stopped_again = result.kind == "throttled" and result.applied == "some" and attempt > 1
        if (turned_away or stopped_again) and divisible:
            return doubt, attempt


def _certain(doubt: Fault | None, fault: Fault) -> Fault:
    """What is known after one more request with the same bytes: one that may have been applied keeps its rows in doubt,
    whatever later ones say. Only a refusal of the content holds for the earlier ones too.
    """
    if doubt is None or doubt.applied == "no" or fault.applied != "no" or fault.kind == "refused":
        return fault
    return doubt if fault.kind == "lost" else replace(fault, applied=doubt.applied)


def _hold(fault: Fault, wait: float | None, policy: RetryPolicy) -> float | None:
    """Seconds that every request to the target is to wait. What the server asks for holds for the others too where this
    one gives up.
    """
    if fault.kind != "throttled" or fault.retry_after is None or fault.retry_after > policy.max_retry_after:
        return None
    return fault.retry_after if wait is None else wait


def _explained(fault: Fault, attempt: int, terms: Terms) -> Fault:
    """A fault that is given up for want of time, and not of attempts, says so."""
    if fault.kind not in ("lost", "throttled") or terms.gate.stopped:
        return fault
    named = f"a wait of {fault.retry_after:g} s, " if fault.retry_after else ""
    most = terms.policy.max_retry_after
    if fault.retry_after and fault.retry_after > most:
        why = f"{named}over RetryPolicy(max_retry_after={most:g})"
    elif attempt < terms.policy.attempts:
        why = f"{named}over what is left until the deadline" if named else "no time for another try before the deadline"
    else:
        return fault
    return replace(fault, message=f"{fault.message} ({why})")
