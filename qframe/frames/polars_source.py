"""polars frames and lazy frames as sources. Imported only once polars is there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import polars as pl
import pyarrow as pa

from qframe.errors import FrameError
from qframe.frames.arrow_source import READ_TWICE, plain_array, plain_schema
from qframe.frames.objects import objects_to_arrow
from qframe.frames.polars_selectors import named
from qframe.frames.source import (
    PART_ROWS,
    Library,
    Opaque,
    check_names,
    cut_length,
    cut_table,
    empty_columns,
    opaque_field,
    refuse,
)

_CAST = "Cast it, for example with pl.col({name!r}).cast({to}), or leave it out of payload=[…]."


def is_frame(data: object) -> bool:
    return isinstance(data, pl.DataFrame)


def is_lazy(data: object) -> bool:
    return isinstance(data, pl.LazyFrame)


def is_series(data: object) -> bool:
    return isinstance(data, pl.Series)


def dtype_to_arrow(name: str, dtype: pl.DataType) -> pa.DataType | Opaque:
    """The Arrow type of a polars dtype in the oldest layout (texts are `large_string`, not views)."""
    if _holds_object(dtype):
        return Opaque(f"{dtype}", "Its values have no Arrow type; give the column a dtype, or leave it out.")
    found = _arrow_type(dtype)
    if found is None:
        return Opaque(f"{dtype}", _CAST.format(name=name, to="pl.Int64" if dtype.is_integer() else "pl.String"))
    return found


@lru_cache(maxsize=256)
def _arrow_type(dtype: pl.DataType) -> pa.DataType | None:
    """None where Arrow has no such type. Kept: polars tells by converting a frame, which took 0.1 ms a column."""
    try:
        return plain_schema(pl.DataFrame(schema={"": dtype}).to_arrow().schema).field(0).type
    except pa.ArrowException:
        return None


def _holds_object(dtype: Any) -> bool:
    if isinstance(dtype, pl.List | pl.Array):
        return _holds_object(dtype.inner)
    if isinstance(dtype, pl.Struct):
        return any(_holds_object(item.dtype) for item in dtype.fields)
    return isinstance(dtype, pl.Object)


def series_to_arrow(series: pl.Series) -> Any:
    """One column as an Arrow array, or `Opaque`."""
    if isinstance(series.dtype, pl.Object):
        return objects_to_arrow(series.to_list())
    found = dtype_to_arrow("x", series.dtype)
    return found if isinstance(found, Opaque) else plain_array(series.to_arrow())


def _fields(schema: pl.Schema) -> tuple[pa.Schema, dict[str, Opaque]]:
    fields, found = [], {}
    for name, dtype in schema.items():
        arrow = dtype_to_arrow(name, dtype)
        if isinstance(arrow, Opaque):
            found[name] = arrow
            fields.append(opaque_field(name, arrow))
        else:
            fields.append(pa.field(name, arrow))
    return pa.schema(fields), found


def _to_arrow(frame: pl.DataFrame, schema: pa.Schema) -> pa.Table:
    table = frame.to_arrow()
    return pa.table([plain_array(column) for column in table.columns], schema=schema)


def _select(schema: pa.Schema, columns: Sequence[str]) -> pa.Schema:
    return pa.schema([schema.field(name) for name in columns])


@dataclass(slots=True, eq=False)
class PolarsSource:
    """A polars frame. Parts share its buffers, but for texts and booleans, which Arrow lays out in another way.

    A column of `Object` is converted whole when the source is opened.

    Parameters
    ----------
    frame : polars.DataFrame
    """

    frame: pl.DataFrame
    schema: pa.Schema = field(init=False)
    library: Library = "polars"
    index: object | None = None
    repeatable: bool = True
    _opaque: dict[str, Opaque] = field(init=False)
    _objects: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_names(self.frame.columns)
        self.schema, self._opaque = _fields(self.frame.schema)
        for number, (name, dtype) in enumerate(self.frame.schema.items()):
            if isinstance(dtype, pl.Object):
                self._convert_objects(number, name)

    def _convert_objects(self, number: int, name: str) -> None:
        found = objects_to_arrow(self.frame[name].to_list())
        if isinstance(found, Opaque):
            self._opaque[name] = found
            self.schema = self.schema.set(number, opaque_field(name, found))
            return
        self._objects[name] = found
        del self._opaque[name]
        self.schema = self.schema.set(number, pa.field(name, found.type))

    @property
    def length(self) -> int:
        return self.frame.height

    def parts(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        refuse(columns, self._opaque)
        return self._parts(list(columns)) if columns else cut_length(self.length)

    def _parts(self, columns: list[str]) -> Iterator[pa.RecordBatch]:
        plain = [name for name in columns if name not in self._objects]
        schema = _select(self.schema, columns)
        for start in range(0, self.length, PART_ROWS):
            rows = self.frame.slice(start, PART_ROWS)
            table = _to_arrow(rows.select(named(plain)), _select(schema, plain))
            arrays = dict(zip(plain, table.columns, strict=True))
            arrays |= {name: array.slice(start, PART_ROWS) for name, array in self._objects.items() if name in columns}
            yield from cut_table(pa.table([arrays[name] for name in columns], schema=schema))


@dataclass(slots=True, eq=False)
class LazySource:
    """A lazy frame, run once and pulled batch by batch in its order; its schema is known without running it.

    Parameters
    ----------
    frame : polars.LazyFrame
    """

    frame: pl.LazyFrame
    schema: pa.Schema = field(init=False)
    length: int | None = None
    library: Library = "polars"
    index: object | None = None
    repeatable: bool = False
    _opaque: dict[str, Opaque] = field(init=False)
    _taken: bool = False

    def __post_init__(self) -> None:
        schema = self.frame.collect_schema()
        check_names(schema.names())
        self.schema, self._opaque = _fields(schema)

    def parts(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        refuse(columns, self._opaque)
        if self._taken:
            raise FrameError(READ_TWICE)
        self._taken = True
        return self._parts(list(columns))

    def _parts(self, columns: list[str]) -> Iterator[pa.RecordBatch]:
        # Without columns the rows still count: any one column carries their number.
        wanted = self.frame.select(named(columns or self.schema.names[:1]))
        schema = _select(self.schema, columns)
        for batch in wanted.collect_batches(maintain_order=True, lazy=True):
            if columns:
                yield from cut_table(_to_arrow(batch, schema))
            elif batch.height:
                yield empty_columns(batch.height)
