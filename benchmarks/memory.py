"""`python -m benchmarks.memory`: what a write out of core holds in memory, of a file and of one four times as long.

Each write runs in a process of its own, and so does a consumer of the same plan that throws its rows away at the same
pace: polars reads ahead, as far as whoever takes the rows lets it. Peaks are of anonymous memory while the rows went
through. The rows go to the stand-in servers. Memory by batches in flight shows as a difference that does not grow with
the rows.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

import qframe as qf
from benchmarks.data import VECTOR, Job, make_rows
from benchmarks.targets import Target, target

GROUP = 20_000
"""Rows of a row group of the file."""

MB = 1e6
Source = Literal["lazy", "reader"]
Verb = Literal["upsert", "set_payload"]


@dataclass(frozen=True)
class Case:
    """A write: which verb, from what, and its options."""

    verb: Verb
    source: Source
    options: dict[str, Any]
    checkpoint: bool = False
    wire: Literal["grpc", "rest"] = "grpc"

    @property
    def name(self) -> str:
        said = ["checkpoint"] if self.checkpoint else []
        said += [f"{name}={value!r}" for name, value in self.options.items()]
        return ", ".join([f"{self.verb} {self.source} {self.wire}", *said])


@dataclass(frozen=True)
class Consumer:
    """Whatever takes the rows that a verb would take, in so many seconds."""

    source: Source
    verb: Verb
    seconds: float


SEMI_ORDERED = {"order": "semi_ordered", "duplicates": "keep"}
CASES = (
    Case("upsert", "lazy", {}),
    Case("upsert", "lazy", {}, wire="rest"),
    Case("upsert", "reader", {}),
    Case("set_payload", "lazy", {}),
    Case("set_payload", "reader", {}),
    Case("upsert", "lazy", SEMI_ORDERED),
    Case("set_payload", "lazy", SEMI_ORDERED),
    Case("upsert", "lazy", {}, checkpoint=True),
    Case("set_payload", "lazy", {}, checkpoint=True),
    Case("upsert", "lazy", {"errors": "report"}),
)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.memory", description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000, help="of the shorter file")
    parser.add_argument("--times", type=int, default=4, help="how many times as long the other is")
    parser.add_argument("--only", default="", help="cases whose name holds this text")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder) / f"{times}.parquet" for times in (1, options.times)]
        for path, rows in zip(files, (options.rows, options.rows * options.times), strict=True):
            _write_rows(path, rows)
        few = Path(folder) / "few.parquet"
        make_rows(1_000).write_parquet(few)
        with target(few) as reached:
            for case in CASES:
                if options.only in case.name:
                    print(_line(case, files, reached, folder), flush=True)


def _write_rows(path: Path, rows: int) -> None:
    """Row group by row group, so that this process holds one."""
    begun = make_rows(GROUP).to_arrow()
    with pq.ParquetWriter(path, begun.schema, compression="none") as writer:
        for start in range(0, rows, GROUP):
            ids = pa.array(np.arange(start, start + GROUP, dtype=np.uint64))
            writer.write_table(begun.set_column(0, "id", ids)[: rows - start], row_group_size=GROUP)


def _line(case: Case, files: list[Path], reached: Target, folder: str) -> str:
    said = []
    for path in files:
        job = Job("", case.wire, False, str(path), reached.host, reached.port, reached.grpc_port, "memory", None)
        ours, seconds = _measured(case, job, folder)
        empty, _ = _measured(Consumer(case.source, case.verb, seconds), job, folder)
        said.append(f"{ours / MB:4.0f} MB beside {empty / MB:4.0f} MB: {(ours - empty) / MB:4.0f} MB")
    return f"{case.name:62} " + " | ".join(said)


def _measured(case: Case | Consumer, job: Job, folder: str) -> tuple[int, float]:
    """Bytes that were resident at the most, beyond those before the rows, and the seconds that it took."""
    program = "from benchmarks.memory import child; child()"
    told = json.dumps([type(case).__name__, asdict(case), asdict(job), folder])
    done = subprocess.run([sys.executable, "-c", program, told], check=True, stdout=subprocess.PIPE, text=True)
    peak, seconds = json.loads(done.stdout)
    return peak, seconds


def child() -> None:
    """What runs in the process that is measured."""
    kind, fields, about, folder = json.loads(sys.argv[1])
    job = Job(**about)
    run = _written(Case(**fields), job, folder) if kind == "Case" else _consumed(Consumer(**fields), job)
    watch = _Watch()
    begin = time.perf_counter()
    with watch:
        run()
    print(json.dumps([watch.peak - watch.before, time.perf_counter() - begin]))


def _rows(source: Source, path: str, verb: Verb) -> Any:
    """All columns for an upsert, and without the vectors for a payload."""
    if source == "lazy":
        lazy = pl.scan_parquet(path)
        return lazy if verb == "upsert" else lazy.drop(VECTOR)
    file = pq.ParquetFile(path)
    columns = [name for name in file.schema_arrow.names if name != VECTOR or verb == "upsert"]
    batches = file.iter_batches(8_192, columns=columns)
    schema = pa.schema([file.schema_arrow.field(name) for name in columns])
    return pa.RecordBatchReader.from_batches(schema, batches)


def _consumed(consumer: Consumer, job: Job) -> Callable[[], object]:
    rows, total = _rows(consumer.source, job.frame, consumer.verb), pq.read_metadata(job.frame).num_rows

    def run() -> None:
        begin, seen = time.perf_counter(), 0
        lazy = consumer.source == "lazy"
        for batch in rows.collect_batches(maintain_order=True, lazy=True) if lazy else rows:
            seen += len(batch)
            time.sleep(max(0.0, begin + consumer.seconds * seen / total - time.perf_counter()))

    return run


def _written(case: Case, job: Job, folder: str) -> Callable[[], object]:
    connection = qf.connect(job.url, grpc_port=job.grpc_port, transport=job.wire)
    collection = qf.collection(job.collection, connection=connection)
    collection.upsert(make_rows(100), progress=False)  # imports what it needs
    options = dict(case.options)
    if case.checkpoint:
        options["checkpoint"] = Path(folder) / f"{os.getpid()}.checkpoint"
    write = getattr(collection, case.verb)
    return lambda: write(_rows(case.source, job.frame, case.verb), progress=False, **options)


class _Watch:
    """The most that was resident while it watched, without pages of the file, which are the system's."""

    def __enter__(self) -> _Watch:
        self.before = self.peak = _resident()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._over.wait(0.005):
            self.peak = max(self.peak, _resident())


def _resident() -> int:
    lines: Iterator[str] = iter(Path("/proc/self/status").read_text().splitlines())
    return 1024 * int(next(line for line in lines if line.startswith("RssAnon")).split()[1])


if __name__ == "__main__":
    main()
