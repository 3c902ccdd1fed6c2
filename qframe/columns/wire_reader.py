"""Protobuf read by column: the fields of many messages of one page at a time, all messages in lockstep.

Owns tags, varints, lengths and the gathering of bytes; every step is a few numpy kernels over all messages that are
not at their end. Knows the wire format and no message.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from qframe.columns.layout import Bytes, Int64, binary, ends

VARINT, FIXED64, LENGTH, FIXED32 = 0, 1, 2, 5

FEW = 24
"""Messages from which on lockstep is worth its kernels; a step costs as much as about so many fields one by one."""

_LONGEST = 10
"""Bytes of the longest varint."""


class Malformed(ValueError):  # noqa: N818 - what it says of the bytes
    """The bytes are no protobuf message."""


@dataclass(frozen=True, slots=True, eq=False)
class Wire:
    """The bytes of an answer, as Python and as numpy see them."""

    raw: bytes
    data: Bytes

    @classmethod
    def of(cls, raw: bytes) -> Wire:
        return cls(raw, np.frombuffer(raw, dtype=np.uint8))


@dataclass(frozen=True, slots=True, eq=False)
class Spans:
    """Byte ranges of a page, in ascending order and without overlap: messages, strings or packed numbers.

    Parameters
    ----------
    starts, stops : numpy.ndarray
        `int64` of shape (n,).
    """

    starts: Int64
    stops: Int64

    def __len__(self) -> int:
        return len(self.starts)

    def take(self, index: Any) -> Spans:
        return Spans(self.starts[index], self.stops[index])


@dataclass(frozen=True, slots=True, eq=False)
class Fields:
    """All fields of some messages, in the order of the bytes.

    Parameters
    ----------
    owners : numpy.ndarray
        `int64`, the message that each field is in, ascending.
    keys : numpy.ndarray
        `int64`, field number * 8 + wire type.
    spans : Spans
        The content: a varint's bytes, the bytes of a fixed number, what a length counts.
    """

    owners: Int64
    keys: Int64
    spans: Spans

    def of(self, number: int, wire: int = LENGTH) -> tuple[Int64, Spans]:
        """Owners and content of the fields of one number and wire type."""
        mask = self.keys == number * 8 + wire
        return (self.owners, self.spans) if mask.all() else (self.owners[mask], self.spans.take(mask))


def last(owners: Int64, spans: Spans) -> tuple[Int64, Spans]:
    """One field an owner: the last, as protobuf asks for fields that are not repeated."""
    if len(owners) < 2 or (np.diff(owners) > 0).all():
        return owners, spans
    kept = np.append(np.diff(owners) > 0, True)
    return owners[kept], spans.take(kept)


def fields(wire: Wire, messages: Spans) -> Fields:
    """The fields of each message.

    Raises
    ------
    Malformed
        Where the bytes are no protobuf message.
    """
    steps: list[tuple[Int64, Int64, Int64, Int64]] = []
    owners = np.flatnonzero(messages.starts < messages.stops)
    at, stops = messages.starts[owners], messages.stops[owners]
    try:
        while len(owners) > FEW:
            keys, begins, at = _step(wire.data, at)
            steps.append((owners, keys, begins, at))
            left = at < stops
            if not left.all():
                if (at > stops).any():
                    raise Malformed("a field ends beyond its message")
                owners, at, stops = owners[left], at[left], stops[left]
        if not len(owners):
            return _in_order(steps, len(messages))
        found = [_walk(wire.raw, begin, stop) for begin, stop in zip(at.tolist(), stops.tolist(), strict=True)]
    except IndexError:
        raise Malformed("the answer ends within a field") from None
    return _with_walked(steps, owners, found, len(messages))


def _step(data: Bytes, at: Int64) -> tuple[Int64, Int64, Int64]:
    """Key, content start and content end of the field at each position."""
    keys, begins = varints(data, at)
    wires = keys & 7
    first = int(wires[0])
    if first == LENGTH and (wires == LENGTH).all():
        lengths, begins = _lengths(data, begins)
        return keys, begins, begins + lengths
    stops = begins.copy()
    for kind in np.flatnonzero(np.bincount(wires, minlength=8)).tolist():
        rows = np.flatnonzero(wires == kind)
        if kind == LENGTH:
            lengths, begins[rows] = _lengths(data, begins[rows])
            stops[rows] = begins[rows] + lengths
        elif kind == VARINT:
            _, stops[rows] = varints(data, begins[rows])
        elif kind in (FIXED64, FIXED32):
            stops[rows] += 8 if kind == FIXED64 else 4
        else:
            raise Malformed(f"wire type {kind}")
    return keys, begins, stops


def _lengths(data: Bytes, at: Int64) -> tuple[Int64, Int64]:
    lengths, after = varints(data, at)
    if lengths.min() < 0:
        # It would send the reader back to where it was.
        raise Malformed("a field ends beyond its message")
    return lengths, after


def varints(data: Bytes, at: Int64) -> tuple[Int64, Int64]:
    """The varint at each position, modulo 2^64 and as int64, and the positions after them."""
    byte = data[at]
    after = at + 1
    if byte.max(initial=0) < 0x80:
        return byte.astype(np.int64), after
    values = (byte & 0x7F).astype(np.int64)
    rows = np.flatnonzero(byte > 0x7F)
    for place in range(1, _LONGEST):
        byte = data[after[rows]]
        values[rows] |= (byte & 0x7F).astype(np.int64) << (7 * place)
        after[rows] += 1
        rows = rows[byte > 0x7F]
        if not len(rows):
            return values, after
    raise Malformed("a number of more than ten bytes")


def _walk(raw: bytes, at: int, stop: int) -> list[int]:
    """Key, content start and content end of each field of one message, one after the other."""
    found: list[int] = []
    while at < stop:
        key = raw[at]
        begin = at + 1
        if key > 0x7F:
            key, begin = _varint(raw, at)
        kind = key & 7
        if kind == LENGTH:
            length = raw[begin]
            begin += 1
            if length > 0x7F:
                # Two bytes count up to 16 KB: most points.
                more = raw[begin]
                if more > 0x7F:
                    length, begin = _varint(raw, begin - 1)
                else:
                    length += (more << 7) - 0x80
                    begin += 1
            at = begin + length
        elif kind == VARINT:
            _, at = _varint(raw, begin)
        elif kind in (FIXED64, FIXED32):
            at = begin + (8 if kind == FIXED64 else 4)
        else:
            raise Malformed(f"wire type {kind}")
        found += (key, begin, at)
    if at > stop:
        raise Malformed("a field ends beyond its message")
    return found


def _varint(raw: bytes, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 7 * _LONGEST, 7):
        byte = raw[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise Malformed("a number of more than ten bytes")


def _in_order(steps: list[tuple[Int64, Int64, Int64, Int64]], n: int) -> Fields:
    """Fields that were found step by step, sorted by message without sorting: each knows how many stand before it."""
    if len(steps) == 1:
        owners, keys, begins, stops = steps[0]
        return Fields(owners, keys, Spans(begins, stops))
    if not steps:
        nothing = np.empty(0, dtype=np.int64)
        return Fields(nothing, nothing, Spans(nothing, nothing))
    if len(steps[-1][0]) == len(steps[0][0]):
        keys, begins, stops = (np.stack([step[part] for step in steps], axis=1).reshape(-1) for part in (1, 2, 3))
        return Fields(np.repeat(steps[0][0], len(steps)), keys, Spans(begins, stops))
    counts = np.zeros(n, dtype=np.int64)
    for step in steps:
        counts[step[0]] += 1
    before = ends(counts)
    keys, begins, stops = (np.empty(before[-1], dtype=np.int64) for _ in range(3))
    for place, (owners, key, begin, stop) in enumerate(steps):
        to = before[owners] + place
        keys[to], begins[to], stops[to] = key, begin, stop
    return Fields(np.repeat(np.arange(n), counts), keys, Spans(begins, stops))


def _with_walked(
    steps: list[tuple[Int64, Int64, Int64, Int64]], owners: Int64, found: list[list[int]], n: int
) -> Fields:
    """The fields of the lockstep, and those that were found one by one in the last few messages."""
    flat = np.array(found[0] if len(found) == 1 else list(chain.from_iterable(found)), dtype=np.int64).reshape(-1, 3)
    who = np.repeat(owners, [len(one) // 3 for one in found])
    if not steps:
        return Fields(who, flat[:, 0], Spans(flat[:, 1], flat[:, 2]))
    led = _in_order(steps, n)
    order = np.argsort(np.concatenate([led.spans.starts, flat[:, 1]]), kind="stable")
    parts = ((led.owners, who), (led.keys, flat[:, 0]), (led.spans.starts, flat[:, 1]), (led.spans.stops, flat[:, 2]))
    owners, keys, begins, stops = (np.concatenate(part)[order] for part in parts)
    return Fields(owners, keys, Spans(begins, stops))


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
    _inside(wire, starts + width)
    # A window at every byte: indexing copies each as a whole, twice as fast as byte strings of Arrow.
    windows = np.ndarray((len(wire.raw) - width + 1,), dtype=f"V{width}", buffer=wire.raw, strides=(1,))
    return windows[starts].view(np.uint8)


def _inside(wire: Wire, places: Int64) -> None:
    if places[-1] > len(wire.raw) or places[0] < 0:
        raise Malformed("a field ends beyond the answer")


def numbers_at(wire: Wire, starts: Int64, dtype: npt.DTypeLike) -> npt.NDArray[Any]:
    """Fixed-width little-endian numbers."""
    kind = np.dtype(dtype).newbyteorder("<")
    return gather_even(wire, starts, kind.itemsize).view(kind)


def packed_varints(flat: Bytes) -> tuple[Int64, Int64]:
    """The varints of bytes that hold nothing else, and the positions after them."""
    last_bytes = np.flatnonzero(flat < 0x80)
    if len(flat) and (not len(last_bytes) or last_bytes[-1] != len(flat) - 1):
        raise Malformed("packed numbers end within a number")
    starts = np.concatenate([[0], last_bytes + 1])[:-1]
    return varints(flat, starts)
