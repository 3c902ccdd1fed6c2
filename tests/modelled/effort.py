"""How long the model tests look: little in the suite, as long as wanted by QFRAME_TEST_CALLS."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

TIMES = int(os.environ.get("QFRAME_TEST_CALLS", "1"))


def effort(examples: int, steps: int) -> settings:
    """So many runs of so many calls, or `TIMES` as many runs."""
    return settings(
        max_examples=examples * TIMES,
        stateful_step_count=steps,
        deadline=None,
        print_blob=True,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
    )
