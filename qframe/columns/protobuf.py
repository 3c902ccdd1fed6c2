"""Protobuf by column: varints, length-delimited fields, and Qdrant's `Value` message of every row of a plain array.

Nothing here is bytes yet: everything is a rope, so sizes are exact before anything is encoded. Knows the wire format
and the messages of `json_with_int.proto`; messages about points are the gRPC backend's.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from qframe.columns.layout import Bytes, Int64, binary, booleans, ends, list_elements, numbers, valid
from qframe.columns.rope import Rope, bounds, column, fixed, grouped, loose, rope, where
from qframe.model.operations import Nulls, StoredNulls

NULL = b"\x08\x00"
"""`Value{null_value: NULL_VALUE}`."""


def varint_bytes(value: int) -> bytes:
    """One unsigned integer below 2^64 as a varint."""
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def field_bytes(tag: bytes, content: bytes) -> bytes:
    """One length-delimited field."""
    return tag + varint_bytes(len(content)) + content


def varint(n: int, values: int | Int64 | npt.NDArray[np.uint64]) -> Rope:
    """Non-negative integers as varints, one a row, or one for all `n` rows."""
    if isinstance(values, int):
        return rope(n, varint_bytes(values))
    unsigned = values.view(np.uint64)
    return _varints(unsigned, bounds(unsigned))


def _varints(values: npt.NDArray[np.uint64], between: tuple[int, int]) -> Rope:
    """The varints of integers of which the least and the greatest are known."""
    least, widest = map(_width, between)
    if least == widest:
        return fixed(len(values), widest, partial(_write_varints, values))
    sizes = np.ones(len(values), dtype=np.int64)
    for place in range(1, widest):
        sizes += values >= np.uint64(1 << 7 * place)
    return loose(len(values), sizes, partial(_ragged_varints, values, sizes, widest))


def _width(value: int) -> int:
    """Bytes of an unsigned integer below 2^64 as a varint."""
    return max(1, -(-value.bit_length() // 7))


def _write_varints(values: npt.NDArray[np.uint64], out: Bytes) -> None:
    last = out.shape[1] - 1
    for place in range(last):
        out[:, place] = (values >> np.uint64(7 * place)).astype(np.uint8) | 0x80
    out[:, last] = values >> np.uint64(7 * last) if last else values


def _ragged_varints(values: npt.NDArray[np.uint64], sizes: Int64, widest: int) -> pa.LargeBinaryArray:
    grid = np.empty((len(values), widest), dtype=np.uint8)
    for place in range(widest):
        grid[:, place] = (values >> np.uint64(7 * place)).astype(np.uint8) & 0x7F
        grid[:, place] |= (sizes > place + 1).view(np.uint8) << 7
    return binary(ends(sizes), grid[np.arange(widest) < sizes[:, None]])


def delimited(tag: bytes, content: Rope) -> Rope:
    """A length-delimited field of each row: tag, length, content."""
    return rope(content.n, tag, _lengths(content), content)


def _lengths(content: Rope) -> Rope:
    """The length of each row as a varint."""
    if content.rest is None:
        return rope(content.n, varint_bytes(content.width))
    width = _width(content.bounds[0])
    if width != _width(content.bounds[1]):
        # The bounds may be wider apart than the sizes are.
        return varint(content.n, content.sizes)
    return fixed(content.n, width, partial(_write_lengths, content))


def _write_lengths(content: Rope, out: Bytes) -> None:
    _write_varints(np.asarray(content.sizes, dtype=np.int64).view(np.uint64), out)


def value(array: pa.Array, nulls: StoredNulls) -> Rope:
    """The `Value` of each row of a plain array.

    Parameters
    ----------
    array : pyarrow.Array
        As `plain` makes it. A null row becomes `null_value`.
    nulls : "omit" or "keep"
        What becomes of nulls in structs, at any depth.
    """
    filled = _filled(array, nulls)
    mask = valid(array)
    if mask is None:
        return filled
    return rope(len(array), where(filled, mask), where(rope(len(array), NULL), ~mask))


def _filled(array: pa.Array, nulls: StoredNulls) -> Rope:
    """The `Value` of each row; what null rows hold is anything."""
    n, dtype, types = len(array), array.type, pa.types
    if types.is_large_string(dtype):
        return delimited(b"\x22", column(array))
    if types.is_int64(dtype):
        return rope(n, b"\x18", varint(n, numbers(array, np.int64)))
    if types.is_float64(dtype):
        return rope(n, b"\x11", little(numbers(array, np.float64)))
    if types.is_boolean(dtype):
        return rope(n, b"\x28", little(booleans(array)))
    if types.is_large_list(dtype):
        elements, spans = list_elements(array)
        inner = grouped(delimited(b"\x0a", value(elements, nulls)), spans)
        return delimited(b"\x3a", inner)
    if types.is_struct(dtype):
        columns = zip((field.name for field in dtype), array.flatten(), strict=True)
        return delimited(b"\x32", entries(n, columns, b"\x0a", nulls))
    if types.is_null(dtype):
        return rope(n, NULL)
    raise TypeError(f"{dtype} is not a plain type")


def entries(n: int, columns: Iterable[tuple[str, pa.Array]], tag: bytes, nulls: Nulls) -> Rope:
    """The entries of a `map<string, Value>` of each row.

    Parameters
    ----------
    n : int
        Number of rows; there may be no column.
    columns : iterable of (key, plain array)
    tag : bytes
        Tag of the map field.
    nulls : "omit", "keep" or "remove"
        Whether the key of a null row is left out or its value is `null_value`; "remove" keeps it here and leaves it
        out in structs, at any depth.
    """
    below: StoredNulls = "omit" if nulls == "remove" else nulls
    parts: list[Rope] = []
    for key, array in columns:
        mask = valid(array) if nulls == "omit" else None
        held = value(array, below) if mask is None else _filled(array, below)
        name = field_bytes(b"\x0a", key.encode())
        entry = delimited(tag, rope(n, name, delimited(b"\x12", held)))
        parts.append(entry if mask is None else where(entry, mask))
    return rope(n, *parts)


def little(values: npt.NDArray[np.bool_ | np.float32 | np.float64]) -> Rope:
    """Values of one width as their bytes, least first."""
    raw = np.ascontiguousarray(values, dtype=values.dtype.newbyteorder("<")).view(np.uint8)
    width = values.dtype.itemsize
    cells = raw.reshape(len(values), width)

    def write(out: Bytes) -> None:
        out[:] = cells

    return fixed(len(values), width, write)


def packed(values: npt.NDArray[np.float32], spans: Int64 | None = None) -> Rope:
    """Floats as packed fields hold them, not copied: `values[spans[i]:spans[i + 1]]`, or `values[i]` of a matrix."""
    raw = np.ascontiguousarray(values, dtype="<f4")
    if spans is None:
        n, dim = raw.shape
        return loose(n, 4 * dim, lambda: binary(np.arange(n + 1, dtype=np.int64) * (4 * dim), raw.reshape(-1)))
    return loose(len(spans) - 1, np.diff(spans) * 4, lambda: binary(spans * 4, raw))
