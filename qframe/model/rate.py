"""What the `write_rate_limit` of a collection means for a request: how much it carries, and how long it waits. Pure."""

from __future__ import annotations

from collections.abc import Callable

from qframe.model.outcome import Fault

SHARE = 8
"""A request names at most one part in so many of the points that may be written in a minute. One of several operations
that is stopped half-way wastes what it has spent, and a small part of the limit is waited for in seconds."""


def rows_within(rows: int, limit: int | None) -> int:
    """Rows of a request: `rows`, or fewer, at least one, where a `limit` of points a minute is known."""
    return min(rows, max(1, limit // SHARE)) if limit else rows


def whole_wait(fault: Fault, points: Callable[[], int], limit: int | None) -> float:
    """Seconds in which the limiter has gathered enough for a request that names so many `points`; 0 where that is not
    known, or the wait that the server names is for the whole request already.

    A limiter charges each operation of a request by itself, and names the wait for the one that it has stopped. Those
    before it are charged again when the request comes again.
    """
    stopped = fault.kind == "throttled" and fault.applied == "some"
    return points() * 60 / limit if limit and stopped else 0.0
