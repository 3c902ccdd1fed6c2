"""Inputs that the engine logs first and stumbles over later: all are refused before it sees them.

Each of them leaves what was stored, and a folder that loads.
"""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from qframe.backends import embedded
from qframe.backends.embedded.backend import EmbeddedBackend
from qframe.backends.embedded.engine import attempt, edge
from qframe.model.ids import Ids
from qframe.model.operations import Upsert
from qframe.model.outcome import Fault
from qframe.model.points import Points
from qframe.model.vectors import Dense, Multi, Sparse
from tests.backends.embedded.steps import (
    COLLECTION,
    DIM,
    count,
    created,
    dense,
    multi,
    numbers,
    points,
    sparse,
    stored,
    write,
)

NAN, INF = float("nan"), float("inf")
NUMBER_IDS = np.arange(10, 13, dtype=np.uint64)
OFFSETS = np.array([0, 1, 2, 3], dtype=np.int64)
ONES = np.ones(3, dtype=np.float32)


def nested(levels: int) -> pa.Array:
    """A list in a list in a list …, `levels` deep, three rows."""
    array = pa.array([1, 2, 3])
    for _ in range(levels):
        array = pa.LargeListArray.from_arrays(pa.array([0, 1, 2, 3], pa.int64()), array)
    return array


def nested_structs(levels: int) -> pa.Array:
    array = pa.array([1, 2, 3])
    for _ in range(levels):
        array = pa.StructArray.from_arrays([array], ["x"])
    return array


def deep_filter(levels: int) -> dict:
    condition: dict = {"must": [{"key": "x", "match": {"value": 1}}]}
    for _ in range(levels):
        condition = {"must": [{"nested": {"key": "a", "filter": condition}}]}
    return condition


def third_row(value: float) -> Dense:
    values = dense(3).values.copy()
    values[2, 1] = value
    return Dense(values)


VECTORS = {
    "nan": ({"": third_row(NAN)}, "NaN or infinity"),
    "inf": ({"": third_row(INF)}, "NaN or infinity"),
    "minus inf": ({"": third_row(-INF)}, "NaN or infinity"),
    "wrong dimension": ({"": dense(3, DIM - 2)}, "Wrong input: Vector dimension error: expected dim: 4, got 2"),
    "no dimension": ({"": dense(3, 0)}, "Vector dimension error: expected dim: 4, got 0"),
    "one dimension too few in numpy": ({"": Dense(np.zeros(3, np.float32))}, "expected float32 of shape"),
    "float64": ({"": Dense(np.zeros((3, 4)))}, "expected float32"),
    "unknown name": ({"": dense(3), "other": dense(3)}, "Not existing vector name error: other"),
    "fewer rows than ids": ({"": dense(2)}, "has 2 rows, there are 3 ids"),
    "sparse for dense": ({"": sparse(*[([1], [1.0])] * 3)}, "Conversion between sparse and regular vectors failed"),
    "dense for sparse": ({"sparse": dense(3)}, "Conversion between sparse and regular vectors failed"),
    "multi for dense": ({"": multi(*[[[1, 2]]] * 3)}, "Conversion between multi and regular vectors failed"),
    "fewer sparse values than indices": (
        {"sparse": Sparse(OFFSETS, np.arange(3, dtype=np.uint32), ONES[:2])},
        "3 indices and 2 values",
    ),
    "repeated sparse index": (
        {"sparse": sparse(([1], [1]), ([7, 3, 7], [1, 2, 3]), ([], []))},
        "repeats index 7 in row 1",
    ),
    "sparse nan": ({"sparse": sparse(([1], [1]), ([2], [NAN]), ([], []))}, "NaN or infinity"),
    "sparse offsets beyond the values": (
        {"sparse": Sparse(OFFSETS * 2, np.arange(3, dtype=np.uint32), ONES)},
        "offsets do not fit",
    ),
    "sparse offsets that fall": (
        {"sparse": Sparse(np.array([0, 3, 1, 3]), np.arange(3, dtype=np.uint32), ONES)},
        "offsets do not fit",
    ),
    "signed sparse indices": ({"sparse": Sparse(OFFSETS, np.arange(3) - 1, ONES)}, "expected uint32 indices"),
    "multi nan": ({"multi": multi([[1, 2]], [[1, NAN]], [[1, 2]])}, "NaN or infinity"),
    "multi of another dimension": ({"multi": Multi(OFFSETS, np.ones((3, 3), np.float32))}, "expected dim: 2, got 3"),
    "empty multi": ({"multi": multi([[1, 2]], [], [[1, 2], [3, 4]])}, "empty multivector in row 1"),
    "ragged multi": ({"multi": Multi(OFFSETS, np.ones(3, np.float32))}, "expected float32 of shape (total, dim)"),
    "multi offsets": ({"multi": Multi(OFFSETS + 1, np.ones((4, 2), np.float32))}, "offsets do not fit"),
    "multi too large": (
        {"multi": Multi(np.array([0, 1 << 19, (1 << 19) + 1, (1 << 19) + 2]), np.ones(((1 << 19) + 2, 2), np.float32))},
        "at most 1,048,575",
    ),
}
PAYLOADS = {
    "inf": (pa.array([1.0, INF, 2.0]), "holds inf"),
    "inf in a list": (pa.array([[1.0], [-INF], None]), "holds -inf"),
    "inf in a struct": (pa.array([{"a": [INF]}, None, None]), "holds inf"),
    "integer beyond int64": (pa.array([1, 2**63, 2], pa.uint64()), "payload 'x'"),
    "bytes": (pa.array([b"1", b"2", b"3"]), "payload 'x'"),
    "lists too deep": (nested(100), "nested deeper than 100"),
    "structs too deep": (nested_structs(100), "nested deeper than 100"),
    "lists far too deep": (nested(3000), "nested deeper than 100"),
    "too few rows": (pa.array([1, 2]), "the payload has 2 rows"),
}
IDS = {
    "negative": np.array([-1, 2, 3]),
    "floats": np.array([1.0, 2.0, 3.0]),
    "booleans": np.array([True, False, True]),
    "uuids too short": np.zeros((3, 15), np.uint8),
}


