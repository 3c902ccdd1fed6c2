"""How long a server is asked to try; alike on both wires."""

from __future__ import annotations

SERVER_TIMEOUT = 60
"""Seconds after which a server ends a request, or its wait for a change, by itself (its default)."""


def longer_than_usual(timeout: float) -> int | None:
    """Whole seconds to ask a server for whose caller waits `timeout` seconds; None leaves it to the server's own.

    Only a longer limit than its own is said: a caller that waits less gives up by itself, and strict mode may refuse
    any that it is told.
    """
    seconds = int(timeout * 0.9)
    return seconds if seconds > SERVER_TIMEOUT else None
