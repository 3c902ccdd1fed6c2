"""A scan parted by ranges of ids, for servers without slices and for rows in id order.

The ranges cover all ids by construction: at first there is one, from the lowest id that can be to the end. A page is
asked for with a range that is likely to hold as many rows, and the rest of the ids is a range that waits. What a page
shows of a range that is not its own is left out, unless nobody has asked for that one yet; what it does not reach waits
again. So bounds need not be found beforehand, and how dense the ids are is learned on the way.
"""

from __future__ import annotations

import math
import uuid
from bisect import bisect_left
from dataclasses import dataclass
from typing import TypeGuard

from qframe.model.ids import PointId
from qframe.model.requests import Filter, Page
from qframe.reading.parallel import Share, Task

INTEGERS = 2**64
"""Integer ids come before all UUIDs."""

END = INTEGERS + 2**128

EVERY_PLACE = range(END)


def place_of(point: PointId) -> int:
    """Where an id stands among all ids: those of two kinds in one order. Integers may be texts."""
    if isinstance(point, int):
        return point
    return int(point) if point.isdecimal() else INTEGERS + uuid.UUID(point).int


def id_at(place: int) -> PointId:
    return place if place < INTEGERS else str(uuid.UUID(int=place - INTEGERS))


def first_of(span: range) -> PointId | None:
    """Where a scroll through some places begins; None for the first point that there is."""
    return id_at(span.start) if span.start else None


def goes_on(following: PointId | None, span: range) -> TypeGuard[PointId]:
    """Whether the next page of a scroll is one of those places' still."""
    return following is not None and place_of(following) < span.stop


def places_from(span: range, offset: PointId | None) -> int:
    """How many ids there can be from one on to the end of the span."""
    return span.stop - (span.start if offset is None else place_of(offset))


@dataclass(slots=True, eq=False)
class Range:
    """Ids from `start` up to and without `end`, by their places; `task` once asked for, `share` once there."""

    start: int
    end: int
    task: Task | None = None
    share: Share | None = None


class Ranges:
    """Ranges of ids, in their order.

    Parameters
    ----------
    given : mapping or None
        The filter of the scan.
    ahead : int or None
        Give the pages in the order of their ids, and hold at most so many that are there before their turn. None gives
        each when it comes.
    span : range
        Places of the ids to go through.
    """

    def __init__(self, given: Filter | None, ahead: int | None, span: range = EVERY_PLACE) -> None:
        self._given = given
        self._ahead = ahead
        self._line = [Range(span.start, span.stop)]
        self._span: float | None = None

    def ask(self, rows: int) -> Task | None:
        index = next((index for index, one in enumerate(self._line) if one.task is None), None)
        # What all others wait for is always asked for.
        if index is None or (index and self._full()):
            return None
        found = self._line[index]
        if self._span is not None:
            # Ids without any order are as many as expected give or take the root; three of them are seldom exceeded.
            likely = max(1, int(self._span * max(1, rows - 3 * math.isqrt(rows))))
            if found.end - found.start > likely:
                self._line.insert(index + 1, Range(found.start + likely, found.end))
                found.end = found.start + likely
            rows = min(rows, found.end - found.start)
        found.task = Task(rows, id_at(found.start), self._given)
        return found.task

    def land(self, task: Task, page: Page) -> list[Share]:
        index = next(index for index, one in enumerate(self._line) if one.task is task)
        found = self._line[index]
        reached = END if page.next_offset is None else place_of(page.next_offset)
        if reached < found.end:
            self._line.insert(index + 1, Range(reached, found.end))
            found.end = reached
        else:
            self._take_over(index, reached)
            self._skip(index, page, reached)
        self._learn(page, reached)
        found.share = Share(page, _before(page, found.end))
        if self._ahead is None:
            self._line.remove(found)
            return [found.share]
        given = []
        while self._line and (share := self._line[0].share) is not None:
            given.append(share)
            del self._line[0]
        return given

    def _full(self) -> bool:
        return self._ahead is not None and sum(one.share is not None for one in self._line) >= self._ahead

    def _take_over(self, index: int, reached: int) -> None:
        """Let a range reach as far as its page shows, through those behind it that nobody has asked for."""
        found = self._line[index]
        while found.end < reached and index + 1 < len(self._line):
            behind = self._line[index + 1]
            if behind.task is not None or behind.start != found.end:
                return
            if behind.end <= reached:
                del self._line[index + 1]
                found.end = behind.end
            else:
                behind.start = found.end = reached

    def _skip(self, index: int, page: Page, reached: int) -> None:
        """Let ranges farther behind, which nobody has asked for, begin where the page shows the first id of theirs."""
        for behind in self._line[index + 1 :]:
            if behind.start >= reached:
                return
            if behind.task is None:
                row = _before(page, behind.start)
                behind.start = _place(page, row) if row < page.table.num_rows else reached
                if behind.start >= behind.end:
                    self._line.remove(behind)

    def _learn(self, page: Page, reached: int) -> None:
        """How many ids there are for one row, about, where a page ends."""
        rows = page.table.num_rows
        if rows and reached < END:
            self._span = (reached - _place(page, 0)) / rows


def _place(page: Page, row: int) -> int:
    return place_of(page.table.column(0)[row].as_py())


def _before(page: Page, end: int) -> int:
    """Rows of a page before a place."""
    return bisect_left(range(page.table.num_rows), end, key=lambda row: _place(page, row))
