"""A step of a function that is being traced: what it means and how to do it again. And what no step may look at."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from qframe.errors import OptionError
from qframe.frames.pandas_predicates import meanings as meanings
from qframe.frames.pandas_predicates.constants import Field
from qframe.frames.pandas_predicates.meanings import Computed, Meaning, Truth
from qframe.model.bad import shown
from qframe.model.predicate import Always, Conjunct

Replay = Callable[[pd.DataFrame], Any]

WAY_OUT = "Read the frame and filter it: pages are looked at one by one."


@dataclass(frozen=True, slots=True)
class Step:
    """What was done so far.

    Parameters
    ----------
    text : str
        As one would write it.
    meaning : Meaning
    replay : callable
        The same of a real frame.
    parts : tuple of Conjunct
        Of a mask, what must all be true.
    is_operation : bool
        Whether the text needs parentheses beside an operator.
    """

    text: str
    meaning: Meaning
    replay: Replay
    parts: tuple[Conjunct, ...] = ()
    is_operation: bool = False

    @property
    def operand(self) -> str:
        return f"({self.text})" if self.is_operation else self.text


def mask_of(step: Step) -> tuple[Conjunct, ...] | None:
    """What must all be true where a step is used as a mask; None for what is none."""
    predicate = meanings.of_mask(step.meaning)
    return None if predicate is None else step.parts or (Conjunct(step.text, predicate),)


def refused(text: str, why: str) -> OptionError:
    """The error for what a page cannot tell."""
    return OptionError(f"filter: {text} {why}. {WAY_OUT}")


def literal(value: Any, beside: str) -> Any:
    """A value beside a column; OptionError for several of them, which have rows of their own."""
    if callable(value):
        raise refused(shown(value), "is a function, which may look at anything")
    if pd.api.types.is_list_like(value) and not (isinstance(value, np.ndarray) and value.ndim == 0):
        raise OptionError(
            f"filter: {beside} beside {shown(value)}, which is not one value. Write .isin(…) for one of several; "
            f"values for each row have no place in a filter of pages. {WAY_OUT}"
        )
    return value.item() if isinstance(value, np.ndarray) else value


def constant(value: Any, symbol: str) -> Step:
    value = literal(value, symbol)
    if isinstance(value, bool | np.bool_):
        return Step(repr(bool(value)), Truth(Always(bool(value))), lambda _: bool(value))
    return Step(repr(value), Computed("it is a literal"), lambda _: value)


def typed(meaning: Meaning, values: list[Any]) -> Any:
    """Values to look up, in the type of a column of Arrow's, which finds nothing of another."""
    if isinstance(meaning, Field) and meaning.in_arrow:
        plain = [value.as_py() if isinstance(value, pa.Scalar) else value for value in values]
        return pd.arrays.ArrowExtensionArray(pa.chunked_array([pa.array(plain, meaning.dtype)]))
    return values
