"""Figures as tables: for the terminal, and as Markdown."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from benchmarks.data import DIM, ROWS
from benchmarks.groups import LIMITS, QFRAME, Group
from benchmarks.import_cost import BAR_MS, ImportCost
from benchmarks.rounds import Figures

PACKAGES = ("polars", "pyarrow", "numpy", "grpcio", "httpx", "orjson", "qdrant-client", "protobuf")
MB = 1e6


@dataclass(frozen=True)
class Result:
    """A group and its figures."""

    group: Group
    figures: dict[str, Figures]

    def table(self) -> list[list[str]]:
        """One line a way, under a line of titles."""
        ours, limit = self.figures[QFRAME], self.figures.get(LIMITS.get(self.group.task, ""))
        lines = [["", "rows/s", "from – to", "CPU µs/row", "peak MB", "grown MB", "qframe is"]]
        for name, found in self.figures.items():
            low, high = found.spread
            lines.append(
                [
                    name,
                    f"{found.rate:,.0f}",
                    f"{low:,.0f} – {high:,.0f}",
                    f"{found.cpu_a_row:.1f}",
                    f"{found.peak / MB:.0f}",
                    f"{found.grown / MB:.0f}",
                    "" if name == QFRAME else f"{ours.times(found):.2f}×",
                ]
            )
        if limit is not None:
            lines[0].append("of the limit")
            for line, found in zip(lines[1:], self.figures.values(), strict=True):
                line.append(f"{found.rate / limit.rate:.0%}")
        return lines

    def bars(self) -> list[tuple[str, float, bool]]:
        """Each bar of the group, what was found, and whether that reaches it."""
        found = []
        for bar in self.group.bars:
            ratio = bar.ratio(self.figures)
            found.append((f"{self.group.title}: {bar}", ratio, ratio >= bar.times))
        return found


@dataclass(frozen=True)
class Report:
    """All that a run of the benchmarks found."""

    target: str
    rounds: int
    load: float
    results: Sequence[Result]
    imports: ImportCost

    @property
    def reached(self) -> bool:
        return self.imports.reached and all(reached for result in self.results for *_, reached in result.bars())

    def bars(self) -> list[list[str]]:
        lines = [["bar", "found", ""]]
        for result in self.results:
            for text, ratio, reached in result.bars():
                lines.append([text, f"{ratio:.2f}×", "reached" if reached else "not reached"])
        found = f"{self.imports.median:.0f} ms"
        if self.imports.heavy:
            found += f", with {', '.join(self.imports.heavy)}"
        lines.append(
            [
                f"`import qframe`: less than {BAR_MS} ms, none of the large libraries",
                found,
                "reached" if self.imports.reached else "not reached",
            ]
        )
        return lines

    def setting(self) -> str:
        """What was measured where."""
        packages = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
        return (
            f"{ROWS:,} rows of {DIM} float32 and 8 scalar fields; one worker; {self.rounds} interleaved rounds, "
            f"medians; {self.target}. {machine()}, load {self.load:.1f} before the first round. "
            f"Python {platform.python_version()}, {packages}."
        )

    def text(self) -> str:
        """For the terminal."""
        parts = [self.setting()]
        for result in self.results:
            parts += [result.group.title, "\n".join(_aligned(result.table()))]
        return "\n\n".join([*parts, "\n".join(_aligned(self.bars()))])

    def markdown(self) -> str:
        """For the documentation."""
        parts = [self.setting()]
        for result in self.results:
            parts += [f"### {result.group.title}", "\n".join(_piped(result.table()))]
        return "\n\n".join([*parts, "### Bars", "\n".join(_piped(self.bars()))]) + "\n"


def machine() -> str:
    """The kind of machine, without its name."""
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        lines = cpuinfo.read_text().splitlines()
        model = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), model)
    return f"{platform.system()} on {os.cpu_count()} cores of {model}"


def _aligned(lines: list[list[str]]) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        first, *rest = (
            f"{cell:{'<' if n == 0 else '>'}{width}}" for n, (cell, width) in enumerate(zip(line, widths, strict=True))
        )
        yield "  ".join([first, *rest]).rstrip()


def _piped(lines: list[list[str]]) -> Iterator[str]:
    titles, *body = lines
    yield f"| {' | '.join(titles)} |"
    yield f"|---|{'--:|' * (len(titles) - 1)}"
    for line in body:
        yield f"| {' | '.join(line)} |"
