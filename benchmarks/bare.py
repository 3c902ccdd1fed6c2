"""Ready bytes sent and answers taken, nothing else: what both limits are made of, over either wire."""

from __future__ import annotations

import gzip
import http.client
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from typing import Literal, TypeVar

import grpc

from benchmarks.data import Job

Operation = Literal["upsert", "scroll"]
Content = TypeVar("Content")
Sender = Callable[[Iterable[bytes]], int]
"""Sends requests one after another and returns how many bytes were answered, unpacked."""

METHODS = {"upsert": "/qdrant.Points/Upsert", "scroll": "/qdrant.Points/Scroll"}
ROUTES = {"upsert": ("PUT", "points?wait=true"), "scroll": ("POST", "points/scroll")}


def senders(job: Job, operation: Operation) -> list[Sender]:
    """One for each thread, with a connection of its own."""
    make = _grpc if job.wire == "grpc" else _rest
    return [make(job, operation) for _ in range(job.n_jobs)]


def share(senders: Sequence[Sender], contents: Sequence[Content], encoded: Callable[[Content], bytes]) -> None:
    """Each sender sends as many of the contents as the others, encoded as they are sent."""
    shares = [map(encoded, contents[number :: len(senders)]) for number in range(len(senders))]
    if len(senders) == 1:
        senders[0](shares[0])
        return
    with ThreadPoolExecutor(len(senders)) as pool:
        for future in [pool.submit(send, part) for send, part in zip(senders, shares, strict=True)]:
            future.result()


def ready(content: bytes) -> bytes:
    """What needs no encoding."""
    return content


def _grpc(job: Job, operation: Operation) -> Sender:
    options = [
        ("grpc.max_send_message_length", -1),
        ("grpc.max_receive_message_length", -1),
        ("grpc.use_local_subchannel_pool", 1),  # else all channels share one connection
    ]
    if not job.gzip:
        options.append(("grpc.compression_enabled_algorithms_bitset", 1))
    channel = grpc.insecure_channel(f"{job.host}:{job.grpc_port}", options)
    call = channel.unary_unary(METHODS[operation])
    metadata = [("api-key", job.api_key)] if job.api_key else None
    return lambda contents: sum(len(call(content, metadata=metadata)) for content in contents)


def _rest(job: Job, operation: Operation) -> Sender:
    headers = {
        "content-type": "application/json",
        "accept-encoding": "gzip" if job.gzip else "identity",
        **({"api-key": job.api_key} if job.api_key else {}),
    }
    method, route = ROUTES[operation]
    return partial(_exchange, job, method, f"/collections/{job.collection}/{route}", headers)


def _exchange(job: Job, method: str, path: str, headers: dict[str, str], contents: Iterable[bytes]) -> int:
    total = 0
    with closing(http.client.HTTPConnection(job.host, job.port)) as connection:
        for content in contents:
            connection.request(method, path, content, headers)
            answer = connection.getresponse()
            body = answer.read()
            if answer.status != 200:
                raise RuntimeError(body.decode())
            total += len(gzip.decompress(body) if job.gzip else body)
    return total
