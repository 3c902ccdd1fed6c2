"""Questions as HTTP requests: paths, query parameters and JSON bodies. Pure; writes have modules of their own."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import quote

import orjson

from qframe.backends.patience import longer_than_usual
from qframe.backends.rest.fields import id_list, to_json
from qframe.backends.rest.known import check_collection, check_index, check_search_params
from qframe.backends.rest.pipe import Request
from qframe.backends.selectors import payload_selector, vectors_selector
from qframe.model.batch import WriteOptions
from qframe.model.ids import Ids
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
    PageRequest,
    QueryRequest,
)
from qframe.model.vectors import Multi, Sparse, VectorColumn

Params = tuple[tuple[str, str], ...]


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
    body = {"limit": request.limit, **_optional(offset=request.offset, filter=request.filter), **_wanted(request)}
    return _post(request.collection, "/points/scroll", body, read_params(timeout, request.consistency))


def retrieve(request: PageRequest, ids: Ids, timeout: float) -> Request:
    """`POST …/points`. What to include is always said: servers differ in what they do by default."""
    body = {"ids": _ids(ids), **_wanted(request)}
    return _post(request.collection, "/points", body, read_params(timeout, request.consistency))


def existing(collection: str, ids: Ids, timeout: float) -> Request:
    """`POST …/points` for nothing but the ids."""
    body = {"ids": _ids(ids), "with_payload": False, "with_vector": False}
    return _post(collection, "/points", body, read_params(timeout))


def query(request: QueryRequest, timeout: float) -> Request:
    """`POST …/points/query/batch`: one search for each row of the vector column."""
    check_search_params(request.params)
    shared = {
        "limit": request.limit,
        "offset": request.offset,
        **_optional(
            using=request.using or None,
            filter=request.filter,
            score_threshold=request.score_threshold,
            params=request.params,
        ),
        **_wanted(request),
    }
    tail = to_json(shared)[1:]
    searches = b",".join(b'{"query":' + vector + b"," + tail for vector in query_vectors(request.queries))
    path = collection_path(request.collection, "/points/query/batch")
    return Request("POST", path, read_params(timeout, request.consistency), b'{"searches":[' + searches + b"]}")


def query_vectors(column: VectorColumn) -> Iterator[bytes]:
    """The JSON of each row. Floats keep their point: a multivector of two rows of integers is read as a sparse one."""
    if isinstance(column, Sparse):
        for start, stop in itertools.pairwise(column.offsets.tolist()):
            yield to_json({"indices": column.indices[start:stop], "values": column.values[start:stop]})
    elif isinstance(column, Multi):
        for start, stop in itertools.pairwise(column.offsets.tolist()):
            yield to_json(column.values[start:stop])
    else:
        yield from map(to_json, column.values)


def version() -> Request:
    """`GET /`, which needs no key."""
    return Request("GET", "/")


def list_collections(request: ListCollections, timeout: float) -> Request:  # noqa: ARG001 - all are made alike
    return Request("GET", "/collections")


def exists(request: Exists, timeout: float) -> Request:  # noqa: ARG001
    return Request("GET", collection_path(request.collection, "/exists"))


def describe(request: Describe, timeout: float) -> Request:  # noqa: ARG001
    return Request("GET", collection_path(request.collection))


def create(request: Create, timeout: float) -> Request:
    check_collection(request.config)
    return Request("PUT", collection_path(request.collection), read_params(timeout), to_json(request.config))


def drop(request: Drop, timeout: float) -> Request:
    return Request("DELETE", collection_path(request.collection), read_params(timeout))


def create_index(request: CreateIndex, timeout: float) -> Request:
    check_index(request.field, request.schema)
    body = to_json({"field_name": request.field, "field_schema": request.schema})
    params = (("wait", "true"), *read_params(timeout))
    return Request("PUT", collection_path(request.collection, "/index"), params, body)


def drop_index(request: DropIndex, timeout: float) -> Request:
    path = collection_path(request.collection, f"/index/{quote(request.field, safe='')}")
    return Request("DELETE", path, (("wait", "true"), *read_params(timeout)))


def count(request: Count, timeout: float) -> Request:
    body = {"exact": request.exact, **_optional(filter=request.filter, shard_key=request.shard_key)}
    return _post(request.collection, "/points/count", body, read_params(timeout))


def facet(request: Facet, timeout: float) -> Request:
    body = {
        "key": request.key,
        "limit": request.limit,
        "exact": request.exact,
        **_optional(filter=request.filter, shard_key=request.shard_key),
    }
    return _post(request.collection, "/facet", body, read_params(timeout))


ADMIN: Mapping[type, Callable[[Any, float], Request]] = {
    ListCollections: list_collections,
    Exists: exists,
    Describe: describe,
    Create: create,
    Drop: drop,
    CreateIndex: create_index,
    DropIndex: drop_index,
    Count: count,
    Facet: facet,
}
"""How each administrative question is put."""


def _wanted(request: PageRequest | QueryRequest) -> dict[str, Any]:
    return {
        "with_payload": payload_selector(request.payload),
        "with_vector": vectors_selector(request.vectors),
        **_optional(shard_key=request.shard_key),
    }


def _ids(ids: Ids) -> orjson.Fragment:
    return orjson.Fragment(id_list(ids))


def _optional(**fields: Any) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


def _post(collection: str, rest: str, body: Mapping[str, Any], params: Params) -> Request:
    return Request("POST", collection_path(collection, rest), params, to_json(body))
