"""Which roles a frame's columns have when some cannot have theirs: what is at fault is left out, the rest is looked at.

A write stops at the first fault; a look without writing is to find them all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Set
from dataclasses import replace

import pyarrow as pa

from qframe.errors import FrameError
from qframe.planning.identity import RANDOM, IdColumn, IdsFrom, RandomIds
from qframe.vectors.types import Given, could_be_vector, kind_of, vector_like
from qframe.write.roles import RoleOptions, Roles

Known = Callable[[RoleOptions], Roles]


def relaxed(known: Known, options: RoleOptions, given: Given) -> tuple[Roles | None, list[FrameError]]:
    """The roles as far as they can be told, and every fault on the way to them.

    Parameters
    ----------
    known : callable
        Options → roles; raises FrameError.
    options : RoleOptions
    given : Given

    Returns
    -------
    roles : Roles or None
        Without ids (random ones instead), vectors or payload columns that are at fault; None where that does not help.
    faults : list of FrameError
    """
    faults: list[FrameError] = []
    while True:
        try:
            return known(options), faults
        except FrameError as error:
            faults.append(error)
            without = next((less for less in _less(known, options, error, given) if _cures(known, less, error)), None)
            if without is None:
                return None, faults
            options = without


def _cures(known: Known, options: RoleOptions, error: FrameError) -> bool:
    """Whether this very fault is gone with these options; there may be another."""
    try:
        known(options)
    except FrameError as other:
        return _found(other) != _found(error)
    return True


def _found(error: FrameError) -> tuple[str | None, str]:
    """What is at fault, without the way out, which names other columns once a role is gone."""
    return error.column, str(error).partition(". ")[0]


def _less(known: Known, options: RoleOptions, error: FrameError, given: Given) -> Iterator[RoleOptions]:
    """The options without one of the roles, each in turn."""
    names, default = given.schema.names, options.payload is None or options.payload is True
    if RANDOM not in names:
        yield replace(options, id=RANDOM, id_from=None, namespace=None)
    if options.shard_key in names:
        yield replace(options, shard_key=0)
    claimed = "id" if options.id is None and options.id_from is None else options.id
    plain = [
        name
        for name in names
        if name != claimed and not vector_like(given, name) and not _meant(given.schema.field(name), error)
    ]
    yield replace(options, vector=False, payload=plain if default else options.payload)
    # By now the fault is one of the payload's.
    payload = options.payload
    if default:
        taken = known(replace(options, payload=False))
        payload = [name for name in names if name not in taken.columns or name == taken.shard_column]
    if isinstance(payload, list | tuple) and error.column in payload:
        yield replace(options, payload=[name for name in payload if name != error.column])
    yield replace(options, payload=False)


def _meant(field: pa.Field, error: FrameError) -> bool:
    """Whether a column may be the vector of which an error speaks; as payload it would hide what is wrong."""
    if error.column is None:
        return could_be_vector(field.type)
    return field.name == error.column and kind_of(field.type) is not None


def without(roles: Roles, column: str | None) -> Roles | None:
    """The roles without those that a column has; None where it has none."""
    ids = roles.id
    if isinstance(ids, IdColumn | IdsFrom) and column in (roles.id_label, *ids.columns):
        return replace(roles, id=RandomIds(0))
    if column is not None and column == roles.shard_column:
        return replace(roles, shard_column=None, shard_key=0)
    vectors = tuple(role for role in roles.vectors if column not in (*role.columns, role.label))
    payload = tuple(name for name in roles.payload if name != column)
    if len(vectors) + len(payload) == len(roles.vectors) + len(roles.payload):
        return None
    return replace(roles, vectors=vectors, payload=payload)


def described(schema: pa.Schema, roles: Roles, faulty: Set[str | None]) -> dict[str, str]:
    """What each column is for, in words: both roles where it has two, "not decided" for `faulty` ones without any."""
    found: dict[str, list[str]] = {name: [] for name in schema.names}
    for name in roles.id.columns:
        found[name].append("id")
    for role in roles.vectors:
        what = f"vector {role.vector!r}" if role.vector else "unnamed vector"
        for name in role.columns:
            found[name].append(what)
    if roles.shard_column is not None:
        found[roles.shard_column].append("shard key")
    for name in roles.payload:
        found[name].append("payload")
    none = {name: "not decided" if name in faulty else "left out" for name in found}
    return {name: " and ".join(what) or none[name] for name, what in found.items()}
