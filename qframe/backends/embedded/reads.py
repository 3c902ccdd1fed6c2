"""Pages, nearest points and which ids exist. The engine's records go to `decode`, a bounded number at a time.

The engine holds the GIL for a whole call, so nothing is asked for in one piece that would stop the process for long.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from qframe.backends.embedded.decode import hits_of, page_of, point_id
from qframe.backends.embedded.engine import NO_SHARD_KEYS, attempt, built, edge, refused
from qframe.backends.embedded.filters import edge_filter
from qframe.backends.embedded.folder import Folder, Shard
from qframe.backends.embedded.validation import check_layout, check_names, check_vectors, shapes
from qframe.backends.embedded.vectors import column_rows
from qframe.backends.selectors import payload_selector
from qframe.model.ids import Ids, PointId
from qframe.model.outcome import Fault
from qframe.model.requests import Fetched, Filter, Hits, PageRequest, QueryRequest

READ_POINTS = 10_000
"""Points in one call of the engine; some 40 ms."""


def existing(folder: Folder, collection: str, ids: Ids) -> npt.NDArray[np.bool_] | Fault:
    """Which of the ids are there, `bool` of shape (n,)."""
    shard = folder.shard(collection)
    if isinstance(shard, Fault):
        return shard
    records = _retrieve(shard, ids.tolist(), False, False)
    if isinstance(records, Fault):
        return records
    found = {point_id(record.id) for record in records}
    return np.fromiter((item in found for item in ids.tolist()), dtype=np.bool_, count=len(ids))


def fetch(folder: Folder, request: PageRequest) -> Fetched | Fault:
    """One page of a scroll, or the points of given ids."""
    shard = folder.shard(request.collection)
    if isinstance(shard, Fault):
        return shard
    fault = _unusable(request, shard)
    if fault is not None:
        return fault
    if request.ids is None:
        return _bad_limit(request.limit) or _scrolled(shard, request)
    wanted = list(dict.fromkeys(request.ids.tolist()))
    records = _retrieve(shard, wanted, _payload(request.payload), _vectors(request.vectors))
    return records if isinstance(records, Fault) else Fetched(partial(page_of, records, None))


def query(folder: Folder, request: QueryRequest, schema: Schema) -> Hits | Fault:
    """The nearest points of each query, all of them or a fault."""
    shard = folder.shard(request.collection)
    if isinstance(shard, Fault):
        return shard
    fault = _unusable(request, shard) or _bad_limit(request.limit) or _bad_queries(request, shard)
    if fault is not None:
        return fault
    asked = _query_requests(request)
    if isinstance(asked, Fault):
        return asked
    step = max(1, READ_POINTS // request.limit)
    answers: list[list[Any]] = []
    for start in range(0, len(asked), step):
        batch = edge.QueryBatchRequest(asked[start : start + step])
        found = attempt(shard.engine.query_batch, batch)
        if isinstance(found, Fault):
            return found
        answers += found
    return hits_of(answers, schema)


def _scrolled(shard: Shard, request: PageRequest) -> Fetched | Fault:
    condition = _filter(request.filter)
    if isinstance(condition, Fault):
        return condition
    records: list[Any] = []
    following: Any = request.offset
    while len(records) < request.limit:
        scroll = built(
            edge.ScrollRequest,
            offset=following,
            limit=min(READ_POINTS, request.limit - len(records)),
            filter=condition,
            with_payload=_payload(request.payload),
            with_vector=_vectors(request.vectors),
        )
        if isinstance(scroll, Fault):
            return scroll
        found = attempt(shard.engine.scroll, scroll)
        if isinstance(found, Fault):
            return found
        records += found[0]
        following = found[1]
        if following is None:
            break
    offset = None if following is None else point_id(following)
    return Fetched(partial(page_of, records, offset), offset)


def _retrieve(shard: Shard, ids: list[PointId], payload: Any, vectors: Any) -> list[Any] | Fault:
    records: list[Any] = []
    for start in range(0, len(ids), READ_POINTS):
        part = ids[start : start + READ_POINTS]
        found = attempt(shard.engine.retrieve, part, payload, vectors)
        if isinstance(found, Fault):
            return found
        records += found
    return records


def _unusable(request: PageRequest | QueryRequest, shard: Shard) -> Fault | None:
    """What can be said about a read without asking the engine."""
    if request.shard_key is not None:
        return NO_SHARD_KEYS
    return check_names(request.vectors, shard.layout)


def _bad_limit(limit: int) -> Fault | None:
    if limit >= 1:
        return None
    return refused(f"Validation error in JSON body: [limit: value {limit} invalid, must be 1 or larger]")


def _bad_queries(request: QueryRequest, shard: Shard) -> Fault | None:
    if request.queries.present is not None and not request.queries.present.all():
        return refused("Wrong input: a query must not be null")
    named = {request.using: request.queries}
    return check_vectors(request.using, request.queries) or check_layout(shapes(named), shard.layout)


def _query_requests(request: QueryRequest) -> list[Any] | Fault:
    condition = _filter(request.filter)
    if isinstance(condition, Fault):
        return condition
    params = _params(request.params)
    if isinstance(params, Fault):
        return params
    asked = (
        built(
            edge.QueryRequest,
            limit=request.limit,
            offset=request.offset,
            query=edge.Query.Nearest(vector, using=request.using or None),
            filter=condition,
            score_threshold=request.score_threshold,
            params=params,
            with_payload=_payload(request.payload),
            with_vector=_vectors(request.vectors),
        )
        for vector in column_rows(request.queries)
    )
    return _all(asked)


def _all(asked: Iterable[Any | Fault]) -> list[Any] | Fault:
    """All of them, or the first fault."""
    kept = []
    for item in asked:
        if isinstance(item, Fault):
            return item
        kept.append(item)
    return kept


def _filter(condition: Filter | None) -> Any | Fault | None:
    return None if condition is None else edge_filter(condition)


def _payload(wanted: bool | tuple[str, ...]) -> bool | list[str]:
    """What the engine is asked for; it wants its paths in a list."""
    selector = payload_selector(wanted)
    return selector if isinstance(selector, bool) else list(selector)


def _vectors(names: tuple[str, ...]) -> Any:
    return list(names) or False


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
            corpus = given["idf"].get("corpus")
            corpus = None if corpus is None else edge_filter(corpus)
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
