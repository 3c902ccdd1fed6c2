"""Operations besides upsert: what is refused before the engine logs any of a batch, and what comes back from the log.

What the operations do to points is told in `tests/backends/test_operations.py`, for all backends alike.
"""

import json
import shutil
import subprocess
import sys
from collections import namedtuple
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from qframe.backends import embedded
from qframe.backends.embedded import operations as operations_module
from qframe.backends.embedded.backend import EmbeddedBackend
from qframe.backends.embedded.folder import MIN_FREE_BYTES
from qframe.backends.embedded.operations import prepare
from qframe.model.batch import Batch, WriteOptions
from qframe.model.ids import Ids
from qframe.model.operations import (
    ClearPayload,
    Delete,
    DeletePayload,
    DeleteVectors,
    Matching,
    Operation,
    OverwritePayload,
    SetPayload,
    Target,
    UpdateVectors,
)
from qframe.model.outcome import Ack, Fault
from qframe.model.points import Points
from tests.backends.embedded.steps import (
    COLLECTION,
    contents,
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
from tests.backends.embedded.test_filters import CONDITIONS
from tests.backends.embedded.test_poison import IDS, NUMBER_IDS, PAYLOADS, VECTORS, deep_filter, nested

ONE = pa.record_batch({"x": [1]})
BIG = Matching({}, pa.record_batch({"x": ["x" * (1 << 20)]}))
ALL = Matching({})


def aimed(*ids: int) -> Points:
    return points(numbers(*ids), {})


def setting(payload: dict[str, Any], *ids: int, **more: Any) -> SetPayload:
    return SetPayload(points(numbers(*ids), {}, {key: pa.array(values) for key, values in payload.items()}), **more)


def steps(n: int) -> str:
    return ".".join("a" * n)


def on(target: Target) -> list[Operation]:
    """Every operation that is aimed at points."""
    return [
        SetPayload(target),
        OverwritePayload(target),
        DeletePayload(target, ("x",)),
        ClearPayload(target),
        DeleteVectors(target, ("",)),
        Delete(target),
    ]


def kind(operation: object) -> str:
    return type(operation).__name__


@pytest.fixture
def backend(backend: EmbeddedBackend) -> EmbeddedBackend:
    created(backend)
    stored(backend, points(numbers(1, 2), payload={"x": pa.array([1, 2])}))
    return backend


def assert_harmless(backend: EmbeddedBackend, folder: Path, bad: Operation, message: str) -> None:
    """The whole batch is refused, and nothing of it is in the log, not even what stands before the bad operation."""
    before = contents(backend)
    answer = write(backend, Delete(aimed(1)), points(numbers(7)), bad)
    assert isinstance(answer, Fault)
    assert (answer.kind, answer.applied, answer.cause) == ("refused", "no", "")
    assert message in answer.message
    assert contents(backend) == before
    stored(backend, points(numbers(3)))
    backend.close()
    again = embedded.open(str(folder))
    assert count(again) == 3
    again.close()


def nearly_full(monkeypatch: pytest.MonkeyPatch, megabytes: int) -> None:
    """Leave so much of the disk beyond what the engine must have."""
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(0, 0, MIN_FREE_BYTES + (megabytes << 20)))


def assert_full(answer: Ack | Fault) -> None:
    assert isinstance(answer, Fault)
    assert (answer.kind, answer.applied) == ("fatal", "no")
    assert "MB free, the embedded engine needs" in answer.message


