"""The points of the ids in a frame, joined to its rows."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from qframe.backends.opening import open_backend
from qframe.columns.layout import Mask
from qframe.connection import Connection
from qframe.errors import FrameError, OptionError
from qframe.frames.opening import open_source
from qframe.frames.results import widened
from qframe.frames.source import Source
from qframe.model.bad import bad_rows, first_bad
from qframe.model.ids import Ids, join_ids
from qframe.planning.identity import IdRole, id_role, read_ids
from qframe.planning.options import ReadSettings
from qframe.planning.plan import make_plan, patience_of
from qframe.reading.read import library_of
from qframe.reading.retrieve import points_of, retrieve


@dataclass(frozen=True, slots=True)
class JoinOptions:
    """What `Collection.retrieve` says of the frame that points are joined to.

    Raises
    ------
    OptionError
    """

    id: Any = None
    id_from: Sequence[str] | None = None
    namespace: uuid.UUID | None = None
    suffix: str = "_right"
    indicator: str | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.suffix, str):
            raise OptionError(f"suffix={self.suffix!r}: text that is put after names that the frame has too.")
        if not (self.indicator is None or (isinstance(self.indicator, str) and self.indicator)):
            raise OptionError(f"indicator={self.indicator!r}: the name of a column, or None for none.")


def retrieve_either(
    connection: Connection,
    name: str,
    ids: Any,
    data: Any,
    options: JoinOptions,
    settings: ReadSettings,
    frame: str | None,
    dtype_backend: Any,
) -> Any:
    """The points of ids, or of the rows of a frame.

    Raises
    ------
    OptionError
        For both, or neither, and for what is about the other.
    """
    if data is None:
        if ids is None:
            raise OptionError("retrieve: which points? Give their ids, or data=, a frame to join them to.")
        if options != JoinOptions():
            raise OptionError(
                "retrieve: id=, id_from=, namespace=, suffix= and indicator= are about a frame that points are joined "
                "to, data=."
            )
        return retrieve(connection, name, ids, settings, frame, dtype_backend)
    if ids is not None:
        raise OptionError("retrieve: ids and data= exclude each other; one says which points are meant.")
    if frame is not None:
        raise OptionError(f"frame={frame!r}: with data= the answer is a frame of the same library.")
    library_of(frame, dtype_backend)
    return join(connection, name, data, options, settings, dtype_backend)


def join(
    connection: Connection, name: str, data: Any, options: JoinOptions, settings: ReadSettings, dtype_backend: Any
) -> Any:
    """The frame with the payload and vectors of the points of its ids beside it; see `Collection.retrieve`."""
    source = open_source(data)
    if source.length is None:
        raise FrameError(
            f"an object of type {type(data).__name__} has no rows to join points to before it is read. "
            "Collect it into a frame first."
        )
    role = id_role(source.schema, options.id, options.id_from, options.namespace, new=False)
    ids, present = _ids(source, role)
    backend = open_backend(connection)
    plan = make_plan(connection, backend, name, settings).only(settings.columns)
    theirs = plan.schema.names[1:]
    names = _new_names(source.schema.names, theirs, options)
    codes, first = ids.distinct()
    wanted = ids.take(first)
    found = points_of([wanted], backend, plan, settings, patience_of(connection, settings))
    places = _places(wanted, found.column(0)).take(_rows(codes, present))
    columns = [column.combine_chunks().take(places) for column in found.columns[1:]]
    if options.indicator is not None:
        names, columns = [*names, options.indicator], [*columns, places.is_valid()]
    targets = {new: plan.targets[old] for old, new in zip(theirs, names, strict=False) if old in plan.targets}
    return widened(data, source.library, pa.table(columns, names=names), dtype_backend, targets)


def _ids(source: Source, role: IdRole) -> tuple[Ids, Mask]:
    """The ids of the rows that have one, and which rows these are; FrameError for a value that cannot be one."""
    parts, present, row = [], [np.empty(0, dtype=np.bool_)], 0
    for batch in source.parts(role.columns):
        ids, bad = read_ids(batch, role, row, new=False)
        wrong = [item for item in bad if item.values[0] is not None]
        if wrong:
            raise first_bad(wrong).error(row)
        there = ~bad_rows(bad, batch.num_rows)
        parts.append(ids.take(np.flatnonzero(there)))
        present.append(there)
        row += batch.num_rows
    return join_ids(parts), np.concatenate(present)


def _new_names(own: Sequence[str], theirs: Sequence[str], options: JoinOptions) -> list[str]:
    """What the columns of the points are called beside those of the frame."""
    names = [name + options.suffix if name in own else name for name in theirs]
    taken = set(own)
    for name in (*names, *([] if options.indicator is None else [options.indicator])):
        if name in taken:
            raise OptionError(
                f"two columns would be called {name!r}: one of the frame and one of the points, or indicator=. Pass "
                "another suffix= or indicator=, or columns= without it."
            )
        taken.add(name)
    return names


def _rows(codes: npt.NDArray[np.int64], present: Mask) -> pa.Array:
    """For each row of the frame the number of its id, null for none."""
    numbers = np.zeros(len(present), dtype=np.int64)
    numbers[present] = codes
    return pa.array(numbers, mask=~present)


def _places(wanted: Ids, found: pa.ChunkedArray) -> pa.Array:
    """For each id the row in which it was found, null where it was not."""
    keys = wanted.to_arrow()
    if keys.type != found.type:  # ids of both kinds come as text, and a collection of one kind has none of the other
        keys, found = keys.cast(pa.large_string()), found.cast(pa.large_string())
    return pc.index_in(keys, value_set=found)
