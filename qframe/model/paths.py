"""Payload keys as Qdrant's JSON paths, which filters, indexes, payload selectors and writes by key are written in."""

from __future__ import annotations

import re

from qframe.errors import OptionError

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_STEP = r'(?:[A-Za-z0-9_-]+|"[^"\\]+")(?:\[[0-9]*\])*'
_PATH = re.compile(rf"{_STEP}(?:\.{_STEP})*")
_STEPS = re.compile(r'(?:([A-Za-z0-9_-]+)|"([^"\\]+)")((?:\[[0-9]*\])*)')
_SYNTAX = re.compile(r'[.\[\]"\\]')
_QUOTED = re.compile(r'"[^"]*"')


def payload_path(key: str) -> str | None:
    r"""The path of a top-level payload key; None for a key that no path can name.

    Letters, digits, `_` and `-` stand bare; anything else in quotes, where `"` and `\` have no escape. A key that
    holds a dot or brackets would otherwise mean nesting.
    """
    if _BARE.fullmatch(key):
        return key
    if not key or '"' in key or "\\" in key:
        return None
    return f'"{key}"'


def steps(path: str) -> list[tuple[str, int]] | None:
    """The keys of a path, each with how many lists it leads into; None for what is no path."""
    if not _PATH.fullmatch(path):
        return None
    return [(bare or quoted, brackets.count("[")) for bare, quoted, brackets in _STEPS.findall(path)]


def levels(path: str) -> int:
    """How deep a payload path leads: its keys and its brackets."""
    bare = _QUOTED.sub("", path)
    return 1 + bare.count(".") + bare.count("[")


def as_path(given: object, option: str) -> str:
    """A path that a caller wrote; a name without any of the signs of a path is put in quotes where it needs them.

    Parameters
    ----------
    given : object
    option : str
        What the error calls the option: ``"key="``.

    Raises
    ------
    OptionError
        It is not text, empty, or no path of Qdrant's.
    """
    if not isinstance(given, str) or not given:
        raise OptionError(f"{option}: found {given!r}, not the path of a payload key, as 'price' or 'address.city'.")
    if _PATH.fullmatch(given):
        return given
    if not _SYNTAX.search(given):
        return f'"{given}"'
    whole = payload_path(given)
    meant = f" The key of that very name is written {whole!r}." if whole else ""
    raise OptionError(
        f"{option}: {given!r} is no path. Steps are joined by dots, 'address.city'; a step is letters, digits, _, -, "
        f"or any text in double quotes; [0] and [] are elements of a list.{meant}"
    )
