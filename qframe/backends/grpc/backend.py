"""The gRPC backend: the contract of `qframe.model.backend` out of codec and pipe. Imported where a target is opened."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from qframe.backends.faults import raise_fault
from qframe.backends.grpc import decode
from qframe.backends.grpc.acknowledgement import acknowledgement
from qframe.backends.grpc.admin import HEALTH_PATH, admin_call, version_of
from qframe.backends.grpc.encode import upsert
from qframe.backends.grpc.estimate import estimate
from qframe.backends.grpc.filters import filter_needs
from qframe.backends.grpc.pipe import Pipe
from qframe.backends.grpc.queries import query_needs, query_request
from qframe.backends.grpc.requests import (
    existing_request,
    get_request,
    patient,
    request_needs,
    scroll_request,
)
from qframe.backends.grpc.update_batch import selecting, update_batch
from qframe.backends.steps import in_doubt, several
from qframe.backends.versions import Need, Version, operation_needs, too_old, version_text
from qframe.errors import UnsupportedError
from qframe.model.backend import Backend, Capabilities
from qframe.model.batch import Batch, Prepared, WriteOptions
from qframe.model.ids import Ids
from qframe.model.operations import Matching, Operation, UpdateVectors, Upsert
from qframe.model.outcome import Ack, Fault
from qframe.model.points import ShardKey
from qframe.model.queries import Hits, QueryRequest
from qframe.model.requests import Admin, Create, Drop, Fetched, Filter, PageRequest
from qframe.model.schema import Schema
from qframe.targets import Server

if TYPE_CHECKING:
    from qframe.connection import Connection

_T = TypeVar("_T")

BYTE_LIMIT = 30 * 1024 * 1024
"""gRPC servers have no limit; larger bodies gain nothing and hold the server's memory."""

OLDEST: Version = (1, 12, 2)
"""The first server that understands the vector fields that are written here."""

UPSERT_PATH = "/qdrant.Points/Upsert"
BATCH_PATH = "/qdrant.Points/UpdateBatch"
SCROLL_PATH = "/qdrant.Points/Scroll"
GET_PATH = "/qdrant.Points/Get"
QUERY_PATH = "/qdrant.Points/QueryBatch"


class GrpcBackend(Backend):
    """One a process and target; safe to use from several threads.

    Parameters
    ----------
    pipe : Pipe
    version : tuple of int
        The server's.
    """

    def __init__(self, pipe: Pipe, version: Version) -> None:
        self._pipe = pipe
        self._capabilities = Capabilities("grpc", version, byte_limit=BYTE_LIMIT)

    @property
    def capabilities(self) -> Capabilities:
        return self._capabilities

    def estimate(self, operation: Operation, /) -> npt.NDArray[np.int64] | None:
        return estimate(operation)

    def prepare(self, batch: Batch, options: WriteOptions, /) -> Prepared:
        match batch.operations:
            case (Upsert() as alone,):
                path, content = UPSERT_PATH, upsert(alone, batch.collection, options)
            case _:
                path, content = BATCH_PATH, update_batch(batch, options)
        refused = self._refused([need for operation in batch.operations for need in _write_needs(operation)])
        if refused is not None:
            return Prepared(refused, 0)
        return Prepared(content, len(content), (path,), several(batch))

    def write(self, prepared: Prepared, timeout: float, /) -> Ack | Fault:
        if isinstance(prepared.content, Fault):
            return prepared.content
        data = self._pipe.call(prepared.route[0], prepared.content, timeout)
        answer = data if isinstance(data, Fault) else _understood(acknowledgement, data)
        return in_doubt(answer) if prepared.several else answer

    def existing(
        self, collection: str, ids: Ids, timeout: float, shard_key: ShardKey | None = None, /
    ) -> npt.NDArray[np.bool_] | Fault:
        answer = self._ask(GET_PATH, existing_request(collection, ids, shard_key), timeout)
        if isinstance(answer, Fault):
            return answer
        schema = Schema(id_type=pa.large_string() if ids.is_uuid else pa.uint64())
        page = _understood(partial(decode.retrieve, schema=schema), answer)
        if isinstance(page, Fault):
            return page
        mask = pc.is_in(ids.to_arrow(), value_set=page.table.column(0))
        return np.asarray(mask.to_numpy(zero_copy_only=False), dtype=np.bool_)

    def fetch(self, request: PageRequest, timeout: float, /) -> Fetched | Fault:
        if request.ids is not None:
            path, content, read = GET_PATH, get_request(request, request.ids), decode.retrieve
        else:
            path, content, read = SCROLL_PATH, scroll_request(request), decode.scroll
            refused = self._refused(request_needs(request.filter))
            if refused is not None:
                return refused
        answer = self._ask(path, content, timeout)
        if isinstance(answer, Fault):
            return answer
        following = decode.ahead(answer) if path == SCROLL_PATH else None
        return Fetched(lambda schema: _understood(partial(read, schema=schema), answer), following, len(answer))

    def query(self, request: QueryRequest, schema: Schema, timeout: float, /) -> Hits | Fault:
        content = query_request(request)
        refused = self._refused(query_needs(request))
        if refused is not None:
            return refused
        answer = self._ask(QUERY_PATH, content, timeout)
        return answer if isinstance(answer, Fault) else _understood(partial(decode.hits, schema=schema), answer)

    def admin(self, request: Admin, timeout: float, /) -> Any | Fault:
        call = admin_call(request)
        refused = self._refused(request_needs(getattr(request, "filter", None)))
        if refused is not None:
            return refused
        answer = self._ask(call.path, call.content, timeout)
        if isinstance(answer, Fault):
            gone = isinstance(request, Drop) and answer.cause == "collection"
            return False if gone else answer
        result = _understood(call.read, answer)
        if isinstance(request, Create) and result is False:
            return Fault("refused", "no", f"the server did not make the collection {request.collection!r}")
        return result

    def close(self) -> None:
        self._pipe.close()

    def _ask(self, path: str, content: bytes, timeout: float) -> bytes | Fault:
        return self._pipe.call(path, patient(path, content, timeout), timeout)

    def _refused(self, needs: list[Need]) -> Fault | None:
        return too_old(needs, self._capabilities.version)


