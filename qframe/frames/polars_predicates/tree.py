"""polars expressions → predicates: the tree of and, or, not and comparisons.

Goes by the form in which polars serialises expressions; whatever is not known there is an `Opaque` with its reason.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import polars as pl

from qframe.frames.polars_predicates.functions import Schema, translated
from qframe.frames.polars_predicates.operands import compare, holds, operand, where_present
from qframe.frames.polars_predicates.serialized import (
    DEEP,
    UNKNOWN_FORM,
    Function,
    UntranslatedError,
    Value,
    bare,
    fields,
    function_of,
    kind_of,
    literal,
    revived,
    tree,
)
from qframe.model.predicate import (
    REFLECTED,
    Always,
    And,
    Compare,
    Conjunct,
    IsNull,
    Not,
    Opaque,
    Operator,
    Or,
    Predicate,
    Xor,
    filled,
)

SHOWN = 200
"""Letters of a conjunct's text: a list of values can be long."""


def translate(expression: pl.Expr, schema: Schema) -> tuple[Conjunct, ...]:
    """What must all be true for an expression to be.

    Parameters
    ----------
    expression : polars.Expr
        As polars hands it to a source, or as it was written; the former has fewer forms and more is known of it.
    schema : mapping of str to polars.DataType
        All columns that it may look at.
    """
    try:
        parts = list(_conjuncts(tree(expression)))
        if len(parts) == 1:
            return (Conjunct(shown(expression), predicate_of(parts[0], schema)),)
        return tuple(Conjunct(_shown_part(part), predicate_of(part, schema)) for part in parts)
    except UntranslatedError as error:
        return (Conjunct(shown(expression), Opaque(str(error))),)
    except RecursionError:
        return (Conjunct(shown(expression), Opaque(DEEP)),)


def shown(expression: pl.Expr) -> str:
    # So polars writes a Python function that it has read back.
    text = str(expression).replace(".()", ".python_udf()")
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 1]}…"


def _shown_part(node: Any) -> str:
    try:
        return shown(revived(node))
    except pl.exceptions.PolarsError:  # which reads back less deep a nesting than it writes
        return "an expression of many parts"


def _conjuncts(node: Any) -> Iterator[Any]:
    """The parts of "and", in whatever way it is written."""
    stack = [node]
    while stack:
        node = stack.pop()
        kind, content = kind_of(bare(node))
        if kind == "BinaryExpr" and isinstance(content, dict) and content.get("op") in _AND:
            left, _, right = fields(content, "left", "op", "right")
            stack += [right, left]
        elif kind == "Function" and _name(content) == ("Boolean", "AllHorizontal"):
            stack += reversed(function_of(content).inputs)
        else:
            yield node


def _name(content: Any) -> tuple[str, str]:
    called = function_of(content)
    return called.family, called.name


def predicate_of(node: Any, schema: Schema) -> Predicate:
    """A part of an expression that is true or false; `Opaque` where it is not known."""
    try:
        node = bare(node)
        kind, content = kind_of(node)
        if kind == "BinaryExpr":
            left, name, right = fields(content, "left", "op", "right")
            return _binary(left, name, right, schema)
        if kind == "Function":
            return _function(node, function_of(content), schema)
        if kind == "Ternary":
            return _ternary(*(predicate_of(part, schema) for part in fields(content, "predicate", "truthy", "falsy")))
        if kind == "Literal":
            return Always(_truth(literal(node)))
        if kind == "Display":  # 1.41: what top-k has found so far, which polars cannot evaluate itself
            return Opaque("polars adds it while the query runs")
        return _boolean_column(node, schema)
    except UntranslatedError as error:
        return Opaque(str(error))


def _boolean_column(node: Any, schema: Schema) -> Predicate:
    given = operand(node, schema)
    if given.seen != pl.Boolean:
        raise UntranslatedError(UNKNOWN_FORM)
    return Compare(given.column, "==", value=True)


def _truth(value: Value | None) -> bool | None:
    if value is None or not (value.value is None or isinstance(value.value, bool)):
        raise UntranslatedError(UNKNOWN_FORM)
    return value.value


_AND = frozenset({"And", "LogicalAnd"})
_OR = frozenset({"Or", "LogicalOr"})
_COMPARISONS: Mapping[str, Operator] = {
    "Eq": "==",
    "NotEq": "!=",
    "Lt": "<",
    "LtEq": "<=",
    "Gt": ">",
    "GtEq": ">=",
    "EqValidity": "==",
    "NotEqValidity": "!=",
}


def _binary(left: Any, name: Any, right: Any, schema: Schema) -> Predicate:
    if name in _AND or name in _OR:
        return _joined(And if name in _AND else Or, predicate_of(left, schema), predicate_of(right, schema))
    if name == "Xor":
        return Xor(predicate_of(left, schema), predicate_of(right, schema))
    if name not in _COMPARISONS:
        raise UntranslatedError("Qdrant computes nothing")
    return _comparison(left, _COMPARISONS[name], right, str(name).endswith("Validity"), schema)


