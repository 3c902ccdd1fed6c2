"""Two backends of one server as one: points over the one, administration over the other."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from qframe.model.backend import Backend, Capabilities
from qframe.model.batch import Batch, Prepared, WriteOptions
from qframe.model.ids import Ids
from qframe.model.operations import Operation
from qframe.model.outcome import Ack, Fault
from qframe.model.points import ShardKey
from qframe.model.queries import Hits, QueryRequest
from qframe.model.requests import Admin, Fetched, PageRequest
from qframe.model.schema import Schema


class Paired(Backend):
    """Points go over `bulk`, which also says what can be done; administration over `admin`."""

    def __init__(self, bulk: Backend, admin: Backend) -> None:
        self._bulk = bulk
        self._admin = admin

    @property
    def capabilities(self) -> Capabilities:
        return self._bulk.capabilities

    def estimate(self, operation: Operation, /) -> npt.NDArray[np.int64] | None:
        return self._bulk.estimate(operation)

    def prepare(self, batch: Batch, options: WriteOptions, /) -> Prepared:
        return self._bulk.prepare(batch, options)

    def write(self, prepared: Prepared, timeout: float, /) -> Ack | Fault:
        return self._bulk.write(prepared, timeout)

    def existing(
        self, collection: str, ids: Ids, timeout: float, shard_key: ShardKey | None = None, /
    ) -> npt.NDArray[np.bool_] | Fault:
        return self._bulk.existing(collection, ids, timeout, shard_key)

    def fetch(self, request: PageRequest, timeout: float, /) -> Fetched | Fault:
        return self._bulk.fetch(request, timeout)

    def query(self, request: QueryRequest, schema: Schema, timeout: float, /) -> Hits | Fault:
        return self._bulk.query(request, schema, timeout)

    def admin(self, request: Admin, timeout: float, /) -> Any | Fault:
        return self._admin.admin(request, timeout)

    def close(self) -> None:
        self._bulk.close()
        self._admin.close()
