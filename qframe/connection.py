"""Where calls go: `connect`, the `Connection` value it gives, and the default of the process.

A Connection is only a description. Whatever is opened for it is opened where it is used, by `qframe.backends.opening`;
this module imports no third-party library and opens nothing.
"""

from __future__ import annotations

import math
import os
import sys
import threading
import warnings
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from numbers import Real
from pathlib import Path
from types import TracebackType
from typing import Any, Literal
from weakref import WeakValueDictionary

from qframe.clients import is_client, take_over
from qframe.credentials import KEY_HEADERS, Key, Secret, checked_headers, key_header
from qframe.errors import DefaultTargetWarning, InsecureKeyWarning, TargetError
from qframe.model.spelling import hint
from qframe.targets import DEFAULT_FOLDER, GRPC_PORT, MEMORY, REST_PORT, Folder, Memory, Server, parse
from qframe.temporary import Temporary, make

Transport = Literal["auto", "rest", "grpc"]
TRANSPORTS = ("auto", "rest", "grpc")


@dataclass(frozen=True, slots=True, weakref_slot=True, repr=False)
class Connection:
    """A target and how to talk to it; made by `connect`.

    Cheap, hashable and picklable; a callable key must be picklable itself for that. Sockets and channels are opened
    where they are used, once a process for all equal Connections, and closed by `with`, `close()` or the end of the
    process. A closed Connection opens again when it is used, except that of ":memory:", whose points are gone.

    Attributes
    ----------
    address : Server, Folder or Temporary
    transport : str
        "auto", "rest" or "grpc" for a server, "embedded" for a folder or a store in memory.
    compression : "gzip" or None
    timeout : float
        Seconds for one request where a call names no other.
    verify : bool or str
        Whether certificates are checked, or the absolute path of a file with authorities to check them with.
    """

    address: Server | Folder | Temporary
    transport: str
    compression: Literal["gzip"] | None = None
    timeout: float = 60.0
    verify: bool | str = True
    _headers: tuple[tuple[str, Secret], ...] = ()

    @property
    def target(self) -> str:
        """URL or absolute path, as reports name it; never with credentials."""
        match self.address:
            case Server() as server:
                return server.url
            case Folder(path):
                return path
        return MEMORY

    def metadata(self) -> tuple[tuple[str, str], ...]:
        """Headers to send, the key among them, with names in lower case. A callable key is called now."""
        return tuple((name, secret.reveal()) for name, secret in self._headers)

    @property
    def secrets(self) -> tuple[Secret, ...]:
        """The key and the other headers, behind their names."""
        return tuple(secret for _, secret in self._headers)

    def close(self) -> None:
        """Close what this process has open for this target and every Connection equal to it."""
        if isinstance(self.address, Temporary):
            self.address.close()
            return
        # Nothing can be open before the module that opens was imported.
        if (opening := sys.modules.get("qframe.backends.opening")) is not None:
            opening.close_backend(self)

    def __enter__(self) -> Connection:
        with _lock:
            _entered[self] += 1
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        with _lock:
            _entered[self] -= 1
            last = _entered[self] <= 0
            if last:
                del _entered[self]
        if last:
            self.close()

    def __repr__(self) -> str:
        parts = [repr(self.target), f"transport={self.transport!r}"]
        parts += [f"api_key={secret!r}" for name, secret in self._headers if name == "api-key"]
        names = [name for name, _ in self._headers if name != "api-key"]
        if names:
            parts.append(f"headers={names!r}")
        return f"Connection({', '.join(parts)})"


# Several threads may stand in `with` on equal Connections; the last one that leaves closes.
_entered: Counter[Connection] = Counter()
_lock = threading.Lock()
_default: Connection | None = None
KNOWN: WeakValueDictionary[int, Connection] = WeakValueDictionary()
"""Connections to servers that were made here and are in use, the last one last; for queries that come without keys."""


