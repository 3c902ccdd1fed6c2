"""Keys and headers that no repr, log, error or report may show."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from qframe.errors import TargetError

Key = str | Callable[[], str]
"""An API key, or something that is called for it whenever a request is sent."""

_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_OWN = frozenset(
    {
        "accept-encoding",
        "connection",
        "content-encoding",
        "content-length",
        "content-type",
        "host",
        "te",
        "transfer-encoding",
    }
)
"""Headers that the two wires set themselves."""

KEY_HEADERS = ("api-key", "authorization")


class Secret:
    """A text, or a callable that gives one, behind a repr that shows nothing. Equal secrets have equal hashes."""

    __slots__ = ("_value", "_what")

    def __init__(self, value: Key, what: str) -> None:
        self._value = value
        self._what = what
        if not callable(value):
            _check(value, what)

    def reveal(self) -> str:
        """The text; a callable is called now.

        Raises
        ------
        TargetError
            The text cannot be sent as a header.
        """
        return _check(self._value(), self._what) if callable(self._value) else self._value

    @property
    def label(self) -> str:
        """What it is: the option that it was given in, and of a callable its name."""
        if not callable(self._value):
            return self._what
        asked = self._value.wrapped if isinstance(self._value, Bearer) else self._value
        return f"{self._what} ({getattr(asked, '__qualname__', type(asked).__qualname__)})"

    def __repr__(self) -> str:
        return "<hidden>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._value == other._value

    def __hash__(self) -> int:
        return hash(self._value)

    def __reduce__(self) -> tuple[Any, ...]:
        return Secret, (self._value, self._what)


class Bearer:
    """A callable that gives a token, as the callable that gives the header for it. Pickles when the token's does."""

    __slots__ = ("_token",)

    def __init__(self, token: Callable[[], str]) -> None:
        self._token = token

    @property
    def wrapped(self) -> Callable[[], str]:
        """The callable that gives the token."""
        return self._token

    def __call__(self) -> str:
        return f"Bearer {self._token()}"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Bearer) and self._token == other._token

    def __hash__(self) -> int:
        return hash(self._token)

    def __reduce__(self) -> tuple[Any, ...]:
        return Bearer, (self._token,)


def key_header(api_key: Key | None) -> tuple[tuple[str, Secret], ...]:
    """The header of a key; nothing without one.

    Raises
    ------
    TargetError
        The key is neither text nor callable, or cannot be sent as a header.
    """
    if api_key is None:
        return ()
    if not isinstance(api_key, str) and not callable(api_key):
        raise TargetError(f"api_key is of type {type(api_key).__name__}: give text, or a callable that returns it.")
    return (("api-key", Secret(api_key, "api_key")),)


def checked_headers(headers: Mapping[str, str] | None) -> tuple[tuple[str, Secret], ...]:
    """Headers in lower case, as both wires take them.

    Raises
    ------
    TargetError
        A name or a value cannot be sent, or belongs to the wire itself.
    """
    checked = []
    for name, value in (headers or {}).items():
        if not isinstance(name, str) or _NAME.fullmatch(name) is None:
            raise TargetError(f"headers: {name!r} is not the name of a header.")
        lower = name.lower()
        if lower in _OWN or lower.startswith("grpc-") or lower.endswith("-bin"):
            raise TargetError(f"headers: {name!r} is set by the wire itself. Leave it out.")
        checked.append((lower, Secret(value, f"header {name!r}")))
    return tuple(checked)


def _check(value: object, what: str) -> str:
    """The text, if a header can carry it. The error never shows it."""
    if not isinstance(value, str):
        raise TargetError(f"{what} is of type {type(value).__name__}, not text.")
    if not value:
        raise TargetError(f"{what} is empty. Leave it out where no key is needed.")
    if value != value.strip():
        raise TargetError(f"{what} begins or ends with white space, often the line end of a file. Strip it.")
    if not (value.isascii() and value.isprintable()):
        raise TargetError(f"{what} holds a character that a header cannot carry: printable ASCII only.")
    return value
