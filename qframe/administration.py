"""Collections as a whole: which there are, what one is, dropping it, its payload indexes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from qframe.backends.opening import open_backend
from qframe.connection import Connection, is_default
from qframe.delivery.ask import Patience, ask
from qframe.delivery.policy import RetryPolicy
from qframe.errors import CollectionNotFoundError, OptionError
from qframe.model.backend import Backend
from qframe.model.outcome import Fault
from qframe.model.requests import (
    Admin,
    CollectionInfo,
    Create,
    CreateIndex,
    Describe,
    Drop,
    DropIndex,
    Exists,
    ListCollections,
    ListShardKeys,
)
from qframe.model.spelling import hint, listed

INDEX_TYPES = ("keyword", "integer", "float", "bool", "geo", "datetime", "text", "uuid")


def answer(
    backend: Backend, request: Admin, connection: Connection, collection: str = "", patience: Patience | None = None
) -> object:
    """The answer to an administrative request that may be asked again."""
    return ask(partial(backend.admin, request), patience or _usual(connection), collection)


class Change:
    """A request that makes or removes a collection, sent again when its answer is lost.

    Attributes
    ----------
    done_before : bool
        Whether an earlier request, whose answer was lost, may have done what the last one found done.
    """

    def __init__(self, connection: Connection, request: Create | Drop) -> None:
        self._connection, self._request = connection, request
        self._backend = open_backend(connection)
        self._in_doubt = self.done_before = False

    def answer(self, patience: Patience | None = None) -> bool:
        """Whether it is done, as the last answer has it; errors as of `ask`."""
        return bool(ask(self._send, patience or _usual(self._connection), self._request.collection))

    def _send(self, seconds: float) -> object:
        self.done_before = self._in_doubt
        found = self._backend.admin(self._request, seconds)
        self._in_doubt |= isinstance(found, Fault) and found.applied != "no"
        return found


def _usual(connection: Connection) -> Patience:
    return Patience.starting_now(RetryPolicy(), connection.timeout, None)


def names(connection: Connection, patience: Patience | None = None) -> list[str]:
    """Names of all collections, sorted."""
    found = answer(open_backend(connection), ListCollections(), connection, patience=patience)
    assert isinstance(found, list)  # noqa: S101 - the contract of ListCollections
    return sorted(found)


def exists(connection: Connection, name: str) -> bool:
    """Whether there is such a collection."""
    return bool(answer(open_backend(connection), Exists(name), connection, name))


def info(connection: Connection, name: str, patience: Patience | None = None) -> CollectionInfo:
    """What the collection is; CollectionNotFoundError when there is none."""
    found = find(connection, name, patience)
    if found is None:
        existing = names(connection, patience)
        hinted = hint(name, existing) or (f" There are {listed(existing)}." if existing else " There is none yet.")
        raise CollectionNotFoundError(
            f"collection {name!r} does not exist at {connection.target}.{hinted}", collection=name
        )
    return found


def find(connection: Connection, name: str, patience: Patience | None = None) -> CollectionInfo | None:
    """What the collection is, None when there is none."""
    try:
        found = answer(open_backend(connection), Describe(name), connection, name, patience)
    except CollectionNotFoundError:
        return None
    assert isinstance(found, CollectionInfo)  # noqa: S101 - the contract of Describe
    return found


def find_for_writing(connection: Connection, name: str, patience: Patience) -> CollectionInfo | None:
    """The same, with the shard keys where they are the caller's: a write under another one would be refused."""
    found = find(connection, name, patience)
    if found is None or found.sharding != "custom":
        return found
    keys = answer(open_backend(connection), ListShardKeys(name), connection, name, patience)
    assert isinstance(keys, list)  # noqa: S101 - the contract of ListShardKeys
    return replace(found, shard_keys=tuple(keys))


def drop(connection: Connection, name: str) -> bool:
    """Remove a collection; False when there was none."""
    change = Change(connection, Drop(name))
    return change.answer() or change.done_before


def create_index(connection: Connection, name: str, field: str, schema: str | Mapping[str, Any]) -> None:
    """Make a payload index."""
    kind = schema.get("type") if isinstance(schema, Mapping) else schema
    if kind not in INDEX_TYPES:
        raise OptionError(f"create_index({field!r}, {schema!r}): the type is one of {', '.join(INDEX_TYPES)}.")
    answer(open_backend(connection), CreateIndex(name, field, schema), connection, name)


def index_call(connection: Connection, name: str, field: str, schema: str | Mapping[str, Any]) -> str:
    """The call that makes a payload index, as a caller writes it; a connection that is not the default is `…`."""
    where = "" if is_default(connection) else ", connection=…"
    return f"qf.collection({_literal(name)}{where}).create_index({_literal(field)}, {_literal(schema)})"


def _literal(value: Any) -> str:
    """As it is written in Python, with double quotes."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_literal(key)}: {_literal(held)}" for key, held in value.items()) + "}"
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value)


def drop_index(connection: Connection, name: str, field: str) -> None:
    """Remove a payload index."""
    answer(open_backend(connection), DropIndex(name, field), connection, name)
