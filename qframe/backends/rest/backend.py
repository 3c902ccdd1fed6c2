"""The REST backend: the contract of `qframe.model.backend` out of codec and pipe. Imported where a target is opened."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, TypeVar, cast

import numpy as np
import numpy.typing as npt
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from qframe.backends.description import collection_info, shard_keys
from qframe.backends.faults import raise_fault
from qframe.backends.rest import decode, queries, requests
from qframe.backends.rest.estimate import estimate
from qframe.backends.rest.faults import fault
from qframe.backends.rest.pipe import Pipe, Request
from qframe.backends.rest.points_batch import points_batch
from qframe.backends.rest.upsert import upsert
from qframe.backends.steps import in_doubt, several
from qframe.backends.versions import UNKNOWN, Version, operation_needs, parse_version, search_needs, too_old
from qframe.backends.wording import index_changed, worst
from qframe.model.backend import Backend, Capabilities
from qframe.model.batch import Batch, Prepared, WriteOptions
from qframe.model.ids import Ids
from qframe.model.operations import Operation, Upsert
from qframe.model.outcome import Ack, Fault
from qframe.model.points import ShardKey
from qframe.model.queries import Hits, QueryRequest
from qframe.model.requests import (
    Admin,
    Count,
    Create,
    CreateIndex,
    Describe,
    Drop,
    DropIndex,
    Exists,
    Facet,
    Fetched,
    ListCollections,
    ListShardKeys,
    PageRequest,
)
from qframe.model.schema import Schema
from qframe.targets import Server

if TYPE_CHECKING:
    from qframe.connection import Connection

_T = TypeVar("_T")

OPENING_TIMEOUT = 10.0
"""Seconds for the first question, the version: a server that takes longer for that one is not there."""

BYTE_LIMIT = 30 * 2**20
"""A server refuses bodies over 32 MiB, counted before any compression."""

BATCH_BYTES = 6_000_000
"""Rows as JSON take two to three times the bytes that they take over gRPC, so these are about as many rows as 3 MB
there. 6 MB go out 7 to 13 % faster than 3, and 9 no faster."""


class RestBackend(Backend):
    """One a process and target; safe to use from several threads.

    Parameters
    ----------
    pipe : Pipe
    version : tuple of int
        The server's.
    """

    def __init__(self, pipe: Pipe, version: Version) -> None:
        self._pipe = pipe
        self._capabilities = Capabilities("rest", version, byte_limit=BYTE_LIMIT, batch_bytes=BATCH_BYTES)

    @property
    def capabilities(self) -> Capabilities:
        return self._capabilities

    def estimate(self, operation: Operation, /) -> npt.NDArray[np.int64] | None:
        return estimate(operation)

    def prepare(self, batch: Batch, options: WriteOptions, /) -> Prepared:
        needs = [need for operation in batch.operations for need in operation_needs(operation)]
        refused = too_old(needs, self._capabilities.version)
        if refused is not None:
            return Prepared(refused, 0)
        request = _write(batch, options)
        return Prepared(request, request.nbytes, several=several(batch))

    def write(self, prepared: Prepared, timeout: float, /) -> Ack | Fault:
        if isinstance(prepared.content, Fault):
            return prepared.content
        answer = self._decoded(prepared.content, timeout, _acknowledgement)
        return in_doubt(answer) if prepared.several else answer

    def existing(
        self, collection: str, ids: Ids, timeout: float, shard_key: ShardKey | None = None, /
    ) -> npt.NDArray[np.bool_] | Fault:
        schema = Schema(id_type=pa.large_string() if ids.is_uuid else pa.uint64())
        read = partial(decode.retrieve, schema=schema)
        page = self._decoded(requests.existing(collection, ids, timeout, shard_key), timeout, read)
        if isinstance(page, Fault):
            return page
        mask = pc.is_in(ids.to_arrow(), value_set=page.table.column(0))
        return np.asarray(mask.to_numpy(zero_copy_only=False), dtype=np.bool_)

    def fetch(self, request: PageRequest, timeout: float, /) -> Fetched | Fault:
        if request.ids is not None:
            asked, read = requests.retrieve(request, request.ids, timeout), decode.retrieve
        else:
            asked, read = requests.scroll(request, timeout), decode.scroll
        body = self._answer(asked, timeout)
        if isinstance(body, Fault):
            return body
        return Fetched(lambda schema: _understood(partial(read, schema=schema), body), decode.ahead(body), len(body))

    def query(self, request: QueryRequest, schema: Schema, timeout: float, /) -> Hits | Fault:
        refused = too_old(search_needs(request), self._capabilities.version)
        if refused is not None:
            return refused
        return self._decoded(queries.query(request, timeout), timeout, partial(decode.hits, schema=schema))

    def admin(self, request: Admin, timeout: float, /) -> Any | Fault:
        kind = type(request)
        result = self._result(requests.ADMIN[kind](request, timeout), timeout)
        if isinstance(result, Fault):
            return False if isinstance(request, Drop) and result.cause == "collection" else result
        return _READ[kind](request, result)

    def close(self) -> None:
        self._pipe.close()

    def _answer(self, request: Request, timeout: float) -> bytes | Fault:
        """The body of a good answer."""
        answer = self._pipe.send(request, timeout)
        if isinstance(answer, Fault):
            return answer
        if not 200 <= answer.status < 300:
            return fault(answer.status, answer.headers, answer.body)
        # A proxy's own page, with which some say that nobody is logged in, comes with 200 too.
        if not answer.body.startswith(b"{"):
            return _not_qdrants(answer.body)
        # Of an answer without a length, as old proxies pass it on, nobody else sees that half of it is missing.
        if not answer.body[-8:].rstrip().endswith(b"}"):
            return _broken_off(answer.body)
        return answer.body

    def _result(self, request: Request, timeout: float) -> Any | Fault:
        body = self._answer(request, timeout)
        if isinstance(body, Fault):
            return body
        try:
            return orjson.loads(body)["result"]
        except orjson.JSONDecodeError:
            return _broken_off(body)
        except KeyError:
            return _not_qdrants(body)

    def _decoded(self, request: Request, timeout: float, read: Callable[[bytes], _T]) -> _T | Fault:
        body = self._answer(request, timeout)
        return body if isinstance(body, Fault) else _understood(read, body)


def _understood(read: Callable[[bytes], _T], body: bytes) -> _T | Fault:
    try:
        return read(body)
    except orjson.JSONDecodeError:
        return _broken_off(body)
    except KeyError:
        return _not_qdrants(body)


def _broken_off(body: bytes) -> Fault:
    return Fault("lost", "unknown", f"the answer breaks off: {len(body):,} bytes that are no JSON")


def _not_qdrants(body: bytes) -> Fault:
    text = f"the answer is not Qdrant's but begins with {body[:60].decode('utf-8', 'replace')!r}"
    return Fault("fatal", "unknown", text, cause="unreachable")


def _write(batch: Batch, options: WriteOptions) -> Request:
    """An upsert alone goes to its own endpoint, every other batch to that of batches."""
    params = requests.write_params(options)
    match batch.operations:
        case (Upsert() as operation,):
            return Request("PUT", requests.collection_path(batch.collection, "/points"), params, upsert(operation))
        case operations:
            path = requests.collection_path(batch.collection, "/points/batch")
            return Request("POST", path, params, points_batch(operations))


_STATUSES: Mapping[str, Literal["completed", "wait_timeout"]] = {
    "completed": "completed",
    "wait_timeout": "wait_timeout",
}


def _acknowledgement(body: bytes) -> Ack | Fault:
    """What a write was answered: one result, or one for each operation of a batch."""
    result = orjson.loads(body)["result"]
    results = result if isinstance(result, list) else [result]
    # A batch of no operation is answered by none; nothing is a promise here.
    if not results or not all(isinstance(one, dict) for one in results):
        return _not_qdrants(body)
    # Thousands of payloads are as many operations, and their statuses one or two.
    firsts: dict[Any, Mapping[str, Any]] = {}
    for one in results:
        firsts.setdefault(one["status"], one)
    return worst([_ack(one) for one in firsts.values()])


def _ack(result: Mapping[str, Any]) -> Ack:
    # A status that a later server may add is no promise that the change is applied.
    return Ack(_STATUSES.get(result["status"], "acknowledged"), result.get("operation_id"))


def _created(request: Create, result: object) -> bool | Fault:
    if result is True:
        return True
    return Fault("refused", "no", f"the server did not make the collection {request.collection!r}")


_READ: Mapping[type, Callable[[Any, Any], Any]] = {
    ListCollections: lambda _, result: sorted(item["name"] for item in result["collections"]),
    Exists: lambda _, result: cast("bool", result["exists"]),
    Describe: lambda request, result: collection_info(request.collection, result),
    ListShardKeys: lambda _, result: shard_keys(result),
    Create: _created,
    Drop: lambda _, result: cast("bool", result),
    CreateIndex: lambda _, result: index_changed(_ack(result)),
    DropIndex: lambda _, result: index_changed(_ack(result)),
    Count: lambda _, result: cast("int", result["count"]),
    Facet: lambda _, result: [(hit["value"], hit["count"]) for hit in result["hits"]],
}
"""What each administrative answer says."""


def open(connection: Connection) -> RestBackend:  # noqa: A001 - every backend module opens
    """The backend of a connection; asks the server for its version.

    Raises
    ------
    QframeError
        UnreachableError when nothing answers within the connection's timeout.
    """
    server = connection.address
    if not isinstance(server, Server):
        raise TypeError(f"{connection.target} is not a server")
    pipe = Pipe(connection, server)
    version = _version(pipe, min(connection.timeout, OPENING_TIMEOUT))
    if isinstance(version, Fault):
        pipe.close()
        raise_fault(version, target=connection.target)
    return RestBackend(pipe, version)


def _version(pipe: Pipe, timeout: float) -> Version | Fault:
    """The server's version. A proxy may hide it: then the requests themselves will tell what is possible."""
    answer = pipe.send(requests.version(), timeout)
    if isinstance(answer, Fault):
        # Whatever broke off the very first question, this is no place to talk REST to.
        return replace(answer, cause=answer.cause or "unreachable")
    if answer.status >= 500:
        return fault(answer.status, answer.headers, answer.body)
    try:
        told = orjson.loads(answer.body)
    except orjson.JSONDecodeError:
        return UNKNOWN
    return parse_version(str(told.get("version", ""))) if isinstance(told, dict) else UNKNOWN
