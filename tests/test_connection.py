"""`connect`: the environment, options, credentials, the value it gives and the default of the process."""

import copy
import dataclasses
import gc
import logging
import pickle
import subprocess
import sys
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

import qframe as qf
from qframe.backends.opening import open_backend
from qframe.connection import Connection, as_connection, connect, set_connection
from qframe.errors import DefaultTargetWarning, InsecureKeyWarning, TargetError
from qframe.model.requests import Create
from qframe.targets import Folder, Server

KEY = "TOP-SECRET-KEY"


@pytest.fixture(autouse=True)
def no_default() -> Iterator[None]:
    set_connection(None)
    yield
    set_connection(None)


# The environment


def test_the_environments_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QDRANT_URL", "https://example.org:7000/x\n")
    monkeypatch.setenv("QDRANT_API_KEY", f"{KEY}\n")
    made = connect()
    assert made.address == Server("https", "example.org", 7000, prefix="/x")
    assert made.metadata() == (("api-key", KEY),)


def test_a_key_that_is_passed_beats_the_environments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QDRANT_URL", "https://example.org")
    monkeypatch.setenv("QDRANT_API_KEY", KEY)
    assert connect(api_key="mine").metadata() == (("api-key", "mine"),)


@pytest.mark.parametrize("target", ["https://example.org", "https://EXAMPLE.org:6333/other", "https://example.org."])
def test_the_environments_key_goes_to_its_own_server(target: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QDRANT_URL", "https://example.org")
    monkeypatch.setenv("QDRANT_API_KEY", KEY)
    assert connect(target).metadata() == (("api-key", KEY),)


@pytest.mark.parametrize(
    "target",
    ["https://other.org", "http://example.org", "https://example.org:7000", "https://sub.example.org", "example.org"],
)
def test_the_environments_key_goes_nowhere_else(target: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QDRANT_URL", "https://example.org")
    monkeypatch.setenv("QDRANT_API_KEY", KEY)
    assert connect(target).metadata() == ()


def test_the_environments_key_stays_at_home_when_its_url_makes_no_sense(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QDRANT_URL", "htp://example.org")
    monkeypatch.setenv("QDRANT_API_KEY", KEY)
    assert connect("https://example.org").metadata() == ()
    with pytest.raises(TargetError, match="Did you mean 'http'"):
        connect()


def test_a_key_without_a_url_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QDRANT_API_KEY", KEY)
    with pytest.raises(TargetError, match="whose key is it"):
        connect()
    with pytest.raises(TargetError, match="name the server"):
        connect(api_key="mine")
    assert connect("./data").metadata() == ()
    assert connect("https://example.org").metadata() == ()


def test_the_environment_may_name_a_folder_but_no_store_in_memory(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("QDRANT_URL", str(tmp_path))
    assert connect().address == Folder(str(tmp_path.resolve()))
    monkeypatch.setenv("QDRANT_API_KEY", KEY)
    with pytest.raises(TargetError, match="api_key= is for a server"):
        connect()
    monkeypatch.delenv("QDRANT_API_KEY")
    monkeypatch.setenv("QDRANT_URL", ":memory:")
    with pytest.raises(TargetError, match="another, empty store"):
        connect()


def test_an_empty_variable_is_none(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("QDRANT_URL", " ")
    monkeypatch.setenv("QDRANT_API_KEY", "")
    monkeypatch.chdir(tmp_path)
    with pytest.warns(DefaultTargetWarning):
        assert isinstance(connect().address, Folder)


# The embedded default


@pytest.mark.parametrize("call", [connect, as_connection, lambda: qf.collection("x")])
def test_without_any_target_the_default_folder_warns_at_the_users_line(
    call: object, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.warns(DefaultTargetWarning) as caught:
        call()  # type: ignore[operator]
    assert str(tmp_path.resolve() / "qdrant_data") in str(caught[0].message)
    assert caught[0].filename == __file__
    assert list(tmp_path.iterdir()) == []


def test_options_of_a_server_need_one() -> None:
    with pytest.raises(TargetError, match="port= is for a server"):
        connect(port=6333)


@pytest.mark.parametrize(
    "options",
    [
        {"api_key": KEY},
        {"transport": "rest"},
        {"transport": "grpc"},
        {"compression": "gzip"},
        {"headers": {"x-a": "b"}},
        {"port": 6333},
        {"grpc_port": 7},
        {"prefix": "/x"},
        {"verify": False},
    ],
    ids=lambda options: next(iter(options)),
)
@pytest.mark.parametrize("target", ["./data", ":memory:"])
def test_options_of_a_server_beside_an_embedded_target(target: str, options: dict[str, object]) -> None:
    with pytest.raises(TargetError) as caught:
        connect(target, **options)  # type: ignore[arg-type]
    assert f"{next(iter(options))}= is for a server" in str(caught.value)
    assert KEY not in str(caught.value)


# Options


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"transport": "GRPC"}, "Did you mean 'grpc'"),
        ({"transport": "embedded"}, "one of 'auto', 'rest', 'grpc'"),
        ({"transport": None}, "one of 'auto', 'rest', 'grpc'"),
        ({"compression": "zip"}, "Did you mean 'gzip'"),
        ({"compression": True}, "one of None, 'gzip'"),
        ({"timeout": 0}, "above 0"),
        ({"timeout": -1}, "above 0"),
        ({"timeout": None}, "above 0"),
        ({"timeout": True}, "above 0"),
        ({"timeout": float("inf")}, "above 0"),
        ({"timeout": float("nan")}, "above 0"),
        ({"verify": "/nowhere/ca.pem"}, "no such file"),
        ({"verify": 1}, "True, False, or the path"),
        ({"headers": {"api-key": "a"}, "api_key": "b"}, "Keep one"),
        ({"headers": {"Accept-Encoding": "gzip"}}, "set by the wire itself"),
        ({"headers": {"grpc-timeout": "1S"}}, "set by the wire itself"),
        ({"headers": {"x-bin": "1"}}, "set by the wire itself"),
        ({"headers": {"a b": "1"}}, "not the name of a header"),
        ({"headers": {"x-a": 1}}, "is of type int, not text"),
        ({"headers": {"x-a": "line\nbreak"}}, "cannot carry"),
        ({"api_key": 7}, "give text, or a callable"),
        ({"api_key": ""}, "api_key is empty"),
        ({"transport": "grpc", "port": 7333}, "goes to localhost:6334, not to port 7333"),
    ],
)
def test_an_option_that_makes_no_sense(options: dict[str, object], words: str) -> None:
    with pytest.raises(TargetError) as caught:
        connect("localhost", **options)  # type: ignore[arg-type]
    assert words in str(caught.value)


def test_options_are_kept(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("")
    made = connect(
        "localhost", transport="rest", compression="gzip", timeout=5, headers={"X-A": "b"}, verify=tmp_path / "ca.pem"
    )
    assert (made.transport, made.compression, made.timeout) == ("rest", "gzip", 5.0)
    assert made.verify == str(tmp_path / "ca.pem")
    assert made.metadata() == (("x-a", "b"),)


# Keys


def everything_shown(connection: Connection) -> str:
    return "\n".join(
        [repr(connection), str(connection), connection.target, str(dataclasses.asdict(connection)), f"{connection!r:}"]
    )


def test_a_key_is_never_shown() -> None:
    made = connect("https://example.org", api_key=KEY, headers={"x-token": f"{KEY}-2"})
    assert KEY not in everything_shown(made)
    assert "api_key=<hidden>" in repr(made)
    assert "x-token" in repr(made)
    assert dict(made.metadata())["api-key"] == KEY


@pytest.mark.parametrize("bad", [f"{KEY}\n", f" {KEY}", f"{KEY}é", f"a\n{KEY}", f"{KEY}\0"])
def test_a_key_that_no_header_can_carry_is_refused_unseen(bad: str) -> None:
    with pytest.raises(TargetError) as caught:
        connect("https://example.org", api_key=bad)
    assert KEY not in str(caught.value)
    made = connect("https://example.org", api_key=lambda: bad)
    with pytest.raises(TargetError) as caught:
        made.metadata()
    assert KEY not in str(caught.value)


def test_a_callable_key_is_called_at_every_use() -> None:
    keys = iter(["one", "two"])
    made = connect("https://example.org", api_key=lambda: next(keys))
    assert [made.metadata()[0][1], made.metadata()[0][1]] == ["one", "two"]


def rotating_key() -> str:
    return KEY


def test_a_callable_key_travels_when_it_can_be_pickled() -> None:
    made = connect("https://example.org", api_key=rotating_key)
    assert pickle.loads(pickle.dumps(made)).metadata() == (("api-key", KEY),)
    assert KEY.encode() not in pickle.dumps(made)


@pytest.mark.parametrize("options", [{"api_key": KEY}, {"api_key": rotating_key}, {"headers": {"Authorization": KEY}}])
def test_a_key_over_plain_http_to_another_machine_warns_at_the_users_line(options: dict[str, object]) -> None:
    with pytest.warns(InsecureKeyWarning, match=r"https://example\.org") as caught:
        as_connection(connect("example.org", **options))  # type: ignore[arg-type]
    assert caught[0].filename == __file__
    assert KEY not in str(caught[0].message)


@pytest.mark.parametrize("target", ["https://example.org", "http://localhost", "127.0.0.1"])
def test_a_key_that_is_safe_does_not_warn(target: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        connect(target, api_key=KEY)


# The value


def test_a_connection_is_a_value() -> None:
    made = connect("https://example.org", api_key=KEY)
    assert made == connect("https://example.org/", api_key=KEY)
    assert made != connect("https://example.org", api_key="another")
    assert len({made, connect("https://example.org", api_key=KEY), pickle.loads(pickle.dumps(made))}) == 1
    assert copy.deepcopy(made) == made
    with pytest.raises(dataclasses.FrozenInstanceError):
        made.timeout = 1.0  # type: ignore[misc]


def test_connecting_asks_nobody() -> None:
    with connect("http://192.0.2.1:9", timeout=0.1) as made:
        assert made.target == "http://192.0.2.1:9"
    made.close()


def test_connecting_imports_no_library() -> None:
    code = (
        "import sys, warnings; warnings.simplefilter('ignore'); import qframe.connection as c; "
        "[c.connect(t).close() for t in ('https://x', './d', ':memory:', None)]; "
        "print([m for m in ('numpy', 'pyarrow', 'httpx', 'grpc', 'orjson', 'qdrant_client', 'qdrant_edge') "
        "if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


# ":memory:"


def test_a_store_in_memory_is_named_once_and_found_by_its_value() -> None:
    first, second = connect(":memory:"), connect(":memory:")
    assert first != second
    assert first.target == ":memory:"
    assert pickle.loads(pickle.dumps(first)) == first
    assert as_connection(first) is first


@pytest.mark.parametrize("call", [as_connection, lambda target: qf.collection("x", connection=target)])
def test_a_store_in_memory_goes_only_through_connect(call: object) -> None:
    with pytest.raises(TargetError, match=r"store = qf\.connect"):
        call(":memory:")  # type: ignore[operator]


def test_a_store_in_memory_lasts_across_calls_and_goes_when_closed() -> None:
    connection = connect(":memory:")
    config = {"vectors": {"size": 2, "distance": "Dot"}}
    assert open_backend(connection).admin(Create("places", config), 10) is True
    assert qf.collections(connection=copy.deepcopy(connection)) == ["places"]
    connection.close()
    with pytest.raises(TargetError, match="its points are gone"):
        qf.collections(connection=connection)


def test_a_store_in_memory_goes_with_its_last_holder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import tempfile

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    connection = connect(":memory:")
    qf.collections(connection=connection)
    assert len(list(tmp_path.iterdir())) == 1
    pickled, copied = pickle.dumps(connection), dataclasses.replace(connection, timeout=1.0)
    del connection
    gc.collect()
    assert qf.collections(connection=copied) == []
    del copied
    gc.collect()
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(TargetError, match="its points are gone"):
        qf.collections(connection=pickle.loads(pickled))


# Defaults and `with`


def test_the_default_of_the_process() -> None:
    made = connect("https://example.org")
    set_connection(made)
    assert as_connection() is made
    assert as_connection("localhost") == connect("localhost")
    set_connection("https://other.org")
    assert as_connection().target == "https://other.org:6333"


def test_the_last_with_of_equal_connections_closes(monkeypatch: pytest.MonkeyPatch) -> None:
    import qframe.backends.opening as opening

    closed: list[Connection] = []
    monkeypatch.setattr(opening, "close_backend", closed.append)
    inside, leave = threading.Event(), threading.Event()

    def other() -> None:
        with connect("https://example.org"):
            inside.set()
            leave.wait(10)

    thread = threading.Thread(target=other)
    thread.start()
    assert inside.wait(10)
    with connect("https://example.org"):
        pass
    assert closed == []
    leave.set()
    thread.join()
    assert closed == [connect("https://example.org")]


def test_nothing_is_logged_with_a_key(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        connect("https://example.org", api_key=KEY).metadata()
    assert KEY not in caplog.text
