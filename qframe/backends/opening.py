"""Backends of this process: opened once for each Connection, found again by equal ones, closed at the end."""

from __future__ import annotations

import atexit
import logging
import os
import threading
from collections.abc import Callable, Hashable, Mapping
from weakref import WeakValueDictionary

from qframe.backends.paired import Paired
from qframe.connection import Connection
from qframe.errors import QframeError
from qframe.model.backend import Backend
from qframe.targets import GRPC_PORT, REST_PORT, Folder, Server
from qframe.temporary import Temporary

log = logging.getLogger("qframe")

PROBE_TIMEOUT = 2.0
"""Seconds that transport="auto" waits for gRPC to answer, once."""

_Key = tuple[int, Hashable]

_backends: dict[_Key, Backend] = {}
_openings: WeakValueDictionary[_Key, threading.Lock] = WeakValueDictionary()
# Held for a moment, and not to close: a store in memory is closed by whatever garbage collection finds it.
_lock = threading.Lock()


def open_backend(connection: Connection) -> Backend:
    """The backend for a connection: the open one, else a new one.

    Raises
    ------
    QframeError
        UnreachableError: nothing answers. FolderInUseError: another process has the folder open. ForkedProcessError:
        the embedded engine was opened before this process was forked. TargetError: a ':memory:' store that is closed.
    """
    address = connection.address
    if isinstance(address, Temporary):
        address.check()
    key = _key(connection)
    found = _backends.get(key)
    if found is not None:
        return found
    with _lock:
        opening = _openings.setdefault(key, threading.Lock())
    with opening:  # which may take as long as a server takes to answer
        found = _backends.get(key)
        if found is None:
            found = _backends[key] = _OPENERS[connection.transport](connection)
            if isinstance(address, Temporary):
                address.on_close(lambda: _close(key))
        return found


def close_backend(connection: Connection) -> None:
    """Close the backend that this process has for a connection, if there is one."""
    _close(_key(connection))


def close_all() -> None:
    """Close all backends of this process. Those inherited by a fork belong to the parent."""
    for key in [key for key in _backends if key[0] == os.getpid()]:
        _close(key)


def _key(connection: Connection) -> _Key:
    # The store in memory itself must not be kept alive from here.
    address = connection.address
    return os.getpid(), address.id if isinstance(address, Temporary) else connection


def _close(key: _Key) -> None:
    backend = _backends.pop(key, None)
    if backend is not None:
        backend.close()


def _rest(connection: Connection) -> Backend:
    from qframe.backends.rest import backend

    return backend.open(connection)


def _grpc(connection: Connection) -> Backend:
    from qframe.backends.grpc import backend

    return backend.open(connection)


def _embedded(connection: Connection) -> Backend:
    from qframe.backends import embedded

    address = connection.address
    return embedded.open(address.path if isinstance(address, Folder) else None)


def _auto(connection: Connection) -> Backend:
    """GRPC for points beside REST for the rest, where it is certain to be the same server; else REST for all."""
    rest = _rest(connection)
    why_not = _grpc_beside(connection, rest.capabilities.version)
    if why_not:
        log.info("gRPC not used", extra={"target": connection.target, "detail": why_not})
        return rest
    try:
        return Paired(_grpc(connection), rest)
    except QframeError as error:
        log.info("gRPC not used", extra={"target": connection.target, "detail": str(error)})
        return rest


def _grpc_beside(connection: Connection, version: tuple[int, int, int]) -> str:
    """Why gRPC is not to be used, "" when it is."""
    from qframe.backends.grpc import backend

    server = connection.address
    assert isinstance(server, Server)  # noqa: S101 - transport "auto" is a server's
    if server.grpc_port == GRPC_PORT and (server.port != REST_PORT or server.prefix):
        # Behind a mapped port or a prefix stands one of several servers, and 6334 may be another one's.
        return "the address is unusual and names no grpc_port"
    answered = backend.probe(connection, PROBE_TIMEOUT)
    if answered is None:
        return f"no answer at {server.grpc_address} within {PROBE_TIMEOUT:g} s"
    return "" if answered == version else f"{server.grpc_address} is another server: version {answered}, not {version}"


_OPENERS: Mapping[str, Callable[[Connection], Backend]] = {
    "auto": _auto,
    "rest": _rest,
    "grpc": _grpc,
    "embedded": _embedded,
}


def _after_fork() -> None:
    global _lock
    _lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
atexit.register(close_all)
