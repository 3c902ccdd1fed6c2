"""Batches of operations as REST bodies: read by the json module and validated by the official models."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from qdrant_client import models

from qframe.backends.rest import points_batch as encode
from qframe.backends.rest import upsert as upserts
from qframe.backends.rest.estimate import estimate
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
from qframe.model.vectors import Dense, Multi, Sparse
from tests.backends.points import NAMES, Case, cases, frame, source_payloads
from tests.columns.payloads import KEYS, exactly, settle

FILTER = {"must": [{"key": "a", "match": {"value": "x"}}]}
MODELS = {
    "upsert": models.UpsertOperation,
    "delete": models.DeleteOperation,
    "set_payload": models.SetPayloadOperation,
    "overwrite_payload": models.OverwritePayloadOperation,
    "delete_payload": models.DeletePayloadOperation,
    "clear_payload": models.ClearPayloadOperation,
    "update_vectors": models.UpdateVectorsOperation,
    "delete_vectors": models.DeleteVectorsOperation,
}


@dataclass(frozen=True)
class Said:
    """An operation and what it is on the wire."""

    operation: Operation
    wire: list[dict[str, Any]]


def points_batch(operations: Iterable[Operation]) -> bytes:
    return b"".join(encode.points_batch(operations))


def single(value: Any) -> Any:
    """Floats at the precision of vectors; integers stay what they are."""
    if isinstance(value, dict):
        return {name: single(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [single(inner) for inner in value]
    return float(np.float32(value)) if isinstance(value, float) else value


def read(*operations: Operation) -> list[dict[str, Any]]:
    """The operations of a body that the official models take."""
    body = points_batch(operations)
    found: list[dict[str, Any]] = json.loads(body)["operations"]
    told = models.UpdateOperations.model_validate_json(body).operations
    assert [type(one) for one in told] == [MODELS[name] for operation in found for name in operation]
    return found


def wire_vectors(points: Points, case: Case, row: int) -> Any:
    held = {name: said[row] for name, said in case.vectors.items()}
    held = {
        name: {"indices": vector[0], "values": vector[1]} if isinstance(vector, tuple) else vector
        for name, vector in held.items()
    }
    bare = list(held) == [""] and not isinstance(points.vectors[""], Sparse)
    return held[""] if bare else held


@st.composite
def vector_updates(draw: st.DrawFn) -> Said:
    case = draw(cases())
    assume(case.vectors)
    points = replace(case.operation.points, payload=None, shard_key=draw(st.sampled_from([None, "k"])))
    rows = [{"id": point, "vector": wire_vectors(points, case, row)} for row, point in enumerate(case.ids)]
    key = {} if points.shard_key is None else {"shard_key": points.shard_key}
    return Said(UpdateVectors(points), [{"update_vectors": {"points": rows, **key}}])


@st.composite
def payload_writes(draw: st.DrawFn) -> Said:
    case = draw(cases())
    n = len(case.ids)
    payload, objects = draw(source_payloads(n))
    shard_key = draw(st.sampled_from([None, 7]))
    codes = draw(st.none() | st.lists(st.integers(0, 2), min_size=n, max_size=n))
    starts = list(range(n)) if codes is None else [i for i in range(n) if i == 0 or codes[i] != codes[i - 1]]
    points = Points(case.operation.points.ids, {}, payload, range(n), shard_key)
    more: dict[str, Any] = {} if shard_key is None else {"shard_key": shard_key}
    coded = None if codes is None else np.array(codes, dtype=np.int64)
    operation: SetPayload | OverwritePayload
    if draw(st.booleans()):
        nulls = draw(st.sampled_from(["remove", "omit"]))
        key = draw(st.sampled_from([None, 'a."b"']))
        operation, name = SetPayload(points, coded, key, nulls), "set_payload"
        more |= {} if key is None else {"key": key}
    else:
        nulls = draw(st.sampled_from(["keep", "omit"]))
        operation, name = OverwritePayload(points, coded, nulls), "overwrite_payload"
    wire = []
    for start, stop in pairwise([*starts, n]):
        held = settle(objects[start], "omit" if nulls == "remove" else nulls)
        gone = {name: None for name, value in objects[start].items() if name not in held} if nulls == "remove" else {}
        wire.append({name: {"payload": held | gone, "points": case.ids[start:stop], **more}})
        lost = [path for path in map(payload_path, gone) if path is not None]
        if lost and "key" not in more:
            # Where no payload is stored the server takes the object as it is, its nulls too.
            wire.append({"delete_payload": {"keys": lost, "points": case.ids[start:stop], **more}})
    return Said(operation, wire)


@st.composite
def aimed(draw: st.DrawFn) -> Said:
    case = draw(cases())
    n = len(case.ids)
    key = draw(st.sampled_from([None, "k", 7]))
    if draw(st.booleans()):
        target: Points | Matching = Matching(FILTER, shard_key=key)
        wire: dict[str, Any] = {"filter": FILTER}
    else:
        target, wire = Points(case.operation.points.ids, {}, None, range(n), key), {"points": case.ids}
    wire |= {} if key is None else {"shard_key": key}
    paths = draw(st.lists(KEYS, min_size=1, max_size=2))
    names = draw(st.lists(NAMES, min_size=1, max_size=2))
    return draw(
        st.sampled_from(
            [
                Said(DeletePayload(target, tuple(paths)), [{"delete_payload": {"keys": paths, **wire}}]),
                Said(ClearPayload(target), [{"clear_payload": wire}]),
                Said(DeleteVectors(target, tuple(names)), [{"delete_vectors": {"vector": names, **wire}}]),
                Said(Delete(target), [{"delete": wire}]),
            ]
        )
    )


operations = vector_updates() | payload_writes() | aimed()


@given(st.lists(operations, min_size=1, max_size=3))
def test_the_body_says_what_the_operations_say_in_their_order(said: list[Said]) -> None:
    found = read(*(one.operation for one in said))
    wire = [operation for one in said for operation in one.wire]
    vectors = [place for place, operation in enumerate(wire) if "update_vectors" in operation]
    for place in vectors:
        found[place] = single(found[place])
    assert exactly(found) == exactly(wire)


@given(cases())
def test_an_upsert_among_others_is_its_own_body(case: Case) -> None:
    first, second = read(case.operation, Delete(case.operation.points))
    assert first == {"upsert": json.loads(b"".join(upserts.upsert(case.operation)))}
    assert exactly(second) == exactly({"delete": {"points": case.ids}})


@pytest.mark.parametrize("payload", [{"a": ["x"], "b": [None]}, {}])
def test_payload_by_filter(payload: dict[str, Any]) -> None:
    batch = pa.record_batch(payload) if payload else pa.record_batch({"x": [1]}).select([])
    held = {name: values[0] for name, values in payload.items()}
    target = Matching(FILTER, batch, shard_key="k")
    assert read(SetPayload(target, key="p"), OverwritePayload(target)) == [
        {"set_payload": {"payload": held, "filter": FILTER, "key": "p", "shard_key": "k"}},
        {
            "overwrite_payload": {
                "payload": {name: value for name, value in held.items() if value is not None},
                "filter": FILTER,
                "shard_key": "k",
            }
        },
    ]


def test_whole_numbers_of_a_multivector_have_a_point() -> None:
    column = Multi(np.array([0, 2]), np.array([[1, 2], [3, 4]], dtype=np.float32))
    for name, vector in (("", b"[[1.0,2.0],[3.0,4.0]]"), ("m", b'{"m":[[1.0,2.0],[3.0,4.0]]}')):
        operation = UpdateVectors(Points(Ids(np.array([1], dtype=np.uint64)), {name: column}, None, range(1)))
        assert b'"vector":%b}' % vector in points_batch([operation])


def test_thousands_of_payloads_are_as_many_operations() -> None:
    random = np.random.default_rng(0)
    codes = np.sort(random.integers(0, 2_000, 10_000))
    payload = pa.record_batch({"code": codes, "text": [f'"{code}"' for code in codes]})
    points = Points(Ids(random.permutation(10_000).astype(np.uint64)), {}, payload, range(10_000))
    found = [operation["set_payload"] for operation in read(SetPayload(points, codes))]
    assert len(found) == len(np.unique(codes))
    assert [i for operation in found for i in operation["points"]] == points.ids.values.tolist()
    assert [operation["payload"] for operation in found] == [
        {"code": code, "text": f'"{code}"'} for code in np.unique(codes).tolist()
    ]


def test_a_row_without_its_vector_is_a_bug_upstream() -> None:
    column = Dense(np.zeros((2, 3), dtype=np.float32), np.array([True, False]))
    points = Points(Ids(np.arange(2, dtype=np.uint64)), {"": column}, None, range(2))
    with pytest.raises(ValueError, match="grouped by their vectors"):
        points_batch([UpdateVectors(points)])


@given(operations)
def test_the_same_operation_gives_the_same_bytes(said: Said) -> None:
    assert points_batch([said.operation]) == points_batch([said.operation])


def _many(n: int = 1_000, *, uuids: bool = False) -> Points:
    random = np.random.default_rng(1)
    payload = pa.record_batch(
        {
            "name": [" ".join(random.choice(["ein", 'gro"ßer', "Baum\n"], random.integers(1, 9))) for _ in range(n)],
            "body": ["x" * int(length) for length in random.integers(0, 300, n)],
            "stars": random.integers(0, 6, n),
        }
    )
    ids = Ids(
        random.integers(0, 255, (n, 16), dtype=np.uint8) if uuids else np.arange(5_000, 5_000 + n, dtype=np.uint64)
    )
    return replace(frame(n, payload=payload), ids=ids)


OPERATIONS: dict[str, Callable[[Points], Operation]] = {
    "upsert": Upsert,
    "upsert without vectors": lambda points: Upsert(replace(points, vectors={})),
    "update_vectors": lambda points: UpdateVectors(replace(points, payload=None)),
    "update_vectors by name": lambda points: UpdateVectors(
        replace(points, vectors={"dense": points.vectors[""]}, payload=None)
    ),
    "set_payload": lambda points: SetPayload(replace(points, vectors={}), key="nested"),
    "set_payload in runs": lambda points: SetPayload(replace(points, vectors={}), np.arange(len(points)) // 10),
    "overwrite_payload": lambda points: OverwritePayload(replace(points, vectors={})),
    "delete_payload": lambda points: DeletePayload(points, ("a",)),
    "clear_payload": ClearPayload,
    "delete_vectors": lambda points: DeleteVectors(points, ("",)),
    "delete": Delete,
}


@pytest.mark.parametrize("uuids", [False, True])
@pytest.mark.parametrize("name", OPERATIONS)
def test_the_estimate_is_near_on_typical_rows(name: str, uuids: bool) -> None:
    operation = OPERATIONS[name](_many(uuids=uuids))
    sizes = estimate(operation)
    assert sizes.dtype == np.int64
    assert sizes.shape == (1_000,)
    whole = len(points_batch([operation]))
    assert abs(sizes.sum() / whole - 1) < 0.1
    half = len(points_batch([operation.take(slice(0, 500))]))
    assert abs(sizes[:500].sum() / half - 1) < 0.15


def test_the_first_row_of_a_run_carries_its_payload() -> None:
    points = _many(30)
    sizes = estimate(SetPayload(replace(points, vectors={}), np.arange(30) // 10))
    first = np.arange(30) % 10 == 0
    assert set(sizes[~first]) == {len("5000,")}
    assert sizes[first].min() > len('{"set_payload":{"payload":{"name":"","body":"","stars":1},"points":[5000]}},')


@pytest.mark.parametrize("make", [Delete, ClearPayload, SetPayload, lambda target: DeletePayload(target, ("a",))])
def test_a_filter_is_one_row(make: Callable[[Matching], Operation]) -> None:
    operation = make(Matching(FILTER, pa.record_batch({"a": ["x" * 100]})))
    assert estimate(operation).tolist() == [len(points_batch([operation])) - len('{"operations":[]}')]


@pytest.mark.parametrize("name", OPERATIONS)
def test_no_rows_have_no_sizes(name: str) -> None:
    assert estimate(OPERATIONS[name](_many(5)).take(slice(0, 0))).tolist() == []
