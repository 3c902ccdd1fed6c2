"""Upserts as gRPC bytes, decoded by the official stubs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from qdrant_client import grpc as stubs
from qdrant_client.conversions.conversion import value_to_json

from qframe.backends.grpc import encode
from qframe.backends.grpc.estimate import estimate
from qframe.columns.check import DEEPEST, unsupported
from qframe.model.batch import Batch, WriteOptions
from qframe.model.ids import Ids
from qframe.model.operations import Upsert
from qframe.model.points import Points
from qframe.model.vectors import Dense, Multi, Sparse
from tests.backends.grpc.reading import id_of, vectors_of
from tests.backends.points import Case, cases, frame
from tests.columns.payloads import exactly

OPTIONS = WriteOptions()


def upsert(batch: Batch, options: WriteOptions = OPTIONS) -> bytes:
    (operation,) = batch.operations
    assert isinstance(operation, Upsert)
    return encode.upsert(operation, batch.collection, options)


def decoded(batch: Batch, options: WriteOptions = OPTIONS) -> stubs.UpsertPoints:
    return stubs.UpsertPoints.FromString(upsert(batch, options))


@given(cases())
def test_the_official_stubs_read_what_was_written(case: Case) -> None:
    points = decoded(case.batch).points
    assert [id_of(point.id) for point in points] == case.ids
    for row, point in enumerate(points):
        expected = {name: said[row] for name, said in case.vectors.items()}
        assert repr(sorted(vectors_of(point.vectors).items())) == repr(sorted(expected.items()))
        payload = {key: value_to_json(value) for key, value in point.payload.items()}
        assert exactly(payload) == exactly(case.payloads[row])


@given(cases())
def test_the_bytes_are_canonical_and_their_estimate_exact(case: Case) -> None:
    request = upsert(case.batch, OPTIONS)
    sizes = estimate(case.operation)
    assert sizes.dtype == np.int64
    # What the stubs would write is as long: maps come in another order, but no field is padded or there for nothing.
    rows = [point.ByteSize() for point in stubs.UpsertPoints.FromString(request).points]
    assert [_tag_and_length(row) + row for row in rows] == sizes.tolist()
    alone = upsert(replace(case.batch, operations=(case.operation.take(slice(0, 0)),)), OPTIONS)
    assert len(request) == len(alone) + sizes.sum()


def _tag_and_length(size: int) -> int:
    return 1 + max(1, -(-size.bit_length() // 7))


def test_without_vectors_the_map_is_there_and_empty() -> None:
    points = Points(Ids(np.array([7], dtype=np.uint64)), {}, None, range(1))
    (point,) = decoded(Batch("c", (Upsert(points),))).points
    assert point.vectors.SerializeToString() == bytes.fromhex("1200")


@pytest.mark.parametrize(
    ("vectors", "expected"),
    [
        ({"": Dense(np.array([[1, 2]], dtype=np.float32))}, "0a0daa060a0a080000803f00000040"),
        ({"a": Dense(np.array([[1]], dtype=np.float32))}, "12100a0e0a01611209aa06060a040000803f"),
        (
            {
                "s": Sparse(
                    np.array([0, 2]),
                    np.array([1, 300], dtype=np.uint32),
                    np.array([0.5, 1], dtype=np.float32),
                )
            },
            "12190a170a01731212b2060f0a080000003f0000803f120301ac02",
        ),
        (
            {"": Multi(np.array([0, 2]), np.array([[1], [2]], dtype=np.float32))},
            "0a13ba06100a060a040000803f0a060a0400000040",
        ),
    ],
)
def test_vectors_are_the_bytes_of_the_fact_sheet(vectors: dict[str, Any], expected: str) -> None:
    points = Points(Ids(np.array([1], dtype=np.uint64)), vectors, None, range(1))
    body = bytes.fromhex(expected)
    assert (
        upsert(Batch("c", (Upsert(points),)), OPTIONS).count(b"\x0a\x02\x08\x01\x22" + bytes([len(body)]) + body) == 1
    )


@pytest.mark.parametrize("wait", [True, False])
@pytest.mark.parametrize("ordering", ["weak", "medium", "strong"])
@pytest.mark.parametrize("mode", ["upsert", "insert_only", "update_only"])
def test_options_are_carried(wait: bool, ordering: Any, mode: Any) -> None:
    points = replace(frame(2), shard_key="k")
    operation = Upsert(points, mode=mode, update_filter={"must": [{"key": "a", "match": {"value": 1}}]})
    request = decoded(Batch("plâces", (operation,)), WriteOptions(wait=wait, ordering=ordering, timeout=10.0))
    assert request.collection_name == "plâces"
    assert request.wait is wait
    assert request.timeout == 9
    assert request.ordering.type == {"weak": 0, "medium": 1, "strong": 2}[ordering]
    assert request.update_mode == {"upsert": 0, "insert_only": 1, "update_only": 2}[mode]
    assert [key.keyword for key in request.shard_key_selector.shard_keys] == ["k"]
    assert request.update_filter.must[0].field.match.integer == 1
    plain = decoded(Batch("c", (Upsert(replace(points, shard_key=300)),)))
    assert [key.number for key in plain.shard_key_selector.shard_keys] == [300]
    assert not plain.HasField("update_filter")
    assert not plain.HasField("update_mode")


def test_a_row_without_its_vector_is_a_bug_upstream() -> None:
    column = Dense(np.zeros((2, 3), dtype=np.float32), np.array([True, False]))
    points = Points(Ids(np.arange(2, dtype=np.uint64)), {"": column}, None, range(2))
    with pytest.raises(ValueError, match="grouped by their vectors"):
        upsert(Batch("c", (Upsert(points),)), OPTIONS)


@pytest.mark.parametrize("level", ["list", "object"])
def test_the_deepest_payload_that_check_lets_pass_is_read(level: str) -> None:
    value: Any = 1
    for _ in range(DEEPEST):
        value = [value] if level == "list" else {"a": value}
    payload = pa.record_batch({"x": pa.array([value])})
    assert unsupported("x", payload.schema.field("x").type) is None
    (point,) = decoded(Batch("c", (Upsert(frame(1, payload=payload)),))).points
    assert value_to_json(point.payload["x"]) == value


def test_the_same_batch_gives_the_same_bytes() -> None:
    batch = Batch("c", (Upsert(frame(50)),))
    assert upsert(batch, OPTIONS) == upsert(batch, OPTIONS)
    left, right = batch.halves()
    nothing = replace(batch, operations=(batch.operations[0].take(slice(0, 0)),))
    alone = len(upsert(nothing, OPTIONS))
    assert len(upsert(left, OPTIONS)) + len(upsert(right, OPTIONS)) == len(upsert(batch, OPTIONS)) + alone
