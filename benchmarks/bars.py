"""What was set as a goal, and whether the figures of a group reach it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from benchmarks.rounds import Figures

QFRAME = "qframe"


@dataclass(frozen=True)
class Verdict:
    """A bar in words, what was found, and whether that reaches it."""

    bar: str
    found: str
    reached: bool

    def of(self, title: str) -> Verdict:
        """The same, with what it is about."""
        return Verdict(f"{title}: {self.bar}", self.found, self.reached)


class Bar(Protocol):
    """A goal of qframe's within a group; figures are by the names of the ways."""

    def verdict(self, figures: Mapping[str, Figures]) -> Verdict: ...


def fastest(figures: Mapping[str, Figures], names: Sequence[str]) -> str:
    """The way of these with the most rows/s."""
    return max(names, key=lambda name: figures[name].rate)


@dataclass(frozen=True)
class Faster:
    """At least so many times the rows/s of a way, or of the fastest of several."""

    times: float
    against: Sequence[str]

    def verdict(self, figures: Mapping[str, Figures]) -> Verdict:
        other = fastest(figures, self.against)
        found = figures[QFRAME].times(figures[other])
        bar = f"at least {self.times:g}× the rows/s of {_named(self.against)}"
        return Verdict(bar, f"{found:.2f}×{_which(other, self.against)}", found >= self.times)


@dataclass(frozen=True)
class Leaner:
    """At most one so manieth of the client CPU a row of a way, or of the fastest of several."""

    times: float
    against: Sequence[str]

    def verdict(self, figures: Mapping[str, Figures]) -> Verdict:
        other = fastest(figures, self.against)
        found = figures[QFRAME].cpu_of(figures[other])
        bar = f"at most 1/{self.times:g} of the client CPU a row of {_named(self.against)}"
        return Verdict(bar, f"1/{found:.2f}{_which(other, self.against)}", found >= self.times)


@dataclass(frozen=True)
class Share:
    """At least such a share of the rows/s of a limit."""

    share: float
    limit: str

    def verdict(self, figures: Mapping[str, Figures]) -> Verdict:
        found = figures[QFRAME].times(figures[self.limit])
        return Verdict(f"at least {self.share:.0%} of {self.limit}", f"{found:.0%}", found >= self.share)


@dataclass(frozen=True)
class Above:
    """At most so many µs of CPU a row more than a limit: what the work itself takes, beyond the sending."""

    microseconds: float
    limit: str

    def verdict(self, figures: Mapping[str, Figures]) -> Verdict:
        found = figures[QFRAME].cpu_above(figures[self.limit])
        bar = f"at most {self.microseconds:g} µs of client CPU a row above {self.limit}"
        return Verdict(bar, f"{found:.2f} µs", found <= self.microseconds)


def _named(ways: Sequence[str]) -> str:
    numbers = {2: "two", 3: "three", 4: "four", 5: "five"}
    return ways[0] if len(ways) == 1 else f"the fastest of the {numbers[len(ways)]}"


def _which(way: str, ways: Sequence[str]) -> str:
    return f" ({way})" if len(ways) > 1 else ""
