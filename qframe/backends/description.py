"""What a collection's description in the REST API's spelling says, as a `CollectionInfo`; no wire of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from qframe.model.points import ShardKey
from qframe.model.requests import CollectionInfo, VectorConfig
from qframe.model.vectors import VectorKind


def collection_info(name: str, result: Mapping[str, Any]) -> CollectionInfo:
    """The description of a collection.

    Parameters
    ----------
    name : str
        What the caller asked for; the answer does not repeat it.
    result : mapping
        `result` of the REST answer to `GET /collections/{name}`: status, points_count, config, payload_schema,
        update_queue.
    """
    config: Mapping[str, Any] = result["config"]
    params: Mapping[str, Any] = config["params"]
    schema: Mapping[str, Any] = result.get("payload_schema") or {}
    return CollectionInfo(
        name=name,
        vectors=vector_configs(params),
        points=result.get("points_count") or 0,
        indexes={path: _index_type(info["data_type"]) for path, info in schema.items()},
        status=result.get("status", "green"),
        sharding="custom" if params.get("sharding_method") == "custom" else "auto",
        strict=_strict(config.get("strict_mode_config")),
        config=config,
        queue=(result.get("update_queue") or {}).get("length"),
        index_params={path: info["params"] for path, info in schema.items() if info.get("params")},
    )


def shard_keys(result: Mapping[str, Any]) -> list[ShardKey]:
    """The shard keys in the cluster's view of a collection (`GET /collections/{name}/cluster`), each once."""
    shards = [*(result.get("local_shards") or ()), *(result.get("remote_shards") or ())]
    return list(dict.fromkeys(shard["shard_key"] for shard in shards if shard.get("shard_key") is not None))


def vector_configs(params: Mapping[str, Any]) -> tuple[VectorConfig, ...]:
    """The vectors of a configuration by name, sparse ones last."""
    vectors = vectors_by_name(params.get("vectors") or {})
    sparse: Mapping[str, Any] = params.get("sparse_vectors") or {}
    return (
        *(_dense(name, vectors[name]) for name in sorted(vectors)),
        *(_sparse(name, sparse[name]) for name in sorted(sparse)),
    )


def vectors_by_name(vectors: Mapping[str, Any]) -> Mapping[str, Any]:
    """The parameters of dense vectors and multivectors by name: those of the unnamed vector may stand alone."""
    alone = "size" in vectors and not isinstance(vectors["size"], Mapping)
    return {"": vectors} if alone else vectors


def _dense(name: str, params: Mapping[str, Any]) -> VectorConfig:
    kind: VectorKind = "dense" if params.get("multivector_config") is None else "multi"
    return VectorConfig(name, kind, params["size"], params["distance"], params.get("datatype") or "float32")


def _sparse(name: str, params: Mapping[str, Any]) -> VectorConfig:
    index: Mapping[str, Any] = params.get("index") or {}
    return VectorConfig(name, "sparse", datatype=index.get("datatype") or "float32")


def _index_type(data_type: str | Mapping[str, Any]) -> str:
    return data_type if isinstance(data_type, str) else str(data_type["type"])


def _strict(config: Mapping[str, Any] | None) -> Mapping[str, Any]:
    if not config or not config.get("enabled"):
        return {}
    return {key: value for key, value in config.items() if value is not None and key != "enabled"}