def _write_needs(operation: Operation) -> list[Need]:
    needs = operation_needs(operation)
    chosen = _filter_of(operation)
    return needs if chosen is None else needs + filter_needs(chosen)


def _filter_of(operation: Operation) -> Filter | None:
    """The filter that an operation carries, whichever points it chooses by it."""
    if isinstance(operation, Upsert):
        return operation.update_filter
    if isinstance(operation, UpdateVectors):
        return None
    target = selecting(operation).target
    return target.filter if isinstance(target, Matching) else None


def open(connection: Connection) -> GrpcBackend:  # noqa: A001 - every backend module opens
    """The backend of a connection; asks the server for its version.

    Raises
    ------
    UnreachableError
        When nothing answers within the connection's timeout.
    UnsupportedError
        For a server before 1.12.2.
    """
    pipe = _pipe(connection)
    version = _version(pipe, connection.timeout)
    if isinstance(version, Fault):
        pipe.close()
        raise_fault(version, target=connection.target)
    if version < OLDEST:
        pipe.close()
        raise UnsupportedError(
            f"Qdrant {version_text(version)} at {connection.target} is too old for gRPC here, which needs "
            f"{version_text(OLDEST)}. Connect with transport='rest'."
        )
    return GrpcBackend(pipe, version)


def probe(connection: Connection, timeout: float) -> Version | None:
    """The server's version if gRPC answers within `timeout` seconds; None if not. Needs no key."""
    pipe = _pipe(connection)
    try:
        version = _version(pipe, timeout)
    finally:
        pipe.close()
    return None if isinstance(version, Fault) else version


def _pipe(connection: Connection) -> Pipe:
    server = connection.address
    if not isinstance(server, Server):
        raise TypeError(f"{connection.target} is not a server")
    return Pipe(server, verify=connection.verify, metadata=connection.metadata, compression=connection.compression)


def _version(pipe: Pipe, timeout: float) -> Version | Fault:
    answer = pipe.call(HEALTH_PATH, b"", timeout)
    return answer if isinstance(answer, Fault) else _understood(version_of, answer)


def _understood(read: Callable[[bytes], _T], answer: bytes) -> _T | Fault:
    """What an answer says; a fault when it is none of Qdrant's: something else listens there, or stands between."""
    try:
        return read(answer)
    except ValueError as error:
        return Fault("fatal", "unknown", f"the answer is not Qdrant's: {error}", cause="unreachable")
