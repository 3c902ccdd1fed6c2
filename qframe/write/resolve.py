"""From the schema of a frame and what the caller said to `Roles`: which columns are id, vectors, payload, shard key.

Everything that the schema, a first stretch of rows and the collection's description can tell is decided and refused
here, before any row is looked at. Knows no dataframe library.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pyarrow as pa

from qframe.columns.check import unsupported
from qframe.columns.plain import is_text
from qframe.errors import FrameError, OptionError
from qframe.frames.source import opaque
from qframe.model.bad import shown
from qframe.model.points import ShardKey
from qframe.model.requests import CollectionInfo
from qframe.model.spelling import hint, listed
from qframe.planning.identity import IdColumn, IdRole, IdsFrom, RandomIds, id_role
from qframe.vectors.names import check_column
from qframe.vectors.roles import vector_roles
from qframe.vectors.types import Given, vector_like
from qframe.write.roles import RoleOptions, Roles, Takes


def resolve(
    schema: pa.Schema,
    options: RoleOptions,
    *,
    info: CollectionInfo | None = None,
    sample: pa.RecordBatch | None = None,
    length: int | None = None,
    seed: int | None = None,
) -> Roles:
    """What each column of a frame is for.

    Parameters
    ----------
    schema : pyarrow.Schema
        All columns of the frame.
    options : RoleOptions
        What the caller said.
    info : CollectionInfo, optional
        The collection, None where it is still to be made.
    sample : pyarrow.RecordBatch, optional
        The columns of `sample_columns(schema)` for a first stretch of rows.
    length : int, optional
        Rows of the frame; None for a stream.
    seed : int, optional
        Of random ids, 0 … 2^128 - 1; default: drawn from the system.

    Raises
    ------
    FrameError
        A column that is not there, cannot be what it is to be, is two things at once, or does not fit the collection.
    OptionError
        Options that make no sense or exclude each other.
    """
    names = schema.names
    ids = id_role(schema, options.id, options.id_from, options.namespace, new=options.takes == "points", seed=seed)
    shard_column, shard_key = _shard_key(schema, options.shard_key, info)
    claimed = _claimed(ids, shard_column)
    listed_payload = _listed_payload(schema, options.payload)
    given = Given(schema, info, sample, length)
    if options.takes == "vectors":  # which cannot do without
        given = replace(given, without="")
    taken = [*claimed, *(listed_payload or ()), *(ids.columns if isinstance(ids, IdsFrom) else ())]
    vectors = vector_roles(given, options.vector, taken)
    if options.takes == "vectors" and not vectors and length != 0:
        raise FrameError("no column is a vector to update. Name it: vector='column', or vector={'name': 'column'}.")
    used = dict.fromkeys((name for role in vectors for name in role.columns), "a vector")
    for name in used:
        if name in claimed:
            raise _two_roles(name, claimed[name], "a vector")
    claimed |= used
    payload = _payload(given, names, claimed, listed_payload, shard_column, options.takes)
    if options.takes == "payload" and not payload:
        raise FrameError(
            f"there is no payload to write: the frame has the columns {listed(names)}. Name those that are payload, "
            "payload=['…']; to remove payload there are delete_payload and clear_payload."
        )
    for name in payload:
        error = None if opaque(schema.field(name)) else unsupported(name, schema.field(name).type, options.above)
        if error is not None:
            raise error
    shard_keys, strict = (None, {}) if info is None else (info.shard_keys, info.strict)
    return Roles(ids, vectors, payload, shard_column, shard_key, shard_keys, _longest(strict))


def _longest(strict: Mapping[str, Any]) -> dict[str, int]:
    """How long vectors may be by strict mode, by name."""
    settings = (("sparse_config", "max_length"), ("multivector_config", "max_vectors"))
    limits = {(name, held.get(limit)) for key, limit in settings for name, held in (strict.get(key) or {}).items()}
    return {name: int(most) for name, most in limits if most is not None}


def resolve_vectors(
    schema: pa.Schema, vector: Any, *, sample: pa.RecordBatch | None = None, length: int | None = None
) -> Roles:
    """Roles for making a collection: vectors as `resolve` finds them, every other column but `id` is payload."""
    names = schema.names
    skipped = ["id"] if "id" in names else []
    vectors = vector_roles(Given(schema, None, sample, length), vector, skipped)
    used = {name for role in vectors for name in role.columns} | set(skipped)
    return Roles(RandomIds(0), vectors, tuple(name for name in names if name not in used))


def _claimed(ids: IdRole, shard_column: str | None) -> dict[str, str]:
    """Columns that have a role before vectors and payload are looked at, and what it is."""
    claimed = {ids.column: "the id"} if isinstance(ids, IdColumn) else {}
    if shard_column is not None:
        if shard_column in claimed:
            raise _two_roles(shard_column, "the id", "the shard key")
        claimed[shard_column] = "the shard key"
    return claimed


def _two_roles(name: str, one: str, other: str) -> FrameError:
    return FrameError(
        f"column {name!r} cannot be both {one} and {other}. Take it for one of them, or copy it under another name.",
        column=name,
    )


def _shard_key(
    schema: pa.Schema, shard_key: ShardKey | None, info: CollectionInfo | None
) -> tuple[str | None, ShardKey | None]:
    """The column of shard keys, or the one key of all rows."""
    check_sharding(shard_key, info)
    if not isinstance(shard_key, str) or shard_key not in schema.names:
        return None, shard_key
    dtype = schema.field(shard_key).type
    plain = dtype.value_type if pa.types.is_dictionary(dtype) else dtype
    if not (is_text(plain) or pa.types.is_integer(plain)):
        raise FrameError(
            f"column {shard_key!r}: {dtype} cannot be a shard key. Cast it to text or to integers.",
            column=shard_key,
            value=str(dtype),
        )
    return shard_key, None


def check_sharding(shard_key: ShardKey | None, info: CollectionInfo | None) -> None:
    """Raise for a shard key where there are none, and for none where there are.

    Raises
    ------
    OptionError
    """
    if shard_key is None:
        if info is not None and info.sharding == "custom":
            raise OptionError(
                f"the collection {info.name!r} has custom sharding: name the shard, shard_key='column' of a frame or "
                "a value for all."
            )
        return
    if isinstance(shard_key, bool) or not isinstance(shard_key, str | int):
        raise OptionError(f"shard_key={shown(shard_key)}: the name of a column, or text or an integer for all rows.")
    if info is not None and info.sharding != "custom":
        raise OptionError(f"shard_key={shard_key!r}: the collection {info.name!r} has no shard keys. Leave it out.")


def check_shard_key(shard_key: ShardKey | None, info: CollectionInfo | None) -> None:
    """Raise for one shard key for all rows that the collection does not have.

    Raises
    ------
    OptionError
    """
    if shard_key is None or info is None or info.shard_keys is None or shard_key in info.shard_keys:
        return
    there = f"it has {listed(info.shard_keys)}" if info.shard_keys else "it has none yet"
    texts = [key for key in info.shard_keys if isinstance(key, str)]
    meant = hint(shard_key, texts) if isinstance(shard_key, str) else ""
    raise OptionError(
        f"shard_key={shard_key!r}: the collection {info.name!r} has no such shard key, {there}.{meant} A new one is "
        "made with Qdrant's own API."
    )


def _listed_payload(schema: pa.Schema, payload: Any) -> tuple[str, ...] | None:
    """Payload columns as the caller named them; None for the default."""
    if payload is None or payload is True:
        return None
    if payload is False:
        return ()
    if isinstance(payload, str):
        payload = [payload]
    if type(payload).__module__.startswith("polars."):  # so polars is there
        from qframe.frames.polars_selectors import selected

        return selected(payload, schema)
    if not isinstance(payload, list | tuple | set | frozenset):
        raise OptionError(f"payload={shown(payload)}: a list of columns, a polars selector, or False for none.")
    names = [check_column(name, schema.names, "payload=") for name in payload]
    if len(set(names)) < len(names):
        raise OptionError(f"payload={names!r}: a column is named twice.")
    return tuple(names)


def _payload(
    given: Given,
    names: Sequence[str],
    claimed: dict[str, str],
    payload: tuple[str, ...] | None,
    shard_column: str | None,
    takes: Takes,
) -> tuple[str, ...]:
    """The payload columns. The shard key stays in the payload, since a scan finds it nowhere else."""
    if payload is not None:
        for name in payload:
            if name in claimed and name != shard_column:
                raise _two_roles(name, claimed[name], "payload")
        return payload
    free = [name for name in names if name not in claimed or name == shard_column]
    for name in free:
        if vector_like(given, name):
            others = [other for other in free if other != name]
            way_out = "Say" if takes == "payload" else "Name it in vector=, or say"
            raise FrameError(
                f"column {name!r} looks like a vector ({given.schema.field(name).type}) and has no role. {way_out} "
                f"what is payload without it: payload={others!r}; named there it becomes a list.",
                column=name,
            )
    return tuple(free)
