"""What can go wrong with a target, whatever is asked of it: a typed error in plain words, on every backend."""

from __future__ import annotations

import os
import pickle
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import polars as pl
import pytest
from qdrant_client import QdrantClient

import qframe as qf
from tests.loopback.process import ROOT, Server
from tests.three import Three

KEY, READING, WRONG = "THE-SECRET-KEY", "THE-READING-SECRET", "A-WRONG-SECRET"
FRAME = pl.DataFrame({"id": [1, 2], "x": [1, 2], "v": pl.Series([[1, 2], [3, 4]], dtype=pl.Array(pl.Float32, 2))})

READS: dict[str, Callable[[qf.Collection], Any]] = {
    "scan": lambda places: places.scan().collect(),
    "read": lambda places: places.read(),
    "iter_frames": lambda places: list(places.iter_frames()),
    "count": lambda places: places.count(),
    "retrieve": lambda places: places.retrieve([1]),
    "search": lambda places: places.search([1.0, 2.0]),
    "info": lambda places: places.info(),
}
WRITES: dict[str, Callable[[qf.Collection], Any]] = {
    "create_index": lambda places: places.create_index("x", "integer"),
    "drop_index": lambda places: places.drop_index("x"),
    "upsert": lambda places: places.upsert(FRAME, vector="v", if_missing="raise"),
}
ANYWHERE: dict[str, Callable[[qf.Collection], Any]] = {
    "exists": lambda places: places.exists(),
    "drop": lambda places: places.drop(),
    "create_collection": lambda places: places.create_collection(FRAME, vector="v"),
    "collections": lambda places: qf.collections(connection=places.connection),
}
VERBS = READS | WRITES | ANYWHERE


@pytest.mark.parametrize("verb", [*READS, *WRITES])
def test_a_collection_that_is_missing(three: Three, verb: str) -> None:
    for collection in three.collections.values():
        # Some add which collections there are, which is another answer on each target.
        with pytest.raises(qf.CollectionNotFoundError, match=f"collection '{collection.name}' does not exist"):
            VERBS[verb](collection)


@pytest.fixture(scope="module")
def free_port() -> int:
    """A port at which nothing listens."""
    with socket.socket() as made:
        made.bind(("127.0.0.1", 0))
        return int(made.getsockname()[1])


@pytest.mark.parametrize("transport", ["auto", "rest", "grpc"])
@pytest.mark.parametrize("verb", ["count", "scan", "upsert", "collections"])
def test_nobody_there(free_port: int, transport: Any, verb: str) -> None:
    options: dict[str, Any] = {"timeout": 2}
    with qf.connect(f"http://127.0.0.1:{free_port}", grpc_port=free_port, transport=transport, **options) as target:
        with pytest.raises(qf.UnreachableError, match=f"127.0.0.1:{free_port}") as caught:
            VERBS[verb](qf.collection("places", connection=target))
        assert isinstance(caught.value, ConnectionError)
        assert "Is the server running" in str(caught.value)


class _Other(BaseHTTPRequestHandler):
    """A web server that is not Qdrant."""

    def _answer(self) -> None:
        body = b"<html>welcome</html>"
        self.send_response(200)
        self.send_header("content-type", "text/html")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_PUT = do_DELETE = _answer

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def other_server() -> Iterator[int]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Other) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield int(server.server_address[1])
        server.shutdown()


@pytest.mark.parametrize("transport", ["auto", "rest", "grpc"])
@pytest.mark.parametrize("verb", ["count", "scan", "collections"])
def test_a_server_that_is_not_qdrant(other_server: int, transport: Any, verb: str) -> None:
    url = f"http://127.0.0.1:{other_server}"
    target = qf.connect(url, grpc_port=other_server, transport=transport, timeout=3)
    with target, pytest.raises(qf.UnreachableError, match="are host, port and scheme right"):
        VERBS[verb](qf.collection("places", connection=target))


@pytest.fixture(scope="module")
def locked() -> Iterator[Server]:
    """A server with keys, and a collection there."""
    with Server.start(api_key=KEY, read_only_api_key=READING) as server:
        with to(server, "rest", KEY) as target:
            FRAME.qdrant.upsert("places", vector="v", connection=target)
        yield server


def to(server: Server, transport: Any, key: str | None) -> qf.Connection:
    return qf.connect(server.url, grpc_port=server.grpc_port, transport=transport, api_key=key)


