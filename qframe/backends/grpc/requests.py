"""Reads as request messages: pages, points by id, nearest points, counts, facets. Vectors come from numpy buffers."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from qframe.backends.grpc.encode import point_ids
from qframe.backends.grpc.filters import FILTER, filter_needs
from qframe.backends.grpc.messages import (
    BOOL,
    DOUBLE,
    FLOAT,
    TEXT,
    UINT32,
    UINT64,
    Shaped,
    delimited,
    message,
    varint,
)
from qframe.backends.grpc.tables.values import (
    CONSISTENCY,
    POINT_ID,
    SHARD_KEY_SELECTOR,
    WITH_PAYLOAD,
    WITH_VECTORS,
)
from qframe.backends.patience import longer_than_usual
from qframe.backends.selectors import payload_selector, vectors_selector
from qframe.backends.versions import Need, Version
from qframe.columns.layout import rows_of
from qframe.columns.protobuf import delimited as framed
from qframe.columns.rope import join
from qframe.model.ids import Ids
from qframe.model.requests import Count, Facet, Filter, PageRequest, QueryRequest
from qframe.model.vectors import Dense, Multi, Sparse, VectorColumn

SCROLL = message(
    collection_name=(1, TEXT),
    filter=(2, FILTER),
    offset=(3, POINT_ID),
    limit=(4, UINT32),
    with_payload=(6, WITH_PAYLOAD),
    with_vectors=(7, WITH_VECTORS),
    read_consistency=(8, CONSISTENCY),
    shard_key_selector=(9, SHARD_KEY_SELECTOR),
)

GET = message(
    collection_name=(1, TEXT),
    with_payload=(4, WITH_PAYLOAD),
    with_vectors=(5, WITH_VECTORS),
    read_consistency=(6, CONSISTENCY),
    shard_key_selector=(7, SHARD_KEY_SELECTOR),
)
"""Without its ids (field 2), which are written in bulk."""

COUNT = message(
    collection_name=(1, TEXT),
    filter=(2, FILTER),
    exact=(3, BOOL),
    shard_key_selector=(5, SHARD_KEY_SELECTOR),
)

FACET = message(
    collection_name=(1, TEXT),
    key=(2, TEXT),
    filter=(3, FILTER),
    limit=(4, UINT64),
    exact=(5, BOOL),
    shard_key_selector=(8, SHARD_KEY_SELECTOR),
)

SEARCH_PARAMS = message(
    hnsw_ef=(1, UINT64),
    exact=(2, BOOL),
    quantization=(3, message(ignore=(1, BOOL), rescore=(2, BOOL), oversampling=(3, DOUBLE))),
    indexed_only=(4, BOOL),
    acorn=(5, message(enable=(1, BOOL), max_selectivity=(2, DOUBLE))),
    # "global" is what a message without a corpus means.
    idf=(6, Shaped(message(corpus=(1, FILTER)), lambda value, _: {} if value == "global" else value, lambda got: got)),
)

PARAMS_SINCE: dict[str, Version] = {"acorn": (1, 16, 0), "idf": (1, 19, 0)}

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
"""What all queries of a batch have in common: without the collection (field 1) and the query itself (field 3)."""


def scroll_request(request: PageRequest) -> bytes:
    """`ScrollPoints` of a page."""
    return SCROLL.encode(
        {
            "collection_name": request.collection,
            "filter": request.filter,
            "offset": request.offset,
            "limit": request.limit,
            "with_payload": payload_selector(request.payload),
            "with_vectors": vectors_selector(request.vectors),
            "read_consistency": request.consistency,
            "shard_key_selector": request.shard_key,
        },
        "page",
    )


def get_request(request: PageRequest, ids: Ids) -> bytes:
    """`GetPoints` of the points of some ids."""
    rest = {
        "collection_name": request.collection,
        "with_payload": payload_selector(request.payload),
        "with_vectors": vectors_selector(request.vectors),
        "read_consistency": request.consistency,
        "shard_key_selector": request.shard_key,
    }
    return GET.encode(rest, "page") + id_fields(b"\x12", ids)


def existing_request(collection: str, ids: Ids) -> bytes:
    """`GetPoints` that answers with nothing but the ids that are there."""
    rest = {"collection_name": collection, "with_payload": False, "with_vectors": False}
    return GET.encode(rest, "page") + id_fields(b"\x12", ids)


def id_fields(tag: bytes, ids: Ids) -> bytes:
    """A repeated `PointId` field with the given tag."""
    return rows_of(join(framed(tag, point_ids(ids)))).tobytes()


def query_request(request: QueryRequest) -> bytes:
    """`QueryBatchPoints`: one query for each row of the vector column."""
    head = TEXT.put(1, request.collection, "collection")
    tail = QUERY.encode(
        {
            "using": request.using or None,
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
    queries = [
        delimited(2, head + delimited(3, delimited(1, vector)) + tail) for vector in vector_inputs(request.queries)
    ]
    consistency = request.consistency
    after = b"" if consistency is None else CONSISTENCY.put(3, consistency, "consistency")
    return head + b"".join(queries) + after


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


def count_request(request: Count) -> bytes:
    """`CountPoints`."""
    return COUNT.encode(
        {
            "collection_name": request.collection,
            "filter": request.filter,
            "exact": request.exact,
            "shard_key_selector": request.shard_key,
        },
        "count",
    )


def facet_request(request: Facet) -> bytes:
    """`FacetCounts`."""
    return FACET.encode(
        {
            "collection_name": request.collection,
            "key": request.key,
            "filter": request.filter,
            "limit": request.limit,
            "exact": request.exact,
            "shard_key_selector": request.shard_key,
        },
        "facet",
    )


def request_needs(filter: Filter | None, params: Mapping[str, Any] | None = None) -> list[Need]:  # noqa: A002 - Qdrant's own word
    """What a read needs of a server; an older one would answer as if it had not been asked."""
    needs = [] if filter is None else filter_needs(filter)
    for name, since in PARAMS_SINCE.items():
        if params is not None and params.get(name) is not None:
            needs.append((since, f"params.{name}"))
    idf = (params or {}).get("idf")
    corpus = idf.get("corpus") if isinstance(idf, Mapping) else None
    return needs if corpus is None else needs + filter_needs(corpus)


_TIMEOUT_FIELDS = {
    "/qdrant.Points/Scroll": 11,
    "/qdrant.Points/Get": 8,
    "/qdrant.Points/Count": 6,
    "/qdrant.Points/Facet": 6,
    "/qdrant.Points/QueryBatch": 4,
    "/qdrant.Points/CreateFieldIndex": 7,
    "/qdrant.Points/DeleteFieldIndex": 5,
    "/qdrant.Collections/Create": 9,
    "/qdrant.Collections/Delete": 2,
}


def patient(path: str, content: bytes, timeout: float) -> bytes:
    """A request that the server may work on as long as its caller waits."""
    field, seconds = _TIMEOUT_FIELDS.get(path), longer_than_usual(timeout)
    return content if field is None or seconds is None else content + UINT64.put(field, seconds, "timeout")
