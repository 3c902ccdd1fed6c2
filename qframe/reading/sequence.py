"""Page after page, in id order; the next is on its way while one is decoded."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import pyarrow as pa

from qframe.model.requests import Fetched
from qframe.reading.flight import Flight
from qframe.reading.pages import Scroll
from qframe.reading.sizes import Sizes


def in_sequence(scroll: Scroll, sizes: Sizes, limit: int | None, *, ahead: bool) -> Iterator[pa.Table]:
    """Tables until the collection or the limit ends.

    Parameters
    ----------
    limit : int or None
        Rows in all; no more are asked for.
    ahead : bool
        Whether the next page is fetched, in another thread, while one is decoded and used. One at most.
    """
    left, rows, offset = limit, sizes.rows, scroll.request.offset
    following: Flight[Fetched] | None = None
    while left is None or left > 0:
        if following is None:
            rows = sizes.rows if left is None else min(sizes.rows, left)
            fetched = scroll.fetch(rows, offset)
        else:
            fetched, following = following.result(), None
        asked, seen = rows, fetched.ahead
        # Where there is a next page, this one is full.
        if ahead and seen is not None and (left is None or left > asked):
            sizes.grow(asked, asked, fetched.nbytes)
            rows = sizes.rows if left is None else min(sizes.rows, left - asked)
            following = Flight(partial(scroll.fetch, rows, seen))
        page = scroll.decode(fetched)
        table = scroll.table(page)
        if table.num_rows:
            yield table
        offset = page.next_offset
        if offset is None:
            return
        if left is not None:
            left -= table.num_rows
        if offset != seen:
            following = None
        if following is None:
            sizes.grow(asked, table.num_rows, page.nbytes or table.nbytes)
