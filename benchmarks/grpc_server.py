"""A stand-in for a gRPC server: swallows writes, serves ready pages. A process of its own; prints its ports.

The second port packs its answers as Qdrant does for whoever accepts gzip: grpcio's server cannot see what a client
accepts, and refuses one that does not. At the third port it waits for each page as long as a server takes to make it.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
from qdrant_client.grpc import ScrollPoints

from benchmarks.canned import grpc_answers, grpc_updated
from benchmarks.data import matrix, read_rows
from benchmarks.pages import grpc_page

ROW_SECONDS = 9.4e-6
"""Seconds a row that a page takes: Qdrant 1.19 was seen to give 106,000 rows/s of this kind."""

OPTIONS = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1), ("grpc.so_reuseport", 0)]


class Handlers(grpc.GenericRpcHandler):
    """Raw bytes in, raw bytes out."""

    def __init__(self, answers: dict[str, Callable[[bytes, Any], bytes]]) -> None:
        self._handlers = {path: grpc.unary_unary_rpc_method_handler(answer) for path, answer in answers.items()}

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> Any:
        return self._handlers.get(handler_call_details.method)


def start(answers: dict[str, Callable[[bytes, Any], bytes]], compression: Any) -> tuple[grpc.Server, int]:
    server = grpc.server(ThreadPoolExecutor(2), [Handlers(answers)], options=OPTIONS, compression=compression)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    return server, port


def main(frame: str) -> None:
    rows = read_rows(Path(frame))
    page, fixed = grpc_page(rows), grpc_answers(*matrix(rows).shape)

    def scroll(content: bytes, _: Any) -> bytes:
        return found(ScrollPoints.FromString(content))

    def scroll_in_time(content: bytes, _: Any) -> bytes:
        request = ScrollPoints.FromString(content)
        time.sleep(ROW_SECONDS * request.limit)
        return found(request)

    def found(request: ScrollPoints) -> bytes:
        if request.offset.HasField("uuid"):
            return bytes(page(len(rows), 1, False)[0])
        vectors = request.with_vectors.enable or bool(request.with_vectors.include.names)
        total, index = 1, 0
        if request.filter.must:
            part = request.filter.must[0].slice
            total, index = part.total, part.index
        return bytes(page(request.offset.num, request.limit or 10, vectors, total, index)[0])

    def constant(answer: bytes) -> Callable[[bytes, Any], bytes]:
        return lambda _, __: answer

    answers = {path: constant(answer) for path, answer in fixed.items()}
    answers["/qdrant.Points/Scroll"] = scroll
    answers["/qdrant.Points/UpdateBatch"] = lambda content, _: grpc_updated(content)
    plain, port = start(answers, None)
    packing, gzip_port = start(answers, grpc.Compression.Gzip)
    waiting, waiting_port = start({**answers, "/qdrant.Points/Scroll": scroll_in_time}, None)
    print(port, gzip_port, waiting_port, flush=True)
    sys.stdin.read()  # until the parent is gone
    plain.stop(None)
    packing.stop(None)
    waiting.stop(None)


if __name__ == "__main__":
    main(sys.argv[1])
