"""The stores that ":memory:" names: each lives as long as someone in the process that made it holds its value."""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Callable

from qframe.errors import ForkedProcessError, TargetError

_GONE = "this ':memory:' store was closed, and its points are gone. connect(':memory:') makes a new one."


class Temporary:
    """A store that is not kept. Copies and unpickled values with its id name the same store.

    The store itself is opened elsewhere; `on_close` is how whoever opens it hears of the end.
    """

    __slots__ = ("__weakref__", "_closers", "_finalizer", "id", "pid")

    def __init__(self, identity: str, pid: int) -> None:
        self.id: str = identity
        self.pid: int = pid
        self._closers: list[Callable[[], None]] = []
        self._finalizer = weakref.finalize(self, _close, pid, self._closers)

    def check(self) -> None:
        """Whether the store can be used here and now.

        Raises
        ------
        TargetError
            It was closed, or lives in another process.
        ForkedProcessError
            This process was forked from the one it lives in.
        """
        if os.getpid() != self.pid:
            raise ForkedProcessError(
                "a ':memory:' store cannot be used in another process than the one that made it. Use threads "
                "(backend='threading'), a folder of its own in each process, or a server."
            )
        if not self._finalizer.alive:
            raise TargetError(_GONE)

    def on_close(self, closer: Callable[[], None]) -> None:
        """Call `closer` once the store ends. It must not hold the store."""
        self._closers.append(closer)

    def close(self) -> None:
        self._finalizer()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Temporary) and self.id == other.id

    def __hash__(self) -> int:
        return hash(self.id)

    def __repr__(self) -> str:
        return f"Temporary({self.id!r})"

    def __reduce__(self) -> tuple[Callable[[str, int], Temporary], tuple[str, int]]:
        return revive, (self.id, self.pid)


_living: weakref.WeakValueDictionary[str, Temporary] = weakref.WeakValueDictionary()
_lock = threading.Lock()


def _renew_lock() -> None:
    global _lock
    _lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_lock)


def make() -> Temporary:
    """A new store, empty."""
    made = Temporary(os.urandom(16).hex(), os.getpid())
    with _lock:
        _living[made.id] = made
    return made


def revive(identity: str, pid: int) -> Temporary:
    """The store of an id if it lives here, so that copies end together; else one that can only say that it is gone."""
    with _lock:
        found = _living.get(identity)
    if found is None:
        found = Temporary(identity, pid)
        found.close()
    return found


def _close(pid: int, closers: list[Callable[[], None]]) -> None:
    """Runs once: on close, when the last copy goes, or at the end of the process; in a forked child it does nothing."""
    if os.getpid() != pid:
        return
    while closers:
        closers.pop()()
