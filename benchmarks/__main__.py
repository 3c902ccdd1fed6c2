"""`python -m benchmarks [--quick] [--only TEXT] [--write] [--check]`; QFRAME_TEST_URL runs it against a real server."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from benchmarks import memory
from benchmarks.bars import Verdict
from benchmarks.data import ROWS, make_rows
from benchmarks.groups import GROUPS, Group
from benchmarks.import_cost import import_cost
from benchmarks.report import Report, Result
from benchmarks.rounds import measure
from benchmarks.targets import Target, target, target_name

IMPORTS = 9
"""Runs of `import qframe`."""


@dataclass(frozen=True)
class Pace:
    """How often and how long each way is measured.

    Parameters
    ----------
    rounds, thorough_rounds : int
        Of most groups, and of those of the base case.
    seconds, thorough_seconds : float
        The shortest turn.
    most : int
        Rows of a slow way.
    """

    rounds: int
    thorough_rounds: int
    seconds: float
    thorough_seconds: float
    most: int

    def of(self, group: Group) -> tuple[int, float]:
        """Rounds, and seconds of a turn."""
        if group.thorough:
            return self.thorough_rounds, self.thorough_seconds
        return self.rounds, self.seconds

    def __str__(self) -> str:
        return f"{self.thorough_rounds} interleaved rounds in the base case and {self.rounds} elsewhere, medians"


FULL = Pace(rounds=3, thorough_rounds=5, seconds=0.15, thorough_seconds=0.4, most=ROWS)
QUICK = Pace(rounds=2, thorough_rounds=2, seconds=0.15, thorough_seconds=0.3, most=4_000)


def main() -> None:
    options = _options()
    pace = QUICK if options.quick else FULL
    if options.rounds:
        pace = Pace(options.rounds, options.rounds, pace.seconds, pace.thorough_seconds, pace.most)
    groups = [one for one in GROUPS if options.only.lower() in one.title.lower() and (one.quick or not options.quick)]
    if not groups:
        sys.exit(f"no group holds {options.only!r}: {'; '.join(group.title for group in GROUPS)}")
    begin, load = time.perf_counter(), os.getloadavg()[0]
    batches = [list(some) for _, some in groupby(groups, lambda group: group.case.rows)]
    results = [result for some in batches for result in _measured(some, pace)]
    other = _other(whole=not (options.quick or options.only))
    report = Report(target_name(), str(pace), load, results, other, time.perf_counter() - begin)
    print(report.text())
    if options.write:
        from benchmarks.page import write_page

        print("\nwritten to", write_page(report))
    if options.check and not report.reached:
        sys.exit(1)


def _other(*, whole: bool) -> list[Verdict]:
    """What is measured without ways taking turns; memory only in a whole run, of which it is half a minute."""
    return [import_cost(IMPORTS), *([memory.bar()] if whole else [])]


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="the base case and what else has a bar, two rounds")
    parser.add_argument("--rounds", type=int, help="so many rounds")
    parser.add_argument("--only", default="", help='groups whose title holds this text, for example "gRPC, read"')
    parser.add_argument("--write", action="store_true", help="put the tables and the picture into docs/benchmarks.md")
    parser.add_argument("--check", action="store_true", help="exit with 1 when a bar is missed")
    options = parser.parse_args()
    if options.write and (options.quick or options.only):
        parser.error("the page is of all groups: --write goes with neither --quick nor --only")
    return options


def _measured(groups: Sequence[Group], pace: Pace) -> Iterator[Result]:
    """The groups of the same rows."""
    case = groups[0].case
    with tempfile.TemporaryDirectory() as folder:
        frame = Path(folder) / "rows.parquet"
        make_rows(ROWS, case.dim, case.payload).write_parquet(frame, compression="uncompressed")
        with target(frame) as reached:
            for group in groups:
                if reached.waiting is not None or not group.waits:
                    yield _run(group, reached, str(frame), pace)


def _run(group: Group, reached: Target, frame: str, pace: Pace) -> Result:
    begin = time.perf_counter()
    print(f"{group.title} … ", end="", file=sys.stderr, flush=True)
    match group.task:
        case "write":
            renew = reached.empty
        case "read":
            reached.fill()
            renew = _nothing
        case _:  # what is changed or deleted has to be there, whatever the last turn left
            renew = reached.fill
    rounds, seconds = pace.of(group)
    ways = group.ways(reached, frame, pace.most)
    figures = measure(ways, rounds, 0.0 if reached.once else seconds, renew)
    print(f"{time.perf_counter() - begin:.0f} s", file=sys.stderr, flush=True)
    return Result(group, figures)


def _nothing() -> None:
    """What is read stays as it is."""


if __name__ == "__main__":
    main()
