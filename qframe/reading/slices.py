"""A scan parted by Qdrant's `slice` condition: as many parts as workers, equal by the hash of the ids."""

from __future__ import annotations

from collections import deque

from qframe.model.ids import PointId
from qframe.model.requests import Filter, Page
from qframe.reading.parallel import Share, Task
from qframe.reading.ranges import first_of, goes_on


class Slices:
    """One scroll for each slice.

    Parameters
    ----------
    given : mapping or None
        The filter of the scan.
    total : int
        Slices.
    span : range
        Places of the ids to go through; some beyond the end may come.
    """

    def __init__(self, given: Filter | None, total: int, span: range) -> None:
        beside = () if given is None else (given,)
        self._span = span
        self._waiting: deque[tuple[Filter, PointId | None]] = deque(
            ({"must": [{"slice": {"total": total, "index": index}}, *beside]}, first_of(span)) for index in range(total)
        )

    def ask(self, rows: int) -> Task | None:
        if not self._waiting:
            return None
        condition, offset = self._waiting.popleft()
        return Task(rows, offset, condition)

    def land(self, task: Task, page: Page) -> list[Share]:
        if goes_on(page.next_offset, self._span) and task.filter is not None:
            self._waiting.append((task.filter, page.next_offset))
        return [Share(page, page.table.num_rows)]
