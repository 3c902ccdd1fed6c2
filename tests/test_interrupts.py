"""Ctrl-C in programs of their own: the call ends soon, its report is true, and nothing is left behind."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import qframe as qf
from tests.interrupts.programs import ROWS, WORKERS, check, running, spec_of, stored, until
from tests.loopback.process import Server


@pytest.mark.loopback
class TestUpsert:
    @pytest.mark.parametrize("workers", WORKERS)
    def test_of_a_terminal(self, wire: qf.Connection, faulty: Server, name: str, workers: str) -> None:
        self.prepared(wire, name)
        faulty.faults([{"operation": "upsert", "action": "delay", "seconds": 0.5, "skip": 4}])
        spec = spec_of(wire, faulty, name, options={"batch_size": 20, **WORKERS[workers]})
        with running("upserting.py", spec) as program:
            until(lambda: sum(faulty.fired()), "a slow request")
            program.interrupt()
            code, out, err = program.end()
        assert (code, err) == (0, "")
        said = json.loads(out[out.index("{") :])
        states = check(said, stored(name, wire))
        assert said["end"] == "WriteInterrupted"
        assert said["ended_by"] == "interrupted"
        assert len(states["written"]) >= 40
        assert len(states["unsent"]) >= 500
        # What was on its way is waited for.
        assert not states["unknown"]

    @pytest.mark.parametrize(("wire", "workers"), [("rest", "threads"), ("grpc", "loky")], indirect=["wire"])
    def test_of_the_program_alone(self, wire: qf.Connection, faulty: Server, name: str, workers: str) -> None:
        self.prepared(wire, name)
        faulty.faults([{"operation": "upsert", "action": "delay", "seconds": 0.3, "skip": 4}])
        spec = spec_of(wire, faulty, name, options={"batch_size": 20, **WORKERS[workers]})
        with running("upserting.py", spec) as program:
            until(lambda: sum(faulty.fired()), "a slow request")
            program.interrupt(group=False)
            code, out, err = program.end()
        assert (code, err) == (0, "")
        states = check(json.loads(out[out.index("{") :]), stored(name, wire))
        assert not states["unknown"]
        assert states["unsent"]

    @pytest.mark.parametrize(
        ("wire", "workers"),
        [("rest", "loky"), ("grpc", "threads"), ("rest", "one"), ("grpc", "one")],
        indirect=["wire"],
    )
    def test_twice_ends_at_once(self, wire: qf.Connection, faulty: Server, name: str, workers: str) -> None:
        self.prepared(wire, name)
        faulty.faults([{"operation": "upsert", "action": "silence", "skip": 4}])
        spec = spec_of(wire, faulty, name, options={"batch_size": 20, **WORKERS[workers]})
        with running("upserting.py", spec) as program:
            until(lambda: sum(faulty.fired()) >= WORKERS[workers]["n_jobs"], "silence")
            program.interrupt()
            time.sleep(0.3)
            assert program.process.poll() is None
            again = time.monotonic()
            program.interrupt()
            code, out, err = program.end()
            # The requests have 60 seconds, an interrupted call waits for 10.
            assert time.monotonic() - again < 8
        assert (code, err) == (0, "")
        states = check(json.loads(out[out.index("{") :]), stored(name, wire))
        assert len(states["unknown"]) >= 20 * WORKERS[workers]["n_jobs"]
        assert states["unsent"]

    @pytest.mark.parametrize("wire", ["grpc"], indirect=True)
    def test_waits_no_longer_than_a_request_may_take(self, wire: qf.Connection, faulty: Server, name: str) -> None:
        self.prepared(wire, name)
        faulty.faults([{"operation": "upsert", "action": "silence"}])
        spec = spec_of(wire, faulty, name, options={"batch_size": 20, "timeout": 1.5})
        with running("upserting.py", spec) as program:
            until(lambda: sum(faulty.fired()) >= 4, "silence")
            program.interrupt()
            code, out, err = program.end()
        assert (code, err) == (0, "")
        states = check(json.loads(out[out.index("{") :]), stored(name, wire))
        assert len(states["unknown"]) == 80
        assert sum(faulty.fired()) == 4

    @pytest.mark.parametrize("workers", ["one", "threads"])
    @pytest.mark.parametrize("wire", ["grpc"], indirect=True)
    def test_while_the_source_has_nothing(self, wire: qf.Connection, faulty: Server, name: str, workers: str) -> None:
        self.prepared(wire, name)
        options = {"batch_size": 100, "vector": "vector", **WORKERS[workers]}
        spec = spec_of(wire, faulty, name, options=options, source="dripping")
        with running("upserting.py", spec) as program:
            # joblib takes as many tasks as there are workers before it starts one of them; the last may not have begun.
            until(lambda: len(stored(name, wire)) >= ROWS - 300, "most rows")
            time.sleep(0.2)  # the last answers are on their way
            program.interrupt()
            code, out, err = program.end()
        assert (code, err) == (0, "")
        states = check(json.loads(out[out.index("{") :]), stored(name, wire))
        assert states["written"] == stored(name, wire)
        assert not states["unknown"]

    @pytest.mark.parametrize("wire", ["rest"], indirect=True)
    def test_of_a_lazy_frame(self, wire: qf.Connection, faulty: Server, name: str) -> None:
        self.prepared(wire, name)
        faulty.faults([{"operation": "upsert", "action": "delay", "seconds": 0.3, "skip": 4}])
        options = {"batch_size": 20, "vector": "vector", "n_jobs": 2}
        spec = spec_of(wire, faulty, name, options=options, source="lazy")
        with running("upserting.py", spec) as program:
            until(lambda: sum(faulty.fired()), "a slow request")
            program.interrupt()
            code, out, err = program.end()
        assert (code, err) == (0, "")
        said = json.loads(out[out.index("{") :])
        assert said["end"] == "WriteInterrupted"
        # Rows that polars had not given yet are nobody's.
        rows = sum(map(len, said["states"].values()))
        assert 100 <= rows <= ROWS
        assert len(check(said, stored(name, wire), rows)["written"]) >= 80

    @pytest.mark.parametrize("wire", ["rest"], indirect=True)
    def test_that_nobody_catches_shows_the_report(self, wire: qf.Connection, faulty: Server, name: str) -> None:
        self.prepared(wire, name)
        faulty.faults([{"operation": "upsert", "action": "delay", "seconds": 0.3}])
        spec = spec_of(wire, faulty, name, options={"batch_size": 20}, uncaught=True)
        with running("upserting.py", spec) as program:
            until(lambda: sum(faulty.fired()), "a slow request")
            program.interrupt()
            code, _, err = program.end()
        assert code != 0
        assert "WriteInterrupted: WriteReport: upsert: 1,000 rows" in err

    @staticmethod
    def prepared(connection: qf.Connection, name: str) -> None:
        """The collection is there already, so that nothing but the rows is sent later."""
        collection = qf.collection(name, connection=connection)
        collection.create_collection(config={"vectors": {"size": 2, "distance": "Dot"}})


def test_of_the_embedded_engine(name: str, tmp_path: Path) -> None:
    rows = 300_000
    spec = {"target": str(tmp_path / "store"), "name": name, "rows": rows, "options": {"batch_size": 500}}
    with running("upserting.py", spec) as program:
        assert program.line() == "begun"
        program.interrupt()
        code, out, err = program.end()
    assert (code, err) == (0, "")
    with qf.connect(tmp_path / "store") as connection:
        states = check(json.loads(out[out.index("{") :]), stored(name, connection), rows)
    assert states["written"]
    assert states["unsent"]
    assert len(states["unknown"]) <= 500


@pytest.mark.loopback
class TestScan:
    @pytest.fixture(autouse=True)
    def filled(self, wire: qf.Connection, faulty: Server, name: str) -> None:
        vectors = np.ones((5 * ROWS, 2), dtype=np.float32)
        data = pl.DataFrame({"id": range(5 * ROWS)})
        data.qdrant.upsert(name, connection=wire, vector=vectors)
        faulty.clear()

    @pytest.mark.parametrize("engine", ["in-memory", "streaming"])
    def test_ctrl_c_ends_it(self, wire: qf.Connection, faulty: Server, name: str, engine: str) -> None:
        # Schema and sample are looked at by other scrolls first; the pages are slow.
        faulty.faults([{"operation": "scroll", "action": "delay", "seconds": 0.4, "skip": 2}])
        spec = spec_of(wire, faulty, name, leave=False, engine=engine)
        with running("scanning.py", spec) as program:
            until(lambda: sum(faulty.fired()), "a slow page")
            program.interrupt()
            code, out, err = program.end()
        assert (code, out, err) == (0, "interrupted", "")
        assert sum(faulty.fired()) <= 3

    def test_the_interpreter_may_end_in_the_middle(self, wire: qf.Connection, faulty: Server, name: str) -> None:
        faulty.faults([{"operation": "scroll", "action": "delay", "seconds": 0.2, "skip": 3}])
        spec = spec_of(wire, faulty, name, leave=True)
        with running("scanning.py", spec) as program:
            code, out, err = program.end()
        assert (code, err) == (0, "")
        assert 0 < int(out) <= 5 * ROWS
        pages = faulty.requests()["counts"][f"{wire.transport}/scroll"]
        assert pages < 8

    @pytest.mark.parametrize("options", [{"n_jobs": 1}, {"n_jobs": 3}, {"n_jobs": 3, "maintain_order": True}])
    @pytest.mark.parametrize("seconds", [0.3, 1.5])
    def test_the_interpreter_may_end_while_pages_are_on_their_way(
        self, wire: qf.Connection, faulty: Server, name: str, options: dict[str, Any], seconds: float
    ) -> None:
        faulty.faults([{"operation": "scroll", "action": "delay", "seconds": seconds, "skip": 4}])
        spec = spec_of(wire, faulty, name, options={"vectors": True, **options})
        with running("leaving.py", spec) as program:
            code, out, err = program.end()
        assert (code, out, err) == (0, "500", "")
        assert faulty.requests()["counts"][f"{wire.transport}/scroll"] <= 2 + 1 + 6
