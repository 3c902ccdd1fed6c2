"""Run the server: prints one JSON line with its ports, ends when its standard input closes."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shutil
import socket
import sys
import tempfile
from pathlib import Path

import grpc
import uvicorn

from .access import Access
from .engine import Engine
from .faults import Board
from .grpc_wire import Handlers
from .rest import Protocol, Rest
from .version import Version

RAM = "/dev/shm"
ROOM = 2 << 30
"""Bytes that must be free there: on a full RAM disk the engine dies by SIGBUS."""


def disk() -> str | None:
    """Where the collections lie: making one syncs many files, which on a disk is most of the time that a test takes."""
    roomy = os.access(RAM, os.W_OK) and shutil.disk_usage(RAM).free >= ROOM
    return RAM if roomy else None


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="tests.loopback", description=__doc__)
    parser.add_argument("--version", default="1.20.0", help="the server version to pretend")
    parser.add_argument("--api-key")
    parser.add_argument("--read-only-api-key")
    parser.add_argument("--tls", nargs=2, metavar=("CERT", "KEY"), help="PEM files, for both wires")
    parser.add_argument("--no-refill", action="store_true", help="rate limiters never get tokens back")
    parser.add_argument("--lag", type=float, default=0.05, help="seconds until what nobody waits for is applied")
    return parser.parse_args()


def listening() -> socket.socket:
    """A socket made with its protocol named: asyncio sets TCP_NODELAY on no other, and 44 ms a request are lost."""
    made = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    made.bind(("127.0.0.1", 0))
    return made


async def grpc_server(handlers: Handlers, tls: list[str] | None) -> tuple[grpc.aio.Server, int]:
    options = [
        ("grpc.so_reuseport", 0),
        ("grpc.max_receive_message_length", -1),
        ("grpc.max_send_message_length", -1),
        # A level, not an algorithm: grpc then zips for clients that accept it; an algorithm it forces on all.
        ("grpc.default_compression_level", 2),
    ]
    server = grpc.aio.server(options=options)
    server.add_generic_rpc_handlers((handlers,))
    if tls:
        certificate, key = (Path(file).read_bytes() for file in tls)
        credentials = grpc.ssl_server_credentials([(key, certificate)])
        port = server.add_secure_port("127.0.0.1:0", credentials)
    else:
        port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    return server, port


async def stdin_closed() -> None:
    """Wait for the end of standard input: the process that started this one is done, or gone."""
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    await reader.read()


async def serve(options: argparse.Namespace, root: Path) -> None:
    engine = Engine(root, Version(options.version), refill=not options.no_refill, lag=options.lag)
    board, access = Board(), Access(options.api_key, options.read_only_api_key)
    sock = listening()
    certificate, key = options.tls or (None, None)
    config = uvicorn.Config(
        Rest(engine, board, access).app(),
        http=Protocol,
        ws="none",
        lifespan="off",
        log_level="critical",
        timeout_keep_alive=5,
        timeout_graceful_shutdown=1,
        ssl_certfile=certificate,
        ssl_keyfile=key,
    )
    rest = uvicorn.Server(config)
    rest_task = asyncio.create_task(rest.serve([sock]))
    wire, grpc_port = await grpc_server(Handlers(engine, board, access), options.tls)
    while not rest.started:
        if rest_task.done():
            await rest_task
        await asyncio.sleep(0.005)
    sys.stdout.write(json.dumps({"rest": sock.getsockname()[1], "grpc": grpc_port}) + "\n")
    sys.stdout.flush()
    await stdin_closed()
    rest.should_exit = True
    await wire.stop(0)
    await rest_task
    engine.close()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="loopback-", dir=disk()) as folder:
        asyncio.run(serve(arguments(), Path(folder)))
