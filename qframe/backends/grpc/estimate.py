"""Bytes of each row of an operation on the gRPC wire, told without writing any: ropes know their sizes."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from qframe.backends.grpc.update_batch import around, carried, id_fields, selected, selecting, selecting_runs
from qframe.columns.layout import Int64
from qframe.columns.rope import Rope
from qframe.model.operations import Matching, Operation, UpdateVectors, Upsert


def estimate(operation: Operation) -> npt.NDArray[np.int64]:
    """Bytes of each row in the message of its batch.

    Returns
    -------
    numpy.ndarray
        `int64` of shape (n,); of shape (1,) for what a filter selects. An upsert's are those of its points: alone in
        its batch it is nothing else. Any other operation's add up to exactly its bytes: what does not belong to one of
        the rows is counted with the first, and the payload of a run with the first of the run. If a cut falls within
        a run, its payload is written once more.
    """
    if isinstance(operation, Upsert):
        return _sizes(carried(operation))
    if isinstance(operation, UpdateVectors):
        rows = carried(operation)
        sizes = _sizes(rows)
        if len(sizes):
            sizes[0] += sum(map(len, around(operation, rows.total)))
        return sizes
    operation = selecting(operation)
    operations = _sizes(selected(operation))
    if isinstance(operation.target, Matching):
        return operations
    ids = id_fields(operation.target)
    sizes, runs = _sizes(ids), selecting_runs(operation)
    sizes[runs[:-1]] += operations - np.diff(ids.spans[runs])
    return sizes


def _sizes(rows: Rope) -> Int64:
    """Bytes of each row, an array of one's own."""
    return np.broadcast_to(np.asarray(rows.sizes, dtype=np.int64), rows.n).copy()
