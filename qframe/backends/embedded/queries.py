"""Nearest points: searches as the engine's requests, asked a bounded number at a time, since it holds the GIL."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import repeat
from typing import Any

from qframe.backends.embedded.asking import bad_limit, condition_of, payload_of, unusable, vectors_of
from qframe.backends.embedded.decode import hits_of
from qframe.backends.embedded.engine import attempt, built, edge, refused
from qframe.backends.embedded.folder import Folder, Shard
from qframe.backends.embedded.reads import READ_POINTS
from qframe.backends.embedded.validation import check_layout, check_vectors, shapes
from qframe.backends.embedded.vectors import column_rows
from qframe.model.outcome import Fault
from qframe.model.queries import Fusion, Hits, Nearest, Prefetch, QueryRequest
from qframe.model.schema import Schema

RRF_K = 2
"""The constant of reciprocal rank fusion that servers take where none is said; the engine wants to be told."""

_FUSIONS: Mapping[Fusion, Any] = {"rrf": edge.Fusion.Rrf(RRF_K), "dbsf": edge.Fusion.Dbsf()}


def query(folder: Folder, request: QueryRequest, schema: Schema) -> Hits | Fault:
    """The best points of each query, all of them or a fault."""
    shard = folder.shard(request.collection)
    if isinstance(shard, Fault):
        return shard
    fault = unusable(request, shard) or bad_limit(request.limit) or _bad_queries(request, shard)
    if fault is not None:
        return fault
    asked = _requests(request)
    if isinstance(asked, Fault):
        return asked
    step = max(1, READ_POINTS // max(request.limit, *(one.limit for one in request.prefetch), 1))
    answers: list[list[Any]] = []
    for start in range(0, len(asked), step):
        found = attempt(shard.engine.query_batch, edge.QueryBatchRequest(asked[start : start + step]))
        if isinstance(found, Fault):
            return found
        answers += found
    return hits_of(answers, schema)


def _bad_queries(request: QueryRequest, shard: Shard) -> Fault | None:
    for one in request.nearest:
        if one.vectors.present is not None and not one.vectors.present.all():
            return refused("Wrong input: a query must not be null")
        fault = check_vectors(one.using, one.vectors) or check_layout(shapes({one.using: one.vectors}), shard.layout)
        if fault is not None:
            return fault
    return next((fault for one in request.prefetch if (fault := bad_limit(one.limit))), None)


def _requests(request: QueryRequest) -> list[Any] | Fault:
    """The engine's request of each row."""
    condition = condition_of(request.filter)
    params = _params(request.params)
    stages: list[list[Any]] | Fault = _all(map(_stage, request.prefetch))
    if isinstance(stages, Fault):
        return stages
    for fault in (condition, params):
        if isinstance(fault, Fault):
            return fault
    n = len(request)
    prefetches: Iterable[tuple[Any, ...]] = zip(*stages, strict=True) if stages else repeat((), n)
    own = repeat(_FUSIONS[request.query], n) if isinstance(request.query, str) else _nearest(request.query)
    asked = (
        built(
            edge.QueryRequest,
            limit=request.limit,
            offset=request.offset,
            query=query,
            prefetches=list(before) or None,
            filter=condition,
            score_threshold=request.score_threshold,
            params=params,
            with_payload=payload_of(request.payload),
            with_vector=vectors_of(request.vectors),
        )
        for before, query in zip(prefetches, own, strict=True)
    )
    return _all(asked)


def _stage(prefetch: Prefetch) -> list[Any] | Fault:
    """The engine's prefetch of each row."""
    condition = condition_of(prefetch.filter)
    params = _params(prefetch.params)
    for fault in (condition, params):
        if isinstance(fault, Fault):
            return fault
    return _all(
        built(
            edge.Prefetch,
            limit=prefetch.limit,
            query=query,
            params=params,
            filter=condition,
            score_threshold=prefetch.score_threshold,
        )
        for query in _nearest(prefetch.query)
    )


def _nearest(nearest: Nearest) -> Iterator[Any]:
    return (edge.Query.Nearest(vector, using=nearest.using or None) for vector in column_rows(nearest.vectors))


def _all(asked: Iterable[Any | Fault]) -> list[Any] | Fault:
    """All of them, or the first fault."""
    kept = []
    for item in asked:
        if isinstance(item, Fault):
            return item
        kept.append(item)
    return kept


def _params(params: Mapping[str, Any] | None) -> Any | Fault | None:
    """Search parameters; refuses names that the engine does not know."""
    if params is None:
        return None
    given = {key: value for key, value in params.items() if value is not None}
    unknown = _unknown(given, ("hnsw_ef", "exact", "quantization", "indexed_only", "acorn", "idf"))
    if unknown is not None:
        return unknown
    parts = {"quantization": edge.QuantizationSearchParams, "acorn": edge.AcornSearchParams}
    try:
        for key, make in parts.items():
            if key in given:
                given[key] = make(**given[key])
        if "idf" in given:
            # "global" is what a mapping without a corpus means.
            corpus = None if given["idf"] == "global" else condition_of(given["idf"].get("corpus"))
            if isinstance(corpus, Fault):
                return corpus
            given["idf"] = edge.IdfParams(corpus=corpus)
        return edge.SearchParams(**given)
    except (TypeError, ValueError) as error:
        return refused(f"Format error in JSON body: params: {error}")


def _unknown(given: Iterable[str], known: tuple[str, ...]) -> Fault | None:
    for key in given:
        if key not in known:
            return refused(
                f"Format error in JSON body: unknown field `{key}` in params, expected one of {', '.join(known)}"
            )
    return None
