"""A write by filter, top to bottom: one operation on all points that a Qdrant filter selects, reported as one row."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from qframe.administration import find_for_writing
from qframe.backends.opening import open_backend
from qframe.columns.check import check_payload, unsupported
from qframe.connection import Connection
from qframe.delivery.interrupts import Held
from qframe.delivery.ledger import Ledger
from qframe.errors import FrameError, OptionError
from qframe.frames.objects import objects_to_arrow
from qframe.frames.source import Opaque
from qframe.model.bad import first_bad, shown
from qframe.model.batch import Batch
from qframe.model.libraries import usual
from qframe.model.operations import Matching, Operation
from qframe.model.requests import CollectionInfo, Filter
from qframe.planning.exactly import exact_filter
from qframe.planning.filtering import is_filter, selective
from qframe.planning.options import ReadSettings
from qframe.report import WriteReport
from qframe.write.create import refuse_missing
from qframe.write.ending import Call, conclude
from qframe.write.feed import side_by_side
from qframe.write.flow import send
from qframe.write.frame import write_frame
from qframe.write.options import WriteSettings
from qframe.write.progress import ProgressMeter
from qframe.write.resolve import check_shard_key, check_sharding
from qframe.write.roles import RoleOptions
from qframe.write.verbs import TargetWrite

_ROWS = ("duplicates", "missing", "checkpoint", "return_ids")
_BATCHES = ("n_jobs", "backend", "batch_size", "batch_bytes", "order", "max_failures")
"""Options of delivery that one request has no use for; in a `qframe.batch` they are those of all operations."""


@dataclass(frozen=True, slots=True)
class Choice:
    """Which points a write is about, where no frame says it.

    Parameters
    ----------
    filter : object
    schema_overrides : object
        Types of columns that the filter looks at.
    """

    filter: Any = None
    schema_overrides: Any = None


def write_either(
    connection: Connection, name: str, data: Any, choice: Choice, write: TargetWrite, settings: WriteSettings
) -> WriteReport:
    """Do what `write` says with the rows of a frame, or with the points that a filter selects.

    Raises
    ------
    OptionError
        For both, or neither.
    """
    if by_frame(data, choice, write):
        return write_frame(connection, name, data, write, settings)
    return write_matching(connection, name, choice, write, settings)


def by_frame(data: Any, choice: Choice, write: TargetWrite) -> bool:
    """Whether the rows of a frame are meant, and not the points that a filter selects.

    Raises
    ------
    OptionError
        For both, or neither, and for a filter in the place of a frame.
    """
    if data is not None and choice.filter is not None:
        raise OptionError(f"{write.verb}: a frame and filter= exclude each other; one says which points are meant.")
    if choice.filter is not None:
        return False
    if data is not None and is_filter(data):
        raise OptionError(
            f"{write.verb}: an object of type {type(data).__name__} is no frame. The points that a filter matches are "
            f"filter=…, by name: {write.verb}(filter=…)."
        )
    if choice.schema_overrides is not None:
        raise OptionError(f"{write.verb}: schema_overrides= is about the columns of a filter=, and there is none.")
    if data is None:
        raise OptionError(
            f"{write.verb}: which points? Give a frame with their ids, or filter=; filter={{}} are all points."
        )
    if isinstance(write.roles.payload, Mapping):
        raise OptionError("payload= is a mapping with filter=; with a frame it names columns, payload=['price'].")
    return True


def write_matching(
    connection: Connection, name: str, choice: Choice, write: TargetWrite, settings: WriteSettings
) -> WriteReport:
    """Do with the points that a filter selects what `write` says."""
    begun, patience = time.monotonic(), settings.patience(connection.timeout)
    _refuse(_unusual(settings, _BATCHES))
    operation = matching(connection, name, choice, write, settings)
    backend = open_backend(connection)
    info = find_for_writing(connection, name, patience)
    if info is None:
        refuse_missing(connection, name, "raise", patience, write.verb)
    else:
        check_matching(write, info)
    batch = Batch(name, (operation,))
    # What a wire has no word for in a filter is told before anything is sent.
    backend.prepare(batch, settings.request(connection.timeout))
    ledger = Ledger()
    ledger.add_rows(1)
    waves = side_by_side([batch])
    with Held() as interrupts:
        with ProgressMeter(settings.progress, 1, f"{write.verb} {name}") as meter:
            ending = send(connection, backend, name, waves, ledger, settings, patience, meter, interrupts, info)
        transport = backend.capabilities.transport
        call = Call(write.verb, name, connection.target, transport, False, usual(), None, by_filter=1)
        return conclude(call, ledger, None, ending, settings, interrupts, time.monotonic() - begun)


def matching(
    connection: Connection, name: str, choice: Choice, write: TargetWrite, settings: WriteSettings, row: int = 0
) -> Operation:
    """The operation on the points that a filter selects, reported as `row`.

    Raises
    ------
    OptionError
        Options that speak of the rows of a frame; a filter that is none, that selects every point by accident, or an
        expression that the server cannot evaluate exactly.
    FrameError
        A value that cannot be payload.
    """
    roles = write.roles
    _check_options(roles, settings)
    looking = ReadSettings(
        schema_overrides=choice.schema_overrides,
        shard_key=roles.shard_key,
        timeout=settings.timeout,
        deadline=settings.deadline,
        retry=settings.retry,
    )
    chosen = _selecting(connection, name, choice.filter, write.verb, looking)
    payload = one_row(roles.payload, roles.above) if roles.takes == "payload" else None
    return write.operation(Matching(chosen, payload, range(row, row + 1), roles.shard_key))


def check_matching(write: TargetWrite, info: CollectionInfo) -> None:
    """Raise when what a write by filter asks for is not in the collection."""
    check_sharding(write.roles.shard_key, info)
    check_shard_key(write.roles.shard_key, info)
    if write.check is not None:
        write.check(info)


def _check_options(roles: RoleOptions, settings: WriteSettings) -> None:
    """Raise for options that speak of the rows of a frame and are not as they usually are."""
    given = {name: getattr(roles, name) for name in ("id", "id_from", "namespace") if getattr(roles, name) is not None}
    _refuse(given | _unusual(settings, _ROWS))


def _unusual(settings: WriteSettings, names: Iterable[str]) -> dict[str, Any]:
    """The settings among these that are not as they usually are."""
    usual = WriteSettings()
    return {name: getattr(settings, name) for name in names if getattr(settings, name) != getattr(usual, name)}


def _refuse(given: Mapping[str, Any]) -> None:
    for name, value in given.items():
        raise OptionError(
            f"{name}={shown(value)}: is about the rows of a frame, and with filter= there is none, and one request."
        )


def _selecting(connection: Connection, name: str, given: Any, verb: str, looking: ReadSettings) -> Filter:
    """The filter of a write; one without a condition only where it is written as {}."""
    way_out = (
        f"Two steps do it: found = collection.scan(filter=…).select('id').collect(), then collection.{verb}(found, …)."
    )
    chosen = exact_filter(connection, name, given, verb, looking, way_out)
    if chosen is None or not (selective(chosen) or given == {}):
        raise OptionError(
            f"filter={shown(given)}: has no condition and selects every point. If that is meant, write filter={{}}."
        )
    return chosen


def one_row(payload: Any, above: int) -> pa.RecordBatch:
    """The keys and values of a mapping as one row, checked as columns are.

    Raises
    ------
    OptionError
        It is no mapping of text to values, or empty.
    FrameError
        A value that cannot be payload; the error names the key.
    """
    if not isinstance(payload, Mapping) or not payload:
        raise OptionError(
            f"payload={shown(payload)}: with filter= a mapping of keys to values, payload={{'price': 3}}."
        )
    columns = {}
    for key, value in payload.items():
        if not isinstance(key, str):
            raise OptionError(f"payload=: the key {shown(key)} is not text.")
        columns[key] = _checked(key, value, above)
    return pa.RecordBatch.from_pydict(columns)


def _checked(key: str, value: object, above: int) -> pa.Array:
    found = objects_to_arrow([value])
    if isinstance(found, Opaque):
        raise _about(key, value, str(found.error(key)).removeprefix(f"column {key!r}"))
    array = found.combine_chunks() if isinstance(found, pa.ChunkedArray) else found
    error = unsupported(key, array.type, above)
    if error is not None:
        raise _about(key, value, str(error).removeprefix(f"column {key!r}"))
    bad = check_payload(key, array)
    if bad:
        worst = first_bad(bad)
        raise _about(key, value, f": found {shown(worst.values[0])}: {worst.message}. {worst.way_out}")
    return array


def _about(key: str, value: object, text: str) -> FrameError:
    return FrameError(f"payload[{key!r}]{text}", column=key, value=value)
