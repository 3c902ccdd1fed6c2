"""Vector columns: dense, sparse and multi, as flat float32 buffers with offsets; nothing about frames or wires."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from qframe.model.ids import Index

VectorKind = Literal["dense", "sparse", "multi"]
Mask = npt.NDArray[np.bool_]


def _take_mask(mask: Mask | None, index: Index) -> Mask | None:
    """The mask at `index`; None when every row there is present."""
    if mask is None:
        return None
    taken = mask[index]
    return None if taken.all() else taken


def _take_spans(
    offsets: npt.NDArray[np.int64], index: Index
) -> tuple[npt.NDArray[np.int64], slice | npt.NDArray[np.int64]]:
    """New offsets from 0, and which elements of the flat buffers they cover."""
    if isinstance(index, slice):
        start, stop, _ = index.indices(len(offsets) - 1)
        spans = offsets[start : max(start, stop) + 1]
        return spans - spans[0], slice(int(spans[0]), int(spans[-1]))
    lengths = np.diff(offsets)[index]
    taken = np.zeros(len(lengths) + 1, dtype=np.int64)
    np.cumsum(lengths, out=taken[1:])
    elements = np.repeat(offsets[:-1][index] - taken[:-1], lengths) + np.arange(taken[-1], dtype=np.int64)
    return taken, elements


@dataclass(frozen=True, slots=True, eq=False)
class Dense:
    """One vector of `dim` floats a row.

    Parameters
    ----------
    values : numpy.ndarray
        `float32`, shape (n, dim). What stands in rows that are not present is not read.
    present : numpy.ndarray or None
        `bool`, shape (n,); None when every row has a vector.
    """

    values: npt.NDArray[np.float32]
    present: Mask | None = None
    kind: Literal["dense"] = "dense"

    @property
    def dim(self) -> int:
        return self.values.shape[1]

    def __len__(self) -> int:
        return len(self.values)

    def take(self, index: Index) -> Dense:
        return Dense(self.values[index], _take_mask(self.present, index))


@dataclass(frozen=True, slots=True, eq=False)
class Sparse:
    """One sparse vector a row: row i holds `indices[offsets[i]:offsets[i + 1]]` and the same span of `values`.

    Parameters
    ----------
    offsets : numpy.ndarray
        `int64`, shape (n + 1,), starting at 0. Rows that are not present are empty.
    indices : numpy.ndarray
        `uint32`, shape (total,); unique within a row.
    values : numpy.ndarray
        `float32`, shape (total,).
    present : numpy.ndarray or None
        `bool`, shape (n,); None when every row has a vector (it may be empty).
    """

    offsets: npt.NDArray[np.int64]
    indices: npt.NDArray[np.uint32]
    values: npt.NDArray[np.float32]
    present: Mask | None = None
    kind: Literal["sparse"] = "sparse"

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def take(self, index: Index) -> Sparse:
        offsets, elements = _take_spans(self.offsets, index)
        return Sparse(offsets, self.indices[elements], self.values[elements], _take_mask(self.present, index))


@dataclass(frozen=True, slots=True, eq=False)
class Multi:
    """One multivector a row: row i holds the vectors `values[offsets[i]:offsets[i + 1]]`.

    Parameters
    ----------
    offsets : numpy.ndarray
        `int64`, shape (n + 1,), starting at 0. Rows that are not present are empty, all others are not.
    values : numpy.ndarray
        `float32`, shape (total, dim).
    present : numpy.ndarray or None
        `bool`, shape (n,); None when every row has a multivector.
    """

    offsets: npt.NDArray[np.int64]
    values: npt.NDArray[np.float32]
    present: Mask | None = None
    kind: Literal["multi"] = "multi"

    @property
    def dim(self) -> int:
        return self.values.shape[1]

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def take(self, index: Index) -> Multi:
        offsets, elements = _take_spans(self.offsets, index)
        return Multi(offsets, self.values[elements], _take_mask(self.present, index))


VectorColumn = Dense | Sparse | Multi


def join_vectors(parts: Sequence[VectorColumn]) -> VectorColumn:
    """The vectors of several parts of one kind and dimension, in order."""
    mask = None if all(part.present is None for part in parts) else np.concatenate([present(part) for part in parts])
    values = np.concatenate([part.values for part in parts])
    spanned = [part for part in parts if not isinstance(part, Dense)]
    if not spanned:
        return Dense(values, mask)
    lengths = np.concatenate([np.diff(part.offsets) for part in spanned])
    offsets = np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(lengths, dtype=np.int64)])
    indices = [part.indices for part in spanned if isinstance(part, Sparse)]
    return Sparse(offsets, np.concatenate(indices), values, mask) if indices else Multi(offsets, values, mask)


def present(column: VectorColumn) -> Mask:
    """Which rows have a vector, `bool` of shape (n,)."""
    return np.ones(len(column), dtype=np.bool_) if column.present is None else column.present
