"""Reads that meet faults, on both wires: a lost page is asked for again, and what cannot be had is a typed error."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import polars as pl
import pytest

import qframe as qf
from tests.loopback.process import Server

pytestmark = pytest.mark.loopback

ROWS = 1_000
QUICK = qf.RetryPolicy(base=0.02)


@pytest.fixture(autouse=True)
def filled(wire: qf.Connection, faulty: Server, name: str) -> None:
    data = pl.DataFrame({"id": range(ROWS), "n": range(ROWS)})
    data.qdrant.upsert(name, connection=wire, vector=np.ones((ROWS, 2), dtype=np.float32))
    faulty.clear()


@pytest.mark.parametrize(
    "fault",
    [
        {"action": "unavailable", "times": 2},
        {"action": "throttle", "retry_after": 1, "times": 1},
        {"action": "drop", "times": 2},
        {"action": "half", "times": 2},
        {"action": "error", "times": 1},
    ],
    ids=lambda fault: fault["action"],
)
def test_a_lost_page_is_asked_for_again(wire: qf.Connection, faulty: Server, name: str, fault: dict[str, Any]) -> None:
    lazy = qf.scan(name, connection=wire, retry=QUICK)
    faulty.clear()
    faulty.faults([{"operation": "scroll", "skip": 1} | fault])
    assert lazy.collect()["n"].to_list() == list(range(ROWS))
    assert faulty.fired() == [fault["times"]]
    pages = [request for request in faulty.requests()["requests"] if request["operation"] == "scroll"]
    assert len(pages) == 3 + fault["times"]


def test_what_stays_lost_is_an_error(wire: qf.Connection, faulty: Server, name: str) -> None:
    retry = qf.RetryPolicy(attempts=2, base=0.01)
    lazy = qf.scan(name, connection=wire, retry=retry)
    frames = qf.iter_frames(name, connection=wire, retry=retry)
    faulty.clear()
    faulty.faults([{"operation": "scroll", "action": "error"}])
    with pytest.raises(qf.ServerError, match="made on request") as caught:
        list(frames)
    assert caught.value.kind == "lost"
    assert faulty.fired() == [2]
    with pytest.raises(qf.ServerError, match="made on request"):
        lazy.collect()


def test_a_collection_that_goes_is_an_error_at_once(wire: qf.Connection, faulty: Server, name: str) -> None:
    frames = qf.iter_frames(name, connection=wire, batch_size=100)
    next(frames)
    qf.collection(name, connection=wire).drop()
    faulty.clear()
    with pytest.raises(qf.CollectionNotFoundError, match=name):
        list(frames)
    # None where the page that was on its way ahead has met it.
    assert faulty.requests()["counts"].get(f"{wire.transport}/scroll", 0) <= 2


def test_the_deadline_ends_a_read(wire: qf.Connection, faulty: Server, name: str) -> None:
    faulty.faults([{"operation": "scroll", "action": "silence"}])
    begun = time.monotonic()
    with pytest.raises(qf.ServerError, match=r"no answer|DEADLINE_EXCEEDED"):
        qf.read(name, connection=wire, deadline=0.5)
    assert time.monotonic() - begun < 15
