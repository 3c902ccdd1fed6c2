"""Backends of a process: which wire is used, who shares what, what a fork and a close leave."""

import logging
import os
import pickle
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

import qframe as qf
from qframe.backends.opening import close_all, open_backend
from qframe.connection import Connection, connect
from qframe.errors import (
    FolderInUseError,
    ForkedProcessError,
    ServerError,
    TargetError,
    UnreachableError,
)
from qframe.model.backend import Backend
from qframe.model.requests import Create, ListCollections
from tests.backends.grpc.answering import answering
from tests.backends.rest.http_server import HttpServer, Told, http_server, result

KEY = "TOP-SECRET-KEY"
CONFIG = {"vectors": {"size": 2, "distance": "Dot"}}


def version(text: str) -> bytes:
    """A `HealthCheckReply`."""
    return b"\x0a\x01q\x12" + bytes([len(text)]) + text.encode()


@pytest.fixture
def server() -> Iterator[HttpServer]:
    with http_server() as running:
        running.answers["GET /collections"] = result({"collections": [{"name": "b"}, {"name": "a"}]})
        yield running


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    yield
    close_all()


def opened(connection: Connection) -> Backend:
    return open_backend(connection)


def test_equal_connections_share_a_backend_from_any_thread(server: HttpServer) -> None:
    found: list[Backend] = []
    together = threading.Barrier(8)

    def use() -> None:
        together.wait(10)
        found.append(open_backend(connect(server.url, transport="rest")))

    threads = [threading.Thread(target=use) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(map(id, found))) == 1
    assert len(server.seen) == 1, "the version is asked for once"
    copied = pickle.loads(pickle.dumps(connect(server.url, transport="rest")))
    assert open_backend(copied) is found[0]
    assert open_backend(connect(server.url, transport="rest", timeout=3)) is not found[0]


def test_closing_one_leaves_a_use_of_the_other_working(server: HttpServer) -> None:
    connection = connect(server.url, transport="rest")
    backend = open_backend(connection)
    connect(server.url, transport="rest").close()
    assert backend.admin(ListCollections(), 10) == ["a", "b"]
    assert open_backend(connection) is not backend
    connection.close()
    connection.close()


def test_a_closed_connection_opens_again(server: HttpServer) -> None:
    with connect(server.url, transport="rest") as connection:
        assert qf.collections(connection=connection) == ["a", "b"]
    assert qf.collections(connection=connection) == ["a", "b"]


def test_a_server_that_is_slow_to_answer_holds_up_nobody_else(server: HttpServer, tmp_path: Path) -> None:
    asked, answer = threading.Event(), threading.Event()

    def hold(_: socket.socket) -> None:
        asked.set()
        answer.wait(30)

    other = connect(server.url, transport="rest", timeout=7)
    open_backend(other)
    server.answers["GET /"] = Told(body=b'{"version":"1.19.0"}', before=hold)
    found: list[Backend] = []
    slow = threading.Thread(target=lambda: found.append(open_backend(connect(server.url, transport="rest"))))
    slow.start()
    assert asked.wait(10)

    def meanwhile() -> None:
        other.close()
        with connect(tmp_path / "store") as store:
            qf.collections(connection=store)

    beside = threading.Thread(target=meanwhile)
    beside.start()
    beside.join(10)
    waited = beside.is_alive()
    answer.set()
    beside.join()
    slow.join()
    assert not waited
    assert open_backend(connect(server.url, transport="rest")) is found[0]


# Which wire


def test_grpc_carries_points_where_it_answers(server: HttpServer) -> None:
    with answering(lambda *_: version("1.19.0")) as port:
        backend = opened(connect(server.url, grpc_port=port))
        assert backend.capabilities.transport == "grpc"
        assert backend.capabilities.version == (1, 19, 0)
        assert backend.admin(ListCollections(), 10) == ["a", "b"], "administration goes over REST"
        close_all()


def test_grpc_is_asked_once(server: HttpServer) -> None:
    asked: list[str] = []

    def answer(method: str, *_: object) -> bytes:
        asked.append(method)
        return version("1.19.0")

    with answering(answer) as port:
        connection = connect(server.url, grpc_port=port)
        open_backend(connection)
        before = len(asked)
        open_backend(connection)
        assert len(asked) == before > 0
        close_all()


def test_rest_carries_all_where_grpc_does_not_answer(server: HttpServer, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "qframe"):
        backend = opened(connect(server.url, grpc_port=1))
    assert backend.capabilities.transport == "rest"
    assert [record.message for record in caplog.records] == ["gRPC not used"]
    assert "127.0.0.1:1" in caplog.records[0].__dict__["detail"]


def test_a_server_that_is_silent_on_grpc_is_not_waited_for_long(server: HttpServer) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as silent:
        backend = opened(connect(server.url, grpc_port=silent.getsockname()[1]))
    assert backend.capabilities.transport == "rest"


@pytest.mark.parametrize("other", ["1.18.0", "nonsense"])
def test_another_server_on_the_grpc_port_gets_nothing(
    server: HttpServer, other: str, caplog: pytest.LogCaptureFixture
) -> None:
    with answering(lambda *_: version(other)) as port, caplog.at_level(logging.INFO, "qframe"):
        assert opened(connect(server.url, grpc_port=port)).capabilities.transport == "rest"
    assert [record.message for record in caplog.records] == ["gRPC not used"]


