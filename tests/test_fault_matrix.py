"""The fault matrix: each fault on both wires, with one worker and four, threads and processes, alone and in batches.

In every cell the fault has fired; what the server holds is what the report calls written, and beyond that nothing but
rows that it calls unknown, acknowledged, or failed and perhaps stored; what heals within the policy ends with nothing
failed or unknown; requests stay within the bound of the cell; and the call ends.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl
import pytest

import qframe as qf
from tests.loopback.process import Server
from tests.loopback.relay import Relay

pytestmark = pytest.mark.loopback

ROWS = 2_000
BATCH = 100
BATCHES = ROWS // BATCH
ENOUGH = 60.0
"""Seconds in which every cell must end; a call that hangs takes longer than any machine is slow."""

POLICY = qf.RetryPolicy(attempts=8, base=0.05, cap=1.0)
BAD = (777, 1777)
ABSENT = (5, 777, 778, 1999)
HALVINGS = 2 * math.log2(BATCH) + 4


@dataclass(frozen=True)
class Fault:
    """One line of the matrix.

    Parameters
    ----------
    rules : tuple of mapping
        What the loopback server does; without any the relay in front of it makes the fault.
    extra : float
        Requests beyond one a batch, at most.
    heals : bool
        Whether every row must end as written.
    state : str
        What the other rows are, where it does not heal.
    """

    rules: tuple[dict[str, Any], ...] = ()
    extra: float = 0.0
    heals: bool = True
    state: str = ""
    rows: tuple[int, ...] = ()
    options: dict[str, Any] = field(default_factory=dict)
    relay: Callable[[Relay, Server], None] | None = None


def _until(look: Callable[[], object]) -> None:
    end = time.monotonic() + ENOUGH
    while not look():
        assert time.monotonic() < end
        time.sleep(0.01)


def _reset(relay: Relay, server: Server) -> None:
    """Resets all connections while a request hangs on one of them."""
    _until(lambda: server.fired() == [1])
    relay.reset()


def _away(relay: Relay, server: Server) -> None:
    """Refuses connections for two seconds, from the moment a request hangs."""
    _until(lambda: server.fired() == [1])
    relay.refuse()
    relay.reset()
    time.sleep(2)
    relay.accept()


def _rule(action: str, times: int | None = 3, skip: int = 2, **more: Any) -> tuple[dict[str, Any], ...]:
    return ({"action": action, "times": times, "skip": skip, **more},)


# A reset ends every request that is on its way, one for each worker; one that could not connect counts too.
WORKERS_AT_MOST = 4

FAULTS = {
    "429 that names a wait": Fault(_rule("throttle", 1, retry_after=1), extra=1),
    "429 that names none": Fault(_rule("throttle", 1, retry_after=None), extra=2),
    "503": Fault(_rule("unavailable"), extra=3),
    "cut before it is applied": Fault(_rule("drop"), extra=3 * WORKERS_AT_MOST),
    "cut after it is applied": Fault(_rule("drop_after"), extra=3 * WORKERS_AT_MOST),
    "half an answer": Fault(_rule("half"), extra=3 * WORKERS_AT_MOST),
    "reset": Fault(_rule("silence", 1), extra=2 * WORKERS_AT_MOST, relay=_reset),
    "refused for two seconds": Fault(
        _rule("silence", 1),
        extra=WORKERS_AT_MOST * POLICY.attempts,
        options={"retry": qf.RetryPolicy()},
        relay=_away,
    ),
    "silence of three timeouts": Fault(_rule("silence"), extra=3 * WORKERS_AT_MOST, options={"timeout": 0.5}),
    "too large": Fault(_rule("too_large", 1), extra=2),
    "wait_timeout": Fault(_rule("wait_timeout", 1), heals=False, state="acknowledged", options={"timeout": 1}),
    "one bad row in a thousand": Fault(
        _rule("refuse", None, 0, ids=BAD), extra=2 * HALVINGS, heals=False, state="failed", rows=BAD
    ),
}
MISSING = Fault(extra=2 * len(ABSENT), heals=False, state="failed", rows=ABSENT)

WORKERS = [(1, "threading"), (4, "threading"), (4, "loky")]
"""One worker is the caller itself, whatever the backend."""
OPERATIONS = {"upsert": "upsert", "set_payload": "batch", "block": "batch"}
"""The verbs, and what the server calls their requests: one is its own request, the other a `points/batch`. A block of
`qf.batch` makes both kinds of operations, half and half in each request.
"""
CELLS = [
    *((verb, workers) for verb in ("upsert", "set_payload") for workers in WORKERS),
    # A block sends one request after another, whatever it is told.
    ("block", WORKERS[0]),
]


def named(cell: object) -> str:
    verb, (n_jobs, backend) = cell  # type: ignore[misc]
    return f"{verb}-{n_jobs}-{backend}"


def changed(rows: int) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Which rows of a block are changes of points: the second half of each request."""
    return np.arange(rows) % BATCH >= BATCH // 2


