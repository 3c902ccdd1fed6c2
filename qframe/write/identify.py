"""The ids that a frame's values give, without writing anything, and those that rows have which were written."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from qframe.columns.made_ids import ids_from
from qframe.frames.opening import open_source
from qframe.frames.picking import Identify
from qframe.frames.results import render
from qframe.model.bad import bad_rows, first_bad
from qframe.planning.identity import IdRole, RandomIds, ids_from_role, read_ids


def make_ids(data: Any, id_from: Sequence[str], namespace: uuid.UUID | None) -> Any:
    """The ids of a frame's rows as a series of its library; see `qframe.make_ids`."""
    source = open_source(data)
    role = ids_from_role(source.schema, id_from, namespace)
    parts, row = [], 0
    for batch in source.parts(role.columns):
        ids, bad = ids_from({name: batch.column(name) for name in role.columns}, role.namespace, row)
        if bad:
            raise first_bad(bad).error(row)
        parts.append(ids.to_arrow())
        row += batch.num_rows
    series = render(pa.table({"id": pa.chunked_array(parts, type=pa.large_string())}), source.library)["id"]
    if source.index is not None:
        series.index = source.index
    return series


@dataclass(frozen=True, slots=True)
class _Identified:
    """What a report asks for the ids of rows that are said to be those that were written."""

    role: IdRole

    def __call__(self, frame: Any) -> pa.Array | None:
        source = open_source(frame)
        if not set(self.role.columns) <= set(source.schema.names):
            return None
        parts, row = [], 0
        for batch in source.parts(self.role.columns):
            ids, bad = read_ids(batch, self.role, row)
            nameless = pa.array(bad_rows(bad, batch.num_rows))
            parts.append(pc.if_else(nameless, None, ids.to_arrow()))
            row += batch.num_rows
        return pa.concat_arrays(parts) if parts else pa.nulls(0)


def identified(role: IdRole) -> Identify | None:
    """The ids of any frame by this role, null where a row has none; None where rows do not tell theirs."""
    return None if isinstance(role, RandomIds) else _Identified(role)
