"""The retry policy as a pure decision."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import qframe as qf
from qframe.model.outcome import Fault

LOST = Fault("lost", "unknown", "reset")


@pytest.mark.parametrize("kind", ["refused", "too_large", "missing", "fatal"])
def test_what_cannot_heal_is_not_repeated(kind: str) -> None:
    assert qf.RetryPolicy().delay(Fault(kind, "no", "x"), 1, math.inf, 0.5) is None


@given(attempt=st.integers(1, 40), draw=st.floats(0, 1, exclude_max=True))
def test_waits_are_jittered_and_capped(attempt: int, draw: float) -> None:
    policy = qf.RetryPolicy(attempts=50, base=0.5, cap=8.0)
    wait = policy.delay(LOST, attempt, math.inf, draw)
    assert wait is not None
    longest = min(8.0, 0.5 * 2 ** (attempt - 1))
    assert longest / 2 <= wait <= longest
    turned_away = policy.delay(Fault("throttled", "no", "too many"), attempt, math.inf, draw)
    assert turned_away == draw * longest


def total(policy: qf.RetryPolicy, fault: Fault, draw: float) -> float:
    """Seconds from the first request to the last one."""
    waits = [policy.delay(fault, attempt, math.inf, draw) for attempt in range(1, policy.attempts + 1)]
    assert waits.pop() is None
    return sum(waits)


@pytest.mark.parametrize("fault", [LOST, Fault("lost", "no", "connection refused", cause="unreachable")])
def test_a_server_that_is_away_for_two_seconds_is_outlasted_whatever_is_drawn(fault: Fault) -> None:
    assert total(qf.RetryPolicy(), fault, 0.0) == 3.875
    assert total(qf.RetryPolicy(), fault, math.nextafter(1, 0)) == pytest.approx(7.75)


def test_those_that_are_turned_away_are_spread_over_the_whole_wait() -> None:
    assert total(qf.RetryPolicy(), Fault("throttled", "no", "too many"), 0.0) == 0.0


def test_attempts_and_time_are_bounds() -> None:
    policy = qf.RetryPolicy(attempts=3)
    assert policy.delay(LOST, 2, math.inf, 0.5) is not None
    assert policy.delay(LOST, 3, math.inf, 0.5) is None
    assert policy.delay(LOST, 1, 0.0001, 0.9) is None


def test_the_servers_wish_is_honoured_or_given_up() -> None:
    asked = Fault("throttled", "no", "slow down", retry_after=30.0)
    wait = qf.RetryPolicy().delay(asked, 1, math.inf, 0.5)
    assert wait is not None
    assert 30.0 <= wait <= 32.0
    assert qf.RetryPolicy().delay(asked, 1, 20.0, 0.5) is None
    assert qf.RetryPolicy(max_retry_after=10).delay(asked, 1, math.inf, 0.5) is None


def test_a_longer_wait_that_helps_is_taken_where_there_is_time_for_it() -> None:
    asked = Fault("throttled", "some", "slow down", retry_after=1.0)
    policy = qf.RetryPolicy(max_retry_after=10)

    def wait(enough: float, left: float = math.inf) -> float:
        found = policy.delay(asked, 1, left, 0.5, enough)
        assert found is not None
        return found

    assert 4.0 <= wait(4.0) <= 5.0
    # Never less than asked for, nor more than the policy allows; what the deadline has no time for is not insisted on.
    assert wait(0.5) == wait(0.0) == wait(4.0, left=4.0)
    assert 10.0 <= wait(40.0) <= 12.0


@given(
    draws=st.tuples(st.floats(0, 1, exclude_max=True), st.floats(0, 1, exclude_max=True)), named=st.floats(0.01, 100)
)
def test_whoever_was_turned_away_more_often_comes_first(draws: tuple[float, float], named: float) -> None:
    asked = Fault("throttled", "no", "slow down", retry_after=named)
    waits = [
        qf.RetryPolicy().delay(asked, attempt, math.inf, draw) for attempt, draw in zip((1, 2), draws, strict=True)
    ]
    assert named <= waits[1] <= waits[0] <= 1.25 * named


@pytest.mark.parametrize("kind", ["lost", "throttled"])
def test_a_wish_for_now_is_no_wait(kind: str) -> None:
    now = Fault(kind, "no", "come back", retry_after=0.0)
    assert total(qf.RetryPolicy(), now, 0.5) == total(qf.RetryPolicy(), Fault(kind, "no", "come back"), 0.5) > 1


@pytest.mark.parametrize(
    "options",
    [
        {"attempts": 0},
        {"attempts": "3"},
        {"attempts": True},
        {"attempts": 2.0},
        {"attempts": None},
        {"base": -1},
        {"base": "1"},
        {"base": math.inf},
        {"cap": math.nan},
        {"cap": False},
        {"max_retry_after": -0.1},
        {"max_retry_after": None},
    ],
    ids=str,
)
def test_senseless_policies_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(qf.OptionError, match=next(iter(options))):
        qf.RetryPolicy(**options)


def test_numbers_of_numpy_are_numbers() -> None:
    policy = qf.RetryPolicy(attempts=np.int64(3), base=np.float32(0.5), cap=4)
    assert policy.delay(LOST, 1, math.inf, 0.0) == 0.25
