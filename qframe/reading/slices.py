"""A scan parted by Qdrant's `slice` condition: as many parts as workers, equal by the hash of the ids."""

from __future__ import annotations

from collections import deque

from qframe.model.ids import PointId
from qframe.model.requests import Filter, Page
from qframe.reading.parallel import Share, Task


class Slices:
    """One scroll for each slice.

    Parameters
    ----------
    given : mapping or None
        The filter of the scan.
    total : int
        Slices.
    """

    def __init__(self, given: Filter | None, total: int) -> None:
        beside = () if given is None else (given,)
        self._waiting: deque[tuple[Filter, PointId | None]] = deque(
            ({"must": [{"slice": {"total": total, "index": index}}, *beside]}, None) for index in range(total)
        )

    def ask(self, rows: int) -> Task | None:
        if not self._waiting:
            return None
        condition, offset = self._waiting.popleft()
        return Task(rows, offset, condition)

    def land(self, task: Task, page: Page) -> list[Share]:
        if page.next_offset is not None and task.filter is not None:
            self._waiting.append((task.filter, page.next_offset))
        return [Share(page, page.table.num_rows)]
