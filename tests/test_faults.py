"""Real faults on both wires: what heals is healed, nothing is doubled, and the report says what the server has."""

from __future__ import annotations

import asyncio
import logging
import math
import multiprocessing
import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import polars as pl
import pytest

import qframe as qf
from tests.loopback.process import Server
from tests.loopback.relay import Relay

pytestmark = pytest.mark.loopback

ROWS = 1_000
BATCH = 100
QUICK = qf.RetryPolicy(base=0.02)
WRITE = {"operation": "upsert"}


def frame(rows: int = ROWS) -> pl.DataFrame:
    ids = np.arange(rows, dtype=np.uint64)
    vectors = np.stack([ids, ids + 1], axis=1).astype(np.float32)
    return pl.DataFrame(
        {"id": ids, "n": ids.astype(np.int64), "vector": pl.Series(vectors, dtype=pl.Array(pl.Float32, 2))}
    )


@pytest.fixture
def made(wire: qf.Connection, faulty: Server, name: str) -> str:
    """A collection that is there, so that nothing but points travels."""
    config = {"vectors": {"size": 2, "distance": "Dot"}}
    qf.collection(name, connection=wire).create_collection(config=config)
    faulty.clear()
    return name


def upsert(name: str, connection: Any, **options: Any) -> qf.WriteReport:
    return frame().qdrant.upsert(name, connection=connection, **{"batch_size": BATCH, "retry": QUICK, **options})


def stored(name: str, connection: Any) -> list[int]:
    return qf.read(name, connection=connection, columns=["n"], frame="polars")["id"].to_list()


def sent(server: Server, connection: qf.Connection, operation: str = "upsert") -> int:
    return server.requests()["counts"].get(f"{connection.transport}/{operation}", 0)


def until(look: Callable[[], object]) -> None:
    end = time.monotonic() + 30
    while not look():
        assert time.monotonic() < end
        time.sleep(0.01)


def check(report: qf.WriteReport, there: list[int]) -> None:
    """Every row has one state, and the content agrees with what it claims."""
    assert sum(report.counts.values()) == report.total == ROWS
    assert len(set(there)) == len(there)
    assert set(report.rows("written").tolist()) <= set(there)
    for state in ("unsent", "failed"):
        assert not set(report.rows(state).tolist()) & set(there)
    assert len(report.failures) == report.failed + report.unknown


TRANSIENT: dict[str, dict[str, Any]] = {
    "429 that names a wait": {"action": "throttle", "retry_after": 1, "times": 1},
    "503": {"action": "unavailable", "times": 3},
    "500": {"action": "error", "times": 3},
    "408": {"action": "deadline", "times": 3},
    "cut before it is applied": {"action": "drop", "times": 3},
    "cut after it is applied": {"action": "drop_after", "times": 3},
    "half an answer": {"action": "half", "times": 3},
}


@pytest.mark.parametrize("n_jobs", [1, 4])
@pytest.mark.parametrize("fault", TRANSIENT)
def test_what_passes_is_sent_again(wire: qf.Connection, faulty: Server, made: str, fault: str, n_jobs: int) -> None:
    faulty.faults([WRITE | {"skip": 2} | TRANSIENT[fault]])
    report = upsert(made, wire, n_jobs=n_jobs)
    fired = TRANSIENT[fault]["times"]
    assert faulty.fired() == [fired]
    assert report.ok
    assert report.retries == fired
    # After a 429 no other worker tries either: one more request, whatever n_jobs.
    assert report.requests == sent(faulty, wire) == ROWS // BATCH + fired
    assert (report.throttled >= 1) == (fault == "429 that names a wait")
    assert report.failures.is_empty()
    assert stored(made, wire) == list(range(ROWS))


def test_too_large_is_halved(wire: qf.Connection, faulty: Server, made: str) -> None:
    faulty.faults([WRITE | {"action": "too_large", "times": 3}])
    report = upsert(made, wire, n_jobs=1)
    assert report.ok
    # The first batch, its two halves, and then four quarters.
    assert report.requests == sent(faulty, wire) == ROWS // BATCH + 6
    assert stored(made, wire) == list(range(ROWS))


@pytest.mark.parametrize("n_jobs", [1, 4])
def test_one_bad_row_in_a_thousand(wire: qf.Connection, faulty: Server, made: str, n_jobs: int) -> None:
    faulty.faults([WRITE | {"action": "refuse", "ids": [777]}])
    report = upsert(made, wire, n_jobs=n_jobs, batch_size=ROWS, errors="report")
    assert (report.written, report.failed) == (ROWS - 1, 1)
    [bad] = report.failures.to_dicts()
    assert (bad["row"], bad["id"], bad["error"]) == (777, 777, "refused")
    assert "cannot be stored" in bad["message"]
    assert bad["attempts"] == math.ceil(math.log2(ROWS)) + 1
    assert report.requests == sent(faulty, wire) <= 2 * math.log2(ROWS) + 4
    check(report, stored(made, wire))


