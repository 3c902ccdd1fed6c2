"""Brakes and gates: what a server asks to wait for holds all calls to it; a stop ends the waiting of one call."""

from __future__ import annotations

import os
import threading
import time
from weakref import WeakValueDictionary

KEPT_BRAKES = 64
"""Targets whose brake is remembered when no call uses it any more; the one used longest ago goes."""


class Brake:
    """Until when a target is to be left alone; shared by all calls of the process to it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._until = 0.0

    @property
    def until(self) -> float:
        """Monotonic seconds."""
        return self._until

    def hold(self, seconds: float) -> None:
        """No request for so many seconds from now; a longer hold is not made shorter."""
        with self._lock:
            self._until = max(self._until, time.monotonic() + seconds)


class Gate:
    """Holds back the requests of one call while the brake is on; a stop ends every wait of the call at once.

    Parameters
    ----------
    brake : Brake, optional
        That of the target; without one the gate has its own.
    """

    def __init__(self, brake: Brake | None = None) -> None:
        self._brake = Brake() if brake is None else brake
        self._stopped = threading.Event()

    def hold(self, seconds: float) -> None:
        """Put the brake on: no request of any call that shares it passes for so many seconds from now."""
        self._brake.hold(seconds)

    def wait(self, latest: float) -> float:
        """Wait until the gate is open, or until `latest` (monotonic seconds); returns the seconds waited."""
        waited = 0.0
        while not self._stopped.is_set():
            pause = min(self._brake.until, latest) - time.monotonic()
            if pause <= 0:
                break
            start = time.monotonic()
            self._stopped.wait(pause)
            waited += time.monotonic() - start
        return waited

    def pause(self, seconds: float) -> None:
        """Make one worker wait; a stop ends it."""
        self._stopped.wait(seconds)

    def stop(self) -> None:
        """End all waits; nothing new is to be sent."""
        self._stopped.set()

    @property
    def stopped(self) -> bool:
        return self._stopped.is_set()


_Key = tuple[int, str]

_in_use: WeakValueDictionary[_Key, Brake] = WeakValueDictionary()
_recent: dict[_Key, Brake] = {}
_lock = threading.Lock()


def brake_of(target: str) -> Brake:
    """The brake of a target in this process: the same one for as long as anybody holds it.

    Parameters
    ----------
    target : str
        URL or path. Not the Connection: keys and timeouts of it do not matter here, and to keep it would keep a
        temporary store.
    """
    key = (os.getpid(), target)
    with _lock:
        brake = _in_use.get(key)
        if brake is None:
            brake = _in_use[key] = Brake()
        # Between two calls too: the second one would only be told to wait once more.
        _recent.pop(key, None)
        _recent[key] = brake
        while len(_recent) > KEPT_BRAKES:
            del _recent[next(iter(_recent))]
    return brake
