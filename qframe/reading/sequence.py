"""Page after page, in id order; the next is on its way while one is decoded."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import pyarrow as pa

from qframe.model.requests import Fetched
from qframe.reading.flight import Flight
from qframe.reading.pages import Scroll
from qframe.reading.ranges import first_of, goes_on, places_from
from qframe.reading.sizes import Sizes


def in_sequence(scroll: Scroll, span: range, sizes: Sizes, limit: int | None, *, ahead: bool) -> Iterator[pa.Table]:
    """Tables until the span, the collection or the limit ends.

    Parameters
    ----------
    span : range
        Places of the ids to go through; some beyond the end may come with the last page.
    limit : int or None
        Rows in all; no more are asked for.
    ahead : bool
        Whether the next page is fetched, in another thread, while one is decoded and used. One at most.
    """
    left, rows, offset = limit, sizes.rows, first_of(span)
    following: Flight[Fetched] | None = None
    while left is None or left > 0:
        if following is None:
            rows = min(sizes.rows, places_from(span, offset), sizes.rows if left is None else left)
            fetched = scroll.fetch(rows, offset)
        else:
            fetched, following = following.result(), None
        asked, seen = rows, fetched.ahead
        # Where there is a next page, this one is full.
        if ahead and goes_on(seen, span) and (left is None or left > asked):
            sizes.grow(asked, asked, fetched.nbytes)
            rows = min(sizes.rows, places_from(span, seen), sizes.rows if left is None else left - asked)
            following = Flight(partial(scroll.fetch, rows, seen))
        page = scroll.decode(fetched)
        table = scroll.table(page)
        if table.num_rows:
            yield table
        offset = page.next_offset
        if not goes_on(offset, span):
            return
        if left is not None:
            left -= table.num_rows
        if offset != seen:
            following = None
        if following is None:
            sizes.grow(asked, table.num_rows, page.nbytes or table.nbytes)
