"""Operations: what is to be done with points. They pickle to exactly their rows and know nothing of wires."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal, Protocol, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from qframe.model.ids import Ids, Index, RowNumbers, take_rows
from qframe.model.points import Points, ShardKey, take_batch
from qframe.model.requests import Filter

UpdateMode = Literal["upsert", "insert_only", "update_only"]
StoredNulls = Literal["omit", "keep"]
Nulls = Literal["omit", "keep", "remove"]
"""What becomes of nulls in a payload: left out at any depth; stored; or, for `SetPayload`, written as null at the top
level, which makes the server remove the key, and left out below it."""


class Operation(Protocol):
    """What a batch carries. Every method is pure."""

    @property
    def rows(self) -> RowNumbers:
        """The caller's row numbers; one stands for a whole filter."""
        ...

    @property
    def ids(self) -> Ids | None:
        """The ids of the rows; None by filter."""
        ...

    @property
    def shard_key(self) -> ShardKey | None: ...

    @property
    def needs_existing(self) -> bool:
        """Whether the server refuses ids that it does not have."""
        ...

    @property
    def removes(self) -> bool:
        """Whether points are gone afterwards: a replay barrier in a `points/batch`."""
        ...

    @property
    def conditional(self) -> bool:
        """Whether what is stored decides what it does: such an operation travels alone."""
        ...

    def take(self, index: Index) -> Self: ...


@dataclass(frozen=True, slots=True, eq=False)
class Matching:
    """The points that a filter selects; in a report one row stands for all of them.

    Parameters
    ----------
    filter : mapping
        A Qdrant filter as JSON.
    payload : pyarrow.RecordBatch or None
        One row, for operations that write payload.
    rows : range
        Of length 1.
    """

    filter: Filter
    payload: pa.RecordBatch | None = None
    rows: range = range(1)
    shard_key: ShardKey | None = None

    ids: ClassVar[None] = None

    def __len__(self) -> int:
        return 1

    def take(self, index: Index) -> Matching:
        """Itself: there is only the one row to take."""
        if len(take_rows(self.rows, index)) != 1:
            raise ValueError("what a filter selects cannot be divided")
        return self


Target = Points | Matching
"""Which points an operation is for: those of a frame's rows, or those that a filter selects."""


@dataclass(frozen=True, slots=True, eq=False)
class _Aimed:
    """An operation on a target."""

    target: Target

    needs_existing: ClassVar[bool] = True
    removes: ClassVar[bool] = False

    @property
    def rows(self) -> RowNumbers:
        return self.target.rows

    @property
    def ids(self) -> Ids | None:
        return self.target.ids

    @property
    def shard_key(self) -> ShardKey | None:
        return self.target.shard_key

    @property
    def conditional(self) -> bool:
        return isinstance(self.target, Matching)

    def take(self, index: Index) -> Self:
        return replace(self, target=self.target.take(index))


@dataclass(frozen=True, slots=True, eq=False)
class _Carrying:
    """An operation that carries what it writes, row by row."""

    points: Points

    needs_existing: ClassVar[bool] = False
    removes: ClassVar[bool] = False

    @property
    def rows(self) -> RowNumbers:
        return self.points.rows

    @property
    def ids(self) -> Ids:
        return self.points.ids

    @property
    def shard_key(self) -> ShardKey | None:
        return self.points.shard_key

    @property
    def conditional(self) -> bool:
        return False

    def take(self, index: Index) -> Self:
        return replace(self, points=self.points.take(index))


@dataclass(frozen=True, slots=True, eq=False)
class Upsert(_Carrying):
    """Insert points, or replace them whole.

    Parameters
    ----------
    points : Points
        Every row has the same vectors present; `cut` sees to that.
    mode : "upsert", "insert_only" or "update_only"
        The last two since server 1.17.
    nulls : "omit" or "keep"
        Whether a null payload value (NaN counts as null) is left out or stored as null. In lists null is always kept.
    update_filter : mapping or None
        A Qdrant filter as JSON; gates points that exist already. Since server 1.16.
    """

    mode: UpdateMode = "upsert"
    nulls: StoredNulls = "omit"
    update_filter: Mapping[str, Any] | None = None

    @property
    def conditional(self) -> bool:
        return self.update_filter is not None


@dataclass(frozen=True, slots=True, eq=False)
class UpdateVectors(_Carrying):
    """Replace the vectors that are given; other vectors and the payload stay.

    Parameters
    ----------
    points : Points
        Without payload. Every row has the same vectors present, at least one.
    """

    needs_existing: ClassVar[bool] = True


@dataclass(frozen=True, slots=True, eq=False)
class _Payload(_Aimed):
    """Writes the payload of its target: a row of it for each point.

    Parameters
    ----------
    target : Points or Matching
        With payload; Points without vectors.
    codes : numpy.ndarray or None
        `int64` of shape (n,): neighbours with the same code have the same payload and are one operation on the wire.
        None: every row is one of its own.
    """

    codes: npt.NDArray[np.int64] | None = None

    @property
    def payload(self) -> pa.RecordBatch:
        """One row for each point, or the one row of a filter."""
        payload = self.target.payload
        if payload is None:
            raise ValueError("an operation that writes payload has none")
        return payload

    @property
    def runs(self) -> npt.NDArray[np.int64]:
        """Where operations on the wire begin among the rows, and their end: `int64`, from 0 to n."""
        n = len(self.target)
        if self.codes is None:
            return np.arange(n + 1, dtype=np.int64)
        inner = np.flatnonzero(np.diff(self.codes)) + 1
        return np.concatenate([[0], inner, [n]]).astype(np.int64) if n else np.zeros(1, dtype=np.int64)

    @property
    def run_payload(self) -> pa.RecordBatch:
        """The payload of each run: that of its first row."""
        return self.payload if self.codes is None else take_batch(self.payload, self.runs[:-1])

    def take(self, index: Index) -> Self:
        codes = None if self.codes is None else self.codes[index]
        return replace(self, target=self.target.take(index), codes=codes)


@dataclass(frozen=True, slots=True, eq=False)
class SetPayload(_Payload):
    """Merge payload into that of the points.

    Parameters
    ----------
    key : str or None
        A payload path under which it is merged, instead of at the top.
    nulls : "remove" or "omit"
    """

    key: str | None = None
    nulls: Nulls = "remove"


@dataclass(frozen=True, slots=True, eq=False)
class OverwritePayload(_Payload):
    """Replace the whole payload of the points.

    Parameters
    ----------
    nulls : "omit" or "keep"
    """

    nulls: StoredNulls = "omit"


@dataclass(frozen=True, slots=True, eq=False)
class DeletePayload(_Aimed):
    """Remove keys from the payload of the points.

    Parameters
    ----------
    keys : tuple of str
        Payload paths.
    """

    keys: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class ClearPayload(_Aimed):
    """Remove the whole payload of the points."""


@dataclass(frozen=True, slots=True, eq=False)
class DeleteVectors(_Aimed):
    """Remove vectors from the points.

    Parameters
    ----------
    vectors : tuple of str
        Names; "" is the unnamed one.
    """

    vectors: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Delete(_Aimed):
    """Remove the points; ids that are not there are no fault."""

    needs_existing: ClassVar[bool] = False
    removes: ClassVar[bool] = True
