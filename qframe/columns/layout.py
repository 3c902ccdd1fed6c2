"""Arrow's memory layout as numpy sees it: validity, offsets, values and bytes of one array, slices respected.

Owns the only place where Arrow buffers are read or made by hand; knows nothing of JSON, protobuf or any wire.
"""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Bytes = npt.NDArray[np.uint8]
Int64 = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

_NOTHING = pa.py_buffer(b"")


def bits(buffer: pa.Buffer, offset: int, length: int) -> Mask:
    """`length` bits from bit `offset` on, as `bool`."""
    first = offset // 8
    packed = np.frombuffer(buffer, dtype=np.uint8)[first : (offset + length + 7) // 8]
    skip = offset - first * 8
    return np.unpackbits(packed, count=skip + length, bitorder="little")[skip:].view(np.bool_)


def valid(array: pa.Array) -> Mask | None:
    """Which rows are not null, `bool` of shape (n,); None when none is null."""
    if array.null_count == 0:
        return None
    if pa.types.is_null(array.type):
        return np.zeros(len(array), dtype=np.bool_)
    if pa.types.is_union(array.type) or array.buffers()[0] is None:
        return cast("Mask", array.is_valid().to_numpy(zero_copy_only=False))
    return bits(array.buffers()[0], array.offset, len(array))


def validity(mask: Mask | None) -> pa.Buffer | None:
    """The Arrow bitmap of a mask as `valid` gives it."""
    return None if mask is None else pa.py_buffer(np.packbits(mask, bitorder="little"))


def numbers(array: pa.Array, dtype: npt.DTypeLike) -> npt.NDArray[Any]:
    """The values of a primitive array, shape (n,), no copy; what stands in null rows is anything."""
    if len(array) == 0:
        return np.empty(0, dtype=dtype)
    values = np.frombuffer(array.buffers()[1], dtype=dtype)
    return values[array.offset : array.offset + len(array)]


def booleans(array: pa.BooleanArray) -> Mask:
    """The values of a boolean array, shape (n,); what stands in null rows is anything."""
    if len(array) == 0:
        return np.empty(0, dtype=np.bool_)
    return bits(array.buffers()[1], array.offset, len(array))


def offsets(array: pa.Array) -> Int64:
    """The offsets of a large_list, large_string or large_binary array, shape (n + 1,), no copy."""
    if len(array) == 0:
        return np.zeros(1, dtype=np.int64)
    every = np.frombuffer(array.buffers()[1], dtype=np.int64)
    return every[array.offset : array.offset + len(array) + 1]


def list_elements(array: pa.LargeListArray) -> tuple[pa.Array, Int64]:
    """The elements of a plain list array's rows, and the rows' offsets in them."""
    spans = offsets(array)
    return array.values.slice(int(spans[0]), int(spans[-1] - spans[0])), spans - spans[0]


def content(array: pa.Array) -> Bytes:
    """The bytes that the offsets of a large_string or large_binary array point into."""
    buffer = array.buffers()[2]
    return np.empty(0, dtype=np.uint8) if buffer is None else np.frombuffer(buffer, dtype=np.uint8)


def rows_of(array: pa.Array) -> Bytes:
    """The bytes of the rows of a large_string or large_binary array, one after the other."""
    spans = offsets(array)
    return content(array)[spans[0] : spans[-1]]


def binary(spans: Int64, data: pa.Buffer | Bytes, mask: Mask | None = None) -> pa.LargeBinaryArray:
    """Byte strings `data[spans[i]:spans[i + 1]]`, null where a mask is false; nothing is copied."""
    buffer = data if isinstance(data, pa.Buffer) else pa.py_buffer(data)
    return pa.Array.from_buffers(pa.large_binary(), len(spans) - 1, [validity(mask), pa.py_buffer(spans), buffer])


def as_binary(array: pa.Array) -> pa.LargeBinaryArray:
    """A large_string or large_binary array as bytes that are never null; nothing is copied."""
    if len(array) == 0:
        return binary(np.zeros(1, dtype=np.int64), _NOTHING)
    _, spans, data = array.buffers()
    return pa.Array.from_buffers(
        pa.large_binary(), len(array), [None, spans, _NOTHING if data is None else data], offset=array.offset
    )


def ends(lengths: Int64) -> Int64:
    """Offsets of consecutive spans of these lengths, shape (n + 1,), from 0."""
    spans = np.zeros(len(lengths) + 1, dtype=np.int64)
    np.cumsum(lengths, out=spans[1:])
    return spans


def even(n: int, width: int) -> Int64:
    """Offsets of `n` spans of one width, shape (n + 1,), from 0."""
    return np.arange(n + 1, dtype=np.int64) * width
