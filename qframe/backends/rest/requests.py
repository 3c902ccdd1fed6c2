"""Questions as HTTP requests: paths, query parameters and JSON bodies. Pure; writes have modules of their own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

import orjson

from qframe.backends.patience import longer_than_usual
from qframe.backends.rest.fields import id_list, to_json
from qframe.backends.rest.known import check_collection, check_index
from qframe.backends.rest.pipe import Params, Request
from qframe.backends.selectors import payload_selector, vectors_selector
from qframe.model.batch import WriteOptions
from qframe.model.ids import Ids
from qframe.model.points import ShardKey
from qframe.model.queries import QueryRequest
from qframe.model.requests import (
    Consistency,
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
    PageRequest,
)


def collection_path(collection: str, rest: str = "") -> str:
    """`/collections/{name}{rest}` with the name encoded."""
    # A name of dots alone would be taken for a relative path.
    name = collection.replace(".", "%2E") if not collection.strip(".") else quote(collection, safe="")
    return f"/collections/{name}{rest}"


def write_params(options: WriteOptions) -> Params:
    """Query parameters of a write; servers before 1.17 do not know `timeout` and leave it out."""
    return (
        ("wait", "true" if options.wait else "false"),
        ("ordering", options.ordering),
        ("timeout", str(options.server_timeout)),
    )


def read_params(timeout: float, consistency: Consistency | None = None) -> Params:
    """Query parameters of a read."""
    seconds = longer_than_usual(timeout)
    params: Params = () if seconds is None else (("timeout", str(seconds)),)
    return params if consistency is None else (*params, ("consistency", str(consistency)))


def scroll(request: PageRequest, timeout: float) -> Request:
    """`POST …/points/scroll`."""
    body = {"limit": request.limit, **optional(offset=request.offset, filter=request.filter), **wanted(request)}
    return _post(request.collection, "/points/scroll", body, read_params(timeout, request.consistency))


def retrieve(request: PageRequest, ids: Ids, timeout: float) -> Request:
    """`POST …/points`. What to include is always said: servers differ in what they do by default."""
    body = {"ids": _ids(ids), **wanted(request)}
    return _post(request.collection, "/points", body, read_params(timeout, request.consistency))


def existing(collection: str, ids: Ids, timeout: float, shard_key: ShardKey | None = None) -> Request:
    """`POST …/points` for nothing but the ids."""
    body = {"ids": _ids(ids), "with_payload": False, "with_vector": False, **optional(shard_key=shard_key)}
    return _post(collection, "/points", body, read_params(timeout))


def version() -> Request:
    """`GET /`, which needs no key."""
    return Request("GET", "/")


def list_collections(request: ListCollections, timeout: float) -> Request:  # noqa: ARG001 - all are made alike
    return Request("GET", "/collections")


def exists(request: Exists, timeout: float) -> Request:  # noqa: ARG001
    return Request("GET", collection_path(request.collection, "/exists"))


def describe(request: Describe, timeout: float) -> Request:  # noqa: ARG001
    return Request("GET", collection_path(request.collection))


def list_shard_keys(request: ListShardKeys, timeout: float) -> Request:  # noqa: ARG001
    """`GET …/cluster`: a list of the keys alone there is since 1.17 only."""
    return Request("GET", collection_path(request.collection, "/cluster"))


def create(request: Create, timeout: float) -> Request:
    check_collection(request.config)
    return Request("PUT", collection_path(request.collection), read_params(timeout), (to_json(request.config),))


def drop(request: Drop, timeout: float) -> Request:
    return Request("DELETE", collection_path(request.collection), read_params(timeout))


def create_index(request: CreateIndex, timeout: float) -> Request:
    check_index(request.field, request.schema)
    body = to_json({"field_name": request.field, "field_schema": request.schema})
    params = (("wait", "true"), *read_params(timeout))
    return Request("PUT", collection_path(request.collection, "/index"), params, (body,))


def drop_index(request: DropIndex, timeout: float) -> Request:
    path = collection_path(request.collection, f"/index/{quote(request.field, safe='')}")
    return Request("DELETE", path, (("wait", "true"), *read_params(timeout)))


def count(request: Count, timeout: float) -> Request:
    body = {"exact": request.exact, **optional(filter=request.filter, shard_key=request.shard_key)}
    return _post(request.collection, "/points/count", body, read_params(timeout))


def facet(request: Facet, timeout: float) -> Request:
    body = {
        "key": request.key,
        "limit": request.limit,
        "exact": request.exact,
        **optional(filter=request.filter, shard_key=request.shard_key),
    }
    return _post(request.collection, "/facet", body, read_params(timeout))


ADMIN: Mapping[type, Callable[[Any, float], Request]] = {
    ListCollections: list_collections,
    Exists: exists,
    Describe: describe,
    ListShardKeys: list_shard_keys,
    Create: create,
    Drop: drop,
    CreateIndex: create_index,
    DropIndex: drop_index,
    Count: count,
    Facet: facet,
}
"""How each administrative question is put."""


def wanted(request: PageRequest | QueryRequest) -> dict[str, Any]:
    """What of the points is to be in the answer, and of which shard they are to be."""
    return {
        "with_payload": payload_selector(request.payload),
        "with_vector": vectors_selector(request.vectors),
        **optional(shard_key=request.shard_key),
    }


def _ids(ids: Ids) -> orjson.Fragment:
    return orjson.Fragment(id_list(ids))


def optional(**fields: Any) -> dict[str, Any]:
    """The fields that say something."""
    return {name: value for name, value in fields.items() if value is not None}


def _post(collection: str, rest: str, body: Mapping[str, Any], params: Params) -> Request:
    return Request("POST", collection_path(collection, rest), params, (to_json(body),))
