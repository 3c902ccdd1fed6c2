"""Answers of a real server over REST, recorded."""

import json
from functools import cache
from pathlib import Path
from typing import Any

PATH = Path(__file__).parents[2] / "data" / "recorded_rest.jsonl"


@cache
def exchanges() -> tuple[dict[str, Any], ...]:
    return tuple(json.loads(line) for line in PATH.read_text(encoding="utf-8").splitlines())


def exchange(name: str) -> dict[str, Any]:
    """The first exchange of a name."""
    return next(found for found in exchanges() if found["name"] == name)
