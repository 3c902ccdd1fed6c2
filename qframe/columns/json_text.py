"""JSON text by column: one text a row for any plain array, and for the objects that payload columns make.

Numbers are formatted by orjson and Arrow for a whole column at once; the rest is bytes between bytes, as a rope. A
float always has a decimal point or an exponent, so no reader takes it for an integer. Knows JSON and nothing of Qdrant.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
import orjson
import pyarrow as pa

from qframe.columns.layout import (
    Bytes,
    Int64,
    Mask,
    as_binary,
    binary,
    booleans,
    ends,
    list_elements,
    numbers,
    offsets,
    rows_of,
    valid,
)
from qframe.columns.rope import Rope, column, fixed, grouped, loose, rope, where
from qframe.model.operations import Nulls

_GROWTH = np.array([len(orjson.dumps(chr(code))) - 3 for code in range(128)], dtype=np.int64)
"""Bytes that each ASCII character gains by being escaped."""


def value(array: pa.Array, nulls: Nulls) -> Rope:
    """The JSON text of each row of a plain array; `nulls` says what becomes of nulls in structs, at any depth."""
    filled = _filled(array, nulls)
    mask = valid(array)
    if mask is None:
        return filled
    return rope(len(array), where(filled, mask), where(rope(len(array), b"null"), ~mask))


def _filled(array: pa.Array, nulls: Nulls) -> Rope:
    """The JSON text of each row; what null rows hold is anything."""
    n, dtype, types = len(array), array.type, pa.types
    if types.is_large_string(dtype):
        return rope(n, b'"', column(_escaped(as_binary(array))), b'"')
    if types.is_int64(dtype):
        return column(pa.array(numbers(array, np.int64)).cast(pa.large_string()))
    if types.is_float64(dtype):
        # What null rows hold may be NaN, which orjson writes as null; it is left out with them.
        return column(split(dumps(numbers(array, np.float64))))
    if types.is_boolean(dtype):
        return column(pa.array(booleans(array)).cast(pa.large_string()))
    if types.is_large_list(dtype):
        elements, spans = list_elements(array)
        return listed(value(elements, nulls), spans)
    if types.is_struct(dtype):
        return members(n, zip((field.name for field in dtype), array.flatten(), strict=True), nulls)
    if types.is_null(dtype):
        return rope(n, b"null")
    raise TypeError(f"{dtype} is not a plain type")


def members(n: int, columns: Iterable[tuple[str, pa.Array]], nulls: Nulls) -> Rope:
    """The JSON object of each row.

    Parameters
    ----------
    n : int
        Number of rows; there may be no column.
    columns : iterable of (key, plain array)
    nulls : "omit", "keep" or "remove"
        Whether the key of a null row is left out or its value is null; "remove": null here, left out below.
    """
    below: Nulls = "omit" if nulls == "remove" else nulls
    parts: list[bytes | Rope] = [b"{"]
    begun: Mask | bool = False  # the rows that have a member already, so that the next one needs a comma
    for key, array in columns:
        mask = valid(array) if nulls == "omit" else None
        held = value(array, below) if mask is None else _filled(array, below)
        member = rope(n, text(key) + b":", held)
        if isinstance(begun, bool):
            member = rope(n, b"," if begun else b"", member)
        else:
            member = rope(n, where(rope(n, b","), begun), member)
        parts.append(member if mask is None else where(member, mask))
        begun = _either(begun, mask)
    return rope(n, *parts, b"}")


def _either(begun: Mask | bool, mask: Mask | None) -> Mask | bool:
    if begun is True or mask is None:
        return True
    return mask if isinstance(begun, bool) else begun | mask


def listed(elements: Rope, spans: Int64) -> Rope:
    """JSON arrays: row i holds the elements `spans[i]:spans[i + 1]`."""
    n = len(spans) - 1
    closing = np.zeros(elements.n, dtype=np.bool_)
    filled = np.diff(spans) > 0
    closing[spans[1:][filled] - 1] = True

    def write(out: Bytes) -> None:
        out[:, 0] = np.where(closing, ord("]"), ord(","))

    closed = grouped(rope(elements.n, elements, fixed(elements.n, 1, write)), spans)
    return rope(n, b"[", closed, *(() if filled.all() else (where(rope(n, b"]"), ~filled),)))


def text(string: str) -> bytes:
    """One string as JSON."""
    return orjson.dumps(string)


def dumps(values: npt.NDArray[np.number]) -> bytes:
    """A numpy array of any shape as JSON, floats in the fewest digits that read back equal."""
    return orjson.dumps(np.ascontiguousarray(values), option=orjson.OPT_SERIALIZE_NUMPY)


def split(array_text: bytes) -> pa.LargeBinaryArray:
    """The elements of a JSON array of numbers, without the commas."""
    flat = np.frombuffer(array_text, dtype=np.uint8)
    if len(flat) <= 2:
        return binary(np.zeros(1, dtype=np.int64), flat[:0])
    commas = np.flatnonzero(flat == ord(","))
    # Each element moves left by the commas before it.
    spans = np.empty(len(commas) + 2, dtype=np.int64)
    spans[0], spans[-1] = 0, len(flat) - 2 - len(commas)
    spans[1:-1] = commas - 1 - np.arange(len(commas))
    inner = flat[1:-1]
    return binary(spans, inner[inner != ord(",")])


def regrouped(array_text: bytes, closings: Int64, spans: Int64) -> Rope:
    """The elements of one long JSON array as many arrays: row i holds the elements `spans[i]:spans[i + 1]`.

    Parameters
    ----------
    array_text : bytes
        What `dumps` made.
    closings : numpy.ndarray
        Where the comma, or the last bracket, behind each element stands, `int64` of shape (number of elements,).
    spans : numpy.ndarray
        `int64` of shape (n + 1,).
    """
    flat = np.frombuffer(array_text, dtype=np.uint8).copy()
    lengths = np.diff(spans)
    filled = lengths > 0
    flat[closings[spans[1:][filled] - 1]] = ord("]")
    # Each row's slice ends with the bracket behind its last element; the opening one is put before it.
    places = np.concatenate([[0], closings])[spans] + 1
    n = len(lengths)
    closed = loose(n, np.diff(places), lambda: binary(places, flat))
    return rope(n, b"[", closed, *(() if filled.all() else (where(rope(n, b"]"), ~filled),)))


def _escaped(strings: pa.LargeBinaryArray) -> pa.LargeBinaryArray:
    """The strings with quotes, backslashes and control characters escaped; as they are when there are none.

    orjson escapes the whole column as one string; where its parts end follows from how much each character grew.
    """
    flat = rows_of(strings)
    if _clean(flat):
        return strings
    special = np.flatnonzero((flat < 32) | (flat == ord('"')) | (flat == ord("\\")))
    grown = ends(_GROWTH[flat[special]])
    places = offsets(strings) - offsets(strings)[0]
    escaped = np.frombuffer(orjson.dumps(str(flat.data, "utf-8")), dtype=np.uint8)[1:-1]
    return binary(places + grown[np.searchsorted(special, places)], escaped)


def _clean(flat: Bytes) -> bool:
    """Whether nothing is to be escaped: by a minimum and two searches in C, a fifth of what three masks cost."""
    if len(flat) and int(flat.min()) < 32:
        return False
    raw = flat.tobytes()
    return b'"' not in raw and b"\\" not in raw
