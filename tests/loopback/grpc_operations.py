"""Every gRPC method: a decoded message → the `Work` whose result is the answer. The table is `METHODS`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from qdrant_client import grpc as proto
from qdrant_client.conversions.conversion import GrpcToRest, RestToGrpc
from qdrant_client.http import models as rest

from . import proto_points, proto_show, queries, reads
from . import version as versions
from .engine import Engine
from .errors import ApiError, ValidationError
from .operations import DeleteIndex, Work, Write, ids_of

READ, WRITE, MANAGE = "read", "write", "manage"
Decode = Callable[[Engine, Any], Work]


def write_of(convert: Callable[[Any, Any], Write]) -> Decode:
    """A method that writes: conversion, checks, one operation."""

    def decode(engine: Engine, message: Any) -> Work:
        operation = convert(message, engine.version)
        ids = ids_of(operation)
        shard_key = proto_points.shard_key(message) if hasattr(message, "shard_key_selector") else None

        def run() -> Any:
            result = engine.get(message.collection_name).write(operation, shard_key, wait=message.wait)
            return proto.PointsOperationResponse(result=proto_show.update_result(result), usage=proto.Usage())

        return Work(run, len(ids), ids)

    return decode


def delete_index(message: proto.DeleteFieldIndexCollection, _: Any) -> DeleteIndex:
    return DeleteIndex(message.field_name)


def batch(engine: Engine, message: proto.UpdateBatchPoints) -> Work:
    if not message.operations:
        raise ApiError("Bad request: Empty update request")
    decoded, refused = _decoded(engine, message)
    ids = [i for operation, _ in decoded for i in ids_of(operation)]

    def run() -> Any:
        collection = engine.get(message.collection_name)
        results = []
        for operation, shard_key in decoded:
            results.append(collection.write(operation, shard_key, wait=message.wait))
        if refused is not None:
            raise refused
        return proto.UpdateBatchResponse(result=[proto_show.update_result(r) for r in results])

    return Work(run, len(ids), ids)


def _decoded(engine: Engine, message: proto.UpdateBatchPoints) -> tuple[list[tuple[Write, Any]], ApiError | None]:
    """Operations before the first that is malformed, and its error: the server converts each when it comes to it."""
    decoded: list[tuple[Write, Any]] = []
    for operation in message.operations:
        try:
            decoded.append(proto_points.batched(operation, engine.version))
        except ApiError as error:
            return decoded, error
    return decoded, None


def scroll(engine: Engine, message: proto.ScrollPoints) -> Work:
    request = rest.ScrollRequest(
        filter=proto_points.filter_of(message, "filter", engine.version),
        offset=proto_points.point_id(message.offset) if message.HasField("offset") else None,
        limit=_limit(message),
        with_payload=proto_points.with_payload(message),
        with_vector=proto_points.with_vectors(message),
        order_by=GrpcToRest.convert_order_by(message.order_by) if message.HasField("order_by") else None,
        shard_key=proto_points.shard_key(message),
    )

    def run() -> Any:
        points, offset = reads.scroll(engine.get(message.collection_name), request)
        return proto.ScrollResponse(
            result=[proto_show.retrieved(p, engine.version) for p in points],
            next_page_offset=None if offset is None else proto_show.point_id(offset),
        )

    return Work(run, asked=reads.asked(request))


def _limit(message: Any) -> int | None:
    if not message.HasField("limit"):
        return None
    if message.limit < 1:
        raise ValidationError("limit: value 0 invalid, must be 1 or larger")
    return message.limit


def retrieve(engine: Engine, message: proto.GetPoints) -> Work:
    ids = [proto_points.point_id(i) for i in message.ids]
    asked = proto_points.with_payload(message), proto_points.with_vectors(message)
    shard_key = proto_points.shard_key(message)

    def run() -> Any:
        found = reads.retrieve(engine.get(message.collection_name), ids, *asked, shard_key)
        return proto.GetResponse(result=[proto_show.retrieved(p, engine.version) for p in found])

    return Work(run, len(ids), ids)


def count(engine: Engine, message: proto.CountPoints) -> Work:
    request = rest.CountRequest(
        filter=proto_points.filter_of(message, "filter", engine.version),
        exact=message.exact if message.HasField("exact") else None,
        shard_key=proto_points.shard_key(message),
    )

    def run() -> Any:
        found = reads.count(engine.get(message.collection_name), request)
        return proto.CountResponse(result=proto.CountResult(count=found))

    return Work(run)


def facet(engine: Engine, message: proto.FacetCounts) -> Work:
    request = rest.FacetRequest(
        key=message.key,
        limit=_limit(message),
        filter=proto_points.filter_of(message, "filter", engine.version),
        exact=message.exact if message.HasField("exact") else None,
        shard_key=proto_points.shard_key(message),
    )

    def run() -> Any:
        hits = reads.facet(engine.get(message.collection_name), request)
        return proto.FacetResponse(hits=[proto_show.facet_hit(*hit) for hit in hits])

    return Work(run)


def _query_request(engine: Engine, message: proto.QueryPoints) -> rest.QueryRequest:
    _cut_queries(engine, message)
    return GrpcToRest.convert_query_points(message)


def _cut_queries(engine: Engine, message: Any) -> None:
    if message.HasField("filter"):
        engine.version.cut_filter(message.filter)
    for prefetch in message.prefetch:
        _cut_queries(engine, prefetch)


def query(engine: Engine, message: proto.QueryPoints) -> Work:
    request = _query_request(engine, message)

    def run() -> Any:
        hits = queries.run(engine.get(message.collection_name), [request])[0]
        return proto.QueryResponse(result=[proto_show.scored(p, engine.version) for p in hits])

    return Work(run)


def query_batch(engine: Engine, message: proto.QueryBatchPoints) -> Work:
    requests = [_query_request(engine, one) for one in message.query_points]

    def run() -> Any:
        answers = queries.run(engine.get(message.collection_name), requests)
        results = [proto.BatchResult(result=[proto_show.scored(p, engine.version) for p in hits]) for hits in answers]
        return proto.QueryBatchResponse(result=results)

    return Work(run)


def _done(run: Callable[[], bool]) -> Work:
    return Work(lambda: proto.CollectionOperationResponse(result=run()))


def create_collection(engine: Engine, message: proto.CreateCollection) -> Work:
    request = proto_points.create_collection(message)
    return _done(lambda: engine.create(message.collection_name, request))


def update_collection(engine: Engine, message: proto.UpdateCollection) -> Work:
    request = GrpcToRest.convert_update_collection(message)

    def run() -> bool:
        engine.get(message.collection_name).reconfigure(request)
        return True

    return _done(run)


def delete_collection(engine: Engine, message: proto.DeleteCollection) -> Work:
    return _done(lambda: engine.drop(message.collection_name))


def info(engine: Engine, message: proto.GetCollectionInfoRequest) -> Work:
    def run() -> Any:
        found = engine.get(message.collection_name).info(with_queue=engine.version.knows((1, 17)))
        return proto.GetCollectionInfoResponse(result=proto_show.info(found))

    return Work(run)


def exists(engine: Engine, message: proto.CollectionExistsRequest) -> Work:
    def run() -> Any:
        found = proto.CollectionExists(exists=engine.exists(message.collection_name))
        return proto.CollectionExistsResponse(result=found)

    return Work(run)


def list_collections(engine: Engine, message: proto.ListCollectionsRequest) -> Work:
    def run() -> Any:
        names = [proto.CollectionDescription(name=name) for name in sorted(engine.collections)]
        return proto.ListCollectionsResponse(collections=names)

    return Work(run)


def cluster(engine: Engine, message: proto.CollectionClusterInfoRequest) -> Work:
    return Work(lambda: proto_show.cluster(reads.cluster(engine.get(message.collection_name))))


def shard_keys(engine: Engine, message: proto.ListShardKeysRequest) -> Work:
    def run() -> Any:
        keys = map(RestToGrpc.convert_shard_key, engine.get(message.collection_name).shards.keys)
        return proto.ListShardKeysResponse(shard_keys=[proto.ShardKeyDescription(key=key) for key in keys])

    return Work(run)


def create_shard_key(engine: Engine, message: proto.CreateShardKeyRequest) -> Work:
    def run() -> Any:
        key = GrpcToRest.convert_shard_key(message.request.shard_key)
        engine.get(message.collection_name).create_shard_key(key)
        return proto.CreateShardKeyResponse(result=True)

    return Work(run)


def delete_shard_key(engine: Engine, message: proto.DeleteShardKeyRequest) -> Work:
    def run() -> Any:
        engine.get(message.collection_name).shards.drop(GrpcToRest.convert_shard_key(message.request.shard_key))
        return proto.DeleteShardKeyResponse(result=True)

    return Work(run)


def aliases(engine: Engine, message: Any) -> Work:
    def run() -> Any:
        found = engine.list_aliases(getattr(message, "collection_name", None))
        return proto.ListAliasesResponse(aliases=[proto.AliasDescription(**alias) for alias in found])

    return Work(run)


def update_aliases(engine: Engine, message: proto.ChangeAliases) -> Work:
    actions = [GrpcToRest.convert_alias_operations(action) for action in message.actions]
    change = rest.ChangeAliasesOperation(actions=actions)
    return _done(lambda: engine.change_aliases(change))


def health(engine: Engine, message: proto.HealthCheckRequest) -> Work:
    text = engine.version.text
    return Work(lambda: proto.HealthCheckReply(title=versions.TITLE, version=text, commit=versions.COMMIT))


P, C = "/qdrant.Points/", "/qdrant.Collections/"
METHODS: dict[str, tuple[str, str, Any, Decode]] = {
    P + "Upsert": ("upsert", WRITE, proto.UpsertPoints, write_of(proto_points.upsert)),
    P + "Delete": ("delete", WRITE, proto.DeletePoints, write_of(proto_points.delete)),
    P + "Get": ("retrieve", READ, proto.GetPoints, retrieve),
    P + "UpdateVectors": ("update_vectors", WRITE, proto.UpdatePointVectors, write_of(proto_points.update_vectors)),
    P + "DeleteVectors": ("delete_vectors", WRITE, proto.DeletePointVectors, write_of(proto_points.delete_vectors)),
    P + "SetPayload": ("set_payload", WRITE, proto.SetPayloadPoints, write_of(proto_points.set_payload)),
    P + "OverwritePayload": (
        "overwrite_payload",
        WRITE,
        proto.SetPayloadPoints,
        write_of(proto_points.overwrite_payload),
    ),
    P + "DeletePayload": ("delete_payload", WRITE, proto.DeletePayloadPoints, write_of(proto_points.delete_payload)),
    P + "ClearPayload": ("clear_payload", WRITE, proto.ClearPayloadPoints, write_of(proto_points.clear_payload)),
    P + "CreateFieldIndex": (
        "create_index",
        WRITE,
        proto.CreateFieldIndexCollection,
        write_of(proto_points.create_index),
    ),
    P + "DeleteFieldIndex": ("delete_index", WRITE, proto.DeleteFieldIndexCollection, write_of(delete_index)),
    P + "UpdateBatch": ("batch", WRITE, proto.UpdateBatchPoints, batch),
    P + "Scroll": ("scroll", READ, proto.ScrollPoints, scroll),
    P + "Count": ("count", READ, proto.CountPoints, count),
    P + "Facet": ("facet", READ, proto.FacetCounts, facet),
    P + "Query": ("query", READ, proto.QueryPoints, query),
    P + "QueryBatch": ("query_batch", READ, proto.QueryBatchPoints, query_batch),
    C + "Get": ("info", READ, proto.GetCollectionInfoRequest, info),
    C + "List": ("list", READ, proto.ListCollectionsRequest, list_collections),
    C + "Create": ("create_collection", MANAGE, proto.CreateCollection, create_collection),
    C + "Update": ("update_collection", MANAGE, proto.UpdateCollection, update_collection),
    C + "Delete": ("delete_collection", MANAGE, proto.DeleteCollection, delete_collection),
    C + "CollectionExists": ("exists", READ, proto.CollectionExistsRequest, exists),
    C + "CollectionClusterInfo": ("cluster", READ, proto.CollectionClusterInfoRequest, cluster),
    C + "ListShardKeys": ("shard_keys", READ, proto.ListShardKeysRequest, shard_keys),
    C + "CreateShardKey": ("create_shard_key", MANAGE, proto.CreateShardKeyRequest, create_shard_key),
    C + "DeleteShardKey": ("delete_shard_key", MANAGE, proto.DeleteShardKeyRequest, delete_shard_key),
    C + "ListAliases": ("aliases", READ, proto.ListAliasesRequest, aliases),
    C + "ListCollectionAliases": ("aliases", READ, proto.ListCollectionAliasesRequest, aliases),
    C + "UpdateAliases": ("update_aliases", MANAGE, proto.ChangeAliases, update_aliases),
    "/qdrant.Qdrant/HealthCheck": ("health", READ, proto.HealthCheckRequest, health),
}
