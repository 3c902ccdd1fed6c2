"""What each column of a frame is for: the values that `resolve` makes and `make_points` reads. No decisions here."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from qframe.model.points import ShardKey
from qframe.planning.identity import IdColumn, IdRole, IdsFrom, RandomIds
from qframe.vectors.role import VectorRole

Takes = Literal["points", "vectors", "payload", "ids"]
"""What a verb takes from a frame beside ids and shard keys: vectors and payload, one of them, or nothing."""


@dataclass(frozen=True, slots=True, eq=False)
class RoleOptions:
    """What the caller says of the columns, which `Collection.upsert` documents, and what the verb takes of them.

    `above` is how many levels of the payload the columns come to stand under.
    """

    id: Any = None
    id_from: Sequence[str] | None = None
    namespace: uuid.UUID | None = None
    vector: Any = None
    payload: Any = None
    shard_key: ShardKey | None = None
    takes: Takes = "points"
    above: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Roles:
    """What each column is for.

    Parameters
    ----------
    id : IdColumn, IdsFrom or RandomIds
    vectors : tuple of VectorRole
    payload : tuple of str
        Columns that become payload under their names.
    shard_column : str or None
        The column of shard keys.
    shard_key : int, str or None
        One shard key for all rows.
    shard_keys : tuple of int and str, or None
        Those of the collection, where they are known.
    longest : mapping of str to int
        What one row may hold at most by the collection's strict mode: numbers of a sparse vector, vectors of a
        multivector. By vector name.
    """

    id: IdRole
    vectors: tuple[VectorRole, ...] = ()
    payload: tuple[str, ...] = ()
    shard_column: str | None = None
    shard_key: ShardKey | None = None
    shard_keys: tuple[ShardKey, ...] | None = None
    longest: Mapping[str, int] = field(default_factory=dict)

    @property
    def columns(self) -> tuple[str, ...]:
        """Every column that has a role, once."""
        vectors = (name for role in self.vectors for name in role.columns)
        shards = () if self.shard_column is None else (self.shard_column,)
        return tuple(dict.fromkeys((*self.id.columns, *shards, *self.payload, *vectors)))

    @property
    def id_label(self) -> str:
        """What errors call the ids."""
        match self.id:
            case IdColumn(column):
                return column
            case IdsFrom(columns):
                return ", ".join(columns)
            case RandomIds():
                return "id"
