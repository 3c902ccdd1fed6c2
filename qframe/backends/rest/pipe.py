"""Bytes to and from a server over HTTP; the only file that knows httpx. It knows nothing of points or JSON."""

from __future__ import annotations

import os
import ssl
import threading
import time
import weakref
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache, partial

import httpx

from qframe.connection import Connection
from qframe.model.outcome import Fault, FaultKind
from qframe.targets import Server

KEEP_IDLE = 4.0
"""Seconds that an idle connection is kept: the server closes it after 5 (its default, settable since 1.19)."""

CONNECT_TIMEOUT = 10.0
GZIP_FROM = 1024
"""Bytes of a body below which compressing it gains nothing."""

PIECE = 2**20
"""Bytes of a body that are given to the socket at a time. Of what a socket does not take at once httpcore copies the
rest, again and again: of a whole batch that would be many times its bytes. 512 KiB cost as much; 256 KiB 0.08 ms of CPU
more for 3 MB, 64 KiB 0.6 ms."""

KEPT_URLS = 64
"""Addresses that are not put together anew."""

Parts = tuple[bytes | memoryview, ...]
"""The bytes of a body, one after the other."""

Params = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request; `path` follows the connection's prefix and is percent-encoded."""

    method: str
    path: str
    params: Params = ()
    body: Parts = ()

    @property
    def nbytes(self) -> int:
        """Bytes of the body."""
        return sum(map(len, self.body))


@dataclass(frozen=True, slots=True)
class Answer:
    """One HTTP answer; names of headers are in lower case, the body is not compressed any more."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Pipe:
    """Sends requests to one server, from any number of threads."""

    def __init__(self, connection: Connection, server: Server) -> None:
        self._connection = connection
        self._server = server
        self._lock = threading.Lock()
        self._holder: _Holder | None = None

    def send(self, request: Request, timeout: float) -> Answer | Fault:
        """Send a request and read the whole answer.

        Parameters
        ----------
        timeout : float
            Seconds for all of it.
        """
        holder = self._open()
        deadline = time.monotonic() + timeout
        body, headers = self._body(request)
        built = holder.client.build_request(
            request.method,
            holder.url(request.path, request.params),
            # Used up when it is sent: httpx' request and answer know each other, and what they hold stays until the
            # collector comes, in a write 100 MB later, on new pages each time (2.5 µs a row).
            content=_pieces(body) if body else None,
            headers=[*headers, *self._connection.metadata()],
            timeout=httpx.Timeout(timeout, connect=min(timeout, CONNECT_TIMEOUT)),
        )
        try:
            return _exchange(holder.client, built, deadline)
        except httpx.HTTPError as error:
            return _fault(error, self._server.url, timeout)

    def close(self) -> None:
        """Let go of the connections; they close when the last request on its way has ended."""
        with self._lock:
            self._holder = None

    def _open(self) -> _Holder:
        with self._lock:
            if self._holder is None:
                self._holder = _Holder(self._connection, self._server)
            return self._holder

    def _body(self, request: Request) -> tuple[Parts, list[tuple[str, str]]]:
        """A body as it travels: compressed on request, as its owner on a slow link wants. The limit of 32 MiB holds for
        what it was before, so `Prepared.nbytes` is counted there.
        """
        if not request.body:
            return (), []
        headers, body, nbytes = [("content-type", "application/json")], request.body, request.nbytes
        if self._connection.compression == "gzip" and nbytes >= GZIP_FROM:
            # Level 1: numbers as text shrink by 55 %, by 60 % at level 6 for four times the time.
            packer = zlib.compressobj(1, wbits=31)
            body = (*map(packer.compress, body), packer.flush())
            headers.append(("content-encoding", "gzip"))
            nbytes = sum(map(len, body))
        return body, [*headers, ("content-length", str(nbytes))]


def _pieces(parts: Parts) -> Iterator[bytes]:
    """The bytes in pieces of one size, each copied once and into memory that the one before has left."""
    held: list[memoryview] = []
    room = PIECE
    for part in parts:
        view = memoryview(part)
        while view:
            held.append(view[:room])
            view, room = view[room:], room - len(held[-1])
            if not room:
                yield b"".join(held)
                held, room = [], PIECE
    if held:
        yield b"".join(held)


class _Holder:
    """A client that closes when nobody holds it any more, or at the end of the process that opened it."""

    __slots__ = ("__weakref__", "client", "url")

    def __init__(self, connection: Connection, server: Server) -> None:
        self.client = httpx.Client(
            verify=_verify(connection, server),
            # httpx asks for gzip by default, which makes reading vectors 4 times slower.
            headers={"accept-encoding": connection.compression or "identity", "user-agent": "qframe"},
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=64, keepalive_expiry=KEEP_IDLE),
            # A proxy from the environment cannot reach this machine's own loopback.
            trust_env=not server.local,
            # A redirect would carry the key to an address that nobody named.
            follow_redirects=False,
        )
        # From text httpx reads an address four times over, 0.1 ms.
        self.url = lru_cache(KEPT_URLS)(partial(_url, server.url))
        weakref.finalize(self, _close, self.client, os.getpid())


def _url(base: str, path: str, params: Params) -> httpx.URL:
    return httpx.URL(base + path, params=list(params) or None)


def _close(client: httpx.Client, pid: int) -> None:
    # In a forked child the sockets are the parent's.
    if os.getpid() == pid:
        client.close()


def _verify(connection: Connection, server: Server) -> bool | ssl.SSLContext:
    if isinstance(connection.verify, str):
        return ssl.create_default_context(cafile=connection.verify)
    # Loading the authorities takes 20 ms, which plain http to this machine can do without.
    return connection.verify and (server.tls or not server.local)


def _exchange(client: httpx.Client, request: httpx.Request, deadline: float) -> Answer:
    response = client.send(request, stream=True)
    try:
        chunks = []
        for chunk in response.iter_bytes():
            chunks.append(chunk)
            # httpx counts its timeout anew for every piece, and a slow trickle would never end.
            if time.monotonic() > deadline:
                raise httpx.ReadTimeout("the answer took too long", request=request)
    finally:
        response.close()
    return Answer(
        response.status_code, {name.lower(): value for name, value in response.headers.items()}, b"".join(chunks)
    )


_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)


def _fault(error: httpx.HTTPError, url: str, timeout: float) -> Fault:
    """What a failure on the way means. Nothing was stored only where no byte of the request can have been sent."""
    words = str(error) or type(error).__name__
    if isinstance(error, _NOT_SENT):
        hint = _hint(words, url)
        # A certificate that is not trusted now will not be in a second.
        kind: FaultKind = "fatal" if hint else "lost"
        return Fault(kind, "no", f"no connection to {url}: {words}{hint}", cause="unreachable")
    if isinstance(error, httpx.TimeoutException):
        return Fault("lost", "unknown", f"no answer from {url} within {timeout:g} s")
    if isinstance(error, httpx.TransportError | httpx.DecodingError):
        return Fault("lost", "unknown", f"the connection to {url} was lost: {words}")
    raise error


def _hint(words: str, url: str) -> str:
    if "CERTIFICATE_VERIFY_FAILED" in words:
        return " (pass verify='ca.pem', the file of the authority that signed its certificate)"
    if "WRONG_VERSION_NUMBER" in words or "RECORD_LAYER" in words:
        return f" (the server speaks plain http there: {url.replace('https://', 'http://', 1)})"
    return ""
