"""Point ids as columns: unsigned 64-bit integers or UUIDs, one kind a column; nothing about frames or wires."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

PointId = int | str
"""One point id as a user sees it: an int, or a UUID as lower-case hyphenated text."""

Index = slice | npt.NDArray[np.int64]
"""What `take` accepts everywhere: a slice with step 1, or positions."""

RowNumbers = range | npt.NDArray[np.int64]
"""The caller's row numbers, aligned with what they number. A range where they are contiguous: it pickles to nothing."""

_HEX = np.frombuffer(b"0123456789abcdef", dtype=np.uint8)
_HYPHENS = (8, 13, 18, 23)
_DIGITS = np.array([i for i in range(36) if i not in _HYPHENS])


def take_rows(rows: RowNumbers, index: Index) -> RowNumbers:
    """The row numbers at `index`; a range stays a range under a slice."""
    if isinstance(rows, range):
        return rows[index] if isinstance(index, slice) else rows.start + np.asarray(index, dtype=np.int64)
    return rows[index]


def join_rows(parts: Sequence[RowNumbers]) -> RowNumbers:
    """Row numbers of several parts in order; ranges that follow each other stay a range."""
    spans = [part for part in parts if isinstance(part, range)]
    if len(spans) == len(parts) and all(one.stop == other.start for one, other in pairwise(spans)):
        return range(spans[0].start, spans[-1].stop)
    return np.concatenate([np.asarray(part, dtype=np.int64) for part in parts])


@dataclass(frozen=True, slots=True, eq=False)
class Ids:
    """Point ids of one kind.

    Parameters
    ----------
    values : numpy.ndarray
        `uint64` of shape (n,) for integers, or `uint8` of shape (n, 16) for UUIDs (RFC 4122 byte order).
    """

    values: npt.NDArray[np.uint64] | npt.NDArray[np.uint8]

    @property
    def is_uuid(self) -> bool:
        return self.values.ndim == 2

    def __len__(self) -> int:
        return len(self.values)

    def take(self, index: Index) -> Ids:
        return Ids(self.values[index])

    def texts(self) -> pa.LargeBinaryArray:
        """UUIDs as 36 lower-case hyphenated ASCII bytes each (the form that Qdrant answers with)."""
        raw = self.values
        text = np.empty((len(raw), 36), dtype=np.uint8)
        text[:, _HYPHENS] = ord("-")
        nibbles = np.empty((len(raw), 32), dtype=np.uint8)
        nibbles[:, 0::2] = raw >> 4
        nibbles[:, 1::2] = raw & 15
        text[:, _DIGITS] = _HEX[nibbles]
        offsets = np.arange(len(raw) + 1, dtype=np.int64) * 36
        return pa.Array.from_buffers(
            pa.large_binary(), len(raw), [None, pa.py_buffer(offsets), pa.py_buffer(text.reshape(-1))]
        )

    def to_arrow(self) -> pa.Array:
        """`uint64`, or `large_string` for UUIDs."""
        if not self.is_uuid:
            return pa.array(self.values, type=pa.uint64())
        return self.texts().view(pa.large_string())

    def keys(self) -> npt.NDArray[Any]:
        """A one-dimensional array that can be sorted and compared: equal keys are equal ids."""
        if not self.is_uuid:
            return self.values
        return np.ascontiguousarray(self.values).view(np.dtype((np.void, 16))).reshape(-1)

    def codes(self) -> tuple[npt.NDArray[np.int64], int]:
        """A number for each id, equal for equal ids and counted from 0 in the order in which they are first met, and
        how many there are; by hashing, which takes a third of sorting.
        """
        if self.is_uuid:
            data = pa.py_buffer(np.ascontiguousarray(self.values).reshape(-1))
            array = pa.Array.from_buffers(pa.binary(16), len(self), [None, data])
        else:
            array = pa.array(self.values)
        encoded = array.dictionary_encode()
        return encoded.indices.to_numpy(), len(encoded.dictionary)

    def distinct(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """A number for each id as of `codes`, and the position at which each of the numbers is first met."""
        codes, number = self.codes()
        first = np.empty(number, dtype=np.int64)
        first[codes[::-1]] = np.arange(len(codes))[::-1]
        return codes, first

    def __getitem__(self, position: int) -> PointId:
        if self.is_uuid:
            return str(uuid.UUID(bytes=self.values[position].tobytes()))
        return int(self.values[position])

    def __iter__(self) -> Iterator[PointId]:
        return (self[i] for i in range(len(self)))

    def tolist(self) -> list[PointId]:
        return self.to_arrow().to_pylist()


def join_ids(parts: Sequence[Ids]) -> Ids:
    """The ids of several parts of one kind, in order."""
    if not parts:
        return Ids(np.empty(0, dtype=np.uint64))
    return Ids(np.concatenate([part.values for part in parts])) if len(parts) > 1 else parts[0]


@dataclass(frozen=True, slots=True, eq=False)
class RowIds:
    """The ids of rows that follow each other in parts, each of its own kind.

    Parameters
    ----------
    parts : tuple of (int, Ids or None)
        Rows of the part and their ids; None where the rows have none.
    """

    parts: tuple[tuple[int, Ids | None], ...]

    def __len__(self) -> int:
        return sum(length for length, _ in self.parts)

    def __getitem__(self, position: int) -> PointId | None:
        for length, ids in self.parts:
            if position < length:
                return None if ids is None else ids[position]
            position -= length
        raise IndexError(position)
