"""The pieces that a batch is sent in, the order they are sent in, and when refusals have shown enough."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from qframe.model.batch import Batch
from qframe.model.ids import RowNumbers
from qframe.model.outcome import Fault

SINGLE_REFUSALS = 8
"""Single rows of an ordered batch refused one after the other in the same words before the rest is not tried."""

QUARTERS = 2
"""Halvings that make them."""

_Words = tuple[str, str]
"""A kind of fault, and what the server said of it."""


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """A part of a batch still to be sent, and what was tried with its rows so far.

    Parameters
    ----------
    batch : Batch
        The rows of the piece.
    positions : range or numpy.ndarray
        Where they stand in the whole batch, ascending `int64`.
    depth : int
        Halvings.
    attempts : int
        Requests that carried the rows.
    stored : bool
        Whether one of those may have stored some of the rows.
    begun : bool
        Whether one of those has stored some, up to an id that was not there: later refusals do not undo that.
    asked : int
        How often it was asked which ids are there.
    error : str
        What kind of fault the last request ended in.
    """

    batch: Batch
    positions: RowNumbers
    depth: int = 0
    attempts: int = 0
    stored: bool = False
    begun: bool = False
    asked: int = 0
    error: str = ""

    def __len__(self) -> int:
        return len(self.positions)

    def tried(self, attempts: int, fault: Fault | None = None) -> Piece:
        """After so many more requests, which ended in a fault or in nothing."""
        if fault is None:
            return replace(self, attempts=self.attempts + attempts)
        stored = self.stored or fault.applied != "no"
        begun = self.begun or (fault.kind == "missing" and fault.applied == "some")
        return replace(self, attempts=self.attempts + attempts, stored=stored, begun=begun, error=fault.kind)

    def halves(self) -> list[Piece]:
        """Two pieces, in order."""
        left, right = self.batch.halves()
        middle = len(left)
        return [
            replace(self, batch=left, positions=self.positions[:middle], depth=self.depth + 1),
            replace(self, batch=right, positions=self.positions[middle:], depth=self.depth + 1),
        ]

    def without(self, places: RowNumbers) -> Piece:
        """The piece without the rows at some places of it, but not without all."""
        return self._at(np.delete(np.arange(len(self), dtype=np.int64), places))

    def middle(self) -> tuple[Piece, Piece | None]:
        """The row in the middle, and the others; None where it is alone."""
        place = np.array([len(self) // 2])
        return self._at(place), self.without(place) if len(self) > 1 else None

    def _at(self, places: npt.NDArray[np.int64]) -> Piece:
        positions = np.asarray(self.positions, dtype=np.int64)[places]
        return replace(self, batch=self.batch.take(places), positions=positions)


class Pieces:
    """Pieces to be sent.

    Without an order level by level, so that all halves and quarters have been tried before any eighth is. In an ordered
    batch first to last: a half and all that comes of it before the other half.
    """

    def __init__(self, batch: Batch) -> None:
        self._ordered = batch.ordered
        self._left = deque([Piece(batch, range(len(batch)))])

    def __bool__(self) -> bool:
        return bool(self._left)

    def next(self) -> Piece:
        return self._left.popleft()

    def add(self, parts: Sequence[Piece]) -> None:
        """What is to be sent instead of the piece that was taken last, in order."""
        if self._ordered:
            self._left.extendleft(reversed(parts))
        else:
            self._left.extend(parts)

    def single_out(self) -> int:
        """Put a row of each piece that is left before all pieces, alone; how many these are."""
        parts = [piece.middle() for piece in self._left]
        self._left = deque([row for row, _ in parts] + [rest for _, rest in parts if rest is not None])
        return len(parts)


@dataclass(slots=True)
class Refusals:
    """In which words pieces of a batch were not taken, and whether that shows a reason which is not in single rows.

    Parameters
    ----------
    ordered : bool
        The batch's.
    attempts : int
        Requests after which rows that are turned away for want of room are sent no more.
    accepted : bool
        Whether a piece was taken.
    last : Fault or None
        The last such answer.
    probes : int
        Single rows from all over the batch that are sent next, since it is `suspect`; 0 before.
    """

    ordered: bool
    attempts: int
    accepted: bool = False
    last: Fault | None = None
    probes: int = 0
    _worn_out: bool = False
    _single: _Words | None = None
    _quarters: Counter[_Words] = field(default_factory=Counter)
    _in_a_row: int = 0

    def probe(self, rows: int) -> None:
        """So many single rows are sent next; in a small batch some were refused before, which they are not among."""
        self.probes, self._in_a_row = rows, 0

    def add(self, piece: Piece, fault: Fault) -> None:
        """A piece was not taken."""
        turned_away = fault.kind == "throttled" and fault.retry_after is None
        worn_out = turned_away and piece.attempts >= self.attempts
        divided = fault.kind in ("refused", "too_large")
        # How large it was is said of each piece in other words.
        words = fault.kind, "" if fault.kind == "too_large" else fault.message
        if len(piece) == 1:
            counts = divided or worn_out
            again = counts and self._in_a_row > 0 and words == self._single
            self._in_a_row = self._in_a_row + 1 if again else int(counts)
            self._single = words
        if divided or turned_away:
            self.last = fault
            self._worn_out |= worn_out
            self._quarters[words] += piece.depth == QUARTERS

    @property
    def suspect(self) -> bool:
        """Whether single rows are to be tried before all others: all quarters of a batch without an order were refused
        in the same words, or were too large, and nothing was taken.
        """
        return not self.ordered and self.probes == 0 and not self.accepted and self._alike("refused", "too_large")

    @property
    def hopeless(self) -> bool:
        """Whether the rest of the batch would fare alike (a strict-mode rule, say, or a proxy with a limit of its own).

        Going on down to the rows would cost two requests a row for nothing. Without an order that is so when single
        rows from all over a `suspect` batch were not taken either, or when its quarters were turned away and then the
        attempts were used up; where later rows have to wait for earlier ones, when many single rows in a row were not
        taken. One row that is taken shows that the reason is in single ones: a bad row in a thousand is in all quarters
        of most batches.
        """
        if self.accepted:
            return False
        if self.ordered:
            return self._in_a_row >= SINGLE_REFUSALS
        if self._alike("refused", "too_large"):
            return self._in_a_row >= (self.probes or 2**QUARTERS)
        return self._worn_out and self._alike("throttled")

    def _alike(self, *kinds: str) -> bool:
        return any(count == 2**QUARTERS for (kind, _), count in self._quarters.items() if kind in kinds)
