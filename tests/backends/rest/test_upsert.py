"""Upserts as REST bodies, read by the json module and validated by the official models."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pytest
from hypothesis import given
from qdrant_client import models

from qframe.backends.rest import upsert as encode
from qframe.backends.rest.estimate import estimate
from qframe.model.ids import Ids
from qframe.model.operations import Upsert
from qframe.model.points import Points
from qframe.model.vectors import Dense, Multi
from tests.backends.points import Case, cases, frame
from tests.columns.payloads import exactly


def upsert(operation: Upsert) -> bytes:
    return b"".join(encode.upsert(operation))


def _vector(said: Any, read: Any) -> None:
    """Numbers as the text has them, read at the precision of the engine."""
    if isinstance(said, tuple):
        indices, values = said
        assert set(read) == {"indices", "values"}
        assert read["indices"] == indices
        _vector(values, read["values"])
    elif said and isinstance(said[0], list):
        assert len(said) == len(read)
        for row, found in zip(said, read, strict=True):
            _vector(row, found)
    else:
        assert all(isinstance(number, float) for number in read)
        assert repr([float(np.float32(number)) for number in read]) == repr(said)


@given(cases())
def test_the_body_says_what_the_points_say(case: Case) -> None:
    body = json.loads(upsert(case.operation))
    if case.vectors:
        assert body.keys() == {"batch"}
        batch = body["batch"]
        ids, payloads = batch["ids"], batch.get("payloads", [{} for _ in case.ids])
        vectors = batch["vectors"] if isinstance(batch["vectors"], dict) else {"": batch["vectors"]}
    else:
        ids = [point["id"] for point in body["points"]]
        payloads = [point.get("payload", {}) for point in body["points"]]
        vectors = {}
        assert all(point["vector"] == {} for point in body["points"])
    assert exactly(ids) == exactly(case.ids)
    assert exactly(payloads) == exactly(case.payloads)
    assert vectors.keys() == case.vectors.keys()
    for name, said in case.vectors.items():
        for row, found in zip(said, vectors[name], strict=True):
            _vector(row, found)


@given(cases())
def test_the_official_models_take_the_body(case: Case) -> None:
    body = upsert(case.operation)
    orjson.loads(body)
    if case.vectors:
        batch = models.PointsBatch.model_validate_json(body).batch
        assert len(batch.ids) == len(case.ids)
        assert batch.payloads is None or len(batch.payloads) == len(case.ids)
    else:
        assert len(models.PointsList.model_validate_json(body).points) == len(case.ids)


@pytest.mark.parametrize("mode", ["upsert", "insert_only", "update_only"])
@pytest.mark.parametrize("key", ["k", 7])
def test_options_are_carried(mode: Any, key: Any) -> None:
    condition = {"must": [{"key": "a", "match": {"value": 1}}]}
    operation = Upsert(replace(frame(2), shard_key=key), mode=mode, update_filter=condition)
    body = upsert(operation)
    read = models.PointsBatch.model_validate_json(body)
    assert read.shard_key == key
    assert read.update_filter == models.Filter.model_validate(condition)
    assert json.loads(body).get("update_mode", "upsert") == mode
    assert json.loads(upsert(Upsert(frame(2)))).keys() == {"batch"}


def test_whole_numbers_of_a_multivector_have_a_point() -> None:
    column = Multi(np.array([0, 2]), np.array([[1, 2], [3, 4]], dtype=np.float32))
    points = Points(Ids(np.array([1], dtype=np.uint64)), {"": column}, None, range(1))
    assert b'"vectors":[[[1.0,2.0],[3.0,4.0]]]' in upsert(Upsert(points))


def test_a_row_without_its_vector_is_a_bug_upstream() -> None:
    column = Dense(np.zeros((2, 3), dtype=np.float32), np.array([True, False]))
    points = Points(Ids(np.arange(2, dtype=np.uint64)), {"": column}, None, range(2))
    with pytest.raises(ValueError, match="grouped by their vectors"):
        upsert(Upsert(points))


@pytest.mark.parametrize("nulls", ["omit", "keep"])
@pytest.mark.parametrize("with_vectors", [True, False])
def test_the_estimate_is_near_on_typical_rows(nulls: Any, with_vectors: bool) -> None:
    n, random = 1000, np.random.default_rng(1)
    words = ["ein", 'gro"ßer', "Baum\n", "steht", "hier", "üb", "der", "Straße"]
    payload = pa.record_batch(
        {
            "name": [" ".join(random.choice(words, random.integers(1, 9))) for _ in range(n)],
            "body": ["x" * int(length) for length in random.integers(0, 3000, n)],
            "price": random.normal(20, 5, n),
            "stars": random.integers(0, 6, n),
            "open": random.random(n) < 0.5,
            "seen": pa.array(random.integers(0, 2**50, n), pa.timestamp("us")),
            "tags": [list(random.choice(words, random.integers(0, 5))) if i % 3 else None for i in range(n)],
        }
    )
    points = frame(n, dim=16, payload=payload)
    operation = Upsert(points if with_vectors else replace(points, vectors={}), nulls=nulls)
    sizes = estimate(operation)
    assert sizes.dtype == np.int64
    whole = len(upsert(operation))
    assert abs(sizes.sum() / whole - 1) < 0.1
    alone = np.array([len(upsert(operation.take(slice(i, i + 1)))) for i in range(0, n, 50)])
    envelope = len('{"batch":{"ids":[],"vectors":[],"payloads":[]}}') if with_vectors else len('{"points":[]}')
    ratio = sizes[::50] / (alone - envelope)
    assert ratio.min() > 0.8
    assert ratio.max() < 1.2
