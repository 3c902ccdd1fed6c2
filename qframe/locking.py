"""One advisory lock on a file, which ends with its process; knows nothing of what it stands for."""

from __future__ import annotations

import errno
import os
import sys
from contextlib import suppress
from pathlib import Path

UNLOCKABLE = frozenset({errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTSUP})
"""What file systems without locks answer: some that are mounted from a network."""

_HELD = frozenset({errno.EAGAIN, errno.EACCES, errno.EDEADLK})

_WINDOWS_BYTE = 1 << 30
"""Windows locks ranges of bytes, also against reading: one far behind the pid."""


def acquire(path: Path) -> int | None:
    """Lock a file, made if need be, and answer the file descriptor that holds the lock.

    Every call is a holder of its own, in one process too. Over NFS the lock holds between computers.

    Returns
    -------
    int or None
        None: somebody else has it.

    Raises
    ------
    OSError
        The file cannot be made; or, with a number of `UNLOCKABLE`, the file system has no locks.
    """
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o644)
        try:
            locked = _lock(descriptor)
            if locked and _is_at(descriptor, path):
                _sign(descriptor)
                return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)
        if not locked:
            return None
        # Its holder removed the file between our opening and locking it: the lock is on nothing.


def release(descriptor: int, remove: Path | None = None) -> None:
    """Give the lock back, also where a forked child still has the descriptor.

    Parameters
    ----------
    descriptor : int
    remove : pathlib.Path, optional
        The file, where it is not to stay. A process that is killed leaves it; whoever comes next takes it over.
    """
    if sys.platform == "win32":
        import msvcrt

        os.lseek(descriptor, _WINDOWS_BYTE, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_UNLCK, 1)
        os.close(descriptor)
        if remove is not None:
            # Open files cannot be removed there: whoever has it open by now removes it.
            with suppress(OSError):
                remove.unlink(missing_ok=True)
    else:
        import fcntl

        if remove is not None:
            # While it is locked: afterwards it may be another's.
            with suppress(OSError):
                remove.unlink(missing_ok=True)
        fcntl.flock(descriptor, fcntl.LOCK_UN)
        os.close(descriptor)


def holder(path: Path) -> str:
    """` (process 123)` of the one that has the lock, to be said in an error; empty where it is not known."""
    try:
        text = path.read_text(encoding="ascii", errors="replace").strip()
    except OSError:
        return ""
    return f" (process {text})" if text.isdigit() else ""


def _lock(descriptor: int) -> bool:
    try:
        if sys.platform == "win32":
            import msvcrt

            os.lseek(descriptor, _WINDOWS_BYTE, os.SEEK_SET)
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
            os.lseek(descriptor, 0, os.SEEK_SET)
        else:
            import fcntl

            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno not in _HELD:
            raise
        return False
    return True


def _is_at(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def _sign(descriptor: int) -> None:
    # For the text of an error alone: a full disk is no reason to do without the lock.
    with suppress(OSError):
        os.ftruncate(descriptor, 0)
        os.write(descriptor, str(os.getpid()).encode())
