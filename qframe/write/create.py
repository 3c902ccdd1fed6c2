"""Makes collections: from a frame by name, and on the way to the first upsert."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal

import pyarrow as pa

from qframe.administration import Change, create_index, drop, find, names
from qframe.connection import Connection
from qframe.delivery.ask import Patience
from qframe.errors import CollectionExistsError, CollectionNotFoundError, OptionError
from qframe.frames.opening import open_source
from qframe.model.options import check_word
from qframe.model.requests import Create
from qframe.model.spelling import near_miss
from qframe.planning.identity import RandomIds
from qframe.vectors.types import sample_columns
from qframe.write.collection_config import collection_config, payload_indexes, same_configuration
from qframe.write.resolve import resolve_vectors
from qframe.write.roles import Roles

log = logging.getLogger("qframe")

IfMissing = Literal["create", "raise"]
IfExists = Literal["raise", "ignore", "replace"]


def refuse_missing(
    connection: Connection, name: str, if_missing: IfMissing, patience: Patience, verb: str = "upsert"
) -> None:
    """Refuse a name that no collection has, unless it is to be made and is no probable slip.

    Raises
    ------
    CollectionNotFoundError
    """
    existing = names(connection, patience)
    meant = near_miss(name, existing)
    there = f"; there are {', '.join(map(repr, existing))}" if existing else "; there is none yet"
    if verb != "upsert":
        slip = f" Did you mean {meant!r}?" if meant else ""
        raise CollectionNotFoundError(
            f"collection {name!r} does not exist{there}.{slip} {verb} is for points that are there; upsert makes "
            "points and collections.",
            collection=name,
        )
    if meant is not None:
        raise CollectionNotFoundError(
            f"collection {name!r} does not exist, and the name is very like that of {meant!r}. If {name!r} is meant, "
            f"make it first: qf.collection({name!r}, connection=…).create_collection(frame).",
            collection=name,
        )
    if if_missing == "raise":
        raise CollectionNotFoundError(
            f"collection {name!r} does not exist{there}. upsert(if_missing='create') makes it from the frame, unless "
            "only existing points are to be updated.",
            collection=name,
        )


def create_missing(connection: Connection, name: str, roles: Roles, patience: Patience) -> bool:
    """Make the collection that a frame's vectors need; False when another call made the same one meanwhile.

    Raises
    ------
    CollectionExistsError
        When another call made a different one meanwhile.
    """
    # A cluster takes its time to make one, whatever a caller allows a request that writes points.
    return _create(connection, name, collection_config(roles), replace(patience, timeout=connection.timeout))


def create_collection(
    connection: Connection,
    name: str,
    data: Any,
    *,
    vector: Any,
    distance: str | Mapping[str, str],
    indexes: Literal["auto"] | Mapping[str, Any] | None,
    on_disk: bool | None,
    datatype: str | None,
    quantization: Mapping[str, Any] | None,
    shard_number: int | None,
    replication_factor: int | None,
    if_exists: IfExists,
    config: Mapping[str, Any] | None,
) -> bool:
    """Make a collection with the vectors of a frame, and its payload indexes; see `Collection.create_collection`."""
    check_word("if_exists", if_exists, IfExists)
    if data is None and (vector is not None or config is None):
        raise OptionError(
            "create_collection without a frame: say what its vectors are in config=, for example "
            "config={'vectors': {'size': 384, 'distance': 'Cosine'}}; vector= chooses among the columns of a frame."
        )
    schema, roles = _look(data, vector)
    body = collection_config(
        roles,
        distance=distance,
        on_disk=on_disk,
        datatype=datatype,
        quantization=quantization,
        shard_number=shard_number,
        replication_factor=replication_factor,
        config=config,
    )
    wanted = payload_indexes(schema, roles, indexes)
    if find(connection, name) is not None:
        if if_exists == "raise":
            raise CollectionExistsError(
                f"collection {name!r} exists already. if_exists='ignore' leaves it as it is, if_exists='replace' "
                "removes it with all its points first."
            )
        if if_exists == "ignore":
            return False
        _rehearse(connection, name, body, wanted)
        drop(connection, name)
    return _make(connection, name, body, wanted)


def _make(connection: Connection, name: str, body: Mapping[str, Any], indexes: Mapping[str, Any]) -> bool:
    made = _create(connection, name, body)
    for field, kind in indexes.items():
        create_index(connection, name, field, kind)
    return made


def _rehearse(connection: Connection, name: str, body: Mapping[str, Any], indexes: Mapping[str, Any]) -> None:
    """Make the collection under another name and drop it: what the target refuses must not cost the old one."""
    other = f"{name[:200]}_rehearsal_{secrets.token_hex(4)}"
    try:
        _make(connection, other, body, indexes)
    finally:
        drop(connection, other)


def _look(data: Any, vector: Any) -> tuple[pa.Schema, Roles]:
    """The columns of a frame, and which of them are vectors; without a frame there are none."""
    if data is None:
        return pa.schema([]), Roles(RandomIds(0))
    source = open_source(data)
    wanted = sample_columns(source.schema)
    sample = next(iter(source.parts(wanted)), None) if wanted else None
    return source.schema, resolve_vectors(source.schema, vector, sample=sample, length=source.length)


def _create(connection: Connection, name: str, config: Mapping[str, Any], patience: Patience | None = None) -> bool:
    change, made = Change(connection, Create(name, config)), True
    try:
        change.answer(patience)
    except CollectionExistsError:
        # Somebody was faster. The same collection is as good as our own, and may be that.
        other = find(connection, name, patience)
        if other is None or not same_configuration(other, config):
            raise
        made = change.done_before
    if made:
        log.info("collection created", extra={"collection": name, "config": dict(config)})
    return made
