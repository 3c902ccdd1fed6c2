"""A stand-in for a REST server: swallows writes, serves ready pages. A process of its own; prints its ports.

At the second port it waits for each page as long as a server takes to make it.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

import orjson

from benchmarks.canned import rest_answer, rest_updated
from benchmarks.data import matrix, read_rows
from benchmarks.pages import Parts, gzipped, rest_page

CHUNK = 1 << 20
ROW_SECONDS = 24e-6
"""Seconds a row that a page takes: Qdrant 1.19 was seen to give 41,000 rows/s of this kind."""


class StandIn:
    def __init__(self, frame: str) -> None:
        rows = read_rows(Path(frame))
        self._rows, self._dim = matrix(rows).shape
        self._plain = rest_page(rows)
        self._packed = gzipped(self._plain)

    async def at_once(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._serve(reader, writer, 0.0)

    async def in_time(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._serve(reader, writer, ROW_SECONDS)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, row_seconds: float) -> None:
        try:
            while await self._exchange(reader, writer, row_seconds):
                pass
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, row_seconds: float) -> bool:
        line, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        method, target, _ = line.split(" ")
        headers = dict(one.lower().split(": ", 1) for one in lines if one)
        path = target.split("?")[0]
        left = int(headers.get("content-length", 0))
        if path.endswith("/points/scroll"):
            packs = "gzip" in headers.get("accept-encoding", "")
            request = orjson.loads(await reader.readexactly(left))
            await asyncio.sleep(row_seconds * request.get("limit", 0))
            answer: Parts = self._scroll(request, packs)
            encoding = "content-encoding: gzip\r\n" if packs else ""
        elif path.endswith("/points/batch"):
            answer, encoding = [rest_updated(await reader.readexactly(left))], ""
        else:
            while left:
                left -= len(await reader.read(min(left, CHUNK)))
            answer, encoding = [rest_answer(method, path, self._rows, self._dim)], ""
        size = sum(map(len, answer))
        head = f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n{encoding}content-length: {size}\r\n\r\n"
        writer.write(head.encode() + answer[0])
        for part in answer[1:]:
            writer.write(part)
        await writer.drain()
        return headers.get("connection") != "close"

    def _scroll(self, request: Any, packs: bool) -> Parts:
        offset = request.get("offset") or 0
        vectors = bool(request.get("with_vector") or request.get("with_vectors"))
        page = self._packed if packs else self._plain
        if isinstance(offset, str):
            return page(self._rows, 1, False)
        part = {"total": 1, "index": 0}
        if request.get("filter"):
            part = request["filter"]["must"][0]["slice"]
        return page(offset, request.get("limit") or 10, vectors, part["total"], part["index"])


async def main(frame: str) -> None:
    stand_in = StandIn(frame)
    servers = [
        await asyncio.start_server(serve, "127.0.0.1", 0, limit=CHUNK) for serve in (stand_in.at_once, stand_in.in_time)
    ]
    print(*(server.sockets[0].getsockname()[1] for server in servers), flush=True)
    async with servers[0], servers[1]:
        await asyncio.to_thread(sys.stdin.read)  # until the parent is gone


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