def _joined(kind: type[And] | type[Or], *predicates: Predicate) -> Predicate:
    """Predicates under one connective, those among them that are of its kind taken apart."""
    parts: list[Predicate] = []
    for predicate in predicates:
        parts.extend(predicate.parts if isinstance(predicate, kind) else [predicate])
    return parts[0] if len(parts) == 1 else kind(tuple(parts))


def _comparison(left: Any, sign: Operator, right: Any, of_null: bool, schema: Schema) -> Predicate:
    """Two parts of an expression against each other; `of_null`: null equals null."""
    value = literal(right)
    if value is None:
        left, sign, right = right, REFLECTED[sign], left
        value = literal(right)
    if value is None:
        if sign in ("==", "!=") and not of_null and _is_truth(left, schema) and _is_truth(right, schema):
            differ = Xor(predicate_of(left, schema), predicate_of(right, schema))
            return differ if sign == "!=" else Not(differ)
        raise UntranslatedError("it compares columns with each other")
    if value.value is None:
        if not of_null:
            return Always(None)
        absent = IsNull(operand(left, schema).column)
        return absent if sign == "==" else Not(absent)
    found = _against(left, sign, value, schema)
    return filled(found, value=sign == "!=") if of_null else found


def _against(left: Any, sign: Operator, value: Value, schema: Schema) -> Predicate:
    """What is no constant against one."""
    if isinstance(value.value, bool):
        if sign not in ("==", "!="):
            raise UntranslatedError("Qdrant has no order of booleans")
        inner = predicate_of(left, schema)
        return inner if value.value is (sign == "==") else Not(inner)
    left = bare(left)
    kind, content = kind_of(left)
    if kind == "Function" and _name(content) == ("", "FillNull"):
        inner, filling = _filling(function_of(content))
        given = operand(inner, schema)
        # The filling must be a value of the column, or it would change the column's dtype.
        compare(given, "==", filling)
        return filled(compare(given, sign, value), value=holds(filling, sign, value))
    return compare(operand(left, schema), sign, value)


def _filling(called: Function) -> tuple[Any, Value]:
    if len(called.inputs) != 2 or called.options is not None:
        raise UntranslatedError(UNKNOWN_FORM)
    filling = literal(called.inputs[1])
    if filling is None or filling.value is None:
        raise UntranslatedError("nulls are filled from a column")
    return called.inputs[0], filling


def _is_truth(node: Any, schema: Schema) -> bool:
    """Whether a part of an expression is certainly true, false or null."""
    kind, content = kind_of(bare(node))
    if kind == "BinaryExpr":
        left, name, _ = fields(content, "left", "op", "right")
        return name in _COMPARISONS or ((name in _AND or name in _OR or name == "Xor") and _is_truth(left, schema))
    if kind == "Function" and _name(content)[0] == "Boolean":
        return _name(content)[1] != "Not" or _is_truth(function_of(content).inputs[0], schema)
    try:
        return operand(node, schema).seen == pl.Boolean
    except UntranslatedError:
        return False


def _function(node: Any, called: Function, schema: Schema) -> Predicate:
    if called.family == "Boolean" and called.options is None:
        parts = tuple(predicate_of(part, schema) for part in called.inputs) if called.name in _CONNECTIVES else ()
        if called.name == "Not" and len(parts) == 1:
            return Not(parts[0])
        if called.name == "AnyHorizontal":
            return _joined(Or, *parts)
        if called.name == "AllHorizontal":
            return _joined(And, *parts)
    if (called.family, called.name) == ("", "FillNull"):
        inner, filling = _filling(called)
        if not isinstance(filling.value, bool):
            raise UntranslatedError(UNKNOWN_FORM)
        return filled(predicate_of(inner, schema), value=filling.value)
    if (called.family, called.name) == ("StructExpr", "FieldByName"):
        return _boolean_column(node, schema)
    return translated(called, schema)


_CONNECTIVES = frozenset({"Not", "AnyHorizontal", "AllHorizontal"})


def _ternary(condition: Predicate, then: Predicate, otherwise: Predicate) -> Predicate:
    """`when(condition).then(then).otherwise(otherwise)`; where the condition is null it is otherwise."""
    match condition, then, otherwise:
        case Not(IsNull(column)), Always(bool(value)), Always(None):
            # So polars writes a comparison with what the column's dtype cannot hold.
            return where_present(column, value=value)
    sure = filled(condition, value=False)
    if (then, otherwise) == (Always(value=True), Always(value=False)):
        return sure
    return Or((And((sure, then)), And((Not(sure), otherwise))))
