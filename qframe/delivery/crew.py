"""Workers that run beside the caller: joblib in a thread of its own, so that the caller's thread stays free to hear.

joblib pulls tasks in threads of its own and loses results when its consumer is interrupted. Here nothing but messages
passes between it and the caller: joblib asks for a task, the caller's thread makes it (so a source is only ever touched
by the thread that called, and Ctrl-C and errors come up there), results come back as messages, and so does the end.

A crew of one has no need of joblib: the caller's thread makes the next task while the worker is busy with this one.
"""

from __future__ import annotations

import logging
import math
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from queue import Empty, SimpleQueue
from typing import Final, Generic, TypeVar, final

from qframe.delivery.interrupts import Held

log = logging.getLogger("qframe")

Task = TypeVar("Task")
Result = TypeVar("Result")

LOOK = 0.2
"""Seconds after which a wait looks up: on Windows a wait without end would not hear Ctrl-C."""


@final
class _Mark:
    """A message without content."""


_WANTED: Final = _Mark()
_TAKEN: Final = _Mark()
_NEWS: Final = _Mark()
_END: Final = _Mark()


def every(task: object) -> bool:  # noqa: ARG001 - the type of what accepts tasks
    """Accepts all tasks."""
    return True


class Crew(Generic[Task, Result]):
    """Results of tasks that run beside the caller; iterate over it to hear them.

    Parameters
    ----------
    start : callable
        Takes an iterator of tasks, gives the iterator of their results in the order in which they finish: joblib.
    tasks : iterable
        Pulled in the thread that iterates, as workers become free. What it raises comes out of the iteration.
    kill : callable
        Ends workers in the middle of their tasks, where that can be done.
    accept : callable
        Asked of each task right before it is handed out, when all that was heard has been dealt with. The first one
        that it refuses is dropped, and no more are handed out.
    ahead : bool
        Of a crew of one: the next task is pulled while the worker is busy with this one, instead of when it is free.
        What the pulling raises comes out when the task would have been handed out, if it would.

    Attributes
    ----------
    over : bool
        Whether all workers are done; no task runs any more. Results may still be unread.
    broken : BaseException or None
        Why the workers ended before they were done: one was killed, a task did not pickle.
    """

    def __init__(
        self,
        start: Callable[[Iterator[Task]], Iterable[Result]],
        tasks: Iterable[Task],
        kill: Callable[[], None],
        *,
        accept: Callable[[Task], bool] = every,
        ahead: bool = False,
    ) -> None:
        self._start, self._tasks, self._kill = start, iter(tasks), kill
        self._accept, self._ahead = accept, ahead
        self._next: Task | _Mark | None = None
        self._error: BaseException | None = None
        self._results: deque[Result] = deque()
        self._messages: SimpleQueue[_Mark] = SimpleQueue()
        self._replies: SimpleQueue[Task | _Mark] = SimpleQueue()
        self._stopped = False
        self.over = False
        self.broken: BaseException | None = None
        threading.Thread(target=self._drive, name="qframe-jobs", daemon=True).start()

    def __iter__(self) -> Iterator[Result]:
        return self.hear(math.inf)

    def hear(self, until: float) -> Iterator[Result]:
        """Hand out tasks and hear of them; ends before all are done when nothing is heard after `until`.

        Parameters
        ----------
        until : float
            Monotonic seconds.
        """
        return self._hear(until)

    def settle(self, seconds: float) -> Iterator[Result]:
        """Hand out nothing more and hear of what is on its way, at the longest so many seconds.

        A result that was being dealt with when the iteration was broken off comes again.
        """
        self.stop()
        return self._hear(time.monotonic() + seconds)

    def leave(self) -> None:
        """Hear nothing more. Workers in processes are ended; threads end with the requests they are waiting for."""
        self.stop()
        if not self.over:
            self._kill()

    def stop(self) -> None:
        """Hand out nothing more; what is on its way is still heard of."""
        self._stopped = True
        # An interrupt may have come between a question and its answer.
        self._replies.put(_END)

    def _hear(self, until: float) -> Iterator[Result]:
        while True:
            over = self.over
            while self._results:
                # It is taken away only when it has been dealt with: Ctrl-C may come up anywhere, and settling gives it
                # again.
                yield self._results[0]
                self._results.popleft()
            if over:
                return
            try:
                message = self._messages.get(timeout=max(0.0, min(LOOK, until - time.monotonic())))
            except Empty:
                if time.monotonic() >= until:
                    return
                continue
            if message is _WANTED:
                self._give()
            elif message is _TAKEN:
                self._look_ahead()

    def _give(self) -> None:
        following: Task | _Mark = _END
        try:
            if not self._stopped:
                following = self._following()
        except BaseException:
            self._replies.put(_END)
            raise
        with Held():  # what is noted as handed out is handed out
            accepted = isinstance(following, _Mark) or self._accept(following)
            self._replies.put(following if accepted else _END)

    def _following(self) -> Task | _Mark:
        if self._error is not None:
            raise self._error
        if self._next is None:
            return next(self._tasks, _END)
        following, self._next = self._next, None
        return following

    def _look_ahead(self) -> None:
        if self._stopped:
            return
        try:
            self._next = next(self._tasks, _END)
        except (KeyboardInterrupt, SystemExit, GeneratorExit):
            raise
        except BaseException as error:  # noqa: BLE001 - raised by `_following`: what is on its way is heard of first
            self._error = error

    def _asking(self) -> Iterator[Task]:
        """The tasks as joblib sees them, in whatever thread it pulls; it lets one thread in at a time."""
        # The first step is taken in the thread that starts the workers, right before it does.
        _shield()
        while not self._stopped:
            self._messages.put(_WANTED)
            task = self._replies.get()
            if isinstance(task, _Mark):
                return
            if self._ahead:
                # Told from here, and not begun by the caller after its reply: it keeps the GIL while it makes a task, 5
                # ms at a time, and this one would not be on its way before that.
                self._messages.put(_TAKEN)
            yield task

    def _drive(self) -> None:
        try:
            for result in self._start(self._asking()):
                self._results.append(result)
                self._messages.put(_NEWS)
        except BaseException as error:
            # It is told to the caller's thread; this one has nobody. Workers that were ended are no news.
            level = logging.INFO if self._stopped else logging.WARNING
            log.log(level, "workers broke off", extra={"status": type(error).__name__}, exc_info=error)
            self.broken = error
        self.over = True
        self._messages.put(_NEWS)


