"""The contract on the embedded engine, qdrant-edge. Importing this package does not load the engine; `open` does."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from qframe.backends.embedded.backend import EmbeddedBackend


def open(folder: str | None) -> EmbeddedBackend:  # noqa: A001 - every backend has an `open`
    """Open the embedded engine on a folder.

    Parameters
    ----------
    folder : str or None
        Made when it is not there. None: a temporary folder, not on a RAM disk, that goes with the backend.

    Raises
    ------
    FolderInUseError
        Another process has it open.
    ForkedProcessError
        It was opened before this process was forked.
    TargetError
        The path is a file, or a folder that holds something else.
    UnsupportedError
        The engine is not installed, or has no wheel for this platform.
    """
    from qframe.backends.embedded.backend import EmbeddedBackend
    from qframe.backends.embedded.folder import borrow

    return EmbeddedBackend(borrow(folder))
