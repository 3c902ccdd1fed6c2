"""One advisory lock on a folder, held as long as the folder is open; knows nothing of what is in it."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from qframe.errors import FolderInUseError

LOCK_NAME = ".qframe.lock"


def acquire(folder: Path) -> int:
    """Lock a folder for this process and answer the file descriptor that holds the lock.

    Raises
    ------
    FolderInUseError
        Another process has it.
    """
    path = folder / LOCK_NAME
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o644)
    try:
        _lock(descriptor)
    except OSError as error:
        holder = _holder(path)
        os.close(descriptor)
        raise FolderInUseError(
            f"the embedded folder {folder} is open in another process{holder}. One process at a time can have it open: "
            f"close it there (a notebook kernel keeps it until it is restarted), or use a server"
        ) from error
    os.ftruncate(descriptor, 0)
    os.write(descriptor, str(os.getpid()).encode())
    return descriptor


def release(descriptor: int) -> None:
    """Give the lock back, also where a forked child still has the descriptor."""
    if sys.platform == "win32":
        import msvcrt

        os.lseek(descriptor, _WINDOWS_BYTE, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_UNLCK, 1)
    else:
        import fcntl

        fcntl.flock(descriptor, fcntl.LOCK_UN)
    os.close(descriptor)


_WINDOWS_BYTE = 1 << 30
"""Windows locks ranges of bytes, also against reading: one far behind the pid."""


def _lock(descriptor: int) -> None:
    if sys.platform == "win32":
        import msvcrt

        os.lseek(descriptor, _WINDOWS_BYTE, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        os.lseek(descriptor, 0, os.SEEK_SET)
    else:
        import fcntl

        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _holder(path: Path) -> str:
    text = path.read_text(encoding="ascii", errors="replace").strip()
    return f" (process {text})" if text.isdigit() else ""
