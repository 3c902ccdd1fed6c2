"""Query strings of pandas, read without `eval`: text and the names of the caller in, operations on a frame out.

`&` and `|` bind like `and` and `or`, a list on one side of `==` asks for membership, and a name in backticks is a
column. pandas is not imported here.
"""

from __future__ import annotations

import ast
import operator
import re
import sys
from bisect import bisect_right
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from types import FrameType
from typing import Any, NoReturn

import numpy as np

from qframe.errors import OptionError

_TOKEN = re.compile(
    r"""(?P<space>\s+)|(?P<text>[rRbBuU]{0,2}(?:'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*"))|`(?P<column>[^`]*)`"""
    r"""|@(?P<local>[^\W\d]\w*)|(?P<name>[^\W\d]\w*)|(?P<number>(?:\d[\d_]*\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)"""
    r"""|(?P<other>\*\*|//|[=!<>]=|[-+*/%~<>()\[\],.:&|=])""",
    re.DOTALL,
)
_COMPARISONS: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
_ARITHMETIC: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
}
_SAID_OTHERWISE = (
    (re.compile(r"<>"), "!="),
    (re.compile(r"(\w+\s*)?=(?![=<>])"), "=="),
    (re.compile(r"(and|or|not|in)\b", re.IGNORECASE), "and, or, not and in in small letters"),
    (re.compile(r"&|\|"), "& or |, one of them"),
    (re.compile(r"is\b", re.IGNORECASE), "name.isna() or name.notna()"),
    (re.compile(r"like\b", re.IGNORECASE), "name.str.startswith('…') or name.str.contains('…', regex=False)"),
    (re.compile(r"between\b", re.IGNORECASE), "name >= low and name <= high, or low <= name <= high"),
)
"""What SQL and other languages write where a query goes wrong, and what to write in a query."""

_FUNCTIONS = frozenset(
    {"sin", "cos", "tan", "exp", "log", "expm1", "log1p", "log10", "sqrt", "sinh", "cosh", "tanh", "arcsin", "arccos"}
    | {"arctan", "arccosh", "arcsinh", "arctanh", "arctan2", "abs", "floor", "ceil"}
)


@dataclass(frozen=True, slots=True)
class Query:
    """A query string and what its `@names` stand for.

    Parameters
    ----------
    text : str
        As the caller wrote it.
    tree : ast.expr
        Names in backticks and behind `@` are placeholders.
    columns, locals : mapping of str to object
        Placeholders: column names, and the caller's values.
    starts : tuple of (int, int)
        Positions in what was parsed, and in `text`.
    """

    text: str
    tree: ast.expr = field(repr=False)
    columns: Mapping[str, str]
    locals: Mapping[str, Any]
    starts: tuple[tuple[int, int], ...] = field(repr=False)

    def over(self, frame: Any) -> Any:
        """The query evaluated over a frame, or over what stands for one.

        Raises
        ------
        OptionError
            For what queries cannot say; it names the position.
        """
        return _Evaluation(self, frame).of(self.tree)


def capture(text: str) -> Query:
    """A query string, read, with the values that its `@names` have where the caller stands.

    To be called while the caller waits. The caller is the nearest function outside qframe.

    Raises
    ------
    OptionError
        For what is no expression, with the position; for a name that the caller does not have.
    """
    parts: list[str] = []
    starts: list[tuple[int, int]] = []
    columns: dict[str, str] = {}
    values: dict[str, Any] = {}
    free = "_"
    while free in text:
        free += "_"
    end = at = 0
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None:
            raise _no_query(text, at, f"{text[at]!r} is not understood")
        kind, token = str(found.lastgroup), str(found[found.lastgroup or 0])
        if kind == "column":
            columns[f"{free}c{len(columns)}"] = token
            token = f"{free}c{len(columns) - 1}"
        elif kind == "local":
            placeholder = f"{free}l{len(values)}"
            values[placeholder] = _callers(token, text, at)
            token = placeholder
        elif kind != "text":
            token = {"&": " and ", "|": " or "}.get(token, " " if kind == "space" else token)
        starts.append((end, at))
        parts.append(token)
        end += len(token.encode())  # ast counts bytes
        at = found.end()
    return _parsed(text, "".join(parts), columns, values, (*starts, (end, at)))


def _parsed(
    text: str, source: str, columns: dict[str, str], values: dict[str, Any], starts: tuple[tuple[int, int], ...]
) -> Query:
    lead = len(source) - len(source.lstrip())
    try:
        tree = ast.parse(source.strip(), mode="eval").body
    except SyntaxError as error:
        # Offset 0 is an end that comes too soon.
        before = source.lstrip()[: error.offset - 1] if error.offset else source.lstrip()
        at = _position(starts, lead + len(before.encode()))
        raise _no_query(text, at, str(error.msg).partition(".")[0] + _meant(text, at)) from None
    return Query(text, tree, columns, values, tuple((start - lead, there) for start, there in starts))


def _meant(text: str, at: int) -> str:
    """What to write instead, where that can be told; of a "NOT" the word behind it is what Python stumbles over."""
    places = [text[at:], *re.findall(r"\bNOT\s*$", text[:at])]
    found = (said for pattern, said in _SAID_OTHERWISE for place in places if pattern.match(place))
    said = next(found, None)
    return "" if said is None else f"; write {said}"


def _position(starts: tuple[tuple[int, int], ...], offset: int) -> int:
    return starts[max(bisect_right(starts, (offset, sys.maxsize)) - 1, 0)][1]


def _no_query(text: str, at: int, why: str) -> OptionError:
    place = f"at character {at + 1}, {text[at : at + 20]!r}" if text[at:] else "at its end"
    return OptionError(f"filter={text!r}: {place}: {why}.")


