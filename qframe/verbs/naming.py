"""What verbs are called in Python's own errors, and the refusal of options they do not take, with the one meant."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import ParamSpec, TypeVar

from qframe.model.spelling import hint

P = ParamSpec("P")
R = TypeVar("R")
C = TypeVar("C", bound=type)


_OF_SCANS = (
    "A frame in memory has no plan to explain: lf.qdrant.explain() is of a LazyFrame that begins with qf.scan(…), and "
    "qf.collection(…).explain(predicate) of one predicate."
)
_OF_COLLECTIONS = ("collections", "count", "facet", "info", "iter_frames", "read", "scan")


def absent(owner: str, name: str, namespace: type) -> str:
    """What an AttributeError says of a method that a frame's namespace does not have, and where there is one."""
    if name == "explain":
        advice = f" {_OF_SCANS}"
    elif name in _OF_COLLECTIONS:
        advice = f" A collection is read by qf.{name}(…)."
    else:
        advice = hint(name, [other for other in dir(namespace) if not other.startswith("_")])
    return f"{owner} has no {name!r}.{advice}"


def called(label: str, elsewhere: Mapping[str, str] | None = None) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Let a function refuse options that it does not show, before it does anything, under the name it is called by.

    Parameters
    ----------
    label : str
        As a caller writes it: ``"qf.read"``.
    elsewhere : mapping of str to str, optional
        For options of something else, the sentence that says so.
    """

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        taken = [name for name in inspect.signature(function).parameters if name != "self"]

        @functools.wraps(function)
        def checked(*args: P.args, **kwargs: P.kwargs) -> R:
            for name in kwargs:
                if name not in taken:
                    advice = (elsewhere or {}).get(name)
                    more = hint(name, taken) if advice is None else f" {advice}"
                    raise TypeError(f"{label}() got an unexpected keyword argument {name!r}.{more}")
            return function(*args, **kwargs)

        # Which Python's errors about positional and missing arguments name; `checked` keeps its own, for pickle.
        function.__qualname__ = label
        return checked

    return decorate


def methods_called(owner: str, elsewhere: Mapping[str, str] | None = None) -> Callable[[C], C]:
    """Do so with the public methods of a class, which a caller knows as `owner`'s."""

    def decorate(cls: C) -> C:
        for name, member in list(vars(cls).items()):
            if inspect.isfunction(member) and not name.startswith("_"):
                setattr(cls, name, called(f"{owner}.{name}", elsewhere)(member))
        return cls

    return decorate
