"""How long the model tests look: at a few calls in the suite, at so many times as many as QFRAME_TEST_CALLS says.

They are the same each time, so that a run of the suite says something of what was changed; another QFRAME_TEST_SEED
has others.
"""

from __future__ import annotations

import os

from hypothesis import HealthCheck, seed, settings
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test

TIMES = int(os.environ.get("QFRAME_TEST_CALLS", "1"))
SEED = int(os.environ.get("QFRAME_TEST_SEED", "0"))
SECONDS = 600 + 60 * TIMES
"""Until a test is given up; what fails is made smaller in that time too."""


def look(machine: type[RuleBasedStateMachine], target: str, examples: int, steps: int = 10) -> None:
    """So many runs of so many calls, or `TIMES` as many runs; each target has its own."""
    wanted = settings(
        max_examples=examples * TIMES,
        stateful_step_count=steps,
        deadline=None,
        derandomize=False,
        print_blob=True,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
    )
    run_state_machine_as_test(seed(f"{SEED} {target}")(machine), settings=wanted)
