"""What becomes of a read whose expressions the server cannot help with: refused, or told."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from qframe.errors import PushdownError
from qframe.filters.pushed import EVERY_ID, Part
from qframe.planning.sources import Run

log = logging.getLogger("qframe")

MANY_POINTS = 10_000
"""A collection of no more is read before anybody wonders."""


def enforce(run: Run, pushdown: str) -> None:
    """Look at a run before it begins.

    A limit that comes before the predicates bounds what is read by itself: these are not among the run's parts.

    Parameters
    ----------
    run : Run
    pushdown : "auto", "require" or "off"

    Raises
    ------
    PushdownError
        With "require", where there are expressions and the server can tell nothing about any of them.
    """
    parts = run.pushed.parts
    if run.limit == 0 or run.pushed.exact or run.pushed.filter is not None or run.pushed.ids != EVERY_ID:
        return
    info = run.plan.info
    if pushdown == "require":
        raise PushdownError(_refusal(parts, info.name, info.points), collection=info.name, parts=parts)
    # A filter of the caller's narrows what is read, by how much nobody knows.
    if pushdown == "auto" and run.request.filter is None and info.points > MANY_POINTS:
        log.warning(
            "nothing pushed down",
            extra={"collection": info.name, "rows": info.points, "detail": "; ".join(map(_line, parts))},
        )


def _refusal(parts: Sequence[Part], name: str, points: int) -> str:
    lines = "".join(f"\n  {_line(part)}" for part in parts)
    return (
        f'pushdown="require": the server can evaluate nothing of the filter, so all points of {name!r} '
        f"(about {points:,}) would be read:{lines}\n"
        "Add a condition that it can evaluate (explain() tells which), a Qdrant filter in filter=, or pass "
        'pushdown="auto" to read them all.'
    )


def _line(part: Part) -> str:
    return f"{part.text}: {', '.join(part.reasons)}"
