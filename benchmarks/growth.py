"""`python -m benchmarks.growth [--only TEXT] [--quick] [--write]`: what calls cost as rows, dimensions, fields and
requests in flight grow, each on its own, both wires and directions; against a stand-in server.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from benchmarks.data import Wire
from benchmarks.endless import Ports, endless
from benchmarks.growth_work import Cost, Size, Task, costs
from benchmarks.marked import renew
from benchmarks.report import machine, markdown

QUICK_ROWS = 100_000
"""Rows at the most with `--quick`."""

WIRES: dict[Wire, str] = {"grpc": "gRPC", "rest": "REST"}


@dataclass(frozen=True)
class Axis:
    """What grows.

    Parameters
    ----------
    name : str
    tasks : sequence of str
    sizes : sequence of Size
    value : callable
        Size → the number of it that grows.
    unit : str
        What else the cost is told by, besides a row.
    units : callable
        Size → how many of these a call has.
    scale : float
        Units of the second table in a second: 1e3 for milliseconds.
    """

    name: str
    tasks: Sequence[Task]
    sizes: Sequence[Size]
    value: Callable[[Size], int]
    unit: str
    units: Callable[[Size], int]
    scale: float


READS: tuple[Task, ...] = ("read", "read without vectors")
AXES = (
    Axis(
        "rows",
        ("write", *READS),
        [Size(rows) for rows in (1, 100, 1_000, 10_000, 100_000, 1_000_000, 2_000_000)],
        lambda size: size.rows,
        "ms a call",
        lambda _: 1,
        1e3,
    ),
    Axis(
        "dimensions",
        ("write", "read"),
        [Size(min(100_000, 8_000_000 // dim), dim, 0) for dim in (64, 128, 256, 512, 1024, 2048, 4096)],
        lambda size: size.dim,
        "ns a value",
        lambda size: size.rows * size.dim,
        1e9,
    ),
    Axis(
        "fields",
        ("write", "read without vectors"),
        [Size(min(20_000, 400_000 // max(fields, 1)), 16, fields) for fields in (0, 1, 8, 24, 48, 100, 200)],
        lambda size: size.fields,
        "ns a field",
        lambda size: size.rows * max(size.fields, 1),
        1e9,
    ),
    Axis(
        "requests in flight",
        ("write", *READS),
        [Size(40_000, n_jobs=n_jobs) for n_jobs in (1, 2, 4, 8, 16)],
        lambda size: size.n_jobs,
        "ms a call",
        lambda _: 1,
        1e3,
    ),
)


def measured(axis: Axis, ports: Ports, only: str, most: int | None) -> str:
    """The two tables of an axis: µs a row, and by its unit."""
    sizes = [size for size in axis.sizes if most is None or size.rows <= most]
    found: dict[str, list[Cost]] = {}
    for task, wire in _columns(axis, only):
        print(f"{axis.name}, {task}, {wire} …", flush=True)
        found[f"{task}, {WIRES[wire]}"] = costs(task, wire, sizes, ports)
    if not found:
        return ""
    a_row = _table(axis, sizes, found, lambda size: size.rows, 1e6)
    by_unit = _table(axis, sizes, found, axis.units, axis.scale)
    return f"µs a row, by the clock / CPU:\n\n{a_row}\n\nThe same in {axis.unit}:\n\n{by_unit}"


def _columns(axis: Axis, only: str) -> list[tuple[Task, Wire]]:
    every: list[tuple[Task, Wire]] = [(task, wire) for task in axis.tasks for wire in WIRES]
    return [(task, wire) for task, wire in every if only in f"{axis.name}, {task}, {wire}"]


def _whole(axis: Axis, only: str) -> bool:
    """Whether all columns of the axis are chosen, or none."""
    return len(_columns(axis, only)) in (0, len(_columns(axis, "")))


def _table(
    axis: Axis, sizes: Sequence[Size], found: dict[str, list[Cost]], units: Callable[[Size], int], scale: float
) -> str:
    rows = [] if axis.name == "rows" else ["rows"]
    lines = [[axis.name, *rows, *found]]
    for number, size in enumerate(sizes):
        told = [each[number] for each in found.values()]
        cells = [f"{_short(one.wall * scale / units(size))} / {_short(one.cpu * scale / units(size))}" for one in told]
        lines.append([f"{axis.value(size):,}", *([f"{size.rows:,}"] if rows else []), *cells])
    return markdown(lines)


def _short(number: float) -> str:
    return f"{number:,.0f}" if number >= 100 else f"{number:.1f}" if number >= 10 else f"{number:.2f}"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.growth", description=__doc__)
    parser.add_argument("--only", default="", help='what holds this text, for example "rows, write" or "fields"')
    parser.add_argument("--quick", action="store_true", help=f"no more than {QUICK_ROWS:,} rows")
    parser.add_argument("--write", action="store_true", help="put the tables into docs/performance.md")
    options = parser.parse_args()
    if options.write and not all(_whole(axis, options.only) for axis in AXES):
        parser.error(f"--write: {options.only!r} leaves columns out of a table; name an axis.")
    if not any(_columns(axis, options.only) for axis in AXES):
        parser.error(f"nothing holds {options.only!r}: {', '.join(axis.name for axis in AXES)}")
    most = QUICK_ROWS if options.quick else None
    with endless() as ports:
        for axis in AXES:
            text = measured(axis, ports, options.only, most)
            if text:
                print(f"\n{text}\n", flush=True)
                if options.write:
                    renew("performance.md", f"growth-{axis.name.replace(' ', '-')}", text)
    if options.write:
        renew("performance.md", "growth-about", f"{machine()}, against a stand-in server on the same machine.")


if __name__ == "__main__":
    main()
