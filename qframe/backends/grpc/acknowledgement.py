"""What the answer to a write says: one result, or one for each operation of a batch; thousands are read by column."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import numpy as np

from qframe.backends.grpc.messages import UINT64, Many, message, plain
from qframe.backends.wording import worst
from qframe.columns.layout import Int64
from qframe.columns.wire_reader import VARINT, Fields, Spans, Wire, fields, last, varints
from qframe.model.outcome import Ack, Fault

RESULT = 1
"""Field of `PointsOperationResponse`, which has one, and of `UpdateBatchResponse`, which has several."""

OPERATION_ID, STATUS = 1, 2
"""Fields of `UpdateResult`."""

_ANSWER = message(
    result=(RESULT, Many(message(operation_id=(OPERATION_ID, UINT64), status=(STATUS, plain(UINT64, 0)))))
)

SHORT = 128
"""Bytes up to which an answer is read field by field: 4 µs for a single result, which takes kernels 50 µs. For each of
the 20,000 results of as many payloads it would be 5 µs, more than all the rest of writing them; kernels take 0.4 µs.
"""

_STATUSES: Mapping[int, Literal["completed", "wait_timeout"]] = {2: "completed", 4: "wait_timeout"}

_NONE = -1


def acknowledgement(data: bytes) -> Ack | Fault:
    """What a `PointsOperationResponse` or `UpdateBatchResponse` says of a write; of several operations, the worst.

    Raises
    ------
    ValueError
        Where the bytes are no protobuf message.
    """
    answers = _one_by_one(data) if len(data) <= SHORT else _by_column(data)
    if not answers:
        return Fault("lost", "unknown", "the server answered a write without saying what came of it")
    return worst(answers)


def _one_by_one(data: bytes) -> list[Ack]:
    return [_ack(one["status"], one.get("operation_id")) for one in _ANSWER.decode(data).get("result", [])]


def _by_column(data: bytes) -> list[Ack]:
    """The first result of each status."""
    wire = Wire.of(data)
    answer = fields(wire, Spans(np.zeros(1, dtype=np.int64), np.array([len(data)], dtype=np.int64)))
    _, results = answer.of(RESULT)
    found = fields(wire, results)
    codes = _numbers(wire, found, STATUS, len(results), absent=0)
    operations = _numbers(wire, found, OPERATION_ID, len(results), absent=_NONE)
    distinct, firsts = np.unique(codes, return_index=True)
    named = zip(distinct.tolist(), operations[firsts].tolist(), strict=True)
    return [_ack(code, None if operation == _NONE else operation) for code, operation in named]


def _ack(code: int, operation: int | None) -> Ack:
    # A status that a later server may add is no promise that the change is applied.
    return Ack(_STATUSES.get(code, "acknowledged"), operation)


def _numbers(wire: Wire, found: Fields, number: int, n: int, *, absent: int) -> Int64:
    """A number of each of `n` messages."""
    owners, spans = last(*found.of(number, VARINT))
    numbers = np.full(n, absent, dtype=np.int64)
    numbers[owners] = varints(wire.data, spans.starts)[0]
    return numbers
