"""A decoded column before it has a type: what every backend turns stored payload values into.

Owns the neutral form (`Values`), in which a row has a `Kind` and a place in the store of that kind, and the way back to
Python objects. Knows nothing of wires, nor of the types that the values will be cast to.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from qframe.columns.layout import Bytes, Int64, Mask
from qframe.model.schema import Kind

Float64 = npt.NDArray[np.float64]


class Missing:
    """The type of `MISSING`."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "MISSING"


MISSING: Final = Missing()
"""Stands in a list of Python objects for a key that the payload does not have."""


@dataclass(frozen=True, slots=True, eq=False)
class Values:
    """One value of any kind a row.

    Every store has one entry a row; it is read only in the rows of its kind, and None where there is no such row.

    Parameters
    ----------
    kinds : numpy.ndarray
        `uint8` of shape (n,), numbers of `Kind`.
    ints : numpy.ndarray or None
        `int64` of shape (n,). An integer beyond int64 is a float: that is how gRPC answers it.
    floats : numpy.ndarray or None
        `float64` of shape (n,).
    bools : numpy.ndarray or None
        `bool` of shape (n,).
    strings : pyarrow.LargeStringArray or None
        Length n, valid in the rows of kind STRING.
    spans : numpy.ndarray or None
        `int64` of shape (n + 1,), from 0: row i holds the elements `spans[i]:spans[i + 1]` of `items`; empty in rows
        that are no lists.
    items : Values or None
        The elements of all lists.
    fields : mapping of str to Values, or None
        The objects' members by key, each of length n: MISSING where the row has no such key or is no object.
    """

    kinds: Bytes
    ints: Int64 | None = None
    floats: Float64 | None = None
    bools: Mask | None = None
    strings: pa.LargeStringArray | None = None
    spans: Int64 | None = None
    items: Values | None = None
    fields: Mapping[str, Values] | None = None

    def __len__(self) -> int:
        return len(self.kinds)

    def value(self, row: int) -> object:
        """The value of one row as JSON readers give it: None, bool, int, float, str, list or dict."""
        kind = self.kinds[row]
        if kind == Kind.LIST and self.spans is not None and self.items is not None:
            items = self.items
            return [items.value(i) for i in range(int(self.spans[row]), int(self.spans[row + 1]))]
        if kind == Kind.OBJECT:
            members = (self.fields or {}).items()
            return {key: held.value(row) for key, held in members if held.kinds[row] != Kind.MISSING}
        if kind == Kind.STRING and self.strings is not None:
            return self.strings[row].as_py()
        for wanted, store in ((Kind.BOOL, self.bools), (Kind.INT, self.ints), (Kind.FLOAT, self.floats)):
            if kind == wanted and store is not None:
                return store[row].item()
        return None

    def objects(self) -> list[object]:
        """All values as `value` gives them, but `MISSING` where there is none."""
        found: list[object] = [None] * len(self)
        for kind in np.flatnonzero(np.bincount(self.kinds, minlength=len(Kind))).tolist():
            if kind == Kind.NULL:
                continue
            rows = np.flatnonzero(self.kinds == kind)
            for row, value in zip(rows.tolist(), self._objects_of(Kind(kind), rows), strict=True):
                found[row] = value
        return found

    def _objects_of(self, kind: Kind, rows: Int64) -> list[object]:
        """The values of the given rows, which are all of one kind."""
        if kind == Kind.STRING and self.strings is not None:
            return self.strings.take(pa.array(rows)).to_pylist()
        if kind == Kind.LIST and self.spans is not None and self.items is not None:
            items = self.items.objects()
            starts, ends = self.spans[rows].tolist(), self.spans[rows + 1].tolist()
            return [items[start:end] for start, end in zip(starts, ends, strict=True)]
        if kind == Kind.OBJECT:
            return self._dicts(rows)
        for wanted, store in ((Kind.BOOL, self.bools), (Kind.INT, self.ints), (Kind.FLOAT, self.floats)):
            if kind == wanted and store is not None:
                return list(store[rows].tolist())
        return [MISSING] * len(rows)

    def _dicts(self, rows: Int64) -> list[object]:
        made: list[dict[str, object]] = [{} for _ in range(len(rows))]
        for key, held in (self.fields or {}).items():
            every = held.objects()
            for place, row in enumerate(rows.tolist()):
                if every[row] is not MISSING:
                    made[place][key] = every[row]
        return list(made)


def nothing(n: int, kind: Kind = Kind.MISSING) -> Values:
    """`n` rows of one kind that has no store."""
    return Values(np.full(n, kind, dtype=np.uint8))
