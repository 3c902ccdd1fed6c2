"""Pages one after the other: a scan that nobody has any more is closed wherever the collector finds it."""

from __future__ import annotations

import gc
import threading
from typing import Any, cast

import pyarrow as pa

from qframe.model.requests import Fetched, Page
from qframe.reading.pages import Scroll
from qframe.reading.ranges import EVERY_PLACE
from qframe.reading.sequence import in_sequence
from qframe.reading.sizes import Sizes

ROWS = 5
PATIENCE = 10.0
"""Seconds after which what is waited for counts as not happening."""


class Pages:
    """Pages without end, in the place of a scroll; all but the first are held."""

    def __init__(self) -> None:
        self.free = threading.Event()

    def fetch(self, rows: int, offset: int | None) -> Fetched:
        if offset is not None:
            self.free.wait(PATIENCE)
        following = (offset or 0) + rows
        table = pa.table({"id": range(following - rows, following)})
        page = Page(table, next_offset=following)
        return Fetched(lambda _: page, following, 1)

    def decode(self, fetched: Fetched) -> Page:
        return cast("Page", fetched.decode(cast("Any", None)))

    def table(self, page: Page) -> pa.Table:
        return page.table


class Collecting(Sizes):
    """Sizes that let the collector run while they learn of a page in another thread: it may run anywhere."""

    def __init__(self) -> None:
        super().__init__(ROWS, ROWS)
        self.collects, self.collected = False, threading.Event()

    def grow(self, asked: int, got: int, nbytes: int) -> None:
        if self.collects:
            gc.collect()
            self.collected.set()
        super().grow(asked, got, nbytes)


def test_the_collector_may_close_a_scan_in_one_of_its_threads() -> None:
    pages, sizes = Pages(), Collecting()
    scan: Any = in_sequence(cast("Scroll", pages), EVERY_PLACE, sizes, None, ahead=True)
    assert next(scan).num_rows == ROWS
    # An exception that is kept, say, has such a circle.
    circle = [scan]
    circle.append(circle)
    gc.disable()
    try:
        del scan, circle
        sizes.collects = True
        pages.free.set()
        assert sizes.collected.wait(PATIENCE)
    finally:
        gc.enable()
