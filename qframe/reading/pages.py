"""Page after page, each larger than the one before until it fills a request."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import pyarrow as pa

from qframe.delivery.ask import Patience, ask
from qframe.errors import MismatchError
from qframe.frames.schemas import Target, fit
from qframe.model.backend import Backend
from qframe.model.bad import shown
from qframe.model.paths import payload_path
from qframe.model.queries import Hits
from qframe.model.requests import Mismatch, Page, PageRequest
from qframe.model.schema import Schema
from qframe.planning.options import OnMismatch
from qframe.planning.plan import Plan

FIRST_ROWS = 256
MOST_ROWS = 8_000
PAGE_BYTES = 8_000_000
"""A page grows until it is about so many bytes: pages of 1,000 and 4,000 rows of 384 floats gave 75,000 and 84,000
rows/s; what is in memory at a time is one page on the wire and one decoded."""

_WAYS_OUT = {
    "value": "Pass schema_overrides={{{0}: …}} with a type that fits all values, "
    'or on_mismatch="null" to read null in its place.',
    "key": 'Pass schema_overrides={{{0}: …}} to read it, extra="column" to gather such fields, or extra="ignore".',
    "id": "All ids were integers when this read was planned; plan it anew to read ids as text.",
}


def for_schema(request: PageRequest, schema: Schema) -> PageRequest:
    """The request that fetches exactly what a schema's columns need."""
    keys = tuple(item.name for item in schema.payload)
    payload: bool | tuple[str, ...] = keys if keys else False
    # A key that no JSON path can name cannot be asked for, nor can the keys that nobody knows.
    if schema.extra != "ignore" or any(payload_path(key) is None for key in keys):
        payload = True
    return replace(request, payload=payload, vectors=tuple(item.vector for item in schema.vectors))


def checked(page: Page | Hits, schema: Schema, targets: Mapping[str, Target], on_mismatch: OnMismatch) -> pa.Table:
    """The page's table; MismatchError for a value that did not fit, unless it is to be null.

    A key beyond the schema and an id of another kind are errors in any case: no null can stand for them.
    """
    if page.mismatches and (on_mismatch == "raise" or page.mismatches[0].reason != "value"):
        raise mismatch_error(page.mismatches[0])
    return fit(page.table, targets, id_name=schema.id_name, on_mismatch=on_mismatch) if targets else page.table


def pages(
    backend: Backend,
    request: PageRequest,
    plan: Plan,
    patience: Patience,
    *,
    limit: int | None,
    on_mismatch: OnMismatch,
    first: int = FIRST_ROWS,
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
        Rows of the largest page; the collection's own limit may be lower.
    """
    schema = plan.schema
    request = for_schema(request, schema)
    largest = min(most, plan.page_rows or most)
    rows, left, offset = min(first, largest), limit, request.offset
    while left is None or left > 0:
        wanted = replace(request, limit=rows if left is None else min(rows, left), offset=offset)
        page = ask(partial(backend.page, wanted, schema), patience, request.collection, sleep)
        table = checked(page, schema, plan.targets, on_mismatch)
        if table.num_rows:
            yield table
        offset = page.next_offset
        if offset is None:
            return
        if left is not None:
            left -= table.num_rows
        rows = _next_size(rows, table.num_rows, page.nbytes or table.nbytes, largest)


def _next_size(rows: int, got: int, nbytes: int, most: int) -> int:
    """Twice as many rows, at most as many as fill a page."""
    if not got:
        return rows
    return max(1, min(2 * rows, int(PAGE_BYTES * got / max(nbytes, 1)), most))


def mismatch_error(found: Mismatch) -> MismatchError:
    """The error for something stored that does not fit the schema."""
    value = _ordered(found.value)
    return MismatchError(
        f"point {found.point_id!r}, field {found.field!r}: found {shown(value)}, which is not {found.expected}. "
        + _WAYS_OUT[found.reason].format(repr(found.field)),
        point_id=found.point_id,
        field=found.field,
        value=value,
    )


def _ordered(value: Any) -> Any:
    """A value with the keys of its objects in order: over gRPC they have none, and errors are alike on all wires."""
    if isinstance(value, dict):
        return {key: _ordered(value[key]) for key in sorted(value)}
    return [_ordered(item) for item in value] if isinstance(value, list) else value