def test_bad_rows_all_over_a_batch(wire: qf.Connection, faulty: Server, made: str) -> None:
    bad = list(range(3, ROWS, 50))
    faulty.faults([WRITE | {"action": "refuse", "ids": bad}])
    report = upsert(made, wire, batch_size=ROWS, errors="report")
    assert report.rows("failed").tolist() == bad
    assert report.written == ROWS - len(bad)
    assert report.requests == sent(faulty, wire) <= len(bad) * (2 * math.log2(ROWS) + 4)
    check(report, stored(made, wire))


def test_what_is_too_large_however_small_ends_the_call(wire: qf.Connection, faulty: Server, made: str) -> None:
    faulty.faults([WRITE | {"action": "too_large"}])
    report = upsert(made, wire, n_jobs=1, errors="report")
    # Two batches: the whole, its halves and quarters, and eight rows.
    assert report.requests == sent(faulty, wire) == 2 * 15
    assert (report.failed, report.unsent) == (2 * BATCH, ROWS - 2 * BATCH)
    assert report.ended_by is not None
    assert "refused whole" in report.ended_by
    assert qf.count(made, connection=wire) == 0


def test_a_bad_row_ends_the_call(wire: qf.Connection, faulty: Server, made: str) -> None:
    faulty.faults([WRITE | {"action": "refuse", "ids": [250]}])
    with pytest.raises(qf.WriteError, match="cannot be stored") as caught:
        upsert(made, wire, n_jobs=1)
    report = caught.value.report
    assert report.rows("failed").tolist() == [250]
    assert report.unsent == ROWS - 3 * BATCH
    check(report, stored(made, wire))


def test_a_bad_row_ends_its_lane(wire: qf.Connection, faulty: Server, made: str) -> None:
    """Rows of one id are in one lane, whose batches a worker sends without asking."""
    faulty.faults([WRITE | {"action": "refuse", "ids": [1]}])
    rows = pl.concat([frame(4)[1:2]] * 40)
    with pytest.raises(qf.WriteError, match="cannot be stored") as caught:
        rows.qdrant.upsert(made, connection=wire, batch_size=10, order="semi_ordered", duplicates="keep")
    assert (caught.value.report.failed, caught.value.report.unsent) == (10, 30)


@pytest.mark.parametrize("errors", ["raise", "report"])
@pytest.mark.parametrize("n_jobs", [1, 4])
def test_a_collection_that_goes_meanwhile_ends_the_call(
    wire: qf.Connection, faulty: Server, made: str, errors: str, n_jobs: int
) -> None:
    def parts() -> Iterator[pl.DataFrame]:
        yield frame(BATCH)
        qf.collection(made, connection=wire).drop()
        yield frame()[BATCH:]

    options = {"batch_size": 10, "n_jobs": n_jobs, "retry": QUICK, "errors": errors, "if_missing": "raise"}
    collection = qf.collection(made, connection=wire)
    if errors == "raise":
        with pytest.raises(qf.WriteError, match="doesn't exist") as caught:
            collection.upsert(parts(), **options)
        report = caught.value.report
    else:
        report = collection.upsert(parts(), **options)
    assert "doesn't exist" in str(report.ended_by)
    assert set(report.failures["error"]) == {"fatal"}
    # Nobody asks again for what is not there: one request a worker at most.
    assert 10 <= report.failed <= 10 * n_jobs
    assert not report.unknown
    assert report.written + report.failed + report.unsent == report.total


def test_applied_too_late_is_acknowledged(wire: qf.Connection, faulty: Server, made: str) -> None:
    faulty.faults([WRITE | {"action": "wait_timeout", "times": 1}])
    report = upsert(made, wire, n_jobs=1)
    assert (report.acknowledged, report.written) == (BATCH, ROWS - BATCH)
    assert not report.ok


@pytest.fixture
def relays(loopback: Server) -> Iterator[tuple[Relay, Relay]]:
    with Relay(loopback.rest_port) as rest, Relay(loopback.grpc_port) as grpc:
        yield rest, grpc


def through(relays: tuple[Relay, Relay], wire: qf.Connection) -> tuple[qf.Connection, Relay]:
    rest, grpc = relays
    made = qf.connect(f"http://127.0.0.1:{rest.port}", grpc_port=grpc.port, transport=wire.transport)
    return made, rest if wire.transport == "rest" else grpc


