"""The loop that sends, repeats and halves, against a backend that answers by a script or refuses given rows."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qframe.delivery.deliver import deliver
from qframe.delivery.gate import Brake, Gate
from qframe.delivery.pieces import SINGLE_REFUSALS
from qframe.delivery.policy import RetryPolicy
from qframe.model.backend import Capabilities
from qframe.model.batch import Batch, Prepared, WriteOptions
from qframe.model.outcome import Ack, Fault, Outcome
from tests.delivery.store import batch_of, ends, states

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


def run(
    backend: Scripted,
    rows: int,
    policy: RetryPolicy = FAST,
    gate: Gate | None = None,
    *,
    ordered: bool = False,
    **options: float,
) -> Outcome:
    batch = batch_of(("upsert", range(rows)), ordered=ordered)
    return deliver(backend, batch, WriteOptions(), policy, gate or Gate(), draw=lambda: 0.5, **options)


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


@given(rows=st.integers(1, 300), ordered=st.booleans(), data=st.data())
def test_bad_rows_end_alone_and_the_others_are_written(rows: int, ordered: bool, data: st.DataObject) -> None:
    bad = data.draw(st.sets(st.integers(0, rows - 1), max_size=4))
    alike = data.draw(st.booleans()) and rows >= 100  # a small batch of only bad rows is given up as a whole

    def answer(ids: list[int], n: int) -> Fault | None:
        here = bad & set(ids)
        return Fault("refused", "no", "bad" if alike else f"row {min(here)}") if here else None

    backend = Scripted(answer)
    outcome = run(backend, rows, ordered=ordered)
    assert not outcome.hopeless
    assert states(outcome, rows) == ["failed" if row in bad else "written" for row in range(rows)]
    assert sorted(backend.stored) == [row for row in range(rows) if row not in bad]
    assert outcome.requests <= 1 + len(bad) * (2 * math.log2(max(rows, 2)) + 4)


@pytest.mark.parametrize("kind", ["refused", "too_large"])
def test_a_batch_that_is_refused_whatever_is_in_it_is_given_up_after_some_single_rows(kind: Any) -> None:
    backend = Scripted(
        lambda ids, n: Fault(kind, "no", "refused" if kind == "refused" else f"{len(ids)} are too large")
    )
    outcome = run(backend, 1024)
    assert states(outcome, 1024) == ["failed"] * 1024
    # The whole, its halves and quarters, and the row in the middle of each eighth.
    assert [len(ids) for ids in backend.sent] == [1024, 512, 512, 256, 256, 256, 256, *[1] * 8]
    assert [ids[0] // 128 for ids in backend.sent[7:]] == list(range(8))
    assert outcome.hopeless
    assert run(backend, 4).hopeless
    ordered = run(backend, 1024, ordered=True)
    assert (set(states(ordered, 1024)), ordered.hopeless) == ({"failed"}, True)


def test_bad_rows_all_over_a_batch_end_alone_though_they_are_refused_in_the_same_words() -> None:
    """One in a hundred is in every quarter: they all look like a reason that is in none of the rows."""
    bad = set(range(7, 10_000, 100))
    backend = Scripted(lambda ids, n: REFUSED if bad & set(ids) else None)
    outcome = run(backend, 10_000)
    assert [row for row, state in enumerate(states(outcome, 10_000)) if state != "written"] == sorted(bad)
    assert not outcome.hopeless
    assert outcome.requests <= len(bad) * (2 * math.log2(10_000) + 4)


@pytest.mark.parametrize("rows", range(2, 9))
def test_the_only_good_row_of_a_small_batch_is_written(rows: int) -> None:
    """Its quarters are single rows or pairs: those that were refused alone do not speak for the pairs."""
    for good in range(rows):
        backend = Scripted(lambda ids, n, good=good: None if ids == [good] else REFUSED)
        outcome = run(backend, rows)
        assert (backend.stored, outcome.hopeless) == ([good], False)
        assert outcome.requests <= 15


def test_a_batch_of_which_a_single_row_is_small_enough_is_tried_to_the_end() -> None:
    outcome = run(Scripted(lambda ids, n: Fault("too_large", "no", "too large") if len(ids) > 2 else None), 256)
    assert states(outcome, 256) == ["written"] * 256


@pytest.mark.parametrize(("attempts", "requests"), [(1, 7), (3, 7), (4, 8), (6, 32)])
def test_a_batch_that_is_turned_away_however_small_is_given_up(attempts: int, requests: int) -> None:
    """A proxy with a limit of its own counts requests: two for each row would be the last thing that helps."""
    backend = Scripted(lambda ids, n: Fault("throttled", "no", "too many requests"))
    outcome = run(backend, 1024, RetryPolicy(attempts=attempts, base=0.001))
    assert set(ends(outcome, 1024)) == {("failed", "throttled", "too many requests")}
    assert outcome.requests == len(backend.sent) == requests
    assert outcome.hopeless
    lost = Scripted(lambda ids, n: Fault("lost", "unknown", "reset") if n == 1 else Fault("throttled", "no", "busy"))
    assert states(run(lost, 1024), 1024) == ["unknown"] * 1024
    ordered = run(Scripted(lambda ids, n: Fault("throttled", "no", "too many requests")), 1024, ordered=True)
    assert (set(states(ordered, 1024)), ordered.hopeless) == ({"failed"}, True)
    assert ordered.requests <= 2 * SINGLE_REFUSALS + 10 + FAST.attempts


def test_a_batch_of_which_something_was_let_pass_is_tried_to_the_end() -> None:
    backend = Scripted(lambda ids, n: None if 900 in ids and len(ids) < 300 else Fault("throttled", "no", "too many"))
    outcome = run(backend, 1024)
    assert not outcome.hopeless
    assert {row for row, state in enumerate(states(outcome, 1024)) if state == "written"} >= {900}


def test_an_ordered_batch_is_given_up_after_so_many_single_rows() -> None:
    backend = Scripted(lambda ids, n: REFUSED)
    outcome = run(backend, 1024, ordered=True)
    assert states(outcome, 1024) == ["failed"] * 1024
    assert {message for _, _, message in ends(outcome, 1024)} == {REFUSED.message}
    assert [ids for ids in backend.sent if len(ids) == 1] == [[row] for row in range(SINGLE_REFUSALS)]
    assert outcome.requests == int(math.log2(1024 / SINGLE_REFUSALS)) + 2 * SINGLE_REFUSALS - 1
    assert outcome.hopeless


def test_an_ordered_batch_of_which_something_was_taken_is_tried_to_the_end() -> None:
    outcome = run(Scripted(lambda ids, n: REFUSED if set(ids) - {2} else None), 64, ordered=True)
    assert states(outcome, 64) == ["failed"] * 2 + ["written"] + ["failed"] * 61
    assert not outcome.hopeless
    differing = run(Scripted(lambda ids, n: Fault("refused", "no", f"row {ids[0]}")), 64, ordered=True)
    assert not differing.hopeless
    assert differing.requests == 127


def test_what_was_refused_and_may_be_stored_in_part_says_so() -> None:
    outcome = run(Scripted(lambda ids, n: Fault("refused", "some", "bad")), 16)
    assert outcome.hopeless
    assert all("may be stored" in message for _, _, message in ends(outcome, 16))


@pytest.mark.parametrize("rows", [1, 4])
@pytest.mark.parametrize("between", [[], [Fault("throttled", "no", "no wait named")]])
def test_a_refusal_holds_for_a_request_before_it_that_was_not_answered(rows: int, between: list[Fault]) -> None:
    before = [Fault("lost", "unknown", "reset"), *between]

    def answer(ids: list[int], n: int) -> Fault | None:
        return before[n - 1] if n <= len(before) else REFUSED if 0 in ids else None

    first, *others = ends(run(Scripted(answer), rows), rows)
    assert first == ("failed", REFUSED.kind, REFUSED.message)
    assert [state for state, _, _ in others] == ["written"] * (rows - 1)


def test_an_ordered_batch_is_sent_depth_first() -> None:
    backend = Scripted(lambda ids, n: Fault("too_large", "no", "too large") if len(ids) > 1 else None)
    assert states(run(backend, 4, ordered=True), 4) == ["written"] * 4
    assert backend.sent == [[0, 1, 2, 3], [0, 1], [0], [1], [2, 3], [2], [3]]
    level = Scripted(lambda ids, n: Fault("too_large", "no", "too large") if len(ids) > 1 else None)
    run(level, 4)
    assert level.sent == [[0, 1, 2, 3], [0, 1], [2, 3], [0], [1], [2], [3]]


def test_halves_of_what_may_be_stored_stay_in_doubt_without_an_answer() -> None:
    def answer(ids: list[int], n: int) -> Fault:
        return Fault("refused", "some", "bad") if n == 1 else Fault("lost", "no", "refused connection")

    assert states(run(Scripted(answer), 4), 4) == ["unknown"] * 4


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


def test_what_a_limiter_stops_half_way_again_and_again_is_halved() -> None:
    """No wait would ever do: the operations before the one that is stopped use up what it has brought."""
    half_way = Fault("throttled", "some", "wait", retry_after=0.001)
    backend = Scripted(lambda ids, n: half_way if len(ids) > 2 else None)
    outcome = run(backend, 8)
    assert states(outcome, 8) == ["written"] * 8
    # The whole and each half twice, then quarters.
    assert list(map(len, backend.sent)) == [8, 8, 4, 4, 4, 4, 2, 2, 2, 2]
    patient = Scripted(lambda ids, n: half_way if n == 1 else None)
    assert states(run(patient, 8), 8) == ["written"] * 8
    assert list(map(len, patient.sent)) == [8, 8]
    once = Scripted(lambda ids, n: half_way)
    assert states(run(once, 8, RetryPolicy(attempts=1)), 8) == ["unknown"] * 8
    assert len(once.sent) == 1


def test_rows_that_no_request_is_small_enough_for_fail_by_name() -> None:
    backend = Scripted(lambda ids, n: Fault("throttled", "no", "split your request"))
    found = ends(run(backend, 4), 4)
    assert set(found) == {("failed", "throttled", "split your request")}
    # No more repetitions of a row than the policy allows, the requests that carried it with others counted in.
    assert max(sum(row in ids for ids in backend.sent) for row in range(4)) == FAST.attempts
    alone = run(Scripted(lambda ids, n: Fault("throttled", "no", "no wait named")), 1)
    assert (states(alone, 1), alone.requests) == (["failed"], FAST.attempts)


@pytest.mark.parametrize(("applied", "state"), [("no", "failed"), ("unknown", "unknown")])
def test_a_wait_longer_than_the_policys_is_given_up(applied: str, state: str) -> None:
    backend = Scripted(
        lambda ids, n: Fault("lost", applied, "reset") if n == 1 else Fault("throttled", "no", "later", retry_after=30)
    )
    [(found, error, message)] = set(ends(run(backend, 4, RetryPolicy(base=0, max_retry_after=20)), 4))
    assert (found, error) == (state, "throttled")
    assert "later (a wait of 30 s, over RetryPolicy(max_retry_after=20))" in message
    assert len(backend.sent) == 2


def test_a_429_holds_the_other_calls_to_the_target() -> None:
    brake = Brake()
    first, other = Gate(brake), Gate(brake)
    run(Scripted(lambda ids, n: Fault("throttled", "no", "wait", retry_after=0.05) if n == 1 else None), 2, gate=first)
    first.leave(first.turn(), again=0.1)
    first.stop()
    outcome = run(Scripted(lambda ids, n: None), 2, gate=other)
    assert states(outcome, 2) == ["written"] * 2
    assert outcome.throttled > 0


def test_a_fatal_fault_ends_everything_at_once() -> None:
    backend = Scripted(lambda ids, n: Fault("fatal", "no", "no such key", cause="auth"))
    outcome = run(backend, 8)
    assert outcome.fatal is not None
    assert states(outcome, 8) == ["failed"] * 8
    assert len(backend.sent) == 1


@pytest.mark.parametrize("ordered", [False, True])
def test_rows_that_cannot_be_encoded_were_not_sent(ordered: bool) -> None:
    class Broken(Scripted):
        def prepare(self, batch: Batch, options: WriteOptions) -> Prepared:
            prepared = super().prepare(batch, options)
            if prepared.content == [2, 3]:
                raise ValueError("no word for that")
            return prepared

    whole = Broken(lambda ids, n: None)
    outcome = deliver(whole, batch_of(("upsert", [2, 3])), WriteOptions(), FAST, Gate())
    assert whole.sent == []
    assert ends(outcome, 2) == [("failed", "fatal", "ValueError: no word for that")] * 2
    assert [span.attempts for span in outcome.spans] == [0]
    # Of a part of a batch: what was written before stays written, what was refused is not stored.
    part = Broken(lambda ids, n: Fault("too_large", "no", "too large") if len(ids) > 2 else None)
    outcome = run(part, 4, ordered=ordered)
    assert states(outcome, 4) == ["written", "written", "failed", "failed"]
    assert outcome.fatal is not None


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


class Limiter:
    """Takes one request in so many seconds, and tells all others to come again."""

    def __init__(self, seconds: float) -> None:
        self._seconds, self._last, self._lock = seconds, -math.inf, threading.Lock()

    def __call__(self, ids: list[int], n: int) -> Fault | None:
        with self._lock:
            now = time.monotonic()
            if now - self._last < self._seconds:
                return Fault("throttled", "no", "later", retry_after=self._seconds)
            self._last = now
            return None


def test_workers_do_not_use_up_each_others_attempts() -> None:
    """Whoever was turned away comes before those that begin."""
    brake, backend, rows = Brake(), Scripted(Limiter(0.02)), 3
    outcomes: list[Outcome] = []

    def worker() -> None:
        outcomes.extend(run(backend, rows, RetryPolicy(attempts=4), Gate(brake)) for _ in range(4))

    threads = [threading.Thread(target=worker) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(outcomes) == 32
    assert {state for outcome in outcomes for state in states(outcome, rows)} == {"written"}


@pytest.mark.parametrize("deadline", [5.0, math.inf])
def test_a_wait_that_is_given_up_holds_back_the_others_all_the_same(deadline: float) -> None:
    brake = Brake()
    asked = Fault("throttled", "no", "later", retry_after=30.0)
    outcome = run(
        Scripted(lambda ids, n: asked),
        2,
        RetryPolicy(attempts=6 if deadline < math.inf else 1),
        Gate(brake),
        deadline=time.monotonic() + deadline,
    )
    assert states(outcome, 2) == ["failed"] * 2
    over = "later (a wait of 30 s, over what is left until the deadline)"
    assert outcome.spans[0].message == (over if deadline < math.inf else "later")
    assert brake.until > time.monotonic() + 20
    too_long = run(Scripted(lambda ids, n: asked), 2, RetryPolicy(max_retry_after=1), other := Gate())
    assert states(too_long, 2) == ["failed"] * 2
    assert other.enter(other.turn(), time.monotonic() + 1)


@pytest.mark.parametrize("named", [None, 0.0])  # "now" is no wait: the drawn one holds
def test_a_loss_for_which_no_time_is_left_says_so(named: float | None) -> None:
    lost = Fault("lost", "no", "refused connection", retry_after=named)
    soon = run(Scripted(lambda ids, n: lost), 2, RetryPolicy(base=60.0, cap=60.0), deadline=time.monotonic() + 5)
    assert soon.spans[0].message == "refused connection (no time for another try before the deadline)"
    assert run(Scripted(lambda ids, n: lost), 2).spans[0].message == "refused connection"


def test_a_call_that_is_stopped_says_nothing_of_a_deadline() -> None:
    gate = Gate()

    def stopped(ids: list[int], n: int) -> Fault:
        gate.stop()
        return Fault("throttled", "no", "later", retry_after=1.0)

    assert run(Scripted(stopped), 2, gate=gate).spans[0].message == "later"


class Timed(Scripted):
    """Remembers the seconds that each request was given, and what was made."""

    def __init__(self, answer: Callable[[list[int], int], Ack | Fault | None]) -> None:
        super().__init__(answer)
        self.seconds: list[float] = []
        self.made = 0

    def prepare(self, batch: Batch, options: WriteOptions) -> Prepared:
        self.made += 1
        return super().prepare(batch, options)

    def write(self, prepared: Prepared, timeout: float) -> Ack | Fault:
        self.seconds.append(timeout)
        return super().write(prepared, timeout)


def test_a_request_is_given_no_more_than_its_timeout_and_what_is_left() -> None:
    lost = Timed(lambda ids, n: Fault("lost", "unknown", "reset") if n < 3 else None)
    batch = batch_of(("upsert", range(4)))
    deliver(lost, batch, WriteOptions(timeout=7.0), FAST, Gate())
    assert lost.seconds == [7.0] * 3
    hurried = Timed(lambda ids, n: Fault("lost", "unknown", "reset") if n < 3 else None)
    deliver(hurried, batch, WriteOptions(timeout=70.0), FAST, Gate(), deadline=time.monotonic() + 60)
    assert sorted(hurried.seconds, reverse=True) == hurried.seconds
    assert 0 < hurried.seconds[-1] < hurried.seconds[0] <= 60


def test_a_batch_is_encoded_once_however_often_it_is_sent() -> None:
    backend = Timed(lambda ids, n: Fault("lost", "unknown", "reset") if n < 4 else None)
    outcome = deliver(backend, batch_of(("upsert", range(4))), WriteOptions(), FAST, Gate())
    assert (outcome.requests, backend.made) == (4, 1)