class TestRefusedBeforeTheLog:
    @pytest.mark.parametrize("case", VECTORS)
    def test_vectors(self, backend: EmbeddedBackend, folder: Path, case: str) -> None:
        vectors, message = VECTORS[case]
        assert_harmless(backend, folder, UpdateVectors(points(Ids(NUMBER_IDS), vectors)), message)

    @pytest.mark.parametrize("case", PAYLOADS)
    @pytest.mark.parametrize("make", [SetPayload, OverwritePayload])
    def test_payloads(
        self, backend: EmbeddedBackend, folder: Path, make: Callable[[Points], Operation], case: str
    ) -> None:
        array, message = PAYLOADS[case]
        assert_harmless(backend, folder, make(points(Ids(NUMBER_IDS), {}, {"x": array})), message)

    def test_the_payload_of_a_later_run(self, backend: EmbeddedBackend, folder: Path) -> None:
        array = pa.array([1.0, 1.0, float("inf")])
        bad = SetPayload(points(Ids(NUMBER_IDS), {}, {"x": array}), np.array([0, 0, 1]))
        assert_harmless(backend, folder, bad, "holds inf")

    @pytest.mark.parametrize("case", IDS)
    @pytest.mark.parametrize("operation", on(points(numbers(1, 2, 3), {}, {"x": pa.array([1, 2, 3])})), ids=kind)
    def test_ids(self, backend: EmbeddedBackend, folder: Path, operation: Any, case: str) -> None:
        target = Points(Ids(IDS[case]), {}, operation.target.payload, range(3))
        bad = type(operation)(target, *filter(None, (getattr(operation, key, ()) for key in ("keys", "vectors"))))
        assert_harmless(backend, folder, bad, "are not valid point IDs")

    @pytest.mark.parametrize("operation", on(Matching(deep_filter(35), ONE)), ids=kind)
    def test_filters_too_deep(self, backend: EmbeddedBackend, folder: Path, operation: Operation) -> None:
        assert_harmless(backend, folder, operation, "nested too deeply")

    @pytest.mark.parametrize("operation", on(Matching({"musst": []}, ONE)), ids=kind)
    def test_filters_that_are_none(self, backend: EmbeddedBackend, folder: Path, operation: Operation) -> None:
        assert_harmless(backend, folder, operation, "unknown field `musst`")

    @pytest.mark.parametrize("path", ["", "a..b", "a[", "a b", '"a', "a[-1]"])
    @pytest.mark.parametrize(
        "make", [lambda path: setting({"x": [1]}, 1, key=path), lambda path: DeletePayload(aimed(1), ("x", path))]
    )
    def test_paths_that_are_none(
        self, backend: EmbeddedBackend, folder: Path, make: Callable[[str], Operation], path: str
    ) -> None:
        assert_harmless(backend, folder, make(path), f"invalid JSON path {path}")

    @pytest.mark.parametrize(
        ("operation", "message"),
        [
            (setting({}, 1, key=steps(101)), "leads deeper than 100 levels"),
            (setting({}, 1, key="a" + "[]" * 100), "leads deeper than 100 levels"),
            (DeletePayload(aimed(1), (steps(101),)), "leads deeper than 100 levels"),
            (setting({"x": [1]}, 1, key=steps(100)), "payload 'x' is nested deeper than 100 levels"),
            (SetPayload(points(Ids(NUMBER_IDS), {}, {"x": nested(50)}), key=steps(50)), "nested deeper than 100"),
            (SetPayload(Matching({}, ONE), key=steps(100)), "nested deeper than 100"),
        ],
    )
    def test_paths_too_deep(self, backend: EmbeddedBackend, folder: Path, operation: Operation, message: str) -> None:
        assert_harmless(backend, folder, operation, message)

    @pytest.mark.parametrize("target", [aimed(1, 2), ALL], ids=kind)
    def test_vectors_that_are_not_there(self, backend: EmbeddedBackend, folder: Path, target: Target) -> None:
        bad = DeleteVectors(target, ("", "nope"))
        assert_harmless(backend, folder, bad, "Not existing vector name error: nope")

    @pytest.mark.parametrize(
        "operation",
        [
            UpdateVectors(Points(numbers(1), {"": dense(1)}, None, range(1), "a")),
            *on(Points(numbers(1), {}, ONE, range(1), "a")),
            *on(Matching({}, ONE, shard_key=7)),
        ],
        ids=kind,
    )
    def test_shard_keys(self, backend: EmbeddedBackend, operation: Operation) -> None:
        answer = write(backend, Delete(aimed(1)), operation)
        assert isinstance(answer, Fault)
        assert (answer.kind, answer.applied, answer.cause) == ("refused", "no", "unsupported")
        assert count(backend) == 2

    @pytest.mark.parametrize("bad", [SetPayload(BIG), OverwritePayload(BIG)], ids=kind)
    def test_a_full_disk(self, backend: EmbeddedBackend, monkeypatch: pytest.MonkeyPatch, bad: Operation) -> None:
        """What a filter selects may be every point, and each of them may get the payload."""
        nearly_full(monkeypatch, 4)
        assert_full(write(backend, Delete(aimed(1)), bad))
        stored(backend, SetPayload(Matching({}, ONE)))
        assert [json.loads(row["payload"]) for row in contents(backend)] == [{"x": 1}, {"x": 1}]

    @pytest.mark.parametrize(
        "bad",
        [
            setting({"n": [1] * 20}, *range(20)),
            SetPayload(Matching({}, ONE)),
            DeletePayload(aimed(*range(20)), ("n",)),
            DeletePayload(ALL, ("n",)),
        ],
    )
    def test_a_disk_without_room_for_payloads_a_second_time(
        self, backend: EmbeddedBackend, monkeypatch: pytest.MonkeyPatch, bad: Operation
    ) -> None:
        """A payload that is changed is written whole in another place."""
        random = np.random.default_rng(0)
        long = pa.array([random.bytes(200_000).hex() for _ in range(20)])
        stored(backend, points(numbers(*range(20)), {}, {"long": long}))
        nearly_full(monkeypatch, 3)
        assert_full(write(backend, bad))
        stored(backend, setting({"n": [1]}, 7), ClearPayload(aimed(8)), Delete(aimed(9)))