@pytest.mark.parametrize("n_jobs", [1, 4])
def test_connections_reset_in_the_middle(
    wire: qf.Connection, faulty: Server, made: str, relays: tuple[Relay, Relay], n_jobs: int
) -> None:
    connection, relay = through(relays, wire)
    # The fourth request hangs until its connection is reset.
    faulty.faults([WRITE | {"skip": 3, "action": "silence", "times": 1}])
    resetting = threading.Thread(target=lambda: (until(lambda: faulty.fired() == [1]), relay.reset()))
    with connection:
        resetting.start()
        report = upsert(made, connection, n_jobs=n_jobs)
        resetting.join()
    assert report.ok
    assert report.retries >= 1
    assert stored(made, wire) == list(range(ROWS))


@pytest.mark.parametrize("workers", [{"n_jobs": 1}, {"n_jobs": 4}, {"n_jobs": 2, "backend": "loky"}], ids=str)
def test_a_server_that_is_away_for_a_while(
    wire: qf.Connection, faulty: Server, made: str, relays: tuple[Relay, Relay], workers: dict[str, Any]
) -> None:
    """Processes open the target when they start, and may find it gone."""
    connection, relay = through(relays, wire)

    def parts() -> Iterator[pl.DataFrame]:
        yield frame(BATCH)
        relay.refuse()
        relay.reset()
        threading.Timer(1.5, relay.accept).start()
        yield frame()[BATCH:]

    with connection:
        collection = qf.collection(made, connection=connection)
        retry = qf.RetryPolicy(attempts=60, base=0.1, cap=0.3)
        report = collection.upsert(parts(), batch_size=BATCH, retry=retry, **workers)
    assert report.ok
    assert stored(made, wire) == list(range(ROWS))


def test_a_server_that_does_not_come_back(
    wire: qf.Connection, faulty: Server, made: str, relays: tuple[Relay, Relay]
) -> None:
    connection, relay = through(relays, wire)

    def parts() -> Iterator[pl.DataFrame]:
        yield frame(BATCH)
        relay.refuse()
        relay.reset()
        yield frame()[BATCH:]

    retry = qf.RetryPolicy(attempts=2, base=0.01)
    with connection:
        collection = qf.collection(made, connection=connection)
        report = collection.upsert(parts(), batch_size=BATCH, retry=retry, n_jobs=1, errors="report")
    assert report.ended_by is not None
    assert "3 batches in a row were not confirmed" in report.ended_by
    assert report.written == BATCH
    assert report.failed + report.unknown == 3 * BATCH
    assert report.unsent == ROWS - 4 * BATCH
    check(report, stored(made, wire))


@pytest.mark.parametrize("workers", [{"n_jobs": 2}, {"n_jobs": 2, "backend": "loky"}], ids=str)
def test_silence_is_bounded_by_timeout_and_attempts(
    wire: qf.Connection, faulty: Server, made: str, workers: dict[str, Any]
) -> None:
    faulty.faults([WRITE | {"action": "silence", "skip": 2}])
    retry = qf.RetryPolicy(attempts=2, base=0.01)
    report = upsert(made, wire, batch_size=10, errors="report", timeout=0.25, retry=retry, **workers)
    assert report.ended_by is not None
    assert "in a row were not confirmed" in report.ended_by
    assert report.written == 20
    assert 30 <= report.unknown <= 200
    assert report.unsent == ROWS - report.written - report.unknown
    assert set(report.failures["attempts"]) == {2}
    check(report, stored(made, wire))


@pytest.mark.parametrize("workers", [{"n_jobs": 1}, {"n_jobs": 2}, {"n_jobs": 2, "backend": "loky"}], ids=str)
def test_the_deadline_ends_the_call(wire: qf.Connection, faulty: Server, made: str, workers: dict[str, Any]) -> None:
    faulty.faults([WRITE | {"action": "silence", "skip": 1}])
    begun = time.monotonic()
    with pytest.raises(qf.WriteError, match="deadline=1 s passed") as caught:
        upsert(made, wire, batch_size=20, deadline=1, timeout=60, **workers)
    # One request alone might take a minute.
    assert time.monotonic() - begun < 15
    report = caught.value.report
    assert report.written == 20
    assert report.unknown
    assert report.unsent
    check(report, stored(made, wire))


def test_the_deadline_holds_before_the_first_row_too(wire: qf.Connection, faulty: Server, made: str) -> None:
    faulty.faults([{"operation": "any", "action": "silence"}])
    begun = time.monotonic()
    with pytest.raises(qf.ServerError):
        upsert(made, wire, deadline=1)
    assert time.monotonic() - begun < 15
    faulty.clear()


