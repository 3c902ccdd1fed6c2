"""Several pages on their way at a time, in threads; whichever is there first is given first.

Nothing is asked for unless somebody takes: at most as many pages as workers are on their way or wait to be taken.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from queue import SimpleQueue
from typing import Protocol

import pyarrow as pa

from qframe.model.ids import PointId
from qframe.model.requests import Filter, Page
from qframe.reading.flight import Flight
from qframe.reading.pages import Scroll
from qframe.reading.sizes import Sizes


@dataclass(frozen=True, slots=True, eq=False)
class Task:
    """A page to be fetched: at most `rows` from `offset` on, by `filter`."""

    rows: int
    offset: PointId | None
    filter: Filter | None


@dataclass(frozen=True, slots=True, eq=False)
class Share:
    """The first `rows` rows of a page are part of the answer."""

    page: Page
    rows: int


class Parting(Protocol):
    """How a scan is parted into pages that can be fetched side by side."""

    def ask(self, rows: int, /) -> Task | None:
        """What to fetch next, about `rows` rows at most; None where nothing can be said before another page lands."""
        ...

    def land(self, task: Task, page: Page, /) -> list[Share]:
        """What can be given now that a page is there."""
        ...


def side_by_side(
    scroll: Scroll, parting: Parting, sizes: Sizes, limit: int | None, *, workers: int, sparing: bool
) -> Iterator[pa.Table]:
    """Tables until all of a scan or the limit is there.

    Parameters
    ----------
    limit : int or None
        Rows in all.
    workers : int
        Pages on their way at a time.
    sparing : bool
        Ask for no more rows than the limit leaves. Not where some may turn out to stand behind others.
    """
    landed: SimpleQueue[Flight[Page]] = SimpleQueue()
    flying: dict[Flight[Page], Task] = {}
    left = limit

    def ask() -> None:
        while len(flying) < workers:
            rows = sizes.rows
            if left is not None:
                rows = min(rows, left - sum(task.rows for task in flying.values()) if sparing else rows, left)
            task = parting.ask(rows) if rows > 0 else None
            if task is None:
                return
            asked = replace(scroll, request=replace(scroll.request, filter=task.filter))
            flying[Flight(partial(asked.page, task.rows, task.offset), landed.put)] = task

    ask()
    while flying:
        flight = landed.get()
        task, page = flying.pop(flight), flight.result()
        sizes.grow(task.rows, page.table.num_rows, page.nbytes)
        tables = []
        for share in parting.land(task, page):
            table = scroll.table(share.page).slice(0, share.rows if left is None else min(share.rows, left))
            left = None if left is None else left - table.num_rows
            if table.num_rows:
                tables.append(table)
        # Before these are used: what is next is on its way meanwhile.
        ask()
        yield from tables
