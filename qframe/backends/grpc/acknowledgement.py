"""What the answer to a write says: one result, or one for each operation of a batch; thousands are read by column."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import numpy as np

from qframe.backends.wording import worst
from qframe.columns.layout import Int64
from qframe.columns.wire_reader import VARINT, Fields, Spans, Wire, fields, last, varints
from qframe.model.outcome import Ack, Fault

RESULT = 1
"""Field of `PointsOperationResponse`, which has one, and of `UpdateBatchResponse`, which has several."""

OPERATION_ID, STATUS = 1, 2
"""Fields of `UpdateResult`."""

_STATUSES: Mapping[int, Literal["completed", "wait_timeout"]] = {2: "completed", 4: "wait_timeout"}

_NONE = -1


def acknowledgement(data: bytes) -> Ack | Fault:
    """What a `PointsOperationResponse` or `UpdateBatchResponse` says of a write; of several operations, the worst.

    By column, since field by field it cost 5 µs for each of the 20,000 results of as many payloads: more than all the
    rest of writing them.

    Raises
    ------
    ValueError
        Where the bytes are no protobuf message.
    """
    wire = Wire.of(data)
    answer = fields(wire, Spans(np.zeros(1, dtype=np.int64), np.array([len(data)], dtype=np.int64)))
    _, results = answer.of(RESULT)
    if not len(results):
        return Fault("lost", "unknown", "the server answered a write without saying what came of it")
    found = fields(wire, results)
    codes = _numbers(wire, found, STATUS, len(results), absent=0)
    operations = _numbers(wire, found, OPERATION_ID, len(results), absent=_NONE)
    distinct, firsts = np.unique(codes, return_index=True)
    return worst([_ack(code, int(operations[at])) for code, at in zip(distinct.tolist(), firsts, strict=True)])


def _ack(code: int, operation: int) -> Ack:
    # A status that a later server may add is no promise that the change is applied.
    return Ack(_STATUSES.get(code, "acknowledged"), None if operation == _NONE else operation)


def _numbers(wire: Wire, found: Fields, number: int, n: int, *, absent: int) -> Int64:
    """A number of each of `n` messages."""
    owners, spans = last(*found.of(number, VARINT))
    numbers = np.full(n, absent, dtype=np.int64)
    numbers[owners] = varints(wire.data, spans.starts)[0]
    return numbers
