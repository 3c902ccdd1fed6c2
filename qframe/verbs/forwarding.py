"""Makes a function that forwards to a verb of `Collection` show that verb's parameters and documentation."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")

_CONNECTION = inspect.Parameter("connection", inspect.Parameter.KEYWORD_ONLY, default=None, annotation="Any")


def forwards_to(verb: Callable[..., Any], first: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Give a forwarding function the signature and the docstring of `verb`; completion and `help` read both.

    Parameters
    ----------
    verb : callable
        A method of `Collection`.
    first : str
        A line on what the forwarding function takes beside the verb's own parameters.
    """

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        own = list(inspect.signature(function).parameters.values())
        kept = [item for item in own if item.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD]
        names = {item.name for item in kept}
        theirs = [
            item
            for name, item in inspect.signature(verb).parameters.items()
            if name not in ("self", "data") and name not in names
        ]
        function.__signature__ = inspect.Signature([*kept, *theirs, _CONNECTION])  # type: ignore[attr-defined]
        function.__doc__ = f"{inspect.getdoc(verb)}\n\n{first}"
        return function

    return decorate
