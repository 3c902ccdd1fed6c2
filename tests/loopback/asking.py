"""Plain requests to the server, for the tests of the server itself."""

from __future__ import annotations

import time
from typing import Any

import grpc
import httpx

from .process import Server


def create(http: httpx.Client, name: str = "t", **config: Any) -> None:
    body = {"vectors": {"size": 2, "distance": "Dot"}} | config
    http.put(f"/collections/{name}", json=body).raise_for_status()


def put(http: httpx.Client, points: list[dict[str, Any]], name: str = "t", wait: str = "true") -> httpx.Response:
    return http.put(f"/collections/{name}/points", params={"wait": wait}, json={"points": points})


def stored(http: httpx.Client, name: str = "t") -> list[Any]:
    asked = {"limit": 1000, "with_payload": True, "with_vector": True}
    return http.post(f"/collections/{name}/points/scroll", json=asked).json()["result"]["points"]


def settle(http: httpx.Client, name: str = "t") -> None:
    """Wait until what was only acknowledged is applied."""
    while http.get(f"/collections/{name}").json()["result"]["update_queue"]["length"]:
        time.sleep(0.01)


def error(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["status"]["error"]


def call(server: Server, method: str, request: Any, kind: Any, **options: Any) -> Any:
    with grpc.insecure_channel(f"127.0.0.1:{server.grpc_port}") as channel:
        ask = channel.unary_unary(method, type(request).SerializeToString, kind.FromString)
        return ask(request, timeout=30, **options)
