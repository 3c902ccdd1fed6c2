"""Taking over the address and credentials of official clients."""

import dataclasses
from pathlib import Path

import pytest
from qdrant_client import AsyncQdrantClient, QdrantClient

from qframe.connection import Connection, as_connection, connect
from qframe.errors import TargetError
from qframe.targets import Server

KEY = "TOP-SECRET-KEY"


def taken(**options: object) -> Connection:
    client = QdrantClient(check_compatibility=False, **options)  # type: ignore[arg-type]
    try:
        return connect(client)
    finally:
        client.close()


@pytest.mark.filterwarnings("ignore:.*insecure connection")
@pytest.mark.parametrize(
    ("options", "server"),
    [
        ({"url": "http://localhost:6333"}, Server("http", "localhost")),
        ({"url": "https://example.org"}, Server("https", "example.org")),
        ({"url": "https://example.org:443/x"}, Server("https", "example.org", 443, prefix="/x")),
        ({"url": "https://example.org", "port": None}, Server("https", "example.org", 443)),
        ({"host": "example.org", "port": 7000, "grpc_port": 7001}, Server("http", "example.org", 7000, 7001)),
        ({"host": "example.org", "https": True, "prefix": "x"}, Server("https", "example.org", prefix="/x")),
        ({"location": "localhost"}, Server("http", "localhost")),
        ({}, Server("http", "localhost")),
    ],
)
def test_a_clients_address(options: dict[str, object], server: Server) -> None:
    made = taken(**options)
    assert made.address == server
    assert made.metadata() == ()


def test_a_clients_credentials() -> None:
    made = taken(url="https://example.org", api_key=KEY, headers={"X-A": "b"}, verify=False)
    assert set(made.metadata()) == {("api-key", KEY), ("x-a", "b")}
    assert made.verify is False
    assert KEY not in f"{made!r} {made} {made.target} {dataclasses.asdict(made)}"


def test_a_clients_token_provider_is_called_at_every_use() -> None:
    tokens = iter("ab")
    made = taken(url="https://example.org", auth_token_provider=lambda: next(tokens))
    assert [made.metadata(), made.metadata()] == [(("authorization", f"Bearer {token}"),) for token in "ab"]


def test_a_clients_own_subclass_and_the_asynchronous_one() -> None:
    class Mine(QdrantClient):
        pass

    client = Mine("localhost", check_compatibility=False)
    assert connect(client).target == as_connection(client).target == "http://localhost:6333"
    client.close()
    assert connect(AsyncQdrantClient("localhost", check_compatibility=False)).target == "http://localhost:6333"


@pytest.mark.parametrize("local", [{"location": ":memory:"}, {"path": "{tmp}"}])
def test_a_local_client_is_refused_with_the_reason(local: dict[str, str], tmp_path: Path) -> None:
    client = QdrantClient(**{name: value.format(tmp=tmp_path) for name, value in local.items()})  # type: ignore[arg-type]
    with pytest.raises(TargetError, match="inside the client, in a format of its own"):
        connect(client)
    client.close()


def test_a_client_that_cannot_be_taken_over() -> None:
    async def token() -> str:
        return "x"

    with pytest.raises(TargetError, match="coroutine function"):
        connect(AsyncQdrantClient("https://example.org", auth_token_provider=token, check_compatibility=False))


def test_options_beside_a_client() -> None:
    client = QdrantClient("localhost", check_compatibility=False)
    with pytest.raises(TargetError, match="port= beside a QdrantClient"):
        connect(client, port=7)
    assert connect(client, transport="rest", timeout=3).transport == "rest"
    client.close()
