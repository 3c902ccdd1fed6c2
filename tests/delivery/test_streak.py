"""When the next batch is not worth sending."""

from __future__ import annotations

import pytest

from qframe.delivery.streak import HOPELESS_IN_A_ROW, LOST_IN_A_ROW, Streak
from qframe.model.outcome import Fault, Outcome, Span, State

WRITTEN = Outcome(0, (Span(range(4), "written"),))
UNSENT = Outcome(0, (Span(range(4), "unsent", attempts=0),))


def ended(state: State, error: str, *, hopeless: bool = False) -> Outcome:
    return Outcome(0, (Span(range(4), state, error, "some words"),), hopeless=hopeless)


@pytest.mark.parametrize("outcome", [ended("unknown", "lost"), ended("failed", "lost"), ended("failed", "throttled")])
def test_batches_that_use_up_their_retries_one_after_the_other_end_it(outcome: Outcome) -> None:
    streak = Streak(strict=False)
    said = [streak.verdict(outcome) for _ in range(LOST_IN_A_ROW)]
    assert said == [None] * (LOST_IN_A_ROW - 1) + ["3 batches in a row were not confirmed: some words"]


@pytest.mark.parametrize(("state", "error"), [("failed", "refused"), ("failed", "throttled"), ("unknown", "throttled")])
def test_batches_that_are_refused_whole_one_after_the_other_end_it(state: State, error: str) -> None:
    """Turned away after an answer that was lost, rows are unknown, and none has failed."""
    streak = Streak(strict=False)
    said = [streak.verdict(ended(state, error, hopeless=True)) for _ in range(HOPELESS_IN_A_ROW)]
    assert said == [None, "2 batches in a row were refused whole: some words"]


@pytest.mark.parametrize("outcome", [ended("unknown", "lost"), ended("failed", "refused", hopeless=True)])
def test_one_that_is_taken_begins_anew_and_one_that_was_not_sent_says_nothing(outcome: Outcome) -> None:
    streak = Streak(strict=False)
    most = LOST_IN_A_ROW if not outcome.hopeless else HOPELESS_IN_A_ROW
    for _ in range(3):
        assert [streak.verdict(outcome) for _ in range(most - 1)] == [None] * (most - 1)
        assert streak.verdict(WRITTEN) is None
    assert [streak.verdict(outcome) for _ in range(most - 1)] == [None] * (most - 1)
    assert streak.verdict(UNSENT) is None
    assert streak.verdict(outcome) is not None


def test_rows_refused_among_others_are_not_the_end_unless_one_is_enough() -> None:
    alone = ended("failed", "refused")
    assert [Streak(strict=False).verdict(alone) for _ in range(9)] == [None] * 9
    assert Streak(strict=True).verdict(alone) == "some words"


def test_a_fatal_fault_is_the_end() -> None:
    outcome = Outcome(0, (Span(range(4), "failed", "fatal", "gone"),), fatal=Fault("fatal", "no", "gone"))
    assert Streak(strict=False).verdict(outcome) == "gone"
