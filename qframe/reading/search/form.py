"""What the queries of a search have in common: the vectors that take part, what is prefetched, what decides."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from qframe.errors import OptionError
from qframe.model.queries import Fusion, Nearest, Prefetch, QueryRequest
from qframe.model.requests import CollectionInfo, Filter, VectorConfig
from qframe.planning.plan import UNNAMED, similar
from qframe.reading.search.options import Search, Stage

PREFETCHED = 10
"""What Qdrant prefetches where nobody says how many; here at least as many as the answer needs."""

Found = TypeVar("Found")
"""Where a vector comes from: a role of the frame's columns, or the vector itself."""

Find = Callable[[Any, str | None, str], Sequence[Found]]
"""From what a caller gave as the vector, its `using`, and the option's name, to the vectors meant."""


@dataclass(frozen=True, slots=True, eq=False)
class Candidates:
    """What a prefetch says beside its vector."""

    limit: int
    filter: Filter | None
    score_threshold: float | None
    params: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True, eq=False)
class Form(Generic[Found]):
    """All of a search but the numbers in its vectors.

    Parameters
    ----------
    found : tuple
        The vectors: that which decides, if it is one, then those of the prefetches.
    stages : tuple of Candidates
    fusion : "rrf", "dbsf" or None
        What decides, if it is not a vector.
    rest : mapping
        The other fields of the request.
    """

    found: tuple[Found, ...]
    stages: tuple[Candidates, ...]
    fusion: Fusion | None
    rest: Mapping[str, Any]

    def request(self, nearest: Sequence[Nearest]) -> QueryRequest:
        """The request for as many queries as there are rows in the vectors, which stand in the order of `found`."""
        own: Nearest | Fusion = nearest[0] if self.fusion is None else self.fusion
        prefetched = nearest[1:] if self.fusion is None else nearest
        prefetch = tuple(
            Prefetch(one, stage.limit, stage.filter, stage.score_threshold, stage.params)
            for one, stage in zip(prefetched, self.stages, strict=True)
        )
        return QueryRequest(query=own, prefetch=prefetch, **self.rest)

    @property
    def most(self) -> int:
        """Points that the server handles for one query, at least."""
        return max(self.rest["limit"], sum(stage.limit for stage in self.stages))


def form_of(
    search: Search,
    info: CollectionInfo,
    find: Find[Found],
    filter_of: Callable[[Any, str], Filter | None],
    rest: Mapping[str, Any],
) -> Form[Found]:
    """Decide which vectors take part in a search, and how.

    Parameters
    ----------
    search : Search
    info : CollectionInfo
    find : callable
        Resolves what was given as a vector.
    filter_of : callable
        Resolves what was given as the filter of a prefetch; takes the option's name.
    rest : mapping
        Fields of the request that are decided elsewhere.

    Raises
    ------
    OptionError
    FrameError
    """
    _check_limit(info, "limit", search.limit)
    stages = search.stages
    own: Sequence[Found] = ()
    if search.fusion is None or not stages:
        own = find(search.vector, search.using, "vector")
    prefetched: Sequence[Found] = [_only(find(one.vector, one.using, one.option), one.option) for one in stages]
    if search.fusion is None and len(own) > 1:
        raise OptionError(
            f"search: {len(own)} vectors are given, and nothing says what becomes of them. fusion='rrf' makes one list "
            "of what each of them finds; or name one, vector=…"
        )
    if search.fusion is not None and not stages:
        stages, prefetched, own = tuple(Stage("vector") for _ in own), own, ()
        if len(prefetched) < 2:
            raise OptionError(f"fusion={search.fusion!r}: one vector leaves nothing to fuse. Name two, vector=[…].")
    candidates = tuple(_candidates(search, one, info, filter_of) for one in stages)
    shared = {
        "limit": search.limit,
        "offset": search.offset,
        "score_threshold": search.score_threshold,
        "params": search.params,
        **rest,
    }
    return Form((*own, *prefetched), candidates, search.fusion, shared)


def _only(found: Sequence[Found], option: str) -> Found:
    if len(found) != 1:
        raise OptionError(f"{option}: a prefetch has one vector, and here are {len(found)}. Make a prefetch of each.")
    return found[0]


def _candidates(
    search: Search, stage: Stage, info: CollectionInfo, filter_of: Callable[[Any, str], Filter | None]
) -> Candidates:
    limit = stage.limit
    if limit is None:
        # Fewer could not fill the answer.
        limit = max(PREFETCHED, search.limit + search.offset)
        limit = min(limit, info.strict.get("max_query_limit") or limit)
    else:
        _check_limit(info, f"{stage.option}['limit']", limit)
    condition = filter_of(stage.filter, f"{stage.option}['filter']")
    params = search.params if stage.params is None else stage.params
    return Candidates(limit, condition, stage.score_threshold, params)


def _check_limit(info: CollectionInfo, option: str, limit: int) -> None:
    most = info.strict.get("max_query_limit")
    if most and limit > most:
        raise OptionError(
            f"{option}={limit}: the strict mode of {info.name!r} allows at most {most} points in an answer "
            "(max_query_limit). Search in parts with offset=, or change the collection's limit."
        )


def vector_named(info: CollectionInfo, using: str | None, option: str = "using") -> VectorConfig:
    """A vector of the collection, found by itself where there is one.

    Raises
    ------
    OptionError
    """
    columns = {item.name or UNNAMED: item for item in info.vectors}
    if using is None:
        if len(columns) == 1:
            return next(iter(columns.values()))
        if not columns:
            raise OptionError(f"search: {info.name!r} has no vectors.")
        raise OptionError(f"search: {info.name!r} has the vectors {', '.join(map(repr, columns))}; say which: using=…")
    if (using or UNNAMED) not in columns:
        raise OptionError(
            f"search({option}={using!r}): {info.name!r} has no such vector{similar(using, list(columns))}"
        )
    return columns[using or UNNAMED]
