"""Bytes ⇄ network: the channels of one target in one process, and their failures as faults. The only import of grpc."""

from __future__ import annotations

import itertools
import os
import threading
import weakref
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import grpc

from qframe.backends.grpc.certificates import trust
from qframe.backends.grpc.faults import fault
from qframe.model.outcome import Fault
from qframe.targets import Server

CHANNELS = 2
"""Connections a process. Equal channels would share one, which is where a server's 37,000 rows/s end; two carry 50,000
and four no more."""

CERTIFICATE_SECONDS = 10.0
"""At most, for fetching a certificate with verify=False."""

Metadata = Callable[[], Sequence[tuple[str, str]]]


class Pipe:
    """Unary calls with raw bytes.

    Channels are made at the first call of a process and never used in another: after a fork, calls on an inherited
    channel fail once in four, or hang.

    Parameters
    ----------
    server : Server
    verify : bool, str or os.PathLike
        True, False, or a CA file; without TLS it says nothing.
    metadata : callable
        Gives the metadata of each call, keys in lower case: an API key may change between calls.
    compression : "gzip" or None
        None asks the server for plain answers: grpcio by itself asks for gzip, which makes reading vectors 9 times
        slower.
    """

    def __init__(
        self,
        server: Server,
        *,
        verify: bool | str | os.PathLike[str],
        metadata: Metadata,
        compression: str | None,
    ) -> None:
        self._server = server
        self._verify = verify
        self._metadata = metadata
        self._compression = compression
        self._mine = _Channels()
        # Dropping inherited channels would close them, which is what must not be done in the child.
        self._inherited: list[_Channels] = []

    def call(self, path: str, content: bytes, timeout: float) -> bytes | Fault:
        """The answer to one request; `timeout` in seconds."""
        mine = self._channels()  # held to the end: channels that nobody holds close
        try:
            method = mine.method(path, partial(self._connect, timeout))
        except OSError as error:
            return Fault("lost", "no", f"no certificate from {self._server.grpc_address}: {error}", cause="unreachable")
        try:
            return method(content, timeout=timeout, metadata=self._metadata())
        except grpc.RpcError as error:
            return fault(error.code().name, error.details() or "", error.trailing_metadata() or ())

    def close(self) -> None:
        """Let go of the channels; they close when the last request on its way has ended. A later call opens others."""
        self._channels()  # those of a parent process are not to be closed here
        self._mine = _Channels()

    def _channels(self) -> _Channels:
        mine = self._mine
        if mine.pid != os.getpid():
            self._inherited.append(mine)
            self._mine = mine = _Channels()
        return mine

    def _connect(self, timeout: float) -> grpc.Channel:
        server, options = self._server, channel_options(self._compression, self._server.local)
        compression = grpc.Compression.Gzip if self._compression == "gzip" else None
        if not server.tls:
            return grpc.insecure_channel(server.grpc_address, options, compression)
        trusted = trust(self._verify, server.host, server.grpc_port, min(timeout, CERTIFICATE_SECONDS))
        if trusted.name is not None:
            options.append(("grpc.ssl_target_name_override", trusted.name))
        credentials = grpc.ssl_channel_credentials(trusted.roots)
        return grpc.secure_channel(server.grpc_address, credentials, options, compression)


class _Channels:
    """The channels of one process; calls take turns on them. They close when nobody holds them, or with the process."""

    def __init__(self) -> None:
        self.pid = os.getpid()
        self._lock = threading.Lock()
        self._turns = itertools.count()
        self._channels: list[grpc.Channel] = []
        self._methods: dict[tuple[int, str], Any] = {}
        weakref.finalize(self, _close, self._channels, self.pid)

    def method(self, path: str, connect: Callable[[], grpc.Channel]) -> Any:
        turn = next(self._turns) % CHANNELS
        with self._lock:
            while len(self._channels) <= turn:
                self._channels.append(connect())
            method = self._methods.get((turn, path))
            if method is None:
                method = self._methods[turn, path] = self._channels[turn].unary_unary(path)
        return method


def _close(channels: list[grpc.Channel], pid: int) -> None:
    if os.getpid() == pid:
        for channel in channels:
            channel.close()


def channel_options(compression: str | None, local: bool) -> list[tuple[str, Any]]:
    """The options of a channel.

    Back-off: while a channel waits to connect again, calls fail at once, so that a policy of attempts burns out before
    the server is back; a second is the longest wait. grpcio's "minimum" is how long one attempt to connect may take,
    not a wait: refusals end it at once. A proxy named in the environment would stand between loopback addresses too.
    """
    options: list[tuple[str, Any]] = [
        ("grpc.max_send_message_length", -1),
        ("grpc.max_receive_message_length", -1),
        ("grpc.use_local_subchannel_pool", 1),
        ("grpc.initial_reconnect_backoff_ms", 100),
        ("grpc.min_reconnect_backoff_ms", 10_000),
        ("grpc.max_reconnect_backoff_ms", 1000),
    ]
    if compression is None:
        options.append(("grpc.compression_enabled_algorithms_bitset", 1))
    if local:
        options.append(("grpc.enable_http_proxy", 0))
    return options
