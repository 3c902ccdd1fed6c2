"""How a scan is cut into pages: in sequence, by slices or by ranges of ids."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import pyarrow as pa

from qframe.delivery.ask import Patience
from qframe.model.backend import Backend, Capabilities
from qframe.model.requests import PageRequest
from qframe.planning.options import OnMismatch
from qframe.planning.plan import Plan
from qframe.reading.pages import Scroll, for_schema
from qframe.reading.parallel import Parting, side_by_side
from qframe.reading.ranges import END, INTEGERS, Ranges
from qframe.reading.sequence import in_sequence
from qframe.reading.sizes import FIRST_ROWS, MOST_ROWS, PAGE_BYTES, Sizes
from qframe.reading.slices import Slices

Cut = Literal["sequence", "slices", "ranges"]

SMALL = 2
"""Pages up to which a collection is read in sequence: several workers would have begun as they end."""


def scan_tables(
    backend: Backend,
    request: PageRequest,
    plan: Plan,
    patience: Patience,
    *,
    ids: range,
    limit: int | None,
    on_mismatch: OnMismatch,
    workers: int,
    maintain_order: bool,
    first: int = FIRST_ROWS,
    most: int = MOST_ROWS,
) -> Iterator[pa.Table]:
    """Tables page after page until the collection or the limit ends, each as it is asked for.

    Parameters
    ----------
    ids : range
        Integer ids to go through; an end of 2**64 is none. Some beyond the end may come with the last page.
    limit : int or None
        Rows in all.
    workers : int
        Pages on their way at a time, at most.
    maintain_order : bool
        In id order with several workers too; with one it always is.
    first : int
        Rows of the first page; later ones grow.
    most : int
        Rows of the largest page; the collection's own limit may be lower.
    """
    if not ids:
        return iter(())
    span = range(ids.start, END if ids.stop == INTEGERS else ids.stop)
    scroll = Scroll(backend, for_schema(request, plan.schema), plan, patience, on_mismatch)
    cut = cut_of(
        backend.capabilities, plan, ids=ids, limit=limit, workers=workers, maintain_order=maintain_order, most=most
    )
    most = min(most, plan.page_rows or most)
    if cut == "sequence":
        return in_sequence(scroll, span, Sizes(first, most), limit, ahead=backend.capabilities.parallel)
    parting: Parting
    if cut == "slices":
        parting = Slices(request.filter, workers, span)
        # A server reads the whole collection for a page as large as the slice.
        most = min(most, -(-plan.info.points // workers))
    else:
        parting = Ranges(request.filter, workers if maintain_order else None, span)
    sizes = Sizes(first, most)
    return side_by_side(scroll, parting, sizes, limit, workers=workers, sparing=not maintain_order)


def cut_of(
    capabilities: Capabilities,
    plan: Plan,
    *,
    ids: range,
    limit: int | None,
    workers: int,
    maintain_order: bool,
    most: int = MOST_ROWS,
) -> Cut:
    """How the points are parted; parameters as of `scan_tables`."""
    page = _page_rows(plan, min(most, plan.page_rows or most))
    if workers == 1 or not capabilities.parallel or _rows(plan, ids, limit) <= SMALL * page:
        return "sequence"
    return "slices" if capabilities.since(1, 19) and not maintain_order else "ranges"


def _rows(plan: Plan, ids: range, limit: int | None) -> int:
    rows = min(plan.info.points, ids.stop - ids.start)
    return rows if limit is None else min(limit, rows)


def _page_rows(plan: Plan, most: int) -> int:
    """Rows that fill a page, as far as the vectors tell."""
    floats = sum(item.dim or 0 for item in plan.schema.vectors)
    return min(most, PAGE_BYTES // (4 * floats + 1))
