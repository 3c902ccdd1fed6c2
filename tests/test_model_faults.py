"""Random writes under random faults: what is stored is what each report says of its rows, and nothing else.

See `tests.modelled`; QFRAME_TEST_CALLS asks for so many times as many calls as the suite makes, QFRAME_TEST_SEED for
others.
"""

from __future__ import annotations

import pytest

import qframe as qf
from tests.loopback.process import Server
from tests.modelled.effort import SECONDS, look
from tests.modelled.faulty import FaultyWrites

pytestmark = pytest.mark.loopback


@pytest.mark.timeout(SECONDS)
def test_reports_are_true_under_random_faults(wire: qf.Connection, faulty: Server) -> None:
    kind = type("FaultyWritesThere", (FaultyWrites,), {"connect": staticmethod(lambda: wire), "server": faulty})
    look(kind, wire.transport, examples=36)
