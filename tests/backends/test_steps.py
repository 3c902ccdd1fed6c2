"""Which requests are several operations, and what a refusal of one leaves in doubt."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from qframe.backends.steps import in_doubt, points_named, several
from qframe.model.batch import Batch
from qframe.model.ids import Ids
from qframe.model.operations import Delete, Matching, OverwritePayload, SetPayload
from qframe.model.outcome import Ack, Fault
from qframe.model.points import Points

WAITING = "Rate limiting exceeded: Write rate limit exceeded: Operation requires 8 tokens"


def points(values: list[int | None]) -> Points:
    payload = pa.RecordBatch.from_arrays([pa.array(values, pa.int64())], ["a"])
    return Points(Ids(np.arange(len(values), dtype=np.uint64)), {}, payload, range(len(values)))


def aimed(n: int) -> Delete:
    return Delete(Points(Ids(np.arange(n, dtype=np.uint64)), {}, None, range(n)))


ONE_PAYLOAD = np.zeros(3, dtype=np.int64)


@pytest.mark.parametrize(
    ("operations", "expected"),
    [
        ((aimed(3),), False),
        ((aimed(1), aimed(1)), True),
        ((SetPayload(points([1])),), False),
        ((SetPayload(points([1, 2])),), True),
        ((SetPayload(points([1, 1, 1]), codes=ONE_PAYLOAD),), False),
        # The null is written, and its key deleted.
        ((SetPayload(points([None])),), True),
        ((SetPayload(points([None]), nulls="omit"),), False),
        ((OverwritePayload(points([None])),), False),
        ((OverwritePayload(points([1, 2])),), True),
    ],
)
def test_what_is_several_operations(operations: tuple[Any, ...], expected: bool) -> None:
    assert several(Batch("c", operations)) is expected


@pytest.mark.parametrize(
    ("operations", "expected"),
    [
        ((aimed(3), aimed(2)), 5),
        ((SetPayload(points([1, 2])),), 2),
        # What is null is written with the rest of its row, and its key deleted.
        ((SetPayload(points([1, None, None])), aimed(1)), 6),
        ((SetPayload(points([None, None, 1]), codes=np.array([0, 0, 1])),), 5),
        ((SetPayload(points([None]), nulls="omit"), OverwritePayload(points([None]))), 2),
    ],
)
def test_how_many_points_are_named(operations: tuple[Any, ...], expected: int) -> None:
    assert points_named(Batch("c", operations)) == expected


def test_a_filter_is_one_operation() -> None:
    payload = pa.RecordBatch.from_pylist([{"a": 1}])
    batch = Batch("c", (SetPayload(Matching({}, payload)),))
    assert not several(batch)
    assert points_named(batch) == 1


@pytest.mark.parametrize(
    ("fault", "applied"),
    [
        (Fault("throttled", "no", WAITING, retry_after=2), "some"),
        (Fault("too_large", "no", "request larger than rate limiter capacity"), "some"),
        (Fault("refused", "no", "Wrong input: Vector dimension error: expected dim: 4, got 2"), "some"),
        # Read before the first operation is done, or not at all.
        (Fault("refused", "no", "Format error in JSON body: expected value at line 1 column 30"), "no"),
        (Fault("refused", "no", "Validation error in JSON body: [limit: value 0 invalid]"), "no"),
        (Fault("too_large", "no", "JSON payload (34603021 bytes) is larger than allowed"), "no"),
        (Fault("fatal", "no", "Invalid API key or JWT", cause="auth"), "no"),
        (Fault("lost", "no", "failed to connect to all addresses", cause="unreachable"), "no"),
        (Fault("lost", "unknown", "reset"), "unknown"),
    ],
)
def test_what_is_in_doubt(fault: Fault, applied: str) -> None:
    answer = in_doubt(fault)
    assert isinstance(answer, Fault)
    assert (answer.kind, answer.applied, answer.retry_after) == (fault.kind, applied, fault.retry_after)


def test_an_acknowledgement_is_left_alone() -> None:
    assert in_doubt(Ack("completed", 7)) == Ack("completed", 7)
