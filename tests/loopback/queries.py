"""Queries of one collection: official models → the engine's requests.

The engine takes vectors only, so ids are looked up first and left out of the answer, as the server does.
Average-vector recommendation is the documented formula and this module's own, no evidence about the server.
"""

from __future__ import annotations

from itertools import groupby
from typing import Any
from uuid import UUID

import numpy as np
import qdrant_edge as edge
from qdrant_client.http import models as rest

from . import filters
from .collection import Collection
from .errors import not_found, not_served, wrong_input
from .operations import Multi, Row, Sparse, point_id
from .reads import Found, order_by, with_payload, with_vector
from .strict import flat
from .vectors import from_engine, one_to_engine, validate, wrong_dimension, wrong_kind

RRF_K = 2


class _Ids(list):  # type: ignore[type-arg]
    """Ids met in a query: their points are left out of its answer."""


def run(collection: Collection, requests: list[rest.QueryRequest]) -> list[list[Found]]:
    """Answer a batch of queries; one bad query refuses all, as on the server."""
    asked: list[tuple[Any, Any, edge.QueryRequest]] = []
    # Which words the server has for this is not known.
    collection.strict.limit("search limit", len(requests), "search_max_batchsize")
    for request in requests:
        shard, held = collection.shards.read(request.shard_key), collection.shards.holder(request.shard_key)
        limit = 10 if request.limit is None else request.limit
        collection.strict.check_read(request.filter, limit, collection.schema)
        collection.strict.check_exact(request.params is not None and request.params.exact)
        for one in filters.listed(request.prefetch):
            collection.strict.check_read(one.filter, one.limit, collection.schema)
        asked.append((shard, held, _request(collection, request, limit)))
    collection.strict.charge("read", sum(1 + len(flat(request.filter)) for request in requests))
    answers = []
    for _, alike in groupby(asked, key=lambda one: id(one[0])):
        shards, holders, queries = zip(*alike, strict=True)
        batch = edge.QueryBatchRequest(list(queries))
        hits = collection.guarded(lambda: shards[0].query_batch(batch))  # noqa: B023 - called at once
        answers += [
            [_scored(point, held(point.id)) for point in points] for held, points in zip(holders, hits, strict=True)
        ]
    return answers


def _scored(point: Any, shard_key: int | str | None) -> Found:
    vectors, score = from_engine(point.vector), np.float32(point.score)
    return Found(point.id, point.payload, vectors, point.order_value, score, point.version, shard_key)


def _request(collection: Collection, request: rest.QueryRequest, limit: int) -> edge.QueryRequest:
    _refuse_lookup(request)
    seen = _Ids()
    query = _query(collection, request.query, request.using, seen)
    return edge.QueryRequest(
        limit=limit,
        offset=request.offset or 0,
        query=query,
        prefetches=_prefetches(collection, request.prefetch),
        with_vector=with_vector(request.with_vector, collection),
        with_payload=with_payload(request.with_payload, default=False),
        filter=_without(filters.to_engine(request.filter), seen),
        score_threshold=request.score_threshold,
        params=_params(request.params),
    )


def _prefetches(collection: Collection, prefetch: Any) -> list[edge.Prefetch] | None:
    prepared = []
    for one in filters.listed(prefetch):
        _refuse_lookup(one)
        seen = _Ids()
        query = _query(collection, one.query, one.using, seen)
        prepared.append(
            edge.Prefetch(
                limit=10 if one.limit is None else one.limit,
                query=query,
                prefetches=_prefetches(collection, one.prefetch),
                params=_params(one.params),
                filter=_without(filters.to_engine(one.filter), seen),
                score_threshold=one.score_threshold,
            )
        )
    return prepared or None


def _refuse_lookup(request: Any) -> None:
    if request.lookup_from is not None:
        raise not_served("lookup_from")


def _without(filter_: edge.Filter | None, ids: _Ids) -> edge.Filter | None:
    if not ids:
        return filter_
    return edge.Filter(must=[filter_] if filter_ else None, must_not=[edge.HasIdCondition(set(ids))])


def _params(model: rest.SearchParams | None) -> edge.SearchParams | None:
    if model is None:
        return None
    return edge.SearchParams(hnsw_ef=model.hnsw_ef, exact=bool(model.exact), indexed_only=bool(model.indexed_only))


