"""What a caller passed as `filter=`: the part the server evaluates as Qdrant JSON, and the part to apply here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from qframe.errors import OptionError
from qframe.filters.pushed import OVERRIDES
from qframe.frames.expressions import Expression, NoColumnError
from qframe.frames.pandas_predicates.query import capture
from qframe.frames.results import DtypeBackend
from qframe.model.bad import shown
from qframe.model.requests import Filter
from qframe.model.schema import Schema
from qframe.planning.plan import Plan

CLAUSES = frozenset({"must", "should", "must_not", "min_should"})


@dataclass(frozen=True, slots=True)
class Filters:
    """A filter in two parts, both of which must hold.

    Parameters
    ----------
    pushed : mapping or None
        Qdrant JSON, exact by definition.
    here : tuple
        polars expressions; pandas expressions, queries, and functions of a pandas frame.
    """

    pushed: Filter | None = None
    here: tuple[Any, ...] = ()


def split(given: Any, option: str = "filter") -> Filters:
    """Sort what was given; OptionError for anything that is no filter, which names the caller's option."""
    if given is None:
        return Filters()
    items = list(given) if isinstance(given, (list, tuple)) else [given]
    pushed: list[Filter] = []
    here: list[Any] = []
    for item in items:
        if _is_expression(item):
            # Runs come later, in threads where the caller's variables are not to be found.
            here.append(capture(item) if isinstance(item, str) else item)
        else:
            pushed.append(as_json(item, option))
    if not pushed:
        return Filters(None, tuple(here))
    return Filters(pushed[0] if len(pushed) == 1 else {"must": pushed}, tuple(here))


def expressions(
    given: Sequence[Any],
    schema: Schema,
    plan: Plan,
    dtype_backend: DtypeBackend,
    option: str = "filter",
    typed_by: str = OVERRIDES,
) -> tuple[Expression, ...]:
    """What `Filters.here` holds, over these columns.

    Parameters
    ----------
    given : sequence
    schema : Schema
        All columns that there are.
    plan : Plan
        What is known of them, and by what.
    dtype_backend : str
        Dtypes of the frames that pandas expressions see.
    option, typed_by : str
        What errors about columns call the filter, and what tells the type of a column.

    Raises
    ------
    OptionError
        For a column that is not there or there twice, for what is not true or false, and for what looks at other rows
        than its own.
    """
    twice = {name for name, many in Counter(schema.names).items() if many > 1}
    clear = schema.select(schema.names)
    try:
        found = tuple(_expression(item, clear, plan, dtype_backend, typed_by) for item in given)
    except NoColumnError as error:
        raise OptionError(plan.nowhere(error.column, option, schema.names, typed_by)) from None
    for name in (name for expression in found for name in expression.columns if name in twice):
        other = "the id" if name == schema.id_name else "a vector"
        raise OptionError(
            f"{option}: {name!r} is a payload field and {other}, and which of them is meant is not known. A Qdrant "
            f"filter tells: {{'key': {name!r}, …}} is the field."
        )
    return found


def _expression(item: Any, schema: Schema, plan: Plan, dtype_backend: DtypeBackend, typed_by: str) -> Expression:
    if _library(item) == "polars":
        from qframe.frames import polars_filter

        # A selector, or a pattern, names what there is.
        named = [] if item.meta.has_multiple_outputs() else item.meta.root_names()
        for name in named:
            if name not in schema.names:
                raise NoColumnError(f"no column {name!r}", name)
        return polars_filter.expression(item, schema.arrow(), plan.targets, typed_by)
    from qframe.frames import pandas_filter

    return pandas_filter.expression(item, schema.arrow(), plan.targets, dtype_backend)


def is_filter(given: object) -> bool:
    """Whether something that stands where a frame is wanted would be a filter."""
    if isinstance(given, Mapping):
        return CLAUSES.issuperset(given)
    return _is_expression(given) or _home(given) == "qdrant_client"


def as_json(given: Any, option: str = "filter") -> Filter:
    """A Qdrant filter as JSON, from JSON or from a model of qdrant_client."""
    if _home(given) == "qdrant_client":
        given = given.model_dump(mode="json", by_alias=True, exclude_none=True)
    if not isinstance(given, Mapping):
        raise OptionError(
            f"{option}={given!r}: a Qdrant filter as a mapping or a qdrant_client Filter, a polars or pandas "
            "expression, a query string, a function of a pandas frame, or a list of these."
        )
    unknown = set(given) - CLAUSES
    if unknown:
        raise OptionError(
            f"{option}={dict(given)!r}: a Qdrant filter has the keys {', '.join(sorted(CLAUSES))}, "
            f"not {', '.join(sorted(map(repr, unknown)))}. A single condition goes into {{'must': [condition]}}."
        )
    _check(given, option)
    return dict(given)


def _check(filter_: Filter, option: str) -> None:
    """Raise unless every clause holds conditions, which are mappings, at whatever depth of filters in filters.

    Raises
    ------
    OptionError
    """
    for clause, given in filter_.items():
        if clause == "min_should" and not (given is None or isinstance(given, Mapping)):
            raise OptionError(
                f"{option}: found {shown(given)} under 'min_should', where a mapping of 'conditions' and 'min_count' "
                "is wanted."
            )
        conditions = _conditions(clause, given)
        if not isinstance(conditions, list | tuple):
            raise OptionError(f"{option}: found {shown(conditions)} under {clause!r}, where conditions are wanted.")
        for condition in conditions:
            if not isinstance(condition, Mapping):
                raise OptionError(
                    f"{option}: found {shown(condition)} under {clause!r}, where a condition is a mapping, as "
                    "{'key': 'city', 'match': {'value': 'Bonn'}}."
                )
            if CLAUSES.issuperset(condition):
                _check(condition, option)


def selective(filter_: Filter) -> bool:
    """Whether a filter has any condition, at whatever depth; one without selects every point."""
    conditions = [condition for held in filter_.items() for condition in _conditions(*held)]
    return any(not CLAUSES.issuperset(condition) or selective(condition) for condition in conditions)


def _conditions(clause: str, given: Any) -> Any:
    """What a clause holds, as a list: it may be a single condition, and `min_should` has them under a key."""
    held = given.get("conditions") if clause == "min_should" and given is not None else given
    if held is None:
        return []
    return [held] if isinstance(held, Mapping) else held


def _is_expression(item: object) -> bool:
    return isinstance(item, str) or _library(item) in ("polars", "pandas") or _is_function(item)


def _library(item: object) -> str | None:
    """The library whose expression an object is, by its home: a pandas expression has every attribute one asks for."""
    home = _home(item)
    return home if (home, type(item).__name__) in (("polars", "Expr"), ("pandas", "Expression")) else None


def _is_function(item: object) -> bool:
    """A model of qdrant_client is no function, whatever it can do."""
    return callable(item) and not isinstance(item, Mapping | type) and _home(item) != "qdrant_client"


def _home(item: object) -> str:
    return type(item).__module__.partition(".")[0]
