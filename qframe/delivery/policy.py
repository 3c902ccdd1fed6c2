"""When to send again and how long to wait first: a pure decision on the fault, the attempt and the time left."""

from __future__ import annotations

import math
from dataclasses import dataclass
from numbers import Integral, Real

from qframe.errors import OptionError
from qframe.model.outcome import Fault


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often and how patiently a request is repeated.

    Only what may heal by itself is repeated: lost connections, timeouts, HTTP 408, 429 and 5xx but 507 (the disk is
    full), and the gRPC codes for the same, from UNAVAILABLE, RESOURCE_EXHAUSTED and DEADLINE_EXCEEDED to the server's
    own CANCELLED. Every repetition sends the same bytes.

    The wait before repetition k is at most `base` · 2^(k - 1). From a server that turns requests away (429) it is drawn
    evenly from 0 to that ("full jitter"), which spreads those that compete. From one that does not answer, from half of
    that to all of it ("equal jitter"): so many attempts last for a certain time, whatever is drawn. By default that is
    3.875 s at least, and 7.75 s at most: a server that is away for two seconds costs no row.

    Parameters
    ----------
    attempts : int
        Requests in all, the first one included; 1 repeats nothing.
    base : float
        Seconds; the longest wait before the first repetition, doubled for each further one.
    cap : float
        Seconds; no drawn wait is longer.
    max_retry_after : float
        Seconds; a server that asks for a longer wait than this is not waited for.

    Raises
    ------
    OptionError
        For values out of range or of another type.
    """

    attempts: int = 6
    base: float = 0.25
    cap: float = 10.0
    max_retry_after: float = 120.0

    def __post_init__(self) -> None:
        if not _is(self.attempts, Integral) or self.attempts < 1:
            raise OptionError(f"RetryPolicy(attempts={self.attempts!r}): a whole number, at least 1 (repeats nothing).")
        for name in ("base", "cap", "max_retry_after"):
            seconds = getattr(self, name)
            if not _is(seconds, Real) or not seconds >= 0:
                raise OptionError(f"RetryPolicy({name}={seconds!r}): a number of seconds, 0 or more.")
        if math.isinf(self.base):
            raise OptionError("RetryPolicy(base=inf): a number of seconds that ends; cap=inf lets waits grow freely.")

    def delay(self, fault: Fault, attempt: int, left: float, draw: float, enough: float = 0.0) -> float | None:
        """Seconds to wait before the next request, or None to give up.

        Parameters
        ----------
        fault : Fault
            What came of the last request.
        attempt : int
            Requests made so far, at least 1.
        left : float
            Seconds until the deadline of the call; infinity without one.
        draw : float
            A random number in [0, 1).
        enough : float
            Seconds after which the request will fare better, where that is longer than the server asks for. What
            `max_retry_after` and the deadline leave no time for is not insisted on.
        """
        if fault.kind not in ("lost", "throttled") or attempt >= self.attempts:
            return None
        longest = min(self.cap, self.base * 2.0 ** min(attempt - 1, 60))
        wait = longest * draw if fault.kind == "throttled" else longest * (1 + draw) / 2
        # "Now" (0, a date that has passed) is no wait: six requests would be over in a millisecond.
        if fault.retry_after:
            if fault.retry_after > self.max_retry_after:
                return None
            # A little more than asked for, spread out, so that not all processes return in the same instant. Those
            # that were turned away most often come first: a limiter that lets one of them pass each time would
            # otherwise be missed by the same one until its attempts are used up.
            late = (self.attempts - attempt + draw) / self.attempts
            named, longer = (
                seconds + late * min(2.0, 0.25 * seconds)
                for seconds in (fault.retry_after, max(fault.retry_after, min(enough, self.max_retry_after)))
            )
            wait = longer if longer < left else named
        return None if wait >= left else wait


def _is(value: object, kind: type) -> bool:
    return isinstance(value, kind) and not isinstance(value, bool)