def _after_fork() -> None:
    global _lock
    _lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def connect(
    target: Any = None,
    *,
    api_key: Key | None = None,
    transport: Transport = "auto",
    compression: Literal["gzip"] | None = None,
    timeout: float = 60,
    headers: Mapping[str, str] | None = None,
    port: int | None = None,
    grpc_port: int = GRPC_PORT,
    prefix: str | None = None,
    verify: bool | str | os.PathLike[str] = True,
) -> Connection:
    """Name a target. Nothing is opened and nobody is asked before the Connection is used.

    Parameters
    ----------
    target : str, os.PathLike, qdrant_client.QdrantClient or None
        - None: the server in the environment variable QDRANT_URL, with the key in QDRANT_API_KEY; without it the
          embedded engine in `./qdrant_data`, with a warning.
        - "http://host:6333/prefix", "https://host", "host", "host:port": a server.
        - a path object, or text that begins with ".", "/", "~", "file:" or a drive letter: a folder of the embedded
          engine, which is made when it does not exist.
        - ":memory:": the embedded engine in a temporary folder that goes with the Connection.
        - a `QdrantClient` of a server: its address and credentials.
    api_key : str or callable
        Sent as the header `api-key` on both wires. A callable is called for every request. A key in QDRANT_API_KEY
        is used for the scheme, host and port of QDRANT_URL only.
    transport : "auto", "rest" or "grpc"
        "auto" uses gRPC for points and REST for the rest where the server answers on both (asked once, at most 2 s).
        gRPC is not looked for where `port` or `prefix` is unusual and no `grpc_port` is named: port 6334 of that
        host may well be another server's.
    compression : "gzip" or None
        None asks for plain answers. "gzip" compresses requests and answers: for slow links only.
    timeout : float
        Seconds for one request.
    headers : mapping of str to str
        More headers for every request, on both wires.
    port, grpc_port : int
        6333 and 6334 unless given.
    prefix : str
        Path before the REST routes.
    verify : bool, str or os.PathLike
        False checks no certificates; a path names a PEM file of authorities to check them with. Holds for both wires.

    Returns
    -------
    Connection

    Raises
    ------
    TargetError
        The target or an option makes no sense.

    Warns
    -----
    DefaultTargetWarning
        No target was named anywhere.
    InsecureKeyWarning
        A key would travel over plain http to another machine.
    """
    _check_choice("transport", transport, TRANSPORTS)
    _check_choice("compression", compression, (None, "gzip"))
    wanted = Connection(
        Folder(""), transport, compression, _checked_timeout(timeout), _checked_verify(verify), checked_headers(headers)
    )
    if is_client(target):
        _refuse_beside_client(api_key, headers, port, prefix, grpc_port)
        server, credentials, verified = take_over(target)
        verified = _checked_verify(verified) if wanted.verify is True else wanted.verify
        return _to_server(replace(wanted, verify=verified, _headers=credentials), server)
    if target is None:
        target, api_key = _from_environment(api_key)
    if target is None:
        return _embedded_default(wanted, port, prefix, grpc_port)
    if not isinstance(target, str | os.PathLike):
        raise TargetError(
            f"target is of type {type(target).__name__}: give a URL, a host, a path, ':memory:' or a QdrantClient."
        )
    address = parse(target, port=port, grpc_port=grpc_port, prefix=prefix)
    if isinstance(address, Server):
        key = key_header(key_for(address) if api_key is None else api_key)
        if key and any(name == "api-key" for name, _ in wanted._headers):
            raise TargetError("a key in headers= and another in api_key= or QDRANT_API_KEY. Keep one.")
        return _to_server(replace(wanted, _headers=(*wanted._headers, *key)), address)
    _refuse_for_embedded(address, wanted, api_key, port, prefix, grpc_port)
    return replace(wanted, address=make() if isinstance(address, Memory) else address, transport="embedded")


def set_connection(connection: Any) -> None:
    """Set where calls of this process go when they name no `connection=`.

    Parameters
    ----------
    connection : Connection, anything `connect` takes, or None
        None goes back to what `connect()` says.
    """
    global _default
    made = connection if connection is None or isinstance(connection, Connection) else connect(connection)
    _default = made


def as_connection(value: Any = None) -> Connection:
    """The Connection that a `connection=` argument names.

    Raises
    ------
    TargetError
        For ":memory:", which is another store in each call, and for whatever `connect` refuses.
    """
    if isinstance(value, Connection):
        return value
    if value is None:
        return connect() if _default is None else _default
    if isinstance(value, str) and value.strip() == MEMORY:
        raise TargetError(
            "connection=':memory:' would be another, empty store in each call. "
            "Make it once, `store = qf.connect(':memory:')`, and pass connection=store."
        )
    return connect(value)


def is_default(connection: Connection) -> bool:
    """Whether calls that name no `connection=` go to the same target."""
    if _default is not None:
        return _default.address == connection.address
    try:
        return parse(_variable("QDRANT_URL") or DEFAULT_FOLDER) == connection.address
    except TargetError:
        return False  # what `connect()` says of it, nobody asked now


def _from_environment(api_key: Key | None) -> tuple[str | None, Key | None]:
    url, key = _variable("QDRANT_URL"), _variable("QDRANT_API_KEY")
    if url is None:
        if key is not None and api_key is None:
            raise TargetError(
                "QDRANT_API_KEY is set, QDRANT_URL is not: whose key is it? Set QDRANT_URL too, or name the target."
            )
        if api_key is not None:
            raise TargetError("api_key= without a target: name the server, or set QDRANT_URL.")
        return None, None
    if url == MEMORY:
        raise TargetError(
            "QDRANT_URL=':memory:' would be another, empty store in each call. Name a server or a folder."
        )
    return url, api_key if api_key is not None else key


