"""What a target names: a server's address, a folder, or a store that is not kept. Pure parsing: reads no environment,
opens nothing, and never repeats the credentials of a URL in an error. What only parsing needs is imported there, since
`import qframe` pays for this module.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from qframe.errors import TargetError
from qframe.model.spelling import hint

REST_PORT = 6333
GRPC_PORT = 6334
MEMORY = ":memory:"
DEFAULT_FOLDER = "qdrant_data"

_T = TypeVar("_T")

_DRIVE = re.compile(r"[A-Za-z]:(?:[\\/]|$)")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
# Docker and compose names hold underscores, which DNS does not know.
_HOST = re.compile(
    r"(?:[A-Za-z0-9_](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?)(?:\.[A-Za-z0-9_](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?)*\.?"
)
_FORMS = "'http://host:6333', 'host', 'host:6333', a folder such as './qdrant_data', or ':memory:'"


@dataclass(frozen=True, slots=True)
class Server:
    """The address of a Qdrant server.

    Parameters
    ----------
    scheme : "http" or "https"
        https means TLS on both wires.
    host : str
        Name or address; IPv6 addresses without brackets.
    port : int
        Of the REST interface.
    grpc_port : int
    prefix : str
        Path before the REST routes, "" or "/something".
    """

    scheme: str
    host: str
    port: int = REST_PORT
    grpc_port: int = GRPC_PORT
    prefix: str = ""

    @property
    def tls(self) -> bool:
        return self.scheme == "https"

    @property
    def url(self) -> str:
        """Address of the REST interface."""
        return f"{self.scheme}://{_bracketed(self.host)}:{self.port}{self.prefix}"

    @property
    def grpc_address(self) -> str:
        """`host:port` of the gRPC interface."""
        return f"{_bracketed(self.host)}:{self.grpc_port}"

    @property
    def local(self) -> bool:
        """Whether the server is on this machine: nothing sent to it travels over a network."""
        import ipaddress

        name = self.host.rstrip(".").lower()
        if name == "localhost" or name.endswith(".localhost"):
            return True
        try:
            return ipaddress.ip_address(name).is_loopback
        except ValueError:
            return False

    @property
    def origin(self) -> tuple[str, str, int]:
        """What must be equal for a key of one address to be sent to another."""
        return self.scheme, self.host.rstrip(".").lower(), self.port


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder of the embedded engine; `path` is absolute."""

    path: str


@dataclass(frozen=True, slots=True)
class Memory:
    """What ":memory:" names, before a store is made for it."""


Target = Server | Folder | Memory


def parse(
    target: str | os.PathLike[str], *, port: int | None = None, grpc_port: int = GRPC_PORT, prefix: str | None = None
) -> Target:
    """What a target names.

    Raises
    ------
    TargetError
        The text names nothing, carries credentials, or contradicts an option.
    """
    if not isinstance(target, str):
        return Folder(_absolute(os.fspath(target)))
    text = target.strip()
    if text == MEMORY:
        return Memory()
    path = _path(text)
    if path is not None:
        return Folder(_absolute(path))
    return _server(text, _checked_port("port", port), _checked_port("grpc_port", grpc_port), prefix)


def _absolute(path: str) -> str:
    if "\0" in path:
        raise TargetError(f"target {path!r}: a path cannot hold a NUL character.")
    return str(Path(path).expanduser().absolute().resolve())


def _path(text: str) -> str | None:
    """The path that a target spells, None when it spells something else."""
    if text[:5].lower() == "file:":
        return _file_url(text[5:], text)
    if text[:1] in (".", "/", "~", "\\") or _DRIVE.match(text):
        return text
    return None


def _file_url(rest: str, whole: str) -> str:
    from urllib.parse import unquote

    if rest.startswith("//"):
        host, slash, path = rest[2:].partition("/")
        if host not in ("", "localhost"):
            raise TargetError(f"target {whole!r}: a folder on host {host!r}. Write 'file:///path' for a local one.")
        rest = slash + path
    path = unquote(rest)
    if not path:
        raise TargetError(f"target {whole!r} names no folder. Write 'file:///path'.")
    return path[1:] if _DRIVE.match(path[1:]) else path