class TestBatches:
    def test_the_first_error_ends_a_batch_and_what_came_before_stays(self, backend: EmbeddedBackend) -> None:
        answer = write(
            backend, setting({"n": [1]}, 1), setting({"n": [2, 3]}, 9, 2), Delete(aimed(1, 2)), points(numbers(3))
        )
        assert isinstance(answer, Fault)
        assert (answer.kind, answer.applied, answer.point_id) == ("missing", "some", 9)
        rows = {row["id"]: json.loads(row["payload"]) for row in contents(backend)}
        assert rows == {"1": {"x": 1, "n": 1}, "2": {"x": 2}}

    def test_a_run_that_is_refused_after_others_were_applied(
        self, backend: EmbeddedBackend, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        done: list[Any] = []

        def second_fails(call: Callable[..., Any], operation: Any) -> Any:
            done.append(operation)
            return call(operation) if len(done) < 2 else Fault("refused", "no", "words")

        monkeypatch.setattr(operations_module, "attempt", second_fails)
        assert write(backend, setting({"n": [1, 2, 3]}, 1, 2, 1)) == Fault("refused", "some", "words")
        assert len(done) == 2
        done[:] = [None]
        assert write(backend, setting({"n": [4]}, 1)) == Fault("refused", "no", "words")

    def test_a_run_of_equal_payload_is_one_operation(self, backend: EmbeddedBackend) -> None:
        n = 1000
        codes = np.repeat(np.arange(20), n // 20)
        operation = SetPayload(points(numbers(*range(n)), {}, {"x": pa.array(codes)}), codes)
        prepared = prepare(Batch(COLLECTION, (operation, operation)), WriteOptions())
        assert not isinstance(prepared, Fault)
        assert [len(part.operations) for part in prepared.parts] == [20, 20]
        stored(backend, points(numbers(*range(n))), operation)
        assert [json.loads(row["payload"])["x"] for row in contents(backend)] == codes.tolist()

    def test_a_prepared_batch_can_be_written_again(self, backend: EmbeddedBackend) -> None:
        operations = (setting({"n": [1, None]}, 1, 2), UpdateVectors(points(numbers(1), {"": dense(1)})))
        prepared = backend.prepare(Batch(COLLECTION, operations), WriteOptions(wait=False))
        first = backend.write(prepared, 1), contents(backend)
        assert first[0] == Ack("acknowledged")
        assert (backend.write(prepared, 1), contents(backend)) == first


DEEP = SetPayload(points(numbers(10, 11, 12), {}, {"x": nested(49)}), key=steps(50))
LOGGED: dict[str, tuple[Operation | Points, ...]] = {
    "update vectors": (
        UpdateVectors(points(numbers(10, 11), {"": dense(2, seed=5), "multi": multi([[1, 2], [3, 4]], [[5, 6]])})),
        UpdateVectors(points(numbers(12), {"sparse": sparse(([9, 3], [0.5, 0.25]))})),
    ),
    "set payload": (setting({"x": [None, 5], "o": [{"a": 1}, {"a": None}]}, 10, 11),),
    "set payload by filter": (SetPayload(Matching({"must": {"has_id": [10, 12]}}, ONE), key="a.b"),),
    "set payload under a key": (setting({"n": [1, 2]}, 10, 11, key='o."a.b"[0]'),),
    "the deepest payload under a key": (DEEP,),
    "overwrite payload": (OverwritePayload(points(numbers(10), {}, {"n": pa.nulls(1)}), nulls="keep"),),
    "overwrite payload by filter": (OverwritePayload(Matching({}, ONE)),),
    "delete payload": (DeletePayload(aimed(10, 11), ("x", "o.a", "nope", steps(100))),),
    "delete payload by filter": (DeletePayload(ALL, ("x",)),),
    "clear payload": (ClearPayload(aimed(11)),),
    "clear payload by filter": (ClearPayload(Matching({"must": {"key": "x", "match": {"value": 2}}})),),
    "delete vectors": (DeleteVectors(aimed(10, 11), ("", "multi")),),
    "delete vectors by filter": (DeleteVectors(ALL, ("sparse",)),),
    "delete": (Delete(aimed(10, 99)),),
    "delete by filter": (Delete(Matching(deep_filter(18))), Delete(Matching({"must": {"has_id": [11]}}))),
    "several": (Delete(aimed(10)), setting({"n": [1]}, 11), points(numbers(12)), setting({"n": [2]}, 12)),
    "missing": (setting({"n": [1, 2, 3]}, 10, 99, 11),),
}


def write_and_die(root: str) -> None:
    """Do all that `LOGGED` and `CONDITIONS` hold, say what is stored, and end without closing anything."""
    import os

    backend = embedded.open(root)
    vectors = {
        "": dense(3),
        "multi": multi([[1, 2]], [[3, 4], [5, 6]], [[7, 8]]),
        "sparse": sparse(([9, 3], [0.5, 0.25]), ([], []), ([1], [1])),
    }
    payload = {"x": pa.array([1, 2, 3]), "o": pa.array([{"a": 1, "a.b": [{"z": 1}]}] * 3)}
    for name in ("nothing", *LOGGED, "conditions"):
        created(backend, name=name)
        stored(backend, points(numbers(10, 11, 12), vectors, payload), name=name)
    for name, done in LOGGED.items():
        answer = write(backend, *done, name=name)
        assert isinstance(answer, Fault) == (name == "missing"), answer
    for at, condition in enumerate(CONDITIONS):
        stored(
            backend, SetPayload(Matching({"must": condition}, pa.record_batch({f"hit {at}": [at]}))), name="conditions"
        )
    sys.stdout.write(json.dumps({name: contents(backend, name) for name in ("nothing", *LOGGED, "conditions")}))
    sys.stdout.flush()
    os._exit(9)


def test_every_operation_and_every_filter_comes_back_from_the_log(folder: Path) -> None:
    code = f"from {__name__} import write_and_die; write_and_die({str(folder)!r})"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=Path(__file__).parents[3], check=False
    )
    assert done.returncode == 9, done.stderr
    before = json.loads(done.stdout)
    assert set(before) == {"nothing", *LOGGED, "conditions"}
    backend = embedded.open(str(folder))
    for name, rows in before.items():
        assert contents(backend, name) == rows, name
        assert (rows == before["nothing"]) is (name == "nothing"), name
    backend.close()
