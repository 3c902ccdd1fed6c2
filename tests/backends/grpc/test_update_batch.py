"""Operations as gRPC bytes, decoded by the official stubs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from qdrant_client import grpc as stubs
from qdrant_client.conversions.conversion import value_to_json

from qframe.backends.grpc.estimate import estimate
from qframe.backends.grpc.update_batch import update_batch
from qframe.columns.check import DEEPEST
from qframe.errors import OptionError
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
    UpdateVectors,
    Upsert,
)
from qframe.model.paths import payload_path
from qframe.model.points import Points
from qframe.model.vectors import Dense
from tests.backends.grpc.reading import id_of, vectors_of
from tests.backends.points import Case, cases, frame, source_payloads
from tests.columns.payloads import ABSENT, exactly, settle

FILTER = {"must": [{"key": "city", "match": {"value": "Ulm"}}]}
OFFICIAL_FILTER = stubs.Filter(
    must=[stubs.Condition(field=stubs.FieldCondition(key="city", match=stubs.Match(keyword="Ulm")))]
)
TEXTS = st.lists(st.sampled_from(["", "a", "a.b[].c", "ü" * 70]), min_size=1, max_size=3).map(tuple)
SHARD_KEYS = st.none() | st.sampled_from(["", "k", "ü" * 70, 0, 300])

Wire = tuple[Any, ...]
"""An operation on the wire: its name and what it says."""


@dataclass(frozen=True)
class Said:
    """An operation, and the operations on the wire that it is to be."""

    operation: Operation
    wire: list[Wire]


def decoded(*operations: Operation, options: WriteOptions = WriteOptions()) -> stubs.UpdateBatchPoints:  # noqa: B008
    return stubs.UpdateBatchPoints.FromString(update_batch(Batch("c", operations), options))


def selector(message: stubs.PointsSelector) -> Any:
    match message.WhichOneof("points_selector_one_of"):
        case "points":
            return [id_of(one) for one in message.points.ids]
        case "filter":
            return message.filter.SerializeToString(deterministic=True)
    raise AssertionError(message)


def shard_key(message: Any) -> Any:
    if not message.HasField("shard_key_selector"):
        return None
    (key,) = message.shard_key_selector.shard_keys
    return getattr(key, key.WhichOneof("key"))


def payload(message: Any) -> Any:
    return exactly({key: value_to_json(value) for key, value in message.payload.items()})


def vectors(message: Any) -> str:
    return repr(sorted(vectors_of(message.vectors).items()))


READ: dict[str, Callable[[Any], Wire]] = {
    "upsert": lambda one: ([(id_of(point.id), vectors(point), payload(point)) for point in one.points],),
    "update_vectors": lambda one: ([(id_of(point.id), vectors(point)) for point in one.points],),
    "set_payload": lambda one: (
        selector(one.points_selector),
        payload(one),
        one.key if one.HasField("key") else None,
    ),
    "overwrite_payload": lambda one: (selector(one.points_selector), payload(one)),
    "delete_payload": lambda one: (selector(one.points_selector), tuple(one.keys)),
    "clear_payload": lambda one: (selector(one.points),),
    "delete_vectors": lambda one: (selector(one.points_selector), tuple(one.vectors.names)),
    "delete_points": lambda one: (selector(one.points),),
}


def read(message: stubs.UpdateBatchPoints) -> list[Wire]:
    found = []
    for one in message.operations:
        name = one.WhichOneof("operation")
        inner = getattr(one, name)
        found.append((name, *READ[name](inner), shard_key(inner)))
    return found


def stored(row: dict[str, Any], nulls: str) -> Any:
    """The oracle's payload as it is to be written."""
    if nulls != "remove":
        return exactly(settle(row, nulls))
    return exactly({key: None if value is ABSENT else settle(value, "omit") for key, value in row.items()})


@st.composite
def carrying(draw: st.DrawFn) -> Said:
    """An operation that carries rows."""
    case: Case = draw(cases())
    key = draw(SHARD_KEYS)
    points = replace(case.operation.points, shard_key=key)
    rows = [
        repr(sorted({name: said[row] for name, said in case.vectors.items()}.items())) for row in range(len(points))
    ]
    if draw(st.booleans()):
        held = list(zip(case.ids, rows, strict=True))
        return Said(UpdateVectors(replace(points, payload=None)), [("update_vectors", held, key)])
    full = list(zip(case.ids, rows, map(exactly, case.payloads), strict=True))
    return Said(replace(case.operation, points=points), [("upsert", full, key)])


