"""Arrow tables and streams as sources, and Arrow types brought to the ones that the kernels know. No other library."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from qframe.columns.layout import valid, validity
from qframe.columns.plain import elements, is_list
from qframe.errors import FrameError
from qframe.frames.source import Library, check_names, cut_length, cut_table, empty_columns

READ_TWICE = (
    "a stream can be read once, and this one has been read already. "
    "Make it anew, or collect it into a frame to use it several times."
)

READ_CLOSED = (
    "the stream is closed: it can be read once, and what has read it, a write say, closed it. "
    "Make it anew, or collect it into a frame to use it several times."
)

_CLOSED = "has already been closed"
"""So Arrow writes of a stream of another library; of one that is made of batches it gives none."""


def plain_type(dtype: pa.DataType) -> pa.DataType:
    """The type without views, run ends and foreign extensions; `pa.uuid()` stays."""
    if isinstance(dtype, pa.BaseExtensionType):
        return dtype if dtype.extension_name == "arrow.uuid" else plain_type(dtype.storage_type)
    types = pa.types
    if types.is_string_view(dtype):
        return pa.large_string()
    if types.is_binary_view(dtype):
        return pa.large_binary()
    if types.is_run_end_encoded(dtype):
        return plain_type(dtype.value_type)
    if types.is_list_view(dtype) or types.is_large_list_view(dtype):
        return pa.large_list(plain_type(dtype.value_type))
    return _within(dtype, plain_type)


def wide_type(dtype: pa.DataType) -> pa.DataType:
    """The type with offsets of 64 bits, and nulls allowed everywhere: how wide offsets are and what may be null varies
    with the library, and says nothing of the values.
    """
    types = pa.types
    if types.is_string(dtype):
        return pa.large_string()
    if types.is_binary(dtype):
        return pa.large_binary()
    if types.is_list(dtype):
        return pa.large_list(wide_type(dtype.value_type))
    if types.is_struct(dtype):
        return pa.struct([(item.name, wide_type(item.type)) for item in dtype])
    return _within(dtype, wide_type)


def _within(dtype: pa.DataType, changed: Callable[[pa.DataType], pa.DataType]) -> pa.DataType:
    """The type with the types that it is made of changed."""
    types = pa.types
    if types.is_list(dtype):
        return pa.list_(changed(dtype.value_type))
    if types.is_large_list(dtype):
        return pa.large_list(changed(dtype.value_type))
    if types.is_fixed_size_list(dtype):
        return pa.list_(changed(dtype.value_type), dtype.list_size)
    if types.is_dictionary(dtype):
        return pa.dictionary(dtype.index_type, changed(dtype.value_type), dtype.ordered)
    if types.is_struct(dtype):
        return pa.struct([pa.field(item.name, changed(item.type), item.nullable) for item in dtype])
    return dtype


def plain_array(array: Any) -> Any:
    """An array or chunked array in its `plain_type`; the same object where it is plain already."""
    if isinstance(array, pa.ChunkedArray):
        wanted = plain_type(array.type)
        if wanted == array.type:
            return array
        return pa.chunked_array([plain_array(chunk) for chunk in array.chunks], type=wanted)
    if isinstance(array, pa.ExtensionArray) and array.type.extension_name != "arrow.uuid":
        return plain_array(array.storage)
    if pa.types.is_run_end_encoded(array.type):
        return plain_array(pc.run_end_decode(array))
    wanted = plain_type(array.type)
    return array if wanted == array.type else _plain_held(array, wanted)


def _plain_held(array: pa.Array, wanted: pa.DataType) -> pa.Array:
    """What lists and structs hold, made plain. Not by Arrow's cast, which takes list views apart (as of 26)."""
    types, mask = pa.types, valid(array)
    if types.is_struct(wanted):
        held = [plain_array(child) for child in array.flatten()]
        return pa.Array.from_buffers(wanted, len(array), [validity(mask)], children=held)
    if types.is_fixed_size_list(wanted):
        size = wanted.list_size
        inner = plain_array(array.values.slice(array.offset * size, len(array) * size))
        return pa.Array.from_buffers(wanted, len(array), [validity(mask)], children=[inner])
    if not is_list(wanted):
        return array.cast(wanted)
    if types.is_list_view(array.type) or types.is_large_list_view(array.type):
        array = type(array).from_arrays(array.offsets, array.sizes, plain_array(array.values))
    inner, spans = elements(array, mask)
    offsets = spans if types.is_large_list(wanted) else spans.astype(np.int32)
    buffers = [validity(mask), pa.py_buffer(offsets)]
    return pa.Array.from_buffers(wanted, len(array), buffers, children=[plain_array(inner)])


def plain_schema(schema: pa.Schema) -> pa.Schema:
    return pa.schema([pa.field(item.name, plain_type(item.type)) for item in schema])


def _plain_table(table: pa.Table, schema: pa.Schema, columns: Sequence[str]) -> pa.Table:
    return pa.table(
        [plain_array(table.column(name)) for name in columns],
        schema=pa.schema([schema.field(name) for name in columns]),
    )


@dataclass(frozen=True, slots=True, eq=False)
class TableSource:
    """A table in memory. Parts share its buffers.

    Parameters
    ----------
    table : pyarrow.Table
    """

    table: pa.Table
    schema: pa.Schema = field(init=False)
    library: Library = "arrow"
    index: object | None = None
    repeatable: bool = True

    def __post_init__(self) -> None:
        check_names(self.table.schema.names)
        object.__setattr__(self, "schema", plain_schema(self.table.schema))

    @property
    def length(self) -> int:
        return self.table.num_rows

    def parts(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        if not columns:
            return cut_length(self.length)
        return cut_table(_plain_table(self.table, self.schema, columns))


@dataclass(slots=True, eq=False)
class ReaderSource:
    """A stream of record batches, read once.

    Parameters
    ----------
    reader : pyarrow.RecordBatchReader
    """

    reader: pa.RecordBatchReader
    schema: pa.Schema = field(init=False)
    length: int | None = None
    library: Library = "arrow"
    index: object | None = None
    repeatable: bool = False
    _taken: bool = False

    def __post_init__(self) -> None:
        check_names(self.reader.schema.names)
        self.schema = plain_schema(self.reader.schema)

    def parts(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        if self._taken:
            raise FrameError(READ_TWICE)
        self._taken = True
        return self._parts(columns)

    def _parts(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        for batch in self._batches():
            if columns:
                yield from cut_table(_plain_table(pa.Table.from_batches([batch]), self.schema, columns))
            elif batch.num_rows:
                yield empty_columns(batch.num_rows)

    def _batches(self) -> Iterator[pa.RecordBatch]:
        try:
            yield from self.reader
        except pa.ArrowInvalid as error:
            if _CLOSED not in str(error):
                raise
            raise FrameError(READ_CLOSED) from error

    def close(self) -> None:
        """Let go of what the reader holds open: a DuckDB connection can do nothing else until then."""
        self.reader.close()
