"""A progress bar that shows itself only where someone looks and only when the work takes a while."""

from __future__ import annotations

import sys
import time
import warnings
from types import TracebackType
from typing import Any, Self

from qframe.write.options import Progress

SHOW_AFTER = 2.0
"""Seconds of work before a bar appears by itself."""


def _watched() -> bool:
    """Whether there is a terminal or a notebook to draw in."""
    if "ipykernel" in sys.modules:
        return True
    return sys.stderr is not None and sys.stderr.isatty()


class ProgressMeter:
    """Counts rows that are done.

    Parameters
    ----------
    progress : None, bool or callable
        None: a bar after 2 seconds where there is a terminal or notebook. True: a bar at once, anywhere. False: none.
        A callable gets (rows done, rows in all or None).
    total : int or None
        Rows in all, None when not known.
    label : str
    """

    def __init__(self, progress: Progress, total: int | None, label: str) -> None:
        self._call = progress if callable(progress) else None
        self._wanted = progress is True or (progress is None and _watched())
        self._show_at = time.monotonic() + (0.0 if progress is True else SHOW_AFTER)
        self._total = total
        self._label = label
        self._done = 0
        self._bar: Any = None

    def __enter__(self) -> Self:
        if self._wanted and self._show_at <= time.monotonic():
            self._open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.close()

    def reach(self, done: int) -> None:
        """So many rows are done by now: written, refused or left out."""
        rows = done - self._done
        if not rows:
            return
        self._done = done
        if self._call is not None:
            self._call(self._done, self._total)
        if self._bar is not None:
            self._bar.update(rows)
        elif self._wanted and time.monotonic() >= self._show_at:
            self._open()

    def _open(self) -> None:
        # Here and not at the top: tqdm.auto looks for a notebook when it is imported, and where that has no widgets it
        # warns and draws in text.
        from tqdm import TqdmWarning

        with warnings.catch_warnings():
            warnings.simplefilter("ignore", TqdmWarning)
            from tqdm.auto import tqdm

        self._bar = tqdm(total=self._total, initial=self._done, unit=" rows", unit_scale=True, desc=self._label)
