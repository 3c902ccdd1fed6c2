"""Columns as a caller names them. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from qframe.errors import FrameError
from qframe.model.bad import shown
from qframe.model.spelling import hint, listed


def check_column(name: object, columns: Sequence[str], option: str) -> str:
    """The name of a column that is there.

    Raises
    ------
    FrameError
        With the name that was probably meant.
    """
    if not isinstance(name, str):
        raise FrameError(
            f"{option}: found {shown(name)}, of type {type(name).__name__}: columns are named by text.",
            value=name,
        )
    if name in columns:
        return name
    raise FrameError(
        f"{option}: the frame has no column {name!r}.{hint(name, columns)} It has {listed(columns) or 'none at all'}.",
        column=name,
        value=name,
    )
