"""The work whose memory is measured, each in a process of its own: writes out of core, their empty consumer, scans."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

import qframe as qf
from benchmarks.data import VECTOR, Wire
from benchmarks.endless import Ports
from benchmarks.memory_curve import Curve, Watch
from benchmarks.shape import Shape, rows_of

Source = Literal["lazy", "reader"]
Verb = Literal["upsert", "set_payload"]
BATCH_ROWS = 8_192
"""Rows of a batch of the reader."""

NOT_BEFORE = {"MIMALLOC_ARENA_EAGER_COMMIT": "0"}
"""pyarrow's allocator takes a gigabyte of address space for itself at once; a limit is to see what is really used."""


@dataclass(frozen=True)
class Write:
    """A file of rows, written out of core.

    Parameters
    ----------
    path : str
        Parquet.
    verb, source, wire : str
    options : mapping
        Of the verb.
    checkpoint : bool
    limit : int or None
        Bytes that the process may hold in all: its libraries' data, its stacks and what it allocates.
    """

    path: str
    verb: Verb = "upsert"
    source: Source = "lazy"
    wire: Wire = "grpc"
    options: dict[str, Any] = field(default_factory=dict)
    checkpoint: bool = False
    limit: int | None = None

    def prepare(self, ports: Ports) -> Callable[[], int]:
        collection = _collection(ports, self.wire, Shape())
        collection.upsert(rows_of(Shape(), 100), progress=False)  # imports what it needs
        options = dict(self.options)
        if self.checkpoint:
            options["checkpoint"] = Path(self.path).with_suffix(f".{os.getpid()}")
        if self.limit is not None:
            resource.setrlimit(resource.RLIMIT_DATA, (self.limit, self.limit))
        write = getattr(collection, self.verb)
        return lambda: write(_rows(self.source, self.path, self.verb), progress=False, **options).written


@dataclass(frozen=True)
class Consume:
    """Whoever takes the rows that a write would take, in so many seconds, and throws them away."""

    path: str
    verb: Verb
    source: Source
    seconds: float

    def prepare(self, _: Ports) -> Callable[[], int]:
        rows, total = _rows(self.source, self.path, self.verb), pq.read_metadata(self.path).num_rows

        def run() -> int:
            begin, seen = time.perf_counter(), 0
            lazy = self.source == "lazy"
            for batch in rows.collect_batches(maintain_order=True, lazy=True) if lazy else rows:
                seen += len(batch)
                time.sleep(max(0.0, begin + self.seconds * seen / total - time.perf_counter()))
            return seen

        return run


@dataclass(frozen=True)
class Scan:
    """A collection scanned by a query that reduces it to a few rows.

    Parameters
    ----------
    points : int
    wire : str
    n_jobs : int
    vectors : bool
        Whether the query needs them.
    """

    points: int
    wire: Wire
    n_jobs: int
    vectors: bool

    def prepare(self, ports: Ports) -> Callable[[], int]:
        _collection(ports, self.wire, Shape(points=100)).read(vectors=True, frame="polars")  # imports what it needs
        collection = _collection(ports, self.wire, Shape(points=self.points))
        value = pl.col("vector").arr.get(0) if self.vectors else pl.col("price")

        def run() -> int:
            lazy = collection.scan(n_jobs=self.n_jobs)
            found = lazy.group_by("category").agg(pl.len(), value.mean()).collect(engine="streaming")
            return int(found["len"].sum())

        return run


Work = Write | Consume | Scan
KINDS: dict[str, type[Work]] = {"Write": Write, "Consume": Consume, "Scan": Scan}


def _collection(ports: Ports, wire: Wire, shape: Shape) -> qf.Collection:
    connection = qf.connect(f"http://127.0.0.1:{ports.rest}", grpc_port=ports.grpc, transport=wire)
    return qf.collection(shape.collection, connection=connection)


def _rows(source: Source, path: str, verb: Verb) -> Any:
    """All columns for an upsert, and without the vectors for a payload."""
    if source == "lazy":
        lazy = pl.scan_parquet(path)
        return lazy if verb == "upsert" else lazy.drop(VECTOR)
    file = pq.ParquetFile(path, pre_buffer=False)  # which would keep all that it has read
    columns = [name for name in file.schema_arrow.names if name != VECTOR or verb == "upsert"]
    batches = file.iter_batches(BATCH_ROWS, columns=columns)
    schema = pa.schema([file.schema_arrow.field(name) for name in columns])
    return pa.RecordBatchReader.from_batches(schema, batches)


def held(work: Work, rows: int, ports: Ports) -> Curve:
    """What the work holds in memory, in a process of its own.

    Parameters
    ----------
    rows : int
        What it must come to: written, taken or scanned.
    """
    told = json.dumps([type(work).__name__, asdict(work), asdict(ports)])
    command = [sys.executable, "-m", "benchmarks.memory_work", told]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=os.environ | NOT_BEFORE)
    seen, seconds, peaks = json.loads(done.stdout)
    if seen != rows:
        raise RuntimeError(f"{work}: {seen:,} rows of {rows:,}")
    return Curve(tuple(peaks), seconds)


def main() -> None:
    """What runs in the process that is measured."""
    kind, fields, ports = json.loads(sys.argv[1])
    run = KINDS[kind](**fields).prepare(Ports(**ports))
    watch = Watch()
    with watch:
        seen = run()
    print(json.dumps([seen, watch.curve.seconds, watch.curve.peaks]))


if __name__ == "__main__":
    main()
