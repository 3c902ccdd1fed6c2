"""Where the runs go: the two stand-ins, or the real server in QFRAME_TEST_URL."""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from urllib.parse import urlsplit

from qdrant_client import QdrantClient, models

from benchmarks.client import dicts
from benchmarks.data import ids, matrix, read_rows


@dataclass(frozen=True)
class Target:
    """Where to reach the servers, which know the rows of one file; on a real one, both gRPC ports are the same.

    `waiting` are the ports, REST and gRPC, where a stand-in takes a server's time for a page; a real server has none.
    With `once`, as on a real server, a turn is one run: the next one would overwrite points.
    """

    host: str
    port: int
    grpc_port: int
    gzip_grpc_port: int
    collection: str
    api_key: str | None = None
    once: bool = False
    waiting: tuple[int, int] | None = None

    def empty(self) -> None:
        """Make the collection anew; indexing is off, so that it does not run into the next round."""

    def fill(self) -> None:
        """Store the rows."""

    def drop(self) -> None:
        """Remove the collection."""


@dataclass(frozen=True)
class Real(Target):
    """A server with a collection of its own for the rows of this file."""

    frame: Path = Path()

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
        dim = matrix(read_rows(self.frame, 1)).shape[1]
        self._client().create_collection(
            self.collection,
            vectors_config=models.VectorParams(size=dim, distance=models.Distance.DOT),
            optimizers_config=models.OptimizersConfigDiff(indexing_threshold=0),
        )

    def fill(self) -> None:
        rows = read_rows(self.frame)
        self.empty()
        self._client().upload_collection(
            self.collection, matrix(rows), dicts(rows), ids(rows), batch_size=500, wait=True
        )

    def drop(self) -> None:
        self._client().delete_collection(self.collection)


def target_name() -> str:
    return "stand-ins" if os.environ.get("QFRAME_TEST_URL") is None else "a real server"


@contextmanager
def target(frame: Path) -> Iterator[Target]:
    """The servers for the rows of a file; they, or what was stored there, are gone afterwards."""
    collection = f"qframe_bench_{uuid.uuid4().hex[:12]}"
    url = os.environ.get("QFRAME_TEST_URL")
    if url is not None:
        parts = urlsplit(url)
        grpc_port = int(os.environ.get("QFRAME_TEST_GRPC_PORT", "6334"))
        key = os.environ.get("QFRAME_TEST_API_KEY")
        host, port = parts.hostname or "localhost", parts.port or 6333
        real = Real(host, port, grpc_port, grpc_port, collection, key, once=True, frame=frame)
        try:
            yield real
        finally:
            real.drop()
        return
    with ExitStack() as stack:
        both = [stack.enter_context(StandIn(name, frame)) for name in ("grpc_server", "http_server")]
        (port, gzip_port, waiting_grpc), (http_port, waiting_http) = (one.ports() for one in both)
        waiting = waiting_http, waiting_grpc
        yield Target("127.0.0.1", http_port, port, gzip_port, collection, waiting=waiting)


class StandIn:
    """A stand-in's process."""

    def __init__(self, name: str, frame: Path) -> None:
        command = [sys.executable, "-m", f"benchmarks.{name}", str(frame)]
        self._name = name
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ports(self) -> list[int]:
        """They are told when all pages are encoded."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"benchmarks.{self._name} did not start")
        return [int(port) for port in line.split()]

    def __enter__(self) -> StandIn:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()
