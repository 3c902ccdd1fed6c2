"""Searches as `QueryBatchPoints`. Vectors are written from numpy buffers."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from qframe.backends.grpc.filters import FILTER
from qframe.backends.grpc.messages import (
    BOOL,
    DOUBLE,
    FLOAT,
    TEXT,
    UINT64,
    Shaped,
    delimited,
    message,
    varint,
)
from qframe.backends.grpc.requests import request_needs
from qframe.backends.grpc.tables.values import CONSISTENCY, SHARD_KEY_SELECTOR, WITH_PAYLOAD, WITH_VECTORS
from qframe.backends.selectors import payload_selector, vectors_selector
from qframe.backends.versions import Need, params_of, search_needs
from qframe.model.queries import Fusion, Nearest, Prefetch, QueryRequest
from qframe.model.requests import Filter
from qframe.model.vectors import Dense, Multi, Sparse, VectorColumn

SEARCH_PARAMS = message(
    hnsw_ef=(1, UINT64),
    exact=(2, BOOL),
    quantization=(3, message(ignore=(1, BOOL), rescore=(2, BOOL), oversampling=(3, DOUBLE))),
    indexed_only=(4, BOOL),
    acorn=(5, message(enable=(1, BOOL), max_selectivity=(2, DOUBLE))),
    # "global" is what a message without a corpus means.
    idf=(6, Shaped(message(corpus=(1, FILTER)), lambda value, _: {} if value == "global" else value, lambda got: got)),
)

QUERY = message(
    using=(4, TEXT),
    filter=(5, FILTER),
    params=(6, SEARCH_PARAMS),
    score_threshold=(7, FLOAT),
    limit=(8, UINT64),
    offset=(9, UINT64),
    with_vectors=(10, WITH_VECTORS),
    with_payload=(11, WITH_PAYLOAD),
    shard_key_selector=(13, SHARD_KEY_SELECTOR),
)
"""What all queries of a batch have in common: without the collection (1), the prefetches (2) and the query (3)."""

PREFETCH = message(
    using=(3, TEXT),
    filter=(4, FILTER),
    params=(5, SEARCH_PARAMS),
    score_threshold=(6, FLOAT),
    limit=(7, UINT64),
)
"""What a prefetch is in all queries of a batch: without the query (2)."""

FUSIONS: dict[Fusion, bytes] = {"rrf": b"\x30\x00", "dbsf": b"\x30\x01"}
"""`Query` of a fusion."""


def query_request(request: QueryRequest) -> bytes:
    """`QueryBatchPoints`: one query for each row of the vector columns."""
    head = TEXT.put(1, request.collection, "collection")
    query = request.query
    tail = QUERY.encode(
        {
            "using": None if isinstance(query, str) else query.using or None,
            "filter": request.filter,
            "params": request.params,
            "score_threshold": request.score_threshold,
            "limit": request.limit,
            "offset": request.offset or None,
            "with_vectors": vectors_selector(request.vectors),
            "with_payload": payload_selector(request.payload),
            "shard_key_selector": request.shard_key,
        },
        "query",
    )
    n = len(request)
    own = itertools.repeat(delimited(3, FUSIONS[query]), n) if isinstance(query, str) else _nearest(3, query)
    before, behind = itertools.repeat(head, n), itertools.repeat(tail, n)
    parts = zip(before, *map(_prefetch, request.prefetch), own, behind, strict=True)
    queries = [delimited(2, b"".join(part)) for part in parts]
    consistency = request.consistency
    after = b"" if consistency is None else CONSISTENCY.put(3, consistency, "consistency")
    return head + b"".join(queries) + after


def query_needs(request: QueryRequest) -> list[Need]:
    """What a search needs of a server; an older one would answer as if it had not been asked."""
    conditions = [request.filter, *(one.filter for one in request.prefetch), *map(_corpus, params_of(request))]
    return search_needs(request) + [need for condition in conditions for need in request_needs(condition)]


def _corpus(params: Mapping[str, Any]) -> Filter | None:
    """The filter that params carry."""
    idf = params.get("idf")
    return idf.get("corpus") if isinstance(idf, Mapping) else None


def _prefetch(prefetch: Prefetch) -> Iterator[bytes]:
    """The `PrefetchQuery` of each row, as a field of its query."""
    rest = PREFETCH.encode(
        {
            "using": prefetch.query.using or None,
            "filter": prefetch.filter,
            "params": prefetch.params,
            "score_threshold": prefetch.score_threshold,
            "limit": prefetch.limit,
        },
        "prefetch",
    )
    return (delimited(2, own + rest) for own in _nearest(2, prefetch.query))


def _nearest(number: int, nearest: Nearest) -> Iterator[bytes]:
    """The `Query` of each row, as a field of that number."""
    return (delimited(number, delimited(1, vector)) for vector in vector_inputs(nearest.vectors))


def vector_inputs(column: VectorColumn) -> Iterator[bytes]:
    """The `VectorInput` of each row."""
    if isinstance(column, Dense):
        dim = column.dim * 4
        flat = np.ascontiguousarray(column.values, dtype="<f4").tobytes()
        yield from (delimited(2, delimited(1, flat[at : at + dim])) for at in range(0, dim * len(column), dim))
    elif isinstance(column, Sparse):
        yield from _sparse_inputs(column)
    else:
        yield from _multi_inputs(column)


def _sparse_inputs(column: Sparse) -> Iterator[bytes]:
    values = np.ascontiguousarray(column.values, dtype="<f4").tobytes()
    indices = [varint(index) for index in column.indices.tolist()]
    spans = column.offsets.tolist()
    for start, stop in itertools.pairwise(spans):
        body = delimited(1, values[4 * start : 4 * stop]) + delimited(2, b"".join(indices[start:stop]))
        yield delimited(3, body)


def _multi_inputs(column: Multi) -> Iterator[bytes]:
    dim = column.dim * 4
    flat = np.ascontiguousarray(column.values, dtype="<f4").tobytes()
    rows = [delimited(1, delimited(1, flat[at : at + dim])) for at in range(0, len(flat), dim)]
    spans = column.offsets.tolist()
    for start, stop in itertools.pairwise(spans):
        yield delimited(4, b"".join(rows[start:stop]))
