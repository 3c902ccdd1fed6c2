"""Workers that hang, die, or live elsewhere: the call ends in bounded time, with a true report, and leaves nothing."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import joblib
import polars as pl
import pytest

import qframe as qf
from tests.interrupts.programs import (
    PATIENCE,
    ROOT,
    ROWS,
    WORKERS,
    Deadly,
    check,
    running,
    spec_of,
    stored,
    until,
    workers_of,
)
from tests.loopback.process import Server

pytestmark = pytest.mark.loopback

DEADLINE = 3.0
GRACE = 12.0
"""Seconds after the deadline in which a call has to end, on a machine that does much else."""


def made(connection: qf.Connection, name: str) -> qf.Collection:
    collection = qf.collection(name, connection=connection)
    collection.create_collection(config={"vectors": {"size": 2, "distance": "Dot"}})
    return collection


def said_by(out: str) -> dict[str, Any]:
    return json.loads(out[out.index("{") :])


class TestHanging:
    """Programs of their own: what counts is also that they end."""

    @pytest.mark.parametrize("wire", ["grpc"], indirect=True)
    def test_processes_that_stand_still(self, wire: qf.Connection, faulty: Server, name: str) -> None:
        made(wire, name)
        faulty.faults([{"operation": "upsert", "action": "delay", "seconds": 0.5, "skip": 4}])
        options = {"batch_size": 20, "deadline": DEADLINE, **WORKERS["loky"]}
        with running("upserting.py", spec_of(wire, faulty, name, options=options, warm=True)) as program:
            until(lambda: sum(faulty.fired()), "a slow request")
            workers = program.workers()
            for worker in workers:
                os.kill(worker, signal.SIGSTOP)
            code, out, err = program.end()
        assert len(workers) == 2
        assert (code, err) == (0, "")
        said = said_by(out)
        states = check(said, stored(name, wire))
        assert said["end"] == "WriteError"
        assert said["seconds"] < DEADLINE + GRACE
        assert "workers had not come back" in said["ended_by"]
        assert len(states["written"]) >= 40
        assert 20 <= len(states["unknown"]) <= 80
        assert states["unsent"]

    @pytest.mark.parametrize("n_jobs", [1, 2])
    @pytest.mark.parametrize("wire", ["rest"], indirect=True)
    def test_a_thread_that_does_not_come_back(
        self, wire: qf.Connection, faulty: Server, name: str, n_jobs: int
    ) -> None:
        made(wire, name)
        options = {"batch_size": 20, "deadline": DEADLINE, "n_jobs": n_jobs}
        with running("upserting.py", spec_of(wire, faulty, name, options=options, stuck=True)) as program:
            code, out, err = program.end()
        assert (code, err) == (0, "")
        said = said_by(out)
        states = check(said, stored(name, wire))
        assert said["seconds"] < DEADLINE + GRACE
        assert "workers had not come back" in said["ended_by"]
        assert states["unknown"] == set(range(40, 60))
        assert states["unsent" if n_jobs == 1 else "written"] >= set(range(60, ROWS))

    @pytest.mark.parametrize("wire", ["rest"], indirect=True)
    def test_a_server_that_does_not_answer(self, wire: qf.Connection, faulty: Server, name: str) -> None:
        made(wire, name)
        faulty.faults([{"operation": "upsert", "action": "silence", "skip": 4}])
        options = {"batch_size": 20, "deadline": DEADLINE, "n_jobs": 4}
        with running("upserting.py", spec_of(wire, faulty, name, options=options)) as program:
            code, out, err = program.end()
        assert (code, err) == (0, "")
        said = said_by(out)
        states = check(said, stored(name, wire))
        assert said["seconds"] < DEADLINE + GRACE
        # Every worker has come back by itself.
        assert said["ended_by"] == "deadline=3 s passed"
        assert len(states["written"]) == 80
        assert len(states["unknown"]) == 80


class TestDying:
    @pytest.mark.parametrize("order", ["unordered", "semi_ordered"])
    @pytest.mark.parametrize("wire", ["grpc"], indirect=True)
    def test_a_process_that_is_killed(self, wire: qf.Connection, faulty: Server, name: str, order: str) -> None:
        made(wire, name)
        faulty.faults([{"operation": "upsert", "action": "delay", "seconds": 0.5, "skip": 4}])
        keep = {} if order == "unordered" else {"order": order, "duplicates": "keep"}
        options = {"batch_size": 20, "errors": "report", **keep, **WORKERS["loky"]}
        with running("upserting.py", spec_of(wire, faulty, name, options=options)) as program:
            until(lambda: sum(faulty.fired()), "a slow request")
            os.kill(program.workers()[0], signal.SIGKILL)
            code, out, err = program.end()
        assert code == 0
        assert "Traceback" not in err
        said = said_by(out)
        states = check(said, stored(name, wire))
        assert said["end"] == "report"
        assert said["ended_by"].startswith("the workers broke off, TerminatedWorkerError")
        assert states["unknown"]
        assert states["unsent"]

    @pytest.mark.parametrize("phase", ["loading", "sending", "all"])
    @pytest.mark.parametrize("wire", ["rest"], indirect=True)
    def test_at_any_moment_and_the_next_call_works(
        self, wire: qf.Connection, faulty: Server, name: str, phase: str, tmp_path: Path
    ) -> None:
        rows, options = 400, {"vector": False, "batch_size": 10, "errors": "report", **WORKERS["loky"]}
        frame = pl.DataFrame({"id": range(rows)})
        qf.collection(name, connection=wire).create_collection(config={"vectors": {}})
        key = Deadly(phase, tmp_path / "struck")
        with qf.connect(faulty.url, transport="rest", api_key=key) as deadly:
            collection = qf.collection(name, connection=deadly)

            def strike(done: int, total: int | None) -> None:
                if phase == "all" and not key.struck.exists():
                    key.struck.touch()
                    for worker in workers_of(os.getpid()):
                        os.kill(worker, signal.SIGKILL)

            report = collection.upsert(frame, progress=strike, **options)
            states = {state: report.rows(state).tolist() for state in report.counts}
            check({"states": states, "failures": len(report.failures)}, stored(name, wire), rows)
            assert key.struck.exists()
            assert report.ended_by.startswith("the workers broke off, TerminatedWorkerError")
            assert report.unknown
            assert collection.upsert(frame, **options).ok


@pytest.mark.parametrize("workers", ["one", "threads"])
@pytest.mark.parametrize("wire", ["rest"], indirect=True)
def test_a_source_that_panics(wire: qf.Connection, faulty: Server, name: str, workers: str) -> None:
    made(wire, name)
    options = {"batch_size": 100, "vector": "vector", **WORKERS[workers]}
    with running("upserting.py", spec_of(wire, faulty, name, options=options, source="panicking")) as program:
        code, out, err = program.end()
    assert (code, err) == (0, "")
    said = said_by(out)
    assert said["end"] == "WriteError"
    assert said["ended_by"] == "PanicException: made on request"
    assert check(said, stored(name, wire))["written"] == set(range(ROWS))


@pytest.mark.parametrize("workers", ["one", "threads"])
def test_batches_that_are_refused_whole_end_the_call(
    wire: qf.Connection, faulty: Server, name: str, workers: str
) -> None:
    collection = made(wire, name)
    faulty.faults([{"operation": "upsert", "action": "refuse", "ids": list(range(ROWS))}])
    frame = pl.DataFrame({"id": range(ROWS), "vector": [[1.0, 2.0]] * ROWS})
    report = collection.upsert(frame, vector="vector", batch_size=40, errors="report", **WORKERS[workers])
    assert report.ended_by.startswith("2 batches in a row were refused whole")
    assert report.failed == 40 * report.batches
    assert 2 <= report.batches <= 10
    assert report.unsent == ROWS - report.failed


def test_ambient_loky(wire: qf.Connection, name: str) -> None:
    frame = pl.DataFrame({"id": range(200), "n": range(200)})
    with joblib.parallel_config("loky", n_jobs=2):
        report = frame.qdrant.upsert(name, connection=wire, vector=False, batch_size=20, backend="ambient")
    assert (report.written, report.batches) == (200, 10)


class Locked:
    """Gives a key, and holds what no other process can have."""

    def __init__(self) -> None:
        self._lock = threading.Lock()

    def __call__(self) -> str:
        with self._lock:
            return "a key"


@pytest.mark.parametrize("backend", ["loky", "ambient"])
def test_a_key_that_cannot_leave_the_process(wire: qf.Connection, faulty: Server, name: str, backend: str) -> None:
    """Told before anything is done: the rows of tasks that do not pickle would be unknown, and nothing was sent."""
    frame, port = pl.DataFrame({"id": range(40)}), faulty.grpc_port
    with qf.connect(faulty.url, transport=wire.transport, grpc_port=port, api_key=Locked()) as keyed:
        collection = qf.collection(name, connection=keyed)
        with pytest.raises(qf.UnsupportedError, match=r"api_key \(Locked\).*_thread\.lock.*backend='threading'"):
            collection.upsert(frame, vector=False, backend=backend, n_jobs=2)
        assert name not in qf.collections(connection=wire)
        # Where no other process is asked for help, it may be what it likes.
        assert collection.upsert(frame, vector=False, batch_size=10, n_jobs=2).ok
        for here in ({"order": "ordered", "n_jobs": 2}, {"n_jobs": 1}):
            assert collection.upsert(frame, vector=False, batch_size=10, backend=backend, **here).ok
        with joblib.parallel_config("threading", n_jobs=2):
            assert collection.upsert(frame, vector=False, batch_size=10, backend="ambient").ok


@pytest.mark.parametrize("wire", ["rest"], indirect=True)
def test_a_forked_process_does_without_its_parents_processes(wire: qf.Connection, faulty: Server, name: str) -> None:
    """It inherits what speaks to them, and not the threads of it: nothing would ever end."""
    qf.collection(name, connection=wire).create_collection(config={"vectors": {}})
    options = {"batch_size": 100, **WORKERS["loky"]}
    with running("forking.py", spec_of(wire, faulty, name, options=options)) as program:
        assert program.end()[:2] == (0, f"{ROWS} 0 {ROWS}")


@pytest.mark.parametrize("workers", WORKERS)
@pytest.mark.parametrize("wire", ["rest"], indirect=True)
def test_a_thread_that_outlives_the_main_one(wire: qf.Connection, faulty: Server, name: str, workers: str) -> None:
    """loky takes no tasks any more then, in a thread of joblib's where the error is lost."""
    qf.collection(name, connection=wire).create_collection(config={"vectors": {}})
    faulty.faults([{"operation": "upsert", "action": "delay", "seconds": 0.1, "skip": 4}])
    options = {"batch_size": 50, **WORKERS[workers]}
    with running("outliving.py", spec_of(wire, faulty, name, options=options)) as program:
        code, out, err = program.end()
    assert code == 0, err
    said = said_by(out)
    states = check(said, stored(name, wire))
    if workers == "loky":
        assert said["ended_by"].startswith("the workers broke off, RuntimeError: loky takes no more tasks")
        assert states["unsent"]
    else:
        assert states["written"] == set(range(ROWS))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.parametrize("wire", ["rest"], indirect=True)
