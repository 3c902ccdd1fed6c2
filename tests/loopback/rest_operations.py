"""Every REST operation: a decoded request → the `Work` that answers it.

Routes and access are the table `OPERATIONS`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from qdrant_client.http import models as rest

from . import json_points, queries, reads
from .engine import Engine
from .errors import ApiError, ValidationError, not_found
from .json_show import point
from .operations import DeleteIndex, Work, Write, ids_of, point_id

READ, WRITE, MANAGE = "read", "write", "manage"


@dataclass(frozen=True)
class Asked:
    """A request without its transport: path parameters, query parameters, and the body as JSON."""

    engine: Engine
    path: dict[str, str]
    query: dict[str, str]
    body: Any

    @property
    def wait(self) -> bool:
        value = self.query.get("wait", "false")
        if value not in ("true", "false"):
            raise _bad_parameter("provided string was not `true` or `false`")
        return value == "true"

    def check_parameters(self) -> None:
        """Refuse what the server refuses in the query, before it looks at anything else."""
        _ = self.wait
        ordering = self.query.get("ordering", "weak")
        if ordering not in ("weak", "medium", "strong"):
            raise _bad_parameter(f"unknown variant `{ordering}`, expected one of `weak`, `medium`, `strong`")
        if not self.query.get("timeout", "0").isdigit():
            raise _bad_parameter("invalid digit found in string")

    def collection(self) -> Any:
        return self.engine.get(self.path["collection"])

    def model(self, kind: Any) -> Any:
        self.engine.version.check_filter(self.body)
        return json_points.model(kind, self.body)


def _bad_parameter(text: str) -> ApiError:
    return ApiError(f"Deserialize error in query parameters: {text}", close=True)


def _write(asked: Asked, operation: Write, shard_key: Any) -> Work:
    wait, ids = asked.wait, ids_of(operation)

    def run() -> Any:
        return asked.collection().write(operation, shard_key, wait=wait)

    return Work(run, len(ids), ids)


def upsert(asked: Asked) -> Work:
    asked.engine.version.check_filter({k: v for k, v in asked.body.items() if k == "update_filter"})
    return _write(asked, *json_points.upsert(asked.body, asked.engine.version))


def write_of(name: str) -> Callable[[Asked], Work]:
    def decode(asked: Asked) -> Work:
        asked.engine.version.check_filter(asked.body)
        return _write(asked, *json_points.WRITES[name](asked.body))

    return decode


def batch(asked: Asked) -> Work:
    decoded = json_points.batch(asked.body, asked.engine.version)
    ids = [i for operation, _ in decoded for i in ids_of(operation)]

    def run() -> Any:
        return asked.collection().write_all(decoded, wait=asked.wait)

    return Work(run, len(ids), ids)


def create_index(asked: Asked) -> Work:
    return _write(asked, json_points.create_index(asked.body), None)


def delete_index(asked: Asked) -> Work:
    return _write(asked, DeleteIndex(asked.path["field"]), None)


def scroll(asked: Asked) -> Work:
    request = asked.model(rest.ScrollRequest)
    _at_least_one(request.limit, "scroll_request")

    def run() -> Any:
        points, offset = reads.scroll(asked.collection(), request)
        return {"points": [point(p) for p in points], "next_page_offset": offset}

    return Work(run, asked=reads.asked(request))


def retrieve(asked: Asked) -> Work:
    request = asked.model(rest.PointRequest)
    ids = [point_id(i) for i in request.ids]

    def run() -> Any:
        what = request.with_payload, request.with_vector, request.shard_key
        found = reads.retrieve(asked.collection(), ids, *what)
        return [point(p) for p in found]

    return Work(run, len(ids), ids)


def get_point(asked: Asked) -> Work:
    text = asked.path["id"]
    wanted = point_id(int(text) if text.isdigit() else text)

    def run() -> Any:
        found = reads.retrieve(asked.collection(), [wanted], True, True, None)
        if not found:
            raise not_found(f"Point with id {wanted} does not exists!")
        return point(found[0])

    return Work(run, 1, [wanted])


def count(asked: Asked) -> Work:
    request = asked.model(rest.CountRequest)
    return Work(lambda: {"count": reads.count(asked.collection(), request)})


def facet(asked: Asked) -> Work:
    request = asked.model(rest.FacetRequest)
    _at_least_one(request.limit, "facet_request")

    def run() -> Any:
        hits = reads.facet(asked.collection(), request)
        return {"hits": [{"value": value, "count": count} for value, count in hits]}

    return Work(run)


def query(asked: Asked) -> Work:
    request = json_points.model(rest.QueryRequest, _query(asked, asked.body))
    _at_least_one(request.limit, "query_request")
    return Work(lambda: _hits(queries.run(asked.collection(), [request])[0]))


def query_batch(asked: Asked) -> Work:
    searches = asked.body.get("searches") if isinstance(asked.body, dict) else None
    body = asked.body if searches is None else {**asked.body, "searches": [_query(asked, one) for one in searches]}
    request = json_points.model(rest.QueryRequestBatch, body)
    for search in request.searches:
        _at_least_one(search.limit, "searches")
    return Work(lambda: [_hits(hits) for hits in queries.run(asked.collection(), request.searches)])


def _query(asked: Asked, body: Any) -> Any:
    """The body of a query, without search params that the server does not know, which it passes over."""
    asked.engine.version.check_filter(body)
    if not isinstance(body, dict) or "params" not in body:
        return body
    return {**body, "params": json_points.heard(rest.SearchParams, body["params"])}


def _hits(points: list[reads.Found]) -> Any:
    return {"points": [point(p) for p in points]}


def _at_least_one(limit: int | None, where: str) -> None:
    if limit is not None and limit < 1:
        raise ValidationError(f"{where}.limit: value {limit} invalid, must be 1 or larger")


def create_collection(asked: Asked) -> Work:
    request = json_points.model(rest.CreateCollection, json_points.heard(rest.CreateCollection, asked.body))
    return Work(lambda: asked.engine.create(asked.path["collection"], request))


def update_collection(asked: Asked) -> Work:
    request = asked.model(rest.UpdateCollection)

    def run() -> Any:
        asked.collection().reconfigure(request)
        return True

    return Work(run)


def delete_collection(asked: Asked) -> Work:
    return Work(lambda: asked.engine.drop(asked.path["collection"]))


def info(asked: Asked) -> Work:
    with_queue = asked.engine.version.knows((1, 17))
    return Work(lambda: asked.collection().info(with_queue=with_queue))


def exists(asked: Asked) -> Work:
    return Work(lambda: {"exists": asked.engine.exists(asked.path["collection"])})


def list_collections(asked: Asked) -> Work:
    return Work(lambda: {"collections": [{"name": name} for name in sorted(asked.engine.collections)]})


def shard_keys(asked: Asked) -> Work:
    return Work(lambda: {"shard_keys": [{"key": key} for key in asked.collection().shards.keys]})


def cluster(asked: Asked) -> Work:
    return Work(lambda: reads.cluster(asked.collection()))


def create_shard_key(asked: Asked) -> Work:
    request = asked.model(rest.CreateShardingKey)

    def run() -> Any:
        asked.collection().create_shard_key(request.shard_key)
        return True

    return Work(run)


def delete_shard_key(asked: Asked) -> Work:
    request = asked.model(rest.DropShardingKey)

    def run() -> Any:
        asked.collection().shards.drop(request.shard_key)
        return True

    return Work(run)


def aliases(asked: Asked) -> Work:
    return Work(lambda: {"aliases": asked.engine.list_aliases(asked.path.get("collection"))})


def update_aliases(asked: Asked) -> Work:
    request = asked.model(rest.ChangeAliasesOperation)
    return Work(lambda: asked.engine.change_aliases(request))


C = "/collections/{collection}"
OPERATIONS: list[tuple[str, str, str, str, Callable[[Asked], Work]]] = [
    ("GET", "/collections", "list", READ, list_collections),
    ("GET", "/aliases", "aliases", READ, aliases),
    ("POST", "/collections/aliases", "update_aliases", MANAGE, update_aliases),
    ("GET", C, "info", READ, info),
    ("PUT", C, "create_collection", MANAGE, create_collection),
    ("PATCH", C, "update_collection", MANAGE, update_collection),
    ("DELETE", C, "delete_collection", MANAGE, delete_collection),
    ("GET", C + "/exists", "exists", READ, exists),
    ("GET", C + "/aliases", "aliases", READ, aliases),
    ("GET", C + "/cluster", "cluster", READ, cluster),
    ("GET", C + "/shards", "shard_keys", READ, shard_keys),
    ("PUT", C + "/shards", "create_shard_key", MANAGE, create_shard_key),
    ("POST", C + "/shards/delete", "delete_shard_key", MANAGE, delete_shard_key),
    ("PUT", C + "/index", "create_index", WRITE, create_index),
    ("DELETE", C + "/index/{field}", "delete_index", WRITE, delete_index),
    ("PUT", C + "/points", "upsert", WRITE, upsert),
    ("POST", C + "/points", "retrieve", READ, retrieve),
    ("POST", C + "/points/delete", "delete", WRITE, write_of("delete")),
    ("POST", C + "/points/payload", "set_payload", WRITE, write_of("set_payload")),
    ("PUT", C + "/points/payload", "overwrite_payload", WRITE, write_of("overwrite_payload")),
    ("POST", C + "/points/payload/delete", "delete_payload", WRITE, write_of("delete_payload")),
    ("POST", C + "/points/payload/clear", "clear_payload", WRITE, write_of("clear_payload")),
    ("PUT", C + "/points/vectors", "update_vectors", WRITE, write_of("update_vectors")),
    ("POST", C + "/points/vectors/delete", "delete_vectors", WRITE, write_of("delete_vectors")),
    ("POST", C + "/points/batch", "batch", WRITE, batch),
    ("POST", C + "/points/scroll", "scroll", READ, scroll),
    ("POST", C + "/points/count", "count", READ, count),
    ("POST", C + "/points/query", "query", READ, query),
    ("POST", C + "/points/query/batch", "query_batch", READ, query_batch),
    ("GET", C + "/points/{id}", "get_point", READ, get_point),
    ("POST", C + "/facet", "facet", READ, facet),
]
