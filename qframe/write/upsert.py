"""Upsert: its own options, and the collection that it makes when there is none."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

from qframe.columns.dense import NullVectors
from qframe.connection import Connection
from qframe.errors import OptionError
from qframe.frames.schemas import Target, targets_in
from qframe.model.operations import StoredNulls, UpdateMode, Upsert
from qframe.model.options import check_word
from qframe.planning.exactly import exact_update_filter
from qframe.report import WriteReport
from qframe.write.create import IfMissing
from qframe.write.frame import FrameWrite, write_frame
from qframe.write.options import Duplicates, WriteSettings
from qframe.write.roles import RoleOptions


@dataclass(frozen=True, slots=True)
class UpsertOptions:
    """What `Collection.upsert` says beyond roles and delivery.

    Raises
    ------
    OptionError
        For a word that is not known.
    """

    nulls: StoredNulls = "omit"
    null_vectors: NullVectors = "raise"
    mode: UpdateMode = "upsert"
    update_filter: Any = None
    if_missing: IfMissing = "create"

    def __post_init__(self) -> None:
        check_word("nulls", self.nulls, StoredNulls)
        check_word("null_vectors", self.null_vectors, NullVectors)
        check_word("mode", self.mode, UpdateMode)
        check_word("if_missing", self.if_missing, IfMissing)


def upsert(
    connection: Connection,
    name: str,
    data: Any,
    role_options: RoleOptions,
    options: UpsertOptions,
    settings: WriteSettings,
) -> WriteReport:
    """Write the rows of a frame as points; see `Collection.upsert`."""
    write = upsert_write(connection, name, data, role_options, options, settings.duplicates)
    return write_frame(connection, name, data, write, settings)


def upsert_write(
    connection: Connection,
    name: str,
    data: Any,
    role_options: RoleOptions,
    options: UpsertOptions,
    duplicates: Duplicates,
) -> FrameWrite:
    """What an upsert does with a frame.

    Parameters
    ----------
    data : object
        The frame; only its schema is looked at, which says what an `update_filter` may look at.

    Raises
    ------
    OptionError
        ``duplicates="keep"`` where a row decides whether a later one of its id is written: of the rows of an id the
        server takes the last in a request and looks at what is stored before, so that the end would depend on how the
        rows are divided into requests; and for an `update_filter` that the server cannot evaluate exactly.
    """
    if duplicates == "keep" and options.mode == "insert_only":
        raise OptionError(
            "duplicates='keep' with mode='insert_only': after the first row of an id there is nothing to insert. "
            "duplicates='first' says so."
        )
    if duplicates == "keep" and options.update_filter is not None:
        raise OptionError(
            "duplicates='keep' with update_filter=: whether a row is written would depend on earlier rows of its id, "
            "which the server does not look at within a request. Let one row win: duplicates='first' or 'last'."
        )
    written = partial(_written, data, role_options.id)
    update_filter = exact_update_filter(connection, name, options.update_filter, "upsert", written)
    operation = partial(Upsert, mode=options.mode, nulls=options.nulls, update_filter=update_filter)
    # There is nothing to update in a collection that would be made now.
    if_missing = "raise" if options.mode == "update_only" else options.if_missing
    given = {"mode": options.mode, "nulls": options.nulls, "update_filter": update_filter}
    return FrameWrite(
        "upsert",
        role_options,
        operation,
        null_vectors=options.null_vectors,
        if_missing=if_missing,
        stays=options.mode != "update_only",
        options={**given, "null_vectors": options.null_vectors},
    )


def _written(data: Any, id_column: Any) -> dict[str, Target]:
    """The types of the columns that may become payload."""
    found = targets_in(data)
    found.pop(id_column if isinstance(id_column, str) else "id", None)
    return found
