"""Exchanges recorded from a real server, one JSON object a line."""

import functools
import json
from pathlib import Path

FILE = Path(__file__).parents[2] / "data" / "recorded_grpc.jsonl"


@functools.cache
def exchanges() -> list[dict]:
    return [json.loads(line) for line in FILE.read_text().splitlines()]


def exchange(name: str) -> dict:
    (found,) = [one for one in exchanges() if one["name"] == name]
    return found


def answer(name: str) -> bytes:
    return bytes.fromhex(exchange(name)["answer"])
