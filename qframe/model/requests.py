"""Questions to a backend and their answers: pages of points, administration. Values only."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import pyarrow as pa

from qframe.model.ids import Ids, PointId
from qframe.model.outcome import Fault
from qframe.model.points import ShardKey
from qframe.model.schema import Schema
from qframe.model.vectors import VectorKind

Filter = Mapping[str, Any]
"""A Qdrant filter as the REST API spells it in JSON: the canonical form on every backend."""

Consistency = int | Literal["all", "majority", "quorum"]


@dataclass(frozen=True, slots=True, eq=False)
class PageRequest:
    """One page of a scroll, or the points of given ids.

    Parameters
    ----------
    collection : str
    limit : int
        Points in the page, at least 1; ignored with `ids`.
    offset : int, str or None
        First id of the page, inclusive (Qdrant's scroll offset).
    ids : Ids or None
        Retrieve these instead of scrolling; missing ones are left out, repeated ones come once.
    filter : mapping or None
    payload : bool or tuple of str
        All, none, or only these top-level keys.
    vectors : tuple of str
        Vector names, "" for the unnamed one.
    """

    collection: str
    limit: int = 1000
    offset: PointId | None = None
    ids: Ids | None = None
    filter: Filter | None = None
    payload: bool | tuple[str, ...] = True
    vectors: tuple[str, ...] = ()
    consistency: Consistency | None = None
    shard_key: ShardKey | None = None


@dataclass(frozen=True, slots=True)
class Mismatch:
    """Something stored that did not fit the schema.

    Parameters
    ----------
    row : int
        Counts within the page.
    point_id : int or str
    field : str
        Payload key, or column of the vector or the id.
    value : object
    expected : str
    reason : "value", "key" or "id"
        A value that did not fit its column, which holds null in its place; a key that the schema does not have, with
        `extra="raise"`; a UUID where all ids were integers, which no value can stand for.
    """

    row: int
    point_id: PointId
    field: str
    value: object
    expected: str
    reason: Literal["value", "key", "id"] = "value"


@dataclass(frozen=True, slots=True, eq=False)
class Page:
    """Points as columns.

    Parameters
    ----------
    table : pyarrow.Table
        Exactly the columns of the schema the page was asked for with, in its order.
    next_offset : int, str or None
        First id of the next page; None at the end.
    mismatches : tuple of Mismatch
        The first few, ids and keys before values, then in row order; empty when everything fitted.
    nbytes : int
        Size of the answer on the wire.
    values : mapping of str to columns.values.Values
        With `Schema(extra="values")` what is stored, by payload key.
    """

    table: pa.Table
    next_offset: PointId | None = None
    mismatches: tuple[Mismatch, ...] = ()
    nbytes: int = 0
    values: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class Fetched:
    """A page as it came, still to be decoded.

    Parameters
    ----------
    decode : callable
        Takes the schema; gives the `Page`, or a Fault where the answer makes no sense.
    ahead : int, str or None
        Where the next page seems to begin, as far as the answer tells at a glance; the `Page` knows it for certain.
    nbytes : int
        Size of the answer on the wire, 0 where there is none.
    """

    decode: Callable[[Schema], Page | Fault]
    ahead: PointId | None = None
    nbytes: int = 0


@dataclass(frozen=True, slots=True)
class VectorConfig:
    """A vector of a collection as its configuration says.

    `name` is "" for the unnamed vector; `dim`, `distance` are None for sparse ones; `datatype` is "float32",
    "uint8", "float16", "turbo4" … in the server's spelling. `distance` is "Cosine", "Euclid", "Dot" or "Manhattan".
    """

    name: str
    kind: VectorKind
    dim: int | None = None
    distance: str | None = None
    datatype: str = "float32"


@dataclass(frozen=True, slots=True)
class CollectionInfo:
    """What a collection is.

    Parameters
    ----------
    name : str
    vectors : tuple of VectorConfig
    points : int
        Number of points, approximate on a server.
    indexes : mapping of str to str
        Payload path → index type ("keyword", "integer", "float", "bool", "datetime", "uuid", "text", "geo").
    index_params : mapping of str to mapping
        Payload path → what the index was made with beside its type, in the REST API's names; without those that were
        made with nothing.
    shard_keys : tuple of int and str, or None
        With custom sharding, where it was asked for (`administration.find_for_writing`).
    status : str
        "green", "yellow", "grey" or "red".
    sharding : "auto" or "custom"
    strict : mapping
        The strict-mode settings that are on, in Qdrant's names; empty when strict mode is off.
    config : mapping
        The raw configuration as the REST API spells it, as far as the target tells it.
    queue : int or None
        Changes that are logged and wait to be applied; None where the target does not say (servers before 1.17).
    """

    name: str
    vectors: tuple[VectorConfig, ...] = ()
    points: int = 0
    indexes: Mapping[str, str] = field(default_factory=dict)
    status: str = "green"
    sharding: Literal["auto", "custom"] = "auto"
    strict: Mapping[str, Any] = field(default_factory=dict)
    config: Mapping[str, Any] = field(default_factory=dict)
    queue: int | None = None
    index_params: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    shard_keys: tuple[ShardKey, ...] | None = None


@dataclass(frozen=True, slots=True)
class ListCollections:
    """Answered by a list of names, sorted."""


@dataclass(frozen=True, slots=True)
class Exists:
    """Answered by a bool."""

    collection: str


@dataclass(frozen=True, slots=True)
class Describe:
    """Answered by a `CollectionInfo`."""

    collection: str


@dataclass(frozen=True, slots=True)
class ListShardKeys:
    """Answered by a list of the shard keys (int and str) of a collection with custom sharding, each once."""

    collection: str


@dataclass(frozen=True, slots=True)
class Create:
    """Make a collection; answered by True, or a Fault of cause "exists".

    `config` is the body of the REST call: {"vectors": …, "sparse_vectors": …, …}.
    """

    collection: str
    config: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Drop:
    """Answered by True, or False when there was none."""

    collection: str


@dataclass(frozen=True, slots=True)
class CreateIndex:
    """A payload index; `schema` is a type name or the object of the REST API. Answered by True."""

    collection: str
    field: str
    schema: str | Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class DropIndex:
    """Answered by True."""

    collection: str
    field: str


@dataclass(frozen=True, slots=True)
class Count:
    """Answered by an int."""

    collection: str
    filter: Filter | None = None
    exact: bool = True
    shard_key: ShardKey | None = None


@dataclass(frozen=True, slots=True)
class Facet:
    """The values under a payload key and how many points have each, the most frequent first, then by value.

    Answered by a list of pairs of a value (str, int or bool) and a number of points; refused where the key has no
    index that knows its values.
    """

    collection: str
    key: str
    filter: Filter | None = None
    limit: int = 10
    exact: bool = False
    shard_key: ShardKey | None = None


Admin = ListCollections | Exists | Describe | ListShardKeys | Create | Drop | CreateIndex | DropIndex | Count | Facet
