"""Faults on request: rules that say which requests go wrong and how, and the log of all requests.

A rule is a JSON object: `wire` (rest, grpc, any), `operation` (a name or any), `skip` (matching requests let through
first), `times` (how often it fires, null for ever), `action` and what the action needs:

| action | what happens |
|---|---|
| throttle | 429 / RESOURCE_EXHAUSTED, with `retry_after` seconds unless null |
| unavailable, error | 503 / UNAVAILABLE, 500 / INTERNAL |
| too_large | the refusal of a body over the limit |
| delay | waits `seconds`, then answers as ever |
| silence | never answers |
| drop | closes the connection and applies nothing (gRPC: UNAVAILABLE) |
| drop_after, half | applies, then closes without an answer, or after half of it (gRPC: UNAVAILABLE) |
| wait_timeout | applies, then says wait_timeout |
| backlog | answers as ever, and says that `length` changes wait in the collection's update queue (`info`) |
| refuse | 400 for requests that carry one of `ids`, in words that do not name it |
| deadline | 408 / CANCELLED "Timeout expired" |
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from grpc import StatusCode

from .errors import ApiError, wrong_input
from .operations import PointId, point_id

KEPT = 10_000
"""Requests kept in the log; the counts go on."""


@dataclass(frozen=True)
class Call:
    """One request as the rules and the log see it."""

    wire: str
    operation: str
    collection: str | None
    bytes: int
    points: int = 0
    ids: frozenset[PointId] = frozenset()
    accept_encoding: str | None = None
    content_encoding: str | None = None
    asked: dict[str, Any] | None = None

    def shown(self) -> dict[str, Any]:
        hidden = ("ids",)
        return {name: getattr(self, name) for name in self.__dataclass_fields__ if name not in hidden}


@dataclass
class Rule:
    action: str
    wire: str = "any"
    operation: str = "any"
    skip: int = 0
    times: int | None = None
    retry_after: int | None = None
    seconds: float = 0.0
    length: int = 0
    ids: list[Any] = field(default_factory=list)
    seen: int = 0
    fired: int = 0

    def __post_init__(self) -> None:
        if self.action not in ACTIONS:
            raise ApiError(f"no such action: {self.action}; there are {', '.join(sorted(ACTIONS))}")
        self.ids = [point_id(i) for i in self.ids]

    def takes(self, call: Call) -> bool:
        """Whether the rule fires for this request; counts what it lets through."""
        if self.wire not in ("any", call.wire) or self.operation not in ("any", call.operation):
            return False
        if self.action == "refuse" and call.ids.isdisjoint(self.ids):
            return False
        if self.times is not None and self.fired >= self.times:
            return False
        self.seen += 1
        if self.seen <= self.skip:
            return False
        self.fired += 1
        return True

    def error(self, call: Call) -> ApiError | None:
        """The refusal, for the actions that are one."""
        make = ERRORS.get(self.action)
        return make(self, call) if make else None


def _throttle(rule: Rule, _: Call) -> ApiError:
    text = "Rate limiting exceeded: Write rate limit exceeded"
    if rule.retry_after is None:
        text += ", request larger than rate limiter capacity, please try to split your request"
    else:
        text += f": Operation requires 8 tokens but only 2.0 were available. Retry after {rule.retry_after}s"
    return ApiError(text, 429, StatusCode.RESOURCE_EXHAUSTED, retry_after=rule.retry_after)


def _too_large(_: Rule, call: Call) -> ApiError:
    return too_large(max(call.bytes, LIMIT + 1))


LIMIT = 33_554_432


def too_large(size: int) -> ApiError:
    """The refusal of a REST body over 32 MiB; the connection is closed after it."""
    return ApiError(f"JSON payload ({size} bytes) is larger than allowed (limit: {LIMIT} bytes).", close=True)


ERRORS = {
    "throttle": _throttle,
    "too_large": _too_large,
    "unavailable": lambda _r, _c: ApiError("Service unavailable: shard is not ready", 503, StatusCode.UNAVAILABLE),
    "error": lambda _r, _c: ApiError("Service internal error: made on request", 500, StatusCode.INTERNAL),
    "refuse": lambda _r, _c: wrong_input("one of the points cannot be stored"),
    "deadline": lambda rule, call: ApiError("Timeout expired", 408, StatusCode.CANCELLED),
}
ACTIONS = {*ERRORS, "delay", "silence", "drop", "drop_after", "half", "wait_timeout", "backlog"}


class Board:
    """The rules in force and the requests seen.

    `overlaps` counts the writes that arrived while another one to the same collection was under way ("requests"), and
    those of them that had an id in common with it ("ids").
    """

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        self.rules: list[Rule] = []
        self.log: deque[Call] = deque(maxlen=KEPT)
        self.counts: Counter[str] = Counter()
        self.points: Counter[str] = Counter()
        self.overlaps = {"requests": 0, "ids": 0}
        self.open: list[Call] = []

    @contextmanager
    def under_way(self, call: Call) -> Iterator[None]:
        """While a request is dealt with; it ends before its answer is sent."""
        if not call.ids:
            yield
            return
        others = [other for other in self.open if other.collection == call.collection]
        self.overlaps["requests"] += bool(others)
        self.overlaps["ids"] += any(not call.ids.isdisjoint(other.ids) for other in others)
        self.open.append(call)
        try:
            yield
        finally:
            self.open = [other for other in self.open if other is not call]

    def add(self, rules: list[dict[str, Any]]) -> None:
        self.rules += [Rule(**rule) for rule in rules]

    def arrived(self, call: Call) -> Rule | None:
        """Write a request into the log and find the first rule that fires for it."""
        self.log.append(call)
        self.counts[f"{call.wire}/{call.operation}"] += 1
        self.points[f"{call.wire}/{call.operation}"] += call.points
        return next((rule for rule in self.rules if rule.takes(call)), None)

    def fired(self) -> list[int]:
        return [rule.fired for rule in self.rules]

    def requests(self) -> dict[str, Any]:
        return {
            "counts": dict(self.counts),
            "points": dict(self.points),
            "requests": [call.shown() for call in self.log],
            "overlaps": self.overlaps,
        }