def frame(rows: int = ROWS) -> pl.DataFrame:
    ids = np.arange(rows, dtype=np.uint64)
    vectors = np.stack([ids, ids + 1], axis=1).astype(np.float32)
    return pl.DataFrame(
        {"id": ids, "n": ids.astype(np.int64), "vector": pl.Series(vectors, dtype=pl.Array(pl.Float32, 2))}
    )


def ready(verb: str, name: str, wire: qf.Connection, without: tuple[int, ...] = (), rows: int = ROWS) -> None:
    """A collection that is there; for an update, with points that say nothing yet."""
    collection = qf.collection(name, connection=wire)
    collection.create_collection(config={"vectors": {"size": 2, "distance": "Dot"}})
    if verb != "upsert":
        blank = frame(rows) if verb == "set_payload" else frame(rows).filter(changed(rows))
        blank = blank.filter(~pl.col("id").is_in(without)).with_columns(n=pl.lit(-1))
        collection.upsert(blank, batch_size=rows)


def write(verb: str, name: str, connection: qf.Connection, data: pl.DataFrame, **options: Any) -> qf.WriteReport:
    options = {"batch_size": BATCH, "errors": "report", "retry": POLICY, **options}
    collection = qf.collection(name, connection=connection)
    if verb == "upsert":
        return collection.upsert(data, **options)
    if verb == "set_payload":
        return collection.set_payload(data.drop("vector"), **options)
    del options["n_jobs"], options["backend"]
    with collection.batch(**options) as block:
        for part in data.iter_slices(BATCH):
            mask = changed(len(part))
            block.upsert(part.filter(~mask))
            block.set_payload(part.filter(mask).drop("vector"))
    return block.report


def stored(name: str, wire: qf.Connection) -> dict[int, int]:
    found = qf.read(name, connection=wire, columns=["n"], frame="polars")
    assert found["id"].is_unique().all()
    return {point: n for point, n in found.select("id", "n").iter_rows() if n != -1}


def sent(server: Server, wire: qf.Connection, verb: str) -> int:
    return server.requests()["counts"].get(f"{wire.transport}/{OPERATIONS[verb]}", 0)


def agrees(report: qf.WriteReport, there: dict[int, int]) -> None:
    """What the report says of each row is true."""
    assert all(point == n for point, n in there.items())
    written = set(report.rows("written").tolist())
    assert written <= set(there)
    in_part = report.failures.filter(pl.col("message").str.contains("may be stored"))["row"].to_list()
    allowed = {*report.rows("unknown").tolist(), *report.rows("acknowledged").tolist(), *in_part}
    assert set(there) - written <= allowed
    assert sum(report.counts.values()) == report.total


@pytest.fixture(scope="module")
def relays(loopback: Server) -> Iterator[dict[str, Relay]]:
    with Relay(loopback.rest_port) as rest, Relay(loopback.grpc_port) as grpc:
        yield {"rest": rest, "grpc": grpc}


