"""Payload paths in filters: what a column's is called, which index lies on it, and text that indexes take for UUIDs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TypeVar

from qframe.model.paths import payload_path

# The server leaves letters of every alphabet bare, which `payload_path` puts in quotes.
_STEP = re.compile(r'([^."\[\]]+)|"([^"]+)"')
_UUID = re.compile(r"(urn:uuid:|\{)?[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}\}?", re.IGNORECASE)

Known = TypeVar("Known")


def path_of(steps: tuple[str, ...]) -> str | None:
    """The path of a payload key and its fields; None where one of them has no name in a path."""
    named = [payload_path(step) for step in steps]
    return None if None in named else ".".join(step for step in named if step is not None)


def index_on(path: str, indexes: Mapping[str, Known]) -> Known | None:
    """What is known of the index on a payload path, its type for example, however the path is quoted."""
    if path in indexes:
        return indexes[path]
    steps = _steps(path)
    return next((kind for other, kind in indexes.items() if _steps(other) == steps), None)


def _steps(path: str) -> tuple[str, ...]:
    """Keys and brackets, without quotes: two spellings of one path have the same."""
    return tuple(part for found in re.findall(rf"{_STEP.pattern}|(\[[0-9]*\])", path) for part in found if part)


def is_uuid(text: str) -> bool:
    """Whether the server may take text for a UUID; it reads four spellings of one, this takes some more."""
    return len(text) <= 45 and _UUID.fullmatch(text) is not None
