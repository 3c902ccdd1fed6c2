"""The values under a payload key and how many points have each."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
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
from qframe.model.options import as_whole, check_flag
from qframe.model.outcome import Fault
from qframe.model.paths import as_path, payload_path, steps
from qframe.model.requests import CollectionInfo, Facet, Filter
from qframe.model.schema import Field, family
from qframe.planning.exactly import exact_filter
from qframe.planning.options import ReadSettings
from qframe.planning.plan import Plan, make_plan, similar
from qframe.reading.read import library_of

INDEX_TYPES: dict[str, pa.DataType] = {
    "keyword": pa.large_string(),
    "uuid": pa.large_string(),
    "integer": pa.int64(),
    "bool": pa.bool_(),
}
"""Indexes that know the values of their key, and the type of these."""

_BRACKETS = re.compile(r"\[[0-9]*\]")


def facet(
    connection: Connection,
    name: str,
    key: str,
    limit: int,
    exact: bool,
    settings: ReadSettings,
    frame: str | None,
    dtype_backend: Any,
) -> Any:
    """The most frequent values, of the points that the settings' filter matches, as a frame: value, count."""
    library = library_of(frame, dtype_backend)
    path = as_path(key, "facet: key")
    limit = as_whole("limit", limit, "a number of values above 0")
    check_flag("exact", exact)
    pushed: Filter | None = exact_filter(connection, name, settings.filter, "facet", settings)
    backend = open_backend(connection)
    request = Facet(name, path, pushed, limit, exact, settings.shard_key)
    patience = Patience.starting_now(RetryPolicy(), connection.timeout, None)
    hits = ask(partial(_answer, backend, request), patience, name)
    if hits is None:
        # What there is; the caller's own schema is about the filter.
        plan = make_plan(connection, backend, name, replace(settings, schema=None, schema_overrides=None))
        raise _no_key(plan, path) or _no_index(plan.info, path, index_call(connection, name, path, "keyword"))
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


def _no_key(plan: Plan, path: str) -> OptionError | None:
    """The error about a key that no point has, as far as is known; None where one has it."""
    info, known = plan.info, [known for item in plan.schema.payload for known in _paths(item)]
    if path in info.indexes or _bare(path) in map(_bare, known):
        return None
    way = steps(path) or []
    top = next((item for item in plan.schema.payload if way and item.name == way[0][0]), None)
    if top is not None and family(top.dtype) not in ("list", "struct"):
        return None  # what its values hold is not known
    if any(payload_path(item.column) == path for item in plan.schema.vectors):
        return OptionError(f"facet({path!r}): {path!r} is a vector; a facet is of the values under a payload key.")
    meant = similar(path, known)
    if plan.sampled is None:
        return OptionError(f"facet({path!r}): no point of {info.name!r} has that key{meant}")
    return OptionError(
        f"facet({path!r}): no point of the sample ({plan.sampled:,} of {info.points:,} in {info.name!r}) has that key, "
        f"and there is no payload index on it, which knows the values and counts them{meant}"
    )


def _paths(field: Field) -> Iterator[str]:
    """The paths of a payload column and of what is in it."""
    path = payload_path(field.name)
    return iter(()) if path is None else _inside(path, field.dtype)


def _inside(path: str, dtype: pa.DataType) -> Iterator[str]:
    yield path
    kind = family(dtype)
    if kind == "list":
        yield from _inside(f"{path}[]", dtype.value_type)
    elif kind == "struct":
        for item in dtype:
            step = payload_path(item.name)
            if step is not None:
                yield from _inside(f"{path}.{step}", item.type)


def _bare(path: str) -> str:
    """A path whichever elements of lists it names."""
    return _BRACKETS.sub("", path)


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
