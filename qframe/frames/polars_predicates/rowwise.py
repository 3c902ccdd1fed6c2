"""Whether an expression computes every row from that row alone, told by its serialised form where that is known."""

from __future__ import annotations

from typing import Any

from qframe.frames.polars_predicates.serialized import Node

_FAMILIES = ("StringExpr", "TemporalExpr", "ListExpr", "ArrayExpr", "StructExpr")
"""Namespaces whose functions take each row by itself, but for those below."""

_OF_MANY_ROWS = frozenset({"ConcatVertical"})

_BOOLEAN = frozenset(
    {"IsNull", "IsNotNull", "IsNan", "IsNotNan", "IsFinite", "IsInfinite", "Not", "IsBetween", "AllHorizontal"}
    | {"AnyHorizontal", "IsClose"}
)

_PLAIN = frozenset({"Abs", "Round", "FillNull"})


def of_one_row(node: Node) -> bool:
    """Whether it is known to be; False is no more than that it is not known."""
    match node:
        case {"Literal": {"Series": _}}:  # a value for each row of the whole frame
            return False
        case {"Column": _} | {"Literal": _}:
            return True
        case {"BinaryExpr": {"left": left, "right": right}}:
            return of_one_row(left) and of_one_row(right)
        case {"Cast": {"expr": inner}} | {"Alias": [inner, _]}:
            return of_one_row(inner)
        case {"Ternary": {"predicate": condition, "truthy": then, "falsy": otherwise}}:
            return all(map(of_one_row, (condition, then, otherwise)))
        # Of a column that holds no lists it would be all values.
        case {"Function": {"input": [inner, {"Literal": _}], "function": {"Boolean": {"IsIn": _}}}}:
            return of_one_row(inner)
        case {"Function": {"input": list(inputs), "function": function}}:
            return _takes_one_row(function) and all(map(of_one_row, inputs))
        case _:
            return False


def _takes_one_row(function: Any) -> bool:
    match function:
        case str(name):
            return name in _PLAIN
        case {"Boolean": called}:
            return _name(called) in _BOOLEAN
        case dict() if len(function) == 1:
            ((family, called),) = function.items()
            return family in _PLAIN or (family in _FAMILIES and _name(called) not in _OF_MANY_ROWS)
        case _:
            return False


def _name(called: Any) -> str:
    return called if isinstance(called, str) else next(iter(called), "") if isinstance(called, dict) else ""
