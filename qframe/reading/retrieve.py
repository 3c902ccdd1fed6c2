"""The points of given ids, in the order of the ids; of mixed ids the integers come first."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa

from qframe.backends.opening import open_backend
from qframe.columns.ids import parse_ids
from qframe.connection import Connection
from qframe.delivery.ask import ask
from qframe.errors import FrameError
from qframe.frames.results import render
from qframe.frames.sources import series_to_arrow
from qframe.model.bad import first_bad
from qframe.model.ids import Ids
from qframe.model.requests import PageRequest
from qframe.reading.options import ReadSettings
from qframe.reading.pages import checked, for_schema
from qframe.reading.plan import make_plan, patience_of
from qframe.reading.read import library_of

IDS_IN_A_REQUEST = 2_000


def retrieve(
    connection: Connection, name: str, ids: Any, settings: ReadSettings, frame: str | None, dtype_backend: Any
) -> Any:
    """The points of the ids as a frame; missing ones are left out, repeated ones come once."""
    library = library_of(frame, dtype_backend)
    wanted = point_ids(ids)
    backend = open_backend(connection)
    plan = make_plan(connection, backend, name, settings)
    plan = plan.select(settings.columns)
    patience = patience_of(connection, settings)
    request = PageRequest(name, consistency=settings.consistency, shard_key=settings.shard_key)
    size = min(IDS_IN_A_REQUEST, plan.page_rows or IDS_IN_A_REQUEST)
    tables = [plan.schema.arrow().empty_table()]
    for part in _requests(wanted, size):
        asked = for_schema(replace(request, ids=part), plan.schema)
        page = ask(partial(backend.page, asked, plan.schema), patience, name)
        tables.append(checked(page, plan.schema, plan.targets, settings.on_mismatch))
    return render(pa.concat_tables(tables), library, dtype_backend, plan.targets)


def point_ids(given: Any) -> list[Ids]:
    """Ids as a user names them: one set of integers, one of UUIDs, or both.

    Raises
    ------
    FrameError
        For a value that cannot be a point id.
    """
    column = series_to_arrow(given)
    if column is not None:
        return [_parsed(column)]
    items = list(given)
    numbers = [item for item in items if isinstance(item, (int, np.integer)) and not isinstance(item, bool)]
    texts = [item for item in items if isinstance(item, (str, uuid.UUID))]
    if len(numbers) + len(texts) < len(items):
        row, value = next(
            (row, item)
            for row, item in enumerate(items)
            if isinstance(item, bool) or not isinstance(item, (int, np.integer, str, uuid.UUID))
        )
        raise FrameError(
            f"ids, position {row}: found {value!r}: a point id is an integer from 0 to 2^64 - 1, a UUID, or its text.",
            column="ids",
            row=row,
            value=value,
        )
    found = []
    for value in numbers:
        if not 0 <= value < 2**64:
            raise FrameError(f"ids: found {value!r}: an integer id is from 0 to 2^64 - 1.", column="ids", value=value)
    if numbers:
        found.append(Ids(np.array(numbers, dtype=np.uint64)))
    if texts:
        found.append(_parsed(pa.array([str(text) for text in texts], type=pa.large_string())))
    return found


def _parsed(column: pa.Array) -> Ids:
    ids, bad = parse_ids(column, "ids")
    if bad:
        raise first_bad(bad).error()
    return ids


def _requests(wanted: list[Ids], size: int) -> Iterator[Ids]:
    for ids in wanted:
        for start in range(0, len(ids), size):
            yield ids.take(slice(start, start + size))

