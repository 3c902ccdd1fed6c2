"""The ledger: whatever is handed out and not heard of is unknown, and the six states always add up."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from qframe.delivery.ledger import KEPT_FAILURES, Ledger
from qframe.model.bad import Bad
from qframe.model.batch import Batch
from qframe.model.ids import Ids
from qframe.model.operations import Upsert
from qframe.model.outcome import STATES, Outcome, Span
from qframe.model.points import Points


def batch(number: int, rows: range) -> Batch:
    ids = Ids(np.arange(rows.start, rows.stop, dtype=np.uint64) + 100)
    return Batch("c", (Upsert(Points(ids, {}, None, rows)),), number)


@given(st.lists(st.sampled_from([*STATES, "silent", "kept"]), max_size=12))
def test_every_row_has_exactly_one_state(endings: list[str]) -> None:
    ledger = Ledger()
    expected: dict[str, int] = dict.fromkeys(STATES, 0)
    for number, ending in enumerate(endings):
        ledger.add_rows(3)
        if ending == "kept":
            expected["unsent"] += 3
            continue
        ledger.hand_out(batch(number, range(3 * number, 3 * number + 3)))
        if ending == "silent":
            expected["unknown"] += 3
            continue
        outcome = Outcome(number, (Span(range(3), ending, message="why"),))
        ledger.record(outcome)
        ledger.record(outcome)
        expected[ending] += 3
    ledger.settle()
    assert {state: ledger.count(state) for state in STATES} == expected
    assert ledger.length == 3 * len(endings)
    named = [failure.row for failure in ledger.failures]
    assert named == sorted(named)
    assert len(named) == expected["failed"] + expected["unknown"]


def test_failures_name_row_and_id() -> None:
    ledger = Ledger()
    ledger.add_rows(10)
    ledger.hand_out(batch(0, range(4, 8)))
    ledger.record(
        Outcome(
            0,
            (Span(range(2), "written"), Span(range(2, 3), "failed", "refused", "no", 5), Span(range(3, 4), "written")),
        )
    )
    (failure,) = ledger.failures
    assert (failure.row, failure.point_id, failure.error, failure.attempts) == (6, 106, "refused", 5)


def test_ids_that_are_not_there_are_named_or_skipped() -> None:
    ledger = Ledger()
    ledger.add_rows(6)
    ledger.hand_out(batch(0, range(3)))
    ledger.hand_out(batch(1, range(3, 6)))
    gone = np.array([0, 2])
    written = Span(range(1, 2), "written")
    ledger.record(Outcome(0, (Span(gone, "failed", "missing", "no such point", 2), written)))
    ledger.record(Outcome(1, (Span(gone, "skipped", "missing", "no such point", 2), written)))
    ledger.settle()
    assert [STATES[code] for code in ledger.states[:6]] == [
        *("failed", "written", "failed"),
        *("skipped", "written", "skipped"),
    ]
    assert [(failure.row, failure.point_id, failure.error) for failure in ledger.failures] == [
        (0, 100, "missing"),
        (2, 102, "missing"),
    ]


def test_only_so_many_rows_are_named_and_all_are_counted() -> None:
    ledger = Ledger()
    rows = KEPT_FAILURES + 5
    ledger.add_rows(rows)
    bad = Bad("x", np.arange(rows), (1,), "no", "Mend it.")
    ledger.refuse(bad, 0, [None] * rows)
    assert len(ledger.failures) == KEPT_FAILURES
    assert ledger.failures_truncated
    assert ledger.count("failed") == rows
