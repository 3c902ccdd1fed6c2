"""Ctrl-C at one moment of a call after the other: whenever rows may be stored there is a report, and it is true."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import Any

import polars as pl
import pytest

import qframe as qf
from qframe.delivery.interrupts import Held
from tests.loopback.process import Server

ROWS, REFUSED = 60, [5, 25, 44]
BOOKS = ("ledger.py", "crew.py", "flow.py", "ending.py")
STRIDE = 41
LAST = 12
"""Lines at the end of a call after its report is made, where Ctrl-C is one after the call."""


@dataclass
class Strike:
    """SIGINT when the files of the books have run so many lines in this thread."""

    line: int
    seen: int = 0

    @contextmanager
    def at_work(self) -> Iterator[None]:
        before = sys.gettrace()
        sys.settrace(self._called)
        try:
            yield
        finally:
            sys.settrace(before)

    def _called(self, frame: FrameType, event: str, argument: object) -> Any:
        return self._ran if frame.f_code.co_filename.endswith(BOOKS) else None

    def _ran(self, frame: FrameType, event: str, argument: object) -> Any:
        self.seen += event == "line"
        if event == "line" and self.seen == self.line:
            signal.raise_signal(signal.SIGINT)
        return self._ran


def struck(collection: qf.Collection, line: int, options: dict[str, Any]) -> tuple[qf.WriteReport | None, int]:
    """The report of an upsert that is interrupted at a line, None where it has none; and the lines that ran."""
    strike, frame = Strike(line), pl.DataFrame({"id": range(ROWS), "n": range(ROWS)})
    try:
        with strike.at_work():
            report = collection.upsert(frame, vector=False, batch_size=10, errors="report", **options)
    except qf.WriteInterrupted as interrupted:
        report = interrupted.report
    except KeyboardInterrupt:
        report = None
    return report, strike.seen


def ids_in(collection: qf.Collection) -> set[int]:
    return set(collection.read(frame="polars", columns=[])["id"].to_list())


def check_everywhere(connection: qf.Connection, name: str, options: dict[str, Any]) -> set[str]:
    """Strike at lines all over the call; the states that were reported."""
    collection = qf.collection(name, connection=connection)
    collection.create_collection(config={"vectors": {}})
    report, lines = struck(collection, 0, options)
    assert report is not None
    assert report.unsent == report.unknown == 0
    seen: set[str] = set()
    for line in range(1, lines - LAST, STRIDE):
        collection.delete(pl.DataFrame({"id": range(ROWS)}))
        report, _ = struck(collection, line, options)
        there = ids_in(collection)
        if report is None:
            assert not there, f"line {line} of {lines}: rows are stored, and there is no report"
            continue
        states = {state: set(report.rows(state).tolist()) for state in report.counts if report.counts[state]}
        assert sum(map(len, states.values())) == ROWS
        # What was on its way has been waited for, and what was not sent was not in doubt.
        assert states.get("written", set()) == there
        assert "unknown" not in states
        assert set(report.failures["row"].to_list()) == states.get("failed", set())
        seen |= set(states)
    return seen


@pytest.mark.loopback
@pytest.mark.parametrize(("wire", "n_jobs"), [("rest", 1), ("grpc", 2)], indirect=["wire"])
def test_over_a_wire(wire: qf.Connection, faulty: Server, name: str, n_jobs: int) -> None:
    faulty.faults([{"operation": "upsert", "action": "refuse", "ids": REFUSED}])
    assert check_everywhere(wire, name, {"n_jobs": n_jobs}) == {"written", "failed", "unsent"}


def test_of_the_embedded_engine(embedded: qf.Connection, name: str) -> None:
    assert check_everywhere(embedded, name, {}) == {"written", "unsent"}


class TestHeld:
    def test_it_comes_up_when_the_block_ends(self) -> None:
        steps = []

        def interrupted() -> None:
            with Held():
                with Held():
                    signal.raise_signal(signal.SIGINT)
                    steps.append("inner")
                steps.append("outer")

        with pytest.raises(KeyboardInterrupt):
            interrupted()
        assert steps == ["inner", "outer"]
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler

    def test_it_is_let_through_within(self) -> None:
        with Held() as held:
            with pytest.raises(KeyboardInterrupt), held.heard():
                signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGINT)
            with pytest.raises(KeyboardInterrupt), held.heard():
                pytest.fail("it came before")
            assert not held.interrupted()
            signal.raise_signal(signal.SIGINT)
            assert held.interrupted()

    def test_a_handler_of_the_program_is_asked(self) -> None:
        told: list[int] = []
        before = signal.signal(signal.SIGINT, lambda number, frame: told.append(number))
        try:
            with Held() as held:
                signal.raise_signal(signal.SIGINT)
                assert told == []
                assert not held.interrupted()
                assert told == [signal.SIGINT]
        finally:
            signal.signal(signal.SIGINT, before)

    def test_a_handler_that_a_source_puts_up_or_takes_down_stays_so(self) -> None:
        """A generator with one begins before the call, when its schema is looked for, and ends in it."""
        told: list[int] = []
        before = signal.signal(signal.SIGINT, lambda number, frame: told.append(number))
        try:
            with Held() as held:
                with held.heard():
                    signal.signal(signal.SIGINT, signal.default_int_handler)
                signal.raise_signal(signal.SIGINT)
                assert held.interrupted()
                with held.heard():
                    signal.signal(signal.SIGINT, signal.SIG_IGN)
                signal.raise_signal(signal.SIGINT)
                assert not held.interrupted()
            assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
            assert told == []
        finally:
            signal.signal(signal.SIGINT, before)

    def test_who_does_not_want_to_hear_is_not_told(self) -> None:
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            with Held() as held:
                signal.raise_signal(signal.SIGINT)
                assert not held.interrupted()
            assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
        finally:
            signal.signal(signal.SIGINT, before)

    def test_another_thread_has_no_part_in_it(self) -> None:
        seen: list[object] = []

        def look() -> None:
            with Held():
                seen.append(signal.getsignal(signal.SIGINT))

        thread = threading.Thread(target=look)
        thread.start()
        thread.join()
        assert seen == [signal.default_int_handler]
