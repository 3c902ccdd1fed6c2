"""Page after page, each larger than the one before until it fills a request."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import pyarrow as pa

from qframe.delivery.ask import Patience, ask
from qframe.errors import MismatchError
from qframe.model.backend import Backend
from qframe.model.bad import shown
from qframe.model.requests import Mismatch, PageRequest
from qframe.model.schema import Schema
from qframe.reading.options import OnMismatch

FIRST_ROWS = 256
MOST_ROWS = 8_000
PAGE_BYTES = 8_000_000
"""A page grows until it is about so many bytes: pages of 1,000 and 4,000 rows of 384 floats gave 75,000 and 84,000
rows/s; what is in memory at a time is one page on the wire and one decoded."""


def pages(
    backend: Backend,
    request: PageRequest,
    schema: Schema,
    patience: Patience,
    *,
    limit: int | None,
    first: int,
    on_mismatch: OnMismatch,
    most: int = MOST_ROWS,
    sleep: Callable[[float], object] = time.sleep,
) -> Iterator[pa.Table]:
    """Tables page after page, in id order, until the collection or the limit ends.

    Parameters
    ----------
    limit : int or None
        Rows in all.
    first : int
        Rows of the first page; later ones grow.
    most : int
        Rows of the largest page (a strict-mode limit may be lower than ours).
    """
    rows, left = min(first, most), limit
    offset = request.offset
    while left is None or left > 0:
        size = rows if left is None else min(rows, left)
        wanted = replace(request, limit=size, offset=offset)
        page = ask(lambda seconds, r=wanted: backend.page(r, schema, seconds), patience, request.collection, sleep)
        if page.mismatches and on_mismatch == "raise":
            raise mismatch_error(page.mismatches[0])
        if page.table.num_rows:
            yield page.table
        offset = page.next_offset
        if offset is None:
            return
        if left is not None:
            left -= page.table.num_rows
        rows = _next_size(rows, page.table.num_rows, page.nbytes or page.table.nbytes, most)


def _next_size(rows: int, got: int, nbytes: int, most: int) -> int:
    """Twice as many rows, at most as many as fill a page."""
    if not got:
        return rows
    return max(1, min(2 * rows, int(PAGE_BYTES * got / max(nbytes, 1)), most))


def mismatch_error(found: Mismatch) -> MismatchError:
    """The error for a stored value that does not fit its column."""
    return MismatchError(
        f"point {found.point_id!r}, field {found.field!r}: found {shown(found.value)}, which is not {found.expected}. "
        f"Pass schema_overrides={{{found.field!r}: …}} with a type that fits all values, "
        'or on_mismatch="null" to read null in its place.',
        point_id=found.point_id,
        field=found.field,
        value=found.value,
    )
