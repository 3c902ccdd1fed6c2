"""What one run of a read asks of the server, and what it does with the answer here: decided in one place.

A filter that is sent matches every row that the caller wants, and perhaps others; whatever the caller wrote is applied
to each page again, whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from qframe.backends.opening import open_backend
from qframe.connection import Connection
from qframe.filters.lowering import push
from qframe.filters.order import by_order
from qframe.filters.pushed import OVERRIDES, Facts, Pushed
from qframe.frames.expressions import Expression
from qframe.frames.results import DtypeBackend
from qframe.model.predicate import Conjunct
from qframe.model.requests import CollectionInfo, Filter, PageRequest
from qframe.planning.filtering import expressions, split
from qframe.planning.options import Pushdown, ReadSettings
from qframe.planning.plan import Plan, make_plan


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a read.

    Parameters
    ----------
    plan : Plan
        The columns that are fetched.
    request : PageRequest
        With the whole filter that is sent.
    pushed : Pushed
        What became of expressions and predicates; with the ids that the scan goes through.
    expressions : tuple of Expression
        Applied here to each page.
    columns : tuple of str
        The columns of the answer, in order.
    limit : int or None
        Rows of the answer, after the expressions.
    """

    plan: Plan
    request: PageRequest
    pushed: Pushed
    expressions: tuple[Expression, ...]
    columns: tuple[str, ...]
    limit: int | None

    @property
    def most_points(self) -> int | None:
        """Points that are fetched at most; None also where it shows only here how many are left of a page."""
        return None if self.expressions else self.limit


@dataclass(frozen=True, slots=True)
class Source:
    """What can be read of a collection, and the caller's filter and limit. Picklable.

    Parameters
    ----------
    plan : Plan
        The columns that an answer may have.
    request : PageRequest
        With the caller's Qdrant filters.
    facts : Facts
    given : tuple
        The caller's expressions.
    limit : int or None
        Rows at the source, after the filter.
    pushdown : "auto", "require" or "off"
    dtype_backend : str
        Dtypes of the frames that pandas expressions see.
    """

    plan: Plan
    request: PageRequest
    facts: Facts
    given: tuple[Any, ...] = ()
    limit: int | None = None
    pushdown: Pushdown = "auto"
    dtype_backend: DtypeBackend = "numpy_nullable"

    def renewed(self, info: CollectionInfo) -> Source:
        """The same with what the collection says of itself by now.

        A payload index that was made or dropped in between changes what a filter matches: an integer index has no
        2.5.
        """
        facts = replace(self.facts, indexes=info.indexes, index_params=info.index_params, strict=info.strict)
        return replace(self, plan=replace(self.plan, info=info), facts=facts)

    def expressions(self) -> tuple[Expression, ...]:
        """The caller's expressions.

        Raises
        ------
        OptionError
            For an expression that makes no sense over these columns.
        """
        if not self.given:
            return ()
        return expressions(self.given, self.facts.schema, self.plan, self.dtype_backend)

    def run(
        self, columns: Sequence[str] | None = None, conjuncts: Sequence[Conjunct] = (), limit: int | None = None
    ) -> Run:
        """What one run asks.

        Parameters
        ----------
        columns : sequence of str or None
            Columns of the answer; None: all of the plan.
        conjuncts : sequence of Conjunct
            Predicates that will be applied to the answer, all of them.
        limit : int or None
            Rows of the answer, before those predicates.
        """
        answer = self.plan.schema if columns is None else self.plan.schema.select(columns)
        here = self.expressions()
        looked_at = [name for expression in here for name in expression.columns]
        fetched = self.facts.schema.select([*answer.names, *looked_at]) if looked_at else answer
        limits = [rows for rows in (self.limit, limit) if rows is not None]
        meant = [conjunct for expression in here for conjunct in expression.conjuncts]
        # A limit comes before the predicates that are applied after it: one that filtered first would give other rows.
        if not limits:
            meant += conjuncts
        known = meant if self.pushdown != "off" else []
        pushed = by_order(push(known, self.facts), known, self.facts.schema)
        return Run(
            plan=replace(self.plan, schema=fetched),
            request=replace(self.request, filter=both(self.request.filter, pushed.filter)),
            pushed=pushed,
            expressions=here,
            columns=answer.names,
            limit=min(limits) if limits else None,
        )


def make_source(
    connection: Connection, name: str, settings: ReadSettings, dtype_backend: DtypeBackend = "numpy_nullable"
) -> Source:
    """Look at a collection and decide what can be read of it.

    Raises
    ------
    CollectionNotFoundError
    OptionError
    """
    filters = split(settings.filter)
    backend = open_backend(connection)
    plan = make_plan(connection, backend, name, settings)
    return Source(
        plan=plan.only(settings.columns),
        request=PageRequest(
            name, filter=filters.pushed, consistency=settings.consistency, shard_key=settings.shard_key
        ),
        facts=facts_of(plan, backend.capabilities.version, settings),
        given=filters.here,
        limit=settings.limit,
        pushdown=settings.pushdown,
        dtype_backend=dtype_backend,
    )


def facts_of(plan: Plan, version: tuple[int, int, int], settings: ReadSettings, typed_by: str = OVERRIDES) -> Facts:
    """What the meaning of a filter over a collection hangs on."""
    return Facts(
        schema=plan.everything,
        version=version,
        indexes=plan.info.indexes,
        index_params=plan.info.index_params,
        strict=plan.info.strict,
        proven=plan.proven,
        lenient=settings.on_mismatch == "null",
        typed_by=typed_by,
    )


def both(first: Filter | None, second: Filter | None) -> Filter | None:
    """A filter for what matches two; None matches everything."""
    if first is None or second is None:
        return second if first is None else first
    return {"must": [first, second]}
