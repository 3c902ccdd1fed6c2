"""Names of columns that a caller may have mistyped. Pure."""

from __future__ import annotations

import difflib
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
