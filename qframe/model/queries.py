"""Searches and their answers: nearest points for each row of vector columns. Values only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import pyarrow as pa

from qframe.model.ids import Index
from qframe.model.points import ShardKey
from qframe.model.requests import Consistency, Filter, Mismatch
from qframe.model.vectors import VectorColumn

Fusion = Literal["rrf", "dbsf"]
"""Qdrant's ways to make one list of several: by ranks, by the distribution of scores."""


@dataclass(frozen=True, slots=True, eq=False)
class Nearest:
    """Near to the vector of a row.

    Parameters
    ----------
    vectors : Dense, Sparse or Multi
        One query a row, every row present.
    using : str
        Vector name, "" for the unnamed one.
    """

    vectors: VectorColumn
    using: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Prefetch:
    """Candidates for the query itself.

    Parameters
    ----------
    query : Nearest
    limit : int
        Candidates.
    filter : mapping or None
        Of these candidates, beside that of the request.
    score_threshold : float or None
    params : mapping or None
        As in `QueryRequest`.
    """

    query: Nearest
    limit: int
    filter: Filter | None = None
    score_threshold: float | None = None
    params: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class QueryRequest:
    """The best points for each row of vector columns, all of the same length.

    Parameters
    ----------
    collection : str
    query : Nearest, "rrf" or "dbsf"
        What decides: nearness, among the prefetched candidates where there are any; or the fusion of these.
    prefetch : tuple of Prefetch
        At least one where they are fused.
    limit, offset : int
    filter : mapping or None
        Holds for prefetched candidates too.
    score_threshold : float or None
        For the score in the answer.
    params : mapping or None
        Qdrant's search params as JSON, for example {"hnsw_ef": 128, "exact": True}.
    payload, vectors :
        As in `PageRequest`.
    """

    collection: str
    query: Nearest | Fusion
    prefetch: tuple[Prefetch, ...] = ()
    limit: int = 10
    offset: int = 0
    filter: Filter | None = None
    score_threshold: float | None = None
    params: Mapping[str, Any] | None = None
    payload: bool | tuple[str, ...] = True
    vectors: tuple[str, ...] = ()
    consistency: Consistency | None = None
    shard_key: ShardKey | None = None

    @property
    def nearest(self) -> tuple[Nearest, ...]:
        """Every vector of a query: that of the query itself, if it has one, and those of the prefetches."""
        own = () if isinstance(self.query, str) else (self.query,)
        return (*own, *(one.query for one in self.prefetch))

    def __len__(self) -> int:
        """Number of queries."""
        return len(self.nearest[0].vectors)

    def take(self, index: Index) -> QueryRequest:
        """The queries at `index`."""
        query = self.query if isinstance(self.query, str) else _take(self.query, index)
        prefetch = tuple(replace(one, query=_take(one.query, index)) for one in self.prefetch)
        return replace(self, query=query, prefetch=prefetch)


def _take(nearest: Nearest, index: Index) -> Nearest:
    return replace(nearest, vectors=nearest.vectors.take(index))


@dataclass(frozen=True, slots=True, eq=False)
class Hits:
    """Answers to a `QueryRequest`.

    Parameters
    ----------
    table : pyarrow.Table
        The columns of the schema in its order, preceded by `query` (uint32, position of the query), `rank` (uint32,
        from 1) and followed after the id by `score` (float32): query, rank, id, score, payload, vectors.
    mismatches : tuple of Mismatch
    nbytes : int
    """

    table: pa.Table
    mismatches: tuple[Mismatch, ...] = ()
    nbytes: int = 0
