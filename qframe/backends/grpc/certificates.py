"""Certificates for TLS on gRPC: a CA file, or (verify=False) whatever the server shows. Knows nothing of channels.

grpcio cannot leave verification out. What comes nearest: the certificate that the server shows is fetched
beforehand and trusted for this connection, under the first name that it holds.
"""

from __future__ import annotations

import os
import ssl
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

from qframe.errors import TargetError

_SUBJECT_ALT_NAME = bytes.fromhex("0603551d11")
_COMMON_NAME = bytes.fromhex("0603550403")
_DNS, _IP = 0x82, 0x87


@dataclass(frozen=True, slots=True)
class Trust:
    """What a TLS channel trusts.

    Parameters
    ----------
    roots : bytes or None
        PEM; None: the roots that grpcio comes with.
    name : str or None
        The name that the certificate is held against instead of the host's.
    """

    roots: bytes | None = None
    name: str | None = None


def trust(verify: bool | str | os.PathLike[str], host: str, port: int, timeout: float) -> Trust:
    """What to trust for `verify=` True (known authorities), False (whatever is there) or a CA file.

    Raises
    ------
    TargetError
        When the CA file cannot be read.
    OSError
        When, with verify=False, no certificate could be fetched.
    """
    if verify is True:
        return Trust()
    if verify is False:
        pem = ssl.get_server_certificate((host, port), timeout=timeout)
        return Trust(pem.encode(), name_in(ssl.PEM_cert_to_DER_cert(pem)))
    try:
        return Trust(Path(verify).read_bytes())
    except OSError as error:
        raise TargetError(f"verify={os.fspath(verify)!r}: the CA file cannot be read: {error}") from error


def name_in(der: bytes) -> str | None:
    """The first name that a certificate is good for: a DNS name or an address, else its common name.

    Only the two fields in question are looked at: after the identifier of the alternative names (or of the common name)
    comes the value, in DER's tag, length, content.
    """
    at = der.find(_SUBJECT_ALT_NAME)
    if at >= 0:
        at += len(_SUBJECT_ALT_NAME)
        if der[at] == 0x01:  # "critical", a boolean that may stand before the value
            at += 3
        _, octets, _ = _element(der, at)
        _, names, _ = _element(octets, 0)
        found = _first_name(names)
        if found is not None:
            return found
    # The subject's stands after the issuer's.
    at = der.rfind(_COMMON_NAME)
    if at < 0:
        return None
    _, text, _ = _element(der, at + len(_COMMON_NAME))
    return text.decode("utf-8", "replace")


def _first_name(names: bytes) -> str | None:
    at = 0
    while at < len(names):
        kind, content, at = _element(names, at)
        if kind == _DNS:
            # Any host of a wildcard's domain will do.
            return content.decode("ascii").replace("*", "host")
        if kind == _IP:
            return str(ip_address(content))
    return None


def _element(der: bytes, at: int) -> tuple[int, bytes, int]:
    """Tag and content of the DER element at a position, and the position after it."""
    kind, length = der[at], der[at + 1]
    at += 2
    if length & 0x80:
        size = length & 0x7F
        length, at = int.from_bytes(der[at : at + size], "big"), at + size
    return kind, der[at : at + length], at + length