def test_a_forked_process_waits_for_no_thread_of_its_parent(wire: qf.Connection, faulty: Server, name: str) -> None:
    """A lock that one of them held when it was forked is never given back in it."""
    qf.collection(name, connection=wire).create_collection(config={"vectors": {}})
    options = {"batch_size": 100, **WORKERS["threads"]}
    with running("forking.py", spec_of(wire, faulty, name, options=options, locked=True)) as program:
        assert program.end()[:2] == (0, f"{ROWS} 0 {ROWS}")


@pytest.fixture(scope="module")
def kernel() -> Iterator[tuple[Any, Any]]:
    """A kernel as Jupyter starts it, and a client to it."""
    pytest.importorskip("ipykernel")
    manager, client = pytest.importorskip("jupyter_client.manager").start_new_kernel(kernel_name="python3", cwd=ROOT)
    try:
        yield manager, client
    finally:
        client.stop_channels()
        manager.shutdown_kernel()


class TestKernel:
    """Cells have no `__main__` of their own, and Ctrl-C is a signal from another process."""

    @pytest.mark.parametrize("workers", WORKERS)
    @pytest.mark.parametrize("wire", ["rest"], indirect=True)
    def test_a_cell_that_is_interrupted(
        self, wire: qf.Connection, faulty: Server, name: str, kernel: tuple[Any, Any], workers: str
    ) -> None:
        manager, client = kernel
        made(wire, name)
        options = {"batch_size": 20, **WORKERS[workers]}
        spec = spec_of(wire, faulty, name, options=options)
        cell = f"import sys; sys.path.insert(0, {str(ROOT)!r}); sys.argv = ['', {json.dumps(spec)!r}]\n"
        cell += (ROOT / "tests/interrupts/upserting.py").read_text()
        faulty.faults([{"operation": "upsert", "action": "delay", "seconds": 0.2, "skip": 4}])
        asked = client.execute(cell)
        until(lambda: sum(faulty.fired()), "a slow request")
        manager.interrupt_kernel()
        said = said_by(_printed(client, asked))
        states = check(said, stored(name, wire))
        assert (said["end"], said["ended_by"]) == ("WriteInterrupted", "interrupted")
        assert len(states["written"]) >= 40
        assert states["unsent"]
        faulty.clear()
        said = said_by(_printed(client, client.execute(cell)))
        assert (said["end"], len(said["states"]["written"])) == ("report", ROWS)


