"""Rows that the server did not apply in time: its queue is looked at afterwards, and the report says what it showed."""

from __future__ import annotations

import polars as pl
import pytest

import qframe as qf
from tests.loopback.process import Server

pytestmark = pytest.mark.loopback

LATE = {"operation": "upsert", "action": "wait_timeout", "times": 1}


def upserted(
    wire: qf.Connection, server: Server, name: str, *faults: dict[str, object], **options: object
) -> qf.WriteReport:
    frame = pl.DataFrame({"id": range(10), "n": range(10)})
    qf.collection(name, connection=wire).create_collection(config={"vectors": {}})
    server.clear()
    server.faults(list(faults))
    return frame.qdrant.upsert(name, connection=wire, vector=False, batch_size=5, n_jobs=1, **options)


def test_a_queue_that_empties_is_waited_for(wire: qf.Connection, faulty: Server, name: str) -> None:
    # The first look at the collection is that before the write.
    backlog = {"operation": "info", "action": "backlog", "length": 3, "skip": 1, "times": 2}
    report = upserted(wire, faulty, name, LATE, backlog)
    assert faulty.fired() == [1, 2]
    assert (report.written, report.acknowledged, report.drained, report.ok) == (5, 5, True, False)
    assert "the server has worked through its queue since" in repr(report)
    assert report.to_dict()["drained"] is True


def test_a_queue_that_does_not_is_waited_for_no_longer_than_a_request(
    wire: qf.Connection, faulty: Server, name: str
) -> None:
    report = upserted(wire, faulty, name, LATE, {"operation": "info", "action": "backlog", "length": 3}, timeout=1.0)
    assert (report.acknowledged, report.drained) == (5, False)
    assert "its queue is not empty yet" in repr(report)
    assert 1 < faulty.fired()[1] < 10


@pytest.mark.parametrize("faults", [[], [LATE]])
def test_nothing_is_asked_where_nothing_was_promised(
    wire: qf.Connection, faulty: Server, name: str, faults: list[dict[str, object]]
) -> None:
    report = upserted(wire, faulty, name, *faults, wait=not faults)
    assert report.drained is None
    assert faulty.requests()["counts"][f"{wire.transport}/info"] == 1


def test_a_server_that_does_not_tell_is_no_news(name: str) -> None:
    with Server.start(version="1.16.3") as server, qf.connect(server.url, transport="rest") as connection:
        report = upserted(connection, server, name, LATE)
    assert (report.acknowledged, report.drained) == (5, None)
    assert "queue" not in repr(report)


def test_merged_reports_speak_for_all(wire: qf.Connection, faulty: Server, name: str) -> None:
    one = upserted(wire, faulty, name, LATE)
    other = pl.DataFrame({"id": [1]}).qdrant.upsert(name, connection=wire, vector=False)
    assert (one.drained, other.drained) == (True, None)
    assert qf.WriteReport.merge([one, other]).drained is True
    assert qf.WriteReport.merge([other]).drained is None
