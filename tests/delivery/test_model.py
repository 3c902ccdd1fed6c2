"""Any script of faults over any rows: what the outcome says agrees with what was stored."""

from __future__ import annotations

import math

from hypothesis import given, settings
from hypothesis import strategies as st

from qframe.delivery.deliver import deliver
from qframe.delivery.gate import Gate
from qframe.delivery.policy import RetryPolicy
from qframe.model.batch import Batch, WriteOptions
from qframe.model.outcome import Fault
from tests.delivery.store import Store, Trouble, batch_of, ends

LOST = st.builds(Trouble, st.just(Fault("lost", "unknown", "reset")), st.integers(0, 12))
REFUSED = st.builds(Trouble, st.just(Fault("lost", "no", "refused connection", cause="unreachable")))
NO_WAIT = st.builds(Trouble, st.just(Fault("throttled", "no", "no wait named")))
WAIT = st.builds(Trouble, st.just(Fault("throttled", "no", "wait", retry_after=0.0)))
TOO_LONG = st.builds(Trouble, st.just(Fault("throttled", "no", "too long a wait", retry_after=999.0)))
IN_PART = st.builds(Trouble, st.just(Fault("refused", "some", "some words")), st.integers(0, 3))
TOO_LARGE = st.builds(Trouble, st.just(Fault("too_large", "no", "larger than the rate limiter's capacity")))
FATAL = st.builds(Trouble, st.just(Fault("fatal", "no", "key withdrawn")))
FINE = st.just(Trouble())
# What heals comes more often than what ends everything, so that scripts get far.
WRITES = st.lists(
    st.one_of(FINE, FINE, LOST, LOST, LOST, REFUSED, REFUSED, WAIT, NO_WAIT, IN_PART, TOO_LARGE, TOO_LONG, FATAL),
    max_size=12,
)
QUESTIONS = st.lists(
    st.sampled_from(
        [
            Trouble(),
            Trouble(Fault("lost", "unknown", "reset")),
            Trouble(Fault("throttled", "no", "wait", retry_after=0.0)),
            Trouble(Fault("too_large", "no", "split")),
        ]
    ),
    max_size=3,
)
KINDS = st.sampled_from(["upsert", "insert_only", "touch", "touch/uuid", "upsert/uuid", "delete"])


@st.composite
def batches(draw: st.DrawFn, *, ordered: bool) -> Batch:
    """What `cut` would make: no id twice unless ordered, and never a delete of an id that was needed before."""
    seen: set[tuple[bool, int]] = set()
    needed: set[tuple[bool, int]] = set()
    parts = []
    for kind, points in draw(st.lists(st.tuples(KINDS, st.lists(st.integers(0, 9), max_size=8)), max_size=5)):
        kept = []
        for point in points:
            key = (kind.endswith("/uuid"), point)
            if (kind == "delete" and key in needed) or (not ordered and key in seen):
                continue
            seen.add(key)
            if kind.startswith("touch"):
                needed.add(key)
            kept.append(point)
        if kept:
            parts.append((kind, kept))
    return batch_of(*parts or [("upsert", [1])], ordered=ordered)


@settings(max_examples=500)
@given(
    data=st.data(),
    ordered=st.booleans(),
    missing=st.sampled_from(["report", "skip"]),
    attempts=st.sampled_from([1, 2, 4]),
)
def test_what_is_said_of_a_row_is_true(data: st.DataObject, ordered: bool, missing: str, attempts: int) -> None:
    batch = data.draw(batches(ordered=ordered))
    store = Store(
        there=data.draw(st.sets(st.integers(0, 9))),
        bad=data.draw(st.sets(st.integers(0, 9), max_size=2)),
        writes=data.draw(WRITES),
        questions=data.draw(QUESTIONS),
        most=data.draw(st.none() | st.integers(1, 20)),
    )
    policy = RetryPolicy(attempts=attempts, base=0)
    outcome = deliver(store, batch, WriteOptions(missing=missing), policy, Gate(), draw=lambda: 0.0)
    applied = {row for row, _ in store.log}
    sent = {row for rows in store.sent for row in rows}
    found = ends(outcome, len(batch))
    for row, (state, error, message) in enumerate(found):
        if state == "written":
            assert row in applied
        elif state == "skipped" or (state == "failed" and "may be stored" not in message):
            assert row not in applied
        elif state == "unsent":
            assert row not in sent
        assert (error == "") == (state in ("written", "unsent"))
    assert outcome.requests == len(store.sent) + len(store.asked)
    last = {point: row for row, point in store.log}
    points = [point for operation in batch.operations for point in operation.ids.tolist()]
    for row, point in enumerate(points):
        # Of rows with one id the last one that is written has the last word, in however many pieces they went.
        if found[row][0] == "written":
            assert last[point] >= row


@settings(max_examples=300)
@given(data=st.data())
def test_nothing_of_a_later_piece_is_sent_before_an_earlier_one_is_done(data: st.DataObject) -> None:
    batch = data.draw(batches(ordered=True))
    store = Store(data.draw(st.sets(st.integers(0, 9))), data.draw(st.sets(st.integers(0, 9))), data.draw(WRITES))
    deliver(store, batch, WriteOptions(), RetryPolicy(attempts=2, base=0), Gate())
    done = -math.inf
    for rows in store.sent:
        assert rows == sorted(rows)
        assert min(rows) >= done
        done = max(done, min(rows))
