"""A small table-driven protobuf codec for control messages: JSON-like values ⇄ bytes. Knows no message of Qdrant's.

A codec writes the field of a given number with `put` and reads all that was found under that number with `take`.
Bulk data never passes through here: points are encoded and decoded by kernels over columns.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from qframe.columns.protobuf import field_bytes, varint_bytes
from qframe.columns.wire_reader import FIXED32, FIXED64, LENGTH, VARINT
from qframe.errors import OptionError


def varint(value: int) -> bytes:
    """A base-128 varint; negative numbers as their 64-bit two's complement, as protobuf's int64 asks for."""
    return varint_bytes(value & 0xFFFFFFFFFFFFFFFF)


def tag(number: int, wire: int) -> bytes:
    return varint(number << 3 | wire)


def delimited(number: int, body: bytes) -> bytes:
    """A length-delimited field: a message, text, or packed numbers."""
    return field_bytes(tag(number, LENGTH), body)


def read_varint(data: bytes, at: int) -> tuple[int, int]:
    """The varint at a position and the position after it."""
    result = shift = 0
    while True:
        byte = data[at]
        at += 1
        result |= (byte & 0x7F) << shift
        if byte < 0x80:
            return result, at
        shift += 7


def fields(data: bytes) -> Iterator[tuple[int, int, int | bytes]]:
    """Number, wire type and raw value of every field of a message, in order; ValueError for what is no message."""
    at, end = 0, len(data)
    while at < end:
        try:
            key, at = read_varint(data, at)
            wire = key & 7
            raw: int | bytes
            if wire == VARINT:
                raw, at = read_varint(data, at)
            else:
                size = {FIXED64: 8, FIXED32: 4}.get(wire)
                if wire == LENGTH:
                    size, at = read_varint(data, at)
                if size is None or at + size > end:
                    raise ValueError(f"not a protobuf message: wire type {wire} at byte {at} of {end}")
                raw, at = data[at : at + size], at + size
        except IndexError:
            raise ValueError(f"not a protobuf message: it ends within a number at byte {at}") from None
        yield key >> 3, wire, raw


class Codec(Protocol):
    """How one field is written and read. `absent` is what a missing field reads as; None leaves it out."""

    @property
    def absent(self) -> Any: ...

    def put(self, number: int, value: Any, path: str) -> bytes: ...

    def take(self, found: Sequence[int | bytes]) -> Any: ...


@dataclass(frozen=True, slots=True)
class Scalar:
    """A number, flag or text. `write` checks the value and gives the bytes after the tag; `read` undoes it."""

    wire: int
    write: Callable[[Any, str], bytes]
    read: Callable[[Any], Any]
    absent: Any = None

    def put(self, number: int, value: Any, path: str) -> bytes:
        return tag(number, self.wire) + self.write(value, path)

    def take(self, found: Sequence[int | bytes]) -> Any:
        return self.read(found[-1])


def wrong(path: str, expected: str, value: object) -> OptionError:
    return OptionError(f"{path}: found {value!r}, expected {expected}.")


def _integer(low: int, high: int) -> Callable[[Any, str], bytes]:
    def write(value: Any, path: str) -> bytes:
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise wrong(path, f"an integer from {low} to {high}", value)
        return varint(value)

    return write


def _write_bool(value: Any, path: str) -> bytes:
    if not isinstance(value, bool):
        raise wrong(path, "true or false", value)
    return b"\1" if value else b"\0"


def _real(pack: Callable[[float], bytes]) -> Callable[[Any, str], bytes]:
    def write(value: Any, path: str) -> bytes:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise wrong(path, "a number", value)
        try:
            return pack(float(value))
        except OverflowError:
            raise wrong(path, "a number in the field's range", value) from None

    return write


def _write_text(value: Any, path: str) -> bytes:
    if not isinstance(value, str):
        raise wrong(path, "text", value)
    body = value.encode()
    return varint(len(body)) + body


def _read_signed(raw: int) -> int:
    return raw - (1 << 64) if raw >> 63 else raw


_FLOAT, _DOUBLE = struct.Struct("<f"), struct.Struct("<d")

UINT32 = Scalar(VARINT, _integer(0, 2**32 - 1), int)
UINT64 = Scalar(VARINT, _integer(0, 2**64 - 1), int)
INT64 = Scalar(VARINT, _integer(-(2**63), 2**63 - 1), _read_signed)
BOOL = Scalar(VARINT, _write_bool, bool)
FLOAT = Scalar(FIXED32, _real(_FLOAT.pack), lambda raw: _FLOAT.unpack(raw)[0])
DOUBLE = Scalar(FIXED64, _real(_DOUBLE.pack), lambda raw: _DOUBLE.unpack(raw)[0])
TEXT = Scalar(LENGTH, _write_text, lambda raw: raw.decode())


def plain(codec: Scalar, absent: Any) -> Scalar:
    """A field without explicit presence: missing on the wire means `absent` (0, "", False, an enum's first name)."""
    return Scalar(codec.wire, codec.write, codec.read, absent)


def enum(**names: int) -> Scalar:
    """Names ⇄ numbers. A number from a newer server reads as its digits."""
    by_number = {number: name for name, number in names.items()}

    def write(value: Any, path: str) -> bytes:
        if not isinstance(value, str) or value not in names:
            raise wrong(path, f"one of {', '.join(names)}", value)
        return varint(names[value])

    return Scalar(VARINT, write, lambda raw: by_number.get(raw, str(raw)))


@dataclass(frozen=True, slots=True)
class Message:
    """A message as a mapping of its fields. A key that is not a field is refused: the server would never see it.

    `required` keys are refused when they are missing: the server would take 0 or "" for them without a word.
    """

    table: Mapping[str, tuple[int, Codec]]
    required: tuple[str, ...] = ()
    absent: Any = None

    def needs(self, *names: str) -> Message:
        return Message(self.table, names)

    def encode(self, value: Any, path: str) -> bytes:
        if not isinstance(value, Mapping):
            raise wrong(path, "an object", value)
        unknown = [key for key in value if key not in self.table]
        if unknown:
            known = ", ".join(self.table) or "none"
            raise OptionError(f"{path}: unknown key {unknown[0]!r} cannot be sent over gRPC; known keys: {known}.")
        missing = [name for name in self.required if value.get(name) is None]
        if missing:
            raise OptionError(f"{path}: key {missing[0]!r} is missing.")
        return b"".join(
            codec.put(number, value[name], f"{path}.{name}")
            for name, (number, codec) in self.table.items()
            if value.get(name) is not None
        )

    def decode(self, data: bytes) -> dict[str, Any]:
        found: dict[int, list[int | bytes]] = {}
        for number, _, raw in fields(data):
            found.setdefault(number, []).append(raw)
        result: dict[str, Any] = {}
        for name, (number, codec) in self.table.items():
            value = codec.take(found[number]) if number in found else codec.absent
            if value is not None:
                result[name] = value
        return result

    def put(self, number: int, value: Any, path: str) -> bytes:
        return delimited(number, self.encode(value, path))

    def take(self, found: Sequence[int | bytes]) -> dict[str, Any]:
        # Pieces of one message that come apart are one message: protobuf merges them.
        return self.decode(b"".join(piece for piece in found if isinstance(piece, bytes)))


def message(**table: tuple[int, Codec]) -> Message:
    return Message(table)


@dataclass(frozen=True, slots=True)
class Many:
    """A repeated field as a list; numbers are written packed and read either way."""

    item: Codec
    absent: Any = None

    def put(self, number: int, value: Any, path: str) -> bytes:
        if not isinstance(value, Sequence) or isinstance(value, str | bytes):
            raise wrong(path, "a list", value)
        if isinstance(self.item, Scalar) and self.item.wire != LENGTH:
            item = self.item
            packed = b"".join(item.write(one, f"{path}[{i}]") for i, one in enumerate(value))
            return delimited(number, packed) if packed else b""
        return b"".join(self.item.put(number, one, f"{path}[{i}]") for i, one in enumerate(value))

    def take(self, found: Sequence[int | bytes]) -> list[Any]:
        if isinstance(self.item, Scalar) and self.item.wire != LENGTH:
            found = [raw for piece in found for raw in _unpacked(piece, self.item.wire)]
        return [self.item.take([raw]) for raw in found]


def _unpacked(piece: int | bytes, wire: int) -> Iterator[int | bytes]:
    size = {FIXED64: 8, FIXED32: 4}.get(wire)
    if isinstance(piece, int) or len(piece) == size:
        yield piece
        return
    at = 0
    while at < len(piece):
        if size is None:
            raw, at = read_varint(piece, at)
            yield raw
        else:
            yield piece[at : at + size]
            at += size


@dataclass(frozen=True, slots=True)
class Entries:
    """A map<string, …> as a mapping."""

    item: Codec
    absent: Any = None

    def put(self, number: int, value: Any, path: str) -> bytes:
        if not isinstance(value, Mapping):
            raise wrong(path, "an object", value)
        return b"".join(
            delimited(number, TEXT.put(1, key, path) + self.item.put(2, one, f"{path}.{key}"))
            for key, one in value.items()
        )

    def take(self, found: Sequence[int | bytes]) -> dict[str, Any]:
        entry = message(key=(1, plain(TEXT, "")), value=(2, self.item))
        read = [entry.take([piece]) for piece in found]
        empty = self.item.take([b""]) if isinstance(self.item, Message | Shaped) else self.item.absent
        return {one["key"]: one.get("value", empty) for one in read}


@dataclass(frozen=True, slots=True)
class Shaped:
    """A field whose JSON looks otherwise than its message: `into` makes the one from the other, `back` undoes it."""

    inner: Codec
    into: Callable[[Any, str], Any]
    back: Callable[[Any], Any]
    absent: Any = None

    def put(self, number: int, value: Any, path: str) -> bytes:
        shaped = self.into(value, path)
        return b"" if shaped is None else self.inner.put(number, shaped, path)

    def take(self, found: Sequence[int | bytes]) -> Any:
        return self.back(self.inner.take(found))


def wrapped(key: str, codec: Codec, number: int = 1) -> Shaped:
    """A message of one field, which JSON writes without the message around it."""
    return Shaped(Message({key: (number, codec)}), lambda value, _: {key: value}, lambda value: value.get(key))
