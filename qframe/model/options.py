"""Checks that options of several verbs have in common: a word of a list, a number, yes or no. Pure."""

from __future__ import annotations

import math
import operator
from numbers import Real
from typing import Any, Literal, get_args

from qframe.errors import OptionError

Errors = Literal["raise", "report"]
"""What becomes of a call in which some rows come to nothing."""


def check_word(name: str, value: object, words: Any) -> None:
    """Raise unless `value` is one of the words of a `Literal`.

    Raises
    ------
    OptionError
    """
    allowed = get_args(words)
    if value not in allowed:
        raise OptionError(f"{name}={value!r}: one of {', '.join(map(repr, allowed))}.")


def as_whole(name: str, value: object, wanted: str, *, least: int | None = 1) -> int:
    """`value` as an int: whole numbers of NumPy too, as they come out of a frame, and no bool.

    Parameters
    ----------
    name : str
    value : object
    wanted : str
        What the option takes, for the error.
    least : int, optional

    Raises
    ------
    OptionError
        It is no whole number, or below `least`.
    """
    given: Any = value
    try:
        number = None if isinstance(value, bool) else operator.index(given)
    except TypeError:
        number = None
    if number is None or (least is not None and number < least):
        raise OptionError(f"{name}={value!r}: {wanted}.")
    return number


def as_seconds(name: str, value: object) -> float | None:
    """`value` as a float, None as it is.

    Raises
    ------
    OptionError
        It is no finite number above 0.
    """
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, Real) or not 0 < float(value) < math.inf:
        raise OptionError(f"{name}={value!r}: a number of seconds above 0.")
    return float(value)


def check_flag(name: str, value: object) -> None:
    """Raise unless `value` is True or False.

    Raises
    ------
    OptionError
    """
    if not isinstance(value, bool):
        raise OptionError(f"{name}={value!r}: True or False.")
