"""A call in a thread of its own: how a page is on its way while another is decoded.

The thread ends with its call, whoever still waits for it, and is known to the guard that ends the interpreter cleanly.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from qframe.shutdown import guard

Result = TypeVar("Result")


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
            threading.Thread(target=self._fly, args=(call, landed), name="qframe-read", daemon=True).start()
        except BaseException:
            guard.done()
            raise

    def _fly(self, call: Callable[[], Result], landed: Callable[[Flight[Result]], object]) -> None:
        try:
            self._result = call()
        except BaseException as error:  # noqa: BLE001 - raised where the result is asked for
            self._error = error
        finally:
            self._done.set()
            landed(self)
            guard.done()

    def result(self) -> Result:
        """Wait for the end of the call; what it gave, or the exception it raised."""
        self._done.wait()
        if self._error is not None:
            raise self._error
        return self._result
