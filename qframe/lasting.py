"""A file that is put in place whole, and lasts: after a crash or a power loss it is there as it was or as it is."""

from __future__ import annotations

import errno
import os
from contextlib import suppress
from pathlib import Path

_NO_FOLDERS = frozenset({errno.EINVAL, errno.EBADF, errno.ENOTSUP})
"""What file systems answer that cannot make a folder last (CIFS is one): they see to it themselves, or nobody can."""


def put(path: Path, content: bytes, aside: Path) -> None:
    """Write a file beside, make it last, and rename it into place.

    Parameters
    ----------
    path : pathlib.Path
    content : bytes
    aside : pathlib.Path
        In the same folder; always of the same name: what a killed process leaves there, the next one overwrites.

    Raises
    ------
    OSError
        The file is as it was, and no other is left; or it is in its place, and the folder cannot be made to last.
    """
    try:
        with aside.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)
    except BaseException:
        with suppress(OSError):
            aside.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    """Make a new name in a folder last. Windows has no such thing: folders cannot be opened there."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in _NO_FOLDERS:
            raise
    finally:
        os.close(handle)
