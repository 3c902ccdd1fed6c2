"""From checked parts to batches, one by one as workers become free."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from qframe.delivery.ledger import Ledger
from qframe.model.backend import Backend
from qframe.model.batch import Batch
from qframe.model.operations import Operation
from qframe.model.points import Points
from qframe.write.cut import cut, group
from qframe.write.points import Checked


@dataclass(slots=True)
class Feed:
    """Batches of a call.

    Parameters
    ----------
    collection : str
    backend : Backend
        For its estimates only.
    ledger : Ledger
        Told of each batch before it is handed out.
    operation : callable
        Points → the operation on them; None where there is nothing to do.
    rows, nbytes : int
        Bounds of a batch.
    """

    collection: str
    backend: Backend
    ledger: Ledger
    operation: Callable[[Points], Operation | None]
    rows: int
    nbytes: int
    stopped: bool = False
    _number: int = field(default=0)

    def batches(self, parts: Iterator[Checked]) -> Iterator[Batch]:
        """Batches until the parts end or `stopped` is set; what the parts raise comes through."""
        for part in parts:
            for points in group(part.points, part.shard_keys):
                operation = self.operation(points)
                if operation is None:
                    self.ledger.skip(points.rows)
                    continue
                for piece in cut(self.backend, operation, self.rows, self.nbytes):
                    if self.stopped:
                        return
                    batch = Batch(self.collection, (piece,), self._number)
                    self._number += 1
                    self.ledger.hand_out(batch)
                    yield batch
            if self.stopped:
                return
