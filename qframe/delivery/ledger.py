"""The ledger of a call: which rows exist, which were handed out, what came of each; the rest stays unknown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from qframe.model.bad import Bad
from qframe.model.batch import Batch
from qframe.model.ids import PointId, RowIds, RowNumbers, take_rows
from qframe.model.outcome import STATES, Fault, Outcome, Span, State

KEPT_FAILURES = 10_000
"""How many rows a report names one by one; all are counted."""

BAD_VALUE = "bad value"
"""The `error` of rows that were refused before anything was sent."""

_CODES = {state: code for code, state in enumerate(STATES)}


@dataclass(frozen=True, slots=True)
class Failure:
    """Why one row is not, or not certainly, stored.

    Parameters
    ----------
    row : int
    point_id : int, str or None
    column : str or None
    error : str
    reason : str
        Without the value that was found, which other rows of the same reason do not share.
    attempts : int
    found : str or None
        The value; None where there is none, and beyond the first `KEPT_VALUES` rows of a reason.
    """

    row: int
    point_id: PointId | None
    column: str | None
    error: str
    reason: str
    attempts: int
    found: str | None = None

    @property
    def message(self) -> str:
        return self.reason if self.found is None else f"found {self.found}: {self.reason}"


@dataclass(slots=True)
class Totals:
    """Sums over all outcomes."""

    batches: int = 0
    requests: int = 0
    retries: int = 0
    nbytes: int = 0
    throttled: float = 0.0


@dataclass(slots=True)
class Ledger:
    """Written to by the thread of the call alone, which hands out batches and hears outcomes.

    `states` holds, for each row of the source, an index into `STATES`; only the first `length` entries count. `ended`
    is how many of them have one for good: refused, left out, or in a batch that was heard of.
    """

    length: int = 0
    states: npt.NDArray[np.uint8] = field(default_factory=lambda: np.empty(0, dtype=np.uint8))
    failures: list[Failure] = field(default_factory=list)
    failures_truncated: bool = False
    totals: Totals = field(default_factory=Totals)
    fatal: Fault | None = None
    ended: int = 0
    _out: dict[int, tuple[RowNumbers, RowIds]] = field(default_factory=dict)

    def add_rows(self, count: int) -> None:
        """So many more rows exist; nothing has been sent for them."""
        needed = self.length + count
        if needed > len(self.states):
            grown = np.full(max(needed, 2 * len(self.states)), _CODES["unsent"], dtype=np.uint8)
            grown[: self.length] = self.states[: self.length]
            self.states = grown
        self.length = needed

    def append(self, other: Ledger) -> None:
        """The rows of another ledger, from which nothing was handed out, below these."""
        start = self.length
        self.add_rows(other.length)
        self.states[start : self.length] = other.states[: other.length]
        self.ended += other.ended
        for failure in other.failures:
            if self._full():
                break
            self.failures.append(replace(failure, row=failure.row + start))
        self.failures_truncated |= other.failures_truncated

    def hand_out(self, batch: Batch) -> None:
        """A batch is about to be given to a worker: its rows are unknown until an outcome says otherwise."""
        rows = batch.rows
        self._out[batch.number] = (rows, batch.ids)
        self._mark(rows, "unknown")

    def record(self, outcome: Outcome) -> None:
        """An outcome arrived; a second one of the same batch changes nothing."""
        if outcome.number not in self._out:
            return
        rows, ids = self._out[outcome.number]
        for span in outcome.spans:
            self._mark(_taken(rows, span.positions), span.state)
        # Not before: Ctrl-C may come up in between, and the outcome comes again then.
        del self._out[outcome.number]
        self.ended += sum(map(len, outcome.spans))
        for span in outcome.spans:
            if span.state in ("failed", "unknown"):
                self._keep(rows, ids, span)
        totals = self.totals
        totals.batches += 1
        totals.requests += outcome.requests
        totals.retries += outcome.retries
        totals.nbytes += outcome.nbytes
        totals.throttled += outcome.throttled
        if outcome.fatal is not None:
            self.fatal = outcome.fatal

    def refuse(self, bad: Bad, first_row: int, ids: Sequence[PointId | None]) -> None:
        """Rows that were found bad before anything was sent; `ids` are theirs, aligned with `bad.rows`."""
        rows = bad.rows + first_row
        self._leave_out(rows, "failed")
        for position, row in enumerate(rows.tolist()):
            if self._full():
                break
            reason = f"{bad.why(position)}. {bad.way_out}"
            failure = Failure(row, ids[position], bad.column, BAD_VALUE, reason, 0, bad.found(position))
            self.failures.append(failure)

    def skip(self, rows: RowNumbers) -> None:
        """Rows left out on purpose."""
        self._leave_out(rows, "skipped")

    def settle(self) -> None:
        """The call is over: whatever was handed out and not heard of stays unknown, and the report says so."""
        for rows, ids in self._out.values():
            text = "the call ended before an answer came"
            self._keep(rows, ids, Span(range(len(rows)), "unknown", "lost", text, 1))
        self._out.clear()
        self.failures.sort(key=lambda failure: failure.row)

    def count(self, state: State) -> int:
        return int(np.count_nonzero(self.states[: self.length] == _CODES[state]))

    def failed_more(self, most: int | None) -> bool:
        """Whether more than so many rows failed; never with None."""
        return most is not None and self.count("failed") > most

    def _leave_out(self, rows: RowNumbers, state: State) -> None:
        """Rows that will not be handed out; one that is bad for two reasons comes twice."""
        before = self.states[_index(rows)]
        self.ended += int(np.count_nonzero(before == _CODES["unsent"]))
        self._mark(rows, state)

    def _mark(self, rows: RowNumbers, state: State) -> None:
        self.states[_index(rows)] = _CODES[state]

    def _keep(self, rows: RowNumbers, ids: RowIds, span: Span) -> None:
        for position in span.positions:
            if self._full():
                return
            row, point = int(rows[position]), ids[int(position)]
            self.failures.append(Failure(row, point, None, span.error, span.message, span.attempts))

    def _full(self) -> bool:
        if len(self.failures) < KEPT_FAILURES:
            return False
        self.failures_truncated = True
        return True


def _index(rows: RowNumbers) -> slice | npt.NDArray[np.int64]:
    return slice(rows.start, rows.stop) if isinstance(rows, range) else rows


def _taken(rows: RowNumbers, positions: RowNumbers) -> RowNumbers:
    """The row numbers at ascending positions."""
    index = slice(positions.start, positions.stop) if isinstance(positions, range) else positions
    return take_rows(rows, index)
