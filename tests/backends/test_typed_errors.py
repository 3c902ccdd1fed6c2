"""What a user meets on both wires: wrong keys, missing collections, certificates, answers asked for plain."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

import qframe as qf
from qframe.backends.opening import open_backend
from qframe.errors import AuthenticationError, CollectionNotFoundError, UnreachableError
from qframe.model.outcome import Fault
from qframe.model.requests import Create
from tests.loopback.process import Server

pytestmark = pytest.mark.loopback

KEY, READING = "TOP-SECRET-KEY", "ANOTHER-SECRET-KEY"
CONFIG = {"vectors": {"size": 2, "distance": "Dot"}}
WIRES = ("auto", "rest", "grpc")


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def certificate(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Path]:
    """Authority, certificate chain and key."""
    folder = tmp_path_factory.mktemp("tls")
    issued = authority.issue_cert("127.0.0.1", "localhost")
    authority.cert_pem.write_to_path(folder / "ca.pem")
    issued.private_key_pem.write_to_path(folder / "key.pem")
    for blob in issued.cert_chain_pems:
        blob.write_to_path(folder / "cert.pem", append=True)
    return folder / "ca.pem", folder / "cert.pem", folder / "key.pem"


@pytest.fixture(scope="module")
def locked(certificate: tuple[Path, Path, Path]) -> Iterator[Server]:
    """A server with keys and TLS."""
    _, chain, key = certificate
    with Server.start(api_key=KEY, read_only_api_key=READING, tls=(chain, key)) as server:
        yield server


def to(server: Server, transport: str, **options: object) -> qf.Connection:
    return qf.connect(server.url, grpc_port=server.grpc_port, transport=transport, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("transport", WIRES)
@pytest.mark.parametrize("key", [None, "WRONG-SECRET-KEY"])
def test_a_key_that_is_missing_or_wrong(
    locked: Server,
    certificate: tuple[Path, Path, Path],
    transport: str,
    key: str | None,
    caplog: pytest.LogCaptureFixture,
) -> None:
    connection = to(locked, transport, api_key=key, verify=certificate[0])
    with connection, caplog.at_level(logging.DEBUG), pytest.raises(AuthenticationError, match="API key") as caught:
        qf.collections(connection=connection)
    shown = f"{caught.value!r} {caught.value} {caplog.text} {connection!r}"
    assert "SECRET" not in shown
    assert "qf.connect(url, api_key=" in shown


@pytest.mark.parametrize("transport", WIRES)
def test_a_key_that_may_only_read(locked: Server, certificate: tuple[Path, Path, Path], transport: str) -> None:
    with to(locked, transport, api_key=READING, verify=certificate[0]) as connection:
        assert qf.collections(connection=connection) == []
        refused = open_backend(connection).admin(Create("places", CONFIG), 10)
    assert isinstance(refused, Fault)
    assert (refused.kind, refused.cause) == ("fatal", "auth")


@pytest.mark.parametrize("transport", WIRES)
def test_the_right_key_through_tls(locked: Server, certificate: tuple[Path, Path, Path], transport: str) -> None:
    with to(locked, transport, api_key=lambda: KEY, verify=certificate[0]) as connection:
        assert qf.collections(connection=connection) == []
        wire = "rest" if transport == "rest" else "grpc"
        assert open_backend(connection).capabilities.transport == wire
    with to(locked, transport, api_key=KEY, verify=False) as connection:
        assert qf.collections(connection=connection) == []


@pytest.mark.parametrize("transport", WIRES)
def test_a_certificate_that_nobody_trusts(locked: Server, transport: str) -> None:
    with to(locked, transport, api_key=KEY, timeout=5) as connection, pytest.raises(UnreachableError) as caught:
        qf.collections(connection=connection)
    assert "127.0.0.1" in str(caught.value)
    assert KEY not in str(caught.value)


def test_a_collection_that_is_missing(wire: qf.Connection) -> None:
    with pytest.raises(CollectionNotFoundError, match="'nowhere' does not exist") as caught:
        qf.collection("nowhere", connection=wire).info()
    assert caught.value.collection == "nowhere"
    assert not qf.collection("nowhere", connection=wire).exists()
    assert qf.collection("nowhere", connection=wire).drop() is False


@pytest.mark.parametrize("compression", [None, "gzip"])
def test_answers_come_as_they_were_asked_for(faulty: Server, compression: str | None) -> None:
    with to(faulty, "rest", compression=compression) as connection:
        qf.collections(connection=connection)
    asked = [seen["accept_encoding"] for seen in faulty.requests()["requests"] if seen["wire"] == "rest"]
    assert set(asked) == {compression or "identity"}
