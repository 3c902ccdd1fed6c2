"""What a read asks for besides ids, alike on all backends but for the vectors of the embedded one."""

from __future__ import annotations

from qframe.model.paths import payload_path


def payload_selector(payload: bool | tuple[str, ...]) -> bool | tuple[str, ...]:
    """What payload to ask for: paths of the keys; all of it when a key has no path, and the reader picks."""
    if isinstance(payload, bool):
        return payload
    paths = [payload_path(key) for key in payload]
    if None in paths:
        return True
    return tuple(path for path in paths if path is not None) or False


def vectors_selector(vectors: tuple[str, ...]) -> bool | tuple[str, ...]:
    """Which vectors to ask for. The unnamed one has no name that all servers take; only sparse ones stand beside it."""
    return True if "" in vectors else vectors or False