@st.composite
def writing_payload(draw: st.DrawFn) -> Said:
    """An operation that writes payload, to the points of ids with or without codes, or to those of a filter."""
    case: Case = draw(cases())
    key, path = draw(SHARD_KEYS), draw(st.none() | st.sampled_from(["", "a.b", "ü" * 70]))
    overwrite = draw(st.booleans())
    nulls = draw(st.sampled_from(["omit", "keep"] if overwrite else ["omit", "remove"]))
    if draw(st.booleans()):
        batch, rows = draw(source_payloads(1))
        target: Any = Matching(FILTER, batch, shard_key=key)
        codes = None
        aims = [OFFICIAL_FILTER.SerializeToString(deterministic=True)]
    else:
        n = len(case.ids)
        batch, rows = draw(source_payloads(n))
        target = Points(case.operation.points.ids, {}, batch, range(n), key)
        drawn = draw(st.none() | st.lists(st.integers(0, 1), min_size=n, max_size=n))
        codes = None if drawn is None else np.array(drawn, dtype=np.int64)
        runs = [[row] for row in range(n)]
        if drawn is not None:
            runs = [list(group) for _, group in groupby(range(n), key=lambda row: drawn[row])]
        aims = [[case.ids[row] for row in run] for run in runs]
        rows = [rows[run[0]] for run in runs]
    said = [stored(row, nulls) for row in rows]
    if overwrite:
        wire = [("overwrite_payload", aim, row, key) for aim, row in zip(aims, said, strict=True)]
        return Said(OverwritePayload(target, codes, nulls), wire)
    wire = []
    for aim, row, text in zip(aims, rows, said, strict=True):
        wire.append(("set_payload", aim, text, path, key))
        lost = tuple(filter(None, (payload_path(name) for name, value in row.items() if value is ABSENT)))
        if lost and nulls == "remove" and path is None:
            # Where no payload is stored the server takes the object as it is, its nulls too.
            wire.append(("delete_payload", aim, lost, key))
    return Said(SetPayload(target, codes, path, nulls), wire)


@st.composite
def removing(draw: st.DrawFn) -> Said:
    """An operation that takes something away."""
    key, texts = draw(SHARD_KEYS), draw(TEXTS)
    if draw(st.booleans()):
        target: Any = Matching(FILTER, shard_key=key)
        aim: Any = OFFICIAL_FILTER.SerializeToString(deterministic=True)
    else:
        case: Case = draw(cases())
        target = Points(case.operation.points.ids, {}, None, range(len(case.ids)), key)
        aim = case.ids
    return draw(
        st.sampled_from(
            [
                Said(DeletePayload(target, texts), [("delete_payload", aim, texts, key)]),
                Said(ClearPayload(target), [("clear_payload", aim, key)]),
                Said(DeleteVectors(target, texts), [("delete_vectors", aim, texts, key)]),
                Said(Delete(target), [("delete_points", aim, key)]),
            ]
        )
    )


ANY = carrying() | writing_payload() | removing()


@given(st.lists(ANY, min_size=1, max_size=3))
def test_the_official_stubs_read_the_operations_in_their_order(several: list[Said]) -> None:
    message = decoded(*(one.operation for one in several))
    assert read(message) == [wire for one in several for wire in one.wire]


@given(ANY)
def test_estimates_add_up_to_the_bytes_of_the_operation(said: Said) -> None:
    operation = said.operation
    sizes = estimate(operation)
    assert (sizes.dtype, sizes.shape) == (np.int64, (len(operation.rows),))
    assert (sizes > 0).all()
    message = decoded(operation)
    written = len(update_batch(Batch("c", (operation,)), WriteOptions())) - len(
        update_batch(Batch("c", ()), WriteOptions())
    )
    # What the stubs would write is as long: no field is padded or there for nothing.
    assert written == sum(_field(one.ByteSize()) for one in message.operations)
    if isinstance(operation, Upsert):
        assert sizes.tolist() == [_field(point.ByteSize()) for point in message.operations[0].upsert.points]
    else:
        assert written == sizes.sum()


