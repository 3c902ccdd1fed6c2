"""A look at a frame against a collection, top to bottom as a write would go, which writes nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from dataclasses import replace
from functools import partial
from itertools import chain
from typing import Any

import numpy as np
import pyarrow as pa

from qframe.administration import answer, find_for_writing
from qframe.backends.faults import error_of
from qframe.backends.opening import open_backend
from qframe.backends.versions import operation_needs, too_old
from qframe.connection import Connection
from qframe.delivery.ask import Patience
from qframe.errors import CollectionNotFoundError, FrameError, ServerError, UnsupportedError
from qframe.frames.opening import open_source
from qframe.frames.source import Library, Opaque, Source, opaque, release
from qframe.model.backend import Backend
from qframe.model.libraries import usual
from qframe.model.operations import Operation
from qframe.model.paths import payload_path
from qframe.model.requests import CollectionInfo, Count
from qframe.model.spelling import listed
from qframe.vectors.sample import sampled
from qframe.vectors.types import Given, could_be_vector
from qframe.write.collection_config import collection_config
from qframe.write.create import refuse_missing
from qframe.write.cut import cut, group
from qframe.write.findings import Findings
from qframe.write.frame import FrameWrite, batch_rows, refuse_unsupported
from qframe.write.frame_check import FrameCheck
from qframe.write.gather import gathered
from qframe.write.index_fit import payload_types, unserved
from qframe.write.inspection import Inspection
from qframe.write.options import WriteSettings
from qframe.write.points import Checked, make_points
from qframe.write.relaxing import described, relaxed, without
from qframe.write.resolve import check_shard_key, resolve
from qframe.write.roles import RoleOptions, Roles
from qframe.write.upsert import UpsertOptions, upsert_write


def check(
    connection: Connection,
    name: str,
    data: Any,
    role_options: RoleOptions,
    options: UpsertOptions,
    settings: WriteSettings,
) -> FrameCheck:
    """What an upsert of a frame would come to; see `Collection.check`.

    Parameters
    ----------
    settings : WriteSettings
        With ``errors="report"``: a look goes on after what it finds.
    """
    try:
        write = upsert_write(connection, name, data, role_options, options, settings.duplicates)
        source = open_source(data)
    except FrameError as error:
        if error.column is None:  # no frame at all
            raise
        findings = Findings()
        findings.fault(error)
        return _found(connection, open_backend(connection), name, usual(), findings)
    try:
        return _check(connection, name, source, write, settings)
    finally:
        release(source)


def _check(connection: Connection, name: str, source: Source, write: FrameWrite, settings: WriteSettings) -> FrameCheck:
    patience = settings.patience(connection.timeout)
    backend = open_backend(connection)
    info = find_for_writing(connection, name, patience)
    findings = Findings()
    _look_at_target(connection, backend, write, info, patience, findings)
    refused = info is None and _is_refused(connection, name, write, patience, findings)
    columns, created = None, None
    sample, batches = sampled(source)
    roles, faults = relaxed(
        partial(resolve, source.schema, info=info, sample=sample, length=source.length),
        write.roles,
        Given(source.schema, info, sample, source.length),
    )
    for fault in faults:
        findings.fault(fault)
    if write.roles.shard_key not in source.schema.names:
        check_shard_key(write.roles.shard_key, info)
    if roles is not None:
        # Vectors that are at fault are not told by a collection without them.
        lost = write.roles.vector is not False and not roles.vectors and bool(faults)
        faulty = {fault.column for fault in faults}
        if lost:
            faulty |= {item.name for item in source.schema if could_be_vector(item.type)}
        columns = described(source.schema, roles, faulty)
        if info is None and not refused and not lost:
            created = _config(roles, findings)
        _survey(source, batches, _readable(source, roles, findings), write, info, backend, settings, findings)
        for key in roles.payload:
            if payload_path(key) is None:
                findings.warn(key, f"no filter and no index can name the payload key {key!r}", "Rename the column.")
        if info is not None:
            _compare(source.schema, roles, info, {fault.column for fault in faults}, findings)
    found = _found(connection, backend, name, source.library, findings)
    return replace(found, columns=columns, created=created)


def _look_at_target(
    connection: Connection,
    backend: Backend,
    write: FrameWrite,
    info: CollectionInfo | None,
    patience: Patience,
    findings: Findings,
) -> None:
    """Whether the target knows the mode, and can read an `update_filter`: that is told by a count with it.

    Not under strict mode, which may refuse a filter of a read and take it in a write.
    """
    try:
        refuse_unsupported(write, backend)
    except UnsupportedError as error:
        findings.fault(error)
        return
    given = write.options.get("update_filter")
    if given is None or info is None or info.strict:
        return
    try:
        answer(backend, Count(info.name, given, exact=False), connection, info.name, patience)
    except ServerError as error:
        if error.kind != "refused":
            raise
        findings.fault(error)


def _is_refused(connection: Connection, name: str, write: FrameWrite, patience: Patience, findings: Findings) -> bool:
    """Whether a collection that is missing would not be made."""
    try:
        refuse_missing(connection, name, write.if_missing, patience)
    except CollectionNotFoundError as error:
        findings.fault(error)
        return True
    return False


def _found(connection: Connection, backend: Backend, name: str, library: Library, findings: Findings) -> FrameCheck:
    return FrameCheck(
        collection=name,
        target=connection.target,
        transport=backend.capabilities.transport,
        library=library,
        rows=findings.length,
        bad=findings.length - findings.kept - findings.skipped,
        skipped=findings.skipped,
        nbytes=findings.nbytes,
        batches=findings.batches,
        found=findings.problems,
    )


def _config(roles: Roles, findings: Findings) -> Mapping[str, Any] | None:
    """The collection that the frame's vectors need."""
    try:
        return collection_config(roles)
    except (FrameError, UnsupportedError) as error:
        findings.fault(error)
        return None


