"""Reads of one collection: scroll, retrieve, count, facet. Answers are `Found` points, shown by either wire."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import qdrant_edge as edge
from qdrant_client.http import models as rest

from . import filters
from .collection import Collection
from .errors import wrong_input
from .operations import PointId, point_id
from .strict import flat
from .vectors import from_engine

OFFSET_WITH_ORDER = (
    "Cannot use an `offset` when using `order_by`. The alternative for paging is to use `order_by.start_from` "
    "and a filter to exclude the IDs that you've already seen for the `order_by.start_from` value"
)


@dataclass
class Found:
    """A point of an answer; `payload` and `vectors` are None where they were not asked for."""

    id: PointId
    payload: dict[str, Any] | None
    vectors: Any
    order_value: float | None = None
    score: float | None = None
    version: int | None = None
    shard_key: int | str | None = None


def with_payload(model: Any, default: bool) -> Any:
    match model:
        case None:
            return default
        case rest.PayloadSelectorInclude():
            return edge.PayloadSelector.Include(model.include)
        case rest.PayloadSelectorExclude():
            return edge.PayloadSelector.Exclude(model.exclude)
        case _:
            return model


def with_vector(model: Any, collection: Collection) -> Any:
    for name in model if isinstance(model, list) else []:
        if name not in collection.layout.sizes and name not in collection.layout.sparse:
            raise wrong_input(f"Not existing vector name error: {name}")
    return False if model is None else model


def order_by(model: Any) -> edge.OrderBy | None:
    if model is None:
        return None
    if isinstance(model, str):
        return edge.OrderBy(model)
    direction = None
    if model.direction is not None:
        direction = edge.Direction.Desc if model.direction == rest.Direction.DESC else edge.Direction.Asc
    start = model.start_from
    return edge.OrderBy(model.key, direction, start.isoformat() if hasattr(start, "isoformat") else start)


def found(record: Any, shard_key: int | str | None) -> Found:
    vectors = from_engine(record.vector)
    return Found(record.id, record.payload, vectors, record.order_value, shard_key=shard_key)


def asked(request: rest.ScrollRequest) -> dict[str, Any]:
    """What a scroll asks for, for the request log: alike on both wires."""
    payload = request.with_payload
    keys = payload.include if isinstance(payload, rest.PayloadSelectorInclude) else payload
    chosen = None if request.filter is None else request.filter.model_dump(mode="json", exclude_none=True)
    return {
        "limit": request.limit,
        "offset": request.offset if isinstance(request.offset, int) else request.offset and str(request.offset),
        "payload": keys,
        "vectors": request.with_vector,
        "filtered": chosen is not None,
        "filter": chosen,
    }


def scroll(collection: Collection, request: rest.ScrollRequest) -> tuple[list[Found], PointId | None]:
    shard, held = collection.shards.read(request.shard_key), collection.shards.holder(request.shard_key)
    limit = 10 if request.limit is None else request.limit
    if request.order_by is not None and request.offset is not None:
        raise wrong_input(OFFSET_WITH_ORDER)
    _admit(collection, request.filter, limit, 1 + len(flat(request.filter)))
    asked = edge.ScrollRequest(
        offset=None if request.offset is None else point_id(request.offset),
        limit=limit,
        filter=filters.to_engine(request.filter),
        with_payload=with_payload(request.with_payload, default=True),
        with_vector=with_vector(request.with_vector, collection),
        order_by=order_by(request.order_by),
    )
    records, offset = collection.guarded(lambda: shard.scroll(asked))
    return [found(record, held(record.id)) for record in records], offset


def retrieve(collection: Collection, ids: list[PointId], payload: Any, vector: Any, shard_key: Any) -> list[Found]:
    """Points in the order asked for, missing ones left out, each once."""
    shard, held = collection.shards.read(shard_key), collection.shards.holder(shard_key)
    _admit(collection, None, None, len(ids))
    asked = with_payload(payload, default=False), with_vector(vector, collection)
    records = collection.guarded(lambda: shard.retrieve(ids, *asked))
    by_id = {record.id: found(record, held(record.id)) for record in records}
    return [by_id.pop(i) for i in ids if i in by_id]


def count(collection: Collection, request: rest.CountRequest) -> int:
    collection.strict.check_exact(request.exact is not False)
    shard = collection.shards.read(request.shard_key)
    _admit(collection, request.filter, None, 1 + len(flat(request.filter)))
    asked = edge.CountRequest(request.exact is not False, filters.to_engine(request.filter))
    return collection.guarded(lambda: shard.count(asked))


def facet(collection: Collection, request: rest.FacetRequest) -> list[tuple[Any, int]]:
    shard = collection.shards.read(request.shard_key)
    limit = 10 if request.limit is None else request.limit
    _admit(collection, request.filter, limit, 1 + len(flat(request.filter)))
    asked = edge.FacetRequest(request.key, limit, bool(request.exact), filters.to_engine(request.filter))
    hits = collection.guarded(lambda: shard.facet(asked)).hits
    return [(hit.value, hit.count) for hit in hits]


def cluster(collection: Collection) -> dict[str, Any]:
    """Where the shards are: all on this one peer."""
    counts = [(key, shard.info().points_count) for key, shard in collection.shards.by_key.items()]
    local = [
        {"shard_id": number, **({} if key is None else {"shard_key": key}), "points_count": points, "state": "Active"}
        for number, (key, points) in enumerate(counts)
    ]
    return {
        "peer_id": 1,
        "shard_count": len(local),
        "local_shards": local,
        "remote_shards": [],
        "shard_transfers": [],
    }


def _admit(collection: Collection, filter_: rest.Filter | None, limit: int | None, cost: int) -> None:
    collection.strict.check_read(filter_, limit, collection.schema)
    collection.strict.charge("read", cost)
