"""What each `order` promises where an id occurs often: seen by the server, and in what is stored in the end."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest

import qframe as qf
from tests.loopback.process import Server

ROWS = 3_000
IDS = 40

WORKERS: dict[str, dict[str, Any]] = {
    "threads": {"n_jobs": 4},
    "loky": {"n_jobs": 4, "backend": "loky"},
}

SLOW = {"operation": "any", "action": "delay", "seconds": 0.005}
"""A request that takes a while can be seen beside another."""

TROUBLE = [
    {"operation": operation, "action": action, "skip": 2 * turn, "times": 3}
    for turn, action in enumerate(["unavailable", "drop", "drop_after", "deadline", "error"])
    for operation in ("upsert", "batch")
]


def repeated(rows: int = ROWS, seed: int = 0) -> pl.DataFrame:
    """Few ids in many rows; `n` is the row."""
    ids = np.random.default_rng(seed).integers(0, IDS, rows)
    return pl.DataFrame({"id": ids, "n": range(rows)})


def empty(connection: qf.Connection, name: str, **vectors: int) -> qf.Collection:
    made = qf.collection(name, connection=connection)
    made.create_collection(config={"vectors": {key: {"size": dim, "distance": "Dot"} for key, dim in vectors.items()}})
    return made


def last_rows(frame: pl.DataFrame) -> dict[int, int]:
    return dict(frame.select("id", "n").iter_rows())


def stored(collection: qf.Collection) -> dict[int, int]:
    found = collection.read(frame="polars", schema={"n": pl.Int64})
    return dict(found.select("id", "n").iter_rows())


@pytest.mark.parametrize("order", ["semi_ordered", "ordered"])
def test_the_last_row_of_an_id_wins(connection: qf.Connection, name: str, order: str) -> None:
    frame, collection = repeated(), empty(connection, name)
    report = collection.upsert(frame, vector=False, duplicates="keep", order=order, batch_size=50, n_jobs=4)
    assert report.written == ROWS
    assert stored(collection) == last_rows(frame)


@pytest.mark.loopback
@pytest.mark.parametrize("workers", WORKERS)
@pytest.mark.parametrize("order", ["semi_ordered", "ordered"])
def test_through_retries_too(wire: qf.Connection, faulty: Server, name: str, order: str, workers: str) -> None:
    frame, collection = repeated(), empty(wire, name)
    faulty.clear()
    faulty.faults([*TROUBLE, SLOW])
    # One batch may get all the trouble there is of its operation, if the other workers are slow.
    patient = qf.RetryPolicy(attempts=len(TROUBLE) // 2 * 3 + 1, base=0.02, cap=0.2)
    options = {"duplicates": "keep", "order": order, "batch_size": 50, "retry": patient}
    report = collection.upsert(frame, vector=False, **options, **WORKERS[workers])
    fired, overlaps = faulty.fired(), faulty.requests()["overlaps"]
    assert sum(fired[:-1]) >= 15
    assert report.retries >= 15
    assert report.written == ROWS
    assert overlaps["ids"] == 0
    # Beside each other only what shares no id, and that only if it need not be in order.
    assert (overlaps["requests"] > 0) is (order == "semi_ordered")
    assert stored(collection) == last_rows(frame)


@pytest.mark.loopback
@pytest.mark.parametrize("order", ["semi_ordered", "ordered"])
def test_through_halves_and_quarters_too(wire: qf.Connection, faulty: Server, name: str, order: str) -> None:
    frame, collection = pl.DataFrame({"id": [0] * 8, "n": range(8)}), empty(wire, name)
    faulty.clear()
    faulty.faults([{"operation": "upsert", "action": "throttle", "retry_after": None, "times": 2}])
    report = collection.upsert(frame, vector=False, duplicates="keep", order=order)
    assert sum(faulty.fired()) == 2
    assert (report.written, report.requests) == (8, 5)
    assert stored(collection) == {0: 7}


@pytest.mark.loopback
def test_without_an_order_requests_share_ids(wire: qf.Connection, faulty: Server, name: str) -> None:
    """The measure measures: three frames of the same ids, and no order between them."""
    frame, collection = pl.DataFrame({"id": range(100), "n": range(100)}), empty(wire, name)
    faulty.clear()
    faulty.faults([SLOW])
    collection.upsert(iter([frame] * 3), vector=False, batch_size=100, n_jobs=4)
    assert faulty.requests()["overlaps"]["ids"] > 0


@pytest.mark.loopback
@pytest.mark.parametrize("wire", ["rest"], indirect=True)
def test_a_stream_repeats_ids_from_part_to_part(wire: qf.Connection, faulty: Server, name: str) -> None:
    # Two batches a part: without waves, those of neighbouring parts would be on their way together.
    parts = [pl.DataFrame({"id": range(20), "n": range(start, start + 20)}) for start in range(0, 400, 20)]
    collection = empty(wire, name)
    faulty.clear()
    faulty.faults([SLOW])
    report = collection.upsert(iter(parts), vector=False, order="semi_ordered", batch_size=10, n_jobs=4)
    overlaps = faulty.requests()["overlaps"]
    assert report.written == 400
    assert (overlaps["ids"], overlaps["requests"] > 0) == (0, True)
    assert stored(collection) == last_rows(parts[-1])


def test_ids_that_occur_once_need_no_waves(connection: qf.Connection, name: str) -> None:
    frame = pl.DataFrame({"id": range(1_000), "n": range(1_000)})
    collection = empty(connection, name)
    report = collection.upsert(frame, vector=False, order="semi_ordered", batch_size=100, n_jobs=4)
    assert (report.written, report.batches) == (1_000, 10)
    assert stored(collection) == last_rows(frame)


@pytest.mark.parametrize("order", ["semi_ordered", "ordered"])
def test_rows_of_an_id_with_other_vectors_stay_in_order(connection: qf.Connection, name: str, order: str) -> None:
    rng = np.random.default_rng(1)
    frame, collection = repeated(600), empty(connection, name, a=2, b=2)
    there = {key: rng.random(600) < 0.5 for key in ("a", "b")}
    columns = [
        pl.Series(key, [[float(n), 1.0] if mask[n] else None for n in range(600)]) for key, mask in there.items()
    ]
    frame = frame.with_columns(pl.Series(s, dtype=pl.Array(pl.Float32, 2)) for s in columns)
    report = collection.upsert(
        frame, vector=["a", "b"], null_vectors="omit", duplicates="keep", order=order, n_jobs=4, batch_size=100
    )
    assert report.written == 600
    # Neither a request a row nor one for each change of vectors.
    assert report.requests <= 40
    assert stored(collection) == last_rows(frame)
    found = collection.read(frame="polars", vectors=True)
    rows = last_rows(frame)
    for point in found.iter_rows(named=True):
        row = rows[point["id"]]
        for key, mask in there.items():
            assert point[key] == ([float(row), 1.0] if mask[row] else None)


@pytest.mark.parametrize("order", ["semi_ordered", "ordered"])
def test_payload_too(connection: qf.Connection, name: str, order: str) -> None:
    frame, collection = repeated().with_columns(pl.col("n") // 7), empty(connection, name)
    collection.upsert(pl.DataFrame({"id": range(IDS)}), vector=False)
    report = collection.set_payload(frame, duplicates="keep", order=order, batch_size=100, n_jobs=4)
    assert report.written == ROWS
    assert stored(collection) == last_rows(frame)


@pytest.mark.parametrize("missing", ["report", "skip"])
@pytest.mark.parametrize("order", ["semi_ordered", "ordered"])
def test_ids_that_are_not_there_hold_up_no_others(
    connection: qf.Connection, name: str, order: str, missing: str
) -> None:
    frame, collection = repeated(600), empty(connection, name)
    there = IDS * 3 // 4
    collection.upsert(pl.DataFrame({"id": range(there), "n": [-1] * there}), vector=False)
    options = {"order": order, "missing": missing, "duplicates": "keep", "errors": "report", "batch_size": 50}
    report = collection.set_payload(frame, **options, n_jobs=4)
    strange = frame.filter(pl.col("id") >= there)["n"].to_list()
    assert report.rows("skipped" if missing == "skip" else "failed").tolist() == strange
    assert report.written == 600 - len(strange)
    assert stored(collection) == {point: row for point, row in last_rows(frame).items() if point < there}


@pytest.mark.loopback
@pytest.mark.parametrize("order", ["semi_ordered", "ordered"])
def test_a_deadline_cuts_the_rows_of_an_id_short(wire: qf.Connection, faulty: Server, name: str, order: str) -> None:
    """Of each id the first are written, what was under way is unknown, and nothing that follows is sent."""
    frame, collection = repeated(), empty(wire, name)
    faulty.clear()
    faulty.faults([{"operation": "upsert", "action": "silence", "skip": 6}])
    options = {"order": order, "duplicates": "keep", "errors": "report", "batch_size": 20, "n_jobs": 4}
    report = collection.upsert(frame, vector=False, deadline=1.0, **options)
    assert report.ended_by.startswith("deadline=1 s passed")
    assert faulty.requests()["overlaps"]["ids"] == 0
    assert report.unsent
    states = np.empty(ROWS, dtype=object)
    for state in report.counts:
        states[report.rows(state)] = state
    expected = {}
    for point, rows in frame.group_by("id", maintain_order=True):
        of_id = states[rows["n"]].tolist()
        assert of_id == sorted(of_id, key=["written", "unknown", "unsent"].index)
        written = of_id.count("written")
        expected |= {point[0]: rows["n"][written - 1]} if written else {}
    assert stored(collection) == expected


@pytest.mark.loopback
@pytest.mark.parametrize("wire", ["grpc"], indirect=True)
def test_ordered_payload_goes_out_in_the_frames_order(wire: qf.Connection, faulty: Server, name: str) -> None:
    """Rows of equal payload share an operation within a request, and wait for no row of another."""
    frame, collection = pl.DataFrame({"id": range(900), "n": np.arange(900) % 3}), empty(wire, name)
    collection.upsert(frame.select("id"), vector=False)
    faulty.clear()
    faulty.faults([{"operation": "batch", "action": "unavailable", "skip": 1}])
    options = {"order": "ordered", "batch_size": 300, "errors": "report", "retry": qf.RetryPolicy(attempts=1)}
    report = collection.set_payload(frame, **options)
    assert report.rows("written").tolist() == list(range(300))


@pytest.mark.loopback
@pytest.mark.parametrize("order", ["semi_ordered", "ordered"])
def test_what_follows_a_refused_batch_is_not_sent(wire: qf.Connection, faulty: Server, name: str, order: str) -> None:
    ids = [n % 4 for n in range(400)]
    frame, collection = pl.DataFrame({"id": ids, "n": range(400)}), empty(wire, name)
    faulty.clear()
    faulty.faults([{"operation": "any", "action": "refuse", "ids": [0]}])
    with pytest.raises(qf.WriteError) as caught:
        collection.upsert(frame, vector=False, duplicates="keep", order=order, batch_size=4, n_jobs=4)
    report = caught.value.report
    failed = report.rows("failed").tolist()
    assert {ids[row] for row in failed} == {0}
    after = [row for row in range(400) if ids[row] == 0 and row > max(failed)]
    assert after
    assert set(after) <= set(report.rows("unsent").tolist())
    assert 0 not in stored(collection)


def test_keeping_duplicates_needs_an_order(connection: qf.Connection, name: str) -> None:
    with pytest.raises(qf.OptionError, match="semi_ordered"):
        qf.collection(name, connection=connection).upsert(repeated(), vector=False, duplicates="keep")


@pytest.mark.parametrize("options", [{"mode": "insert_only"}, {"update_filter": {"must": []}}])
def test_rows_that_decide_about_later_ones_are_not_kept(
    connection: qf.Connection, name: str, options: dict[str, Any]
) -> None:
    """Of the rows of an id in one request the last counts: what is stored would depend on where requests end."""
    frame, collection = repeated(10), empty(connection, name)
    write = {"vector": False, "duplicates": "keep", **options}
    for refused in (
        lambda: collection.upsert(frame, order="ordered", **write),
        lambda: collection.check(frame, **write),
        lambda: collection.batch().__enter__().upsert(frame, **write),
    ):
        with pytest.raises(qf.OptionError, match="duplicates='first'"):
            refused()
    assert stored(collection) == {}


def test_an_update_of_those_that_are_there_keeps_the_last(connection: qf.Connection, name: str) -> None:
    frame, collection = repeated(), empty(connection, name)
    collection.upsert(pl.DataFrame({"id": range(IDS // 2), "n": [-1] * (IDS // 2)}), vector=False)
    options = {"mode": "update_only", "duplicates": "keep", "order": "semi_ordered", "batch_size": 50}
    assert collection.upsert(frame, vector=False, **options).ok
    assert stored(collection) == {point: row for point, row in last_rows(frame).items() if point < IDS // 2}


@pytest.mark.loopback
def test_uuids_keep_to_their_lanes(wire: qf.Connection, faulty: Server, name: str) -> None:
    numbers = np.random.default_rng(2).integers(0, IDS, 1_000)
    ids = [f"00000000-0000-4000-8000-{number:012d}" for number in numbers]
    frame, collection = pl.DataFrame({"id": ids, "n": range(1_000)}), empty(wire, name)
    faulty.clear()
    faulty.faults([SLOW])
    collection.upsert(frame, vector=False, duplicates="keep", order="semi_ordered", batch_size=20, n_jobs=4)
    overlaps = faulty.requests()["overlaps"]
    assert (overlaps["ids"], overlaps["requests"] > 0) == (0, True)
    assert stored(collection) == last_rows(frame)


@pytest.mark.loopback
def test_many_rows_of_few_payloads_cost_few_requests(wire: qf.Connection, faulty: Server, name: str) -> None:
    """At most twice what the byte limit asks for, however the payloads lie among the rows."""
    rows, limit, collection = 100_000, 150_000, empty(wire, name)
    payloads = np.random.default_rng(3).integers(0, 2_000, rows)
    frame = pl.DataFrame({"id": range(rows), "text": [f"{number:0100d}" for number in payloads]})
    collection.upsert(frame.select("id"), vector=False)
    report = collection.set_payload(frame, batch_bytes=limit)
    assert report.written == rows
    assert 3 < report.requests <= 2 * -(-report.nbytes // limit)
