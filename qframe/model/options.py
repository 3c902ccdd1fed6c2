"""Checks that options of several verbs have in common: a word of a list, a number above 0, yes or no. Pure."""

from __future__ import annotations

import math
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


def check_positive(name: str, value: object, kind: type | tuple[type, ...], unit: str) -> None:
    """Raise unless `value` is None or a finite number above 0 of that kind.

    Raises
    ------
    OptionError
    """
    if value is None:
        return
    number: Any = value
    if isinstance(value, bool) or not isinstance(value, kind) or not 0 < number < math.inf:
        raise OptionError(f"{name}={value!r}: a number of {unit} above 0.")


def check_flag(name: str, value: object) -> None:
    """Raise unless `value` is True or False.

    Raises
    ------
    OptionError
    """
    if not isinstance(value, bool):
        raise OptionError(f"{name}={value!r}: True or False.")
