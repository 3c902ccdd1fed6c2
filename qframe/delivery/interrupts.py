"""Ctrl-C waits while books are kept: it may come up between any two steps, and would leave a ledger half written."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Any, Self


class Held:
    """A block in which SIGINT is noted, and passed on when the block ends; one may stand in another.

    What is passed on goes to the handler that was there before. Python runs handlers in the main thread alone, so in
    any other this does nothing; nor where nobody wants to hear of the signal (a program in the background), or the
    handler is not Python's.
    """

    def __init__(self) -> None:
        self._before: Callable[[int, FrameType | None], Any] | int | signal.Handlers | None = None
        self._came = False

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            self._take()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pass_on()

    @contextmanager
    def heard(self) -> Iterator[None]:
        """A block within this one in which SIGINT does what it did before; what was noted comes up at its begin.

        A handler that the block puts up, or one that it takes down (a source's own, say), is as it left it afterwards.
        """
        try:
            self._pass_on()
            yield
        finally:
            if self._before is not None:
                self._take()

    def interrupted(self) -> bool:
        """Whether what was noted so far is a KeyboardInterrupt; another handler of the program's has been called."""
        try:
            with self.heard():
                return False
        except KeyboardInterrupt:
            return True

    def _take(self) -> None:
        before = signal.getsignal(signal.SIGINT)
        self._before = None if before == signal.SIG_IGN else before
        if self._before is not None:
            signal.signal(signal.SIGINT, self._note)

    def _pass_on(self) -> None:
        if self._before is None:
            return
        signal.signal(signal.SIGINT, self._before)
        if self._came:
            self._came = False
            signal.raise_signal(signal.SIGINT)

    def _note(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002 - of a handler
        self._came = True
