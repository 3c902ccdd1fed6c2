"""A stand-in for a REST server: swallows writes, serves ready pages. A process of its own; prints its port."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import orjson

from benchmarks.canned import gzipped, rest_answer, rest_page, rest_updated
from benchmarks.data import DIM, read_rows

CHUNK = 1 << 20


class StandIn:
    def __init__(self, frame: str) -> None:
        rows = read_rows(Path(frame))
        self._rows = len(rows)
        self._plain = rest_page(rows)
        self._packed = gzipped(self._plain)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await self._exchange(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        line, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        method, target, _ = line.split(" ")
        headers = dict(one.lower().split(": ", 1) for one in lines if one)
        path = target.split("?")[0]
        left = int(headers.get("content-length", 0))
        if path.endswith("/points/scroll"):
            packs = "gzip" in headers.get("accept-encoding", "")
            answer = self._scroll(await reader.readexactly(left), packs)
            encoding = "content-encoding: gzip\r\n" if packs else ""
        elif path.endswith("/points/batch"):
            answer, encoding = rest_updated(await reader.readexactly(left)), ""
        else:
            while left:
                left -= len(await reader.read(min(left, CHUNK)))
            answer, encoding = rest_answer(method, path, self._rows, DIM), ""
        head = f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n{encoding}content-length: {len(answer)}\r\n\r\n"
        writer.write(head.encode())
        writer.write(answer)
        await writer.drain()
        return headers.get("connection") != "close"

    def _scroll(self, body: bytes, packs: bool) -> bytes:
        request = orjson.loads(body)
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
    server = await asyncio.start_server(stand_in.serve, "127.0.0.1", 0, limit=CHUNK)
    print(server.sockets[0].getsockname()[1], flush=True)
    async with server:
        await asyncio.to_thread(sys.stdin.read)  # until the parent is gone


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
