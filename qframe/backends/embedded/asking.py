"""What pages and searches ask the engine for alike: filters, payload, vectors; and what is refused without asking."""

from __future__ import annotations

from typing import Any

from qframe.backends.embedded.engine import NO_SHARD_KEYS, refused
from qframe.backends.embedded.filters import edge_filter
from qframe.backends.embedded.folder import Shard
from qframe.backends.embedded.validation import check_names
from qframe.backends.selectors import payload_selector
from qframe.model.outcome import Fault
from qframe.model.queries import QueryRequest
from qframe.model.requests import Filter, PageRequest


def unusable(request: PageRequest | QueryRequest, shard: Shard) -> Fault | None:
    """What can be said about a read without asking the engine."""
    if request.shard_key is not None:
        return NO_SHARD_KEYS
    return check_names(request.vectors, shard.layout)


def bad_limit(limit: int) -> Fault | None:
    if limit >= 1:
        return None
    return refused(f"Validation error in JSON body: [limit: value {limit} invalid, must be 1 or larger]")


def condition_of(condition: Filter | None) -> Any | Fault | None:
    return None if condition is None else edge_filter(condition)


def payload_of(wanted: bool | tuple[str, ...]) -> bool | list[str]:
    """What the engine is asked for; it wants its paths in a list."""
    selector = payload_selector(wanted)
    return selector if isinstance(selector, bool) else list(selector)


def vectors_of(names: tuple[str, ...]) -> Any:
    return list(names) or False
