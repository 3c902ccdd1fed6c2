"""`python -m benchmarks [--quick] [--only TEXT] [--write] [--check]`; QFRAME_TEST_URL runs it against a real server."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from functools import partial
from pathlib import Path

from benchmarks.data import make_rows
from benchmarks.groups import GROUPS, Group
from benchmarks.import_cost import import_cost
from benchmarks.page import write_page
from benchmarks.report import Report, Result
from benchmarks.rounds import measure
from benchmarks.targets import Target, target

ROUNDS, QUICK_ROUNDS = 5, 2


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_ROUNDS} rounds instead of {ROUNDS}")
    parser.add_argument("--rounds", type=int, help="so many rounds")
    parser.add_argument("--only", default="", help='groups whose title holds this text, for example "gRPC, read"')
    parser.add_argument("--write", action="store_true", help="put the tables into docs/benchmarks.md")
    parser.add_argument("--check", action="store_true", help="exit with 1 when a bar is missed")
    options = parser.parse_args()
    rounds = options.rounds or (QUICK_ROUNDS if options.quick else ROUNDS)
    groups = [group for group in GROUPS if options.only.lower() in group.title.lower()]
    if not groups:
        parser.error(f"no group holds {options.only!r}: {'; '.join(group.title for group in GROUPS)}")
    load = os.getloadavg()[0]
    imports = import_cost(2 * rounds + 1)
    with tempfile.TemporaryDirectory() as folder:
        frame = Path(folder) / "rows.parquet"
        rows = make_rows()
        rows.write_parquet(frame)
        with target(frame) as reached:
            possible = [group for group in groups if reached.waiting is not None or not group.waits]
            results = [run(group, reached, frame, len(rows), rounds) for group in possible]
    report = Report(reached.name, rounds, load, results, imports)
    print(report.text())
    if options.write:
        print("\nwritten to", write_page(report))
    if options.check and not report.reached:
        sys.exit(1)


def run(group: Group, reached: Target, frame: Path, rows: int, rounds: int) -> Result:
    print(f"{group.title} …", file=sys.stderr, flush=True)
    match group.task:
        case "write":
            renew = reached.empty
        case "read":
            reached.fill(frame)
            renew = _nothing
        case _:  # what is changed or deleted has to be there, whatever the last turn left
            renew = partial(reached.fill, frame)
    return Result(group, measure(group.jobs(reached, str(frame)), rows, rounds, reached.seconds, renew))


def _nothing() -> None:
    """What is read stays as it is."""


if __name__ == "__main__":
    main()
