"""The ids that a frame's values give, without writing anything."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from qframe.columns.made_ids import ids_from
from qframe.frames.opening import open_source
from qframe.frames.results import render
from qframe.model.bad import first_bad
from qframe.planning.identity import ids_from_role


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
