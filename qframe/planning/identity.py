"""Which ids the rows of a frame have: a column, made from the values of columns, or random. For writes and reads."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from qframe.columns.ids import parse_ids
from qframe.columns.made_ids import NAMESPACE, ids_from, random_ids
from qframe.errors import FrameError, OptionError
from qframe.model.bad import Bad, shown
from qframe.model.ids import Ids
from qframe.model.spelling import listed
from qframe.vectors.names import check_column

RANDOM = "uuid4"
"""The `id` that asks for random ids."""

_WAYS = "Name the column, id='…'; or make ids from the values of columns, id_from=['…']"
_THREE_WAYS = f"{_WAYS}; or take random ones, id='uuid4' (running it twice then doubles the collection)."


@dataclass(frozen=True, slots=True)
class IdColumn:
    """Ids are in a column."""

    column: str

    @property
    def columns(self) -> tuple[str, ...]:
        return (self.column,)


@dataclass(frozen=True, slots=True)
class IdsFrom:
    """Ids are UUIDv5 of the values of columns."""

    columns: tuple[str, ...]
    namespace: uuid.UUID


@dataclass(frozen=True, slots=True)
class RandomIds:
    """Ids are random; the same seed makes the same ids for the same row numbers."""

    seed: int

    @property
    def columns(self) -> tuple[str, ...]:
        return ()


IdRole = IdColumn | IdsFrom | RandomIds


def id_role(
    schema: pa.Schema,
    id: Any,  # noqa: A002 - the option's name
    id_from: Sequence[str] | None,
    namespace: uuid.UUID | None,
    *,
    new: bool,
    seed: int | None = None,
) -> IdRole:
    """Where the ids of a frame come from.

    Parameters
    ----------
    schema : pyarrow.Schema
        All columns of the frame.
    id, id_from, namespace :
        As the caller said; see `Collection.upsert`.
    new : bool
        Whether the verb makes points: only these can have random ids.
    seed : int, optional
        Of random ids, 0 … 2^128 - 1; default: drawn from the system.

    Raises
    ------
    FrameError
        A column that is not there.
    OptionError
        Options that make no sense or exclude each other.
    """
    if id is not None and id_from is not None:
        raise OptionError(f"id={id!r} and id_from={id_from!r} exclude each other.")
    if namespace is not None and id_from is None:
        raise OptionError("namespace= is for id_from=, which is not given.")
    if id_from is not None:
        return ids_from_role(schema, id_from, namespace)
    if id is None:
        if "id" in schema.names:
            return IdColumn("id")
        raise FrameError(_no_id(schema, _THREE_WAYS if new else f"{_WAYS}."))
    if not isinstance(id, str):
        raise OptionError(f"id={shown(id)}: the name of a column, or 'uuid4'. Ids are a column of the frame.")
    if id == RANDOM:
        if not new:
            raise OptionError("id='uuid4' makes ids for new points, and only upsert makes points. Name the id column.")
        if RANDOM in schema.names:
            raise FrameError(
                "id='uuid4' asks for random ids, and the frame has a column 'uuid4'. Rename the column.", column=RANDOM
            )
        return RandomIds(secrets.randbits(128) if seed is None else seed)
    return IdColumn(check_column(id, schema.names, "id="))


def _no_id(schema: pa.Schema, ways: str) -> str:
    other = next((name for name in schema.names if name.lower().strip("_") == "id"), None)
    hint = f" Did you mean id={other!r}?" if other else ""
    return f"the frame has no column 'id', it has {listed(schema.names) or 'none at all'}.{hint} {ways}"


def ids_from_role(schema: pa.Schema, id_from: Sequence[str], namespace: uuid.UUID | None) -> IdsFrom:
    """Ids made of the values of columns; the errors are those of `id_role`."""
    if not isinstance(id_from, str | list | tuple):
        raise OptionError(f"id_from={shown(id_from)}: a list of column names, for example ['sku', 'region'].")
    names = [id_from] if isinstance(id_from, str) else list(id_from)
    if not names:
        raise OptionError("id_from=[]: no column is named.")
    if namespace is not None and not isinstance(namespace, uuid.UUID):
        raise OptionError(f"namespace={shown(namespace)}: a uuid.UUID.")
    for name in names:
        check_column(name, schema.names, "id_from=")
    if len(set(names)) < len(names):
        raise OptionError(f"id_from={names!r}: a column is named twice.")
    return IdsFrom(tuple(names), namespace or NAMESPACE)


def read_ids(batch: pa.RecordBatch, role: IdRole, first_row: int, *, new: bool = True) -> tuple[Ids, list[Bad]]:
    """The ids of the rows of a record batch, and the rows that have none; errors as of `parse_ids` and `ids_from`.

    Parameters
    ----------
    batch : pyarrow.RecordBatch
        At least the columns of the role.
    role : IdRole
    first_row : int
        The caller's number of the first row.
    new : bool
        Whether points may be made of these ids.
    """
    match role:
        case IdColumn(column):
            return parse_ids(batch.column(column), column, first_row, new=new)
        case IdsFrom(columns, namespace):
            return ids_from({name: batch.column(name) for name in columns}, namespace, first_row)
        case RandomIds(seed):
            return random_ids(batch.num_rows, seed, first_row), []
