"""Reads as request messages: pages, points by id, nearest points, counts, facets. Vectors come from numpy buffers."""

from __future__ import annotations

from qframe.backends.grpc.encode import point_ids
from qframe.backends.grpc.filters import FILTER, filter_needs
from qframe.backends.grpc.messages import (
    BOOL,
    TEXT,
    UINT32,
    UINT64,
    message,
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
from qframe.backends.versions import Need
from qframe.columns.layout import rows_of
from qframe.columns.protobuf import delimited as framed
from qframe.columns.rope import join
from qframe.model.ids import Ids
from qframe.model.points import ShardKey
from qframe.model.requests import Count, Facet, Filter, PageRequest

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


def existing_request(collection: str, ids: Ids, shard_key: ShardKey | None = None) -> bytes:
    """`GetPoints` that answers with nothing but the ids that are there."""
    rest = {
        "collection_name": collection,
        "with_payload": False,
        "with_vectors": False,
        "shard_key_selector": shard_key,
    }
    return GET.encode(rest, "page") + id_fields(b"\x12", ids)


def id_fields(tag: bytes, ids: Ids) -> bytes:
    """A repeated `PointId` field with the given tag."""
    return rows_of(join(framed(tag, point_ids(ids)))).tobytes()


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


def request_needs(filter: Filter | None) -> list[Need]:  # noqa: A002 - Qdrant's own word
    """What a read needs of a server; an older one would answer as if it had not been asked."""
    return [] if filter is None else filter_needs(filter)


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
