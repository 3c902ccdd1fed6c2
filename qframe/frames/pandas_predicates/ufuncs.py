"""NumPy's ufuncs over traced columns: they are row-wise, all but those with a signature."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from qframe.frames.pandas_predicates import meanings as meanings
from qframe.frames.pandas_predicates.constants import Field
from qframe.frames.pandas_predicates.meanings import Truth
from qframe.frames.pandas_predicates.steps import Step, constant, mask_of, refused
from qframe.frames.pandas_predicates.traced import Traced, compare, computed, logical, reflected
from qframe.model.predicate import Opaque, Operator, Predicate

_COMPARISONS: dict[str, Operator] = {
    "equal": "==",
    "not_equal": "!=",
    "less": "<",
    "less_equal": "<=",
    "greater": ">",
    "greater_equal": ">=",
}
_LOGICAL = {
    "logical_and": "&",
    "bitwise_and": "&",
    "logical_or": "|",
    "bitwise_or": "|",
    "logical_xor": "^",
    "bitwise_xor": "^",
}
_NOT = ("logical_not", "invert", "bitwise_not")
_TESTS = ("isnan", "isfinite", "isinf", "signbit", "isnat")


def apply(ufunc: Any, method: str, inputs: Sequence[Any], options: Mapping[str, Any]) -> Traced:
    """What a ufunc makes of columns."""
    name = ufunc.__name__
    if method != "__call__" or ufunc.signature is not None or ufunc.nout != 1 or options:
        raise refused(f"numpy.{name}{'' if method == '__call__' else '.' + method}", "is not row by row")
    if name in _COMPARISONS:
        left, right = inputs
        if isinstance(left, Traced):
            return compare(left, _COMPARISONS[name], right)
        return reflected(_COMPARISONS[name], left, right)
    masks = [mask_of(one._step) is not None for one in inputs if isinstance(one, Traced)]
    if name in _LOGICAL and all(masks):
        return logical(_LOGICAL[name], *inputs)
    if name in _NOT and all(masks):
        return ~inputs[0]
    return _any(ufunc, inputs)


def _any(ufunc: Callable[..., Any], inputs: Sequence[Any]) -> Traced:
    name = ufunc.__name__
    steps = [one._step if isinstance(one, Traced) else constant(one, f"numpy.{name}") for one in inputs]
    text = f"{name}({', '.join(step.text for step in steps)})"

    def replay(frame: pd.DataFrame) -> Any:
        return ufunc(*(step.replay(frame) for step in steps))

    if name not in _TESTS:
        return computed(text, replay)
    meaning = steps[0].meaning
    predicate: Predicate = Opaque(f"numpy.{name} is evaluated here")
    # NumPy has NaN where a number is missing; payload itself has none.
    if name == "isnan" and isinstance(meaning, Field) and isinstance(meaning.shown, np.dtype):
        predicate = meanings.missing(meaning) if meaning.logic == "nan" else predicate
    return Traced(Step(text, Truth(predicate), replay))
