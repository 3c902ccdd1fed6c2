"""From checked parts to batches, in an order that may matter: lanes of batches that follow each other, in waves."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np

from qframe.delivery.jobs import workers
from qframe.delivery.ledger import Ledger
from qframe.model.backend import Backend
from qframe.model.batch import Batch
from qframe.model.operations import Operation
from qframe.model.points import Points
from qframe.write.cut import ROWS_WITHOUT_BYTES, bounds, cut, group, levels, most_rows, stretches
from qframe.write.gather import gathered
from qframe.write.lanes import lane_of
from qframe.write.options import Duplicates, Order, WriteSettings
from qframe.write.pack import Piece, pack, pieces_of
from qframe.write.points import Checked

Lane = tuple[Batch, ...]
"""Batches that are delivered one after the other by one worker."""

Wave = Iterable[Lane]
"""Lanes that are delivered side by side; all have ended before those of the next wave begin."""

LANE = 4
"""Batches that a lane of a wave holds, about: more of them leave workers idle less often at the end of a wave, and are
held in memory together."""

SAMPLE = 512
"""Rows whose size tells how many rows make a wave."""


def side_by_side(batches: Iterable[Batch]) -> Iterator[Wave]:
    """Batches that do not wait for each other: one wave, each in a lane of its own."""
    yield ((batch,) for batch in batches)


def feed_of(
    collection: str,
    backend: Backend,
    ledger: Ledger,
    operation: Callable[[Points], Operation | None],
    rows: int,
    settings: WriteSettings,
    *,
    recurring: bool,
) -> Feed:
    """The feed of a call; `rows` bounds a batch, the rest is as for `Feed`."""
    return Feed(
        collection,
        backend,
        ledger,
        operation,
        rows,
        settings.batch_bytes or backend.capabilities.batch_bytes,
        settings.order,
        settings.duplicates,
        recurring,
        workers(settings.jobs, parallel=backend.capabilities.parallel),
    )


@dataclass(slots=True)
class Feed:
    """Batches of a call.

    Parameters
    ----------
    collection : str
    backend : Backend
        For its estimates only.
    ledger : Ledger
        Told of rows that there is nothing to do for.
    operation : callable
        Points → the operation on them; None where there is nothing to do.
    rows, nbytes : int
        Bounds of a batch.
    order : "unordered", "semi_ordered" or "ordered"
    duplicates : "raise", "first", "last" or "keep"
        With "keep", ids may occur again within a part.
    recurring : bool
        Whether ids of one part may occur in another: in a stream, whose rows are sent as they come.
    workers : int
        How many lanes run side by side.
    """

    collection: str
    backend: Backend
    ledger: Ledger
    operation: Callable[[Points], Operation | None]
    rows: int
    nbytes: int
    order: Order = "unordered"
    duplicates: Duplicates = "raise"
    recurring: bool = False
    workers: int = 1
    _number: int = field(default=0)

    def waves(self, parts: Iterator[Checked]) -> Iterator[Wave]:
        """Waves until the parts end; what the parts raise comes through."""
        keep = self.duplicates == "keep"
        parts = parts if self.recurring else gathered(parts)
        if self.order == "ordered":
            yield from side_by_side(self._one_by_one(parts, ordered=keep))
        elif self.order == "unordered" or not (keep or self.recurring):
            yield from side_by_side(self._batches(parts))
        else:
            for part in parts:
                yield from self._lanes(part)

    def _batches(self, parts: Iterator[Checked]) -> Iterator[Batch]:
        for part in parts:
            for points in group(part.points, part.shard_keys):
                operation = self._operation(points)
                if operation is not None:
                    for piece in cut(self.backend, operation, self.rows, self.nbytes):
                        yield self._batch((piece,), ordered=False)

    def _one_by_one(self, parts: Iterator[Checked], *, ordered: bool) -> Iterator[Batch]:
        for part in parts:
            yield from self._packed(self._in_order(part), ordered=ordered)

    def _lanes(self, part: Checked) -> Iterator[Wave]:
        """Each id is in one lane of a wave, and waves follow each other: what shares an id never is side by side."""
        keep, rows = self.duplicates == "keep", self._wave_rows(part)
        arranged = levels if keep else group
        for start in range(0, len(part), rows):
            stretch = part.take(slice(start, start + rows))
            lanes = lane_of(stretch.points.ids, self.workers)
            wave = []
            for lane in range(self.workers):
                rows_of_lane = stretch.take(np.flatnonzero(lanes == lane))
                operations = map(self._operation, arranged(rows_of_lane.points, rows_of_lane.shard_keys))
                wave.append(tuple(self._packed(operations, ordered=keep)))
            yield [lane for lane in wave if lane]

    def _wave_rows(self, part: Checked) -> int:
        """Rows of a part that make about `LANE` batches for each worker, at least one for each."""
        places = np.unique(np.linspace(0, max(len(part) - 1, 0), SAMPLE).astype(np.int64))
        size, seen = 0, 0
        sample = part.take(places) if len(part) else part
        for points in group(sample.points, sample.shard_keys):
            operation = self.operation(points)
            sizes = None if operation is None else self.backend.estimate(operation)
            if sizes is not None:
                size, seen = size + int(sizes.sum()), seen + len(sizes)
        by_bytes = self.nbytes * seen // size if size else ROWS_WITHOUT_BYTES
        return self.workers * max(1, min(self.rows, by_bytes) * LANE)

    def _in_order(self, part: Checked) -> Iterator[Operation | None]:
        """Operations whose rows are those of the frame in their order."""
        for points in stretches(part.points, part.shard_keys):
            operation = self._operation(points)
            if operation is None or (np.diff(np.asarray(operation.rows)) > 0).all():
                yield operation
                continue
            # Rows of equal payload were made neighbours; here they may be that within a request at most.
            straight = operation.take(np.argsort(operation.rows))
            for start, stop, _ in bounds(self.backend, straight, self.rows, self.nbytes):
                yield self.operation(points.take(slice(start, stop)))

    def _packed(self, operations: Iterable[Operation | None], *, ordered: bool) -> Iterator[Batch]:
        """Requests of operations that follow each other, as many in one as go into it."""
        for request in pack(self._pieces(operations), most_rows(self.backend, self.rows), self.nbytes):
            yield self._batch(request, ordered=ordered)

    def _pieces(self, operations: Iterable[Operation | None]) -> Iterator[Piece]:
        for operation in operations:
            if operation is not None:
                yield from pieces_of(self.backend, operation, self.rows, self.nbytes)

    def _operation(self, points: Points) -> Operation | None:
        operation = self.operation(points)
        if operation is None:
            self.ledger.skip(points.rows)
        return operation

    def _batch(self, operations: tuple[Operation, ...], *, ordered: bool) -> Batch:
        self._number += 1
        return Batch(self.collection, operations, self._number - 1, ordered)
