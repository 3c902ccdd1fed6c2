"""What a plan of polars tells of its Python sources: the filters that polars keeps for itself above them.

Plans are text for people, without a promise. What is not as known here is passed over: an explanation then says less,
and a query runs as it does.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_SCAN = re.compile(r"(\s*)PYTHON(?:\[(.*)\])? SCAN\b")
_COLUMNS = re.compile(r"\s*PROJECT (\*|[0-9]+)/[0-9]+ COLUMNS")
_PASSED = ("simple π", "SELECT", "WITH_COLUMNS", "WINDOW", "SORT BY", "CACHE", "OPAQUE_PYTHON", "ROW INDEX", "[")
"""Where lines begin of what stands between a source and a filter of its rows; `[` are expressions of such."""

_NAMED = re.compile(r'\[(.*)\.alias\("(_POLARS_TMP\w+)"\)\]')


@dataclass(frozen=True, slots=True)
class PlannedScan:
    """A Python source in a plan.

    Parameters
    ----------
    name : str
        As it was registered; empty where polars does not show it (before 2.1).
    columns : int or None
        How many are asked for; None for all.
    filtered : bool
        Whether it is handed a predicate.
    kept : tuple of str
        The filters that polars applies itself to what it gives, the nearest first.
    """

    name: str
    columns: int | None
    filtered: bool
    kept: tuple[str, ...]


def planned_scans(plan: str) -> list[PlannedScan]:
    """The Python sources of a plan, as `LazyFrame.explain` writes it, from top to bottom."""
    lines = plan.splitlines()
    named = {name: text for line in lines for text, name in _NAMED.findall(line)}
    found = []
    for number, line in enumerate(lines):
        scan = _SCAN.match(line)
        if scan is not None:
            below = lines[number + 1 : number + 3]
            asked = _COLUMNS.match(below[0]) if below else None
            found.append(
                PlannedScan(
                    name=scan[2] or "",
                    columns=None if asked is None or asked[1] == "*" else int(asked[1]),
                    filtered=any(one.lstrip().startswith("SELECTION:") for one in below),
                    kept=tuple(_spelt(text, named) for text in _above(lines, number)),
                )
            )
    return found


def _above(lines: list[str], number: int) -> Iterator[str]:
    """The filters on the way up from a line, as far as that leads through nothing that joins, cuts or groups rows."""
    depth = _depth(lines[number])
    while (number := _parent(lines, number, depth)) >= 0:
        depth, text = _depth(lines[number]), lines[number].lstrip()
        if text == "FROM":
            first = number - 1
            # A constant may hold the end of a line.
            while first >= 0 and not lines[first].lstrip().startswith("FILTER "):
                first -= 1
            if first < 0 or _depth(lines[first]) != depth:
                return
            yield "\n".join(lines[first:number]).lstrip().removeprefix("FILTER ")
            number = first
        elif not text.startswith(_PASSED):
            return


def _parent(lines: list[str], number: int, depth: int) -> int:
    """The nearest line above that stands farther left; -1 where there is none."""
    return next((above for above in range(number - 1, -1, -1) if _depth(lines[above]) < depth), -1)


def _depth(line: str) -> int:
    return len(line) - len(line.lstrip())


def _spelt(text: str, named: dict[str, str]) -> str:
    """A filter with what polars computes beforehand, as a window, in place of the name that it gives to that."""
    for _ in named:
        text = re.sub(r'col\("(_POLARS_TMP\w+)"\)', lambda found: named.get(found[1], found[0]), text)
    return text
