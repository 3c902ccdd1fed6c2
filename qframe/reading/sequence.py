"""Page after page, in id order: while one is used, the next are decoded and the one behind them travels."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Protocol

import pyarrow as pa

from qframe.model.ids import PointId
from qframe.reading.flight import Flight
from qframe.reading.pages import Scroll
from qframe.reading.ranges import first_of, goes_on, places_from
from qframe.reading.sizes import Sizes

AHEAD = 3
"""Pages that are on their way, being decoded or ready before they are used: one travels while two are decoded."""


def in_sequence(scroll: Scroll, span: range, sizes: Sizes, limit: int | None, *, ahead: bool) -> Iterator[pa.Table]:
    """Tables until the span, the collection or the limit ends.

    Parameters
    ----------
    span : range
        Places of the ids to go through; some beyond the end may come with the last page.
    limit : int or None
        Rows in all; no more are asked for.
    ahead : bool
        Whether pages are fetched and decoded in other threads while one is used: one request at a time, and `AHEAD`
        pages at most.
    """
    line = _Line(scroll, span, sizes, limit, AHEAD if ahead else 1, Flight if ahead else _Here)
    try:
        while (table := line.take()) is not None:
            if table.num_rows:
                yield table
    finally:
        line.leave()


@dataclass(frozen=True, slots=True, eq=False)
class _Leg:
    """A page that is there: how many rows were asked for, and where its first glance saw the next begin."""

    asked: int
    seen: PointId | None
    next_offset: PointId | None
    table: pa.Table
    nbytes: int


class _Coming(Protocol):
    """A leg that is on its way."""

    def result(self) -> _Leg: ...


@dataclass(frozen=True, slots=True, eq=False)
class _Here:
    """A leg that is gone when it is asked for, by whoever asks."""

    result: Callable[[], _Leg]


class _Line:
    """The pages that are on their way, in their order.

    Parameters
    ----------
    room : int
        How many there can be.
    begin : callable
        Sends one on its way.
    """

    def __init__(
        self,
        scroll: Scroll,
        span: range,
        sizes: Sizes,
        limit: int | None,
        room: int,
        begin: Callable[[Callable[[], _Leg]], _Coming],
    ) -> None:
        self._scroll, self._span, self._sizes, self._room, self._begin = scroll, span, sizes, room, begin
        # The collector may close a scan that nobody has any more in any thread, and in the midst of what holds this.
        self._lock = threading.RLock()
        self._coming: deque[tuple[int, _Coming]] = deque()
        # Rows that nobody has asked for yet, and where they begin, if that is known.
        self._left, self._known, self._offset = limit, True, first_of(span)
        # Counts how often what was on its way was given up.
        self._age = 0

    def take(self) -> pa.Table | None:
        """The next page; None behind the last."""
        with self._lock:
            self._go_on()
            if not self._coming:
                return None
            _, first = self._coming[0]
        leg = first.result()
        with self._lock:
            self._coming.popleft()
            self._give_back(leg.asked - leg.table.num_rows)
            if leg.next_offset != leg.seen:
                self._give_up()
                self._sizes.grow(leg.asked, leg.table.num_rows, leg.nbytes or leg.table.nbytes)
                self._known, self._offset = goes_on(leg.next_offset, self._span), leg.next_offset
            self._go_on()
        return leg.table

    def leave(self) -> None:
        """Nobody takes any more."""
        with self._lock:
            self._give_up()

    def _go_on(self) -> None:
        """Ask for the next page, where there is room and somebody knows where it begins."""
        if not self._known or len(self._coming) == self._room or self._left == 0:
            return
        rows = min(self._sizes.rows, places_from(self._span, self._offset))
        if self._left is not None:
            rows = min(rows, self._left)
            self._left -= rows
        self._known = False
        self._coming.append((rows, self._begin(partial(self._leg, rows, self._offset, self._age))))

    def _leg(self, rows: int, offset: PointId | None, age: int) -> _Leg:
        fetched = self._scroll.fetch(rows, offset)
        with self._lock:
            if age == self._age and goes_on(fetched.ahead, self._span):
                # Where there is a next page, this one is full.
                self._sizes.grow(rows, rows, fetched.nbytes)
                self._known, self._offset = True, fetched.ahead
                self._go_on()
        page = self._scroll.decode(fetched)
        return _Leg(rows, fetched.ahead, page.next_offset, self._scroll.table(page), page.nbytes)

    def _give_up(self) -> None:
        """Leave what is on its way to itself."""
        self._give_back(sum(rows for rows, _ in self._coming))
        self._coming.clear()
        self._known = False
        self._age += 1

    def _give_back(self, rows: int) -> None:
        if self._left is not None:
            self._left += rows