def _shield() -> None:
    """Block SIGINT for this thread and the processes that are started from here.

    A terminal sends Ctrl-C to worker processes too, and one that dies of it takes with it what all of them have on
    their way. The caller's thread hears it and ends them.
    """
    if hasattr(signal, "pthread_sigmask") and threading.current_thread() is not threading.main_thread():
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})


class Alone(Generic[Task, Result]):
    """The same, with the caller as its only worker: one task after the other in the thread that iterates.

    Ctrl-C comes up between two tasks: what a task has done by then is known, and that of one broken off is not.
    """

    over = True
    broken: BaseException | None = None

    def __init__(
        self, work: Callable[[Task], Result], tasks: Iterable[Task], accept: Callable[[Task], bool] = every
    ) -> None:
        self._work, self._tasks, self._accept = work, iter(tasks), accept
        self._done: deque[Result] = deque()
        self._stopped = False

    def __iter__(self) -> Iterator[Result]:
        return self.hear(math.inf)

    def hear(self, until: float) -> Iterator[Result]:  # noqa: ARG002 - nobody looks up while it works
        """All results: what is done in this thread ends when it ends."""
        while self._worked():
            yield self._done[0]
            self._done.popleft()

    def settle(self, seconds: float) -> Iterator[Result]:  # noqa: ARG002 - nothing is ever on its way
        """The result that was there, or being dealt with, when the iteration was broken off."""
        self.stop()
        return iter(self._done)

    def stop(self) -> None:
        """Begin no other task."""
        self._stopped = True

    def leave(self) -> None:
        """Nothing is left to end."""

    def _worked(self) -> bool:
        """Whether there was a task, and now is its result."""
        task = _END if self._stopped else next(self._tasks, _END)
        with Held():
            if isinstance(task, _Mark) or not self._accept(task):
                return False
            self._done.append(self._work(task))
        return True