@pytest.mark.loopback
@pytest.mark.parametrize("transport", ["rest", "grpc"])
class TestKeys:
    @pytest.mark.parametrize("key", [None, WRONG])
    @pytest.mark.parametrize("verb", [*VERBS])
    def test_wrong_ones(self, locked: Server, transport: str, key: str | None, verb: str) -> None:
        with to(locked, transport, key) as target:
            with pytest.raises(qf.AuthenticationError, match="API key") as caught:
                VERBS[verb](qf.collection("places", connection=target))
            assert isinstance(caught.value, PermissionError)
            assert "qf.connect(url, api_key=" in str(caught.value)
            assert "SECRET" not in f"{caught.value} {caught.value!r} {target!r}"

    def test_one_that_may_only_read(self, locked: Server, transport: str) -> None:
        with to(locked, transport, READING) as target:
            places = qf.collection("places", connection=target)
            for verb, read in READS.items():
                assert read(places) is not None, verb
            for verb in ("create_index", "drop_index", "drop"):
                with pytest.raises(qf.AuthenticationError, match="Write access"):
                    VERBS[verb](places)
            with pytest.raises(qf.AuthenticationError, match="Write access"):
                FRAME.qdrant.upsert("a_new_collection", vector="v", connection=target)
            with pytest.raises(qf.WriteError, match="Write access") as caught:
                WRITES["upsert"](places)
            assert caught.value.report.written == 0
            assert places.count() == 2

    def test_a_serialised_scan_carries_none(
        self, locked: Server, transport: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        pytest.importorskip("cloudpickle")
        target = qf.connect(
            locked.url,
            grpc_port=locked.grpc_port,
            transport=transport,
            api_key=lambda: KEY,
            headers={"x-tenant": "A-TENANTS-SECRET"},
        )
        query = qf.scan("places", schema=FRAME, connection=target).filter(pl.col("x") == 2).select("id")
        data = query.serialize()
        assert b"SECRET" not in data
        # In this process the Connection to that server lends its own.
        assert pl.LazyFrame.deserialize(data).collect()["id"].to_list() == [2]
        (tmp_path / "query").write_bytes(data)
        code = (
            "import sys, pathlib, polars as pl, qframe as qf\n"
            "if sys.argv[2]: held = qf.connect(sys.argv[2], grpc_port=int(sys.argv[3]), api_key=sys.argv[4])\n"
            "try: print(pl.LazyFrame.deserialize(pathlib.Path(sys.argv[1]).read_bytes()).collect()['id'].to_list())\n"
            "except qf.AuthenticationError as error: print(error)"
        )

        def elsewhere(*there: str) -> str:
            command = [sys.executable, "-c", code, str(tmp_path / "query"), *there]
            return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout

        assert "Must provide an API key" in elsewhere("")
        assert elsewhere(locked.url, str(locked.grpc_port), KEY) == "[2]\n"
        monkeypatch.setenv("QDRANT_API_KEY", KEY)
        monkeypatch.setenv("QDRANT_URL", "http://127.0.0.1:1")
        assert "Must provide an API key" in elsewhere(""), "the environment's key is another server's"
        monkeypatch.setenv("QDRANT_URL", locked.url)
        assert elsewhere("") == "[2]\n"


def test_a_serialised_scan_of_a_folder(tmp_path: Path) -> None:
    pytest.importorskip("cloudpickle")
    FRAME.qdrant.upsert("places", vector="v", connection=tmp_path)
    wide = pl.concat([FRAME] * 10_000)
    data = qf.scan("places", schema=wide, connection=tmp_path).select("id").serialize()
    assert len(data) < 20_000, "the frame whose schema it is does not travel"
    assert pl.LazyFrame.deserialize(data).collect()["id"].to_list() == [1, 2]
    qf.connect(tmp_path).close()


@pytest.mark.parametrize("verb", ["count", "scan", "upsert"])
def test_a_folder_that_is_open_elsewhere(tmp_path: Path, verb: str) -> None:
    code = "import sys, qframe as qf; qf.collections(connection=sys.argv[1]); print(flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        other.stdout.readline()
        with pytest.raises(qf.FolderInUseError, match="process") as caught:
            VERBS[verb](qf.collection("places", connection=tmp_path))
        assert str(tmp_path) in str(caught.value)
        other.communicate()
    assert qf.collections(connection=tmp_path) == []
    qf.connect(tmp_path).close()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning", "ignore:.*fork.*:RuntimeWarning")
@pytest.mark.parametrize("verb", ["count", "read", "upsert"])
def test_a_forked_process(tmp_path: Path, verb: str) -> None:
    """In an interpreter of its own: a fork of this one would carry the threads' locks of every library along."""
    code = (
        "import os, sys, pickle, qframe as qf\n"
        "from tests.test_errors import FRAME, VERBS\n"
        "places = qf.collection('places', connection=sys.argv[1])\n"
        "places.upsert(FRAME, vector='v')\n"
        "if os.fork() == 0:\n"
        "    try: VERBS[sys.argv[2]](places)\n"
        "    except BaseException as error: sys.stdout.buffer.write(pickle.dumps(error)); sys.stdout.flush()\n"
        "    os._exit(0)\n"
        "os.wait()\n"
    )
    command = [sys.executable, "-W", "ignore", "-c", code, str(tmp_path), verb]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, check=True, timeout=60)
    error = pickle.loads(done.stdout)
    assert isinstance(error, qf.ForkedProcessError)
    assert "fork" in str(error)


class TestClients:
    @pytest.mark.loopback
    @pytest.mark.filterwarnings("ignore:Api key is used with an insecure connection:UserWarning")
    @pytest.mark.parametrize("prefer_grpc", [True, False])
    def test_of_a_server(self, locked: Server, prefer_grpc: bool) -> None:
        client = QdrantClient(
            url=locked.url,
            grpc_port=locked.grpc_port,
            api_key=KEY,
            prefer_grpc=prefer_grpc,
            check_compatibility=False,
        )
        assert qf.read("places", connection=client).height == 2
        assert qf.scan("places", connection=client).collect().height == 2
        report = FRAME.qdrant.upsert("places", vector="v", connection=client)
        assert (report.ok, report.target) == (True, locked.url)
        assert client.count("places").count == 2
        qf.connect(client).close()
        client.close()

    @pytest.mark.parametrize("verb", ["scan", "upsert"])
    def test_a_local_one(self, verb: str) -> None:
        client = QdrantClient(":memory:")
        with pytest.raises(qf.TargetError, match="local QdrantClient"):
            VERBS[verb](qf.collection("places", connection=client))
        client.close()
