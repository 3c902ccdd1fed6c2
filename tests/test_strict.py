"""The limits of a collection's strict mode are read before the first request, and kept."""

from __future__ import annotations

from typing import Any

import httpx
import polars as pl
import pytest

import qframe as qf
from tests.loopback.process import Server

ROWS = 100


def limited(connection: qf.Connection, name: str, **limits: int) -> qf.Collection:
    collection = qf.collection(name, connection=connection)
    strict = {"enabled": True, **limits}
    vectors = {"size": 2, "distance": "Dot"}
    collection.create_collection(config={"vectors": vectors, "strict_mode_config": strict})
    return collection


def frame() -> pl.DataFrame:
    return pl.DataFrame({"id": range(ROWS), "vector": [[1.0, 2.0]] * ROWS, "n": range(ROWS)})


def test_no_request_has_more_points_than_allowed(wire: qf.Connection, name: str) -> None:
    collection = limited(wire, name, upsert_max_batchsize=30)
    upserted = collection.upsert(frame(), vector="vector")
    # Without the limit it would be one request; refused, it would be halves and quarters.
    assert (upserted.written, upserted.requests) == (ROWS, 4)
    updated = collection.update_vectors(frame().drop("n"), vector="vector", batch_size=50)
    assert (updated.written, updated.requests) == (ROWS, 4)
    # Payload is not counted by the server.
    assert collection.set_payload(frame().select("id", "n")).requests == 1


