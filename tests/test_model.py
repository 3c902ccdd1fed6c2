"""Random writes on random frames against a model in plain Python, on each of the three backends.

After every call its report is held against the model, state by state, and what is stored against both; see
`tests.modelled`. QFRAME_TEST_CALLS asks for so many times as many calls as the suite makes, QFRAME_TEST_SEED for
others.
"""

from __future__ import annotations

import pytest

import qframe as qf
from tests.modelled.effort import SECONDS, look
from tests.modelled.machine import Writes


@pytest.mark.timeout(SECONDS)
def test_random_writes_agree_with_the_model(connection: qf.Connection) -> None:
    kind = type("WritesThere", (Writes,), {"connect": staticmethod(lambda: connection)})
    look(kind, connection.transport, examples=16)
