"""A backend in a few lines: points by id, requests that are applied row by row, and faults by a script."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from qframe.model.backend import Capabilities
from qframe.model.batch import Batch, Prepared, WriteOptions
from qframe.model.ids import Ids, PointId
from qframe.model.operations import ClearPayload, Delete, Operation, Upsert
from qframe.model.outcome import Ack, Fault, Outcome
from qframe.model.points import Points, ShardKey

DONE = Ack("completed")
Step = tuple[Operation, int, PointId]
"""One row of a request: its operation, its row number, its id."""


def ids_of(points: Sequence[int], *, uuids: bool = False) -> Ids:
    if not uuids:
        return Ids(np.array(points, dtype=np.uint64))
    raw = b"".join(uuid.UUID(int=point).bytes for point in points)
    return Ids(np.frombuffer(raw, dtype=np.uint8).reshape(-1, 16))


def batch_of(*parts: tuple[str, Sequence[int]], ordered: bool = False) -> Batch:
    """Operations on ids. A kind that ends in "/uuid" has UUIDs; "touch" needs its points to be there."""
    operations: list[Operation] = []
    start = 0
    for kind, points in parts:
        name, _, uuids = kind.partition("/")
        target = Points(ids_of(points, uuids=bool(uuids)), {}, None, range(start, start + len(points)))
        if name == "touch":
            operations.append(ClearPayload(target))
        elif name == "delete":
            operations.append(Delete(target))
        else:
            operations.append(Upsert(target, name))
        start += len(points)
    return Batch("c", tuple(operations), 7, ordered)


@dataclass(frozen=True)
class Trouble:
    """What happens to one request: a fault after so many of its rows were applied; `gone` are points deleted before."""

    fault: Fault | None = None
    applied: int = 0
    gone: tuple[PointId, ...] = ()


class Store:
    """Applies requests as a server does: content is looked at first, then rows are applied until an id is missing.

    Points in `bad` are refused, and requests of more than `most` rows; `writes` and `questions` say what happens to the
    requests, one after the other.

    `log` holds (row, id) of whatever was applied, `sent` the rows of each request, `asked` the ids of each question.
    """

    def __init__(
        self,
        there: Iterable[PointId] = (),
        bad: Iterable[PointId] = (),
        writes: Iterable[Trouble] = (),
        questions: Iterable[Trouble] = (),
        most: int | None = None,
    ) -> None:
        self.capabilities = Capabilities("test", (1, 20, 0))
        self.there = set(there)
        self.log: list[tuple[int, PointId]] = []
        self.sent: list[list[int]] = []
        self.asked: list[list[PointId]] = []
        self._bad, self._most = set(bad), most
        self._writes, self._questions = iter(writes), iter(questions)

    def prepare(self, batch: Batch, options: WriteOptions) -> Prepared:
        steps: list[Step] = []
        for operation in batch.operations:
            assert operation.ids is not None
            steps += [
                (operation, int(row), point) for row, point in zip(operation.rows, operation.ids.tolist(), strict=True)
            ]
        return Prepared(steps, nbytes=len(steps))

    def write(self, prepared: Prepared, timeout: float) -> Ack | Fault:
        steps: list[Step] = prepared.content
        trouble = next(self._writes, Trouble())
        self.there -= set(trouble.gone)
        self.sent.append([row for _, row, _ in steps])
        wrong = self._wrong(steps)
        if trouble.fault is not None:
            # What cannot be taken is never applied, whether its answer is lost or not.
            self._apply([] if wrong else steps[: trouble.applied])
            return trouble.fault
        return wrong or self._apply(steps) or DONE

    def _wrong(self, steps: Sequence[Step]) -> Fault | None:
        if self._most is not None and len(steps) > self._most:
            return Fault("too_large", "no", f"more than {self._most} rows")
        wrong = [row for _, row, point in steps if point in self._bad]
        return Fault("refused", "no", f"row {wrong[0]} is bad") if wrong else None

    def existing(self, collection: str, ids: Ids, timeout: float, shard_key: ShardKey | None = None) -> Any:
        trouble = next(self._questions, Trouble())
        self.there -= set(trouble.gone)
        self.asked.append(ids.tolist())
        return trouble.fault or np.array([point in self.there for point in ids.tolist()], dtype=np.bool_)

    def _apply(self, steps: Sequence[Step]) -> Fault | None:
        for operation, row, point in steps:
            if isinstance(operation, Delete):
                self.there.discard(point)
            elif isinstance(operation, Upsert) and operation.mode != "update_only":
                self.there.add(point)
            elif operation.needs_existing and point not in self.there:
                return Fault("missing", "some", f"Not found: No point with id {point} found", point_id=point)
            self.log.append((row, point))
        return None


def ends(outcome: Outcome, rows: int) -> list[tuple[str, str, str]]:
    """State, error and message of each row; every row is in one span."""
    found: dict[int, tuple[str, str, str]] = {}
    for span in outcome.spans:
        found.update(dict.fromkeys(map(int, span.positions), (span.state, span.error, span.message)))
    assert sum(map(len, outcome.spans)) == len(found) == rows
    return [found[row] for row in range(rows)]


def states(outcome: Outcome, rows: int) -> list[str]:
    return [state for state, _, _ in ends(outcome, rows)]
