"""Strict mode: the limits of a collection and its rate limiters.

Texts and order of the checks are the server's. What the limiter charges is the documented rule (points of an upsert,
matches of a filter, one and the conditions of a scroll); the real one was seen to charge some upserts twice.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any

from qdrant_client.http import models as rest

from .errors import bad_request, rate_limited
from .filters import listed
from .operations import CreateIndex, Row, Sparse, UpdateVectors, Upsert, Write, filters_of, ids_of

REDUCE = 'Help: Reduce the "{0}" parameter to or below {1}.'
INDEX_HELP = "Help: Create an index for this key or use a different filter."


class Limiter:
    """A token bucket: as many tokens as the limit, refilled over a minute; `refill=False` for tests of its texts."""

    def __init__(self, kind: str, limit: int, *, refill: bool) -> None:
        self.kind, self.limit = kind, limit
        self.rate = limit / 60 if refill else 0.0
        self.tokens, self.at = float(limit), time.monotonic()

    def spend(self, cost: int) -> None:
        now = time.monotonic()
        self.tokens = min(self.limit, self.tokens + (now - self.at) * self.rate)
        self.at = now
        if cost > self.limit:
            raise rate_limited(
                f"{self.kind} rate limit exceeded, request larger than rate limiter capacity, "
                "please try to split your request",
                None,
            )
        if cost > self.tokens:
            wait = math.ceil((cost - self.tokens) * 60 / self.limit)
            raise rate_limited(
                f"{self.kind} rate limit exceeded: Operation requires {cost} tokens but only {self.tokens:.1f} "
                f"were available. Retry after {wait}s",
                wait,
            )
        self.tokens -= cost


class StrictMode:
    """The strict-mode configuration of one collection; every check passes where it is not enabled."""

    def __init__(self, config: dict[str, Any] | None, *, refill: bool) -> None:
        self.config = config if config and config.get("enabled") else {}
        self.limiters = {
            kind: Limiter(kind.title(), limit, refill=refill)
            for kind in ("read", "write")
            if (limit := self.config.get(f"{kind}_rate_limit")) is not None
        }

    def limit(self, name: str, value: int | None, setting: str) -> None:
        allowed = self.config.get(setting)
        if allowed is not None and value is not None and value > allowed:
            raise bad_request(f'Limit exceeded {value} > {allowed} for "{name}". {REDUCE.format(name, allowed)}')

    def check_timeout(self, asked: int | None) -> None:
        self.limit("timeout", asked, "max_timeout")

    def check_exact(self, asked: bool | None) -> None:
        """Whether all points may be gone through; which words the server has for this is not known."""
        if asked and self.config.get("search_allow_exact") is False:
            raise bad_request('Exact search disabled. Help: Set "exact" to false.')

    def check_write(self, operation: Write, schema: dict[str, Any], points: Callable[[], int]) -> None:
        match operation:
            case CreateIndex():
                self._room("payload indexes", len(schema), "max_payload_index_count")
            case Upsert():
                self._room("points", points() if "max_points_count" in self.config else 0, "max_points_count")
                self.limit("upsert limit", len(operation.rows), "upsert_max_batchsize")
                self._vector_lengths(operation.rows)
            case UpdateVectors():
                self.limit("update limit", len(operation.rows), "upsert_max_batchsize")
                self._vector_lengths(operation.rows)
            case _:
                for filter_ in filters_of(operation):
                    self._filter(filter_, schema, "unindexed_filtering_update")

    def check_read(self, filter_: rest.Filter | None, limit: int | None, schema: dict[str, Any]) -> None:
        self.limit("limit", limit, "max_query_limit")
        if filter_ is not None:
            self._filter(filter_, schema, "unindexed_filtering_retrieve")

    def charge(self, kind: str, cost: int) -> None:
        if kind in self.limiters:
            self.limiters[kind].spend(cost)

    def charge_write(self, operation: Write, matches: Callable[[rest.Filter], int]) -> None:
        """Charge the points that are named, and those that filters select."""
        if "write" in self.limiters:
            selected = sum(map(matches, filters_of(operation)))
            self.charge("write", max(1, len(ids_of(operation)) + selected))

    def _room(self, what: str, there: int, setting: str) -> None:
        """Refuse what makes more; in which words is not known."""
        allowed = self.config.get(setting)
        if allowed is not None and there >= allowed:
            raise bad_request(f"Limit of {allowed} {what} reached. Help: Delete some, or raise {setting}.")

    def _vector_lengths(self, rows: list[Row]) -> None:
        longest = self.config.get("sparse_config") or {}
        most = self.config.get("multivector_config") or {}
        for row in rows:
            for name, value in row.vectors.items():
                allowed = (longest.get(name) or {}).get("max_length")
                if isinstance(value, Sparse) and allowed is not None and len(value.indices) > allowed:
                    count = len(value.indices)
                    raise bad_request(
                        f"Sparse vector '{name}' has a limit of {allowed} indices, but {count} were provided!"
                    )
                allowed = (most.get(name) or {}).get("max_vectors")
                if allowed is not None and hasattr(value, "rows") and len(value.rows) > allowed:
                    count = len(value.rows)
                    raise bad_request(
                        f"Multivector '{name}' has a limit of {allowed} vectors, but {count} were provided!"
                    )

    def _filter(self, filter_: rest.Filter, schema: dict[str, Any], setting: str) -> None:
        conditions = flat(filter_)
        self.limit("filter limit", len(conditions), "filter_max_conditions")
        for condition in conditions:
            self.limit("condition limit", _length(condition), "condition_max_size")
        if self.config.get(setting) is not False:
            return
        for condition in conditions:
            key, kinds = needed_index(condition)
            if kinds and not (kinds == ["any"] and key in schema) and schema.get(key, [None])[0] not in kinds:
                raise bad_request(
                    f'Index required but not found for "{key}" of one of the following types: '
                    f"[{', '.join(kinds)}]. {INDEX_HELP}"
                )


def flat(filter_: rest.Filter | None) -> list[Any]:
    """All conditions of a filter, nested ones too."""
    if filter_ is None:
        return []
    found = []
    clauses = [filter_.must, filter_.should, filter_.must_not]
    clauses.append(filter_.min_should.conditions if filter_.min_should else None)
    for condition in (c for clause in clauses for c in listed(clause)):
        found += flat(condition) if isinstance(condition, rest.Filter) else [condition]
    return found


def _length(condition: Any) -> int:
    """Values that a condition lists."""
    match condition:
        case rest.HasIdCondition():
            return len(condition.has_id)
        case rest.FieldCondition(match=rest.MatchAny(any=values) | rest.MatchExcept(except_=values)):
            return len(values)
        case _:
            return 1


def needed_index(condition: Any) -> tuple[str, list[str]]:
    """Key and kinds of index that serve a condition; no kinds: none is needed."""
    match condition:
        case rest.IsNullCondition():
            return condition.is_null.key, ["any"]
        case rest.IsEmptyCondition():
            return condition.is_empty.key, ["any"]
        case rest.FieldCondition(match=None):
            return condition.key, _kinds_of_field(condition)
        case rest.FieldCondition():
            return condition.key, _kinds_of_match(condition.match)
        case _:
            return "", []


def _kinds_of_field(condition: rest.FieldCondition) -> list[str]:
    if isinstance(condition.range, rest.Range):
        return ["float", "integer"]
    if isinstance(condition.range, rest.DatetimeRange):
        return ["datetime"]
    return ["geo"] if condition.values_count is None else ["any"]


def _kinds_of_match(match: Any) -> list[str]:
    match match:
        case rest.MatchValue():
            return [{bool: "bool", int: "integer"}.get(type(match.value), "keyword")]
        case rest.MatchAny(any=values) | rest.MatchExcept(except_=values):
            return [] if not values else ["integer" if isinstance(values[0], int) else "keyword"]
        case rest.MatchPrefix():
            return ["keyword"]
        case _:
            return ["text"]
