"""One collection: the engine's shards, what the server checks before it, and the numbers it gives to operations.

The server's order of a write: strict mode, rate limit, dimensions (upsert only), log, application. With wait=false it
answers once the operation is logged, and applies it later, in the order of the log. What fails in the application is
told with wait=true and swallowed with wait=false; a part that is not known beforehand stays stored.
"""

from __future__ import annotations

import asyncio
import re
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any
from zlib import crc32

import qdrant_edge as edge
from qdrant_client.http import models as rest

from . import config as configs
from . import filters
from .errors import ApiError, bad_request, from_engine
from .operations import (
    ClearPayload,
    CreateIndex,
    Delete,
    DeleteIndex,
    DeletePayload,
    DeleteVectors,
    OverwritePayload,
    Row,
    SetPayload,
    Target,
    UpdateVectors,
    Upsert,
    Write,
    check_depth,
)
from .shards import ShardKey, Shards
from .strict import StrictMode
from .vectors import to_engine, validate, wrong_dimension, wrong_kind

UPDATE_MODES = {
    None: None,
    "upsert": edge.UpdateMode.Upsert,
    "insert_only": edge.UpdateMode.InsertOnly,
    "update_only": edge.UpdateMode.UpdateOnly,
}


class Collection:
    """A collection in a folder of its own; `lag` are the seconds after which is applied what nobody waits for."""

    def __init__(self, name: str, folder: Path, config: dict[str, Any], *, refill: bool, lag: float) -> None:
        self.name, self.folder, self.refill, self.lag = name, folder, refill, lag
        self.config = config
        self.layout = configs.layout(config)
        self.schema: dict[str, tuple[str, dict[str, Any] | None]] = {}
        self.strict = StrictMode(config.get("strict_mode_config"), refill=refill)
        folder.mkdir()
        self.shards = Shards(folder, config)
        self.logged: deque[tuple[Write, list[Any]]] = deque()
        self.last_operation = -1
        self._spend_number()  # the server's first operation on a new collection is number 1, the engine's 0

    def close(self) -> None:
        self.logged.clear()
        self.shards.close()

    def create_shard_key(self, key: ShardKey) -> None:
        """A shard of its own for a key, with the indexes that there are."""
        shard = self.shards.create(key)
        shard.update(edge.UpdateOperation.delete_points([]))
        for field, (kind, params) in self.schema.items():
            shard.update(edge.UpdateOperation.create_field_index(field, configs.index_schema(kind, params)))

    def reconfigure(self, update: rest.UpdateCollection) -> None:
        self.config = configs.updated(self.config, update)
        self.strict = StrictMode(self.config.get("strict_mode_config"), refill=self.refill)

    # -- writes

    def check(self, operation: Write) -> None:
        """What refuses a write whole, before any of it is stored."""
        if isinstance(operation, Upsert | UpdateVectors):
            if not operation.rows:
                raise bad_request("Empty update request")
            validate(operation.rows)
        for row in operation.rows if isinstance(operation, Upsert) else []:
            check_depth(row.payload)
        if isinstance(operation, SetPayload | OverwritePayload):
            check_depth(operation.payload)
        self.strict.check_write(operation, self.schema, lambda: self.shards.info().points_count)

    def write(self, operation: Write, shard_key: Any, *, wait: bool) -> dict[str, Any]:
        """Apply one operation and answer as the server does."""
        self.check(operation)
        return self._write(operation, shard_key, wait=wait)

    def write_all(self, operations: list[tuple[Write, Any]], *, wait: bool) -> list[dict[str, Any]]:
        """A `points/batch` of REST: all are checked, then one after the other, the first error ends it."""
        for operation, _ in operations:
            self.check(operation)
        return [self._write(operation, shard_key, wait=wait) for operation, shard_key in operations]

    def _write(self, operation: Write, shard_key: Any, *, wait: bool) -> dict[str, Any]:
        # Indexes are the collection's.
        of_all = isinstance(operation, CreateIndex | DeleteIndex)
        shards = self.shards.all if of_all else self.shards.written(shard_key)
        self.strict.charge_write(operation, lambda selecting: self._matches(selecting, shards))
        if isinstance(operation, Upsert):
            for row in operation.rows:
                if error := wrong_dimension(row, self.layout):
                    raise error
        if wait:
            while self.logged:
                self._apply_logged()
            self._apply(operation, shards)
            return {"operation_id": self.last_operation, "status": "completed"}
        self.logged.append((operation, shards))
        asyncio.get_running_loop().call_later(self.lag, self._apply_logged)
        numbers = sum(_numbers(one) for one, _ in self.logged)
        return {"operation_id": self.last_operation + numbers, "status": "acknowledged"}

    def _apply_logged(self) -> None:
        """Apply the next operation of the log; nobody hears of its failure."""
        if self.logged:
            with suppress(ApiError):
                self._apply(*self.logged.popleft())

    def _matches(self, selecting: rest.Filter, shards: list[Any]) -> int:
        asked = edge.CountRequest(False, filters.to_engine(selecting))
        return sum(self.guarded(lambda: shard.count(asked)) for shard in shards)  # noqa: B023 - called at once

    def _apply(self, operation: Write, shards: list[Any]) -> None:
        match operation:
            case Upsert():
                self._apply_rows(operation.rows, lambda rows: self._upsert(operation, rows, shards))
            case UpdateVectors():
                self._apply_rows(operation.rows, lambda rows: self._update_vectors(operation, rows, shards))
            case DeleteVectors():
                for target in operation.targets:
                    by_ids, by_filter = (
                        edge.UpdateOperation.delete_vectors,
                        edge.UpdateOperation.delete_vectors_by_filter,
                    )
                    self._by_target(shards, target, by_ids, by_filter, operation.names)
            case CreateIndex():
                self._spend_number()  # the server logs two operations for an index
                schema = configs.index_schema(operation.kind, operation.params)
                self._update(shards, lambda: edge.UpdateOperation.create_field_index(operation.field_name, schema))
                self.schema[_spelt(operation.field_name)] = (operation.kind, operation.params)
            case DeleteIndex():
                self._update(shards, lambda: edge.UpdateOperation.delete_field_index(operation.field_name))
                self.schema.pop(_spelt(operation.field_name), None)
            case _:
                self._by_target(shards, operation.target, *_engine_forms(operation))

    def _apply_rows(self, rows: list[Row], apply: Callable[[list[Row]], None]) -> None:
        """Apply the rows before the first that the server would find bad only now, then tell it.

        The server's own order is that of a hash, which nobody can know.
        """
        rows = sorted(rows, key=lambda row: crc32(str(row.id).encode()))
        for at, row in enumerate(rows):
            if error := wrong_kind(row, self.layout) or wrong_dimension(row, self.layout):
                if at:
                    apply(rows[:at])
                else:
                    self._spend_number()
                raise error
        apply(rows)

    def _upsert(self, operation: Upsert, rows: list[Row], shards: list[Any]) -> None:
        def made() -> edge.UpdateOperation:
            points = [edge.Point(row.id, to_engine(row.vectors), row.payload) for row in rows]
            condition = filters.to_engine(operation.condition)
            return edge.UpdateOperation.upsert_points(points, condition, UPDATE_MODES[operation.mode])

        self._update(shards, made)

    def _update_vectors(self, operation: UpdateVectors, rows: list[Row], shards: list[Any]) -> None:
        def made() -> edge.UpdateOperation:
            points = [edge.PointVectors(row.id, to_engine(row.vectors)) for row in rows]
            return edge.UpdateOperation.update_vectors(points, filters.to_engine(operation.condition))

        self._update(shards, made)

    def _by_target(self, shards: list[Any], target: Target, by_ids: Any, by_filter: Any, *rest_of_it: Any) -> None:
        if isinstance(target, list):
            self._update(shards, lambda: by_ids(target, *rest_of_it))
        else:
            self._update(shards, lambda: by_filter(filters.to_engine(target), *rest_of_it))

    def _spend_number(self) -> None:
        for shard in self.shards.all:
            shard.update(edge.UpdateOperation.delete_points([]))
        self.last_operation += 1

    def _update(self, shards: list[Any], make: Callable[[], edge.UpdateOperation]) -> None:
        operation = self.guarded(make)
        self.last_operation += 1
        for shard in shards:
            self.guarded(lambda: shard.update(operation))  # noqa: B023 - called at once

    # -- shared with reads

    def guarded(self, call: Callable[[], Any]) -> Any:
        """Call the engine; its errors, and the panics that are no Exception, become the server's."""
        try:
            return call()
        except ApiError:
            raise
        except Exception as error:
            raise from_engine(error) from error
        except BaseException as error:
            if type(error).__name__ != "PanicException":
                raise
            raise from_engine(error) from error

    def info(self, *, with_queue: bool) -> dict[str, Any]:
        """The collection's info, as REST shows it."""
        info = self.shards.info()
        schema = {}
        for name, (kind, params) in self.schema.items():
            entry: dict[str, Any] = {"data_type": kind}
            if params is not None:
                entry["params"] = {k: v for k, v in params.items() if v is not None}
            schema[name] = entry | {"points": info.payload_points.get(name, 0)}
        return {
            "status": "green",
            "optimizer_status": "ok",
            "indexed_vectors_count": info.indexed_vectors_count,
            "points_count": info.points_count,
            "segments_count": info.segments_count,
            "config": self.config,
            "payload_schema": schema,
        } | ({"update_queue": {"length": len(self.logged)}} if with_queue else {})


def _numbers(operation: Write) -> int:
    """How many numbers an operation spends."""
    match operation:
        case CreateIndex():
            return 2
        case DeleteVectors():
            return len(operation.targets)
        case _:
            return 1


def _spelt(path: str) -> str:
    """As the server spells a path: keys of letters (any alphabet's), digits, `_` and `-` without quotes."""
    return re.sub(r'"([\w-]+)"', r"\1", path)


def _engine_forms(operation: Any) -> tuple[Any, ...]:
    """The engine's constructors, by ids and by filter, and their further arguments."""
    make = edge.UpdateOperation
    match operation:
        case Delete():
            return make.delete_points, make.delete_points_by_filter
        case SetPayload():
            return make.set_payload, make.set_payload_by_filter, operation.payload, operation.key
        case OverwritePayload():
            return make.overwrite_payload, make.overwrite_payload_by_filter, operation.payload
        case DeletePayload():
            return make.delete_payload, make.delete_payload_by_filter, operation.keys
        case ClearPayload():
            return make.clear_payload, make.clear_payload_by_filter
        case _:
            raise TypeError(f"no such write: {operation!r}")
