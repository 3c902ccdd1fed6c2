"""What each verb besides upsert does with the rows of a frame: its options, checked, as a `FrameWrite`."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Literal

from qframe.columns.check import DEEPEST
from qframe.columns.dense import NullVectors
from qframe.errors import FrameError, OptionError
from qframe.model.bad import shown
from qframe.model.operations import (
    ClearPayload,
    Delete,
    DeletePayload,
    DeleteVectors,
    Matching,
    Nulls,
    Operation,
    OverwritePayload,
    SetPayload,
    StoredNulls,
    Target,
    UpdateVectors,
)
from qframe.model.options import check_word
from qframe.model.paths import as_path, levels
from qframe.model.points import Points
from qframe.model.requests import CollectionInfo
from qframe.model.spelling import hint, listed
from qframe.write.frame import FrameWrite
from qframe.write.payload_groups import Codes, grouped
from qframe.write.roles import RoleOptions, Takes

SetNulls = Literal["remove", "skip"]

_ELEMENT = re.compile(r"\[[0-9]+\]$")

LIGHT_ROWS = 100_000
"""Rows in a request, at most, of verbs without vectors: a row is then an id, and a payload that others may share."""

_SET_NULLS: dict[str, Nulls] = {"remove": "remove", "skip": "omit"}


@dataclass(frozen=True, slots=True, eq=False)
class TargetWrite(FrameWrite):
    """What a verb does with the rows of a frame, or with the points that a filter selects.

    Parameters
    ----------
    operation : callable
        Points or Matching → the operation on them.
    """

    operation: Callable[[Target], Operation]


def update_vectors(roles: RoleOptions, null_vectors: NullVectors = "raise") -> FrameWrite:
    """Replace vectors of points; rows without any have nothing to do."""
    check_word("null_vectors", null_vectors, NullVectors)
    if roles.vector is False:
        raise OptionError("update_vectors(vector=False): there is nothing to update. Name the vectors.")
    roles = replace(roles, takes="vectors", payload=False)
    options = {"null_vectors": null_vectors}
    return FrameWrite("update_vectors", roles, _vectors, null_vectors=null_vectors, options=options)


def _vectors(points: Points) -> Operation | None:
    return UpdateVectors(points) if points.vectors else None


def set_payload(roles: RoleOptions, key: str | None = None, nulls: SetNulls = "remove") -> TargetWrite:
    """Merge columns into the payload of points."""
    check_word("nulls", nulls, SetNulls)
    path = None if key is None else as_path(key, "key=")
    above = 0 if path is None else levels(path)
    if above > DEEPEST:
        raise OptionError(f"key={shown(path)}: leads {above} levels deep, and a payload has {DEEPEST} at most.")
    operation, roles = partial(_set, path, _SET_NULLS[nulls]), replace(roles, above=above)
    return _light("set_payload", roles, operation, takes="payload", options={"key": path, "nulls": nulls})


def _set(key: str | None, nulls: Nulls, target: Target) -> Operation:
    return SetPayload(*_grouped(target), key=key, nulls=nulls)


def overwrite_payload(roles: RoleOptions, nulls: StoredNulls = "omit") -> TargetWrite:
    """Replace the whole payload of points."""
    check_word("nulls", nulls, StoredNulls)
    options = {"nulls": nulls}
    return _light("overwrite_payload", roles, partial(_overwrite, nulls), takes="payload", options=options)


def _overwrite(nulls: StoredNulls, target: Target) -> Operation:
    return OverwritePayload(*_grouped(target), nulls=nulls)


def _grouped(target: Target) -> tuple[Target, Codes | None]:
    return (target, None) if isinstance(target, Matching) else grouped(target)


def delete_payload(roles: RoleOptions, keys: str | Sequence[str]) -> TargetWrite:
    """Remove keys from the payload of points."""
    paths = tuple(as_path(key, "keys=") for key in _several("keys", keys, "'price' or ['a', 'b']"))
    for path in paths:
        if _ELEMENT.search(path):
            raise OptionError(
                f"keys=: {path!r} is one element of a list, which the server passes over without a word (a second try "
                "would remove another one). '[]' in its place empties the list; set_payload writes another list."
            )
    return _light("delete_payload", roles, partial(DeletePayload, keys=paths), options={"keys": paths})


def clear_payload(roles: RoleOptions) -> TargetWrite:
    """Remove the whole payload of points."""
    return _light("clear_payload", roles, ClearPayload)


def delete_vectors(roles: RoleOptions, vectors: str | Sequence[str]) -> TargetWrite:
    """Remove vectors from points."""
    names = _several("vectors", vectors, "'dense', ['a', 'b'], or '' for the unnamed vector")
    for name in names:
        if not isinstance(name, str):
            raise OptionError(f"vectors=: found {name!r}, not the name of a vector.")
    write = _light("delete_vectors", roles, partial(DeleteVectors, vectors=names), options={"vectors": names})
    return replace(write, check=partial(_check_vectors, names))


def _check_vectors(names: Sequence[str], info: CollectionInfo) -> None:
    """Raise for a vector that the collection does not have: the server may lose the request without a word.

    Raises
    ------
    FrameError
    """
    there = [config.name for config in info.vectors]
    for name in names:
        if name not in there:
            wanted = f"no vector {name!r}" if name else "no unnamed vector"
            has = f"it has {listed(there)}" if there else "it has none"
            raise FrameError(f"vectors=: the collection {info.name!r} has {wanted}, {has}.{hint(name, there)}")


def delete(roles: RoleOptions) -> TargetWrite:
    """Remove points."""
    return replace(_light("delete", roles, Delete), stays=False)


def _light(
    verb: str,
    roles: RoleOptions,
    operation: Callable[[Target], Operation],
    *,
    takes: Takes = "ids",
    options: Mapping[str, Any] | None = None,
) -> TargetWrite:
    """A verb without vectors."""
    given = replace(roles, takes=takes, vector=False, payload=roles.payload if takes == "payload" else False)
    return TargetWrite(verb, given, operation, rows=LIGHT_ROWS, counted=False, options=options or {})


def _several(option: str, given: str | Sequence[str], example: str) -> tuple[str, ...]:
    if isinstance(given, str):
        return (given,)
    if not isinstance(given, list | tuple | set | frozenset) or not given:
        raise OptionError(f"{option}={given!r}: one name or a list of names, for example {option}={example}.")
    return tuple(dict.fromkeys(given))
