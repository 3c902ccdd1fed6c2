"""A 64-bit digest of each row of points: the same on every machine and in every version, so that it can be kept.

Vectorised, with multipliers that are fixed by a formula. The digest is of what is stored: payload in plain types, so
that it does not matter which library, layout or wire the values come from. No defence against an adversary.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from qframe.columns.layout import Int64, booleans, ends, list_elements, numbers, offsets, rows_of, valid
from qframe.columns.plain import plain
from qframe.model.ids import Ids, RowNumbers
from qframe.model.points import Points
from qframe.model.vectors import Dense, VectorColumn

Digests = npt.NDArray[np.uint64]

_NULL = np.uint64(0x6E756C6C6E756C6C)
_STEP = np.uint64(0x9E3779B97F4A7C15)
_ONE, _TWO = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_LOW = np.uint64(0xFFFFFFFF)
_FIRST = np.array([(1 << 8 * count) - 1 for count in range(9)], dtype=np.uint64)
"""The first so many bytes of a word."""

AT_ONCE = 1 << 17
"""Numbers of dense vectors that are widened at a time: 1 MB, which stays in a core's cache."""


def row_digests(points: Points, shard_keys: pa.Array | None = None) -> Digests:
    """A digest of each row: its id, vectors, payload and shard key. Row numbers are no part of it, `placed` adds them.

    Parameters
    ----------
    points : Points
        All of whose values can be written (`columns.check`).
    shard_keys : pyarrow.Array, optional
        The shard key of each row, where it is not `points.shard_key`.

    Returns
    -------
    numpy.ndarray
        `uint64` of shape (n,). The order of columns changes nothing, their names do.
    """
    n = len(points)
    parts = {"id": _ids(points.ids)}
    for name, column in points.vectors.items():
        parts[f"vector {name}"] = _vectors(column)
    if points.payload is not None:
        for name, array in zip(points.payload.schema.names, points.payload.columns, strict=True):
            parts[f"payload {name}"] = _values(plain(array))
    if shard_keys is not None:
        parts["shard key"] = _values(plain(shard_keys))
    elif points.shard_key is not None:
        parts["shard key"] = np.full(n, _text(repr(points.shard_key)))
    return _fields(n, parts)


def placed(digests: Digests, rows: RowNumbers) -> Digests:
    """The digests of rows at their places: equal rows with other row numbers get others."""
    numbered = np.asarray(rows, dtype=np.int64).astype(np.uint64)
    return _mix(digests ^ _mix(numbered * _STEP))


def _mix(values: Digests) -> Digests:
    """The finaliser of SplitMix64: a bijection in which every bit of the input moves half of the output's."""
    values = values ^ (values >> np.uint64(30))
    values *= _ONE
    values ^= values >> np.uint64(27)
    values *= _TWO
    values ^= values >> np.uint64(31)
    return values


def _multipliers(count: int) -> Digests:
    """SplitMix64's numbers 1 … count; odd ones, so that no value is lost in a product."""
    return _mix(np.arange(1, count + 1, dtype=np.uint64) * _STEP) | np.uint64(1)


def _text(text: str) -> np.uint64:
    return np.frombuffer(hashlib.blake2b(text.encode(), digest_size=8).digest(), dtype="<u8").astype(np.uint64)[0]


def _fields(n: int, parts: Mapping[str, Digests]) -> Digests:
    """One digest of named ones, whatever their order."""
    total = np.zeros(n, dtype=np.uint64)
    for name, part in parts.items():
        total += _mix(part ^ _text(name))
    return _mix(total)


def _ids(ids: Ids) -> Digests:
    if not ids.is_uuid:
        return _mix(ids.values.astype(np.uint64))
    words = np.ascontiguousarray(ids.values).view("<u8").astype(np.uint64)
    return _mix(words[:, 0]) + _mix(words[:, 1] ^ _STEP)


def _vectors(column: VectorColumn) -> Digests:
    if isinstance(column, Dense):
        found = _rows(_words(column.values).reshape(column.values.shape))
    elif column.kind == "sparse":
        found = _mix(_spans(column.indices, column.offsets)) + _spans(_words(column.values), column.offsets)
    else:
        found = _spans(_words(column.values).reshape(-1), column.offsets * column.dim)
    found = _mix(found)
    return found if column.present is None else np.where(column.present, found, _NULL)


