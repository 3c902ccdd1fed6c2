"""What a rate limit of writes means for requests."""

from __future__ import annotations

import pytest

from qframe.model.outcome import Fault
from qframe.model.rate import rows_within, whole_wait

STOPPED = Fault("throttled", "some", "Retry after 1s", retry_after=1.0)


@pytest.mark.parametrize(
    ("rows", "limit", "expected"),
    [(10_000, 1_200, 150), (100, 1_200, 100), (10_000, 3, 1), (10_000, None, 10_000), (10_000, 0, 10_000)],
)
def test_rows_of_a_request(rows: int, limit: int | None, expected: int) -> None:
    assert rows_within(rows, limit) == expected


def test_one_that_is_stopped_half_way_needs_all_of_its_points_again() -> None:
    assert whole_wait(STOPPED, lambda: 150, 1_200) == 7.5


@pytest.mark.parametrize(
    ("fault", "limit"),
    [
        (STOPPED, None),
        # One operation is charged as a whole, and the server names the wait for it.
        (Fault("throttled", "no", "Retry after 8s", retry_after=8.0), 1_200),
        (Fault("lost", "some", "some shards failed"), 1_200),
    ],
)
def test_otherwise_nothing_is_known(fault: Fault, limit: int | None) -> None:
    assert whole_wait(fault, lambda: 150, limit) == 0.0
