"""The loop that sends, repeats and halves, against a backend that answers by a script or refuses given rows."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qframe.delivery.deliver import deliver
from qframe.delivery.gate import Gate
from qframe.delivery.policy import RetryPolicy
from qframe.model.backend import Capabilities
from qframe.model.batch import Batch, Prepared, WriteOptions
from qframe.model.ids import Ids
from qframe.model.operations import Upsert
from qframe.model.outcome import Ack, Fault, Outcome
from qframe.model.points import Points

FAST = RetryPolicy(attempts=4, base=0.001)
REFUSED = Fault("refused", "no", "bad row in there")


class Scripted:
    """A backend that writes into a list, and answers what it is told to."""

    def __init__(self, answer: Callable[[list[int], int], Ack | Fault | None], limit: int | None = None) -> None:
        self.capabilities = Capabilities("test", (1, 20, 0), byte_limit=limit)
        self.stored: list[int] = []
        self.sent: list[list[int]] = []
        self._answer = answer

    def prepare(self, batch: Batch, options: WriteOptions) -> Prepared:
        return Prepared([int(i) for i in batch.operations[0].ids.values], nbytes=10 * len(batch))

    def write(self, prepared: Prepared, timeout: float) -> Ack | Fault:
        self.sent.append(prepared.content)
        answer = self._answer(prepared.content, len(self.sent)) or Ack("completed")
        if isinstance(answer, Ack):
            self.stored += prepared.content
        return answer


def batch_of(rows: int) -> Batch:
    ids = Ids(np.arange(rows, dtype=np.uint64))
    return Batch("c", (Upsert(Points(ids, {}, None, range(rows))),), 7)


def run(backend: Scripted, rows: int, policy: RetryPolicy = FAST, gate: Gate | None = None, **options) -> Outcome:
    return deliver(backend, batch_of(rows), WriteOptions(), policy, gate or Gate(), draw=lambda: 0.5, **options)


def states(outcome: Outcome, rows: int) -> list[str]:
    """The state of each row; every row is in one span."""
    found: dict[int, str] = {}
    for span in outcome.spans:
        found.update(dict.fromkeys(map(int, span.positions), span.state))
    assert sum(map(len, outcome.spans)) == len(found) == rows
    return [found[row] for row in range(rows)]


def test_a_good_batch_is_one_request() -> None:
    backend = Scripted(lambda ids, n: None)
    outcome = run(backend, 5)
    assert states(outcome, 5) == ["written"] * 5
    assert (outcome.number, outcome.requests, outcome.retries, outcome.nbytes) == (7, 1, 0, 50)


@pytest.mark.parametrize(
    ("status", "state"),
    [("completed", "written"), ("acknowledged", "acknowledged"), ("wait_timeout", "acknowledged")],
)
def test_states_follow_the_servers_status(status: str, state: str) -> None:
    assert states(run(Scripted(lambda ids, n: Ack(status)), 2), 2) == [state] * 2


def test_a_lost_request_is_sent_again_with_the_same_rows() -> None:
    backend = Scripted(lambda ids, n: Fault("lost", "unknown", "reset") if n < 3 else None)
    outcome = run(backend, 4)
    assert states(outcome, 4) == ["written"] * 4
    assert backend.sent == [[0, 1, 2, 3]] * 3
    assert outcome.retries == 2


def test_rows_that_may_be_stored_are_unknown_and_others_failed() -> None:
    doubt = run(Scripted(lambda ids, n: Fault("lost", "unknown" if n == 1 else "no", "reset")), 3)
    assert states(doubt, 3) == ["unknown"] * 3
    certain = run(Scripted(lambda ids, n: Fault("lost", "no", "refused connection")), 3)
    assert states(certain, 3) == ["failed"] * 3
    assert doubt.requests == certain.requests == FAST.attempts


@given(rows=st.integers(1, 300), data=st.data())
def test_bad_rows_end_alone_and_the_others_are_written(rows: int, data: st.DataObject) -> None:
    bad = data.draw(st.sets(st.integers(0, rows - 1), max_size=4))
    # Words that differ, as real ones do: otherwise a batch of only bad rows is given up as a whole.
    backend = Scripted(lambda ids, n: Fault("refused", "no", f"row {min(bad & set(ids))}") if bad & set(ids) else None)
    outcome = run(backend, rows)
    assert states(outcome, rows) == ["failed" if row in bad else "written" for row in range(rows)]
    assert sorted(backend.stored) == [row for row in range(rows) if row not in bad]
    assert outcome.requests <= 1 + len(bad) * (2 * math.log2(max(rows, 2)) + 4)


def test_a_batch_that_is_refused_whatever_is_in_it_is_given_up_after_its_quarters() -> None:
    backend = Scripted(lambda ids, n: REFUSED)
    outcome = run(backend, 1024)
    assert states(outcome, 1024) == ["failed"] * 1024
    assert outcome.requests == 7


def test_bodies_over_the_limit_are_halved_before_they_are_sent() -> None:
    backend = Scripted(lambda ids, n: None, limit=40)
    assert states(run(backend, 10), 10) == ["written"] * 10
    assert max(map(len, backend.sent)) <= 4
    alone = Scripted(lambda ids, n: None, limit=5)
    outcome = run(alone, 2)
    assert states(outcome, 2) == ["failed"] * 2
    assert alone.sent == []
    assert "10 bytes" in outcome.spans[0].message


def test_throttling_without_a_time_halves_and_with_one_waits() -> None:
    too_many = Scripted(lambda ids, n: Fault("throttled", "no", "split") if len(ids) > 2 else None)
    assert states(run(too_many, 8, RetryPolicy(attempts=1)), 8) == ["written"] * 8
    wait = Scripted(lambda ids, n: Fault("throttled", "no", "wait", retry_after=0.05) if n == 1 else None)
    outcome = run(wait, 8)
    assert states(outcome, 8) == ["written"] * 8
    assert outcome.throttled >= 0.05
    assert wait.sent == [list(range(8))] * 2


def test_a_fatal_fault_ends_everything_at_once() -> None:
    backend = Scripted(lambda ids, n: Fault("fatal", "no", "no such key", cause="auth"))
    outcome = run(backend, 8)
    assert outcome.fatal is not None
    assert states(outcome, 8) == ["failed"] * 8
    assert len(backend.sent) == 1


def test_a_stopped_gate_sends_nothing() -> None:
    gate = Gate()
    gate.stop()
    backend = Scripted(lambda ids, n: None)
    assert states(run(backend, 3, gate=gate), 3) == ["unsent"] * 3
    assert backend.sent == []


def test_a_stop_ends_a_wait_at_once() -> None:
    gate = Gate()
    policy = RetryPolicy(attempts=9, base=1000, cap=1000)
    backend = Scripted(lambda ids, n: Fault("lost", "unknown", "reset"))
    threading.Timer(0.05, gate.stop).start()
    assert states(run(backend, 3, policy, gate), 3) == ["unknown"] * 3
    assert len(backend.sent) == 1


def test_a_deadline_in_the_past_sends_nothing() -> None:
    backend = Scripted(lambda ids, n: None)
    assert states(run(backend, 3, deadline=0.0), 3) == ["unsent"] * 3


def halves_in_order(sent: Sequence[list[int]]) -> bool:
    return all(ids == sorted(ids) for ids in sent)


def test_halves_keep_the_order_of_rows() -> None:
    backend = Scripted(lambda ids, n: Fault("too_large", "no", "too large") if len(ids) > 3 else None)
    run(backend, 17)
    assert halves_in_order(backend.sent)
    assert sorted(backend.stored) == list(range(17))
