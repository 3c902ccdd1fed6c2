"""The same machine on the loopback server, with random faults within the policy and beyond it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import rule

import qframe as qf
from tests.loopback.process import Server
from tests.modelled.calls import VERBS
from tests.modelled.frames import INTEGERS, UUIDS
from tests.modelled.judge import Row, states_of
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
    {"action": "too_large"},
    {"action": "wait_timeout"},
)
WRITING = (*VERBS, "batch")
QUESTION = "retrieve"


@st.composite
def faults(draw: st.DrawFn) -> tuple[list[dict[str, Any]], int, bool]:
    """Rules of the server, the attempts that calls may make from now on, and whether that is enough."""
    heals, rules = draw(st.booleans()), []
    for _ in range(draw(st.integers(1, 3))):
        action = draw(st.sampled_from(HEALING if heals else HEALING + OTHER))
        times = draw(st.integers(1, 2)) if heals else draw(st.sampled_from([1, 2, 5, None]))
        where = draw(st.sampled_from(["any write", "any write", QUESTION]))
        rules.append({**action, "skip": draw(st.integers(0, 3)), "times": times, "operation": where})
    if not heals and draw(st.booleans()):
        ids = draw(st.lists(st.sampled_from([*INTEGERS, *UUIDS]), min_size=1, max_size=2, unique=True))
        rules.append({"action": "refuse", "ids": ids, "operation": "any write"})
    every = [
        {**rule, "operation": operation}
        for rule in rules
        for operation in (WRITING if rule["operation"] == "any write" else (QUESTION,))
    ]
    attempts = 1 + sum(rule["times"] for rule in every) if heals else draw(st.integers(1, 3))
    return every, attempts, heals


class FaultyWrites(Writes):
    """`server` is set by the test too. Rules of the server hold for the next call, and are gone after it."""

    server: Server

    def __init__(self) -> None:
        super().__init__()
        self.rules: list[dict[str, Any]] = []
        self.attempts, self.heals = 6, True

    @rule(drawn=faults())
    def trouble(self, drawn: tuple[list[dict[str, Any]], int, bool]) -> None:
        self.rules, self.attempts, self.heals = drawn

    def options(self) -> dict[str, Any]:
        self.server.clear()
        self.server.faults(self.rules)
        return {"retry": qf.RetryPolicy(attempts=self.attempts, base=0)}

    def settled(self, report: qf.WriteReport, rows: Sequence[Row], missing: str, *, strict: bool) -> None:
        fired, seen = sum(self.server.fired()), self.server.requests()
        wire = self.collection.connection.transport
        assert report.requests == sum(seen["counts"].get(f"{wire}/{name}", 0) for name in (*WRITING, QUESTION)), report
        assert report.nbytes == sum(call["bytes"] for call in seen["requests"] if call["operation"] in WRITING), report
        refused = {str(point) for rule in self.rules for point in rule.get("ids", ())}
        for row, state in zip(rows, states_of(report), strict=False):
            assert state != "written" or str(row.id) not in refused
        healed = self.heals or not fired
        if healed:
            assert not set(states_of(report)) & {"unknown", "acknowledged"}, report
        super().settled(report, rows, missing, strict=strict and healed)
        self.rules, self.attempts, self.heals = [], 6, True
        self.server.clear()
