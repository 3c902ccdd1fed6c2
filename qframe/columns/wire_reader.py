"""Protobuf read by column: the fields of many messages of one page at a time, all messages in lockstep.

Owns tags, varints and lengths; every step is a few numpy kernels over all messages that are not at their end. Knows the
wire format and no message; what fields hold is copied out by `wire_bytes`.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np

from qframe.columns.layout import Bytes, Int64, ends

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


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """Fields of different messages, found at once: the next field of each message that has one more.

    Parameters
    ----------
    owners : numpy.ndarray
        `int64`, ascending.
    keys : int or numpy.ndarray
        Field number * 8 + wire type: of each field, or one number for all.
    begins, stops : numpy.ndarray
        `int64`, the content.
    """

    owners: Int64
    keys: int | Int64
    begins: Int64
    stops: Int64

    def parts(self) -> tuple[Int64, Int64, Int64, Int64]:
        """Owners, keys, begins and stops, each one a field."""
        keys = np.full(len(self.owners), self.keys) if isinstance(self.keys, int) else self.keys
        return self.owners, keys, self.begins, self.stops


@dataclass(frozen=True, slots=True, eq=False)
class Lockstep:
    """All fields of `n` messages as they were found: a later field of a message is in a later step, or later in one."""

    n: int
    steps: list[Step]

    def of(self, number: int, wire: int = LENGTH) -> tuple[Int64, Spans]:
        """Owners and content of the fields of one number and wire type, step after step: not in order of the owners."""
        chosen = []
        for step in self.steps:
            if isinstance(step.keys, int):
                if step.keys == number * 8 + wire:
                    chosen.append((step.owners, step.begins, step.stops))
            elif len(rows := np.flatnonzero(step.keys == number * 8 + wire)):
                chosen.append((step.owners[rows], step.begins[rows], step.stops[rows]))
        if len(chosen) == 1:
            return chosen[0][0], Spans(*chosen[0][1:])
        if not chosen:
            return _NONE, Spans(_NONE, _NONE)
        owners, begins, stops = (np.concatenate(parts) for parts in zip(*chosen, strict=True))
        return owners, Spans(begins, stops)

    def last(self, number: int, wire: int = LENGTH) -> tuple[Int64, Spans]:
        """One field a message: the last, as protobuf asks for fields that are not repeated. Owners ascend."""
        owners, spans = self.of(number, wire)
        if any(owners is step.owners and isinstance(step.keys, int) for step in self.steps):
            return owners, spans
        return last(*in_order(owners, spans))


_NONE = np.empty(0, dtype=np.int64)


def in_order(owners: Int64, spans: Spans) -> tuple[Int64, Spans]:
    """Fields of `Lockstep.of` by owner, and those of one owner in the order of the bytes."""
    if len(owners) < 2 or (np.diff(owners) >= 0).all():
        return owners, spans
    order = np.argsort(owners, kind="stable")
    return owners[order], spans.take(order)


def lockstep(wire: Wire, messages: Spans) -> Lockstep:
    """The fields of each message.

    Raises
    ------
    Malformed
        Where the bytes are no protobuf message.
    """
    steps: list[Step] = []
    owners = np.flatnonzero(messages.starts < messages.stops)
    at, stops = messages.starts[owners], messages.stops[owners]
    try:
        while len(owners) > FEW:
            keys, begins, at = _step(wire.data, at)
            steps.append(Step(owners, keys, begins, at))
            left = at < stops
            if not left.all():
                if (at > stops).any():
                    raise Malformed("a field ends beyond its message")
                owners, at, stops = owners[left], at[left], stops[left]
        if len(owners):
            steps.append(_walked(wire, owners, at, stops))
    except IndexError:
        raise Malformed("the answer ends within a field") from None
    return Lockstep(len(messages), steps)


def fields(wire: Wire, messages: Spans) -> Fields:
    """The fields of each message in the order of the bytes; the errors are those of `lockstep`."""
    steps = lockstep(wire, messages).steps
    if not steps:
        return Fields(_NONE, _NONE, Spans(_NONE, _NONE))
    if len(steps) == 1:
        owners, keys, begins, stops = steps[0].parts()
        return Fields(owners, keys, Spans(begins, stops))
    # Sorted without sorting: each field knows how many stand before it.
    counts = np.bincount(steps[-1].owners, minlength=len(messages))
    for step in steps[:-1]:
        counts[step.owners] += 1
    before = ends(counts)
    keys, begins, stops = (np.empty(before[-1], dtype=np.int64) for _ in range(3))
    for place, step in enumerate(steps):
        to = before[step.owners] + place
        if place == len(steps) - 1:
            # Only here a message may have several, having been walked through.
            to += np.arange(len(to)) - np.searchsorted(step.owners, step.owners)
        _, keys[to], begins[to], stops[to] = step.parts()
    return Fields(np.repeat(np.arange(len(messages)), counts), keys, Spans(begins, stops))


def _step(data: Bytes, at: Int64) -> tuple[int | Int64, Int64, Int64]:
    """Key, content start and content end of the field at each position."""
    tags = data[at]
    key = int(tags[0])
    if key < 0x80 and (tags == key).all():
        return key, *_contents(data, at + 1, key & 7)
    keys, begins = varints(data, at)
    wires = keys & 7
    if (wires == LENGTH).all():
        return keys, *_contents(data, begins, LENGTH)
    stops = begins.copy()
    for kind in np.flatnonzero(np.bincount(wires, minlength=8)).tolist():
        rows = np.flatnonzero(wires == kind)
        begins[rows], stops[rows] = _contents(data, begins[rows], kind)
    return keys, begins, stops


def _contents(data: Bytes, at: Int64, kind: int) -> tuple[Int64, Int64]:
    """Where the contents begin and end of fields of one wire type, from the positions after their keys."""
    if kind == LENGTH:
        lengths, begins = varints(data, at)
        if lengths.min() < 0:
            # It would send the reader back to where it was.
            raise Malformed("a field ends beyond its message")
        return begins, begins + lengths
    if kind == VARINT:
        return at, varints(data, at)[1]
    if kind in (FIXED64, FIXED32):
        return at, at + (8 if kind == FIXED64 else 4)
    raise Malformed(f"wire type {kind}")


def varints(data: Bytes, at: Int64) -> tuple[Int64, Int64]:
    """The varint at each position, modulo 2^64 and as int64, and the positions after them.

    Raises
    ------
    IndexError
        For a position beyond the data.
    Malformed
        For a number that does not end, within ten bytes or within the data.
    """
    byte = data[at]
    after = at + 1
    if byte.max(initial=0) < 0x80:
        return byte.astype(np.int64), after
    if byte.min() > 0x7F and after.max() < len(data) and (second := data[after]).max() < 0x80:
        # Two bytes each, up to 16 KB: lengths of vectors and of points.
        return (byte & 0x7F) | second.astype(np.int64) << 7, after + 1
    values = (byte & 0x7F).astype(np.int64)
    more = byte > 0x7F
    for shift in range(7, 7 * _LONGEST, 7):
        # All numbers at once, those that have ended with a 0: quicker than picking out the others. One that runs out of
        # the data goes on with the last byte, and so without end.
        byte = data.take(after, mode="clip") * more
        values |= (byte & 0x7F).astype(np.int64) << shift
        after += more
        more = byte > 0x7F
        if not more.any():
            return values, after
    raise Malformed("a field with a number of more than ten bytes, or beyond the end")


def _walk(raw: bytes, at: int, stop: int) -> list[int]:
    """Where each field of one message begins, one after the other."""
    found: list[int] = []
    add = found.append
    while at < stop:
        add(at)
        if raw[at] & 0x87 == LENGTH:
            length = raw[at + 1]
            if length < 0x80:
                at += length + 2
                continue
            more = raw[at + 2]
            if more < 0x80:
                at += length + (more << 7) - 125
                continue
        at = _after(raw, at)
    if at > stop:
        raise Malformed("a field ends beyond its message")
    return found


def _after(raw: bytes, at: int) -> int:
    """Where the field ends that begins here."""
    key, at = _varint(raw, at)
    kind = key & 7
    if kind == LENGTH:
        length, at = _varint(raw, at)
        return at + length
    if kind == VARINT:
        return _varint(raw, at)[1]
    if kind in (FIXED64, FIXED32):
        return at + (8 if kind == FIXED64 else 4)
    raise Malformed(f"wire type {kind}")


_STEPS = [3, *(128 * second - 125 for second in range(1, 256))]
"""How far it is to the next field, less the first byte of a length of two bytes, by its second: there are 3 bytes
before the content, and the top bit of the first is none of its number. Always forward, whatever the bytes are."""


def _run(wire: Wire, at: int) -> tuple[list[Int64], int]:
    """Where fields of one key begin that follow each other and have lengths of two bytes, and where the last one ends.

    Each is found by the one before, so this is a loop in Python: one that looks at nothing but lengths, in half the
    time, and is checked afterwards, every so often.
    """
    raw, data, steps = wire.raw, wire.data, _STEPS
    runs: list[Int64] = []
    key = raw[at] if at < len(raw) else 0
    most = 64
    while key & 0x87 == LENGTH:
        found: list[int] = []
        add = found.append
        try:
            for _ in range(most):
                add(at)
                at += raw[at + 1] + steps[raw[at + 2]]
        except IndexError:
            pass  # beyond the end of the answer
        add(at)
        places = np.array(found, dtype=np.int64)
        first, second = data.take(places + 1, mode="clip"), data.take(places + 2, mode="clip")
        right = (data.take(places, mode="clip") == key) & (first > 0x7F) & (second > 0) & (second < 0x80)
        right[-1] = False
        count = int(right.argmin())
        runs.append(places[:count])
        at = found[count]
        if count < most:
            break
        most *= 4
    return runs, at


def answer(wire: Wire) -> Lockstep:
    """The fields of the answer itself, most of which are points; the errors are those of `lockstep`."""
    raw, at, stop = wire.raw, 0, len(wire.raw)
    head: list[int] = []
    try:
        while at < stop and len(head) < 2:
            head.append(at)
            at = _after(raw, at)
        points, at = _run(wire, at)
        begins = np.concatenate([np.array(found, dtype=np.int64) for found in (head, *points, _walk(raw, at, stop))])
        return Lockstep(1, [_read(wire, np.zeros(len(begins), dtype=np.int64), begins, np.append(begins[1:], stop))])
    except IndexError:
        raise Malformed("the answer ends within a field") from None


def _varint(raw: bytes, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 7 * _LONGEST, 7):
        byte = raw[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise Malformed("a number of more than ten bytes")


def _walked(wire: Wire, owners: Int64, starts: Int64, stops: Int64) -> Step:
    """All fields of a few messages: where each begins is found one after the other, the rest by kernels."""
    found = [_walk(wire.raw, begin, stop) for begin, stop in zip(starts.tolist(), stops.tolist(), strict=True)]
    counts = list(map(len, found))
    begins = np.array(list(chain.from_iterable(found)), dtype=np.int64)
    after = np.append(begins[1:], 0)
    after[np.cumsum(counts) - 1] = stops
    return _read(wire, np.repeat(owners, counts), begins, after)


def _read(wire: Wire, owners: Int64, begins: Int64, after: Int64) -> Step:
    """The fields that begin here; each ends where the next begins."""
    keys, contents = varints(wire.data, begins)
    counted = np.flatnonzero(keys & 7 == LENGTH)
    contents[counted] = varints(wire.data, contents[counted])[1]
    return Step(owners, keys, contents, after)


def packed_varints(flat: Bytes) -> tuple[Int64, Int64]:
    """The varints of bytes that hold nothing else, and the positions after them."""
    last_bytes = np.flatnonzero(flat < 0x80)
    if len(flat) and (not len(last_bytes) or last_bytes[-1] != len(flat) - 1):
        raise Malformed("packed numbers end within a number")
    starts = np.concatenate([[0], last_bytes + 1])[:-1]
    return varints(flat, starts)
