"""Ids that the server does not have: one question, the missing fail or are skipped, the rest is sent again."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qframe.delivery.deliver import QUESTIONS, deliver
from qframe.delivery.gate import Gate
from qframe.delivery.missing import absent
from qframe.delivery.policy import RetryPolicy
from qframe.model.batch import Batch, WriteOptions
from qframe.model.ids import Ids
from qframe.model.operations import ClearPayload, Delete, Matching, Upsert
from qframe.model.outcome import Fault, Outcome
from qframe.model.points import ShardKey
from tests.delivery.store import Store, Trouble, batch_of, ends, states

FAST = RetryPolicy(attempts=4, base=0)
KINDS = ("upsert", "insert_only", "update_only", "touch", "delete")
PARTS = st.lists(
    st.tuples(st.sampled_from([*KINDS, "touch", "touch/uuid", "upsert/uuid"]), st.lists(st.integers(0, 6), min_size=1)),
    min_size=1,
    max_size=5,
)


def run(store: Store, batch: Batch, **options: str) -> Outcome:
    return deliver(store, batch, WriteOptions(**options), FAST, Gate(), draw=lambda: 0.5)


@given(PARTS, st.sets(st.integers(0, 6)), st.sets(st.integers(0, 6)))
def test_what_is_missing_is_what_a_walk_over_the_rows_finds(
    parts: list[tuple[str, list[int]]], numbers: set[int], uuids: set[int]
) -> None:
    batch = batch_of(*parts)
    there = set(numbers) | {f"00000000-0000-0000-0000-{point:012x}" for point in uuids}
    asked: list[list[int | str]] = []

    def existing(ids: Ids, shard_key: ShardKey | None) -> np.ndarray:
        assert shard_key is None
        asked.append(ids.tolist())
        return np.array([point in there for point in ids.tolist()])

    expected, row, now = [], 0, set(there)
    for operation in batch.operations:
        for point in operation.ids.tolist():
            if isinstance(operation, Delete):
                now.discard(point)
            elif isinstance(operation, Upsert):
                now |= {point} if operation.mode != "update_only" else set()
            elif point not in now:
                expected.append(row)
            row += 1
    assert absent(batch, existing).tolist() == expected
    # At most one question for each kind, each id once, and none that need not be there.
    assert len(asked) <= 2
    needed = {point for op in batch.operations if isinstance(op, ClearPayload) for point in op.ids.tolist()}
    points = [point for ids in asked for point in ids]
    assert len(set(points)) == len(points)
    assert set(points) <= needed


def test_points_are_there_under_their_shard_key_only() -> None:
    there: dict[ShardKey | None, list[int]] = {"a": [1, 2], "b": [2, 3]}
    asked = []

    def existing(ids: Ids, shard_key: ShardKey | None) -> np.ndarray:
        asked.append((shard_key, ids.tolist()))
        return np.isin(ids.values, there[shard_key])

    def under(shard_key: str, operation: Any) -> Any:
        return replace(operation, target=replace(operation.target, shard_key=shard_key))

    first, other, gone, again = batch_of(
        ("touch", [1, 2, 3]), ("touch", [1, 2, 3]), ("delete", [2]), ("touch", [2])
    ).operations
    batch = Batch("c", (under("a", first), under("b", other), under("a", gone), under("b", again)))
    # Row 2: 3 is not under "a"; row 3: 1 is not under "b". What is deleted under "a" is still there under "b".
    assert absent(batch, existing).tolist() == [2, 3]
    assert asked == [("a", [1, 2, 3]), ("b", [1, 2, 3])]


@pytest.mark.parametrize("missing", ["report", "skip"])
@pytest.mark.parametrize("ordered", [False, True])
def test_rows_of_missing_ids_fail_or_are_skipped_and_the_rest_is_written(missing: str, ordered: bool) -> None:
    store = Store(there=set(range(100)) - {3, 50, 99})
    outcome = run(store, batch_of(("touch", range(100)), ordered=ordered), missing=missing)
    found = ends(outcome, 100)
    ending = "failed" if missing == "report" else "skipped"
    assert [row for row, (state, _, _) in enumerate(found) if state == ending] == [3, 50, 99]
    assert [state for state, _, _ in found].count("written") == 97
    assert {found[row][1] for row in (3, 50, 99)} == {"missing"}
    if missing == "report":
        assert "upsert it, or leave it out with missing='skip'" in found[3][2]
    assert len(store.asked) == 1
    assert outcome.requests == 3


def test_each_kind_of_id_is_one_question() -> None:
    store = Store(there={1})
    outcome = run(store, batch_of(("touch", [1, 2]), ("touch/uuid", [1, 2])))
    assert states(outcome, 4) == ["written", "failed", "failed", "failed"]
    assert [len(ids) for ids in store.asked] == [2, 2]
    assert outcome.requests <= 2 + len(store.asked)


def test_a_row_alone_needs_no_question() -> None:
    store = Store()
    assert states(run(store, batch_of(("touch", [1]))), 1) == ["failed"]
    assert store.asked == []
    assert states(run(Store(), batch_of(("touch", [1])), missing="skip"), 1) == ["skipped"]


def test_when_all_are_missing_nothing_is_sent_again() -> None:
    store = Store()
    assert states(run(store, batch_of(("touch", [1, 2, 3]))), 3) == ["failed"] * 3
    assert (len(store.sent), len(store.asked)) == (1, 1)


def test_an_id_that_the_batch_brings_is_there() -> None:
    store = Store(there={2})
    outcome = run(store, batch_of(("touch", [2, 9]), ("upsert", [1]), ("touch", [1]), ("insert_only", [3])))
    assert states(outcome, 5) == ["written", "failed", "written", "written", "written"]
    assert store.asked == [[2, 9]]


def test_an_id_that_the_batch_takes_away_is_not_there() -> None:
    store = Store(there={1, 2})
    assert states(run(store, batch_of(("delete", [1]), ("touch", [1, 2]))), 3) == ["written", "failed", "written"]


def test_points_that_are_deleted_meanwhile_are_asked_for_again() -> None:
    store = Store(there=set(range(9)), writes=[Trouble(gone=(row,)) for row in range(3)])
    outcome = run(store, batch_of(("touch", range(10))))
    assert states(outcome, 10) == ["failed"] * 3 + ["written"] * 6 + ["failed"]
    assert (len(store.sent), len(store.asked)) == (4, 3)


def test_questions_about_the_same_rows_end() -> None:
    store = Store(there=set(range(40)), writes=[Trouble(gone=(row,)) for row in range(20)])
    outcome = run(store, batch_of(("touch", range(40))))
    # After the last question the rows stand alone, and say for themselves that their ids are missing.
    assert len(store.asked) == QUESTIONS
    assert set(states(outcome, 40)) == {"failed", "written"}
    assert {error for state, error, _ in ends(outcome, 40) if state == "failed"} == {"missing"}


def test_a_fault_that_no_missing_id_explains_is_halved() -> None:
    class Elsewhere(Store):
        """The ids are there, as far as another replica knows."""

        def existing(self, collection: str, ids: Ids, timeout: float, shard_key: Any = None) -> np.ndarray:
            self.asked.append(ids.tolist())
            return np.ones(len(ids), dtype=np.bool_)

    store = Elsewhere(there=set(range(64)) - {17})
    outcome = run(store, batch_of(("touch", range(64))))
    assert states(outcome, 64) == ["failed" if row == 17 else "written" for row in range(64)]
    assert ends(outcome, 64)[17][1] == "missing"
    assert len(store.asked) == 1
    assert outcome.requests <= 2 * 6 + 4


LOST = Fault("lost", "unknown", "reset")


def test_a_question_that_gets_no_answer_is_asked_again() -> None:
    store = Store(there={1}, questions=[Trouble(LOST), Trouble(Fault("throttled", "no", "slow", retry_after=0.001))])
    outcome = run(store, batch_of(("touch", [1, 2])))
    assert states(outcome, 2) == ["written", "failed"]
    assert (outcome.requests, outcome.retries) == (5, 2)


def test_rows_are_unknown_when_the_question_gets_no_answer_at_all() -> None:
    store = Store(there={1}, questions=[Trouble(LOST)] * 9)
    outcome = run(store, batch_of(("touch", [1, 2])))
    [(state, error, message)] = set(ends(outcome, 2))
    assert (state, error) == ("unknown", "lost")
    assert "No point with id 2 found" in message
    assert "could not be asked: reset" in message
    fatal = run(Store(questions=[Trouble(Fault("fatal", "no", "no such key"))]), batch_of(("touch", [1, 2])))
    assert fatal.fatal is not None
    assert states(fatal, 2) == ["unknown"] * 2


def test_a_question_that_is_too_large_is_halved_with_its_rows() -> None:
    class Limited(Store):
        """Takes questions of so many ids."""

        def existing(self, collection: str, ids: Ids, timeout: float, shard_key: Any = None) -> np.ndarray | Fault:
            if len(ids) > 4:
                return Fault("too_large", "no", "split your request")
            return super().existing(collection, ids, timeout, shard_key)

    store = Limited(there=set(range(16)) - {0, 1})
    assert states(run(store, batch_of(("touch", range(16)))), 16) == ["failed"] * 2 + ["written"] * 14
    assert store.asked == [[0, 1, 2, 3]]


def test_a_stop_between_fault_and_question_leaves_rows_in_doubt() -> None:
    gate = Gate()

    class Stopping(Store):
        """The call is stopped while its request is answered."""

        def write(self, *given: object) -> object:
            gate.stop()
            return super().write(*given)

    outcome = deliver(Stopping(there={1}), batch_of(("touch", [1, 2])), WriteOptions(), FAST, gate)
    assert [(state, error) for state, error, _ in ends(outcome, 2)] == [("unknown", "missing")] * 2


def test_what_a_filter_selects_is_never_asked_for() -> None:
    batch = Batch("c", (ClearPayload(Matching({})), *batch_of(("touch", [1, 2])).operations))
    assert absent(batch, lambda ids, _: np.array([False, True])).tolist() == [1]
    assert absent(Batch("c", (ClearPayload(Matching({})),)), lambda ids, _: None).tolist() == []


@pytest.mark.parametrize(
    ("then", "state"),
    [
        (Fault("too_large", "no", "larger than the rate limiter's capacity"), "unknown"),
        (Fault("throttled", "no", "come back never", retry_after=999.0), "unknown"),
        (Fault("refused", "no", "strict mode since a moment ago"), "failed"),
    ],
)
def test_what_was_stored_before_an_id_was_missing_stays_in_doubt(then: Fault, state: str) -> None:
    store = Store(there=[1], writes=[Trouble(), *[Trouble(then)] * 9])
    found = ends(run(store, batch_of(("touch", [1, 2]))), 2)
    assert store.log == [(0, 1)]
    assert found[0][0] == state
    assert state == "unknown" or "may be stored" in found[0][2]
    assert found[1][:2] == ("failed", "missing")
