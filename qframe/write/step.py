"""One operation of a batch of several: its rows, checked and waiting, and its own report afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from qframe.delivery.ledger import BAD_VALUE, KEPT_FAILURES, Ledger
from qframe.frames.picking import Identify
from qframe.frames.source import Library
from qframe.model.ids import RowNumbers
from qframe.model.operations import Operation
from qframe.model.outcome import STATES
from qframe.report import WriteReport
from qframe.write.cut import group, levels
from qframe.write.frame import FrameWrite
from qframe.write.gather import gathered
from qframe.write.options import Duplicates
from qframe.write.points import Checked


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """An operation that waits to be sent; its rows are numbered as in its own frame.

    Parameters
    ----------
    write : FrameWrite
    parts : list of Checked
        Rows that can be written.
    ledger : Ledger
        Of its rows: those that were refused or left out are in there.
    duplicates : "raise", "first", "last" or "keep"
    what : str
        Which points, in words.
    library : "polars", "pandas" or "arrow"
    rows : int
        Of a request, at most.
    index : object
        A pandas index.
    ids : pyarrow.Array or None
        None by filter.
    identify : callable or None
        The ids of a frame's rows.
    matching : Operation or None
        By filter instead of `parts`; its row is numbered among those of all.
    """

    write: FrameWrite
    parts: list[Checked]
    ledger: Ledger
    duplicates: Duplicates
    what: str
    library: Library
    rows: int = 1
    index: object = None
    ids: pa.Array | None = None
    identify: Identify | None = None
    matching: Operation | None = None

    def __len__(self) -> int:
        return self.ledger.length

    def operations(self, start: int) -> Iterator[tuple[RowNumbers, Operation | None]]:
        """What is to be done, in order, with rows numbered from `start`; None where the verb finds nothing to do."""
        if self.matching is not None:
            yield self.matching.rows, self.matching
        arranged = levels if self.duplicates == "keep" else group
        for part in gathered(self.parts):
            moved = replace(part.points, rows=_moved(part.points.rows, start))
            for points in arranged(moved, part.shard_keys):
                yield points.rows, self.write.operation(points)

    def report(self, whole: WriteReport, start: int, batches: int) -> WriteReport:
        """What became of its own rows, which begin at `start` in the report of all.

        Requests, bytes and waits are those of several operations together; here they are 0.
        """
        stop = start + len(self)
        states = whole.states[start:stop]
        # Of all operations together the first failures are named, which may all be those of another.
        refused = tuple(self.ledger.failures)
        sent = (item for item in whole.details if start <= item.row < stop and item.error != BAD_VALUE)
        details = sorted((*refused, *(replace(item, row=item.row - start) for item in sent)), key=lambda item: item.row)
        troubled = np.isin(states, [STATES.index("failed"), STATES.index("unknown")])
        return replace(
            whole,
            operation=self.write.verb,
            library=self.library,
            states=states,
            details=tuple(details[:KEPT_FAILURES]),
            failures_truncated=len({item.row for item in details[:KEPT_FAILURES]}) < int(np.count_nonzero(troubled)),
            batches=batches,
            requests=0,
            retries=0,
            nbytes=0,
            throttled=0.0,
            id_column=self.ids,
            index=self.index,
            identify=self.identify,
            by_filter=int(self.matching is not None),
            frames=(),
        )


def _moved(rows: RowNumbers, start: int) -> RowNumbers:
    return range(rows.start + start, rows.stop + start) if isinstance(rows, range) else rows + start
