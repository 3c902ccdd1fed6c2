"""Random writes under random faults: what is stored is what each report says of its rows, and nothing else.

See `tests.modelled`; QFRAME_TEST_CALLS asks for so many times as many calls as the suite makes.
"""

from __future__ import annotations

import pytest
from hypothesis.stateful import run_state_machine_as_test

import qframe as qf
from tests.loopback.process import Server
from tests.modelled.effort import effort
from tests.modelled.faulty import FaultyWrites

pytestmark = pytest.mark.loopback


@pytest.mark.timeout(600)
def test_reports_are_true_under_random_faults(wire: qf.Connection, faulty: Server) -> None:
    kind = type("FaultyWritesThere", (FaultyWrites,), {"connect": staticmethod(lambda: wire), "server": faulty})
    run_state_machine_as_test(kind, settings=effort(examples=12, steps=10))
