"""Names that a caller may have mistyped: columns, and collections. Pure."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Sequence

from qframe.errors import FrameError
from qframe.model.bad import shown

SHOWN_NAMES = 20
"""How many names an error lists."""


def listed(names: Iterable[str]) -> str:
    """Names as an error lists them."""
    every = [repr(name) for name in names]
    rest = len(every) - SHOWN_NAMES
    text = ", ".join(every[:SHOWN_NAMES])
    return text + (f" and {rest} more" if rest > 0 else "")


def similar(name: str, names: Iterable[str]) -> str | None:
    """The name that was probably meant."""
    lower = {other.lower(): other for other in names}
    found = difflib.get_close_matches(name.lower(), lower, n=1, cutoff=0.7)
    return lower[found[0]] if found else None


def check_column(name: object, columns: Sequence[str], option: str) -> str:
    """The name of a column that is there.

    Raises
    ------
    FrameError
        With the name that was probably meant.
    """
    if not isinstance(name, str):
        raise FrameError(
            f"{option}: found {shown(name)}, a {type(name).__name__}: columns are named by text.",
            value=name,
        )
    if name in columns:
        return name
    meant = similar(name, columns)
    hint = f" Did you mean {meant!r}?" if meant else ""
    raise FrameError(
        f"{option}: the frame has no column {name!r}.{hint} It has {listed(columns) or 'none at all'}.",
        column=name,
        value=name,
    )


def near_miss(name: str, existing: Iterable[str]) -> str | None:
    """An existing name that `name` is probably a slip of: at most two letters apart.

    Names that differ in nothing but digits (``docs_v1`` and ``docs_v2``) are taken as meant. In names of fewer than
    five letters one letter may differ, in those of fewer than three none: such names are near each other anyway.
    """
    for other in sorted(existing):
        apart = min(2, (min(len(name), len(other)) - 1) // 2)
        if other == name or abs(len(other) - len(name)) > apart or _without_digits(name) == _without_digits(other):
            continue
        if _distance(name, other) <= apart:
            return other
    return None


def _without_digits(name: str) -> str:
    return re.sub(r"\d+", "", name)


def _distance(one: str, other: str) -> int:
    """Levenshtein's: letters to insert, delete or replace."""
    row = list(range(len(other) + 1))
    for i, letter in enumerate(one, start=1):
        before, row[0] = row[0], i
        for j, found in enumerate(other, start=1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (letter != found))
    return row[-1]
