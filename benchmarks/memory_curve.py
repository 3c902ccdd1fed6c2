"""What a process holds in memory while it works, as a curve over the work. Linux tells it, other systems do not."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from types import TracebackType

MB = 1e6
PLACES = 20
"""Equal shares of the time that a curve tells of; rows pass evenly in it."""

LOOK = 0.01
"""Seconds between two looks."""

BLOCKS = " ▁▂▃▄▅▆▇█"


@dataclass(frozen=True)
class Curve:
    """The most that was held in each share of the time.

    Parameters
    ----------
    peaks : tuple of float
        MB beyond what the process held before.
    seconds : float
    """

    peaks: tuple[float, ...]
    seconds: float

    @property
    def peak(self) -> float:
        return max(self.peaks)

    def line(self, top: float) -> str:
        """The curve as blocks, the highest of which stands for `top` MB."""
        steps = len(BLOCKS) - 1
        return "".join(BLOCKS[min(steps, max(0, round(peak / top * steps)))] for peak in self.peaks)


class Watch:
    """Looks at this process while its block runs: anonymous memory, since the pages of a file are the system's."""

    def __enter__(self) -> Watch:
        self._before, self._seen = resident(), [0]
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._begin = time.perf_counter()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._seconds = time.perf_counter() - self._begin
        self._over.set()
        self._thread.join()

    @property
    def curve(self) -> Curve:
        return Curve(tuple(peak / MB for peak in _shares(self._seen)), self._seconds)

    def _look(self) -> None:
        while not self._over.wait(LOOK):
            self._seen.append(resident() - self._before)


def _shares(seen: Sequence[int]) -> list[int]:
    """The most of each share; a share without a look has that of the look before it."""
    bounds = [len(seen) * place // PLACES for place in range(PLACES + 1)]
    return [max(seen[max(0, min(start, stop - 1)) : stop] or seen[:1]) for start, stop in pairwise(bounds)]


def resident() -> int:
    """Bytes of anonymous memory that this process holds."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * int(next(line for line in lines if line.startswith("RssAnon")).split()[1])
