"""The ids that a frame's values give, without writing anything."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from qframe.columns.made_ids import NAMESPACE, ids_from
from qframe.errors import OptionError
from qframe.frames.results import render
from qframe.frames.sources import open_source
from qframe.model.bad import first_bad
from qframe.write.names import check_column


def make_ids(data: Any, id_from: Sequence[str], namespace: uuid.UUID | None) -> Any:
    """The ids of a frame's rows as a series of its library; see `qframe.make_ids`."""
    if isinstance(id_from, str) or not id_from:
        raise OptionError(f"id_from={id_from!r}: a list of column names, for example ['sku', 'region'].")
    source = open_source(data)
    columns = [check_column(name, source.schema.names, "id_from") for name in id_from]
    parts, row = [], 0
    for batch in source.parts(columns):
        named = {name: batch.column(name) for name in columns}
        ids, bad = ids_from(named, NAMESPACE if namespace is None else namespace, row)
        if bad:
            raise first_bad(bad).error(row)
        parts.append(ids.to_arrow())
        row += batch.num_rows
    series = render(pa.table({"id": pa.chunked_array(parts, type=pa.large_string())}), source.library)["id"]
    if source.index is not None:
        series.index = source.index
    return series
