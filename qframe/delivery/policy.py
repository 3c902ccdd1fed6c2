"""When to send again and how long to wait first: a pure decision on the fault, the attempt and the time left."""

from __future__ import annotations

from dataclasses import dataclass

from qframe.errors import OptionError
from qframe.model.outcome import Fault


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often and how patiently a request is repeated.

    Only what may heal by itself is repeated: lost connections, timeouts, HTTP 408, 429 and 5xx, and the gRPC codes
    UNAVAILABLE, RESOURCE_EXHAUSTED and DEADLINE_EXCEEDED. Every repetition sends the same bytes.

    Parameters
    ----------
    attempts : int
        Requests in all, the first one included; 1 repeats nothing.
    base : float
        Seconds; the wait before repetition k is drawn evenly from 0 … `base` · 2^(k - 1) ("full jitter").
    cap : float
        Seconds; no drawn wait is longer.
    max_retry_after : float
        Seconds; a server that asks for a longer wait than this is not waited for.

    Raises
    ------
    OptionError
        For values out of range.
    """

    attempts: int = 6
    base: float = 0.25
    cap: float = 10.0
    max_retry_after: float = 120.0

    def __post_init__(self) -> None:
        if self.attempts < 1:
            raise OptionError(f"RetryPolicy(attempts={self.attempts!r}): at least 1, which repeats nothing.")
        for name in ("base", "cap", "max_retry_after"):
            if not getattr(self, name) >= 0:
                raise OptionError(f"RetryPolicy({name}={getattr(self, name)!r}): a number of seconds, 0 or more.")

    def delay(self, fault: Fault, attempt: int, left: float, draw: float) -> float | None:
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
        """
        if fault.kind not in ("lost", "throttled") or attempt >= self.attempts:
            return None
        wait = draw * min(self.cap, self.base * 2.0 ** min(attempt - 1, 60))
        if fault.retry_after is not None:
            if fault.retry_after > self.max_retry_after:
                return None
            # A little more than asked for, spread out, so that the workers do not all return in the same instant.
            wait = fault.retry_after + draw * min(1.0, 0.1 * fault.retry_after)
        return None if wait >= left else wait
