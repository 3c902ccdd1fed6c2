"""gRPC messages → operations: points straight from the official stubs, the rest by the official conversions."""

from __future__ import annotations

import math
from typing import Any
from uuid import UUID

import numpy as np
from qdrant_client import grpc as proto
from qdrant_client.conversions.conversion import GrpcToRest
from qdrant_client.http import models as rest

from .errors import ApiError, not_served
from .operations import (
    ClearPayload,
    CreateIndex,
    Delete,
    DeletePayload,
    DeleteVectors,
    Multi,
    OverwritePayload,
    PointId,
    Row,
    SetPayload,
    Sparse,
    Target,
    UpdateVectors,
    Upsert,
    Write,
)
from .version import Version

UPDATE_MODES = {
    proto.UpdateMode.Upsert: "upsert",
    proto.UpdateMode.InsertOnly: "insert_only",
    proto.UpdateMode.UpdateOnly: "update_only",
}


def point_id(message: proto.PointId) -> PointId:
    kind = message.WhichOneof("point_id_options")
    if kind == "num":
        return message.num
    if kind is None:
        raise ApiError("Malformed PointId type")
    try:
        return UUID(message.uuid)
    except ValueError:
        raise ApiError(f"Unable to parse UUID: {message.uuid}") from None


def payload(fields: Any) -> dict[str, Any]:
    return {key: json_value(value) for key, value in fields.items()}


def json_value(value: Any) -> Any:
    """A payload value as JSON; what JSON has no word for is refused as the server does."""
    kind = value.WhichOneof("kind")
    if kind is None or kind == "null_value":
        return None
    if kind == "struct_value":
        return payload(value.struct_value.fields)
    if kind == "list_value":
        return [json_value(item) for item in value.list_value.values]
    found = getattr(value, kind)
    if kind == "double_value" and not math.isfinite(found):
        raise ApiError("cannot convert to json number")
    return found


def filter_of(message: Any, name: str, version: Version) -> rest.Filter | None:
    """The filter in a message's field, without what this version drops."""
    if not message.HasField(name):
        return None
    filter_ = getattr(message, name)
    version.cut_filter(filter_)
    return GrpcToRest.convert_filter(filter_)


def vectors(message: proto.PointStruct | proto.PointVectors) -> dict[str, Any]:
    kind = message.vectors.WhichOneof("vectors_options")
    if kind is None:
        raise ApiError("Expected some vectors")
    if kind == "vector":
        return {"": vector(message.vectors.vector)}
    return {name: vector(one) for name, one in message.vectors.vectors.vectors.items()}


def vector(message: proto.Vector) -> Any:
    """Either spelling of a vector: the `oneof` since 1.12, or the three fields before it."""
    match message.WhichOneof("vector"):
        case "dense":
            return np.array(message.dense.data, np.float32)
        case "sparse":
            return Sparse(list(message.sparse.indices), list(message.sparse.values))
        case "multi_dense":
            return Multi([np.array(row.data, np.float32) for row in message.multi_dense.vectors])
        case None:
            pass
        case _:
            raise not_served("inference")
    data = np.array(message.data, np.float32)
    if message.HasField("indices"):
        return Sparse(list(message.indices.data), list(message.data))
    if message.HasField("vectors_count"):
        return Multi(list(data.reshape(message.vectors_count, -1)))
    return data


def target(message: proto.PointsSelector | None, version: Version) -> Target:
    kind = message.WhichOneof("points_selector_one_of") if message is not None else None
    if message is None or kind is None:
        raise ApiError("PointsSelector is missing")
    if kind == "points":
        return [point_id(i) for i in message.points.ids]
    found = filter_of(message, "filter", version)
    assert found is not None
    return found


def selected(message: Any, version: Version, name: str = "points_selector") -> Target:
    return target(getattr(message, name) if message.HasField(name) else None, version)


def upsert(message: Any, version: Version) -> Upsert:
    """`UpsertPoints`, or the upsert of a batch, which has the same fields."""
    rows = [Row(point_id(p.id), vectors(p), payload(p.payload)) for p in message.points]
    known = version.knows((1, 17)) and message.HasField("update_mode")
    mode = UPDATE_MODES.get(message.update_mode, "upsert") if known else None
    condition = filter_of(message, "update_filter", version) if version.knows((1, 16)) else None
    return Upsert(rows, mode, condition)