@pytest.fixture(scope="module")
def relayed(relays: dict[str, Relay]) -> Iterator[dict[str, qf.Connection]]:
    """Connections through the relays, which stay open for all cells."""
    url = f"http://127.0.0.1:{relays['rest'].port}"
    made = {wire: qf.connect(url, grpc_port=relays["grpc"].port, transport=wire) for wire in relays}
    yield made
    for connection in made.values():
        connection.close()


@pytest.mark.parametrize("made", CELLS, ids=named)
@pytest.mark.parametrize("fault", FAULTS)
def test_the_matrix(
    wire: qf.Connection,
    faulty: Server,
    name: str,
    relays: dict[str, Relay],
    relayed: dict[str, qf.Connection],
    fault: str,
    made: tuple[str, tuple[int, str]],
) -> None:
    cell, (verb, (n_jobs, backend)) = FAULTS[fault], made
    ready(verb, name, wire)
    faulty.clear()
    faulty.faults([{"operation": OPERATIONS[verb], **rule} for rule in cell.rules])
    connection = wire if cell.relay is None else relayed[wire.transport]
    acting = None
    if cell.relay is not None:
        acting = threading.Thread(target=cell.relay, args=(relays[wire.transport], faulty))
        acting.start()
    begun = time.monotonic()
    report = write(verb, name, connection, frame(), n_jobs=n_jobs, backend=backend, **cell.options)
    seconds = time.monotonic() - begun
    if acting is not None:
        acting.join()
    fired, requests = sum(faulty.fired()), sent(faulty, wire, verb)
    faulty.clear()

    assert fired == cell.rules[0]["times"] if cell.rules[0]["times"] is not None else fired > 0
    assert seconds < ENOUGH
    agrees(report, stored(name, wire))
    assert requests <= report.requests <= BATCHES + cell.extra
    if cell.heals:
        assert report.ok, report
    elif cell.rows:
        assert report.rows(cell.state).tolist() == list(cell.rows)
        assert report.written == ROWS - len(cell.rows)
    else:
        assert report.counts[cell.state] == BATCH
        assert report.written == ROWS - BATCH


@pytest.mark.parametrize("missing", ["report", "skip"])
@pytest.mark.parametrize("made", CELLS[len(WORKERS) :], ids=named)
def test_missing_ids(
    wire: qf.Connection, faulty: Server, name: str, made: tuple[str, tuple[int, str]], missing: str
) -> None:
    verb, (n_jobs, backend) = made
    ready(verb, name, wire, without=ABSENT)
    faulty.clear()
    report = write(verb, name, wire, frame(), n_jobs=n_jobs, backend=backend, missing=missing)
    absent = [row for row in ABSENT if verb == "set_payload" or changed(ROWS)[row]]
    assert report.requests <= BATCHES + MISSING.extra
    assert report.rows("failed" if missing == "report" else "skipped").tolist() == absent
    assert report.written == ROWS - len(absent)
    assert set(report.failures["error"]) == ({"missing"} if missing == "report" else set())
    there = stored(name, wire)
    assert set(there) == set(range(ROWS)) - set(absent)
    agrees(report, there)


@pytest.mark.parametrize("verb", ["upsert", "set_payload"])
def test_many_rows_and_all_that_heals(wire: qf.Connection, faulty: Server, name: str, verb: str) -> None:
    rows = 20_000
    ready(verb, name, wire, rows=rows)
    faulty.clear()
    rules = [
        _rule(action, 2, skip=20 * place, **({"retry_after": 1} if action == "throttle" else {}))[0]
        for place, action in enumerate(("unavailable", "drop", "drop_after", "half", "throttle", "too_large", "error"))
    ]
    faulty.faults([{"operation": OPERATIONS[verb], **rule} for rule in rules])
    report = write(verb, name, wire, frame(rows), n_jobs=4)
    assert faulty.fired() == [2] * len(rules)
    assert report.ok, report
    # Two requests more for each that failed, and as many again for those beside it on a connection that was cut.
    assert report.requests <= rows // BATCH + 2 * len(rules) * (1 + WORKERS_AT_MOST)
    assert stored(name, wire) == {row: row for row in range(rows)}
