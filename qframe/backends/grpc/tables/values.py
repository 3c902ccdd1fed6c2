"""Field tables of values that stand in many messages: ids, shard keys, JSON values, selectors, timestamps."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from qframe.backends.grpc.messages import (
    BOOL,
    DOUBLE,
    INT64,
    TEXT,
    UINT64,
    Codec,
    Entries,
    Many,
    Message,
    Shaped,
    delimited,
    enum,
    fields,
    message,
    plain,
    wrong,
)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _id_message(value: Any, path: str) -> dict[str, Any]:
    if isinstance(value, uuid.UUID):
        return {"uuid": str(value)}
    if isinstance(value, str):
        try:
            return {"uuid": str(uuid.UUID(value))}
        except ValueError:
            raise wrong(path, "an unsigned integer or a UUID", value) from None
    return {"num": value}


def _id_value(found: Mapping[str, Any]) -> int | str:
    return found["uuid"] if "uuid" in found else found.get("num", 0)


POINT_ID = Shaped(message(num=(1, UINT64), uuid=(2, TEXT)), _id_message, _id_value)
"""An int or UUID text."""


def _key_message(value: Any, _path: str) -> dict[str, Any]:
    return {"keyword": value} if isinstance(value, str) else {"number": value}


SHARD_KEY = Shaped(
    message(keyword=(1, TEXT), number=(2, UINT64)),
    _key_message,
    lambda found: found.get("keyword", found.get("number")),
)

SHARD_KEY_SELECTOR = Shaped(
    message(shard_keys=(1, Many(SHARD_KEY))),
    lambda value, _: {"shard_keys": [value]},
    lambda found: found.get("shard_keys"),
)
"""One key."""


def _consistency(value: Any, _path: str) -> dict[str, Any]:
    return {"type": value} if isinstance(value, str) else {"factor": value}


CONSISTENCY = Shaped(
    message(type=(1, enum(all=0, majority=1, quorum=2)), factor=(2, UINT64)),
    _consistency,
    lambda found: found.get("type", found.get("factor")),
)
"""A number of replicas, or "all", "majority", "quorum"."""


@dataclass(frozen=True, slots=True)
class JsonValue:
    """Any JSON value as a `Value` message. Integers beyond int64 and non-finite numbers have none."""

    absent: Any = None

    def put(self, number: int, value: Any, path: str) -> bytes:
        return delimited(number, self._encode(value, path))

    def take(self, found: Sequence[int | bytes]) -> Any:
        raw = b"".join(piece for piece in found if isinstance(piece, bytes))
        result: Any = None
        for number, _, one in fields(raw):
            codec = _VALUE_FIELDS.get(number)
            result = None if codec is None else codec.take([one])
        return result

    def _encode(self, value: Any, path: str) -> bytes:
        if value is None:
            return b"\x08\x00"
        if isinstance(value, bool):
            return BOOL.put(5, value, path)
        if isinstance(value, int):
            return INT64.put(3, value, path)
        if isinstance(value, float):
            return DOUBLE.put(2, value, path)
        if isinstance(value, str):
            return TEXT.put(4, value, path)
        if isinstance(value, Mapping):
            return _STRUCT.put(6, value, path)
        if isinstance(value, Sequence):
            return _LIST.put(7, value, path)
        raise wrong(path, "a JSON value", value)


JSON_VALUE = JsonValue()
JSON_OBJECT = Entries(JSON_VALUE)
_STRUCT = Shaped(
    message(fields=(1, JSON_OBJECT)),
    lambda value, _: {"fields": value},
    lambda found: found.get("fields", {}),
)
_LIST = Shaped(
    message(values=(1, Many(JSON_VALUE))),
    lambda value, _: {"values": value},
    lambda found: found.get("values", []),
)
_VALUE_FIELDS: dict[int, Codec] = {2: DOUBLE, 3: INT64, 4: TEXT, 5: BOOL, 6: _STRUCT, 7: _LIST}

_RFC3339 = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)"
    r"(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9})\d*)?)?)?"
    r"\s*(Z|[+-]\d\d(?::?\d\d)?)?",
    re.IGNORECASE,
)


def timestamp(text: str, path: str) -> tuple[int, int]:
    """Seconds and nanoseconds since the epoch of an RFC 3339 text, as the server reads it: no offset means UTC."""
    found = _RFC3339.fullmatch(text.strip())
    if found is None:
        raise wrong(path, "a date, or a date and time as RFC 3339 writes it", text)
    *numbers, fraction, offset = found.groups()
    year, month, day, hour, minute, second = (int(part or 0) for part in numbers)
    try:
        moment = datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    except ValueError:
        raise wrong(path, "a date that exists", text) from None
    seconds = (moment - _EPOCH).days * 86_400 + (moment - _EPOCH).seconds - _offset_seconds(offset)
    return seconds, int((fraction or "").ljust(9, "0"))


def _offset_seconds(offset: str | None) -> int:
    if offset is None or offset in "zZ":
        return 0
    digits = offset[1:].replace(":", "").ljust(4, "0")
    seconds = int(digits[:2]) * 3600 + int(digits[2:]) * 60
    return -seconds if offset[0] == "-" else seconds


def _timestamp_message(value: Any, path: str) -> dict[str, int]:
    if isinstance(value, datetime):
        value = value.isoformat()
    if not isinstance(value, str):
        raise wrong(path, "an RFC 3339 text", value)
    seconds, nanos = timestamp(value, path)
    return {"seconds": seconds, "nanos": nanos} if nanos else {"seconds": seconds}


TIMESTAMP = Shaped(
    message(seconds=(1, plain(INT64, 0)), nanos=(2, plain(INT64, 0))),
    _timestamp_message,
    lambda found: (found["seconds"], found["nanos"]),
)
"""RFC 3339 text; reads as (seconds, nanoseconds)."""


def _payload_message(value: bool | tuple[str, ...], _path: str) -> dict[str, Any]:
    return {"enable": value} if isinstance(value, bool) else {"include": {"fields": value}}


_PAYLOAD_INCLUDE: Message = message(fields=(1, Many(TEXT)))
WITH_PAYLOAD = Shaped(message(enable=(1, BOOL), include=(2, _PAYLOAD_INCLUDE)), _payload_message, lambda found: found)
"""True, False, or a tuple of payload paths."""


def _vectors_message(value: bool | tuple[str, ...], _path: str) -> dict[str, Any]:
    return {"enable": value} if isinstance(value, bool) else {"include": {"names": value}}


WITH_VECTORS = Shaped(
    message(enable=(1, BOOL), include=(2, message(names=(1, Many(TEXT))))),
    _vectors_message,
    lambda found: found,
)
"""True, False, or a tuple of vector names."""
