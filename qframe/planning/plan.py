"""What a read will give: looks at the collection and, unless the caller says it all, at a sample."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import pyarrow as pa

from qframe.administration import info as describe
from qframe.columns.inference import payload_fields
from qframe.columns.values import Values
from qframe.connection import Connection
from qframe.delivery.ask import Patience, ask
from qframe.errors import OptionError
from qframe.filters.pushed import OVERRIDES
from qframe.frames.schemas import Target, targets_of
from qframe.model.backend import Backend
from qframe.model.bad import shown
from qframe.model.requests import CollectionInfo, Filter, PageRequest
from qframe.model.schema import Field, Schema, VectorField, family, takes
from qframe.planning.options import ReadSettings

UNNAMED = "vector"
"""The column of the unnamed vector."""

FIRST_UUID = "00000000-0000-0000-0000-000000000000"
"""Integer ids come before all UUIDs, so a scroll from here finds a point exactly where there is a UUID."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A read, decided.

    Parameters
    ----------
    info : CollectionInfo
    schema : Schema
        Every column that there is to read.
    targets : mapping of str to Target
        Payload columns that their library types further than Arrow can say (Categorical, Enum).
    sampled : int or None
        Points that the payload columns were told by, where there are more; None where they are known for certain.
    proven : frozenset of str
        Payload columns whose type the caller said.
    unasked : tuple of VectorField
        Vectors that are no columns of the read; a filter may look at them.
    """

    info: CollectionInfo
    schema: Schema
    targets: Mapping[str, Target] = field(default_factory=dict)
    sampled: int | None = None
    proven: frozenset[str] = frozenset()
    unasked: tuple[VectorField, ...] = ()

    @property
    def everything(self) -> Schema:
        """All columns that a filter may look at: those of the read and the other vectors."""
        beside = tuple(item for item in self.unasked if item.column not in self.schema.names)
        return replace(self.schema, vectors=(*self.schema.vectors, *beside))

    @property
    def page_rows(self) -> int | None:
        """The collection's own limit of a page (strict mode), if it has one."""
        limit = self.info.strict.get("max_query_limit")
        return int(limit) if limit else None

    def only(self, columns: Sequence[str] | None, beside: Sequence[str] = ()) -> Plan:
        """What a caller's `columns=` leaves: these payload columns, the id, and what `vectors=` and `extra=` ask for.

        Parameters
        ----------
        columns : sequence of str or None
            None: all of them.
        beside : sequence of str
            Columns that the answer has besides.

        Raises
        ------
        OptionError
            For a name that is not there, and for two columns of one name.
        """
        schema = self.schema
        if columns is not None:
            _check_names(
                "columns",
                columns,
                "['city']",
                "scan(…).select(…) takes expressions and selectors.",
            )
            for name in columns:
                if name not in schema.names:
                    raise OptionError(self.nowhere(name, "columns", schema.names))
            kept = tuple(item for item in schema.payload if item.name in columns)
            unread = schema.unread.union(item.name for item in schema.payload if item not in kept)
            schema = replace(schema, payload=kept, unread=unread)
        _refuse_collisions(schema, beside)
        return replace(self, schema=schema)

    def typed_by(self, written: Mapping[str, Target]) -> Plan:
        """The same with the types that a frame's columns have, where these take whatever the sample shows.

        Parameters
        ----------
        written : mapping of str to Target
            What is to be stored, by payload key; ids and vectors are left out.
        """
        fields = {item.name: item for item in self.schema.payload}
        others = {self.schema.id_name, *(item.column for item in (*self.schema.vectors, *self.unasked))}
        told = {
            name: target
            for name, target in written.items()
            if name not in others
            and (name not in fields or (not fields[name].json and takes(target.dtype, fields[name].dtype)))
        }
        fields |= {name: Field(name, target.dtype, target.json) for name, target in told.items()}
        schema = replace(self.schema, payload=tuple(fields.values()))
        return replace(self, schema=schema, targets={**self.targets, **told}, proven=self.proven.union(told))

    def nowhere(self, name: str, option: str, names: Sequence[str], typed_by: str = OVERRIDES) -> str:
        """The error about a column that there is none of, as far as is known.

        Parameters
        ----------
        name : str
        option : str
            Where the caller named it.
        names : sequence of str
            What there is.
        typed_by : str
            How the caller can say the type of a column.
        """
        if any(item.column == name for item in self.unasked):
            return f"{option}: {name!r} is a vector: vectors=[{name!r}]."
        meant = similar(name, names)
        if self.sampled is None:
            return f"{option}: {self.info.name!r} has no column {name!r}{meant}"
        way = f"{typed_by} would tell its dtype"
        if typed_by == OVERRIDES:
            more = " or schema=, or look at more points, infer_schema_length=" if option == "columns" else ""
            way = f"say its dtype, schema_overrides={{{name!r}: …}}{more}"
        return (
            f"{option}: no point of the sample ({self.sampled:,} of {self.info.points:,} in {self.info.name!r}) has "
            f"{name!r}{meant} If another has it, {way}."
        )


