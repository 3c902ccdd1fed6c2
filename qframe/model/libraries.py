"""Which libraries a process has imported of its own accord: what qframe imports for its own work must not look like it.

Decides what kind of frame a read gives by default. Imports nothing itself.
"""

from __future__ import annotations

import sys
from typing import Literal

_own: set[str] = set()


def needed(name: str) -> None:
    """To be called before qframe imports a library that nobody asked for."""
    if name not in sys.modules:
        _own.add(name)


def in_use(name: str) -> bool:
    """Whether somebody else than qframe has imported a library."""
    return name in sys.modules and name not in _own


def usual() -> Literal["polars", "pandas"]:
    """The library of an answer that nobody named: polars, or pandas where only that has been imported."""
    return "pandas" if in_use("pandas") and not in_use("polars") else "polars"
