"""Taking over the address and credentials of a `qdrant_client.QdrantClient`, without importing qdrant_client."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from qframe.credentials import Bearer, Secret, checked_headers, key_header
from qframe.errors import TargetError
from qframe.targets import Server, parse

_CLIENTS = frozenset({"QdrantClient", "AsyncQdrantClient"})
_SCHEME_PORTS = {"http": 80, "https": 443}
# The client sets these itself; what a user put there is about the client, not about the server.
_NOT_TAKEN = frozenset({"user-agent"})


def is_client(value: object) -> bool:
    """Whether a value is a client of the official package, or of a class derived from it."""
    return any(
        kind.__name__ in _CLIENTS and kind.__module__.partition(".")[0] == "qdrant_client"
        for kind in type(value).__mro__
    )


def take_over(client: Any) -> tuple[Server, tuple[tuple[str, Secret], ...], Any]:
    """The address, the headers with the key among them, and the `verify` of a client.

    Raises
    ------
    TargetError
        The client is a local one, or identifies itself in a way that cannot be taken over.
    """
    options: Mapping[str, Any] = client.init_options
    uri = getattr(client._client, "rest_uri", None)
    if uri is None:
        place = options.get("path") or options.get("location")
        raise TargetError(
            f"a local QdrantClient ({place!r}) keeps its points inside the client, in a format of its own, where "
            "nobody else can read or write them. Connect to a server, or to a folder of its own: "
            "qf.connect('./qdrant_data')."
        )
    if options.get("cert") is not None:
        raise TargetError("the QdrantClient shows a client certificate (cert=), which qframe cannot take over.")
    return _address(uri, options), _headers(options), options.get("verify", True)


def _address(uri: str, options: Mapping[str, Any]) -> Server:
    parsed = parse(uri, grpc_port=options["grpc_port"])
    if not isinstance(parsed, Server):
        raise TargetError(f"the QdrantClient's address {uri!r} is not one of a server.")
    if options.get("port") is None and not _names_port(uri):
        # A client told port=None goes to the scheme's own port.
        return Server(parsed.scheme, parsed.host, _SCHEME_PORTS[parsed.scheme], parsed.grpc_port, parsed.prefix)
    return parsed


def _names_port(uri: str) -> bool:
    authority = uri.partition("://")[2].partition("/")[0]
    return authority.rpartition("]")[2].rpartition(":")[2].isdecimal() and ":" in authority.rpartition("]")[2]


def _headers(options: Mapping[str, Any]) -> tuple[tuple[str, Secret], ...]:
    own: Mapping[str, str] = {**(options.get("metadata") or {}), **(options.get("headers") or {})}
    key = key_header(options.get("api_key"))
    dropped = _NOT_TAKEN | {"api-key"} if key else _NOT_TAKEN
    headers = checked_headers({name: value for name, value in own.items() if name.lower() not in dropped})
    return (*headers, *key, *_token(options.get("auth_token_provider")))


def _token(provider: Any) -> tuple[tuple[str, Secret], ...]:
    if provider is None:
        return ()
    if inspect.iscoroutinefunction(provider):
        raise TargetError(
            "the client's auth_token_provider is a coroutine function, which only an event loop can call. "
            "Connect by URL with api_key=, a plain callable."
        )
    return (("authorization", Secret(Bearer(provider), "auth_token_provider")),)