def similar(name: str, names: Sequence[str]) -> str:
    """The end of a sentence about a name that is not there: what was meant perhaps, or what there is."""
    close = difflib.get_close_matches(name, names, 1)
    if close:
        return f"; did you mean {close[0]!r}?"
    return f"; there are {', '.join(map(repr, names))}." if names else "."


def patience_of(connection: Connection, settings: ReadSettings) -> Patience:
    """How long the requests of a read are tried, from now on."""
    timeout = settings.timeout if settings.timeout is not None else connection.timeout
    return Patience.starting_now(settings.policy, timeout, settings.deadline)


def make_plan(connection: Connection, backend: Backend, name: str, settings: ReadSettings) -> Plan:
    """Decide what the columns of a read are.

    Raises
    ------
    CollectionNotFoundError
    OptionError
        For vectors that the collection does not have.
    """
    overrides = {} if settings.schema_overrides is None else targets_of(settings.schema_overrides, "schema_overrides")
    asked = None if settings.schema is None else targets_of(settings.schema)
    info = describe(connection, name)
    _refuse_chosen(overrides, info, settings.id_name)
    patience = patience_of(connection, settings)
    vectors, unasked = _vector_fields(info, settings.vectors)
    sampled = None
    request = PageRequest(name, consistency=settings.consistency, shard_key=settings.shard_key)
    if asked is not None:
        targets = asked
        # A frame's schema names its id and vectors too; what they are is the collection's to say. A payload field of
        # the id's name (upsert(id_from=["id"]) keeps one) stays in the schema, and is then refused as a second column.
        if settings.id_name in targets:
            keyed = replace(request, payload=(settings.id_name,))
            _, values = _sample(backend, keyed, info, settings.infer_schema_length, patience)
            if settings.id_name not in values:
                del targets[settings.id_name]
        for config in info.vectors:
            column = _column(config.name)
            if column in targets and family(targets[column].dtype) in ("list", "struct"):
                del targets[column]
        payload = {column: Field(column, target.dtype, target.json) for column, target in targets.items()}
    else:
        targets = {}
        points, values = _sample(backend, request, info, settings.infer_schema_length, patience)
        payload = payload_fields(values, info.indexes, [settings.id_name, *(item.column for item in vectors)])
        sampled = points if points < info.points else None
    for column, target in overrides.items():
        targets[column] = target
        payload[column] = Field(column, target.dtype, target.json)
    # What the caller gave a type is what has a target: of the other columns a sample or an index told the type.
    proven = frozenset(targets)
    schema = Schema(
        payload=tuple(payload.values()),
        vectors=vectors,
        id_type=_id_type(backend, request, patience),
        id_name=settings.id_name,
        extra=settings.extra,
    )
    return Plan(info, schema, targets, sampled, proven, unasked)


