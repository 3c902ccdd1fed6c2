"""What a payload column holds that cannot be written: types first, then values, found by column.

Owns the limits of what JSON and both wires can carry; `plain` may rely on it. A type is at fault as a whole
(`unsupported`), values are told by their rows (`check_payload`). Knows Arrow and nothing of frames.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from qframe.columns.layout import Int64, Mask, numbers, valid
from qframe.columns.plain import elements, has_plain_form, is_list
from qframe.columns.temporal_text import TICKS
from qframe.errors import FrameError
from qframe.model.bad import KEPT_VALUES, Bad

DEEPEST = 30
"""Levels of lists and structs. Protobuf readers (the server's and the official client's) give up at 100 messages within
each other: an object takes three of them, a list two, the request up to eight."""

_types = pa.types
_FIRST_SECOND = -62_167_219_200
_LAST_SECOND = 253_402_300_799
_INT64 = np.iinfo(np.int64)


def unsupported(name: str, dtype: pa.DataType, above: int = 0) -> FrameError | None:
    """Why a column of this type cannot be payload, as an error for the whole column; None when it can.

    Parameters
    ----------
    name : str
        The column, for the message.
    dtype : pyarrow.DataType
        Looked through to any depth.
    above : int
        Levels of the payload that the column comes to stand under, at most `DEEPEST`.
    """
    fault = _fault(dtype, "", above)
    if fault is None:
        return None
    path, inner, why, way_out = fault
    place = f", at {name + path!r}" if path else ""
    return FrameError(f"column {name!r}: the dtype {inner}{place} {why}. {way_out}", column=name, value=str(dtype))


def _fault(dtype: pa.DataType, path: str, depth: int) -> tuple[str, str, str, str] | None:
    """Path, type, reason and way out of the first type at fault."""
    if not has_plain_form(dtype):
        return path, _type_name(dtype), *_reason(dtype)
    if _types.is_run_end_encoded(dtype) and path:
        return path, str(dtype), "is run-end encoded within a list or struct", "Decode it first."
    if _types.is_dictionary(dtype) or _types.is_run_end_encoded(dtype):
        return _fault(dtype.value_type, path, depth)
    if not (is_list(dtype) or _types.is_struct(dtype)):
        return None
    if depth == DEEPEST:
        return (
            "",
            "of the column",
            f"is nested deeper than {DEEPEST} levels",
            "Flatten it, or write it as JSON text.",
        )
    if is_list(dtype):
        return _fault(dtype.value_type, f"{path}[]", depth + 1)
    names = [field.name for field in dtype]
    for field in dtype:
        if names.count(field.name) > 1:
            return path, str(dtype), f"has the field {field.name!r} more than once", "Give each field its own name."
        fault = _fault(field.type, f"{path}.{field.name}", depth + 1)
        if fault is not None:
            return fault
    return None


def _type_name(dtype: pa.DataType) -> str:
    return str(dtype.extension_name) if isinstance(dtype, pa.BaseExtensionType) else str(dtype)


def _reason(dtype: pa.DataType) -> tuple[str, str]:
    """Why a type without a plain form has none, and the way out."""
    bytes_like = _types.is_binary(dtype) or _types.is_large_binary(dtype) or _types.is_fixed_size_binary(dtype)
    if bytes_like or _types.is_binary_view(dtype):
        return (
            "holds bytes, which JSON has no word for",
            "Encode it as text (hex or base64), or leave it out of payload=.",
        )
    if _types.is_map(dtype):
        return "is a map, whose keys differ by row", "Make it a struct, or a list of structs of key and value."
    if _types.is_interval(dtype):
        return "is a calendar interval, which has no fixed length", "Cast it to Duration or to text."
    if isinstance(dtype, pa.BaseExtensionType):
        return "has no form in JSON that could be read back", "Cast it to text, or to a start and an end."
    return "has no form in JSON", "Cast it to text, or leave it out of payload=."


@dataclass(frozen=True, slots=True)
class _Rule:
    """Which values of a leaf cannot be written; what null rows hold may be found too and is dropped."""

    find: Callable[[pa.Array], Mask]
    message: str
    way_out: str


def check_payload(name: str, array: pa.Array) -> list[Bad]:
    """The values of a column that cannot be written, nested ones too; empty when all can.

    Parameters
    ----------
    name : str
        The column, for the messages.
    array : pyarrow.Array
        Of a type that `unsupported` lets pass.

    Returns
    -------
    list of Bad
        One for each reason and place in the type. Rows are positions in the array.

    Notes
    -----
    No decimal is ever at fault: one of at most 15 digits is told apart from all others by a float64, wider ones are
    text. NaN is not either: it counts as null.
    """
    found = []
    for leaf, rows, path in _leaves(array, None, ""):
        for rule in _rules(leaf.type):
            mask = rule.find(leaf)
            filled = valid(leaf)
            if filled is not None:
                mask = mask & filled
            if mask.any():
                found.append(_bad(name, path, rule, leaf, np.flatnonzero(mask), rows))
    return found


def _leaves(array: pa.Array, rows: Int64 | None, path: str) -> Iterator[tuple[pa.Array, Int64 | None, str]]:
    """The leaf arrays, the row of each of their values (None: its position), and where they are in the type."""
    dtype = array.type
    if not _has_rules(dtype):
        return
    if _types.is_dictionary(dtype):
        yield from _leaves(array.dictionary.take(array.indices), rows, path)
    elif _types.is_run_end_encoded(dtype):
        yield from _leaves(pc.run_end_decode(array), rows, path)
    elif is_list(dtype):
        inner, spans = elements(array, valid(array))
        owners = np.arange(len(array), dtype=np.int64) if rows is None else rows
        yield from _leaves(inner, np.repeat(owners, np.diff(spans)), f"{path}[]")
    elif _types.is_struct(dtype):
        for field, child in zip(dtype, array.flatten(), strict=True):
            yield from _leaves(child, rows, f"{path}.{field.name}")
    else:
        yield array, rows, path


def _has_rules(dtype: pa.DataType) -> bool:
    """Whether anything in the type has a rule: columns of text and small integers are not looked at."""
    if is_list(dtype) or _types.is_dictionary(dtype) or _types.is_run_end_encoded(dtype):
        return _has_rules(dtype.value_type)
    if _types.is_struct(dtype):
        return any(_has_rules(field.type) for field in dtype)
    return bool(_rules(dtype))


def _bad(name: str, path: str, rule: _Rule, leaf: pa.Array, places: Int64, rows: Int64 | None) -> Bad:
    owners, first = np.unique(places if rows is None else rows[places], return_index=True)
    shown = leaf.take(pa.array(places[first[:KEPT_VALUES]]))
    message = f"{rule.message} (at {name + path!r})" if path else rule.message
    return Bad(name, owners.astype(np.int64), _values(shown), message, rule.way_out)


def _values(leaf: pa.Array) -> tuple[object, ...]:
    """Values as Python has them; dates and times as text, since Python's end with the year 9999 and at microseconds."""
    if not _types.is_temporal(leaf.type):
        return tuple(leaf.to_pylist())
    if _types.is_timestamp(leaf.type):
        leaf = leaf.view(pa.timestamp(leaf.type.unit))
    elif _types.is_time(leaf.type):
        leaf = leaf.view(pa.int32() if leaf.type.bit_width == 32 else pa.int64())
    return tuple(leaf.cast(pa.large_string()).to_pylist())


