"""A stand-in server for collections of any shape and length, both wires, of which it holds a few ready-made rows.

A page is made of these rows again and again, each with an id of its own. Writes are swallowed. A process of its own;
prints its ports, gRPC and REST. What a collection looks like is told by its name, see `shape.Shape`.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import grpc as grpcio
import numpy as np
import numpy.typing as npt
import orjson
from qdrant_client import grpc

from benchmarks.canned import grpc_answers, grpc_updated, rest_answer, rest_updated
from benchmarks.pages import grpc_points, rest_points
from benchmarks.shape import FIRST_ID, READY, Shape, ready_rows

Bytes = npt.NDArray[np.uint8]
CHUNK = 1 << 20
OPTIONS = [
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
    ("grpc.so_reuseport", 0),
]


@dataclass(frozen=True)
class Ready:
    """Encoded rows in one piece.

    Parameters
    ----------
    content : bytes
    ends : numpy.ndarray
        Where each row begins, and the end: `int64` of shape (n + 1,).
    ids : numpy.ndarray
        Where the id of each row is, `int64` of shape (n,).
    """

    content: bytes
    ends: npt.NDArray[np.int64]
    ids: npt.NDArray[np.int64]

    def page(self, first: int, rows: int, ids: Bytes) -> bytearray:
        """So many rows from one on, and again from the start after the last, with these ids in their places.

        Parameters
        ----------
        ids : numpy.ndarray
            `uint8` of shape (rows, bytes of an id).
        """
        view, parts, places, at, size = memoryview(self.content), [], [], first, 0
        while rows:
            stop = min(at + rows, READY)
            begin = int(self.ends[at])
            parts.append(view[begin : self.ends[stop]])
            places.append(self.ids[at:stop] - begin + size)
            size += len(parts[-1])
            rows, at = rows - (stop - at), 0
        page = bytearray().join(parts)
        if parts:
            where = np.concatenate(places)[:, None] + np.arange(ids.shape[1])
            np.frombuffer(page, dtype=np.uint8)[where] = ids
        return page


def _ready(rows: list[bytes], ids: Bytes) -> Ready:
    ends = np.cumsum([0, *map(len, rows)], dtype=np.int64)
    places = [row.index(one.tobytes()) for row, one in zip(rows, ids, strict=True)]
    return Ready(b"".join(rows), ends, ends[:-1] + places)


def _varints(ids: npt.NDArray[np.int64]) -> Bytes:
    sevens = (ids[:, None] >> np.arange(0, 35, 7)) & 127
    sevens[:, :-1] |= 128
    return sevens.astype(np.uint8)


def _digits(ids: npt.NDArray[np.int64]) -> Bytes:
    return (ids[:, None] // 10 ** np.arange(9, -1, -1) % 10 + ord("0")).astype(np.uint8)


@cache
def grpc_ready(shape: Shape, vectors: bool) -> Ready:
    full, plain = grpc_points(ready_rows(shape))
    return _ready(full if vectors else plain, _varints(FIRST_ID + np.arange(READY)))


@cache
def rest_ready(shape: Shape, vectors: bool) -> Ready:
    full, plain = rest_points(ready_rows(shape))
    return _ready([row + b"," for row in (full if vectors else plain)], _digits(FIRST_ID + np.arange(READY)))


@dataclass(frozen=True)
class Cut:
    """Which points of a collection a page has: every `total`-th from `start` on, before `stop`."""

    start: int
    stop: int
    total: int

    @property
    def ids(self) -> npt.NDArray[np.int64]:
        return np.arange(self.start, self.stop, self.total) + FIRST_ID

    @property
    def first(self) -> int:
        """Of the ready-made rows."""
        return self.start // self.total % READY

    def following(self, points: int) -> int | None:
        """The id from which the next page is to be asked for."""
        return self.stop + FIRST_ID if self.stop < points else None


def cut(points: int, offset: int, limit: int, total: int, index: int) -> Cut:
    """A page of one slice of so many, from an id on: ids belong to slices by their rest."""
    start = max(offset - FIRST_ID, 0)
    start += (index - start) % total
    return Cut(start, max(start, min(start + limit * total, points)), total)


def grpc_scroll(content: bytes, _: Any) -> bytes:
    request = grpc.ScrollPoints.FromString(content)
    if request.offset.HasField("uuid"):
        return grpc.ScrollResponse(time=0.001).SerializeToString()
    shape, total, index = Shape.named(request.collection_name), 1, 0
    if request.filter.must:
        total, index = request.filter.must[0].slice.total, request.filter.must[0].slice.index
    vectors = request.with_vectors.enable or bool(request.with_vectors.include.names)
    found = cut(shape.points, request.offset.num, request.limit or 10, total, index)
    ids, following = found.ids, found.following(shape.points)
    more = None if following is None else grpc.PointId(num=following)
    tail = grpc.ScrollResponse(next_page_offset=more, time=0.001).SerializeToString()
    page = grpc_ready(shape.width, vectors).page(found.first, len(ids), _varints(ids))
    page += tail
    return bytes(page)


def rest_scroll(shape: Shape, request: Any) -> bytes | bytearray:
    offset, total, index = request.get("offset") or 0, 1, 0
    if isinstance(offset, str):
        return b'{"result":{"points":[],"next_page_offset":null},"status":"ok","time":0.001}'
    if request.get("filter"):
        part = request["filter"]["must"][0]["slice"]
        total, index = part["total"], part["index"]
    vectors = bool(request.get("with_vector") or request.get("with_vectors"))
    found = cut(shape.points, offset, request.get("limit") or 10, total, index)
    ids, following = found.ids, found.following(shape.points)
    page = rest_ready(shape.width, vectors).page(found.first, len(ids), _digits(ids))
    more = b"null" if following is None else str(following).encode()
    page[:0] = b'{"result":{"points":['
    del page[len(page) - 1 :]
    page += b'],"next_page_offset":' + more + b'},"status":"ok","time":0.001}'
    return page


class GrpcHandlers(grpcio.GenericRpcHandler):  # type: ignore[misc]
    """Raw bytes in, raw bytes out."""

    def service(self, handler_call_details: grpcio.HandlerCallDetails) -> Any:
        answer = self._answer(handler_call_details.method)
        return grpcio.unary_unary_rpc_method_handler(answer)

    def _answer(self, method: str) -> Callable[[bytes, Any], bytes]:
        if method == "/qdrant.Points/Scroll":
            return grpc_scroll
        if method == "/qdrant.Points/UpdateBatch":
            return lambda content, _: grpc_updated(content)
        if method == "/qdrant.Collections/Get":
            return lambda content, _: _fixed(grpc.GetCollectionInfoRequest.FromString(content).collection_name)[method]
        answer = _fixed(Shape().collection)[method]
        return lambda _, __: answer


@cache
def _fixed(collection: str) -> dict[str, bytes]:
    shape = Shape.named(collection)
    return grpc_answers(shape.points, shape.dim)


class RestHandler(BaseHTTPRequestHandler):
    """The same as JSON."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def _exchange(self) -> None:
        path = self.path.split("?")[0]
        left = int(self.headers.get("content-length", 0))
        shape = Shape.named(path.split("/")[2]) if path.startswith("/collections/shape-") else Shape()
        if path.endswith("/points/scroll"):
            answer: bytes | bytearray = rest_scroll(shape, orjson.loads(self.rfile.read(left)))
        elif path.endswith("/points/batch"):
            answer = rest_updated(self.rfile.read(left))
        else:
            while left:
                left -= len(self.rfile.read(min(left, CHUNK)))
            answer = rest_answer(self.command, path, shape.points, shape.dim)
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    do_GET = do_PUT = do_POST = do_DELETE = do_PATCH = _exchange  # noqa: N815 - the names that http.server looks for

    def log_message(self, *_: Any) -> None:
        """Nothing: what is measured is not to wait for a terminal."""


@dataclass(frozen=True)
class Ports:
    """Where a stand-in is reached."""

    grpc: int
    rest: int


@contextmanager
def endless() -> Iterator[Ports]:
    """A stand-in in a process of its own, which ends with this."""
    command = [sys.executable, "-m", "benchmarks.endless"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        if not line:
            raise RuntimeError("benchmarks.endless did not start")
        yield Ports(*map(int, line.split()))
    finally:
        process.stdin.close()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def main() -> None:
    server = grpcio.server(ThreadPoolExecutor(16), [GrpcHandlers()], options=OPTIONS)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    rest = ThreadingHTTPServer(("127.0.0.1", 0), RestHandler)
    rest.daemon_threads = True
    Thread(target=rest.serve_forever, daemon=True).start()
    print(port, rest.server_port, flush=True)
    sys.stdin.read()  # until the parent is gone
    server.stop(None)
    rest.shutdown()


if __name__ == "__main__":
    main()
