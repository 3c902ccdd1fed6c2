"""A collection of the engine with arbitrary payloads, and what a read makes of them."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from qframe.backends.embedded.decode import page_of, point_id
from qframe.backends.embedded.engine import edge
from qframe.backends.embedded.filters import edge_filter
from qframe.model.outcome import Fault
from qframe.model.schema import Schema

Row = dict[str, Any]
SECOND = {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}
"""Nanoseconds of a tick."""


class Stored:
    """Points with one unnamed vector, which some do not have, and a named one.

    Parameters
    ----------
    payloads : sequence of dict
    indexes : mapping of str to str
    ids : sequence of int or str
    """

    def __init__(self, payloads: Sequence[Row], indexes: Mapping[str, str], ids: Sequence[int | str]) -> None:
        self._folder = tempfile.TemporaryDirectory()
        dot = edge.Distance.Dot
        vectors = {name: edge.EdgeVectorParams(size=1, distance=dot) for name in ("", "named")}
        self.shard = edge.EdgeShard.create(self._folder.name, edge.EdgeConfig(vectors=vectors, max_search_threads=1))
        self._ids = ids
        half = len(payloads) // 2
        # Indexes are made between: some rows come before, some after.
        self._upsert(payloads, 0, half)
        for path, kind in indexes.items():
            self.update(
                edge.UpdateOperation.create_field_index(path, getattr(edge.PayloadSchemaType, kind.capitalize()))
            )
        self._upsert(payloads, half, len(payloads))

    def _upsert(self, payloads: Sequence[Row], start: int, stop: int) -> None:
        held = [{"": [1.0], "named": [1.0]}, {"": [1.0]}, {"named": [1.0]}, {}]
        points = [edge.Point(self._ids[at], held[at % 4], payloads[at]) for at in range(start, stop)]
        self.update(edge.UpdateOperation.upsert_points(points))

    def update(self, operation: Any) -> None:
        self.shard.update(operation)

    def _records(self, condition: Any, full: bool) -> list[Any]:
        request = edge.ScrollRequest(limit=10_000, filter=condition, with_payload=full, with_vector=full)
        return list(self.shard.scroll(request)[0])

    def read(self, schema: Schema) -> tuple[list[Row], set[int | str]]:
        """Rows by column as a scan gives them, and the ids of those that hold what does not fit."""
        page = page_of(self._records(None, full=True), None, schema)
        columns = {name: plain(page.table.column(name)) for name in page.table.column_names}
        rows = [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
        return rows, {bad.point_id for bad in page.mismatches}

    def matching(self, condition: Mapping[str, Any] | None) -> set[int | str]:
        made = None if condition is None else edge_filter(condition)
        assert not isinstance(made, Fault), made
        found = {point_id(record.id) for record in self._records(made, full=False)}
        assert self.shard.count(edge.CountRequest(filter=made, exact=True)) == len(found)
        return found

    def __enter__(self) -> Stored:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self.shard.close()
        self._folder.cleanup()


def plain(column: pa.ChunkedArray | pa.Array) -> list[Any]:
    """Python values; timestamps, also those in lists, as nanoseconds."""
    dtype = column.type
    if pa.types.is_timestamp(dtype):
        return [None if tick is None else tick * SECOND[dtype.unit] for tick in column.cast(pa.int64()).to_pylist()]
    if pa.types.is_list(dtype) and pa.types.is_timestamp(dtype.value_type):
        ticks = column.cast(pa.list_(pa.int64())).to_pylist()
        unit = SECOND[dtype.value_type.unit]
        return [row and [None if tick is None else tick * unit for tick in row] for row in ticks]
    values: list[Any] = column.to_pylist()
    return values