def _refuse_chosen(overrides: Mapping[str, Target], info: CollectionInfo, id_name: str) -> None:
    """OptionError for a type given to what is no payload."""
    if id_name in overrides:
        raise OptionError(
            f"schema_overrides: the type of {id_name!r} is not to be chosen: UInt64 where all ids are integers, else "
            "String. Cast the column afterwards."
        )
    for config in info.vectors:
        column = _column(config.name)
        if column in overrides and family(overrides[column].dtype) in ("list", "struct"):
            raise OptionError(
                f"schema_overrides: the type of {column!r} is not to be chosen: it is a {config.kind} vector of the "
                "collection. Cast the column afterwards."
            )


def _check_names(option: str, given: Any, example: str, way_out: str = "") -> None:
    """OptionError for what is no collection of names."""
    if isinstance(given, str):
        raise OptionError(f"{option}={given!r}: a list of names, for example [{given!r}].")
    if not isinstance(given, Collection) or not all(isinstance(name, str) for name in given):
        more = f" {way_out}" if way_out else ""
        raise OptionError(f"{option}={shown(given)}: a list of names, for example {example}.{more}")


def _column(vector: str) -> str:
    return vector or UNNAMED


def _vector_fields(
    info: CollectionInfo, wanted: bool | str | Sequence[str]
) -> tuple[tuple[VectorField, ...], tuple[VectorField, ...]]:
    """The vectors that are wanted, and the others."""
    fields = tuple(VectorField(_column(item.name), item.name, item.kind, item.dim) for item in info.vectors)
    if isinstance(wanted, bool):
        return (fields, ()) if wanted else ((), fields)
    if not isinstance(wanted, str):
        _check_names("vectors", wanted, "['dense']", "True are all of them.")
    names = [wanted] if isinstance(wanted, str) else list(wanted)
    known = [item.column for item in fields]
    for name in names:
        if name not in known:
            raise OptionError(f"vectors: {info.name!r} has no vector {name!r}{similar(name, known)}")
    asked = tuple(item for item in fields if item.column in names)
    return asked, tuple(item for item in fields if item not in asked)


def _id_type(backend: Backend, request: PageRequest, patience: Patience) -> pa.DataType:
    wanted = replace(request, limit=1, offset=FIRST_UUID, payload=False)
    schema = Schema(id_type=pa.large_string())
    page = ask(partial(backend.page, wanted, schema), patience, request.collection)
    return pa.large_string() if page.table.num_rows else pa.uint64()


def _sample(
    backend: Backend, request: PageRequest, info: CollectionInfo, length: int, patience: Patience
) -> tuple[int, Mapping[str, Values]]:
    """How many points were looked at, and their payload by key: of a slice of the points where the server has slices,
    else of the first ids; the same at every call.
    """
    total = -(-info.points // length)
    sliced: Filter | None = None
    if total > 1 and backend.capabilities.since(1, 19):
        sliced = {"must": [{"slice": {"total": total, "index": 0}}]}
    limit = min(length, int(info.strict.get("max_query_limit") or length))
    wanted = replace(request, limit=limit, filter=sliced)
    schema = Schema(id_type=pa.large_string(), extra="values")
    page = ask(partial(backend.page, wanted, schema), patience, request.collection)
    if sliced is not None and not page.table.num_rows:  # of a few points a slice may have none
        wanted = replace(wanted, filter=None)
        page = ask(partial(backend.page, wanted, schema), patience, request.collection)
    return page.table.num_rows, page.values


def _refuse_collisions(schema: Schema, beside: Sequence[str]) -> None:
    """OptionError for two columns of one name."""
    vectors = {item.column for item in schema.vectors}
    ways = {
        **dict.fromkeys(vectors, "Pass vectors= without it, or columns= or schema= without that payload field."),
        schema.extra_name: 'Pass extra="ignore", or columns= or schema= without that payload field.',
        **dict.fromkeys(beside, "Pass columns= or schema= without that payload field."),
        schema.id_name: "Pass id_name= to give the id column another name.",
    }
    taken = set(beside)
    for name in schema.names:
        if name in taken:
            raise OptionError(
                f"two columns would be called {name!r}: a payload field or a vector has that name too. {ways[name]}"
            )
        taken.add(name)
