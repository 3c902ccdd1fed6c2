"""A write by frame, top to bottom: look at the collection, look at the frame, check, create, send, report."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from itertools import chain
from typing import Any

import numpy as np
import pyarrow as pa

from qframe.administration import answer, find_for_writing
from qframe.backends.faults import raise_fault
from qframe.backends.opening import open_backend
from qframe.backends.versions import operation_needs, too_old
from qframe.columns.dense import NullVectors
from qframe.connection import Connection
from qframe.delivery.ask import Patience
from qframe.delivery.interrupts import Held
from qframe.delivery.ledger import Ledger
from qframe.frames.opening import open_source
from qframe.frames.source import Source, empty_columns, release
from qframe.model.backend import Backend
from qframe.model.batch import Batch, WriteOptions
from qframe.model.ids import Ids
from qframe.model.operations import Operation
from qframe.model.points import Points
from qframe.model.rate import rows_within
from qframe.model.requests import CollectionInfo, Count
from qframe.report import WriteReport
from qframe.vectors.sample import rows_of, sampled
from qframe.write.checkpoint import CheckpointFile, held
from qframe.write.checkpoint_call import described
from qframe.write.create import IfMissing, create_missing, refuse_missing
from qframe.write.ending import Call, conclude
from qframe.write.feed import feed_of
from qframe.write.flow import send
from qframe.write.identify import identified
from qframe.write.inspection import Inspection
from qframe.write.options import BATCH_ROWS, WriteSettings
from qframe.write.points import Checked
from qframe.write.progress import ProgressMeter
from qframe.write.resolve import check_shard_key, resolve
from qframe.write.roles import RoleOptions, Roles

log = logging.getLogger("qframe")


@dataclass(frozen=True, slots=True, eq=False)
class FrameWrite:
    """What a verb does with the rows of a frame.

    Parameters
    ----------
    verb : str
        Its name, as reports and errors say it.
    roles : RoleOptions
        What each column is for.
    operation : callable
        Points → the operation on them; None where there is nothing to do, which skips the rows.
    null_vectors : "raise" or "omit"
    if_missing : "create" or "raise"
        What to do when there is no such collection.
    rows : int
        Rows in a request, at most, where the caller names no number.
    counted : bool
        Whether the collection's limit on the points of a request (`upsert_max_batchsize` of strict mode) holds.
    options : mapping
        What the operation does with the rows, as JSON can say it: a checkpoint knows the call by it.
    stays : bool
        Whether the points of rows that were written are there afterwards.
    check : callable, optional
        Raises when what the verb asks for is not in the collection.
    """

    verb: str
    roles: RoleOptions
    operation: Callable[[Points], Operation | None]
    null_vectors: NullVectors = "raise"
    if_missing: IfMissing = "raise"
    rows: int = BATCH_ROWS
    counted: bool = True
    options: Mapping[str, Any] = field(default_factory=dict)
    stays: bool = True
    check: Callable[[CollectionInfo], None] | None = None


def write_frame(
    connection: Connection, name: str, data: Any, write: FrameWrite, settings: WriteSettings
) -> WriteReport:
    """Do with the rows of a frame what `write` says; `Collection` documents the verbs."""
    source = open_source(data)
    try:
        with held(settings.checkpoint) as file:
            return _write(connection, name, source, write, settings, file)
    finally:
        release(source)


def _write(
    connection: Connection,
    name: str,
    source: Source,
    write: FrameWrite,
    settings: WriteSettings,
    file: CheckpointFile | None,
) -> WriteReport:
    begun, patience = time.monotonic(), settings.patience(connection.timeout)
    backend = open_backend(connection)
    settings.jobs.check(shared_memory_only=backend.capabilities.shared_memory_only)
    carried = {secret.label: secret for secret in connection.secrets} | {"retry": settings.policy}
    settings.jobs_for(parallel=backend.capabilities.parallel).check_tasks(carried)
    refuse_unsupported(write, backend)
    info = find_for_writing(connection, name, patience)
    if info is None:
        refuse_missing(connection, name, write.if_missing, patience, write.verb)
    elif write.check is not None:
        write.check(info)
    roles, batches = _look(source, write.roles, info, None if file is None else file.seed)
    ledger, checkpoint = Ledger(), None
    if file is not None:
        said = described(connection.target, name, write.verb, write.options, roles, source.schema, settings)
        gone = partial(_gone, connection, write, info, patience)
        checkpoint = file.opened(said, roles, ledger, settings, gone, partial(_flush, backend, name))
    keep_ids = source.length is not None or settings.return_ids
    inspection = Inspection(roles, ledger, settings, write.null_vectors, keep_ids, checkpoint)
    parts = _checked(inspection, batches, in_memory=source.length is not None)
    if checkpoint is not None:
        checkpoint.start()
    created = info is None and create_missing(connection, name, roles, patience)
    rows = batch_rows(write, info, settings)
    enough = _enough(parts, ledger, settings.max_failures)
    feed = feed_of(name, backend, ledger, write.operation, rows, settings, recurring=source.length is None)
    with Held() as interrupts:
        with ProgressMeter(settings.progress, source.length, f"{write.verb} {name}") as meter:
            heard = None if checkpoint is None else checkpoint.keep_up
            waves = feed.waves(enough)
            ending = send(connection, backend, name, waves, ledger, settings, patience, meter, interrupts, info, heard)
        if inspection.complete and source.length is None and not ledger.length:
            log.warning("stream without rows", extra={"collection": name, "detail": "was it read before?"})
        resumed = 0
        if checkpoint is not None:
            checkpoint.finish(ending)
            resumed = checkpoint.resumed
        call = Call(
            write.verb,
            name,
            connection.target,
            backend.capabilities.transport,
            created,
            source.library,
            source.index,
            resumed=resumed,
            complete=inspection.complete,
            identify=identified(roles.id),
        )
        return conclude(call, ledger, inspection.ids, ending, settings, interrupts, time.monotonic() - begun)


def refuse_unsupported(write: FrameWrite, backend: Backend) -> None:
    """Raise for a server too old for what the caller says, before anything is looked at; what values ask for is seen
    batch by batch.

    Raises
    ------
    UnsupportedError
    OptionError
        For a filter that the wire has no word for.
    """
    nothing = Points(Ids(np.empty(0, dtype=np.uint64)), {}, empty_columns(0), range(0))
    operation = write.operation(nothing)
    refused = None if operation is None else too_old(operation_needs(operation), backend.capabilities.version)
    if refused is not None:
        raise_fault(refused)
    if operation is not None and operation.conditional:
        # What a wire has no word for in a filter is told now.
        backend.prepare(Batch(write.verb, (operation,)), WriteOptions())


def _gone(connection: Connection, write: FrameWrite, info: CollectionInfo | None, patience: Patience) -> str:
    """How it is known that the collection does not have what was written; empty when it may have it.

    A collection that was made anew passes for the one before; it is found out while it is empty.
    """
    if info is None:
        return "does not exist any more"
    # A server says about how many there are: none is worth a question. What is logged is still to come.
    if not write.stays or info.points or info.queue:
        return ""
    points = answer(open_backend(connection), Count(info.name), connection, info.name, patience)
    return "" if points else "has no points: it was emptied, or dropped and made anew"


def _flush(backend: Backend, name: str) -> None:
    fault = backend.flush(name)
    if fault is not None:
        raise_fault(fault, collection=name)


def _look(
    source: Source, options: RoleOptions, info: CollectionInfo | None, seed: int | None = None
) -> tuple[Roles, Iterator[pa.RecordBatch]]:
    """The roles of the columns, and the rows with just the columns that have one.

    A stream can be read only once, so its rows come with all columns.
    """
    sample, begun = sampled(source)
    roles = resolve(source.schema, options, info=info, sample=sample, length=source.length, seed=seed)
    check_shard_key(roles.shard_key, info)
    return roles, rows_of(source, begun, roles.columns)


def batch_rows(write: FrameWrite, info: CollectionInfo | None, settings: WriteSettings) -> int:
    """Rows in a request, at most: what the caller says, what fits the verb, and what strict mode allows."""
    rows = settings.batch_size or write.rows
    if info is None:
        return rows
    most = info.strict.get("upsert_max_batchsize") if write.counted else None
    return rows_within(min(rows, int(most)) if most else rows, info.strict.get("write_rate_limit"))


def _checked(inspection: Inspection, batches: Iterator[pa.RecordBatch], *, in_memory: bool) -> Iterator[Checked]:
    """Checked parts: all of them before anything is sent, or of a stream the first, before anything is created."""
    if in_memory:
        return iter(inspection.whole(batches))
    parts = inspection.each(batches)
    first = next(parts, None)
    return parts if first is None else chain([first], parts)


def _enough(parts: Iterator[Checked], ledger: Ledger, most: int | None) -> Iterator[Checked]:
    """Parts of a stream until more rows have failed than the caller allows: it may be endless, and all bad."""
    for part in parts:
        yield part
        if ledger.failed_more(most):
            return
