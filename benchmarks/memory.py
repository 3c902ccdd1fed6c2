"""`python -m benchmarks.memory [--only TEXT] [--write]`: what work out of core holds in memory, of few rows and many.

Writes of a Parquet file, each beside a consumer of the same plan that throws its rows away at the same pace: polars
reads ahead, as far as whoever takes the rows lets it. Scans that a query reduces to a few rows. Each in a process of
its own, against a stand-in server; curves are of anonymous memory, beyond what was held before the rows.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.bars import Verdict
from benchmarks.endless import Ports, endless
from benchmarks.marked import renew
from benchmarks.memory_curve import MB, Curve
from benchmarks.memory_work import Consume, Scan, Write, held
from benchmarks.report import machine, markdown
from benchmarks.shape import ROW_GROUP, Shape, write_file

ROWS, QUICK_ROWS, POINTS, TIMES = 100_000, 50_000, 250_000, 8
"""Rows of the shorter file, of that of `bar`, points of the smaller collection, and how many times as many the others
have."""

ABOVE = 150.0
"""MB that a write may hold beyond its empty consumer."""

STEADY = 50.0
"""MB that it may hold more of these at `TIMES` the rows: polars reads ahead by a row group more or less."""

LIMIT = 1_000_000_000
"""Bytes that the process may hold in all where it is given a limit, less than the longer file has."""

SEMI_ORDERED = {"order": "semi_ordered", "duplicates": "keep"}
WRITES = (
    Write(""),
    Write("", wire="rest"),
    Write("", source="reader"),
    Write("", verb="set_payload"),
    Write("", verb="set_payload", source="reader"),
    Write("", options=SEMI_ORDERED),
    Write("", verb="set_payload", options=SEMI_ORDERED),
    Write("", checkpoint=True),
    Write("", verb="set_payload", checkpoint=True),
    Write("", options={"errors": "report"}),
)
LIMITED = (Write("", limit=LIMIT), Write("", wire="rest", limit=LIMIT))
SCANS = tuple(
    Scan(0, wire, n_jobs, vectors) for vectors in (False, True) for wire in ("grpc", "rest") for n_jobs in (1, 2)
)
"""Rows and places are filled in."""


@dataclass(frozen=True)
class Beside:
    """A write and its empty consumer."""

    write: Curve
    consumer: Curve

    @property
    def above(self) -> float:
        """MB that only the write holds, at its most."""
        return self.write.peak - self.consumer.peak


def bar(rows: int = QUICK_ROWS, times: int = TIMES) -> Verdict:
    """Whether an upsert of a LazyFrame over gRPC holds no more than it should, in about half a minute."""
    with tempfile.TemporaryDirectory() as folder, endless() as ports:
        files = _files(Path(folder), (rows, rows * times))
        few, many = (_beside(replace(WRITES[0], path=str(path)), count, ports) for count, path in files.items())
    return verdict(few, many, times)


def verdict(few: Beside, many: Beside, times: int) -> Verdict:
    """The bar of memory."""
    return Verdict(
        f"out of core: at most {ABOVE:.0f} MB above an empty consumer of the plan, no more at {times}× the rows",
        f"{few.above:.0f} MB, and {many.above:.0f} MB at {times}×",
        max(few.above, many.above) <= ABOVE and many.above <= few.above + STEADY,
    )


def _files(folder: Path, lengths: Sequence[int]) -> dict[int, Path]:
    files = {rows: folder / f"{rows}.parquet" for rows in lengths}
    for rows, path in files.items():
        if not path.exists():
            write_file(path, Shape(), rows)
    return files


def _beside(write: Write, rows: int, ports: Ports) -> Beside:
    ours = held(write, rows, ports)
    return Beside(ours, held(Consume(write.path, write.verb, write.source, ours.seconds), rows, ports))


def written(folder: Path, ports: Ports, only: str) -> tuple[list[list[str]], list[tuple[str, Verdict]]]:
    """The table of writes, a line for each length, and the bar of each case."""
    chosen = [case for case in WRITES if only in name(case)]
    files = _files(folder, (ROWS, ROWS * TIMES) if chosen else ())
    lines = [["write", "rows", "seconds", "curve", "peak MB", "its empty consumer", "peak MB", "above"]]
    verdicts = []
    for case in chosen:
        pair = []
        for rows, path in files.items():
            found = _beside(replace(case, path=str(path)), rows, ports)
            top = max(found.write.peak, found.consumer.peak, 300.0)
            both = [[f"`{one.line(top)}`", f"{one.peak:.0f}"] for one in (found.write, found.consumer)]
            lines.append(
                _said([name(case), f"{rows:,}", f"{found.write.seconds:.1f}", *both[0], *both[1], f"{found.above:.0f}"])
            )
            pair.append(found)
        few, many = pair
        verdicts.append((name(case), verdict(few, many, TIMES)))
    return lines, verdicts


def limited(folder: Path, ports: Ports, only: str) -> list[list[str]]:
    """The table of writes of a file that is larger than the memory that they are allowed."""
    lines = [["write", "rows", "file MB", "allowed MB", "seconds", "curve", "peak MB"]]
    rows = ROWS * TIMES
    for case in LIMITED:
        if only in name(case):
            path = _files(folder, [rows])[rows]
            found = held(replace(case, path=str(path)), rows, ports)
            size = f"{path.stat().st_size / MB:,.0f}"
            curve = [f"`{found.line(300.0)}`", f"{found.peak:.0f}"]
            lines.append(_said([name(case), f"{rows:,}", size, f"{LIMIT / MB:,.0f}", f"{found.seconds:.1f}", *curve]))
    return lines


def scanned(ports: Ports, only: str) -> list[list[str]]:
    """The table of scans, a line for each length."""
    lines = [["scan", "points", "seconds", "curve", "peak MB"]]
    for case in SCANS:
        if only not in name(case):
            continue
        for points in (POINTS, POINTS * TIMES):
            found = held(replace(case, points=points), points, ports)
            curve = [f"`{found.line(300.0)}`", f"{found.peak:.0f}"]
            lines.append(_said([name(case), f"{points:,}", f"{found.seconds:.1f}", *curve]))
    return lines


def name(case: Write | Scan) -> str:
    """What the tables call it."""
    if isinstance(case, Scan):
        query = "an element of the vectors" if case.vectors else "a field"
        return f"scan: {query}, {case.wire}, n_jobs={case.n_jobs}"
    kind = "write" if case.limit is None else "limited"
    said = [f"{kind}: {case.verb} {case.source} {case.wire}", *(["checkpoint"] if case.checkpoint else [])]
    return ", ".join([*said, *(f"{option}={value!r}" for option, value in case.options.items())])


def _whole(cases: Sequence[Write | Scan], only: str) -> bool:
    """Whether all cases of a table are chosen, or none."""
    return len({only in name(case) for case in cases}) == 1


def _said(line: list[str]) -> list[str]:
    print("  ".join(line), flush=True)
    return line


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.memory", description=__doc__)
    parser.add_argument("--only", default="", help='cases whose name holds this text, for example "scan" or "rest"')
    parser.add_argument("--write", action="store_true", help="put the tables into docs/performance.md")
    parser.add_argument("--bar", action="store_true", help="nothing but the bar, in half a minute")
    options = parser.parse_args()
    if options.bar:
        print(bar())
        return
    every = [name(case) for case in (*WRITES, *LIMITED, *SCANS)]
    if not any(options.only in case for case in every):
        parser.error(f"no case holds {options.only!r}: {'; '.join(every)}")
    if options.write and not all(_whole(cases, options.only) for cases in (WRITES, LIMITED, SCANS)):
        parser.error(f"--write: {options.only!r} leaves cases out of a table; write, limited and scan do not.")
    with tempfile.TemporaryDirectory() as folder, endless() as ports:
        writes, verdicts = written(Path(folder), ports, options.only)
        tables = {
            "memory-bars": [["write", "above", ""], *([case, told.found, _reached(told)] for case, told in verdicts)],
            "memory-writes": writes,
            "memory-limit": limited(Path(folder), ports, options.only),
            "memory-scans": scanned(ports, options.only),
        }
    for case, told in verdicts:
        print(case, told.bar, told.found, _reached(told), sep="  ")
    if options.write:
        about = f"Rows of 384 float32 and eight scalar fields, {ROW_GROUP:,} rows to a row group; {machine()}."
        renew("performance.md", "memory-about", about)
        for place, lines in tables.items():
            if len(lines) > 1:
                renew("performance.md", place, markdown(lines))


def _reached(told: Verdict) -> str:
    return "reached" if told.reached else "not reached"


if __name__ == "__main__":
    main()