def _rules(dtype: pa.DataType) -> tuple[_Rule, ...]:
    if _types.is_uint64(dtype):
        return (_BEYOND_INT64,)
    if _types.is_floating(dtype):
        return (_INFINITE,)
    if _types.is_timestamp(dtype):
        return (_YEARS, _NANOSECONDS) if dtype.unit == "ns" else (_YEARS,)
    if _types.is_date(dtype):
        return (_YEARS,)
    if _types.is_time(dtype):
        return (_HOURS,)
    return ()


def _ticks(array: pa.Array) -> npt.NDArray[Any]:
    return numbers(array, np.int32 if array.type.bit_width == 32 else np.int64)


def _outside(ticks: npt.NDArray[Any], low: int, high: int) -> Mask:
    """Ticks below `low` or above `high`, which may lie beyond int64 themselves."""
    return (ticks < max(low, int(_INT64.min))) | (ticks > min(high, int(_INT64.max)))


def _beyond_int64(array: pa.Array) -> Mask:
    return numbers(array, np.uint64) > np.uint64(_INT64.max)


def _infinite(array: pa.Array) -> Mask:
    return np.isinf(numbers(array, np.dtype(f"f{array.type.bit_width // 8}")))


def _beyond_years(array: pa.Array) -> Mask:
    """Timestamps and dates outside the years 0000 to 9999."""
    dtype = array.type
    if _types.is_timestamp(dtype):
        step = TICKS[dtype.unit]
        return _outside(_ticks(array), _FIRST_SECOND * step, (_LAST_SECOND + 1) * step - 1)
    step = 1 if _types.is_date32(dtype) else 86_400_000
    return _outside(_ticks(array), _FIRST_SECOND // 86_400 * step, (_LAST_SECOND // 86_400 + 1) * step - 1)


def _beyond_day(array: pa.Array) -> Mask:
    return _outside(_ticks(array), 0, 86_400 * TICKS[array.type.unit] - 1)


def _below_microseconds(array: pa.Array) -> Mask:
    return numbers(array, np.int64) % 1000 != 0


_BEYOND_INT64 = _Rule(
    _beyond_int64,
    "an integer beyond int64, which Qdrant cannot carry on every wire",
    "Cast the column to text, or to Float64 if digits may be lost.",
)
_INFINITE = _Rule(
    _infinite,
    "infinity has no word in JSON",
    "Replace it by null or a finite number.",
)
_YEARS = _Rule(
    _beyond_years,
    "dates are written with four digits of the year, 0000 to 9999",
    "Replace it by null, or write the column as integers or text.",
)
_HOURS = _Rule(
    _beyond_day,
    "a time of day lies between 00:00 and 24:00",
    "Replace it by null, or cast the column to Duration.",
)
_NANOSECONDS = _Rule(
    _below_microseconds,
    "Qdrant keeps datetimes in microseconds, so the nanoseconds would be lost",
    "Truncate the column to microseconds, or write it as integers or text.",
)