def _field(size: int) -> int:
    """Bytes of a field with its tag and length."""
    return 1 + max(1, -(-size.bit_length() // 7)) + size


def test_the_payload_of_a_run_is_counted_with_its_first_row() -> None:
    batch = pa.record_batch({"text": ["x" * 500] * 3 + ["y" * 300] * 2})
    points = Points(Ids(np.arange(5, dtype=np.uint64)), {}, batch, range(5))
    operation = SetPayload(points, np.array([4, 4, 4, 1, 1]))
    sizes = estimate(operation)
    assert sizes[[1, 2, 4]].tolist() == [4, 4, 4]
    assert 500 < sizes[0] < 540
    assert 300 < sizes[3] < 340
    # A cut within a run writes its payload once more, and nothing else.
    parts = [operation.take(slice(0, 2)), operation.take(slice(2, 5))]
    assert sum(int(estimate(part).sum()) for part in parts) <= sizes.sum() + sizes[0]


@given(ANY)
def test_the_same_batch_gives_the_same_bytes(said: Said) -> None:
    batch = Batch("c", (said.operation, said.operation))
    assert update_batch(batch, WriteOptions()) == update_batch(batch, WriteOptions())


@pytest.mark.parametrize("wait", [True, False])
@pytest.mark.parametrize(("ordering", "number"), [("weak", 0), ("medium", 1), ("strong", 2)])
def test_options_are_carried(wait: bool, ordering: Any, number: int) -> None:
    batch = Batch("plâces", (Delete(frame(2)),))
    for longest, seconds in ((None, 9), (5, 5)):
        options = WriteOptions(wait=wait, ordering=ordering, timeout=10.0, longest=longest)
        message = stubs.UpdateBatchPoints.FromString(update_batch(batch, options))
        assert (message.collection_name, message.wait, message.timeout) == ("plâces", wait, seconds)
        assert message.ordering.type == number


@pytest.mark.parametrize(("mode", "number"), [("upsert", None), ("insert_only", 1), ("update_only", 2)])
def test_an_upsert_beside_others_keeps_its_options(mode: Any, number: int | None) -> None:
    operation = Upsert(replace(frame(2), shard_key="k"), mode=mode, update_filter=FILTER)
    first, second = decoded(operation, Delete(frame(1))).operations
    assert first.upsert.update_filter == OFFICIAL_FILTER
    assert shard_key(first.upsert) == "k"
    assert (first.upsert.update_mode if first.upsert.HasField("update_mode") else None) == number
    assert second.WhichOneof("operation") == "delete_points"


def test_nulls_to_remove_are_written_at_the_top_and_nowhere_below() -> None:
    inner = {"a": None, "b": {"c": None}, "l": [None, {"d": None}]}
    batch = pa.record_batch({"x": pa.array([None, inner]), "n": [float("nan"), 1.0], "z": pa.nulls(2)})
    points = Points(Ids(np.arange(2, dtype=np.uint64)), {}, batch, range(2))
    operations = decoded(SetPayload(points)).operations
    found = [{key: value_to_json(value) for key, value in one.set_payload.payload.items()} for one in operations[::2]]
    assert [list(one.delete_payload.keys) for one in operations[1::2]] == [["x", "n", "z"], ["z"]]
    assert found == [{"x": None, "n": None, "z": None}, {"x": {"b": {}, "l": [None, {}]}, "n": 1.0, "z": None}]


def test_thousands_of_payloads_are_as_many_operations() -> None:
    n, distinct = 6000, 2000
    names = np.arange(n) // (n // distinct)
    batch = pa.record_batch({"name": [f"n{name}" for name in names]})
    points = Points(Ids(np.arange(n, dtype=np.uint64)), {}, batch, range(n))
    found = decoded(OverwritePayload(points, names)).operations
    assert [one.overwrite_payload.payload["name"].string_value for one in found] == [f"n{i}" for i in range(distinct)]
    ids = [id_.num for one in found for id_ in one.overwrite_payload.points_selector.points.ids]
    assert ids == list(range(n))


@pytest.mark.parametrize("level", ["list", "object"])
def test_the_deepest_payload_that_check_lets_pass_is_read_within_a_batch(level: str) -> None:
    value: Any = 1
    for _ in range(DEEPEST):
        value = [value] if level == "list" else {"a": value}
    points = frame(1, payload=pa.record_batch({"x": pa.array([value])}))
    upserted, written = decoded(Upsert(points), SetPayload(replace(points, vectors={}))).operations
    assert value_to_json(upserted.upsert.points[0].payload["x"]) == value
    assert value_to_json(written.set_payload.payload["x"]) == value


def test_a_row_without_its_vector_is_a_bug_upstream() -> None:
    column = Dense(np.zeros((2, 3), dtype=np.float32), np.array([True, False]))
    points = Points(Ids(np.arange(2, dtype=np.uint64)), {"": column}, None, range(2))
    with pytest.raises(ValueError, match="grouped by their vectors"):
        decoded(UpdateVectors(points))


def test_a_filter_with_an_unknown_key_is_not_written() -> None:
    with pytest.raises(OptionError, match="'musst'"):
        decoded(Delete(Matching({"musst": []})))
