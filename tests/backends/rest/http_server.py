"""A small HTTP server in a thread: keeps what it is sent and answers what a test tells it to."""

from __future__ import annotations

import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Seen:
    """A request as it arrived."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    client: tuple[str, int]


@dataclass
class Told:
    """An answer to give; `before` runs first, with the connection's socket."""

    status: int = 200
    body: bytes = b"{}"
    headers: dict[str, str] = field(default_factory=dict)
    before: Callable[[socket.socket], object] | None = None


def result(value: Any) -> Told:
    """Qdrant's envelope around a result."""
    return Told(body=json.dumps({"result": value, "status": "ok", "time": 0.0}).encode())


class HttpServer:
    """`answers` maps "METHOD /path" to what is answered there, or to a function of what was seen."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.seen: list[Seen] = []
        self.answers: dict[str, Told | Callable[[Seen], Told]] = {
            "GET /": Told(body=b'{"title":"qdrant - vector search engine","version":"1.19.0"}')
        }
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self) -> None:
                length = int(self.headers.get("content-length", 0))
                headers = {name.lower(): value for name, value in self.headers.items()}
                seen = Seen(self.command, self.path, headers, self.rfile.read(length), self.client_address)
                outer.seen.append(seen)
                told = outer.answers.get(f"{self.command} {self.path.partition('?')[0]}", Told(404, b""))
                told = told(seen) if callable(told) else told
                if told.before is not None:
                    told.before(self.connection)
                try:
                    self.send_response(told.status)
                    for name, value in {"content-length": str(len(told.body)), **told.headers}.items():
                        self.send_header(name, value)
                    self.end_headers()
                    self.wfile.write(told.body)
                except OSError:
                    self.close_connection = True  # the client has gone, or the test cut the line

            do_GET = do_PUT = do_POST = do_DELETE = answer

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._server.handle_error = lambda *_: None  # type: ignore[method-assign] # refused handshakes are meant
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self.port = self._server.server_address[1]
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}"

    def serve(self) -> None:
        self._server.serve_forever(poll_interval=0.01)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@contextmanager
def http_server(tls: ssl.SSLContext | None = None) -> Iterator[HttpServer]:
    server = HttpServer(tls)
    thread = threading.Thread(target=server.serve, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.close()
        thread.join()
