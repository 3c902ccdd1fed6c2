"""Makes a function that forwards to a verb of `Collection` show that verb's parameters and documentation."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")

_COLLECTION = """
Parameters
----------
collection : str
    Name or alias.
"""
_CONNECTION = """
Parameters
----------
connection : Connection or whatever `qframe.connect` takes, optional
    Default: what `qframe.set_connection` has set, else what `qframe.connect()` says.
"""
_PARAMETER = inspect.Parameter("connection", inspect.Parameter.KEYWORD_ONLY, default=None, annotation="Any")


def forwards_to(verb: Callable[..., Any], *without: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Give a forwarding function the signature and the docstring of `verb`; completion and `help` read both.

    Both gain `collection` in front and `connection` at the end. What the verb calls `data` is the accessor's own frame.

    Parameters
    ----------
    verb : callable
        A method of `Collection`.
    *without : str
        Its parameters that the function does not take.
    """
    hidden = {"self", "data", *without}

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        own = list(inspect.signature(function).parameters.values())
        kept = [item for item in own if item.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD]
        names = {item.name for item in kept}
        given = inspect.signature(verb).parameters
        theirs = [item for name, item in given.items() if name not in hidden and name not in names]
        function.__signature__ = inspect.Signature([*kept, *theirs, _PARAMETER])  # type: ignore[attr-defined]
        text = inspect.getdoc(verb) or ""
        function.__doc__ = with_parameters(text, before=_COLLECTION, after=_CONNECTION, without=hidden)
        return function

    return decorate


def with_parameters(text: str, *, before: str = "", after: str = "", without: Collection[str] = ()) -> str:
    """A docstring with the parameters of others before and after its own.

    Parameters
    ----------
    text : str
        In numpy style, cleaned of its indentation.
    before, after : str
        Docstrings whose parameters are taken.
    without : collection of str
        Parameters that are left out.
    """
    lines = text.splitlines()
    found = _section(lines)
    if found is None:  # python -OO leaves no docstrings
        return text
    start, stop = found
    own = [line for entry in _entries(lines[start:stop]) for line in _cut(entry, without)]
    return "\n".join([*lines[:start], *_parameters(before), *own, *_parameters(after), "", *lines[stop:]]).rstrip()


def _parameters(text: str) -> list[str]:
    lines = inspect.cleandoc(text).splitlines()
    found = _section(lines)
    return [] if found is None else [line for entry in _entries(lines[slice(*found)]) for line in entry]


def _cut(entry: list[str], without: Collection[str]) -> list[str]:
    """An entry without some of the parameters that it describes; nothing when none is left."""
    names, colon, kind = entry[0].partition(" :")
    kept = [name for name in names.split(", ") if name not in without]
    return [", ".join(kept) + colon + kind, *entry[1:]] if kept else []


def _section(lines: list[str]) -> tuple[int, int] | None:
    """Where the parameters begin, and where the next section does."""
    headers = [at - 1 for at, line in enumerate(lines) if line.startswith("---")]
    if not headers:
        return None
    return headers[0] + 2, headers[1] if len(headers) > 1 else len(lines)


def _entries(lines: list[str]) -> list[list[str]]:
    """Each parameter with its description."""
    entries: list[list[str]] = []
    for line in lines:
        if line and not line.startswith(" "):
            entries.append([line])
        elif line:
            entries[-1].append(line)
    return entries
