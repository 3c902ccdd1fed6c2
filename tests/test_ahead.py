"""One worker: the next batch is encoded while this one travels, and nothing of what a write promises is given up."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import polars as pl
import pytest

import qframe as qf
from qframe.backends.opening import open_backend
from qframe.model.batch import Batch, Prepared, WriteOptions
from tests.loopback.process import Server

BATCH, BATCHES = 10, 6
ROWS = BATCH * BATCHES
PATIENCE = 20.0
"""Seconds after which what is waited for counts as not happening."""

ONE_WORKER: list[dict[str, Any]] = [{"n_jobs": 1}, {"n_jobs": 4, "order": "ordered"}]


@dataclass
class Watch:
    """What happens to the batches of one call, as `("encoded" | "sent" | "answered", number)`, and in which thread.

    An answer is held until so many batches were encoded as `held` says for the batch.
    """

    held: dict[int, int] = field(default_factory=dict)
    broken: int | None = None
    events: list[tuple[str, int]] = field(default_factory=list)
    threads: dict[str, set[int]] = field(default_factory=dict)
    late: bool = False
    _numbers: dict[int, int] = field(default_factory=dict)
    _changed: threading.Condition = field(default_factory=threading.Condition)

    def tell(self, event: str, number: int) -> None:
        with self._changed:
            self.events.append((event, number))
            self.threads.setdefault(event, set()).add(threading.get_ident())
            self._changed.notify_all()

    def count(self, event: str) -> int:
        return sum(told == event for told, _ in self.events)

    def install(self, connection: qf.Connection, monkeypatch: pytest.MonkeyPatch) -> None:
        backend = open_backend(connection)
        prepare, write = backend.prepare, backend.write
        bodies: list[Prepared] = []  # kept, so that no other has the identity of one of them

        def prepared(batch: Batch, options: WriteOptions) -> Prepared:
            if batch.number == self.broken:
                raise LookupError("made on request")
            made = prepare(batch, options)
            bodies.append(made)
            self._numbers[id(made)] = batch.number
            self.tell("encoded", batch.number)
            return made

        def written(body: Prepared, timeout: float) -> Any:
            number = self._numbers[id(body)]
            self.tell("sent", number)
            answer = write(body, timeout)
            with self._changed:
                enough = self.held.get(number, 0)
                self.late |= not self._changed.wait_for(lambda: self.count("encoded") >= enough, PATIENCE)
            self.tell("answered", number)
            return answer

        monkeypatch.setattr(backend, "prepare", prepared, raising=False)
        monkeypatch.setattr(backend, "write", written, raising=False)


def frame() -> pl.DataFrame:
    return pl.DataFrame({"id": range(ROWS), "n": range(ROWS)})


def upsert(connection: qf.Connection, name: str, data: Any = None, **options: Any) -> qf.WriteReport:
    collection = qf.collection(name, connection=connection)
    if not collection.exists():
        collection.create_collection(config={"vectors": {}})
    data = frame() if data is None else data
    return collection.upsert(data, vector=False, **{"batch_size": BATCH, "n_jobs": 1, **options})


def stored(connection: qf.Connection, name: str) -> list[int]:
    found = qf.read(name, connection=connection, columns=["n"], schema={"n": pl.Int64}, frame="polars")
    return sorted(found["id"].to_list())


@pytest.mark.parametrize("options", ONE_WORKER, ids=str)
def test_the_next_batch_is_encoded_before_this_one_is_answered(
    wire: qf.Connection, name: str, monkeypatch: pytest.MonkeyPatch, options: dict[str, Any]
) -> None:
    watch = Watch(held={number: min(number + 2, BATCHES) for number in range(BATCHES)})
    watch.install(wire, monkeypatch)
    assert upsert(wire, name, **options).written == ROWS
    assert not watch.late
    assert watch.threads["encoded"] == {threading.get_ident()}
    assert threading.get_ident() not in watch.threads["sent"]
    # One at a time is on its way, and one at most is encoded ahead of it.
    assert [event for event in watch.events if event[0] != "encoded"] == [
        (event, number) for number in range(BATCHES) for event in ("sent", "answered")
    ]
    for number in range(BATCHES - 2):
        assert watch.events.index(("encoded", number + 2)) > watch.events.index(("answered", number))
    assert stored(wire, name) == list(range(ROWS))


@pytest.mark.parametrize("options", ONE_WORKER, ids=str)
def test_the_embedded_engine_works_in_this_thread(
    embedded: qf.Connection, name: str, monkeypatch: pytest.MonkeyPatch, options: dict[str, Any]
) -> None:
    watch = Watch()
    watch.install(embedded, monkeypatch)
    assert upsert(embedded, name, **options).written == ROWS
    assert watch.threads["encoded"] == watch.threads["sent"] == {threading.get_ident()}
    assert watch.count("sent") == BATCHES


@pytest.mark.parametrize("options", ONE_WORKER, ids=str)
@pytest.mark.loopback
def test_a_refused_row_keeps_the_encoded_batch_here(
    wire: qf.Connection, faulty: Server, name: str, monkeypatch: pytest.MonkeyPatch, options: dict[str, Any]
) -> None:
    faulty.faults([{"operation": "upsert", "action": "refuse", "ids": [25]}])
    watch = Watch(held={2: 4})
    watch.install(wire, monkeypatch)
    with pytest.raises(qf.WriteError, match="cannot be stored") as caught:
        upsert(wire, name, **options)
    report = caught.value.report
    assert not watch.late
    assert ("encoded", 3) in watch.events
    assert ("sent", 3) not in watch.events
    assert report.rows("failed").tolist() == [25]
    assert report.rows("unsent").tolist() == list(range(30, ROWS))
    assert report.written == len(stored(wire, name)) == 29


@pytest.mark.parametrize("errors", ["raise", "report"])
def test_an_error_of_encoding_is_that_of_its_batch(
    wire: qf.Connection, name: str, monkeypatch: pytest.MonkeyPatch, errors: str
) -> None:
    watch = Watch(broken=3)
    watch.install(wire, monkeypatch)
    if errors == "raise":
        with pytest.raises(qf.WriteError, match="LookupError: made on request") as caught:
            upsert(wire, name, errors=errors)
        report = caught.value.report
    else:
        report = upsert(wire, name, errors=errors)
    assert report.rows("written").tolist() == stored(wire, name) == list(range(30))
    assert report.rows("failed").tolist() == list(range(30, 40))
    assert report.rows("unsent").tolist() == list(range(40, ROWS))
    assert "LookupError: made on request" in report.ended_by


def test_ctrl_c_while_one_is_encoded_waits_for_the_one_on_its_way(
    wire: qf.Connection, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch = Watch()
    watch.install(wire, monkeypatch)
    backend = open_backend(wire)
    prepare = backend.prepare

    def interrupted(batch: Batch, options: WriteOptions) -> Prepared:
        if batch.number == 3:
            raise KeyboardInterrupt
        return prepare(batch, options)

    monkeypatch.setattr(backend, "prepare", interrupted)
    with pytest.raises(qf.WriteInterrupted) as caught:
        upsert(wire, name)
    report = caught.value.report
    assert report.rows("written").tolist() == stored(wire, name) == list(range(30))
    assert report.unsent == ROWS - 30
    assert watch.events[-1] == ("answered", 2)


def parts(ending: Exception | None = None) -> Iterator[pl.DataFrame]:
    for start in range(0, ROWS, BATCH):
        yield frame().slice(start, BATCH)
        if ending is not None and start == 2 * BATCH:
            raise ending


def test_what_the_source_raises_comes_after_what_was_on_its_way(
    wire: qf.Connection, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch = Watch()
    watch.install(wire, monkeypatch)
    with pytest.raises(qf.WriteError, match="the disk is gone") as caught:
        upsert(wire, name, parts(LookupError("the disk is gone")))
    assert caught.value.report.rows("written").tolist() == stored(wire, name) == list(range(30))
    assert caught.value.report.total == 30


@pytest.mark.loopback
def test_a_failure_comes_before_what_the_source_raises_later(wire: qf.Connection, faulty: Server, name: str) -> None:
    faulty.faults([{"operation": "upsert", "action": "refuse", "ids": [25]}])
    with pytest.raises(qf.WriteError, match="cannot be stored") as caught:
        upsert(wire, name, parts(LookupError("the disk is gone")))
    assert caught.value.report.rows("failed").tolist() == [25]
    assert "the disk is gone" not in str(caught.value.report.ended_by)


@pytest.mark.loopback
def test_a_retry_sends_the_bytes_that_were_made_ahead(
    wire: qf.Connection, faulty: Server, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    faulty.faults([{"operation": "upsert", "action": "unavailable", "skip": 2, "times": 2}])
    watch = Watch()
    watch.install(wire, monkeypatch)
    assert upsert(wire, name, retry=qf.RetryPolicy(base=0.02)).retries == 2
    assert watch.count("encoded") == BATCHES
    assert [number for event, number in watch.events if event == "sent"] == [0, 1, 2, 2, 2, 3, 4, 5]
