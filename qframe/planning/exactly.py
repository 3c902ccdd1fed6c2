"""Filters for what the server does alone: deletions, counts, searches. An expression is pushed exactly or refused."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from qframe.backends.opening import open_backend
from qframe.connection import Connection
from qframe.errors import OptionError
from qframe.filters.lowering import push
from qframe.filters.pushed import OVERRIDES
from qframe.frames.schemas import Target
from qframe.model.requests import Filter
from qframe.planning.filtering import Filters, expressions, split
from qframe.planning.options import ReadSettings
from qframe.planning.plan import Plan, make_plan
from qframe.planning.sources import both, facts_of

_QDRANT_FILTER = "Pass a Qdrant filter (JSON, or a qdrant_client Filter)."
_OWN_COLUMN = "a column of that name in the frame"


def exact_filter(
    connection: Connection,
    name: str,
    given: Any,
    verb: str,
    settings: ReadSettings,
    way_out: str = _QDRANT_FILTER,
) -> Filter | None:
    """The filter for a verb that the server must evaluate alone; None for None.

    Parameters
    ----------
    connection : Connection
    name : str
        The collection: what its columns and indexes are decides what an expression means to the server.
    given : Any
        What the caller passed as `filter=`.
    verb : str
        As the error names it.
    settings : ReadSettings
        What the caller says of the columns, and how the collection is looked at.
    way_out : str
        What to do instead of an expression that is not exact.

    Raises
    ------
    CollectionNotFoundError
        There is an expression, and no such collection.
    OptionError
        For an expression that the server cannot evaluate exactly; it tells the part and the reason.
    """
    filters = split(given)
    if not filters.here:
        return filters.pushed
    plan = _plan(connection, name, settings)
    return _exactly(connection, filters, plan, settings, verb, "filter", OVERRIDES, way_out)


def exact_over(
    connection: Connection, given: Any, verb: str, option: str, plan: Plan, settings: ReadSettings
) -> Filter | None:
    """The same over columns that are known already; `option` is what the error calls the filter."""
    filters = split(given, option)
    if not filters.here:
        return filters.pushed
    return _exactly(connection, filters, plan, settings, verb, option, OVERRIDES, _QDRANT_FILTER)


def exact_update_filter(
    connection: Connection, name: str, given: Any, verb: str, written: Callable[[], Mapping[str, Target]]
) -> Filter | None:
    """The same for points that a frame is to replace: the types of its columns are those of what is stored.

    They hold where they take whatever a sample shows: integers in a frame do not make integers of stored floats.

    Parameters
    ----------
    written : callable
        The types of the frame's columns, asked for where there is an expression.
    """
    option, settings = "update_filter", ReadSettings()
    filters = split(given, option)
    if not filters.here:
        return filters.pushed
    plan = _plan(connection, name, settings).typed_by(written())
    return _exactly(connection, filters, plan, settings, verb, option, _OWN_COLUMN, _QDRANT_FILTER)


def _plan(connection: Connection, name: str, settings: ReadSettings) -> Plan:
    return make_plan(connection, open_backend(connection), name, settings)


def _exactly(
    connection: Connection,
    filters: Filters,
    plan: Plan,
    settings: ReadSettings,
    verb: str,
    option: str,
    typed_by: str,
    way_out: str,
) -> Filter | None:
    facts = facts_of(plan, open_backend(connection).capabilities.version, settings, typed_by)
    here = expressions(filters.here, plan.everything, plan, "numpy_nullable", option, typed_by)
    pushed = push([conjunct for expression in here for conjunct in expression.conjuncts], facts)
    for part in pushed.parts:
        if not part.exact:
            reasons = "; ".join(part.reasons)
            raise OptionError(
                f"{verb}({option}=…): the server cannot evaluate {part.text} exactly, and {verb} is done by the "
                f"server alone: {reasons}. {way_out}"
            )
    return both(filters.pushed, pushed.filter)