def _query(collection: Collection, query: Any, using: str | None, seen: _Ids) -> Any:
    name = using or ""
    match query:
        case None | rest.FusionQuery() | rest.RrfQuery() | rest.OrderByQuery() | rest.SampleQuery():
            return _without_vector(query)
        case rest.NearestQuery() if query.mmr is not None:
            return _mmr(collection, query, name, seen)
        case rest.RecommendQuery():
            return _recommend(collection, query.recommend, name, seen)
        case rest.DiscoverQuery():
            target = _vector(collection, query.discover.target, name, seen)
            pairs = _pairs(collection, query.discover.context, name, seen)
            return edge.Query.Discover(edge.DiscoverQuery(target, pairs), using=using)
        case rest.ContextQuery():
            pairs = _pairs(collection, query.context, name, seen)
            return edge.Query.Context(edge.ContextQuery(pairs), using=using)
        case rest.FormulaQuery() | rest.RelevanceFeedbackQuery() | rest.TextQuery():
            raise not_served(type(query).__name__)
        case _:
            nearest = query.nearest if isinstance(query, rest.NearestQuery) else query
            return edge.Query.Nearest(_vector(collection, nearest, name, seen), using=using)


def _without_vector(query: Any) -> Any:
    match query:
        case rest.FusionQuery():
            return edge.Fusion.Dbsf() if query.fusion == rest.Fusion.DBSF else edge.Fusion.Rrf(RRF_K)
        case rest.RrfQuery():
            return edge.Fusion.Rrf(query.rrf.k or RRF_K, query.rrf.weights)
        case rest.OrderByQuery():
            return order_by(query.order_by)
        case rest.SampleQuery():
            return edge.Sample.Random
        case _:
            return None


def _mmr(collection: Collection, query: rest.NearestQuery, name: str, seen: _Ids) -> edge.Mmr:
    vector = _vector(collection, query.nearest, name, seen)
    diversity = 0.5 if query.mmr.diversity is None else query.mmr.diversity
    return edge.Mmr(vector, 1 - diversity, query.mmr.candidates_limit or 100, using=name)


def _pairs(collection: Collection, pairs: Any, name: str, seen: _Ids) -> list[edge.ContextPair]:
    made = []
    for pair in filters.listed(pairs):
        positive = _vector(collection, pair.positive, name, seen)
        made.append(edge.ContextPair(positive, _vector(collection, pair.negative, name, seen)))
    return made


def _recommend(collection: Collection, model: rest.RecommendInput, name: str, seen: _Ids) -> Any:
    positives = [_vector(collection, v, name, seen) for v in model.positive or []]
    negatives = [_vector(collection, v, name, seen) for v in model.negative or []]
    query = edge.RecommendQuery(positives, negatives)
    if model.strategy == rest.RecommendStrategy.BEST_SCORE:
        return edge.Query.RecommendBestScore(query, using=name)
    if model.strategy == rest.RecommendStrategy.SUM_SCORES:
        return edge.Query.RecommendSumScores(query, using=name)
    if not positives:
        raise wrong_input("At least one positive vector is required for the average_vector strategy")
    if any(isinstance(v, edge.SparseVector) for v in positives + negatives):
        raise not_served("average_vector of sparse vectors")
    average = np.mean(np.array(positives, np.float32), axis=0)
    if negatives:
        average = average + average - np.mean(np.array(negatives, np.float32), axis=0)
    return edge.Query.Nearest(average.tolist(), using=name)


def _vector(collection: Collection, model: Any, name: str, seen: _Ids) -> Any:
    """A query vector, looked up where an id stands for it, checked as the server checks."""
    if isinstance(model, int | str | UUID):
        return _looked_up(collection, point_id(model), name, seen)
    if isinstance(model, rest.SparseVector):
        value: Any = Sparse(model.indices, model.values)
    elif isinstance(model, list):
        value = Multi(model) if model and isinstance(model[0], list) else model
    else:
        raise not_served("inference")
    row = Row(0, {name: value})
    validate([row])
    if error := wrong_kind(row, collection.layout) or wrong_dimension(row, collection.layout):
        raise error
    return collection.guarded(lambda: one_to_engine(value))


def _looked_up(collection: Collection, point: Any, name: str, seen: _Ids) -> Any:
    records = collection.guarded(lambda: collection.shards.read(None).retrieve([point], False, True))
    if not records:
        raise not_found(f"No point with id {point} found")
    stored = records[0].vector
    vectors = stored if isinstance(stored, dict) else {"": stored}
    if name not in vectors:
        raise wrong_input(f"Not existing vector name error: {name}")
    seen.append(point)
    return vectors[name]