def _printed(client: Any, asked: str) -> str:
    """What a cell prints until it has ended."""
    text = ""
    while True:
        message = client.get_iopub_msg(timeout=PATIENCE)
        if message["parent_header"].get("msg_id") != asked:
            continue
        content = message["content"]
        if message["msg_type"] == "status" and content["execution_state"] == "idle":
            return text
        text += content["text"] if message["msg_type"] == "stream" and content["name"] == "stdout" else ""


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """Two worker processes on this machine, of one thread each, and a client to them."""
    distributed = pytest.importorskip("distributed")
    options = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": None}
    with distributed.LocalCluster(**options) as local, distributed.Client(local) as client:
        yield client


class TestDask:
    @pytest.mark.parametrize("order", ["unordered", "semi_ordered"])
    def test_the_workers_of_a_cluster_write(
        self, wire: qf.Connection, faulty: Server, name: str, cluster: Any, order: str
    ) -> None:
        collection = qf.collection(name, connection=wire)
        collection.create_collection(config={"vectors": {}})
        faulty.clear()
        faulty.faults([{"operation": "any", "action": "delay", "seconds": 0.02}])
        frame = pl.DataFrame({"id": [n % 50 for n in range(1_000)], "n": range(1_000)})
        keep = {"order": order, "duplicates": "last" if order == "unordered" else "keep"}
        with joblib.parallel_config("dask"):
            report = collection.upsert(frame, vector=False, batch_size=10, backend="ambient", **keep)
        assert report.written == (50 if order == "unordered" else 1_000)
        assert faulty.requests()["overlaps"]["ids"] == 0
        found = collection.read(frame="polars", schema={"n": pl.Int64})
        assert dict(found.iter_rows()) == {n: 950 + n for n in range(50)}
        # Nothing else brings this module into a process of the cluster.
        there = cluster.run(lambda: (os.getpid(), "qframe.delivery.worker" in sys.modules))
        assert True in {imported for _, imported in there.values()}
        assert os.getpid() not in {pid for pid, _ in there.values()}

    @pytest.mark.parametrize("again", [True, False])
    @pytest.mark.parametrize("wire", ["grpc"], indirect=True)
    def test_one_that_is_killed(
        self, wire: qf.Connection, faulty: Server, name: str, cluster: Any, monkeypatch: pytest.MonkeyPatch, again: bool
    ) -> None:
        """Dask gives what it had to another one, and when that has died too often, joblib would wait without end."""
        if not again:
            monkeypatch.setattr(cluster.cluster.scheduler, "allowed_failures", 0)
        collection = made(wire, name)
        faulty.faults([{"operation": "upsert", "action": "delay", "seconds": 0.2}])
        victim = next(iter(cluster.run(os.getpid).values()))
        frame = pl.DataFrame({"id": range(400), "vector": [[1.0, 2.0]] * 400})

        def strike(done: int, total: int | None) -> None:
            if done == 60:
                os.kill(victim, signal.SIGKILL)

        options = {"batch_size": 20, "backend": "ambient", "errors": "report", "deadline": 60.0}
        with joblib.parallel_config("dask"):
            report = collection.upsert(frame, vector="vector", progress=strike, **options)
            states = {state: report.rows(state).tolist() for state in report.counts}
            check({"states": states, "failures": len(report.failures)}, stored(name, wire), 400)
            assert report.seconds < 30
            assert (report.written == 400) is again
            if not again:
                assert report.ended_by.startswith("the workers broke off, KilledWorker")
                assert report.unknown
            assert collection.upsert(frame, vector="vector", **options).ok