def _words(values: npt.NDArray[np.float32]) -> npt.NDArray[np.uint32]:
    return np.ascontiguousarray(values, dtype="<f4").view("<u4")


def _rows(words: npt.NDArray[np.uint32]) -> Digests:
    """Each row of a grid of 32-bit words as one sum; 64-bit words would let two flips of the top bit cancel."""
    n, width = words.shape
    by = _multipliers(width)
    found = np.empty(n, dtype=np.uint64)
    step = max(1, AT_ONCE // max(1, width))
    for start in range(0, n, step):
        found[start : start + step] = words[start : start + step].astype(np.uint64) @ by
    return found


def _spans(values: npt.NDArray[np.unsignedinteger], spans: Int64) -> Digests:
    """The values `spans[i]:spans[i + 1]` of each row, and how many they are, as one sum."""
    spans, values = spans - spans[0], values[spans[0] : spans[-1]]
    places, longest = _places(spans)
    return _sums(values.astype(np.uint64) * _multipliers(longest)[places], spans)


def _places(spans: Int64) -> tuple[Int64, int]:
    """The place of each element within its row, and the length of the longest row."""
    lengths = np.diff(spans)
    places = np.arange(int(spans[-1]), dtype=np.int64) - np.repeat(spans[:-1], lengths)
    return places, int(lengths.max(initial=0))


def _sums(terms: Digests, spans: Int64) -> Digests:
    total = np.zeros(len(terms) + 1, dtype=np.uint64)
    np.cumsum(terms, out=total[1:])
    return total[spans[1:]] - total[spans[:-1]] + _mix(np.diff(spans).astype(np.uint64) + _STEP)


def _values(array: pa.Array) -> Digests:
    """A digest of each value of a plain array."""
    found = _filled(array)
    mask = valid(array)
    return found if mask is None else np.where(mask, found, _NULL)


def _filled(array: pa.Array) -> Digests:
    """The same; what null rows get is anything."""
    n, dtype, types = len(array), array.type, pa.types
    if types.is_large_string(dtype):
        return _strings(array)
    if types.is_int64(dtype) or types.is_float64(dtype):
        return _mix(numbers(array, "<u8").astype(np.uint64) ^ _text(str(dtype)))
    if types.is_boolean(dtype):
        return _mix(booleans(array).astype(np.uint64) ^ _text("bool"))
    if types.is_large_list(dtype):
        elements, spans = list_elements(array)
        return _mix(_spans(_values(elements), spans))
    if types.is_struct(dtype):
        parts = zip((field.name for field in dtype), map(_values, array.flatten()), strict=True)
        return _fields(n, dict(parts))
    if types.is_null(dtype):
        return np.full(n, _NULL)
    raise TypeError(f"{dtype} is not a plain type")


def _strings(array: pa.LargeStringArray) -> Digests:
    """The bytes of each string by words of eight, of which the last one ends in zeros."""
    spans = offsets(array) - (offsets(array)[0] if len(array) else 0)
    lengths = np.diff(spans)
    words = ends((lengths + 7) // 8)
    places, longest = _places(words)
    begins = np.repeat(spans[:-1] - 8 * words[:-1], np.diff(words)) + 8 * np.arange(int(words[-1]), dtype=np.int64)
    left = np.minimum(np.repeat(spans[1:], np.diff(words)) - begins, 8)
    data = np.zeros(int(spans[-1]) + 8, dtype=np.uint8)
    data[:-8] = rows_of(array)
    # One word for each byte, of which those are taken that begin where a string or the rest of one does.
    every = np.ndarray((len(data) - 7,), dtype="<u8", buffer=data, strides=(1,))
    found = every[begins].astype(np.uint64) & _FIRST[left]
    by = _multipliers(2 * longest)
    terms = (found & _LOW) * by[2 * places] + (found >> np.uint64(32)) * by[2 * places + 1]
    return _mix(_sums(terms, words) ^ _mix(lengths.astype(np.uint64)))
