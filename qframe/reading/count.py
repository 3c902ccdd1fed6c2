"""How many points there are."""

from __future__ import annotations

from typing import Any

from qframe.administration import answer
from qframe.backends.opening import open_backend
from qframe.connection import Connection
from qframe.model.points import ShardKey
from qframe.model.requests import Count
from qframe.planning.exactly import exact_filter


def count(connection: Connection, name: str, filter: Any, exact: bool, shard_key: ShardKey | None) -> int:  # noqa: A002
    """Number of points that match a filter."""
    request = Count(name, exact_filter(connection, name, filter, "count"), exact, shard_key)
    found = answer(open_backend(connection), request, connection, name)
    assert isinstance(found, int)  # noqa: S101 - the contract of Count
    return found
