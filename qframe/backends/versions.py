"""Server versions, and since when a server understands what a write asks for."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from qframe.columns.plain import plain
from qframe.model.operations import Operation, SetPayload, Upsert
from qframe.model.outcome import Fault
from qframe.model.queries import QueryRequest

Version = tuple[int, int, int]
UNKNOWN: Version = (0, 0, 0)
"""Of a server that does not tell, behind a proxy that hides it."""

Need = tuple[Version, str]
"""The first version that understands something, and what it is called."""

_NUMBERS = re.compile(r"v?(\d+)\.(\d+)\.(\d+)")


def parse_version(text: str) -> Version:
    """The numbers of a version such as "1.19.0" or "1.20.1-dev"; `UNKNOWN` for any other text."""
    found = _NUMBERS.match(text)
    return UNKNOWN if found is None else (int(found[1]), int(found[2]), int(found[3]))


def version_text(version: Version) -> str:
    return ".".join(map(str, version))


def operation_needs(operation: Operation) -> list[Need]:
    """What an operation needs of a server; older ones leave it out without a word and do something else instead."""
    needs: list[Need] = []
    if isinstance(operation, SetPayload):
        if operation.key is not None:
            needs.append(((1, 8, 0), f"key={operation.key!r}"))
        if operation.nulls == "remove" and any(map(_has_null, operation.payload.columns)):
            needs.append(((1, 8, 0), "nulls='remove'"))
    if isinstance(operation, Upsert):
        if operation.mode != "upsert":
            needs.append(((1, 17, 0), f"mode={operation.mode!r}"))
        if operation.update_filter is not None:
            needs.append(((1, 16, 0), "update_filter"))
    return needs


PARAMS_SINCE: Mapping[str, Version] = {"acorn": (1, 16, 0), "idf": (1, 19, 0)}
"""Search params that older servers pass over."""


def params_of(request: QueryRequest) -> list[Mapping[str, Any]]:
    """All search params of a request, those of its prefetches too."""
    return [params for params in (request.params, *(one.params for one in request.prefetch)) if params]


def search_needs(request: QueryRequest) -> list[Need]:
    """What search params need of a server; older ones search without them and say nothing."""
    given = params_of(request)
    return [
        (since, f"params.{name}")
        for name, since in PARAMS_SINCE.items()
        if any(params.get(name) is not None for params in given)
    ]


def _has_null(column: pa.Array) -> bool:
    """Whether a payload column has a null; NaN is one, and dictionaries and runs may hide some among their values."""
    types = pa.types
    hiding = types.is_floating(column.type) or types.is_dictionary(column.type) or types.is_run_end_encoded(column.type)
    return column.null_count > 0 or (hiding and plain(column).null_count > 0)


def too_old(needs: list[Need], version: Version) -> Fault | None:
    """A fault when the server is older than the newest need."""
    if not needs:
        return None
    since, what = max(needs)
    if version >= since:
        return None
    has = "the server does not tell its version" if version == UNKNOWN else f"the server is {version_text(version)}"
    return Fault("fatal", "no", f"{what} needs Qdrant {version_text(since)}; {has}", cause="unsupported")
