"""Connections that travel without their secrets, inside a serialised query, and find them again where it is used.

Knows Connections and no query. A pickled Connection itself keeps its key: it goes to workers of the same user; a
serialised LazyFrame goes to files and other people.
"""

from __future__ import annotations

from dataclasses import replace

from qframe.connection import KNOWN, Connection, key_for
from qframe.credentials import key_header
from qframe.targets import Server


def without_secrets(connection: Connection) -> Connection:
    """The Connection without its headers, of which any may be a secret."""
    return replace(connection, _headers=())


def with_secrets(connection: Connection) -> Connection:
    """The Connection with the headers that this process has for its address.

    These are those of the Connection that was made last to the same scheme, host, ports and prefix and is still in use,
    with its `verify`; else the environment's key, where the address is the environment's. Without either it stays
    without a key, and the server says what it thinks of that.
    """
    address = connection.address
    if not isinstance(address, Server):
        return connection
    known = [other for other in list(KNOWN.values()) if other.address == address]
    if known:
        return replace(connection, _headers=known[-1]._headers, verify=known[-1].verify)
    return replace(connection, _headers=key_header(key_for(address)))