def _callers(name: str, text: str, at: int) -> Any:
    """A name of the nearest caller outside qframe."""
    frame: FrameType | None = sys._getframe()
    while frame is not None and frame.f_globals.get("__name__", "").partition(".")[0] == "qframe":
        frame = frame.f_back
    if frame is not None:
        for scope in (frame.f_locals, frame.f_globals):
            if name in scope:
                return scope[name]
    raise _no_query(text, at, f"there is no variable {name!r} where the query is called")


class _Evaluation:
    """One run of a query over a frame."""

    def __init__(self, query: Query, frame: Any) -> None:
        self.query = query
        self.frame = frame

    def of(self, node: ast.expr) -> Any:
        handler = getattr(self, f"_{type(node).__name__.lower()}", None)
        if handler is None:
            self._refuse(node, "queries have no such expression")
        try:
            return handler(node)
        except OptionError:
            raise
        except (TypeError, ValueError, ArithmeticError, LookupError, AttributeError) as error:
            self._refuse(node, str(error))

    def _refuse(self, node: ast.expr, why: str) -> NoReturn:
        raise _no_query(self.query.text, _position(self.query.starts, node.col_offset), why)

    def _constant(self, node: ast.Constant) -> Any:
        if isinstance(node.value, bytes | complex) or node.value is Ellipsis:
            self._refuse(node, "no column holds such a value")
        return node.value

    def _name(self, node: ast.Name) -> Any:
        if node.id in self.query.locals:
            return self.query.locals[node.id]
        name = self.query.columns.get(node.id, node.id)
        if name == "index" and name not in self.frame:
            self._refuse(node, "pages have no index. Name a column; the ids of points are one")
        return self.frame[name]

    def _list(self, node: ast.List | ast.Tuple | ast.Set) -> list[Any]:
        return [self.of(item) for item in node.elts]

    _tuple = _set = _list

    def _boolop(self, node: ast.BoolOp) -> Any:
        function = operator.and_ if isinstance(node.op, ast.And) else operator.or_
        first, *rest = (self.of(value) for value in node.values)
        for value in rest:
            first = function(first, value)
        return first

    def _unaryop(self, node: ast.UnaryOp) -> Any:
        value = self.of(node.operand)
        if isinstance(node.op, ast.Not | ast.Invert):
            return not value if isinstance(value, bool) else ~value
        return -value if isinstance(node.op, ast.USub) else +value

    def _binop(self, node: ast.BinOp) -> Any:
        function = _ARITHMETIC.get(type(node.op))
        if function is None:
            self._refuse(node, "queries have no such operator")
        return function(self.of(node.left), self.of(node.right))

    def _compare(self, node: ast.Compare) -> Any:
        if any(isinstance(op, ast.Is | ast.IsNot) for op in node.ops):
            self._refuse(node.comparators[0], "queries have no `is`; write isna() or ==")
        sides = [node.left, *node.comparators]
        values = [self.of(side) for side in sides]
        result: Any = None
        for op, side, (left, right) in zip(node.ops, sides, pairwise(values), strict=False):
            outcome = self._one(op, side, left, right)
            result = outcome if result is None else result & outcome
        return result

    def _one(self, op: ast.cmpop, node: ast.expr, left: Any, right: Any) -> Any:
        """One comparison. A list on one side asks for membership."""
        if isinstance(op, ast.Eq | ast.NotEq):
            if _is_several(left):
                left, right = right, left
            if _is_several(right) and hasattr(type(left), "isin"):
                return left.isin(right) if isinstance(op, ast.Eq) else ~left.isin(right)
        if isinstance(op, ast.In | ast.NotIn):
            if not _is_several(right) or not hasattr(type(left), "isin"):
                self._refuse(node, "`in` asks whether a column is one of a list")
            return left.isin(right) if isinstance(op, ast.In) else ~left.isin(right)
        return _COMPARISONS[type(op)](left, right)

    def _attribute(self, node: ast.Attribute) -> Any:
        if node.attr.startswith("_"):
            self._refuse(node.value, f"{node.attr!r} is private")
        return getattr(self.of(node.value), node.attr)

    def _subscript(self, node: ast.Subscript) -> Any:
        if isinstance(node.slice, ast.Slice):
            bounds = (node.slice.lower, node.slice.upper, node.slice.step)
            key: Any = slice(*(None if bound is None else self.of(bound) for bound in bounds))
        else:
            key = self.of(node.slice)
        return self.of(node.value)[key]

    def _call(self, node: ast.Call) -> Any:
        arguments = [self.of(item) for item in node.args]
        options = {item.arg: self.of(item.value) for item in node.keywords if item.arg is not None}
        function = node.func
        if isinstance(function, ast.Name) and function.id in _FUNCTIONS and function.id not in self.query.columns:
            return getattr(np, function.id)(*arguments)
        if not isinstance(function, ast.Attribute) or self._is_callers(function):
            self._refuse(function, "only methods of columns and the functions of pandas' queries are called")
        if len(options) < len(node.keywords):
            self._refuse(function, "write the options by name")
        return self.of(function)(*arguments, **options)

    def _is_callers(self, node: ast.expr) -> bool:
        """Whether a value is the caller's: its methods do what they like."""
        while isinstance(node, ast.Attribute | ast.Subscript):
            node = node.value
        return isinstance(node, ast.Name) and node.id in self.query.locals


def _is_several(value: Any) -> bool:
    """Whether a value is several: a list, a set, an array, a Series."""
    if isinstance(value, list | tuple | set | frozenset | range):
        return True
    return hasattr(type(value), "tolist") and getattr(value, "ndim", 0) > 0 and not hasattr(type(value), "_step")
