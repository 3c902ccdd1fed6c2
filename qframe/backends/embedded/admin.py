"""Administration: collections, payload indexes, counts, facets; one function for each question."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from qframe.backends.description import collection_info
from qframe.backends.embedded.configs import ConfigError, bad_name
from qframe.backends.embedded.engine import NO_SHARD_KEYS, attempt, built, edge, refused
from qframe.backends.embedded.filters import edge_filter
from qframe.backends.embedded.folder import Folder
from qframe.backends.embedded.indexes import index_params, index_switches, index_type
from qframe.model.outcome import Fault
from qframe.model.requests import (
    Admin,
    CollectionInfo,
    Count,
    Create,
    CreateIndex,
    Describe,
    Drop,
    DropIndex,
    Exists,
    Facet,
    ListCollections,
    ListShardKeys,
)


def answer(folder: Folder, request: Admin) -> Any | Fault:
    """The answer to an administrative request, as `qframe.model.requests` says for each."""
    return _ANSWERS[type(request)](folder, request)


def _list(folder: Folder, _: ListCollections) -> list[str]:
    return folder.names()


def _exists(folder: Folder, request: Exists) -> bool:
    return request.collection in folder.names()


def _describe(folder: Folder, request: Describe) -> CollectionInfo | Fault:
    shard = folder.shard(request.collection)
    if isinstance(shard, Fault):
        return shard
    info = attempt(shard.engine.info)
    if isinstance(info, Fault):
        return info
    indexes = {
        path: {
            "data_type": index_type(index.data_type),
            "params": index_switches(index.params),
            "points": index.points,
        }
        for path, index in sorted(info.payload_schema.items())
    }
    result = {
        "status": "green",
        "points_count": info.points_count,
        "segments_count": info.segments_count,
        "indexed_vectors_count": info.indexed_vectors_count,
        "config": _description(shard.config),
        "payload_schema": indexes,
    }
    return collection_info(request.collection, result)


def _description(config: Mapping[str, Any]) -> dict[str, Any]:
    """The body of the create call in the form in which a server describes a collection."""
    own = ("hnsw_config", "optimizers_config", "wal_config", "quantization_config", "strict_mode_config", "metadata")
    params = {"shard_number": 1, "replication_factor": 1, "write_consistency_factor": 1}
    params |= {key: value for key, value in config.items() if key not in own}
    described = {key: config[key] for key in own if key in config}
    if "optimizers_config" in described:
        described["optimizer_config"] = described.pop("optimizers_config")
    return {"params": params, **described}


def _create(folder: Folder, request: Create) -> bool | Fault:
    fault = bad_name(request.collection) or folder.create(request.collection, request.config)
    return True if fault is None else fault


def _drop(folder: Folder, request: Drop) -> bool:
    return folder.drop(request.collection)


def _create_index(folder: Folder, request: CreateIndex) -> bool | Fault:
    try:
        params = index_params(request.schema)
        operation = edge.UpdateOperation.create_field_index(request.field, params)
    except ConfigError as error:
        return error.fault
    except ValueError as error:
        return refused(f"Wrong input: index on {request.field!r}: {error}")
    return _update(folder, request.collection, operation)


def _drop_index(folder: Folder, request: DropIndex) -> bool | Fault:
    try:
        operation = edge.UpdateOperation.delete_field_index(request.field)
    except ValueError as error:
        return refused(f"Wrong input: index on {request.field!r}: {error}")
    return _update(folder, request.collection, operation)


def _update(folder: Folder, collection: str, operation: Any) -> bool | Fault:
    shard = folder.shard(collection)
    if isinstance(shard, Fault):
        return shard
    fault = folder.disk_full(0) or attempt(shard.engine.update, operation)
    return True if fault is None else fault


def _count(folder: Folder, request: Count) -> int | Fault:
    shard = folder.shard(request.collection)
    if isinstance(shard, Fault):
        return shard
    if request.shard_key is not None:
        return NO_SHARD_KEYS
    condition = None if request.filter is None else edge_filter(request.filter)
    if isinstance(condition, Fault):
        return condition
    return attempt(shard.engine.count, edge.CountRequest(exact=request.exact, filter=condition))


def _facet(folder: Folder, request: Facet) -> list[tuple[str | int | bool, int]] | Fault:
    shard = folder.shard(request.collection)
    if isinstance(shard, Fault):
        return shard
    if request.shard_key is not None:
        return NO_SHARD_KEYS
    condition = None if request.filter is None else edge_filter(request.filter)
    if isinstance(condition, Fault):
        return condition
    asked = built(edge.FacetRequest, key=request.key, limit=request.limit, exact=request.exact, filter=condition)
    if isinstance(asked, Fault):
        return asked
    found = attempt(shard.engine.facet, asked)
    return found if isinstance(found, Fault) else [(hit.value, hit.count) for hit in found.hits]


_ANSWERS: dict[type[Admin], Callable[[Folder, Any], Any | Fault]] = {
    ListCollections: _list,
    Exists: _exists,
    Describe: _describe,
    ListShardKeys: lambda _, __: [],
    Create: _create,
    Drop: _drop,
    CreateIndex: _create_index,
    DropIndex: _drop_index,
    Count: _count,
    Facet: _facet,
}