@pytest.mark.parametrize("order", ["semi_ordered", "ordered"])
def test_nor_has_one_of_several_operations(wire: qf.Connection, name: str, order: str) -> None:
    collection = limited(wire, name, upsert_max_batchsize=30)
    rows = frame().with_columns(pl.Series("vector", [[1.0, 2.0], None] * (ROWS // 2), dtype=pl.Array(pl.Float32, 2)))
    options = {"null_vectors": "omit", "duplicates": "keep", "order": order}
    report = collection.upsert(rows, vector="vector", **options)
    assert (report.written, report.retries) == (ROWS, 0)


VECTORS = {
    "vectors": {"m": {"size": 2, "distance": "Dot", "multivector_config": {"comparator": "max_sim"}}},
    "sparse_vectors": {"s": {}},
}


def lengthy() -> pl.DataFrame:
    """Row 3 has a sparse vector of four numbers, row 7 a multivector of three vectors, the others less."""
    sparse = [{"indices": range(n), "values": [1.0] * n} for n in (4 if row == 3 else 3 for row in range(10))]
    multi = [[[1.0, 2.0]] * (3 if row == 7 else 2) for row in range(10)]
    return pl.DataFrame(
        {
            "id": range(10),
            "bag": pl.Series(sparse, dtype=pl.Struct({"indices": pl.List(pl.UInt32), "values": pl.List(pl.Float32)})),
            "late": pl.Series(multi, dtype=pl.List(pl.Array(pl.Float32, 2))),
        }
    )


def test_a_row_that_is_longer_than_allowed_is_bad(wire: qf.Connection, name: str) -> None:
    collection = qf.collection(name, connection=wire)
    limits = {
        "enabled": True,
        "sparse_config": {"s": {"max_length": 3}},
        "multivector_config": {"m": {"max_vectors": 2}},
    }
    collection.create_collection(config={**VECTORS, "strict_mode_config": limits})
    vector = {"s": "bag", "m": "late"}
    with pytest.raises(qf.FrameError, match=r"'bag', row 3: found .*4 numbers.* allows 3 numbers in one row of 's'"):
        collection.upsert(lengthy(), vector=vector)
    with pytest.raises(qf.FrameError, match=r"'late', row 7: found .*3 vectors.* allows 2 vectors in one row of 'm'"):
        collection.upsert(lengthy(), vector={"m": "late"}, payload=False)
    assert collection.count() == 0
    report = collection.upsert(lengthy(), vector=vector, errors="report")
    assert (report.rows("failed").tolist(), report.written, report.requests) == ([3, 7], 8, 1)
    changed = collection.update_vectors(lengthy(), vector=vector, errors="report", missing="skip")
    assert (changed.rows("failed").tolist(), changed.written) == ([3, 7], 8)


@pytest.mark.parametrize("timeout", [None, 4.0])
def test_no_request_asks_for_more_time_than_allowed(wire: qf.Connection, name: str, timeout: float | None) -> None:
    collection = limited(wire, name, max_timeout=7)
    assert collection.upsert(frame(), vector="vector", timeout=timeout).ok
    assert collection.set_payload(frame().select("id", "n"), timeout=timeout).ok
    assert collection.set_payload(filter={}, payload={"n": 0}, timeout=timeout).ok
    with collection.batch(timeout=timeout) as b:
        b.delete(frame().select("id"))
        b.clear_payload(filter={})
    assert b.report.ok


@pytest.mark.loopback
def test_nor_does_the_question_which_ids_are_there(wire: qf.Connection, faulty: Server, name: str) -> None:
    collection = limited(wire, name, max_timeout=7)
    collection.upsert(frame(), vector="vector")
    strangers = pl.DataFrame({"id": range(ROWS // 2, ROWS + 10), "n": 0})
    report = collection.set_payload(strangers, missing="skip", n_jobs=1)
    # One request that is refused, one question, and the rest.
    assert (report.written, report.skipped, report.requests) == (ROWS // 2, 10, 3)


@pytest.mark.loopback
def test_the_servers_limit_would_be_heard_of(wire: qf.Connection, faulty: Server, name: str) -> None:
    """The loopback server refuses what is over the limit; otherwise the tests above could not fail."""
    limited(wire, name, max_timeout=7)
    by_hand: dict[str, Any] = {"points": [{"id": 1, "vector": [1.0, 2.0]}]}
    answer = httpx.put(f"{faulty.url}/collections/{name}/points", params={"timeout": 8}, json=by_hand)
    assert answer.status_code == 400
    assert "Limit exceeded 8 > 7" in answer.text
    held = httpx.post(f"{faulty.url}/collections/{name}/points/scroll", json={"limit": 1})
    assert held.json()["result"]["points"] == []


def test_nor_do_reads(wire: qf.Connection, name: str) -> None:
    collection = limited(wire, name, max_timeout=7)
    collection.upsert(frame(), vector="vector")
    assert len(collection.read(frame="polars")) == ROWS
    assert collection.count() == ROWS
    assert len(collection.search([1.0, 2.0], limit=3, frame="polars")) == 3
    assert len(collection.retrieve(frame()["id"].head(5), frame="polars")) == 5


def test_no_request_names_more_than_a_small_part_of_what_may_be_written_in_a_minute(
    wire: qf.Connection, name: str
) -> None:
    """One that is stopped half-way is then small enough to be waited for."""
    collection = limited(wire, name, write_rate_limit=ROWS * 8)
    rows = pl.DataFrame({"id": range(2 * ROWS), "vector": [[1.0, 2.0]] * 2 * ROWS})
    upserted = collection.upsert(rows, vector="vector")
    assert (upserted.written, upserted.requests) == (2 * ROWS, 2)
    rows = rows.select("id", n="id")
    assert collection.set_payload(rows).requests == 2
    with collection.batch() as b:
        b.set_payload(rows)
    assert (b.report.written, b.report.requests) == (2 * ROWS, 2)


@pytest.mark.loopback
def test_what_is_stopped_half_way_comes_again_when_there_is_enough_for_all_of_it(
    wire: qf.Connection, faulty: Server, name: str
) -> None:
    """The server names a wait of a second, for one more payload, and in a second allows 200."""
    collection = limited(wire, name, write_rate_limit=12_000)
    rows = pl.DataFrame({"id": range(300), "vector": [[1.0, 2.0]] * 300})
    assert collection.upsert(rows, vector="vector").ok
    # Ids that are not there are charged too: nothing is left, or very little.
    assert collection.delete(pl.DataFrame({"id": range(1_000, 12_700)})).ok
    report = collection.set_payload(rows.select("id", n="id"))
    assert report.written == 300
    assert report.requests <= 2


@pytest.mark.loopback
@pytest.mark.parametrize("transport", ["rest", "grpc"])
def test_what_a_limiter_stops_half_way_is_not_said_to_be_unwritten(transport: str, name: str) -> None:
    """Each payload is an operation of its own, and charged by itself; those before the last token are stored."""
    with Server.start(no_refill=True) as server:
        connection = qf.connect(server.url, grpc_port=server.grpc_port, transport=transport)
        collection = limited(connection, name, write_rate_limit=ROWS + 30)
        collection.upsert(frame(), vector="vector")
        changed = frame().select("id", n=pl.col("n") + ROWS)
        report = collection.set_payload(changed, errors="report", retry=qf.RetryPolicy(attempts=1))
        stored = collection.read(frame="polars")
    assert stored["n"].ge(ROWS).sum() == 30
    # 16 rows a request. The second stops after 14 of them, the others before their first; no answer says so.
    assert (report.written, report.unknown, report.failed) == (16, ROWS - 16, 0)