def update_vectors(message: Any, version: Version) -> UpdateVectors:
    rows = [Row(point_id(p.id), vectors(p)) for p in message.points]
    condition = filter_of(message, "update_filter", version) if version.knows((1, 16)) else None
    return UpdateVectors(rows, condition)


def delete(message: Any, version: Version) -> Delete:
    return Delete(selected(message, version, "points"))


def clear_payload(message: Any, version: Version) -> ClearPayload:
    return ClearPayload(selected(message, version, "points"))


def set_payload(message: Any, version: Version) -> SetPayload:
    key = message.key if message.HasField("key") else None
    return SetPayload(selected(message, version), payload(message.payload), key)


def overwrite_payload(message: Any, version: Version) -> OverwritePayload:
    return OverwritePayload(selected(message, version), payload(message.payload))


def delete_payload(message: Any, version: Version) -> DeletePayload:
    return DeletePayload(selected(message, version), list(message.keys))


def delete_vectors(message: Any, version: Version) -> DeleteVectors:
    if not message.HasField("vectors"):
        raise ApiError("vectors_names is missing")
    return DeleteVectors(list(message.vectors.names), [selected(message, version)])


def create_index(message: proto.CreateFieldIndexCollection, version: Version) -> CreateIndex:
    if message.HasField("field_index_params"):
        params = GrpcToRest.convert_payload_schema_params(message.field_index_params)
        given = params.model_dump(mode="json", exclude_none=True)
        return CreateIndex(message.field_name, given["type"], given)
    if not message.HasField("field_type"):
        raise ApiError("Field type is not specified")
    kind = proto.FieldType.Name(message.field_type).removeprefix("FieldType").lower()
    return CreateIndex(message.field_name, kind, None)


BATCHED = {
    "upsert": upsert,
    "update_vectors": update_vectors,
    "set_payload": set_payload,
    "overwrite_payload": overwrite_payload,
    "delete_payload": delete_payload,
    "delete_vectors": delete_vectors,
    "delete_points": delete,
    "clear_payload": clear_payload,
}


def batched(message: proto.PointsUpdateOperation, version: Version) -> tuple[Write, Any]:
    """One operation of an `UpdateBatch`, and its shard key."""
    name = message.WhichOneof("operation")
    if name is None:
        raise ApiError("operation is missing")
    if name in ("delete_deprecated", "clear_payload_deprecated"):
        make = Delete if name == "delete_deprecated" else ClearPayload
        return make(target(getattr(message, name), version)), None
    operation = getattr(message, name)
    return BATCHED[name](operation, version), shard_key(operation)


def shard_key(message: Any) -> Any:
    if not message.HasField("shard_key_selector"):
        return None
    return GrpcToRest.convert_shard_key_selector(message.shard_key_selector)


def with_payload(message: Any) -> Any:
    if not message.HasField("with_payload"):
        return None
    if message.with_payload.WhichOneof("selector_options") is None:
        raise ApiError("No PayloadSelector")
    return GrpcToRest.convert_with_payload_interface(message.with_payload)


def with_vectors(message: Any) -> Any:
    if not message.HasField("with_vectors") or message.with_vectors.WhichOneof("selector_options") is None:
        return None
    return GrpcToRest.convert_with_vectors_selector(message.with_vectors)


def create_collection(message: proto.CreateCollection) -> rest.CreateCollection:
    """The creation of a collection; the official conversions have every part of it but not the whole."""
    convert = GrpcToRest
    parts = {
        "vectors": ("vectors_config", convert.convert_vectors_config),
        "sparse_vectors": ("sparse_vectors_config", convert.convert_sparse_vector_config),
        "hnsw_config": ("hnsw_config", convert.convert_hnsw_config_diff),
        "wal_config": ("wal_config", convert.convert_wal_config_diff),
        "optimizers_config": ("optimizers_config", convert.convert_optimizers_config_diff),
        "quantization_config": ("quantization_config", convert.convert_quantization_config),
        "strict_mode_config": ("strict_mode_config", convert.convert_strict_mode_config),
        "sharding_method": ("sharding_method", convert.convert_sharding_method),
    }
    given = {name: make(getattr(message, field)) for name, (field, make) in parts.items() if message.HasField(field)}
    plain = ("shard_number", "replication_factor", "write_consistency_factor", "on_disk_payload")
    given |= {name: getattr(message, name) for name in plain if message.HasField(name)}
    if message.metadata:
        given["metadata"] = payload(message.metadata)
    return rest.CreateCollection(**given)
