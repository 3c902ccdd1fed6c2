"""A place for a temporary folder that is not a RAM disk; knows nothing of engines."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path


def temporary_folder() -> Path:
    """A new folder, to be removed by whoever asked for it."""
    return Path(tempfile.mkdtemp(prefix="qframe-", dir=_disk())).resolve()


def _disk() -> str:
    """A folder for temporary files that is not a RAM disk, where a full one kills the process by SIGBUS."""
    usual = tempfile.gettempdir()
    for candidate in (usual, "/var/tmp"):  # noqa: S108 - mkdtemp makes the folder in it
        if os.access(candidate, os.W_OK) and _filesystem(candidate) not in ("tmpfs", "ramfs"):
            return candidate
    return usual


def _filesystem(path: str) -> str:
    """Type of the file system that holds a path, "" where the system does not tell."""
    real = os.path.realpath(path)
    found = ("", "")
    with contextlib.suppress(FileNotFoundError):
        found = max(
            (item for item in _mounts() if os.path.commonpath((item[0], real)) == item[0]),
            key=lambda item: len(item[0]),
            default=found,
        )
    return found[1]


def _mounts() -> Iterator[tuple[str, str]]:
    with Path("/proc/self/mounts").open(encoding="utf-8", errors="replace") as lines:
        for line in lines:
            _, mount, kind, *_ = line.split()
            yield mount, kind
