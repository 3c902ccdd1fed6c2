"""Where the runs go: the two stand-ins, or the real server in QFRAME_TEST_URL."""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from qdrant_client import QdrantClient, models

from benchmarks.data import DIM, matrix, payloads, read_rows


@dataclass(frozen=True)
class Target:
    """Where to reach the servers; on a real one, both gRPC ports are the same.

    `waiting` are the ports, REST and gRPC, where a stand-in takes a server's time for a page; a real server has none.
    `seconds` is the shortest turn of a way. On a real server a turn is one run: the next one would overwrite points.
    """

    name: str
    host: str
    port: int
    grpc_port: int
    gzip_grpc_port: int
    collection: str
    api_key: str | None = None
    seconds: float = 0.5
    waiting: tuple[int, int] | None = None

    def empty(self) -> None:
        """Make the collection anew; indexing is off, so that it does not run into the next round."""

    def fill(self, frame: Path) -> None:
        """Store the rows."""

    def drop(self) -> None:
        """Remove the collection."""


class Real(Target):
    """A server with a collection of its own for these runs."""

    def _client(self) -> QdrantClient:
        return QdrantClient(
            url=f"http://{self.host}:{self.port}",
            grpc_port=self.grpc_port,
            prefer_grpc=True,
            api_key=self.api_key,
            timeout=60,
            check_compatibility=False,
        )

    def empty(self) -> None:
        self.drop()
        self._client().create_collection(
            self.collection,
            vectors_config=models.VectorParams(size=DIM, distance=models.Distance.DOT),
            optimizers_config=models.OptimizersConfigDiff(indexing_threshold=0),
        )

    def fill(self, frame: Path) -> None:
        rows = read_rows(frame)
        self.empty()
        self._client().upload_collection(
            self.collection, matrix(rows), payloads(rows), rows["id"].to_list(), batch_size=1000, wait=True
        )

    def drop(self) -> None:
        self._client().delete_collection(self.collection)


@contextmanager
def target(frame: Path) -> Iterator[Target]:
    """The servers of this run; they, or what was stored there, are gone afterwards."""
    collection = f"qframe_bench_{uuid.uuid4().hex[:12]}"
    url = os.environ.get("QFRAME_TEST_URL")
    if url is not None:
        parts = urlsplit(url)
        grpc_port = int(os.environ.get("QFRAME_TEST_GRPC_PORT", "6334"))
        key = os.environ.get("QFRAME_TEST_API_KEY")
        host = parts.hostname or "localhost"
        real = Real("a real server", host, parts.port or 6333, grpc_port, grpc_port, collection, key, 0.0)
        try:
            yield real
        finally:
            real.drop()
        return
    with stand_in("grpc_server", frame) as grpc_ports, stand_in("http_server", frame) as http_ports:
        (port, gzip_port, waiting_grpc), (http_port, waiting_http) = grpc_ports, http_ports
        waiting = waiting_http, waiting_grpc
        yield Target("stand-ins", "127.0.0.1", http_port, port, gzip_port, collection, waiting=waiting)


@contextmanager
def stand_in(name: str, frame: Path) -> Iterator[list[int]]:
    """A stand-in's ports."""
    command = [sys.executable, "-m", f"benchmarks.{name}", str(frame)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        if not line:
            raise RuntimeError(f"benchmarks.{name} did not start")
        yield [int(port) for port in line.split()]
    finally:
        process.stdin.close()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
