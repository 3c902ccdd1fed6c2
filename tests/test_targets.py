"""What a target's text names: every form of the table, and what is refused with which way out."""

from pathlib import Path

import pytest

import qframe as qf
from qframe.errors import TargetError
from qframe.targets import Folder, Server


@pytest.mark.parametrize(
    ("text", "server"),
    [
        ("http://example.org", Server("http", "example.org", 6333)),
        ("https://example.org", Server("https", "example.org", 6333)),
        ("HTTPS://Example.org:443/", Server("https", "example.org", 443)),
        ("https://example.org:8443/a/b/", Server("https", "example.org", 8443, prefix="/a/b")),
        ("example.org", Server("http", "example.org")),
        ("qdrant_db:7000", Server("http", "qdrant_db", 7000)),
        ("  localhost ", Server("http", "localhost")),
        ("127.0.0.1:80", Server("http", "127.0.0.1", 80)),
        ("[::1]", Server("http", "::1")),
        ("http://[fe80::1]:7000/x", Server("http", "fe80::1", 7000, prefix="/x")),
        ("bücher.example", Server("http", "xn--bcher-kva.example")),
    ],
)
def test_a_server(text: str, server: Server) -> None:
    assert qf.connect(text).address == server


def test_a_servers_addresses() -> None:
    server = qf.connect("https://[::1]:7000/x", grpc_port=7001).address
    assert isinstance(server, Server)
    assert server.url == "https://[::1]:7000/x"
    assert server.grpc_address == "[::1]:7001"


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST.", "x.localhost", "127.0.0.1", "127.9.9.9", "[::1]"])
def test_local_hosts(host: str) -> None:
    address = qf.connect(host).address
    assert isinstance(address, Server)
    assert address.local


@pytest.mark.parametrize("host", ["example.org", "10.0.0.1", "localhost.example.org", "[fe80::1]", "qdrant"])
def test_hosts_that_are_not_local(host: str) -> None:
    address = qf.connect(host).address
    assert isinstance(address, Server)
    assert not address.local


def test_options_complete_an_address() -> None:
    made = qf.connect("example.org", port=7000, grpc_port=7001, prefix="qdrant/").address
    assert made == Server("http", "example.org", 7000, 7001, "/qdrant")
    assert qf.connect("example.org:7000", port=7000).address == Server("http", "example.org", 7000)


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("./data", "{cwd}/data"),
        (".", "{cwd}"),
        ("../data", "{parent}/data"),
        (".data", "{cwd}/.data"),
        ("~/data", "{home}/data"),
        ("/srv/data", "/srv/data"),
        ("file:///srv/some%20data", "/srv/some data"),
        ("file://localhost/srv/data", "/srv/data"),
        ("file:data", "{cwd}/data"),
        (Path("data"), "{cwd}/data"),
        (Path("localhost"), "{cwd}/localhost"),
    ],
)
def test_a_folder(text: object, path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    cwd = Path.cwd()
    wanted = Path(path.format(cwd=cwd, parent=cwd.parent, home=tmp_path / "home")).resolve()
    connection = qf.connect(text)
    assert connection.address == Folder(str(wanted))
    assert connection.target == str(wanted)
    assert list(tmp_path.iterdir()) == [], "naming a folder does not make it"


@pytest.mark.parametrize("text", ["C:\\data", "d:/data", "c:"])
def test_a_drive_letter_is_a_folder(text: str) -> None:
    assert isinstance(qf.connect(text).address, Folder)


def test_a_one_letter_host_with_a_port_is_a_server() -> None:
    assert qf.connect("c:6333").address == Server("http", "c")


@pytest.mark.parametrize(
    ("text", "way_out"),
    [
        ("", "Known forms"),
        ("http://", "names no host"),
        ("htp://example.org", "Did you mean 'http'"),
        ("ftp://example.org", "'file:…'"),
        ("grpc://example.org", "write 'http://host' and transport='grpc'"),
        ("grpcs://example.org", "write 'https://host' and transport='grpc'"),
        ("https:/example.org", "did you mean 'https://example.org'"),
        ("http//example.org", "did you mean 'http://example.org'"),
        ("http:example.org:6333", "did you mean 'http://example.org:6333'"),
        ("data/qdrant", "'./data/qdrant' for the folder or 'http://data/qdrant' for the server"),
        ("localhost:6333/prefix", "'http://localhost:6333/prefix' for the server"),
        ("data\\qdrant", "'./data\\qdrant' for the folder"),
        ("memory:", "did you mean ':memory:'"),
        ("::1", "'[::1]'"),
        ("[::zz]", "Known forms"),
        ("localhost:0", "1 to 65535"),
        ("localhost:70000", "Port out of range"),
        ("localhost:abc", "Port could not be cast"),
        ("two words", "not a host name"),
        ("-x.example", "not a host name"),
        ("http://example.org?x=1", "no query"),
        ("http://example.org#x", "no query and no fragment"),
        ("localhost:6334", "name unusual ones as port= (REST) and grpc_port="),
        ("file://otherhost/data", "'file:///path' for a local one"),
        ("file:", "names no folder"),
        ("./a\0b", "NUL"),
        (7, "target is of type int"),
        (b"localhost", "target is of type bytes"),
    ],
)
def test_a_target_that_makes_no_sense(text: object, way_out: str) -> None:
    with pytest.raises(TargetError) as caught:
        qf.connect(text)
    assert way_out in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "http://user:TOPSECRET@example.org",
        "TOPSECRET@example.org:6333",
        "user:TOPSECRET@example.org/x",
        "htp://user:TOPSECRET@example.org",
        "http:/user:TOPSECRET@example.org",
        "http://example.org?api_key=TOPSECRET",
        "example.org?api_key=TOPSECRET",
        "http:/example.org?api_key=TOPSECRET",
        "a/b?api_key=TOPSECRET",
        "http://exa mple.org?api_key=TOPSECRET",
        "http://example.org:x?api_key=TOPSECRET",
        "example.org:6333:6334?api_key=TOPSECRET",
        "http://?api_key=TOPSECRET",
        "http://user:TOP@SECRET@example.org:bad",
        "http://[::1?api_key=TOPSECRET",
    ],
)
def test_credentials_in_an_address_are_refused_and_never_repeated(text: str) -> None:
    with pytest.raises(TargetError) as caught:
        qf.connect(text)
    error: BaseException | None = caught.value
    while error is not None:
        assert "SECRET" not in repr(error)
        error = error.__cause__


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"port": 7001}, "says port 7000"),
        ({"prefix": "/y"}, "says prefix '/x'"),
        ({"port": 0}, "1 to 65535"),
        ({"port": True}, "1 to 65535"),
        ({"grpc_port": "6334"}, "1 to 65535"),
        ({"prefix": "/a b"}, "without spaces"),
    ],
)
def test_options_that_contradict_the_address(options: dict[str, object], words: str) -> None:
    with pytest.raises(TargetError, match=words):
        qf.connect("http://example.org:7000/x", **options)  # type: ignore[arg-type]
