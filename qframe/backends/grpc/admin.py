"""Administration as messages: each `Admin` request → path and bytes, and its answer → the value it promises."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from qframe.backends.description import collection_info, shard_keys
from qframe.backends.grpc.acknowledgement import acknowledgement
from qframe.backends.grpc.messages import (
    BOOL,
    INT64,
    TEXT,
    UINT64,
    Entries,
    Many,
    enum,
    message,
    plain,
    wrapped,
)
from qframe.backends.grpc.requests import count_request, facet_request
from qframe.backends.grpc.tables.config import CONFIG, CREATE, CREATE_KEYS
from qframe.backends.grpc.tables.indexes import SCHEMA_INFO, index_request
from qframe.backends.grpc.tables.values import SHARD_KEY
from qframe.backends.versions import Version, parse_version
from qframe.backends.wording import index_changed
from qframe.errors import OptionError
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

COLLECTION_NAME = message(collection_name=(1, TEXT))
DROP_INDEX = message(collection_name=(1, TEXT), wait=(2, BOOL), field_name=(3, TEXT))

HEALTH = message(title=(1, TEXT), version=(2, plain(TEXT, "")))
LISTED = message(collections=(1, Many(wrapped("name", TEXT))))
EXISTS = message(result=(1, message(exists=(1, plain(BOOL, False)))))
CHANGED = message(result=(1, plain(BOOL, False)))
COUNTED = message(result=(1, message(count=(1, plain(UINT64, 0)))))
FACETED = message(
    hits=(
        1,
        Many(
            message(
                value=(1, message(string_value=(1, TEXT), integer_value=(2, INT64), bool_value=(3, BOOL))),
                count=(2, plain(UINT64, 0)),
            )
        ),
    )
)
DESCRIBED = message(
    result=(
        1,
        message(
            status=(1, plain(enum(unknown=0, green=1, yellow=2, red=3, grey=4), "unknown")),
            config=(7, CONFIG),
            payload_schema=(8, Entries(SCHEMA_INFO)),
            points_count=(9, UINT64),
            update_queue=(
                12,
                message(length=(1, plain(UINT64, 0)), deferred_points=(2, UINT64)),
            ),
        ),
    )
)

CLUSTER = message(
    local_shards=(3, Many(message(shard_key=(4, SHARD_KEY)))),
    remote_shards=(4, Many(message(shard_key=(4, SHARD_KEY)))),
)
"""Of `CollectionClusterInfoResponse` what names shard keys."""

HEALTH_PATH = "/qdrant.Qdrant/HealthCheck"

# REST answers these as null where they are not set; over gRPC they are left out.
_NULLS = ("max_segment_size", "memmap_threshold", "max_optimization_threads", "prevent_unoptimized")


@dataclass(frozen=True, slots=True)
class Call:
    """A request on the wire and how its answer is read."""

    path: str
    content: bytes
    read: Callable[[bytes], Any]


def admin_call(request: Admin) -> Call:
    """The call of an administration request.

    Raises
    ------
    OptionError
        For a key, kind or value that gRPC has no place for.
    """
    match request:
        case ListCollections():
            return Call("/qdrant.Collections/List", b"", _names)
        case Exists(name) | Describe(name) | ListShardKeys(name) | Drop(name):
            method, read = _OF_ONE[type(request)]
            return Call(f"/qdrant.Collections/{method}", _named(name), partial(read, name))
        case Create(name, config):
            return Call("/qdrant.Collections/Create", create_request(name, config), _changed)
        case CreateIndex(name, path, schema):
            return Call("/qdrant.Points/CreateFieldIndex", index_request(name, path, schema), _applied)
        case DropIndex(name, path):
            content = DROP_INDEX.encode({"collection_name": name, "wait": True, "field_name": path}, "index")
            return Call("/qdrant.Points/DeleteFieldIndex", content, _applied)
        case Count():
            return Call("/qdrant.Points/Count", count_request(request), _counted)
        case Facet():
            return Call("/qdrant.Points/Facet", facet_request(request), _faceted)


def _named(name: str) -> bytes:
    return COLLECTION_NAME.encode({"collection_name": name}, "collection")


def _names(data: bytes) -> list[str]:
    return sorted(LISTED.decode(data).get("collections", []))


def _exists(data: bytes) -> bool:
    return bool(EXISTS.decode(data).get("result", {}).get("exists", False))


def _changed(data: bytes) -> bool:
    return bool(CHANGED.decode(data)["result"])


def _counted(data: bytes) -> int:
    return int(COUNTED.decode(data).get("result", {}).get("count", 0))


def _faceted(data: bytes) -> list[tuple[str | int | bool, int]]:
    hits = FACETED.decode(data).get("hits", [])
    # One of the three fields of a value is there.
    return [(value, hit["count"]) for hit in hits for value in hit["value"].values()]


def _applied(data: bytes) -> bool | Fault:
    return index_changed(acknowledgement(data))


def version_of(data: bytes) -> Version:
    """The version in a `HealthCheckReply`."""
    return parse_version(HEALTH.decode(data)["version"])


def create_request(collection: str, config: Mapping[str, Any]) -> bytes:
    """`CreateCollection` from the body of the REST call."""
    unknown = [key for key in config if key not in CREATE_KEYS]
    if unknown:
        raise OptionError(
            f"config: unknown key {unknown[0]!r} cannot be sent over gRPC; known keys: {', '.join(CREATE_KEYS)}."
        )
    return CREATE.encode({**config, "collection_name": collection}, "config")


def describe(name: str, data: bytes) -> CollectionInfo:
    """`GetCollectionInfoResponse` as the REST API spells it, read from there."""
    result = DESCRIBED.decode(data).get("result", {})
    config = result.setdefault("config", {})
    config.setdefault("params", {}).setdefault("vectors", {})
    optimizers = config.setdefault("optimizer_config", {})
    for key in _NULLS:
        optimizers.setdefault(key, None)
    config.setdefault("quantization_config", None)
    return collection_info(name, result)


_OF_ONE: Mapping[type, tuple[str, Callable[[str, bytes], Any]]] = {
    Exists: ("CollectionExists", lambda _, data: _exists(data)),
    Describe: ("Get", describe),
    ListShardKeys: ("CollectionClusterInfo", lambda _, data: shard_keys(CLUSTER.decode(data))),
    Drop: ("Delete", lambda _, data: _changed(data)),
}
"""Methods that take a collection's name and nothing else, and how their answers are read."""
