"""What is measured side by side: in each case writing and reading over both wires, in the base case changes too."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from benchmarks import ways
from benchmarks.bars import Above, Bar, Faster, Leaner, Share, Verdict
from benchmarks.cases import BASE, CASES, Case
from benchmarks.data import ROWS, Job, Wire
from benchmarks.rounds import Figures, Way
from benchmarks.targets import Target
from benchmarks.ways import CLIENTS, FETCH, REPLAY, SCROLL, SCROLL_PLAIN, TO_JSON, Program, Task

FIVE = [program.name for program in CLIENTS]
FEW = 3_000
"""Rows of a slow way in the base case where its rate is all that is asked for."""


@dataclass(frozen=True)
class Group:
    """Ways that are measured side by side.

    Parameters
    ----------
    case : Case
    wire : "grpc" or "rest"
    task : str
    programs : sequence of Program
    bars : sequence of Bar
    note : str
        What else its title says.
    few : int
        Rows of the slow ways.
    thorough : bool
        Measured in more and longer rounds.
    vectors : bool
        Whether a read asks for them.
    waits : bool
        Against stand-ins that take a server's time for a page.
    quick : bool
        Part of a first look.
    """

    case: Case
    wire: Wire
    task: Task
    programs: Sequence[Program]
    bars: Sequence[Bar] = ()
    note: str = ""
    few: int = FEW
    thorough: bool = False
    vectors: bool = True
    waits: bool = False
    quick: bool = False

    @property
    def title(self) -> str:
        return f"{WIRES[self.wire]}, {self.task}{self.note}, {self.case.name}"

    def ways(self, target: Target, frame: str, most: int) -> list[Way]:
        """The jobs of the group; a slow way gets no more than so many rows."""
        port, grpc_port = target.port, target.grpc_port
        if self.waits and target.waiting is not None:
            port, grpc_port = target.waiting
        return [
            Way(
                program.name,
                Job(
                    program.module,
                    self.wire,
                    program.gzip,
                    frame,
                    target.host,
                    port,
                    target.gzip_grpc_port if program.gzip else grpc_port,
                    target.collection,
                    target.api_key,
                    min(self.few, most) if program.slow else ROWS,
                    self.case.library,
                    self.vectors,
                    program.n_jobs,
                ),
            )
            for program in self.programs
        ]

    def verdicts(self, figures: dict[str, Figures]) -> list[Verdict]:
        return [bar.verdict(figures).of(self.title) for bar in self.bars]


WRITE_BARS: dict[tuple[Wire, str], Sequence[Bar]] = {
    ("grpc", "base"): (Faster(8, FIVE), Leaner(8, FIVE), Share(0.5, REPLAY.name), Above(2.5, REPLAY.name)),
    ("grpc", "nulls"): (Faster(6, FIVE),),
    ("grpc", "long texts"): (Faster(5, FIVE),),
    ("grpc", "nested"): (Faster(4, FIVE),),
    ("rest", "base"): (Faster(3.5, FIVE), Share(0.8, TO_JSON.name)),
}
READ_BARS: dict[tuple[Wire, str], Sequence[Bar]] = {
    ("grpc", "base"): (Faster(10, [SCROLL.name]), Faster(5, [SCROLL_PLAIN.name]), Share(0.6, FETCH.name)),
    ("rest", "base"): (Faster(4, [SCROLL.name]), Faster(2.5, [SCROLL_PLAIN.name])),
}
BARS_WITHOUT_VECTORS: dict[Wire, Sequence[Bar]] = {
    "grpc": (Faster(3, [SCROLL.name]), Faster(2, [SCROLL_PLAIN.name]), Share(0.5, FETCH.name)),
    "rest": (),
}
WIRES: dict[Wire, str] = {"grpc": "gRPC", "rest": "REST"}
WITHOUT = " without vectors"


def _groups() -> Iterator[Group]:
    for case in CASES:
        for wire in WIRES:
            yield from _written_and_read(case, wire)
            if case is BASE:
                yield Group(
                    case, wire, "read", ways.READS, BARS_WITHOUT_VECTORS[wire], WITHOUT, case.few,
                    thorough=True, vectors=False, quick=True,
                )  # fmt: skip
        if case is BASE:
            yield from _by_workers()
            yield from _in_server_time()
            yield from _changes()


def _written_and_read(case: Case, wire: Wire) -> Iterator[Group]:
    base, key = case is BASE, (wire, case.name)
    writes = ways.WRITES if wire == "grpc" else ways.JSON_WRITES
    bars = WRITE_BARS.get(key, ())
    yield Group(case, wire, "write", writes, bars, few=case.few, thorough=base, quick=bool(bars))
    reads = ways.READS_AND_GZIP if base else ways.READS
    yield Group(case, wire, "read", reads, READ_BARS.get(key, ()), few=case.few, thorough=base, quick=base)


def _by_workers() -> Iterator[Group]:
    for wire in WIRES:
        yield Group(BASE, wire, "write", ways.WRITES_BY_WORKERS[wire], note=" by 1, 2 and 4 workers")
        yield Group(BASE, wire, "read", ways.READS_BY_WORKERS, note=" by 1, 2 and 4 workers")


def _in_server_time() -> Iterator[Group]:
    for wire in WIRES:
        yield Group(BASE, wire, "read", ways.READS_IN_SERVER_TIME, note=" in server time", waits=True)


def _changes() -> Iterator[Group]:
    for task, programs in ways.CHANGES.items():
        for wire in WIRES:
            yield Group(BASE, wire, task, programs)


GROUPS = tuple(_groups())
