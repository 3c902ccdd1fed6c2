"""Targets of the suite: the embedded engine, and over both wires the loopback server or that of QFRAME_TEST_URL."""

from __future__ import annotations

import os
import signal
import uuid
import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from qframe import Connection
    from tests.loopback.process import Server
    from tests.three import Three

REAL = os.environ.get("QFRAME_TEST_URL")
REAL_GRPC_PORT = int(os.environ.get("QFRAME_TEST_GRPC_PORT", "6334"))
REAL_KEY = os.environ.get("QFRAME_TEST_API_KEY")
TARGETS = ("embedded", "rest", "grpc")

# Servers, shared machines and first imports make single examples slow; that says nothing about the code.
settings.register_profile(
    "qframe", deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)
settings.load_profile("qframe")

# The suite names its targets; what the machine's owner uses must not be touched.
for name in ("QDRANT_URL", "QDRANT_API_KEY"):
    os.environ.pop(name, None)

# A shell gives programs in the background no Ctrl-C, and tests of it press it.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_report_header() -> str:
    return f"target: {REAL or 'the loopback server'}"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if REAL is None:
        return
    reason = pytest.mark.skip(reason="needs the loopback server's own behaviour")
    for item in items:
        if item.get_closest_marker("loopback"):
            item.add_marker(reason)


@pytest.fixture(scope="session")
def loopback() -> Iterator[Server]:
    """The loopback server, one for the session; tests that set faults clear them."""
    from tests.loopback.process import Server

    assert REAL is None, "a test that needs the loopback server is to be marked so"
    with Server.start() as server:
        yield server


@pytest.fixture
def faulty(loopback: Server) -> Iterator[Server]:
    """The loopback server, without any faults before and after."""
    loopback.clear()
    yield loopback
    loopback.clear()


def connection_to(target: str, request: pytest.FixtureRequest) -> Connection:
    """A connection to "embedded", "rest" or "grpc"."""
    import qframe as qf

    if target == "embedded":
        return qf.connect(":memory:")
    if REAL is not None:
        with warnings.catch_warnings():
            # Whoever runs the suite has chosen the server and the way there.
            warnings.simplefilter("ignore", qf.InsecureKeyWarning)
            return qf.connect(REAL, grpc_port=REAL_GRPC_PORT, api_key=REAL_KEY, transport=target)
    server = request.getfixturevalue("loopback")
    return qf.connect(server.url, grpc_port=server.grpc_port, transport=target)


@pytest.fixture(params=TARGETS)
def connection(request: pytest.FixtureRequest) -> Iterator[Connection]:
    """A connection to each of the three backends in turn."""
    with connection_to(request.param, request) as opened:
        yield opened


@pytest.fixture(params=("rest", "grpc"))
def wire(request: pytest.FixtureRequest) -> Iterator[Connection]:
    """A connection to a server over each wire in turn."""
    with connection_to(request.param, request) as opened:
        yield opened


@pytest.fixture
def embedded(request: pytest.FixtureRequest) -> Iterator[Connection]:
    """A connection to an embedded engine of its own."""
    with connection_to("embedded", request) as opened:
        yield opened


@pytest.fixture
def name(request: pytest.FixtureRequest) -> Iterator[str]:
    """A collection's name; the collection is dropped afterwards."""
    import qframe as qf

    made = f"qframe_test_{uuid.uuid4().hex[:16]}"
    yield made
    for fixture in ("connection", "wire", "embedded"):
        if fixture in request.fixturenames:
            qf.collection(made, connection=request.getfixturevalue(fixture)).drop()


@pytest.fixture(scope="session")
def three_connections(request: pytest.FixtureRequest) -> Iterator[dict[str, Connection]]:
    """Connections to all three backends."""
    from contextlib import ExitStack

    with ExitStack() as stack:
        yield {target: stack.enter_context(connection_to(target, request)) for target in TARGETS}


@pytest.fixture
def three(three_connections: dict[str, Connection]) -> Iterator[Three]:
    """A collection of one name and target on each of the three backends; dropped afterwards."""
    from tests.three import Three

    with Three.on(three_connections) as found:
        yield found
