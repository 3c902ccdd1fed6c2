"""Bytes copied out of a page, a column at a time: strings, packed numbers, vectors. Knows no message."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from qframe.columns.layout import Bytes, Int64, binary
from qframe.columns.wire_reader import Malformed, Spans, Wire


def gather(wire: Wire, spans: Spans) -> pa.LargeBinaryArray:
    """The bytes of each span, copied out of the page by one kernel."""
    n = len(spans)
    if n == 0:
        return binary(np.zeros(1, dtype=np.int64), np.empty(0, dtype=np.uint8))
    # A byte string for each span and each gap between two, over the page itself.
    places = np.empty(2 * n, dtype=np.int64)
    places[0::2], places[1::2] = spans.starts, spans.stops
    _inside(wire, places)
    return binary(places, pa.py_buffer(wire.raw)).take(pa.array(np.arange(0, 2 * n, 2)))


def gather_flat(wire: Wire, spans: Spans) -> Bytes:
    """The bytes of all spans, one after the other."""
    lengths = spans.stops - spans.starts
    if len(lengths) and (width := int(lengths[0])) and (lengths == width).all():
        return gather_even(wire, spans.starts, width)
    array = gather(wire, spans)
    buffer = array.buffers()[2]
    return np.empty(0, dtype=np.uint8) if buffer is None else np.frombuffer(buffer, dtype=np.uint8)[: lengths.sum()]


def gather_even(wire: Wire, starts: Int64, width: int) -> Bytes:
    """`width` bytes from each position, one after the other."""
    if not len(starts):
        return np.empty(0, dtype=np.uint8)
    if starts[-1] + width > len(wire.raw) or starts[0] < 0:
        raise Malformed("a field ends beyond the answer")
    return _windows(wire, width)[starts].view(np.uint8)


def _windows(wire: Wire, width: int) -> npt.NDArray[np.void]:
    """`width` bytes at every byte: indexing copies each window as a whole, twice as fast as byte strings of Arrow."""
    return np.ndarray((len(wire.raw) - width + 1,), dtype=f"V{width}", buffer=wire.raw, strides=(1,))


def stand_at(wire: Wire, content: bytes, starts: Int64) -> bool:
    """Whether these bytes stand at every position."""
    if starts.max() + len(content) > len(wire.raw):
        return False
    return bool(_windows(wire, len(content))[starts].tobytes() == content * len(starts))


def _inside(wire: Wire, places: Int64) -> None:
    if places[-1] > len(wire.raw) or places[0] < 0:
        raise Malformed("a field ends beyond the answer")


def numbers_at(wire: Wire, starts: Int64, dtype: npt.DTypeLike) -> npt.NDArray[Any]:
    """Fixed-width little-endian numbers."""
    kind = np.dtype(dtype).newbyteorder("<")
    return gather_even(wire, starts, kind.itemsize).view(kind)
