"""How the points of a scan are parted among workers."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pyarrow as pa

from qframe.delivery.ask import Patience
from qframe.model.backend import Backend
from qframe.model.requests import PageRequest
from qframe.planning.options import OnMismatch
from qframe.planning.plan import Plan
from qframe.reading.pages import FIRST_ROWS, MOST_ROWS, pages


def scan_tables(
    backend: Backend,
    request: PageRequest,
    plan: Plan,
    patience: Patience,
    *,
    limit: int | None,
    on_mismatch: OnMismatch,
    workers: int,  # noqa: ARG001 - of use from the next commit on
    maintain_order: bool,  # noqa: ARG001
    first: int = FIRST_ROWS,
    most: int = MOST_ROWS,
    sleep: Callable[[float], object] = time.sleep,
) -> Iterator[pa.Table]:
    """Tables page after page until the collection or the limit ends, each as it is asked for.

    Parameters
    ----------
    limit : int or None
        Rows in all.
    workers : int
        Pages fetched at a time, at most.
    maintain_order : bool
        In id order with several workers too; with one it always is.
    first : int
        Rows of the first page; later ones grow.
    most : int
        Rows of the largest page; the collection's own limit may be lower.
    sleep : callable
        Waits so many seconds before a page is asked for again.
    """
    return pages(
        backend, request, plan, patience, limit=limit, on_mismatch=on_mismatch, first=first, most=most, sleep=sleep
    )
