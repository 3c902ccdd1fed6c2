"""The lock on a root folder, held as long as the folder is open; knows nothing of what is in it."""

from __future__ import annotations

from pathlib import Path

from qframe import locking
from qframe.errors import FolderInUseError

LOCK_NAME = ".qframe.lock"


def acquire(folder: Path) -> int:
    """Lock a folder for this process and answer the file descriptor that holds the lock; `locking.release` ends it.

    Raises
    ------
    FolderInUseError
        Another process has it.
    OSError
        Nothing can be locked there.
    """
    path = folder / LOCK_NAME
    descriptor = locking.acquire(path)
    if descriptor is None:
        raise FolderInUseError(
            f"the embedded folder {folder} is open in another process{locking.holder(path)}. One process at a time can "
            "have it open: close it there (a notebook kernel keeps it until it is restarted), or use a server"
        )
    return descriptor