def test_a_mapped_port_is_not_paired_with_the_usual_grpc_port(
    server: HttpServer, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "qframe"):
        assert opened(connect(server.url)).capabilities.transport == "rest"
    assert caplog.records[0].__dict__["detail"] == "the address is unusual and names no grpc_port"


def test_an_old_server_is_spoken_to_over_rest(server: HttpServer) -> None:
    server.answers["GET /"] = Told(body=b'{"title":"qdrant","version":"1.12.0"}')
    with answering(lambda *_: version("1.12.0")) as port:
        assert opened(connect(server.url, grpc_port=port)).capabilities.transport == "rest"


def test_forced_wires(server: HttpServer) -> None:
    with answering(lambda *_: version("1.19.0")) as port:
        assert opened(connect(server.url, grpc_port=port, transport="rest")).capabilities.transport == "rest"
        assert opened(connect(server.url, grpc_port=port, transport="grpc")).capabilities.transport == "grpc"
        close_all()
    with pytest.raises(UnreachableError):
        open_backend(connect("localhost", grpc_port=1, transport="grpc", timeout=1))


# Versions


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b'{"title":"qdrant","version":"1.19.0"}', (1, 19, 0)),
        (b'{"title":"qdrant","version":"1.20.1-dev"}', (1, 20, 1)),
        (b'{"hello":"proxy"}', (0, 0, 0)),
        (b"[1]", (0, 0, 0)),
        (b"<html>", (0, 0, 0)),
        (b"", (0, 0, 0)),
    ],
)
def test_the_servers_version(server: HttpServer, body: bytes, told: tuple[int, int, int]) -> None:
    server.answers["GET /"] = Told(body=body)
    assert opened(connect(server.url, transport="rest")).capabilities.version == told


@pytest.mark.parametrize("status", [401, 404])
def test_a_version_that_is_hidden_stops_nobody(server: HttpServer, status: int) -> None:
    server.answers["GET /"] = Told(status, b"")
    backend = opened(connect(server.url, transport="rest"))
    assert backend.capabilities.version == (0, 0, 0)
    assert backend.admin(ListCollections(), 10) == ["a", "b"]


# Errors


@pytest.mark.parametrize("transport", ["auto", "rest"])
def test_nobody_at_home(transport: str) -> None:
    connection = connect("http://127.0.0.1:1", transport=transport, api_key=KEY)  # type: ignore[arg-type]
    with pytest.raises(UnreachableError, match=r"http://127\.0\.0\.1:1.*running") as caught:
        qf.collections(connection=connection)
    assert KEY not in str(caught.value)


def test_a_failing_server_is_not_kept(server: HttpServer) -> None:
    server.answers["GET /"] = Told(503, b"")
    connection = connect(server.url, transport="rest")
    with pytest.raises(ServerError, match="503"):
        open_backend(connection)
    server.answers["GET /"] = Told(body=b'{"version":"1.19.0"}')
    assert open_backend(connection).capabilities.version == (1, 19, 0)


# Folders and forks


def test_a_folder_is_opened_once_however_many_name_it(tmp_path: Path) -> None:
    one, other = connect(tmp_path), connect(tmp_path, timeout=3)
    assert open_backend(one).admin(Create("places", CONFIG), 10) is True
    assert qf.collections(connection=other) == ["places"]
    one.close()
    assert qf.collections(connection=other) == ["places"]
    other.close()
    assert qf.collections(connection=str(tmp_path)) == ["places"]


def test_a_folder_that_another_process_has_open(tmp_path: Path) -> None:
    code = (
        "import sys, qframe as qf; c = qf.connect(sys.argv[1]); qf.collections(connection=c); "
        "print('open', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "open\n"
        with pytest.raises(FolderInUseError, match=str(tmp_path)):
            qf.collections(connection=tmp_path)
        other.communicate()
    assert qf.collections(connection=tmp_path) == []


def in_a_fork(connection: Connection) -> str:
    """Name of the error class that a forked child gets, or what it sees."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            said = repr(qf.collections(connection=connection))
        except BaseException as error:  # noqa: BLE001 - it is reported to the parent
            said = type(error).__name__
        os.write(writing, said.encode())
        os._exit(0)
    os.close(writing)
    os.waitpid(child, 0)
    with os.fdopen(reading) as lines:
        return lines.read()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_process(server: HttpServer, tmp_path: Path) -> None:
    for connection in (connect(tmp_path), connect(":memory:")):
        qf.collections(connection=connection)
        assert in_a_fork(connection) == ForkedProcessError.__name__
        assert qf.collections(connection=connection) == [], "the parent's is untouched"
    rest = connect(server.url, transport="rest")
    qf.collections(connection=rest)
    assert in_a_fork(rest) == "['a', 'b']"
    assert qf.collections(connection=rest) == ["a", "b"]
    assert len({seen.client for seen in server.seen}) == 2, "the child has sockets of its own"


def test_a_store_in_memory_is_gone_once_closed() -> None:
    with connect(":memory:") as connection:
        assert qf.collections(connection=connection) == []
    with pytest.raises(TargetError, match="its points are gone"):
        open_backend(connection)


def test_what_is_open_is_closed_at_the_end_of_the_process(tmp_path: Path) -> None:
    code = (
        "import sys, tempfile, qframe as qf; tempfile.tempdir = sys.argv[1]; m = qf.connect(':memory:'); "
        "f = qf.connect(sys.argv[1] + '/kept'); print(qf.collections(connection=m), qf.collections(connection=f))"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code, str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert (done.stdout, done.stderr) == ("[] []\n", "")
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]
