"""A clean end of the interpreter while polars pulls from a Python source in threads of its own, or pages are fetched.

A thread that comes back from polars for the GIL while the interpreter is being taken down aborts the process
("FATAL: exception not rethrown", exit code 134). So at exit sources are told to stop, the calls in flight are waited
for, and a thread that comes for more is held until the process is gone.
"""

from __future__ import annotations

import atexit
import os
import threading
import time
from collections.abc import Iterator
from types import TracebackType
from typing import Self, TypeVar
from weakref import WeakSet

LONGEST = 10.0
"""Seconds that a call in flight is waited for at exit."""

GRACE = 0.1
"""Seconds for polars' threads to take over what they were given last, and to come back to be held."""

Item = TypeVar("Item", covariant=True)


class Guard:
    """Knows which calls are in flight, and ends them at exit."""

    def __init__(self) -> None:
        self.ending = threading.Event()
        self._changed = threading.Condition()
        self._inside = 0
        self._open: WeakSet[Guarded[object]] = WeakSet()

    def sleep(self, seconds: float) -> None:
        """Wait so long, or until the interpreter ends."""
        self.ending.wait(seconds)

    def begin(self) -> None:
        """One more is in flight."""
        with self._changed:
            self._inside += 1

    def done(self) -> None:
        """One fewer is in flight; a thread that has no more to do than to end is held here."""
        with self._changed:
            self._inside -= 1
            self._changed.notify_all()
        self._hold()

    def __enter__(self) -> Self:
        self._hold()
        self.begin()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.done()

    def _hold(self) -> None:
        """Once the interpreter ends, keep a thread of polars here, where it does not want the GIL."""
        if self.ending.is_set() and threading.current_thread() is not threading.main_thread():
            threading.Event().wait()

    def opened(self, stream: Guarded[object]) -> None:
        with self._changed:
            self._open.add(stream)

    def closed(self, stream: Guarded[object]) -> None:
        with self._changed:
            self._open.discard(stream)

    def end(self) -> None:
        """Stop all sources; called at exit."""
        self.ending.set()
        deadline = time.monotonic() + LONGEST
        with self._changed:
            while self._inside and (left := deadline - time.monotonic()) > 0:
                self._changed.wait(left)
        if len(self._open):
            time.sleep(GRACE)


class Guarded(Iterator[Item]):
    """An iterator whose every step is known to the guard."""

    def __init__(self, items: Iterator[Item]) -> None:
        self._items = items
        guard.opened(self)

    def __next__(self) -> Item:
        with guard:
            try:
                return next(self._items)
            except BaseException:
                guard.closed(self)
                raise


guard = Guard()


def _after_fork() -> None:
    """The child has none of its parent's threads, so nothing is in flight there."""
    guard.__init__()  # type: ignore[misc]


atexit.register(guard.end)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
