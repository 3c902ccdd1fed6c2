"""Operations: what is to be done with points. They pickle to exactly their rows and know nothing of wires."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal, Protocol, Self

from qframe.model.ids import Ids, Index, RowNumbers
from qframe.model.points import Points, ShardKey

UpdateMode = Literal["upsert", "insert_only", "update_only"]
Nulls = Literal["omit", "keep"]


class Operation(Protocol):
    """What a batch carries. Every method is pure."""

    @property
    def rows(self) -> RowNumbers:
        """The caller's row numbers."""
        ...

    @property
    def ids(self) -> Ids: ...

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

    def take(self, index: Index) -> Self: ...


@dataclass(frozen=True, slots=True, eq=False)
class Upsert:
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

    points: Points
    mode: UpdateMode = "upsert"
    nulls: Nulls = "omit"
    update_filter: Mapping[str, Any] | None = None

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

    def take(self, index: Index) -> Upsert:
        return replace(self, points=self.points.take(index))