@pytest.mark.parametrize("errors", ["raise", "report"])
def test_a_killed_worker(wire: qf.Connection, faulty: Server, made: str, errors: str) -> None:
    faulty.faults([WRITE | {"action": "silence", "skip": 4}])

    def kill() -> None:
        until(lambda: sum(faulty.fired()) == 2)
        time.sleep(0.2)  # the answers before the silence are heard by then
        worker = multiprocessing.active_children()[0]
        assert worker.pid is not None
        os.kill(worker.pid, signal.SIGKILL)

    killing = threading.Thread(target=kill)
    killing.start()
    options = {"n_jobs": 2, "backend": "loky", "errors": errors}
    if errors == "report":
        report = upsert(made, wire, **options)
    else:
        with pytest.raises(qf.WriteError, match="TerminatedWorkerError") as caught:
            upsert(made, wire, **options)
        report = caught.value.report
        assert type(caught.value.__cause__).__name__ == "TerminatedWorkerError"
    killing.join()
    assert report.ended_by is not None
    assert "the workers broke off" in report.ended_by
    assert report.written == 4 * BATCH
    assert report.unknown >= 2 * BATCH
    assert report.unsent
    check(report, stored(made, wire))
    faulty.clear()
    assert upsert(made, wire, n_jobs=2, backend="loky").ok


def test_a_progress_function_that_raises_ends_the_call(wire: qf.Connection, made: str) -> None:
    def progress(done: int, total: int | None) -> None:
        raise LookupError("seen enough")

    with pytest.raises(qf.WriteError, match="seen enough") as caught:
        upsert(made, wire, progress=progress, n_jobs=2)
    assert isinstance(caught.value.__cause__, LookupError)
    check(caught.value.report, stored(made, wire))
    assert caught.value.report.written
    assert not caught.value.report.unknown


def test_several_calls_at_once(wire: qf.Connection, faulty: Server, made: str) -> None:
    upsert(made, wire)
    faulty.faults([WRITE | {"action": "unavailable", "skip": 3, "times": 3}])

    async def all_of_them() -> list[Any]:
        table = frame(500).with_columns(id=pl.col("id") + ROWS).to_arrow()
        collection = qf.collection(made, connection=wire)
        return await asyncio.gather(
            asyncio.to_thread(upsert, made, wire),
            asyncio.to_thread(collection.upsert, table, batch_size=50, retry=QUICK, n_jobs=2),
            asyncio.to_thread(lambda: qf.scan(made, connection=wire).filter(pl.col("n") < 10).collect()),
        )

    first, second, found = asyncio.run(all_of_them())
    assert first.ok
    assert second.ok
    assert first.retries + second.retries == 3
    assert sorted(set(found["n"].to_list())) == list(range(10))
    assert stored(made, wire) == list(range(1500))


def test_events_say_where_and_never_the_key(
    wire: qf.Connection, faulty: Server, made: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, logger="qframe")
    key = "open-sesame-7f3a"
    faulty.faults(
        [
            WRITE | {"action": "unavailable", "times": 1},
            WRITE | {"action": "refuse", "ids": [7]},
            {"operation": "scroll", "action": "unavailable", "times": 1},
        ]
    )
    with qf.connect(faulty.url, grpc_port=faulty.grpc_port, transport=wire.transport, api_key=key) as connection:
        report = upsert(made, connection, errors="report", n_jobs=2)
        qf.read(made, connection=connection, retry=QUICK)
        assert key not in repr(report)
        assert key not in repr(connection)
    events = [record for record in caplog.records if record.name == "qframe"]
    by_name = {event.message: vars(event) for event in events}
    lost = next(vars(event) for event in events if getattr(event, "status", "") == "lost")
    assert lost["message"] == "request failed"
    assert (lost["collection"], lost["rows"], lost["attempt"]) == (made, BATCH, 1)
    assert lost["batch"] in range(ROWS // BATCH)
    assert {"collection", "batch", "rows"} <= by_name["batch begun"].keys()
    assert {"collection", "batch", "rows", "bytes"} <= by_name["batch ended"].keys()
    bad = by_name["batch not written whole"]
    assert (bad["collection"], bad["batch"], bad["rows"], bad["status"]) == (made, 0, 1, "refused")
    ended = by_name["write ended"]
    assert (ended["collection"], ended["rows"], ended["failed"]) == (made, ROWS, 1)
    assert by_name["read failed"]["collection"] == made
    assert by_name["read failed"]["status"] == "lost"
    assert Counter(event.message for event in events)["batch ended"] == ROWS // BATCH
    assert not [event for event in caplog.records if key in repr(vars(event))]
