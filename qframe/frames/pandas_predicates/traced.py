"""A column that stands for one of a frame, and writes down what is done with it: what it means and how to do it again.

Whatever is not known to look at a row alone is refused.
"""

from __future__ import annotations

import operator as operators
from collections.abc import Callable, Iterable
from typing import Any, NoReturn

import pandas as pd

from qframe.errors import OptionError
from qframe.frames.pandas_predicates import meanings as meanings
from qframe.frames.pandas_predicates import replay as replays
from qframe.frames.pandas_predicates.constants import logic_of
from qframe.frames.pandas_predicates.meanings import Computed, Truth
from qframe.frames.pandas_predicates.steps import Replay, Step, constant, literal, mask_of, refused, typed
from qframe.model.bad import shown
from qframe.model.predicate import REFLECTED, And, Not, Opaque, Operator, Or, Predicate, Xor
from qframe.model.spelling import hint

_ROW_WISE = frozenset({"abs", "round", "clip", "where", "mask", "replace"}) | {
    prefix + name for name in ("add", "sub", "mul", "div", "truediv", "floordiv", "mod", "pow") for prefix in ("", "r")
}
_OTHER_ROWS = frozenset({"method", "limit", "axis", "level", "inplace", "fill_value", "expand", "downcast"})
"""Options that look at other rows, change the frame, or give one."""


