"""The brake: one a process and call. A worker that is told to wait makes all wait; a stop ends all waiting."""

from __future__ import annotations

import threading
import time


class Gate:
    """Holds back requests until a moment; can be stopped, which ends every wait at once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._until = 0.0
        self._stopped = threading.Event()

    def hold(self, seconds: float) -> None:
        """No request passes for so many seconds from now."""
        with self._lock:
            self._until = max(self._until, time.monotonic() + seconds)

    def wait(self, latest: float) -> float:
        """Wait until the gate is open, or until `latest` (monotonic seconds); returns the seconds waited."""
        waited = 0.0
        while not self._stopped.is_set():
            pause = min(self._until, latest) - time.monotonic()
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
