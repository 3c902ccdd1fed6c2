"""The retry policy as a pure decision."""

from __future__ import annotations

import math

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
    assert 0 <= wait <= min(8.0, 0.5 * 2 ** (attempt - 1))


def test_attempts_and_time_are_bounds() -> None:
    policy = qf.RetryPolicy(attempts=3)
    assert policy.delay(LOST, 2, math.inf, 0.5) is not None
    assert policy.delay(LOST, 3, math.inf, 0.5) is None
    assert policy.delay(LOST, 1, 0.0001, 0.9) is None


def test_the_servers_wish_is_honoured_or_given_up() -> None:
    asked = Fault("throttled", "no", "slow down", retry_after=30.0)
    wait = qf.RetryPolicy().delay(asked, 1, math.inf, 0.5)
    assert wait is not None
    assert 30.0 <= wait <= 31.0
    assert qf.RetryPolicy().delay(asked, 1, 20.0, 0.5) is None
    assert qf.RetryPolicy(max_retry_after=10).delay(asked, 1, math.inf, 0.5) is None


@pytest.mark.parametrize("options", [{"attempts": 0}, {"base": -1}, {"cap": math.nan}, {"max_retry_after": -0.1}])
def test_senseless_policies_are_refused(options: dict[str, float]) -> None:
    with pytest.raises(qf.OptionError, match=next(iter(options))):
        qf.RetryPolicy(**options)
