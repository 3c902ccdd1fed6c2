"""The loop of a question: ask, wait and ask again by the policy, and raise when there is no answer."""

from __future__ import annotations

import logging
import math
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from qframe.backends.faults import raise_fault
from qframe.delivery.policy import RetryPolicy
from qframe.model.outcome import Fault

log = logging.getLogger("qframe")

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a read tries: the policy, seconds for one request, and the moment (monotonic seconds) it ends."""

    policy: RetryPolicy
    timeout: float
    deadline: float = math.inf

    @staticmethod
    def starting_now(policy: RetryPolicy, timeout: float, seconds: float | None) -> Patience:
        return Patience(policy, timeout, math.inf if seconds is None else time.monotonic() + seconds)


def ask(
    question: Callable[[float], Answer | Fault],
    patience: Patience,
    collection: str,
    sleep: Callable[[float], object] = time.sleep,
) -> Answer:
    """The answer to a question that may be asked again, such as any read.

    Parameters
    ----------
    question : callable
        Takes the seconds it may use.
    patience : Patience
    collection : str
        For the error.
    sleep : callable
        Waits so many seconds.

    Raises
    ------
    QframeError
        The typed error of the last fault.
    """
    result = answer_or_fault(question, patience, collection, sleep)
    if isinstance(result, Fault):
        raise_fault(result, collection=collection)
    return result


def answer_or_fault(
    question: Callable[[float], Answer | Fault],
    patience: Patience,
    collection: str,
    sleep: Callable[[float], object] = time.sleep,
) -> Answer | Fault:
    """The answer to such a question, or the last fault as a value; the arguments are those of `ask`."""
    attempt = 0
    while True:
        attempt += 1
        left = patience.deadline - time.monotonic()
        if left <= 0:
            return Fault("lost", "no", "the deadline passed before this was asked")
        result = question(min(patience.timeout, left))
        if not isinstance(result, Fault):
            return result
        left = patience.deadline - time.monotonic()
        wait = patience.policy.delay(result, attempt, left, random.random())  # noqa: S311 - jitter, not a secret
        detail = {"collection": collection, "attempt": attempt, "status": result.kind, "detail": result.message}
        log.info("read failed", extra={**detail, "wait": wait})
        if wait is None:
            return result
        sleep(wait)
