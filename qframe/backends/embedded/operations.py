"""Batches → what the engine takes. All of a batch is looked through before the engine sees anything of it.

Adding an operation means one builder in `_BUILDERS`; `prepare` and `apply` stay as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from itertools import chain, pairwise
from typing import Any

from qframe.backends.embedded.engine import NO_SHARD_KEYS, attempt, edge
from qframe.backends.embedded.filters import LOGGED_DEPTH, edge_filter
from qframe.backends.embedded.folder import Folder, Shard
from qframe.backends.embedded.payload import payload_rows
from qframe.backends.embedded.validation import (
    Shape,
    check_ids,
    check_layout,
    check_names,
    check_path,
    check_payload,
    check_points,
    shapes,
)
from qframe.backends.embedded.vectors import vector_rows
from qframe.columns.null_keys import null_keys
from qframe.model.batch import Batch, WriteOptions
from qframe.model.operations import (
    ClearPayload,
    Delete,
    DeletePayload,
    DeleteVectors,
    Matching,
    Operation,
    OverwritePayload,
    SetPayload,
    Target,
    UpdateVectors,
    Upsert,
)
from qframe.model.outcome import Ack, Fault
from qframe.model.paths import levels

_MODES = {"upsert": "Upsert", "insert_only": "InsertOnly", "update_only": "UpdateOnly"}

_GROWTH = 3
"""Bytes on disk for each byte of a batch, generously: once in the log, once in a segment, and slack."""

_EngineOperation = Any


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """An operation as the engine takes it.

    Parameters
    ----------
    operations : tuple of qdrant_edge.UpdateOperation
        One, or one for each run of equal payload. Can be applied any number of times.
    shapes : mapping
        What its vectors look like; compared with the collection when it is applied.
    names : tuple of str
        Vectors that the collection must have.
    nbytes : int
        What it may add to the disk, but for `rewritten`.
    rewritten : int or None
        Points whose payload is written anew; None: those that a filter selects, which may be all.
    nbytes_a_point : int
        What comes to the payload of each of these.
    """

    operations: tuple[_EngineOperation, ...]
    shapes: Mapping[str, Shape] = field(default_factory=dict)
    names: tuple[str, ...] = ()
    nbytes: int = 0
    rewritten: int | None = 0
    nbytes_a_point: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Write:
    """A batch as the engine takes it.

    Parameters
    ----------
    collection : str
    parts : tuple of Part
        Applied one after the other.
    wait : bool
    """

    collection: str
    parts: tuple[Part, ...]
    wait: bool


def prepare(batch: Batch, options: WriteOptions) -> Write | Fault:
    """Look a batch through and build what the engine takes."""
    parts = []
    for operation in batch.operations:
        if operation.shard_key is not None:
            return NO_SHARD_KEYS
        part = _BUILDERS[type(operation)](operation)
        if isinstance(part, Fault):
            return part
        parts.append(part)
    return Write(batch.collection, tuple(parts), options.wait)


def apply(folder: Folder, write: Write) -> Ack | Fault:
    """Hand a batch to its collection, unless it does not fit or the disk is full; the first error ends it."""
    shard = folder.shard(write.collection)
    if isinstance(shard, Fault):
        return shard
    for part in write.parts:
        fault = check_layout(part.shapes, shard.layout) or check_names(part.names, shard.layout)
        if fault is not None:
            return fault
    fault = folder.disk_full(_growth(write, shard))
    if fault is not None:
        return fault
    for done, operation in enumerate(chain.from_iterable(part.operations for part in write.parts)):
        answer = attempt(shard.engine.update, operation)
        if isinstance(answer, Fault):
            return replace(answer, applied="some") if done and answer.applied == "no" else answer
    return Ack("completed" if write.wait else "acknowledged")


def _growth(write: Write, shard: Shard) -> int:
    """What a batch may add to the disk, in bytes.

    A payload that is changed is written whole in another place, and its old place is free only after a flush: a key set
    in all of 10,000 points of 10 kB made 100 MB of payload 200.
    """
    total = sum(part.nbytes for part in write.parts)
    if all(part.rewritten == 0 for part in write.parts):
        return total
    points = max(1, shard.engine.info().points_count)
    stored = shard.payload_bytes() // points
    return total + sum(
        (points if part.rewritten is None else part.rewritten) * (stored + part.nbytes_a_point) for part in write.parts
    )


def _upsert(operation: Upsert) -> Part | Fault:
    points = operation.points
    fault = check_points(points)
    if fault is not None:
        return fault
    payload: Any = [None] * len(points)
    if points.payload is not None:
        payload = payload_rows(points.payload, operation.nulls)
        if isinstance(payload, Fault):
            return payload
    condition = None
    if operation.update_filter is not None:
        condition = edge_filter(operation.update_filter, LOGGED_DEPTH)
        if isinstance(condition, Fault):
            return condition
    ids, vectors = points.ids.tolist(), vector_rows(len(points), points.vectors)
    rows = [edge.Point(*row) for row in zip(ids, vectors, payload, strict=True)]
    mode = getattr(edge.UpdateMode, _MODES[operation.mode])
    made = edge.UpdateOperation.upsert_points(rows, condition, mode)
    return Part((made,), shapes(points.vectors), nbytes=_GROWTH * points.nbytes)


def _update_vectors(operation: UpdateVectors) -> Part | Fault:
    points = operation.points
    fault = check_points(points)
    if fault is not None:
        return fault
    ids, vectors = points.ids.tolist(), vector_rows(len(points), points.vectors)
    rows = [edge.PointVectors(*row) for row in zip(ids, vectors, strict=True)]
    made = edge.UpdateOperation.update_vectors(rows)
    return Part((made,), shapes(points.vectors), nbytes=_GROWTH * points.nbytes)


def _set_payload(operation: SetPayload) -> Part | Fault:
    key = operation.key
    if key is None:
        return _payload_part(operation, "set_payload")
    return check_path(key) or _payload_part(operation, "set_payload", levels(key), key=key)


def _overwrite_payload(operation: OverwritePayload) -> Part | Fault:
    return _payload_part(operation, "overwrite_payload")


def _payload_part(operation: SetPayload | OverwritePayload, name: str, above: int = 0, **more: Any) -> Part | Fault:
    """An object and an engine operation for each run of equal payload; of the payload of a run its first row is read.

    Parameters
    ----------
    operation : SetPayload or OverwritePayload
    name : str
        Of the engine's constructor.
    above : int
        Levels of the path under which the payload comes to stand.
    more
        What the constructor takes besides points and payload.
    """
    target, payload, runs = operation.target, operation.payload, operation.runs
    fault = check_payload(payload, len(target), above) or _check_target(target)
    if fault is not None:
        return fault
    firsts = operation.run_payload
    objects = payload_rows(firsts, operation.nulls)
    if isinstance(objects, Fault):
        return objects
    lost, nbytes = null_keys(operation, firsts), _GROWTH * payload.nbytes
    if isinstance(target, Matching):
        part = _matching_part(target, name, payload=objects[0], **more)
        if isinstance(part, Fault):
            return part
        removed = None if lost is None else _matching_part(target, "delete_payload", keys=lost.of(0))
        if isinstance(removed, Part):
            part = replace(part, operations=part.operations + removed.operations)
        return replace(part, rewritten=None, nbytes_a_point=nbytes)
    make, ids = getattr(edge.UpdateOperation, name), target.ids.tolist()
    made = []
    for run, ((start, stop), one) in enumerate(zip(pairwise(runs.tolist()), objects, strict=True)):
        made.append(make(point_ids=ids[start:stop], payload=one, **more))
        if lost is not None and (keys := lost.of(run)):
            made.append(edge.UpdateOperation.delete_payload(point_ids=ids[start:stop], keys=keys))
    return Part(tuple(made), nbytes=nbytes + _GROWTH * target.ids.values.nbytes, rewritten=len(target))


def _delete_payload(operation: DeletePayload) -> Part | Fault:
    for key in operation.keys:
        fault = check_path(key)
        if fault is not None:
            return fault
    part = _aimed_part(operation.target, "delete_payload", keys=list(operation.keys))
    if isinstance(part, Fault):
        return part
    return replace(part, rewritten=None if isinstance(operation.target, Matching) else len(operation.target))


def _clear_payload(operation: ClearPayload) -> Part | Fault:
    return _aimed_part(operation.target, "clear_payload")


def _delete_vectors(operation: DeleteVectors) -> Part | Fault:
    part = _aimed_part(operation.target, "delete_vectors", vector_names=list(operation.vectors))
    return part if isinstance(part, Fault) else replace(part, names=operation.vectors)


def _delete(operation: Delete) -> Part | Fault:
    return _aimed_part(operation.target, "delete_points")


def _aimed_part(target: Target, name: str, **more: Any) -> Part | Fault:
    """The engine operation of a name, on the points of given ids or on those that a filter selects."""
    if isinstance(target, Matching):
        return _matching_part(target, name, **more)
    make = getattr(edge.UpdateOperation, name)
    return _check_target(target) or Part((make(point_ids=target.ids.tolist(), **more),), nbytes=target.nbytes)


def _matching_part(target: Matching, name: str, **more: Any) -> Part | Fault:
    condition = edge_filter(target.filter, LOGGED_DEPTH)
    if isinstance(condition, Fault):
        return condition
    make = getattr(edge.UpdateOperation, f"{name}_by_filter")
    return Part((make(filter=condition, **more),))


def _check_target(target: Target) -> Fault | None:
    return None if isinstance(target, Matching) else check_ids(target.ids)


_BUILDERS: dict[type[Operation], Callable[[Any], Part | Fault]] = {
    Upsert: _upsert,
    UpdateVectors: _update_vectors,
    SetPayload: _set_payload,
    OverwritePayload: _overwrite_payload,
    DeletePayload: _delete_payload,
    ClearPayload: _clear_payload,
    DeleteVectors: _delete_vectors,
    Delete: _delete,
}
