"""The points of given ids, in the order of the ids."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from qframe.backends.opening import open_backend
from qframe.columns.ids import parse_ids
from qframe.connection import Connection
from qframe.delivery.ask import Patience, ask
from qframe.errors import FrameError
from qframe.frames.opening import series_to_arrow
from qframe.frames.results import render
from qframe.model.backend import Backend
from qframe.model.bad import first_bad, shown
from qframe.model.ids import Ids
from qframe.model.requests import PageRequest
from qframe.planning.options import ReadSettings
from qframe.planning.plan import Plan, make_plan, patience_of
from qframe.reading.pages import checked, for_schema
from qframe.reading.read import library_of

IDS_IN_A_REQUEST = 2_000


def retrieve(
    connection: Connection, name: str, ids: Any, settings: ReadSettings, frame: str | None, dtype_backend: Any
) -> Any:
    """The points of the ids as a frame; missing ones are left out, repeated ones come once."""
    library = library_of(frame, dtype_backend)
    wanted = point_ids(ids)
    backend = open_backend(connection)
    plan = make_plan(connection, backend, name, settings).only(settings.columns)
    found = points_of([kind.ids for kind in wanted], backend, plan, settings, patience_of(connection, settings))
    if len(wanted) > 1:
        found = _in_order(found, wanted)
    return render(found, library, dtype_backend, plan.targets)


def points_of(
    wanted: Sequence[Ids], backend: Backend, plan: Plan, settings: ReadSettings, patience: Patience
) -> pa.Table:
    """The points of ids that are each there once: those that are found, in the order of the ids."""
    name = plan.info.name
    request = PageRequest(name, consistency=settings.consistency, shard_key=settings.shard_key)
    size = min(IDS_IN_A_REQUEST, plan.page_rows or IDS_IN_A_REQUEST)
    tables = [plan.schema.arrow().empty_table()]
    for part in _requests(wanted, size):
        asked = for_schema(replace(request, ids=part), plan.schema)
        page = ask(partial(backend.page, asked, plan.schema), patience, name)
        tables.append(checked(page, plan.schema, plan.targets, settings.on_mismatch))
    return pa.concat_tables(tables)


@dataclass(frozen=True, slots=True, eq=False)
class Wanted:
    """Ids of one kind, each once, and their positions among all that were given."""

    ids: Ids
    positions: npt.NDArray[np.int64]


def point_ids(given: Any) -> list[Wanted]:
    """Ids as a user names them: one set of integers, one of UUIDs, or both.

    Raises
    ------
    FrameError
        For a value that cannot be a point id; it names the position.
    """
    if isinstance(given, str | bytes) or not isinstance(given, Iterable) or hasattr(given, "columns"):
        way = "pass its id column, or the frame as data= to join the points to it"
        way = way if hasattr(given, "columns") else "pass a list of them"
        raise FrameError(
            f"ids: found one {type(given).__name__} where a list, an array or a series of ids is meant: {way}.",
            column="ids",
        )
    # What is a mix of objects to pandas and NumPy may be good ids.
    column = None if getattr(getattr(given, "dtype", None), "kind", "") == "O" else series_to_arrow(given)
    if column is not None:
        return [_parsed(column, np.arange(len(column)))]
    items = list(given)
    numbers = [row for row, item in enumerate(items) if _is_integer(item)]
    texts = [row for row, item in enumerate(items) if isinstance(item, str | uuid.UUID)]
    refused = set(range(len(items))).difference(numbers, texts)
    refused.update(row for row in numbers if not 0 <= items[row] < 2**64)
    if refused:
        raise _refusal(min(refused), items[min(refused)])
    found = []
    if numbers:
        found.append(_once(Ids(np.array([items[row] for row in numbers], dtype=np.uint64)), np.array(numbers)))
    if texts:
        found.append(_parsed(pa.array([str(items[row]) for row in texts], type=pa.large_string()), np.array(texts)))
    return found


def _is_integer(item: object) -> bool:
    return isinstance(item, int | np.integer) and not isinstance(item, bool)


def _parsed(column: pa.Array, positions: npt.NDArray[np.int64]) -> Wanted:
    try:
        ids, bad = parse_ids(column, "ids")
    except FrameError as error:
        raise _refusal(int(positions[error.row or 0]), error.value) from error
    if bad:
        first = first_bad(bad)
        raise _refusal(int(positions[first.rows[0]]), first.values[0])
    return _once(ids, positions)


def _refusal(position: int, value: object) -> FrameError:
    return FrameError(
        f"ids, position {position}: found {shown(value)}: a point id is an integer from 0 to 2^64 - 1, a UUID, or its "
        "text.",
        column="ids",
        row=position,
        value=value,
    )


def _once(ids: Ids, positions: npt.NDArray[np.int64]) -> Wanted:
    first = ids.distinct()[1]
    return Wanted(ids.take(first), positions[first])


def _requests(wanted: Sequence[Ids], size: int) -> Iterator[Ids]:
    for ids in wanted:
        for start in range(0, len(ids), size):
            yield ids.take(slice(start, start + size))


def _in_order(found: pa.Table, wanted: Sequence[Wanted]) -> pa.Table:
    """The rows of both kinds of ids in the order in which these were given."""
    places: dict[str, int] = {}
    for kind in wanted:
        places.update(zip(map(str, kind.ids), kind.positions.tolist(), strict=True))
    rows = [places[str(point)] for point in found.column(0).to_pylist()]
    return found.take(pa.array(np.argsort(rows), type=pa.int64()))
