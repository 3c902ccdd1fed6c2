"""Answers as protobuf messages of the official stubs."""

from __future__ import annotations

from typing import Any

import numpy as np
from qdrant_client import grpc as proto
from qdrant_client.conversions.conversion import RestToGrpc
from qdrant_client.http import models as rest

from .operations import Multi, PointId, Sparse
from .reads import Found
from .version import Version

STATUSES = {
    "acknowledged": proto.UpdateStatus.Acknowledged,
    "completed": proto.UpdateStatus.Completed,
    "wait_timeout": proto.UpdateStatus.WaitTimeout,
}


def point_id(value: PointId) -> proto.PointId:
    return proto.PointId(num=value) if isinstance(value, int) else proto.PointId(uuid=str(value))


def value(found: Any) -> proto.Value:
    """A payload value; integers beyond int64 become doubles, as on the server."""
    match found:
        case None:
            return proto.Value(null_value=proto.NullValue.NULL_VALUE)
        case bool():
            return proto.Value(bool_value=found)
        case int():
            return proto.Value(integer_value=found) if found < 2**63 else proto.Value(double_value=float(found))
        case float():
            return proto.Value(double_value=found)
        case str():
            return proto.Value(string_value=found)
        case list():
            return proto.Value(list_value=proto.ListValue(values=[value(item) for item in found]))
        case _:
            return proto.Value(struct_value=proto.Struct(fields=payload(found)))


def payload(found: dict[str, Any] | None) -> dict[str, proto.Value]:
    return {key: value(item) for key, item in (found or {}).items()}


def vector(found: Any, version: Version) -> proto.VectorOutput:
    """A vector; before 1.17 in the three flat fields, since then in the `oneof`."""
    flat = not version.knows((1, 17))
    match found:
        case Sparse() if flat:
            return proto.VectorOutput(data=found.values, indices=proto.SparseIndices(data=found.indices))
        case Sparse():
            return proto.VectorOutput(sparse=proto.SparseVector(indices=found.indices, values=found.values))
        case Multi() if flat:
            return proto.VectorOutput(data=np.concatenate(found.rows), vectors_count=len(found.rows))
        case Multi():
            rows = [proto.DenseVector(data=row) for row in found.rows]
            return proto.VectorOutput(multi_dense=proto.MultiDenseVector(vectors=rows))
        case _:
            return proto.VectorOutput(data=found) if flat else proto.VectorOutput(dense=proto.DenseVector(data=found))


def vectors(found: Any, version: Version) -> proto.VectorsOutput:
    if isinstance(found, dict):
        named = {name: vector(one, version) for name, one in found.items()}
        return proto.VectorsOutput(vectors=proto.NamedVectorsOutput(vectors=named))
    return proto.VectorsOutput(vector=vector(found, version))


def _common(found: Found, version: Version) -> dict[str, Any]:
    shown: dict[str, Any] = {"id": point_id(found.id), "payload": payload(found.payload)}
    if found.vectors is not None:
        shown["vectors"] = vectors(found.vectors, version)
    if found.shard_key is not None:
        shown["shard_key"] = RestToGrpc.convert_shard_key(found.shard_key)
    if found.order_value is not None:
        kind = "int" if isinstance(found.order_value, int) else "float"
        shown["order_value"] = proto.OrderValue(**{kind: found.order_value})
    return shown


def retrieved(found: Found, version: Version) -> proto.RetrievedPoint:
    return proto.RetrievedPoint(**_common(found, version))


def scored(found: Found, version: Version) -> proto.ScoredPoint:
    return proto.ScoredPoint(score=found.score, version=found.version, **_common(found, version))


def update_result(result: dict[str, Any]) -> proto.UpdateResult:
    return proto.UpdateResult(operation_id=result["operation_id"], status=STATUSES[result["status"]])


def facet_hit(found: Any, count: int) -> proto.FacetHit:
    kind = {bool: "bool_value", int: "integer_value"}.get(type(found), "string_value")
    return proto.FacetHit(value=proto.FacetValue(**{kind: found}), count=count)


def cluster(found: dict[str, Any]) -> proto.CollectionClusterInfoResponse:
    shards = [RestToGrpc.convert_local_shard_info(rest.LocalShardInfo(**shard)) for shard in found["local_shards"]]
    count = {"peer_id": found["peer_id"], "shard_count": found["shard_count"]}
    return proto.CollectionClusterInfoResponse(**count, local_shards=shards)


def info(found: dict[str, Any]) -> proto.CollectionInfo:
    message = RestToGrpc.convert_collection_info(rest.CollectionInfo.model_validate(found))
    if found["config"]["optimizer_config"]["max_optimization_threads"] is None:
        threads = message.config.optimizer_config.max_optimization_threads
        threads.setting = proto.MaxOptimizationThreads.Setting.Auto
    return message