def _server(text: str, port: int | None, grpc_port: int | None, prefix: str | None) -> Server:
    from urllib.parse import urlsplit

    _refuse_secrets(text)
    if _SCHEME.match(text) is None:
        _refuse_odd_name(text)
        text = f"http://{text}"
    scheme = _scheme(text)
    try:
        parts = urlsplit(text)
        host, own_port = parts.hostname, parts.port
    except ValueError as error:
        raise TargetError(f"target {text!r}: {error}. Known forms: {_FORMS}.") from error
    return Server(
        scheme,
        _host(host, text),
        _one("port", _checked_port("port", own_port), port, text) or REST_PORT,
        grpc_port or GRPC_PORT,
        _one("prefix", _prefix(parts.path), _prefix(prefix), text) or "",
    )


def _refuse_secrets(text: str) -> None:
    """Refuse what may hold a key, before any other error can repeat it."""
    if "@" in text:
        raise TargetError(
            "the target holds an '@': credentials in an address end up in logs. "
            "Take them out and pass api_key= (or headers=)."
        )
    bare = re.split(r"[?#]", text, maxsplit=1)[0]
    if bare != text:
        raise TargetError(f"target {bare!r}: an address has no query and no fragment. Pass a key as api_key=.")


def _refuse_odd_name(text: str) -> None:
    """Refuse text without a scheme that is neither `host` nor `host:port`, with what it may have been meant for."""
    if not text:
        raise TargetError(f"the target is empty. Known forms: {_FORMS}.")
    slip = re.match(r"(https?)(?::/?|/{1,2})(?!\d)(.*)", text, re.IGNORECASE)
    if slip is not None and slip.group(2):
        address = slip.group(2).lstrip("/")
        raise TargetError(f"target {text!r}: did you mean '{slip.group(1).lower()}://{address}'?")
    if "/" in text or "\\" in text:
        raise TargetError(
            f"target {text!r} could be a folder or a server. Write './{text}' for the folder "
            f"or 'http://{text}' for the server."
        )
    if text.strip(":").lower() == "memory" and text != "memory":
        raise TargetError(f"target {text!r}: did you mean ':memory:'?")
    if text.count(":") > 1 and not text.startswith("["):
        raise TargetError(f"target {text!r}: an IPv6 address stands in brackets: '[{text}]'.")


def _scheme(text: str) -> str:
    scheme = text.partition("://")[0].lower()
    if scheme in ("http", "https"):
        return scheme
    if scheme in ("grpc", "grpcs"):
        plain = "https" if scheme == "grpcs" else "http"
        raise TargetError(f"target with scheme {scheme!r}: write '{plain}://host' and transport='grpc', grpc_port=….")
    raise TargetError(
        f"target with scheme {scheme!r}: a server is 'http://…' or 'https://…', a folder 'file:…'."
        + hint(scheme, ["http", "https", "file"])
    )


def _host(host: str | None, text: str) -> str:
    if not host:
        raise TargetError(f"target {text!r} names no host. Known forms: {_FORMS}.")
    if ":" in host:
        import ipaddress

        try:
            return str(ipaddress.IPv6Address(host))
        except ValueError as error:
            raise TargetError(f"target {text!r}: {host!r} is not an IPv6 address.") from error
    try:
        ascii_host = host.encode("idna").decode("ascii") if not host.isascii() else host
    except UnicodeError as error:
        raise TargetError(f"target {text!r}: {host!r} is not a host name.") from error
    if _HOST.fullmatch(ascii_host) is None:
        raise TargetError(f"target {text!r}: {host!r} is not a host name. Known forms: {_FORMS}.")
    return ascii_host


def _checked_port(name: str, port: int | None) -> int | None:
    if port is None:
        return None
    if isinstance(port, bool) or not isinstance(port, int) or not 0 < port < 65536:
        raise TargetError(f"{name}={port!r}: a port is a number from 1 to 65535.")
    return port


def _prefix(prefix: str | None) -> str | None:
    if prefix is None or not prefix.strip("/"):
        return None
    if re.search(r"[?#\s]", prefix):
        raise TargetError(f"prefix={prefix!r}: a path without spaces, '?' and '#', for example '/qdrant'.")
    return "/" + prefix.strip("/")


def _one(name: str, own: _T | None, option: _T | None, text: str) -> _T | None:
    """The one of two values that is given; both may be given when they agree."""
    if own is not None and option is not None and own != option:
        raise TargetError(f"target {text!r} says {name} {own!r}, {name}={option!r} another. Leave one out.")
    return option if own is None else own


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