class Traced:
    """A column, or what was made of one, in a function that is being traced."""

    __slots__ = ("_step",)
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, step: Step) -> None:
        self._step = step

    # ---- comparisons

    def __eq__(self, other: object) -> Traced:  # type: ignore[override]
        return compare(self, "==", other)

    def __ne__(self, other: object) -> Traced:  # type: ignore[override]
        return compare(self, "!=", other)

    def __lt__(self, other: Any) -> Traced:
        return compare(self, "<", other)

    def __le__(self, other: Any) -> Traced:
        return compare(self, "<=", other)

    def __gt__(self, other: Any) -> Traced:
        return compare(self, ">", other)

    def __ge__(self, other: Any) -> Traced:
        return compare(self, ">=", other)

    eq, ne, lt, le, gt, ge = __eq__, __ne__, __lt__, __le__, __gt__, __ge__

    def isin(self, values: Iterable[Any]) -> Traced:
        step = self._step
        if isinstance(values, Traced | str) or not pd.api.types.is_list_like(values):
            raise OptionError(f"filter: {step.text}.isin({shown(values)}): a list of values.")
        given = list(values)
        predicate, here = meanings.membership(step.meaning, given)
        wanted = given if here is None else typed(step.meaning, here)
        text = f"{step.operand}.isin({given!r})"
        return _mask(text, predicate, lambda frame: step.replay(frame).isin(wanted))

    def between(self, left: Any, right: Any, inclusive: str = "both") -> Traced:
        if inclusive not in ("both", "left", "right", "neither"):
            raise OptionError(f"filter: inclusive={inclusive!r}: one of 'both', 'left', 'right', 'neither'.")
        lower = compare(self, ">=" if inclusive in ("both", "left") else ">", left)
        return lower & compare(self, "<=" if inclusive in ("both", "right") else "<", right)

    # ---- what is missing

    def isna(self) -> Traced:
        step = self._step
        predicate = meanings.missing(step.meaning)
        return _mask(f"{step.operand}.isna()", predicate, lambda frame: step.replay(frame).isna())

    def notna(self) -> Traced:
        return ~self.isna()

    isnull, notnull = isna, notna

    def fillna(self, value: Any = None, **options: Any) -> Traced:
        step = self._step
        if options or value is None:
            raise refused(f"{step.text}.fillna", "fills from other rows")
        if isinstance(value, Traced):
            return call(self, "fillna", (value,), {})
        meaning, here = meanings.filled(step.meaning, literal(value, step.text))
        text = f"{step.operand}.fillna({value!r})"
        is_mask = mask_of(step) is not None

        def replay(frame: pd.DataFrame) -> Any:
            values = step.replay(frame)
            return (replays.truth(values) if is_mask else values).fillna(here)

        return Traced(Step(text, meaning, replay))

    # ---- and, or, not

    def __and__(self, other: Any) -> Traced:
        return logical("&", self, other)

    def __rand__(self, other: Any) -> Traced:
        return logical("&", other, self)

    def __or__(self, other: Any) -> Traced:
        return logical("|", self, other)

    def __ror__(self, other: Any) -> Traced:
        return logical("|", other, self)

    def __xor__(self, other: Any) -> Traced:
        return logical("^", self, other)

    def __rxor__(self, other: Any) -> Traced:
        return logical("^", other, self)

    def __invert__(self) -> Traced:
        step = self._step
        predicate = meanings.of_mask(step.meaning)
        if predicate is None:
            return computed(f"~{step.operand}", lambda frame: ~step.replay(frame), is_operation=True)
        return _mask(f"~{step.operand}", Not(predicate), lambda frame: ~replays.truth(step.replay(frame)))

    # ---- what is computed

    def __neg__(self) -> Traced:
        return call(self, "__neg__", (), {}, f"-{self._step.operand}")

    def __pos__(self) -> Traced:
        return self

    def __abs__(self) -> Traced:
        return call(self, "abs", (), {})

    def __round__(self, digits: int = 0) -> Traced:
        return call(self, "round", (digits,), {})

    def astype(self, dtype: Any) -> Traced:
        if dtype == "category" or isinstance(dtype, pd.CategoricalDtype):
            raise refused(f"{self._step.text}.astype({dtype!r})", "has categories of all rows")
        done = call(self, "astype", (dtype,), {})
        if not pd.api.types.is_bool_dtype(dtype):
            return done
        return _mask(done._step.text, Opaque("a column is cast"), done._step.replay)

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Traced:
        from qframe.frames.pandas_predicates.ufuncs import apply

        return apply(ufunc, method, inputs, options)

    def __getattr__(self, name: str) -> Any:
        from qframe.frames.pandas_predicates.accessors import ACCESSORS

        if name.startswith("_"):
            raise AttributeError(name)
        text = self._step.text
        if name in ACCESSORS:
            return ACCESSORS[name](self)
        if name in _ROW_WISE:
            return lambda *args, **options: call(self, name, args, options)
        if hasattr(pd.Series, name):
            raise refused(f"{text}.{name}", "looks at other rows than its own, or is not known not to")
        raise OptionError(f"filter: {text} has no attribute {name!r}.{hint(name, dir(pd.Series))}")

    # ---- what a column of a page cannot answer

    def __bool__(self) -> NoReturn:
        raise OptionError(
            f"filter: {self._step.text} has one truth value a row, not one. Write &, | and ~ with parentheses in place "
            "of and, or and not, and between(…) in place of a < x < b."
        )

    def __len__(self) -> NoReturn:
        raise refused(f"len({self._step.text})", "counts all rows")

    def __iter__(self) -> NoReturn:
        raise refused(self._step.text, "is iterated over, all rows of it")

    def __contains__(self, item: Any) -> NoReturn:
        raise refused(f"{shown(item)} in {self._step.text}", "looks at other rows than its own")

    def __getitem__(self, key: Any) -> NoReturn:
        raise refused(f"{self._step.text}[{shown(key)}]", "picks rows")

    def __array__(self, *_: Any, **__: Any) -> NoReturn:
        raise refused(self._step.text, "is turned into a NumPy array of all rows")

    def __array_function__(self, function: Any, *_: Any) -> NoReturn:
        raise refused(f"numpy.{function.__name__}", "is a function of whole arrays")

    def __repr__(self) -> str:
        return f"<{self._step.text}>"


def _arithmetic(name: str, symbol: str, function: Callable[[Any, Any], Any]) -> None:
    def forward(self: Traced, other: Any) -> Traced:
        return combined(symbol, function, self, other)

    def reflected(self: Traced, other: Any) -> Traced:
        return combined(symbol, function, other, self)

    setattr(Traced, f"__{name}__", forward)
    setattr(Traced, f"__r{name}__", reflected)


for _name, _symbol in (
    ("add", "+"), ("sub", "-"), ("mul", "*"), ("truediv", "/"), ("floordiv", "//"), ("mod", "%"), ("pow", "**"),
):  # fmt: skip
    _arithmetic(_name, _symbol, getattr(operators, _name))


def _mask(text: str, predicate: Predicate, replay: Replay, *, is_operation: bool = False) -> Traced:
    return Traced(Step(text, Truth(predicate), replay, is_operation=is_operation))


