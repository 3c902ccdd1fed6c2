"""The values under a payload key and how many points have each."""

from __future__ import annotations

from functools import partial
from typing import Any

import pyarrow as pa

from qframe.administration import index_call
from qframe.administration import info as describe
from qframe.backends.opening import open_backend
from qframe.backends.wording import unfaceted
from qframe.connection import Connection
from qframe.delivery.ask import Patience, ask
from qframe.delivery.policy import RetryPolicy
from qframe.errors import OptionError
from qframe.frames.results import render
from qframe.model.backend import Backend
from qframe.model.options import check_flag, check_positive
from qframe.model.outcome import Fault
from qframe.model.paths import as_path
from qframe.model.points import ShardKey
from qframe.model.requests import CollectionInfo, Facet, Filter
from qframe.planning.exactly import exact_filter
from qframe.reading.read import library_of

INDEX_TYPES: dict[str, pa.DataType] = {
    "keyword": pa.large_string(),
    "uuid": pa.large_string(),
    "integer": pa.int64(),
    "bool": pa.bool_(),
}
"""Indexes that know the values of their key, and the type of these."""


def facet(
    connection: Connection,
    name: str,
    key: str,
    filter: Any,  # noqa: A002 - Qdrant's word
    limit: int,
    exact: bool,
    shard_key: ShardKey | None,
    frame: str | None,
    dtype_backend: Any,
) -> Any:
    """The most frequent values as a frame: value, count."""
    library = library_of(frame, dtype_backend)
    path = as_path(key, "facet: key")
    if limit is None:
        raise OptionError("limit=None: a number of values above 0.")
    check_positive("limit", limit, int, "values")
    check_flag("exact", exact)
    pushed: Filter | None = exact_filter(connection, name, filter, "facet")
    backend = open_backend(connection)
    request = Facet(name, path, pushed, limit, exact, shard_key)
    patience = Patience.starting_now(RetryPolicy(), connection.timeout, None)
    hits = ask(partial(_answer, backend, request), patience, name)
    if hits is None:
        raise _no_index(describe(connection, name), path, index_call(connection, name, path, "keyword"))
    values, counts = zip(*hits, strict=True) if hits else ((), ())
    # Without a value the index says what they would be; with one, the values do: it may be gone by now.
    dtype = None if hits else INDEX_TYPES.get(describe(connection, name).indexes.get(path, ""), pa.large_string())
    found = pa.table({"value": _column(values, dtype), "count": pa.array(counts, type=pa.uint64())})
    return render(found, library, dtype_backend)


def _answer(backend: Backend, request: Facet, seconds: float) -> list[tuple[str | int | bool, int]] | Fault | None:
    """What was found; None where no index can tell."""
    found = backend.admin(request, seconds)
    return None if isinstance(found, Fault) and unfaceted(found.message) else found


def _column(values: tuple[Any, ...], dtype: pa.DataType | None) -> pa.Array:
    array = pa.array(values, type=dtype)
    return array.cast(pa.large_string()) if pa.types.is_string(array.type) else array


def _no_index(info: CollectionInfo, path: str, call: str) -> OptionError:
    types = ", ".join(map(repr, INDEX_TYPES))
    kind = info.indexes.get(path)
    if kind is None:
        return OptionError(
            f"facet({path!r}): {info.name!r} has no payload index on it, which knows the values and counts them. "
            f"Make one: {call}, or of the type of the values ({types})."
        )
    return OptionError(
        f"facet({path!r}): the payload index on it, of the type {kind!r}, does not know the values one by one, as one "
        f"of {types} does. Where the values are of such a type, make that index: {call}; else count them in a frame "
        "that is read."
    )
