"""What becomes of a predicate at the server, and the facts that decide it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from qframe.filters.bounds import Bound, as_filter, joined
from qframe.model.requests import Filter
from qframe.model.schema import Schema

NOTHING: Filter = {"must": [{"has_id": []}]}
"""Matches no point. An empty list of conditions would match every point."""

EVERY_ID = range(2**64)
"""Of those that are integers."""


OVERRIDES = "schema_overrides="
"""How the callers of most verbs can say the type of a column."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What the meaning of a filter hangs on.

    Parameters
    ----------
    schema : Schema
        All columns of the read, whether they are fetched or not.
    version : tuple of int
        The server's.
    indexes : mapping of str to str
        Payload path as the server spells it → index type.
    index_params : mapping of str to mapping
        Payload path → what its index was made with.
    strict : mapping
        Strict-mode settings that are on, in Qdrant's names; empty when strict mode is off.
    proven : frozenset of str
        Payload columns whose type the caller said.
    lenient : bool
        Stored values that do not fit their column are read as null (`on_mismatch="null"`).
    typed_by : str
        How the caller can say the type of a column, for reasons.
    """

    schema: Schema
    version: tuple[int, int, int]
    indexes: Mapping[str, str] = field(default_factory=dict)
    strict: Mapping[str, Any] = field(default_factory=dict)
    proven: frozenset[str] = frozenset()
    lenient: bool = False
    typed_by: str = OVERRIDES
    index_params: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Part:
    """One conjunct and its filter.

    Parameters
    ----------
    text : str
        As the caller wrote it.
    filter : mapping or None
        Matches every row for which the conjunct is true; None where nothing less than every point does. A conjunct
        that is true of every row is exact without a filter.
    exact : bool
        Whether the filter, with the ids beside it, matches no other row. Taken for granted: what is stored fits the
        schema.
    reasons : tuple of str
        Why it is not exact, or not pushed at all; empty when it is exact.
    """

    text: str
    filter: Filter | None
    exact: bool
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Pushed:
    """A filter in parts, all of which must hold.

    Parameters
    ----------
    parts : tuple of Part
    ids : range
        Integer ids beyond which no row is; an end of 2**64 is none. No part of `filter`.
    """

    parts: tuple[Part, ...] = ()
    ids: range = EVERY_ID

    @property
    def filter(self) -> Filter | None:
        """One filter for what can be pushed; None when nothing can."""
        filters = [part.filter for part in self.parts if part.filter is not None]
        return as_filter(Bound(joined(filters))) if filters else None

    @property
    def exact(self) -> bool:
        return all(part.exact for part in self.parts)
