"""The same machine on the loopback server, with random faults within the policy and beyond it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st

import qframe as qf
from tests.loopback.process import Server
from tests.modelled.calls import VERBS
from tests.modelled.frames import INTEGERS, UUIDS
from tests.modelled.judge import Row, all_told, at_once, states_of
from tests.modelled.machine import Writes

HEALING: tuple[dict[str, Any], ...] = (
    {"action": "drop"},
    {"action": "drop_after"},
    {"action": "half"},
    {"action": "unavailable"},
    {"action": "error"},
    {"action": "deadline"},
    {"action": "throttle", "retry_after": 0},
)
"""What a repetition heals; what stays is told by the answer of another request."""

OTHER: tuple[dict[str, Any], ...] = (
    {"action": "throttle", "retry_after": None},
    {"action": "throttle", "retry_after": 1000},
    # A limit of REST. Over gRPC the words come as a refusal, which a server does not give after it took the same bytes.
    {"action": "too_large", "wire": "rest"},
    {"action": "wait_timeout"},
)
TAKEN = ("drop_after", "half")
TURNED_AWAY: tuple[dict[str, Any], ...] = (*OTHER[:3], {"action": "throttle", "retry_after": 0}, {"action": "drop"})
"""What leaves open whether an earlier request was applied."""

EVERY = (*INTEGERS, *UUIDS)
WRITING = (*VERBS, "batch")
QUESTION = "retrieve"


@st.composite
def _doubt(draw: st.DrawFn) -> list[dict[str, Any]]:
    """A request is taken and not answered, and then turned away."""
    first = {"action": draw(st.sampled_from(TAKEN)), "times": draw(st.integers(1, 2))}
    then = {**draw(st.sampled_from(TURNED_AWAY)), "times": draw(st.sampled_from([2, None, None]))}
    return [{**rule, "operation": "any write"} for rule in (first, then)]


@st.composite
def _late(draw: st.DrawFn) -> list[dict[str, Any]]:
    """What begins after the first request, which may have been applied as far as an id that is not there."""
    refusal = {"action": "refuse", "ids": draw(st.sampled_from([EVERY, EVERY[::2]]))}
    rule = refusal if draw(st.booleans()) else draw(st.sampled_from(TURNED_AWAY))
    return [{**rule, "skip": draw(st.sampled_from([1, 1, 2])), "operation": "any write"}]


@st.composite
def faults(draw: st.DrawFn) -> tuple[list[dict[str, Any]], int, bool]:
    """Rules of the server, the attempts that calls may make from now on, and whether that is enough."""
    kind = draw(st.sampled_from(["healing", "twice", "doubt", "late", "any"]))
    if kind == "twice":
        rule = {"action": draw(st.sampled_from(TAKEN)), "times": 1, "operation": "any write"}
        return [rule], 1 + len(WRITING), True
    if kind in ("doubt", "late"):
        return draw(_doubt() if kind == "doubt" else _late()), draw(st.integers(2, 4)), False
    heals, rules = kind == "healing", []
    for _ in range(draw(st.integers(1, 3))):
        action = draw(st.sampled_from(HEALING if heals else HEALING + OTHER))
        times = draw(st.integers(1, 2)) if heals else draw(st.sampled_from([1, 2, 5, None]))
        where = draw(st.sampled_from(["any write", "any write", QUESTION]))
        rules.append({**action, "skip": draw(st.sampled_from([0, 0, 0, 1, 2])), "times": times, "operation": where})
    if not heals and draw(st.booleans()):
        ids = draw(st.lists(st.sampled_from(EVERY), min_size=1, max_size=2, unique=True))
        rules.append({"action": "refuse", "ids": ids, "operation": "any write"})
    # Each name of an operation has its own count.
    fires = (
        sum(rule["times"] * (len(WRITING) if rule["operation"] != QUESTION else 1) for rule in rules) if heals else 0
    )
    return rules, 1 + fires if heals else draw(st.integers(1, 3)), heals


def spelled(rules: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rules as the server knows them."""
    return [
        {**rule, "operation": operation}
        for rule in rules
        for operation in ((QUESTION,) if rule["operation"] == QUESTION else WRITING)
    ]


class FaultyWrites(Writes):
    """`server` is set by the test too. Rules of the server are drawn for a call, and are gone after it."""

    server: Server

    def __init__(self) -> None:
        super().__init__()
        self.rules: list[dict[str, Any]] = []
        self.attempts, self.heals = 6, True
        # Those of a call that was refused before anything was sent are still there.
        self.server.clear()

    def options(self, data: st.DataObject) -> dict[str, Any]:
        if data.draw(st.integers(0, 4)):
            self.rules, self.attempts, self.heals = data.draw(faults())
        self.server.clear()
        self.server.faults(spelled(self.rules))
        return {"retry": qf.RetryPolicy(attempts=self.attempts, base=0)}

    def settled(self, report: qf.WriteReport, rows: Sequence[Row], missing: str, *, strict: bool) -> None:
        fired, seen = sum(self.server.fired()), self.server.requests()
        wire = self.collection.connection.transport
        assert report.requests == sum(seen["counts"].get(f"{wire}/{name}", 0) for name in (*WRITING, QUESTION)), report
        assert report.nbytes == sum(call["bytes"] for call in seen["requests"] if call["operation"] in WRITING), report
        refused = {str(point) for rule in self.rules if not rule.get("skip") for point in rule.get("ids", ())}
        for row, state in zip(rows, states_of(report), strict=False):
            assert state != "written" or str(row.id) not in refused
        self.healed = self.heals or not fired
        if self.healed:
            assert not set(states_of(report)) & {"unknown", "acknowledged"}, report
        if not fired:
            at_once(report)
        if strict and self.healed:
            all_told(report, rows, self.there, missing)
        self.rules, self.attempts, self.heals = [], 6, True
        self.server.clear()
