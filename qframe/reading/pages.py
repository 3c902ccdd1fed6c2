"""One page of points: what it is asked for with, how it becomes a table, and what in it does not fit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import pyarrow as pa

from qframe.backends.faults import raise_fault
from qframe.delivery.ask import Patience, ask
from qframe.errors import MismatchError
from qframe.frames.schemas import Target, fit, ways_out
from qframe.model.backend import Backend
from qframe.model.bad import shown
from qframe.model.ids import PointId
from qframe.model.outcome import Fault
from qframe.model.paths import payload_path
from qframe.model.queries import Hits
from qframe.model.requests import Fetched, Mismatch, Page, PageRequest
from qframe.model.schema import Schema
from qframe.planning.options import OnMismatch
from qframe.planning.plan import Plan
from qframe.shutdown import guard

_WAYS_OUT = {
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


@dataclass(frozen=True, slots=True)
class Scroll:
    """What all pages of one scan have in common.

    Parameters
    ----------
    backend : Backend
    request : PageRequest
        Collection, filter, consistency, shard key; what it asks for is what the schema needs.
    plan : Plan
    patience : Patience
    on_mismatch : "raise" or "null"
    """

    backend: Backend
    request: PageRequest
    plan: Plan
    patience: Patience
    on_mismatch: OnMismatch

    def fetch(self, rows: int, offset: PointId | None) -> Fetched:
        """A page of so many rows from an id on, as it came; asked for again by itself when it fails."""
        wanted = replace(self.request, limit=rows, offset=offset)
        return ask(partial(self.backend.fetch, wanted), self.patience, wanted.collection, _wait)

    def decode(self, fetched: Fetched) -> Page:
        page = fetched.decode(self.plan.schema)
        if isinstance(page, Fault):
            raise_fault(page, collection=self.request.collection)
        return page

    def page(self, rows: int, offset: PointId | None) -> Page:
        return self.decode(self.fetch(rows, offset))

    def table(self, page: Page) -> pa.Table:
        return checked(page, self.plan.schema, self.plan.targets, self.on_mismatch)


def _wait(seconds: float) -> None:
    guard.sleep(seconds)
    if guard.ending.is_set():
        raise InterruptedError("the interpreter ends")


def mismatch_error(found: Mismatch) -> MismatchError:
    """The error for something stored that does not fit the schema."""
    value = _ordered(found.value)
    return MismatchError(
        f"point {found.point_id!r}, field {found.field!r}: found {shown(value)}, which is not {found.expected}. "
        + (ways_out(found.field) if found.reason == "value" else _WAYS_OUT[found.reason].format(repr(found.field))),
        point_id=found.point_id,
        field=found.field,
        value=value,
    )


def _ordered(value: Any) -> Any:
    """A value with the keys of its objects in order: over gRPC they have none, and errors are alike on all wires."""
    if isinstance(value, dict):
        return {key: _ordered(value[key]) for key in sorted(value)}
    return [_ordered(item) for item in value] if isinstance(value, list) else value
