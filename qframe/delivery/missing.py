"""Which rows of a batch the server turns down because it does not have their ids; a question for each shard key and
kind of id.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import product

import numpy as np
import numpy.typing as npt

from qframe.model.batch import Batch
from qframe.model.ids import Ids
from qframe.model.operations import Operation, Upsert
from qframe.model.outcome import Fault
from qframe.model.points import ShardKey

Positions = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

WAY_OUT = "no point has this id; upsert it, or leave it out with missing='skip'"


Existing = Callable[[Ids, ShardKey | None], Mask | Fault | None]
"""Which of some ids of one kind are there, under a shard key if one is given; each id is asked for once."""


def absent(batch: Batch, existing: Existing) -> Positions | Fault | None:
    """Positions of the rows whose ids must be there and are not.

    An id that an earlier upsert of the batch brings is there, one that an earlier delete of it takes away is not; about
    the others is asked.

    Parameters
    ----------
    batch : Batch
    existing : callable
        Asked once for each shard key and kind of id.

    Returns
    -------
    numpy.ndarray, Fault or None
        `int64`, ascending. What the question gave when it gave no answer.
    """
    found: list[Positions] = [np.empty(0, dtype=np.int64)]
    # A point is there under its shard key and no other.
    shard_keys = dict.fromkeys(operation.shard_key for operation in batch.operations)
    for shard_key, is_uuid in product(shard_keys, (False, True)):
        rows = _gathered(batch, is_uuid, shard_key)
        if rows is None:
            continue
        answer = _absent(rows, lambda ids: existing(ids, shard_key))  # noqa: B023 - called at once
        if answer is None or isinstance(answer, Fault):
            return answer
        found.append(answer)
    return np.sort(np.concatenate(found))


@dataclass(frozen=True, slots=True, eq=False)
class _Rows:
    """The rows of a batch with ids of one kind and shard key, in their order.

    Parameters
    ----------
    positions : numpy.ndarray
        `int64`, in the batch.
    ids : Ids
    needs : numpy.ndarray
        `bool`: whether the id must be there.
    effect : numpy.ndarray
        `int8`: 1 where the id is there afterwards, -1 where it is gone, 0 where nothing changes about that.
    """

    positions: Positions
    ids: Ids
    needs: Mask
    effect: npt.NDArray[np.int8]


def _gathered(batch: Batch, is_uuid: bool, shard_key: ShardKey | None) -> _Rows | None:
    parts: list[tuple[int, Ids, Operation]] = []
    start = 0
    for operation in batch.operations:
        of_kind = operation.ids is not None and operation.ids.is_uuid is is_uuid
        if operation.ids is not None and of_kind and operation.shard_key == shard_key:
            parts.append((start, operation.ids, operation))
        start += len(operation.rows)
    if not any(operation.needs_existing for _, _, operation in parts):
        return None
    lengths = [len(ids) for _, ids, _ in parts]
    return _Rows(
        np.concatenate([np.arange(start, start + len(ids), dtype=np.int64) for start, ids, _ in parts]),
        Ids(np.concatenate([ids.values for _, ids, _ in parts])),
        np.repeat([operation.needs_existing for _, _, operation in parts], lengths),
        np.repeat(np.array([_effect(operation) for _, _, operation in parts], dtype=np.int8), lengths),
    )


def _effect(operation: Operation) -> int:
    if isinstance(operation, Upsert):
        return 0 if operation.mode == "update_only" else 1
    return -1 if operation.removes else 0


def _absent(rows: _Rows, existing: Callable[[Ids], Mask | Fault | None]) -> Positions | Fault | None:
    _, first, codes = np.unique(rows.ids.keys(), return_index=True, return_inverse=True)
    before = _before(codes, rows.effect)
    open_codes = np.unique(codes[rows.needs & (before == 0)])
    there = np.zeros(len(first), dtype=np.bool_)
    if len(open_codes):
        answer = existing(rows.ids.take(first[open_codes]))
        if answer is None or isinstance(answer, Fault):
            return answer
        there[open_codes] = answer
    gone = rows.needs & np.where(before == 0, ~there[codes], before < 0)
    return rows.positions[gone]


def _before(codes: npt.NDArray[np.intp], effect: npt.NDArray[np.int8]) -> npt.NDArray[np.int8]:
    """For each row the last effect that an earlier row with the same code has, 0 where none has any."""
    order = np.argsort(codes, kind="stable")
    grouped, effects = codes[order], effect[order]
    places = np.arange(len(order))
    last = np.maximum.accumulate(np.where(effects != 0, places, -1))
    # A row that needs its id has no effect itself, so that its own place is never the last one.
    same = (last >= 0) & (grouped[last] == grouped)
    before = np.zeros(len(order), dtype=np.int8)
    before[order] = np.where(same, effects[last], 0)
    return before
