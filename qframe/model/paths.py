"""Payload keys as Qdrant's JSON paths, which filters, indexes and payload selectors are written in."""

from __future__ import annotations

import re

_BARE = re.compile(r"[A-Za-z0-9_-]+")


def payload_path(key: str) -> str | None:
    r"""The path of a top-level payload key; None for a key that no path can name.

    Letters, digits, `_` and `-` stand bare; anything else in quotes, where `"` and `\` have no escape. A key that
    holds a dot or brackets would otherwise mean nesting.
    """
    if _BARE.fullmatch(key):
        return key
    if not key or '"' in key or "\\" in key:
        return None
    return f'"{key}"'
