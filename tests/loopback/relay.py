"""A TCP relay before a server's port, for the faults that need no cooperation of the server.

It knows bytes only, so it serves both wires. Byte counts are of the TCP stream: over gRPC the first of them are
HTTP/2 settings, so "applied, and the answer lost" is the fault rule `drop_after`, not a count here.
"""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
from collections.abc import Coroutine
from types import TracebackType
from typing import Any, Literal

Direction = Literal["up", "down"]
"""Up is from the client to the server."""


class Relay:
    """Forwards 127.0.0.1:`port` to the port it is made with; the methods switch faults on and off."""

    def __init__(self, target_port: int) -> None:
        self.target_port = target_port
        self.port = 0
        self.moved: dict[Direction, int] = {"up": 0, "down": 0}
        self._cuts: dict[Direction, int] = {}
        self._open: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._server: asyncio.Server | None = None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._flowing = self._wait(self._event())
        self.accept()

    def refuse(self) -> None:
        """Refuse new connections; those that are open stay."""
        self._wait(self._close_listener())

    def accept(self) -> None:
        """Take new connections again, on the same port."""
        self._wait(self._open_listener())

    def reset(self) -> None:
        """Reset all open connections (RST)."""
        self._wait(self._reset_all())

    def cut(self, after: int, direction: Direction) -> None:
        """Reset, once, the connection that carries the byte number `after` from now on in this direction."""
        self._cuts[direction] = after

    def stall(self) -> None:
        """Carry nothing more, and keep all connections open."""
        self._loop.call_soon_threadsafe(self._flowing.clear)

    def resume(self) -> None:
        """Carry again what was held."""
        self._loop.call_soon_threadsafe(self._flowing.set)

    @property
    def connections(self) -> int:
        """How many connections are open."""
        return len(self._open) // 2

    def close(self) -> None:
        self._wait(self._close_listener())
        self._wait(self._ended())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def __enter__(self) -> Relay:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # -- in the loop's thread

    def _wait(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(30)

    @staticmethod
    async def _event() -> asyncio.Event:
        event = asyncio.Event()
        event.set()
        return event

    async def _open_listener(self) -> None:
        if self._server is None:
            self._server = await asyncio.start_server(self._connected, "127.0.0.1", self.port)
            self.port = self._server.sockets[0].getsockname()[1]

    async def _close_listener(self) -> None:
        if self._server is not None:
            # A connection that is being accepted while its server closes is left open by asyncio (3.11).
            for listening in self._server.sockets:
                self._loop.remove_reader(listening.fileno())
            await asyncio.sleep(0.01)
            self._server.close()
            self._server = None

    async def _reset_all(self) -> None:
        for writer in list(self._open):
            _reset(writer)

    async def _ended(self) -> None:
        """Wait until no connection is served any more."""
        self._flowing.set()
        while self._tasks:
            await self._reset_all()
            await asyncio.wait(self._tasks, timeout=0.1)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.target_port)
        except OSError:
            _reset(writer)
            return
        pair = {writer, far_writer}
        self._open |= pair
        try:
            await asyncio.gather(
                self._pump(reader, far_writer, "up", pair), self._pump(far_reader, writer, "down", pair)
            )
        finally:
            self._open -= pair
            for end in pair:
                end.close()

    async def _pump(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        way: Direction,
        pair: set[asyncio.StreamWriter],
    ) -> None:
        """Carry one direction to its end; a lost connection ends it like the end of the stream."""
        try:
            while data := await reader.read(65536):
                await self._flowing.wait()
                left = self._cuts.get(way)
                if left is not None:
                    self._cuts[way] = left - len(data)
                    data = data[:left]
                self.moved[way] += len(data)
                writer.write(data)
                await writer.drain()
                if left is not None and self._cuts[way] <= 0:
                    del self._cuts[way]
                    await asyncio.sleep(0.02)  # what was carried must arrive before the reset
                    for end in pair:
                        _reset(end)
                    return
            writer.write_eof()
        except (OSError, RuntimeError):
            return  # the other side is gone


def _reset(writer: asyncio.StreamWriter) -> None:
    """Close with RST in place of FIN."""
    sock = writer.get_extra_info("socket")
    if sock is not None and sock.fileno() != -1:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