def _readable(source: Source, roles: Roles, findings: Findings) -> Roles:
    """The roles without columns that Arrow has no type for."""
    for name in roles.columns:
        found = opaque(source.schema.field(name))
        less = None if found is None else without(roles, name)
        if found is None or less is None:
            continue
        try:
            if source.repeatable:
                source.parts([name])  # which knows the row
            raise Opaque(found, "Give the column one type, or leave it out.").error(name)
        except FrameError as error:
            findings.fault(error)
        roles = less
    return roles


def _survey(
    source: Source,
    batches: Iterator[pa.RecordBatch] | None,
    roles: Roles,
    write: FrameWrite,
    info: CollectionInfo | None,
    backend: Backend,
    settings: WriteSettings,
    findings: Findings,
) -> None:
    """Look at every row: what is bad in it, and what would be sent."""
    try:
        parts = source.parts(roles.columns) if batches is None else batches
        first = next(parts, None)
        if first is None:
            return
        roles = _fitting(first, roles, write, findings)
        inspection = Inspection(roles, findings, settings, write.null_vectors, keep_ids=False)
        every = chain([first], parts)
        checked = inspection.each(every) if source.length is None else gathered(inspection.whole(every))
        rows, nbytes = batch_rows(write, info, settings), settings.batch_bytes or backend.capabilities.batch_bytes
        for part in checked:
            findings.kept += len(part)
            _reckon(part, write, backend, rows, nbytes, findings)
    except FrameError as error:
        findings.fault(error)


def _fitting(first: pa.RecordBatch, roles: Roles, write: FrameWrite, findings: Findings) -> Roles:
    """The roles without columns that cannot have theirs, whatever their values."""
    while True:
        try:
            make_points(first, roles, null_vectors=write.null_vectors)
        except FrameError as error:
            less = without(roles, error.column)
            if less is None:
                raise
            findings.fault(error)
            roles = less
        else:
            return roles


def _reckon(part: Checked, write: FrameWrite, backend: Backend, rows: int, nbytes: int, findings: Findings) -> None:
    """What would be sent of a checked part."""
    able = backend.capabilities
    for points in group(part.points, part.shard_keys):
        operation = write.operation(points)
        if operation is None:
            continue
        refused = too_old(operation_needs(operation), able.version)
        if refused is not None:
            findings.fault(error_of(refused))
        for piece in cut(backend, operation, rows, nbytes):
            findings.batches += 1
            _weigh(piece, backend, able.byte_limit, findings)


def _weigh(piece: Operation, backend: Backend, limit: int | None, findings: Findings) -> None:
    sizes = backend.estimate(piece)
    if sizes is None:
        return
    findings.nbytes += int(sizes.sum())
    large = np.flatnonzero(sizes > limit) if limit is not None else np.empty(0, dtype=np.int64)
    if len(large):
        findings.rows(
            None,
            np.asarray(piece.rows)[large],
            f"{int(sizes[large[0]]):,} bytes",
            f"a row is a request at least, and the limit of one is {limit:,} bytes",
            "Split what the row holds, or leave some of it out.",
        )


def _compare(
    schema: pa.Schema, roles: Roles, info: CollectionInfo, faulty: Set[str | None], findings: Findings
) -> None:
    """What the collection has and the frame does not serve.

    `faulty` columns have a role no more, which is no second finding; nor is that there are no vectors when one is at
    fault.
    """
    given = {role.vector for role in roles.vectors}
    absent = [config.name for config in info.vectors if config.name not in given]
    if absent and (given or not faulty):
        what = "the unnamed vector" if absent == [""] else f"the vectors {listed(absent)}"
        findings.warn(
            None,
            f"the collection {info.name!r} has {what}, for which the frame has no column: the points have none, and "
            "those that are replaced lose theirs",
            "Name a column for it in vector=, or write the others with update_vectors.",
        )
    types = {path: (name, dtype) for name in roles.payload for path, dtype in payload_types(schema.field(name))}
    for path, index in sorted(info.indexes.items()):
        if path in faulty:
            continue
        if path not in types:
            findings.warn(
                None,
                f"the collection {info.name!r} has a payload index on {path!r}, for which the frame has no column",
                "Name the column so, or leave it as it is: filters on it do not find these points.",
            )
            continue
        column, dtype = types[path]
        why = unserved(index, dtype)
        if why is not None:
            findings.warn(
                column,
                f"the collection {info.name!r} has a payload index on {path!r}: {why}. Filters on it read every point",
                "Cast the column, or make another index.",
            )
