"""What a caller passed as `filter=`: the part the server evaluates as Qdrant JSON, and the part to apply here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from qframe.connection import Connection
from qframe.errors import OptionError
from qframe.model.bad import shown
from qframe.model.requests import Filter

CLAUSES = frozenset({"must", "should", "must_not", "min_should"})


@dataclass(frozen=True, slots=True)
class Filters:
    """A filter in two parts, both of which must hold.

    Parameters
    ----------
    pushed : mapping or None
        Qdrant JSON, exact by definition.
    here : tuple
        polars expressions.
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
            here.append(item)
        else:
            pushed.append(as_json(item, option))
    if not pushed:
        return Filters(None, tuple(here))
    return Filters(pushed[0] if len(pushed) == 1 else {"must": pushed}, tuple(here))


_QDRANT_FILTER = "Pass a Qdrant filter (JSON, or a qdrant_client Filter)."


def only_qdrant(given: Any, verb: str, option: str = "filter", way_out: str = _QDRANT_FILTER) -> Filter | None:
    """The filter for a verb that the server must evaluate alone; None for None.

    Parameters
    ----------
    given : Any
        What the caller passed.
    verb, option : str
        As the error names them.
    way_out : str
        What to do instead of an expression.

    Raises
    ------
    OptionError
    """
    for item in given if isinstance(given, (list, tuple)) else [given]:
        kind = type(item)
        library = kind.__module__.partition(".")[0]
        if (library, kind.__name__) in (("polars", "Expr"), ("pandas", "Expression")):
            raise OptionError(
                f"{verb}({option}=…): a {library} expression is evaluated here, and {verb} is done by the server. "
                f"{way_out}"
            )
    return split(given, option).pushed


def as_json(given: Any, option: str = "filter") -> Filter:
    """A Qdrant filter as JSON, from JSON or from a model of qdrant_client."""
    # By its home: a pandas expression has every attribute that it is asked for.
    if type(given).__module__.partition(".")[0] == "qdrant_client":
        given = given.model_dump(mode="json", by_alias=True, exclude_none=True)
    if not isinstance(given, Mapping):
        raise OptionError(
            f"{option}={given!r}: a Qdrant filter as a mapping or a qdrant_client Filter, a polars expression, "
            "or a list of these."
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
    kind = type(item)
    return kind.__module__.partition(".")[0] == "polars" and kind.__name__ == "Expr"


def exact_filter(connection: Connection, name: str, given: Any, verb: str, option: str = "filter") -> Filter | None:  # noqa: ARG001
    """The filter for a verb that the server must evaluate alone, exactly; None for None.

    Parameters
    ----------
    connection : Connection
    name : str
        The collection: what its columns and indexes are decides what an expression means to the server.
    given : Any
        What the caller passed.
    verb, option : str
        As the error names them.

    Raises
    ------
    OptionError
        For an expression that the server cannot evaluate exactly; it tells the part and the reason.
    """
    return only_qdrant(given, verb, option)