@pytest.fixture
def backend(backend: EmbeddedBackend) -> EmbeddedBackend:
    created(backend)
    stored(backend, points(numbers(1, 2)))
    return backend


def assert_harmless(backend: EmbeddedBackend, folder: Path, operation: Points | Upsert, message: str) -> None:
    answer = write(backend, operation)
    assert isinstance(answer, Fault)
    assert (answer.kind, answer.applied, answer.cause) == ("refused", "no", "")
    assert message in answer.message
    assert count(backend) == 2
    stored(backend, points(numbers(3)))
    backend.close()
    with_another = embedded.open(str(folder))
    assert count(with_another) == 3
    with_another.close()


@pytest.mark.parametrize("case", VECTORS)
def test_vectors(backend: EmbeddedBackend, folder: Path, case: str) -> None:
    vectors, message = VECTORS[case]
    assert_harmless(backend, folder, points(Ids(NUMBER_IDS), vectors), message)


@pytest.mark.parametrize("case", PAYLOADS)
def test_payloads(backend: EmbeddedBackend, folder: Path, case: str) -> None:
    array, message = PAYLOADS[case]
    assert_harmless(backend, folder, points(Ids(NUMBER_IDS), payload={"x": array}), message)


@pytest.mark.parametrize("case", IDS)
def test_ids(backend: EmbeddedBackend, folder: Path, case: str) -> None:
    assert_harmless(backend, folder, points(Ids(IDS[case]), {"": dense(3)}), "are not valid point IDs")


def test_no_points(backend: EmbeddedBackend, folder: Path) -> None:
    assert_harmless(backend, folder, points(numbers()), "Empty update request")


def test_filter_of_a_write_too_deep(backend: EmbeddedBackend, folder: Path) -> None:
    operation = Upsert(points(numbers(1)), update_filter=deep_filter(35))
    assert_harmless(backend, folder, operation, "nested too deeply")


def test_what_stands_in_absent_rows_is_not_looked_at(backend: EmbeddedBackend) -> None:
    absent = np.array([True, True, False])
    stored(backend, points(Ids(NUMBER_IDS), {"": Dense(third_row(NAN).values, absent)}))
    assert count(backend, {"must": {"has_vector": ""}}) == 4
    assert count(backend) == 5


@pytest.mark.parametrize("array", [nested(98), nested_structs(98)])
def test_the_deepest_payload_loads_again(backend: EmbeddedBackend, folder: Path, array: pa.Array) -> None:
    stored(backend, points(Ids(NUMBER_IDS), payload={"x": array}))
    backend.close()
    with_another = embedded.open(str(folder))
    assert count(with_another) == 5
    with_another.close()


def test_the_deepest_filter_of_a_write_loads_again(backend: EmbeddedBackend, folder: Path) -> None:
    stored(backend, Upsert(points(numbers(1)), update_filter=deep_filter(18)))
    backend.close()
    with_another = embedded.open(str(folder))
    assert count(with_another, name=COLLECTION) == 2
    with_another.close()


def test_a_shard_key_is_refused(backend: EmbeddedBackend) -> None:
    keyed = Points(numbers(5), {"": dense(1)}, None, range(1), shard_key="a")
    answer = write(backend, keyed)
    assert isinstance(answer, Fault)
    assert (answer.kind, answer.cause) == ("refused", "unsupported")


def test_a_panic_of_the_engine_is_a_fault(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """When the engine stops panicking here, a check in `validation` can go."""
    config = edge.EdgeConfig(sparse_vectors={"s": edge.EdgeSparseVectorParams()})
    shard = edge.EdgeShard.create(str(tmp_path / "shard"), config)
    lame = edge.Point(1, {"s": edge.SparseVector([1, 2], [1.0])})
    answer = attempt(shard.update, edge.UpdateOperation.upsert_points([lame]))
    assert isinstance(answer, Fault)
    assert (answer.kind, answer.applied) == ("fatal", "unknown")
    assert "panicked" in answer.message


def test_other_exceptions_pass_through() -> None:
    with pytest.raises(KeyboardInterrupt):
        attempt(_interrupted)
    with pytest.raises(ZeroDivisionError):
        attempt(lambda: 1 / 0)


def _interrupted() -> None:
    raise KeyboardInterrupt
