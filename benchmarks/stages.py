"""`python -m benchmarks.stages [--only TEXT] [--write]`: where each microsecond a row goes, both wires and directions.

A stage is run by itself on what the stage before it makes of the rows of the base case, in the requests and pages of a
whole call. Beside their sum stands the whole call, measured in a process of its own in turns with its limit; what is in
no stage is the difference.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import polars as pl

from benchmarks import stages_kinds, stages_read, stages_threads, stages_write, ways
from benchmarks.cases import BASE
from benchmarks.data import ROWS, Job, Wire, make_rows, read_rows
from benchmarks.marked import renew
from benchmarks.report import Lines, machine, markdown
from benchmarks.rounds import Figures, Way, measure
from benchmarks.stages_measure import Cost, Stage, costs
from benchmarks.targets import Target, target
from benchmarks.ways import Program
from qframe.backends.opening import close_all

SECONDS = 0.3
"""Of each stage."""

ROUNDS, TURN = 7, 0.4
"""Turns of a whole call, and the seconds of one."""


@dataclass(frozen=True)
class Table:
    """A wire and a direction.

    Parameters
    ----------
    title : str
    wire : "grpc" or "rest"
    stages : callable
        Wire, frame and where to reach the servers → the stages of a call.
    call, limit : Program
    """

    title: str
    wire: Wire
    stages: Callable[[Wire, pl.DataFrame, Target], list[Stage]]
    call: Program
    limit: Program


TABLES = (
    Table("gRPC write", "grpc", stages_write.stages, ways.UPSERT, ways.REPLAY),
    Table("REST write", "rest", stages_write.stages, ways.UPSERT, ways.TO_JSON),
    Table("gRPC read", "grpc", stages_read.stages, ways.READ, ways.FETCH),
    Table("REST read", "rest", stages_read.stages, ways.READ, ways.FETCH),
)


def measured(table: Table, path: Path, reached: Target) -> Lines:
    """The stages, their sum, the whole call and what is in no stage."""
    frame = read_rows(path)
    if table.call is ways.READ:
        reached.fill()
    else:
        reached.empty()
    found = costs(table.stages(table.wire, frame, reached), len(frame), SECONDS)
    close_all()  # else the stand-ins miss them at their end
    whole = [_whole(program, table.wire, path, reached) for program in (table.call, table.limit)]
    figures = measure(whole, ROUNDS, TURN, lambda: None)
    return lines(found, figures[table.call.name], figures[table.limit.name], table.limit.name)


def lines(found: Sequence[Cost], whole: Figures, limit: Figures, name: str) -> Lines:
    """As a table."""
    total = sum(one.cpu for one in found)
    return [
        ["stage", "times a call", "CPU µs/row"],
        *([one.name, str(one.often), f"{one.cpu:.3f}"] for one in found),
        ["**sum**", "", f"**{total:.2f}**"],
        [
            f"**the whole call**, {whole.rate:,.0f} rows/s, {1e6 / whole.rate:.2f} µs by the clock",
            "",
            f"**{whole.cpu_a_row:.2f}**",
        ],
        ["not in a stage", "", f"{whole.cpu_a_row - total:.2f}"],
        [f"{name}, {limit.rate:,.0f} rows/s, {1e6 / limit.rate:.2f} µs by the clock", "", f"{limit.cpu_a_row:.2f}"],
    ]


def _whole(program: Program, wire: Wire, path: Path, reached: Target) -> Way:
    where = reached.host, reached.port, reached.grpc_port, reached.collection, reached.api_key
    return Way(program.name, Job(program.module, wire, False, str(path), *where))


def kinds() -> Lines:
    """A line for each kind of column."""
    return [
        stages_kinds.COLUMNS,
        *([name, *(f"{one:.2f}" for one in found)] for name, found in stages_kinds.table()),
    ]


def threads(frame: pl.DataFrame) -> Lines:
    """A line for each stage that is long enough to be worth a thread."""
    found = stages_threads.factors(frame)
    return [
        ["stage", "rows/s in one thread", "two at once"],
        *([name, f"{rate:,.0f}", f"{gained:.2f}×"] for name, rate, gained in found),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.stages", description=__doc__)
    parser.add_argument("--only", default="", help='tables whose name holds this text, for example "gRPC write"')
    parser.add_argument("--write", action="store_true", help="put the tables into docs/performance.md")
    options = parser.parse_args()
    titles = [*(one.title for one in TABLES), "kinds", "threads"]
    if not any(options.only in title for title in titles):
        parser.error(f"no table holds {options.only!r}: {', '.join(titles)}")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.parquet"
        make_rows(ROWS, BASE.dim, BASE.payload).write_parquet(path, compression="uncompressed")
        with target(path) as reached:
            works: dict[str, Callable[[], Lines]] = {
                **{one.title: partial(measured, one, path, reached) for one in TABLES},
                "kinds": kinds,
                "threads": partial(threads, read_rows(path)),
            }
            for title, work in works.items():
                if options.only in title:
                    text = markdown(work())
                    print(f"\n{title}\n\n{text}", flush=True)
                    if options.write:
                        renew("performance.md", f"stages-{title.lower().replace(' ', '-')}", text)
    if options.write:
        about = f"{ROWS:,} rows of {BASE.dim} float32 and eight scalar fields, one worker; {machine()}."
        renew("performance.md", "stages-about", about)


if __name__ == "__main__":
    main()
