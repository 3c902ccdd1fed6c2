"""Makes a function that forwards to a verb of `Collection` show that verb's parameters and documentation."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")

_COLLECTION = ["collection : str", "    Name or alias."]
_CONNECTION = [
    "connection : Connection or whatever `qframe.connect` takes, optional",
    "    Default: what `qframe.set_connection` has set, else what `qframe.connect()` says.",
]
_PARAMETER = inspect.Parameter("connection", inspect.Parameter.KEYWORD_ONLY, default=None, annotation="Any")


def forwards_to(verb: Callable[..., Any]) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Give a forwarding function the signature and the docstring of `verb`; completion and `help` read both.

    Both gain `collection` in front and `connection` at the end. What the verb calls `data` is the accessor's own frame.

    Parameters
    ----------
    verb : callable
        A method of `Collection`.
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
        function.__signature__ = inspect.Signature([*kept, *theirs, _PARAMETER])  # type: ignore[attr-defined]
        function.__doc__ = _documented(inspect.getdoc(verb) or "")
        return function

    return decorate


def _documented(text: str) -> str:
    """The docstring of a verb with the two parameters that a forwarding function has more, and without `data`."""
    lines = text.splitlines()
    headers = [at - 1 for at, line in enumerate(lines) if line.startswith("---")]
    if not headers:  # python -OO leaves no docstrings
        return text
    start = headers[0] + 2
    stop = headers[1] if len(headers) > 1 else len(lines)
    parameters = lines[start:stop]
    if parameters[0].startswith("data :"):
        following = next(at for at, line in enumerate(parameters[1:], 1) if line and not line.startswith(" "))
        parameters = parameters[following:]
    while parameters and not parameters[-1]:
        parameters.pop()
    return "\n".join([*lines[:start], *_COLLECTION, *parameters, *_CONNECTION, "", *lines[stop:]])
