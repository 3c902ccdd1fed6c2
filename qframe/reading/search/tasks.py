"""Asks many queries at once: each request retried alone, a refused one halved until the bad queries stand alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import partial

from qframe.backends.faults import raise_fault
from qframe.delivery.ask import Patience, answer_or_fault
from qframe.delivery.jobs import Jobs, run
from qframe.delivery.streak import HOPELESS_IN_A_ROW, LOST_IN_A_ROW
from qframe.model.backend import Backend
from qframe.model.outcome import Fault
from qframe.model.queries import Hits
from qframe.model.schema import Schema
from qframe.reading.search.rows import Rows, Task

LOOKED_AT = 3
"""Levels of halving, of which nothing was answered, all with the same words, after which the reason is in no query."""


@dataclass(slots=True, eq=False)
class Answers:
    """What came of queries.

    Attributes
    ----------
    hits : list of (rows, Hits)
        The frame's numbers of the queries, and their answers.
    faults : list of (rows, Fault)
    hopeless : bool
        Whether all were refused, their halves and quarters with the same words.
    broken : Exception or None
        What is no answer of the target, to be raised where the search was called.
    """

    hits: list[tuple[Rows, Hits]] = field(default_factory=list)
    faults: list[tuple[Rows, Fault]] = field(default_factory=list)
    hopeless: bool = False
    broken: Exception | None = None

    def add(self, other: Answers) -> None:
        self.hits += other.hits
        self.faults += other.faults

    @property
    def reason_for_all(self) -> Fault | None:
        """Why nothing at all was answered, if that is one reason."""
        if self.hits or not self.faults:
            return None
        first = self.faults[0][1]
        alike = {(fault.kind, "" if fault.kind in ("lost", "throttled") else fault.message) for _, fault in self.faults}
        return first if len(alike) == 1 else None


def ask_all(tasks: Iterator[Task], backend: Backend, schema: Schema, patience: Patience, jobs: Jobs) -> Answers:
    """The answers to all tasks, several requests on their way at a time.

    Raises
    ------
    QframeError
        Where no other query would fare better: the collection is gone, the key is wrong, nobody answers.
    """
    every, bar = Answers(), _Bar()
    given = bar.passed(tasks)
    capabilities = backend.capabilities
    crew = run(
        partial(_answer, backend, schema, patience),
        given,
        jobs,
        shared_memory_only=capabilities.shared_memory_only,
        parallel=capabilities.parallel,
    )
    try:
        for answers in crew:
            if answers.broken is not None:
                raise answers.broken
            every.add(answers)
            fatal = bar.heard(answers)
            if fatal is not None:
                raise_fault(fatal, collection=bar.collection)
        if crew.broken is not None:
            raise crew.broken
    finally:
        crew.leave()
    reason = every.reason_for_all
    if reason is not None:
        raise_fault(reason, collection=bar.collection)
    if bar.down is not None:
        # Nothing is sent for the rest, which is looked at all the same.
        unasked = replace(bar.down, message=f"not asked, since those before were not answered: {bar.down.message}")
        every.faults += [(task.rows, unasked) for task in tasks]
    return every


class _Bar:
    """Goes down when what was heard says that asking on is of no use."""

    def __init__(self) -> None:
        self.collection = ""
        self.down: Fault | None = None
        self._lost = self._hopeless = 0

    def passed(self, tasks: Iterator[Task]) -> Iterator[Task]:
        while self.down is None:
            task = next(tasks, None)
            if task is None:
                return
            self.collection = task.request.collection
            yield task

    def heard(self, answers: Answers) -> Fault | None:
        """The fault that ends the call at once, if there is one."""
        faults = [fault for _, fault in answers.faults]
        fatal = next((fault for fault in faults if fault.kind == "fatal"), None)
        lost = [fault for fault in faults if fault.kind in ("lost", "throttled")]
        self._lost = self._lost + 1 if lost else 0
        self._hopeless = self._hopeless + 1 if answers.hopeless else 0
        if self._lost >= LOST_IN_A_ROW or self._hopeless >= HOPELESS_IN_A_ROW:
            self.down = self.down or faults[0]
        return fatal


def _answer(backend: Backend, schema: Schema, patience: Patience, task: Task) -> Answers:
    """The answers to the queries of a task; never raises, since joblib would lose what is finished already."""
    try:
        return _halving(backend, schema, patience, task)
    except Exception as error:  # noqa: BLE001 - nothing is swallowed: it is raised in the thread that called
        return Answers(broken=error)


def _halving(backend: Backend, schema: Schema, patience: Patience, task: Task) -> Answers:
    found, level, words = Answers(), [task], set[str]()
    for depth in range(len(task).bit_length() + 1):
        following: list[Task] = []
        for one in level:
            question = partial(backend.query, one.request, schema)
            answer = answer_or_fault(question, patience, one.request.collection)
            if not isinstance(answer, Fault):
                found.hits.append((one.rows, answer))
                continue
            words.add(answer.message if answer.kind == "refused" else answer.kind)
            if len(one) > 1 and answer.kind in ("refused", "too_large", "missing"):
                following += one.halves()
            else:
                found.faults.append((one.rows, answer))
            last = answer
            if answer.kind == "fatal":
                return found
        if not following:
            break
        if depth + 1 == LOOKED_AT and not found.hits and len(words) == 1 and last.kind == "refused":
            found.faults += [(one.rows, last) for one in following]
            found.hopeless = True
            break
        level = following
    return found
