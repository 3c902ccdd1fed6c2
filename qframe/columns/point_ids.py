"""Ids as answers hold them: integers and UUIDs side by side, cast to the one type of an id column."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from qframe.columns.layout import Int64
from qframe.model.ids import PointId


@dataclass(frozen=True, slots=True, eq=False)
class PointIds:
    """Point ids of any kind.

    Parameters
    ----------
    numbers : numpy.ndarray
        `uint64` of shape (n,), 0 where the id is a UUID.
    texts : pyarrow.LargeStringArray or None
        UUIDs as lower-case hyphenated text, null where the id is an integer; None when there is no UUID at all.
    """

    numbers: npt.NDArray[np.uint64]
    texts: pa.LargeStringArray | None = None

    def __len__(self) -> int:
        return len(self.numbers)

    def __getitem__(self, row: int) -> PointId:
        if self.texts is not None and self.texts[row].is_valid:
            return str(self.texts[row].as_py())
        return int(self.numbers[row])


def point_ids(ids: Sequence[PointId]) -> PointIds:
    """The ids of a list."""
    if set(map(type, ids)) <= {int}:
        return PointIds(np.array(ids, dtype=np.uint64))
    numbers = np.array([held if isinstance(held, int) else 0 for held in ids], dtype=np.uint64)
    texts = pa.array([held if isinstance(held, str) else None for held in ids], type=pa.large_string())
    return PointIds(numbers, texts)


def cast_ids(ids: PointIds, dtype: pa.DataType) -> tuple[pa.Array, Int64]:
    """The id column, without nulls, and the positions of UUIDs that a column of integers cannot hold (0 there).

    Integers become decimal text in a column of text.
    """
    if pa.types.is_integer(dtype):
        column = pa.array(ids.numbers)
        bad = np.empty(0, dtype=np.int64)
        if ids.texts is not None:
            bad = np.flatnonzero(ids.texts.is_valid().to_numpy(zero_copy_only=False))
        return column, bad
    if ids.texts is None or ids.texts.null_count:
        decimal = pa.array(ids.numbers).cast(pa.large_string())
        column = decimal if ids.texts is None else pc.coalesce(ids.texts, decimal)
    else:
        column = ids.texts
    return column.cast(dtype), np.empty(0, dtype=np.int64)
