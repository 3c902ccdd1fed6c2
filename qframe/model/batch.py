"""A batch: what one request carries, is retried with the same bytes, and halved when it is refused."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from qframe.model.ids import Index, RowIds, RowNumbers, take_rows
from qframe.model.operations import Operation

Ordering = Literal["weak", "medium", "strong"]
Missing = Literal["report", "skip"]


@dataclass(frozen=True, slots=True)
class WriteOptions:
    """How a request is to be applied.

    Parameters
    ----------
    wait : bool
        Answer when the change is applied (True) or only logged.
    ordering : "weak", "medium" or "strong"
        Qdrant's write ordering.
    timeout : float
        Seconds for one request. The server is asked to answer a little before that.
    missing : "report" or "skip"
        What a row is whose id the server does not have, where it refuses such ids: failed, or skipped.
    longest : int or None
        Seconds that the collection's strict mode allows a request to ask for (`max_timeout`).
    limit : int or None
        Points that it allows to be written in a minute (`write_rate_limit`).
    """

    wait: bool = True
    ordering: Ordering = "weak"
    timeout: float = 60.0
    missing: Missing = "report"
    longest: int | None = None
    limit: int | None = None

    @property
    def server_timeout(self) -> int:
        """Whole seconds, at least 1: the server's own limit, below the client's so that its words arrive first."""
        seconds = max(1, int(self.timeout * 0.9))
        return seconds if self.longest is None else min(seconds, max(1, self.longest))


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """One or more operations on one collection, sent as one request.

    Parameters
    ----------
    collection : str
    operations : tuple of Operation
        Done one after the other; at least one. Its rows are those of all of them, in this order.
    number : int
        Counts batches in the order in which they were cut; the ledger knows a batch by it.
    ordered : bool
        Whether its rows must be applied in their order: parts of it are then sent first to last, never side by side or
        the other way round. Without that no id is in it twice.
    """

    collection: str
    operations: tuple[Operation, ...]
    number: int = 0
    ordered: bool = False

    def __len__(self) -> int:
        return sum(len(operation.rows) for operation in self.operations)

    @property
    def rows(self) -> RowNumbers:
        """The caller's row numbers."""
        if len(self.operations) == 1:
            return self.operations[0].rows
        return np.concatenate([np.asarray(operation.rows, dtype=np.int64) for operation in self.operations])

    @property
    def ids(self) -> RowIds:
        """The ids of the rows."""
        return RowIds(tuple((len(operation.rows), operation.ids) for operation in self.operations))

    def take(self, index: Index) -> Batch:
        """The rows at `index`, a slice or ascending positions; operations of which nothing is left are left out."""
        positions = take_rows(range(len(self)), index)
        taken, start = [], 0
        for operation in self.operations:
            stop = start + len(operation.rows)
            part = _within(positions, start, stop)
            if part is not None:
                taken.append(operation.take(part))
            start = stop
        return replace(self, operations=tuple(taken))

    def halves(self) -> tuple[Batch, Batch]:
        """Two batches of about equal length, in order. A batch of one row has no halves."""
        middle = len(self) // 2
        return self.take(slice(0, middle)), self.take(slice(middle, len(self)))


def _within(positions: RowNumbers, start: int, stop: int) -> Index | None:
    """Which of the rows `start:stop` are among the ascending positions, counted from `start`; None for none."""
    if isinstance(positions, range):
        first, last = max(positions.start, start), min(positions.stop, stop)
        return slice(first - start, last - start) if first < last else None
    first, last = np.searchsorted(positions, (start, stop))
    return positions[first:last] - start if first < last else None


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """A batch encoded whole, ready to be sent any number of times. Never pickled.

    Parameters
    ----------
    content : object
        Bytes on a wire; whatever the embedded engine takes there. Only the backend that made it looks inside.
    nbytes : int
        Size of the body on the wire, 0 where there is no wire.
    route : tuple
        Where the content goes; only the backend that made it looks inside.
    several : bool
        Whether the server does it in several steps, of which the first may be done when a later one is turned down.
    """

    content: Any
    nbytes: int
    route: tuple[Any, ...] = ()
    several: bool = False