def key_for(server: Server) -> str | None:
    """The environment's key, for the environment's own server only."""
    url, key = _variable("QDRANT_URL"), _variable("QDRANT_API_KEY")
    if url is None or key is None:
        return None
    try:
        known = parse(url)
    except TargetError:
        return None  # a target that nobody asked for now; `connect()` says what is wrong with it
    return key if isinstance(known, Server) and known.origin == server.origin else None


def _variable(name: str) -> str | None:
    return os.environ.get(name, "").strip() or None


def _embedded_default(wanted: Connection, port: int | None, prefix: str | None, grpc_port: int) -> Connection:
    folder = Folder(str(Path(DEFAULT_FOLDER).resolve()))
    _refuse_for_embedded(folder, wanted, None, port, prefix, grpc_port)
    made = replace(wanted, address=folder, transport="embedded")
    warnings.warn(
        f"no target was named and QDRANT_URL is not set: using the embedded engine in {made.target}. "
        "Name it, qf.connect('./qdrant_data') or qf.set_connection('./qdrant_data'), to be rid of this warning.",
        DefaultTargetWarning,
        stacklevel=users_level(),
    )
    return made


def _to_server(wanted: Connection, server: Server) -> Connection:
    if server.port == server.grpc_port == GRPC_PORT:
        raise TargetError(
            f"target {server.url!r}: 6334 is the usual port of gRPC, and REST is on another, 6333 by default. "
            "Leave the port out, and name unusual ones as port= (REST) and grpc_port=."
        )
    if wanted.transport == "grpc" and server.port != REST_PORT and server.grpc_port == GRPC_PORT:
        raise TargetError(
            f"transport='grpc' goes to {server.grpc_address}, not to port {server.port}, which is for REST. "
            f"Name the gRPC port as grpc_port=, or leave {server.port} out when it is 6334."
        )
    keyed = any(name in KEY_HEADERS for name, _ in wanted._headers)
    if keyed and not server.tls and not server.local:
        warnings.warn(
            f"the key for {server.url} travels readable over plain http; use https://{server.host} if the server can.",
            InsecureKeyWarning,
            stacklevel=users_level(),
        )
    made = replace(wanted, address=server)
    KNOWN[id(made)] = made
    return made


def _refuse_for_embedded(
    address: Any, wanted: Connection, api_key: Key | None, port: int | None, prefix: str | None, grpc_port: int
) -> None:
    given = {
        "api_key": api_key is not None,
        "transport": wanted.transport != "auto",
        "compression": wanted.compression is not None,
        "headers": bool(wanted._headers),
        "port": port is not None,
        "grpc_port": grpc_port != GRPC_PORT,
        "prefix": prefix is not None,
        "verify": wanted.verify is not True,
    }
    names = [name for name, there in given.items() if there]
    if names:
        what = address.path if isinstance(address, Folder) else MEMORY
        raise TargetError(
            f"{' and '.join(f'{name}=' for name in names)} is for a server, and {what!r} is the embedded engine. "
            "Leave it out, or name the server: 'http://host:6333'."
        )


def _refuse_beside_client(
    api_key: Key | None, headers: Mapping[str, str] | None, port: int | None, prefix: str | None, grpc_port: int
) -> None:
    given = {
        "api_key": api_key is not None,
        "headers": headers is not None,
        "port": port is not None,
        "grpc_port": grpc_port != GRPC_PORT,
        "prefix": prefix is not None,
    }
    names = [f"{name}=" for name, there in given.items() if there]
    if names:
        raise TargetError(
            f"{' and '.join(names)} beside a QdrantClient, which brings its own. Leave it out, or give the URL instead."
        )


def _check_choice(name: str, value: object, choices: tuple[str | None, ...]) -> None:
    if value in choices:
        return
    near = hint(value, filter(None, choices)) if isinstance(value, str) else ""
    raise TargetError(f"{name}={value!r}: one of {', '.join(map(repr, choices))}.{near}")


def _checked_timeout(timeout: object) -> float:
    if isinstance(timeout, bool) or not isinstance(timeout, Real) or not 0 < float(timeout) < math.inf:
        raise TargetError(f"timeout={timeout!r}: a number of seconds above 0.")
    return float(timeout)


def _checked_verify(verify: object) -> bool | str:
    if isinstance(verify, bool):
        return verify
    if not isinstance(verify, str | os.PathLike):
        raise TargetError(f"verify is of type {type(verify).__name__}: True, False, or the path of a PEM file.")
    path = Path(os.fspath(verify)).expanduser().absolute()
    if not path.is_file():
        raise TargetError(f"verify={str(path)!r}: there is no such file. It names a PEM file of authorities.")
    return str(path)


def users_level() -> int:
    """`stacklevel` of the first line outside qframe, as seen from the caller of this function."""
    level, frame = 1, sys._getframe(1)
    while frame.f_back is not None and frame.f_globals.get("__name__", "").partition(".")[0] == "qframe":
        level, frame = level + 1, frame.f_back
    return level
