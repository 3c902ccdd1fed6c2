"""Brakes and gates: what a server asks to wait for holds all calls to it; a stop ends the waiting of one call."""

from __future__ import annotations

import math
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from weakref import WeakValueDictionary

KEPT_BRAKES = 64
"""Targets whose brake is remembered when no call uses it any more; the one used longest ago goes."""


@dataclass(slots=True)
class Turn:
    """The place of one request, and of its repetitions, among those that wait at a brake.

    Parameters
    ----------
    number : int
        Lower ones pass first.
    hold : int
        After how many holds it passed.
    waited : float
        Seconds that it was held back the last time.
    """

    number: int
    hold: int = 0
    waited: float = 0.0


class Brake:
    """Until when a target is to be left alone, and how many requests pass after that; shared by all calls of the
    process to it.

    After a hold requests pass in the order in which their turns were given: one alone, another when it is over, then
    two at a time, and one more for each that is over. A limiter has seldom more to give. Of those that came back all at
    once one would be taken, and who is always late would use up its attempts (4 workers, a batch a second: one row in
    seven failed).
    """

    def __init__(self) -> None:
        self._moved = threading.Condition()
        self._until = 0.0
        self._holds = 0
        # Requests that may be under way; of those that passed since the last hold, how many are and how many were.
        self._room = math.inf
        self._under_way = 0
        self._over = 0
        self._turns = count()
        self._waiting: set[int] = set()

    @property
    def until(self) -> float:
        """Monotonic seconds."""
        return self._until

    def turn(self) -> Turn:
        """A place behind all that were given before."""
        return Turn(next(self._turns))

    def hold(self, seconds: float) -> None:
        """No request for so many seconds from now; a longer hold is not made shorter."""
        with self._moved:
            self._until = max(self._until, time.monotonic() + seconds)
            self._holds += 1
            self._room, self._under_way, self._over = 1, 0, 0
            self._moved.notify_all()

    def enter(self, turn: Turn, latest: float, stopped: Callable[[], bool]) -> bool:
        """Wait until a request may pass: then it is to `leave`. False where that is not before `latest` (monotonic
        seconds), or the call was stopped.
        """
        turn.waited = 0.0
        with self._moved:
            self._waiting.add(turn.number)
            try:
                while not stopped() and (now := time.monotonic()) < latest:
                    if now >= self._until and self._under_way < self._room and turn.number == min(self._waiting):
                        turn.hold = self._holds
                        self._under_way += 1
                        return True
                    opens = self._until if self._until > now else math.inf
                    self._moved.wait(min(opens - now, latest - now, threading.TIMEOUT_MAX))
                    turn.waited += time.monotonic() - now
                return False
            finally:
                self._waiting.discard(turn.number)
                self._moved.notify_all()

    def leave(self, turn: Turn, again: float | None) -> None:
        """A request that passed is over. `again`: for so many seconds from now no other is to pass."""
        with self._moved:
            if again is not None:
                self.hold(again)
            elif turn.hold == self._holds:
                self._under_way -= 1
                self._over += 1
                self._room = max(self._room, self._over)
                self._moved.notify_all()

    def wake(self) -> None:
        """Let those that wait look whether their call was stopped."""
        with self._moved:
            self._moved.notify_all()


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

    def turn(self) -> Turn:
        """The place of a request and its repetitions among all that share the brake."""
        return self._brake.turn()

    def enter(self, turn: Turn, latest: float) -> bool:
        """Wait until a request may pass: then it is to `leave`. False where that is not before `latest` (monotonic
        seconds), or the call was stopped.
        """
        return self._brake.enter(turn, latest, self._stopped.is_set)

    def leave(self, turn: Turn, again: float | None = None) -> None:
        """The request that passed is over.

        Parameters
        ----------
        turn : Turn
        again : float, optional
            Puts the brake on: no request of any call that shares it passes for so many seconds from now.
        """
        self._brake.leave(turn, again)

    def pause(self, seconds: float) -> None:
        """Make one worker wait; a stop ends it."""
        self._stopped.wait(min(seconds, threading.TIMEOUT_MAX))

    def stop(self) -> None:
        """End all waits; nothing new is to be sent."""
        self._stopped.set()
        self._brake.wake()

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


def _after_fork() -> None:
    global _lock
    _lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
