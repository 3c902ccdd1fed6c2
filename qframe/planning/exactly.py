"""Filters for what the server does alone: deletions, counts, searches. An expression is pushed exactly or refused."""

from __future__ import annotations

from typing import Any

from qframe.backends.opening import open_backend
from qframe.connection import Connection
from qframe.errors import OptionError
from qframe.filters.lowering import push
from qframe.model.predicate import Conjunct, Opaque
from qframe.model.requests import Filter
from qframe.planning.filtering import expressions, split
from qframe.planning.options import ReadSettings
from qframe.planning.plan import make_plan
from qframe.planning.sources import both, facts_of

_QDRANT_FILTER = "Pass a Qdrant filter (JSON, or a qdrant_client Filter)."


def exact_filter(
    connection: Connection,
    name: str,
    given: Any,
    verb: str,
    option: str = "filter",
    way_out: str = _QDRANT_FILTER,
) -> Filter | None:
    """The filter for a verb that the server must evaluate alone; None for None.

    Parameters
    ----------
    connection : Connection
    name : str
        The collection: what its columns and indexes are decides what an expression means to the server.
    given : Any
        What the caller passed.
    verb, option : str
        As the error names them.
    way_out : str
        What to do instead of an expression that is not exact.

    Raises
    ------
    CollectionNotFoundError
        There is an expression, and no such collection.
    OptionError
        For an expression that the server cannot evaluate exactly; it tells the part and the reason.
    """
    filters = split(given, option)
    if not filters.here:
        return filters.pushed
    settings = ReadSettings()
    backend = open_backend(connection)
    plan = make_plan(connection, backend, name, settings)
    facts = facts_of(plan, backend.capabilities.version, settings)
    here = expressions(filters.here, plan.everything.arrow(), plan.targets, "numpy_nullable")
    for expression in here:
        meant = push(expression.conjuncts or (Conjunct(expression.text, Opaque("what it means is not known")),), facts)
        for part in meant.parts:
            if not part.exact:
                reasons = "; ".join(part.reasons)
                raise OptionError(
                    f"{verb}({option}=…): the server cannot evaluate {part.text} exactly, and {verb} is done by the "
                    f"server alone: {reasons}. {way_out}"
                )
    pushed = push([conjunct for expression in here for conjunct in expression.conjuncts], facts)
    return both(filters.pushed, pushed.filter)
