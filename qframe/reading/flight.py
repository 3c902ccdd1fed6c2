"""A call in a thread beside this one: how a page is on its way while another is decoded.

It goes on to its end, whoever still waits for it, and is known to the guard that ends the interpreter cleanly.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from functools import partial
from queue import Empty, SimpleQueue
from typing import Generic, TypeVar

from qframe.shutdown import guard

Result = TypeVar("Result")
Call = Callable[[], object]

IDLE = 1.0
"""Seconds that a thread waits for another call before it ends."""


class _Threads:
    """Threads that take one call after the other, about as many as there are calls at a time.

    With a thread for each page, pages came to be decoded in all of glibc's arenas (eight a core), each of which keeps
    what is freed at its end for itself: a scan held 400 MB on two cores, and takes as long with 150.
    """

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """None of them is there, as after a fork."""
        self._lock = threading.Lock()
        self._idle: list[SimpleQueue[tuple[Call, Call] | None]] = []

    def run(self, call: Call, then: Call) -> None:
        """Make a call, and another one when the thread can be given more: who hears of its end may ask at once."""
        with self._lock:
            waiting = self._idle.pop() if self._idle else None
        if waiting is None:
            waiting = SimpleQueue()
            # Without the call: a thread keeps for its life what it is started with, and that would be the page. And
            # Ctrl-C during the start then leaves nothing on its way.
            try:
                threading.Thread(target=self._work, args=(waiting,), name="qframe-read", daemon=True).start()
            except BaseException:
                waiting.put(None)
                raise
        waiting.put((call, then))

    def _work(self, calls: SimpleQueue[tuple[Call, Call] | None]) -> None:
        while True:
            try:
                given = calls.get(timeout=IDLE)
            except Empty:
                with self._lock:
                    if calls in self._idle:
                        self._idle.remove(calls)
                        return
                given = calls.get()  # somebody has just taken it from there, or made it
            if given is None:
                return  # whoever made it was interrupted
            call, then = given
            call()
            # At the end of the interpreter the thread is held in what comes then.
            if not guard.ending.is_set():
                with self._lock:
                    self._idle.append(calls)
            then()
            del given, call, then  # and the page that they hold


_threads = _Threads()

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_threads.forget)


class Flight(Generic[Result]):
    """One call, begun when this is made.

    Parameters
    ----------
    call : callable
    landed : callable, optional
        Told, in the thread of the call, when it has ended.
    """

    def __init__(self, call: Callable[[], Result], landed: Callable[[Flight[Result]], object] = lambda _: None) -> None:
        self._done = threading.Event()
        self._error: BaseException | None = None
        guard.begin()
        try:
            _threads.run(partial(self._fly, call), partial(self._land, landed))
        except BaseException:
            guard.done()
            raise

    def _fly(self, call: Callable[[], Result]) -> None:
        try:
            self._result = call()
        except BaseException as error:  # noqa: BLE001 - raised where the result is asked for
            self._error = error

    def _land(self, landed: Callable[[Flight[Result]], object]) -> None:
        self._done.set()
        landed(self)
        guard.done()

    def result(self) -> Result:
        """Wait for the end of the call; what it gave, or the exception it raised."""
        self._done.wait()
        if self._error is not None:
            raise self._error
        return self._result
