"""Figures as tables: for the terminal, and as Markdown."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from benchmarks.bars import QFRAME, Verdict, fastest
from benchmarks.cases import BASE
from benchmarks.data import DIM, ROWS, Wire
from benchmarks.groups import WIRES, Group
from benchmarks.rounds import Figures
from benchmarks.ways import LIMITS, Task

PACKAGES = ("polars", "pandas", "pyarrow", "numpy", "grpcio", "httpx", "orjson", "qdrant-client", "protobuf")
TASKS: tuple[Task, ...] = ("write", "read")
MB = 1e6
Lines = list[list[str]]


@dataclass(frozen=True)
class Result:
    """A group and its figures."""

    group: Group
    figures: dict[str, Figures]

    @property
    def limit(self) -> str | None:
        """The name of the way that is the limit."""
        return next((name for name in LIMITS if name in self.figures), None)

    @property
    def client(self) -> str:
        """The name of qdrant-client's fastest way."""
        names = [name for name in self.figures if not name.startswith((QFRAME, "limit"))]
        return fastest(self.figures, names)

    def table(self) -> Lines:
        """One line a way, under a line of titles."""
        ours = self.figures[QFRAME]
        lines = [["", "rows", "rows/s", "from – to", "CPU µs/row", "B/row", "peak MB", "grown MB", "qframe is"]]
        for name, found in self.figures.items():
            low, high = found.spread
            lines.append(
                [
                    name,
                    f"{found.count:,}",
                    f"{found.rate:,.0f}",
                    f"{low:,.0f} – {high:,.0f}",
                    f"{found.cpu_a_row:.1f}",
                    f"{found.bytes_a_row:,.0f}",
                    f"{found.peak / MB:.0f}",
                    f"{max(0, found.grown) / MB:.0f}",
                    "" if name == QFRAME else f"{ours.times(found):.2f}×",
                ]
            )
        if self.limit is not None:
            lines[0].append("of the limit")
            for line, found in zip(lines[1:], self.figures.values(), strict=True):
                line.append(f"{found.times(self.figures[self.limit]):.0%}")
        return lines

    def line(self) -> list[str]:
        """The group in short: qframe, the fastest way of qdrant-client and the limit."""
        assert self.limit is not None
        ours, theirs, limit = (self.figures[name] for name in (QFRAME, self.client, self.limit))
        return [
            self.group.case.name,
            f"{ours.rate:,.0f}",
            f"{ours.cpu_a_row:.1f}",
            f"{ours.bytes_a_row:,.0f}",
            self.client,
            f"{theirs.rate:,.0f}",
            f"{theirs.cpu_a_row:.1f}",
            f"{ours.times(theirs):.1f}×",
            f"{limit.rate:,.0f}",
            f"{ours.times(limit):.0%}",
        ]


IN_SHORT = [
    "",
    "qframe, rows/s",
    "CPU µs/row",
    "B/row",
    "fastest of qdrant-client",
    "rows/s",
    "CPU µs/row",
    "qframe is",
    "limit, rows/s",
    "of the limit",
]


@dataclass(frozen=True)
class Report:
    """All that a run of the benchmarks found.

    Parameters
    ----------
    target : str
    rounds : str
        How many, in words.
    load : float
        Of the machine before the first round.
    results : sequence of Result
    other : sequence of Verdict
        On bars that no group has.
    seconds : float
        That all of it took.
    """

    target: str
    rounds: str
    load: float
    results: Sequence[Result]
    other: Sequence[Verdict]
    seconds: float

    @property
    def verdicts(self) -> list[Verdict]:
        return [one for result in self.results for one in result.group.verdicts(result.figures)] + list(self.other)

    @property
    def reached(self) -> bool:
        return all(verdict.reached for verdict in self.verdicts)

    def bars(self) -> Lines:
        found = ([one.bar, one.found, "reached" if one.reached else "not reached"] for one in self.verdicts)
        return [["bar", "found", ""], *found]

    def panels(self) -> list[tuple[str, list[Result]]]:
        """The plain writes and reads of all cases, by task and wire, with a title."""
        found = [(f"{title}, {task}", self._by_case(task, wire)) for task in TASKS for wire, title in WIRES.items()]
        return [(title, results) for title, results in found if results]

    def _by_case(self, task: Task, wire: Wire) -> list[Result]:
        chosen = [one for one in self.results if (one.group.task, one.group.wire) == (task, wire)]
        return [one for one in chosen if not one.group.note]

    def setting(self) -> str:
        """What was measured where."""
        packages = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
        return (
            f"{ROWS:,} rows of {DIM} float32 and 8 scalar fields, and what the cases change; {self.rounds}; "
            f"{self.target}. {machine()}, load {self.load:.1f} before the first round; all of it took "
            f"{self.seconds / 60:.1f} minutes. Python {platform.python_version()}, {packages}."
        )

    def text(self) -> str:
        """For the terminal."""
        parts = []
        for result in self.results:
            parts += [result.group.title, "\n".join(_aligned(result.table()))]
        return "\n\n".join([*parts, "\n".join(_aligned(self.bars())), self.setting()])

    def short_tables(self) -> str:
        """A line a case, as Markdown."""
        parts = []
        for title, results in self.panels():
            parts += [f"### {title}", markdown([IN_SHORT, *(one.line() for one in results)])]
        return "\n\n".join(parts)

    def full_tables(self, *, base: bool) -> str:
        """All that was found in the base case, or in all others, as Markdown."""
        chosen = [one for one in self.results if (one.group.case is BASE) == base]
        return "\n\n".join(f"### {one.group.title}\n\n{markdown(one.table())}" for one in chosen)


def machine() -> str:
    """The kind of machine, without its name."""
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        lines = cpuinfo.read_text().splitlines()
        model = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), model)
    return f"{platform.system()} on {os.cpu_count()} cores of {model}"


def _aligned(lines: Lines) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        first, *rest = (
            f"{cell:{'<' if n == 0 else '>'}{width}}" for n, (cell, width) in enumerate(zip(line, widths, strict=True))
        )
        yield "  ".join([first, *rest]).rstrip()


def markdown(lines: Lines) -> str:
    """A table."""
    titles, *body = lines
    head = [f"| {' | '.join(titles)} |", f"|---|{'--:|' * (len(titles) - 1)}"]
    return "\n".join([*head, *(f"| {' | '.join(line)} |" for line in body)])