def computed(text: str, replay: Replay, *, is_operation: bool = False) -> Traced:
    """Values that predicates have no word for."""
    return Traced(Step(text, Computed("it is computed from columns"), replay, is_operation=is_operation))


def compare(left: Traced, operator: Operator, right: Any) -> Traced:
    """Two columns, or a column and a literal."""
    step = left._step
    if isinstance(right, Traced):
        other = right._step
        return _mask(
            f"{step.operand} {operator} {other.operand}",
            Opaque("it compares columns with each other"),
            lambda frame: replays.compare(operator, step.replay(frame), other.replay(frame)),
            is_operation=True,
        )
    right = literal(right, step.text)
    text = f"{step.operand} {operator} {right!r}"
    found = meanings.comparison(step.meaning, operator, right)
    meant = found.compared

    def replay(frame: pd.DataFrame) -> Any:
        values = step.replay(frame)
        if meant is None:
            return replays.compare(operator, values, right)
        if meant.settled is None:
            return replays.compare(meant.operator, values, meant.here)
        return replays.settled(values, meant.settled, operator == "!=" if logic_of(values.dtype) == "nan" else None)

    return _mask(text, found.predicate, replay, is_operation=True)


def reflected(operator: Operator, left: Any, right: Traced) -> Traced:
    """A literal on the left."""
    return compare(right, REFLECTED[operator], left)


def logical(symbol: str, left: Any, right: Any) -> Traced:
    """And, or, exclusive or: of masks, or of the bits of integers."""
    steps = [side._step if isinstance(side, Traced) else constant(side, symbol) for side in (left, right)]
    text = f" {symbol} ".join(step.operand for step in steps)
    found = [mask_of(step) for step in steps]
    function = replays.LOGICAL[symbol]
    first, second = steps
    if found[0] is None or found[1] is None:
        return computed(text, lambda frame: function(first.replay(frame), second.replay(frame)), is_operation=True)

    def replay(frame: pd.DataFrame) -> Any:
        return function(replays.truth(first.replay(frame)), replays.truth(second.replay(frame)))

    parts = (*found[0], *found[1])
    if symbol == "&":
        both = And(tuple(part.predicate for part in parts))
        return Traced(Step(text, Truth(both), replay, parts, is_operation=True))
    one, other = (meanings.of_mask(step.meaning) for step in steps)
    assert one is not None  # noqa: S101  # they are masks
    assert other is not None  # noqa: S101
    return _mask(text, Or((one, other)) if symbol == "|" else Xor(one, other), replay, is_operation=True)


def combined(symbol: str, function: Callable[[Any, Any], Any], left: Any, right: Any) -> Traced:
    """Arithmetic of columns and literals."""
    steps = [side._step if isinstance(side, Traced) else constant(side, symbol) for side in (left, right)]
    first, second = steps
    return computed(
        f" {symbol} ".join(step.operand for step in steps),
        lambda frame: function(first.replay(frame), second.replay(frame)),
        is_operation=True,
    )


def call(owner: Traced, path: str, args: tuple[Any, ...], options: dict[str, Any], text: str | None = None) -> Traced:
    """A method that is known to be row-wise, by its path from the column ("str.lower")."""
    step = owner._step
    strange = _OTHER_ROWS.intersection(options)
    if strange:
        raise refused(f"{step.text}.{path}({min(strange)}=…)", "is not row by row")
    given = [_argument(value, f"{step.text}.{path}") for value in args]
    named = {name: _argument(value, f"{step.text}.{path}") for name, value in options.items()}

    def replay(frame: pd.DataFrame) -> Any:
        method = operators.attrgetter(path)(step.replay(frame))
        return method(*(one(frame) for one in given), **{name: one(frame) for name, one in named.items()})

    if text is None:
        shown_args = [repr(value) for value in args] + [f"{name}={value!r}" for name, value in options.items()]
        text = f"{step.operand}.{path}({', '.join(shown_args)})"
    return computed(text, replay)


def _argument(value: Any, of: str) -> Replay:
    if isinstance(value, Traced):
        return value._step.replay
    if isinstance(value, str) and value == "infer":
        raise refused(f"{of}(…'infer')", "looks at the rows around it")
    if isinstance(value, dict | list | tuple):
        if any(isinstance(one, Traced) for one in value):
            raise refused(of, "takes a list of columns")
        return lambda _: value
    value = literal(value, of)
    return lambda _: value
