"""The law: what is written and scanned back with the frame's schema is equal, on every backend; and its exceptions."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

import qframe as qf
from tests.frames_strategy import PAYLOAD, SAMPLES, column, frames

LAST_BITS: dict[str, Any] = {"rel_tol": 1e-15, "abs_tol": 1e-322}
"""Qdrant keeps payload as JSON and reads it with a parser that is up to two units in the last place off, which happens
to one random double in eleven. A real server may do so twice over REST: once for the request, once for the storage."""


def store(frame: pl.DataFrame, collection: qf.Collection, **options) -> None:
    """Write a frame with the dot product, which leaves vectors as they are."""
    collection.create_collection(frame, distance="dot", if_exists="replace")
    assert collection.upsert(frame, **options).ok


def back(collection: qf.Collection, schema: object, **options) -> pl.DataFrame:
    return collection.scan(schema=schema, **options).collect()


@settings(max_examples=SAMPLES)
@given(frame=frames())
def test_polars(connection: qf.Connection, name: str, frame: pl.DataFrame) -> None:
    collection = qf.collection(name, connection=connection)
    store(frame, collection)
    found = back(collection, frame.schema)
    assert found.schema == frame.select(found.columns).schema
    assert_frame_equal(found, frame.sort("id").select(found.columns), categorical_as_str=True, **LAST_BITS)


@pytest.mark.parametrize("kind", sorted(PAYLOAD))
@settings(max_examples=6)
@given(data=st.data())
def test_every_dtype(connection: qf.Connection, name: str, kind: str, data: st.DataObject) -> None:
    values = data.draw(column(kind, 7))
    frame = pl.DataFrame({"id": range(7), "value": values}, schema_overrides={"id": pl.UInt64})
    collection = qf.collection(name, connection=connection)
    # Every example has the same ids: its points replace those of the one before.
    collection.create_collection(config={"vectors": {}}, if_exists="ignore")
    assert collection.upsert(frame).ok
    assert_frame_equal(back(collection, frame.schema), frame, categorical_as_str=True, **LAST_BITS)


@settings(max_examples=SAMPLES)
@given(frame=frames(kinds=st.sampled_from(["boolean", "int64", "float64", "string", "datetime_us", "list_string"])))
@pytest.mark.parametrize("dtype_backend", ["numpy_nullable", "pyarrow"])
def test_pandas(connection: qf.Connection, name: str, dtype_backend: str, frame: pl.DataFrame) -> None:
    written = frame.to_pandas(use_pyarrow_extension_array=True)
    if dtype_backend == "numpy_nullable":
        # Made of Python values: pandas itself turns integers beside nulls into floats on the way from Arrow.
        nullable = {pl.Boolean: "boolean", pl.Int64: "Int64", pl.Float64: "Float64", pl.String: "string"}
        for column, dtype in frame.schema.items():
            if column != "id" and dtype in nullable:
                written[column] = pd.array(frame[column].to_list(), dtype=nullable[dtype])
    collection = qf.collection(name, connection=connection)
    collection.create_collection(frame, distance="dot", if_exists="replace")
    assert collection.upsert(written).ok
    found = collection.read(schema=written, vectors=True, frame="pandas", dtype_backend=dtype_backend)
    again = pl.from_pandas(found, schema_overrides=dict(frame.schema))
    assert_frame_equal(again, frame.sort("id").select(again.columns), **LAST_BITS)


@pytest.mark.parametrize("kind", ["named", "several"])
def test_all_kinds_of_vectors(connection: qf.Connection, name: str, kind: str) -> None:
    frame = pl.DataFrame(
        {
            "id": pl.Series(range(4), dtype=pl.UInt64),
            "dense": pl.Series(np.arange(12).reshape(4, 3), dtype=pl.Array(pl.Float32, 3)),
            "words": pl.Series(
                [{"indices": [1, 5], "values": [0.5, 2.0]}, {"indices": [], "values": []}] * 2,
                dtype=pl.Struct({"indices": pl.List(pl.UInt32), "values": pl.List(pl.Float32)}),
            ),
            "tokens": pl.Series([[[1.0, 2.0]], [[1.0, 2.0], [3.0, 4.0]]] * 2, dtype=pl.List(pl.Array(pl.Float32, 2))),
        }
    )
    chosen = ["dense"] if kind == "named" else ["dense", "words", "tokens"]
    frame = frame.select("id", *chosen)
    collection = qf.collection(name, connection=connection)
    collection.create_collection(frame, vector=chosen, distance="dot")
    assert collection.upsert(frame, vector=chosen).ok
    assert_frame_equal(collection.scan().collect().select(frame.columns), frame)


def test_points_without_some_vectors(connection: qf.Connection, name: str) -> None:
    frame = pl.DataFrame(
        {
            "id": pl.Series(range(4), dtype=pl.UInt64),
            "a": pl.Series([[1, 2], None, [3, 4], None], dtype=pl.Array(pl.Float32, 2)),
            "b": pl.Series([[1, 2], [5, 6], None, None], dtype=pl.Array(pl.Float32, 2)),
        }
    )
    collection = qf.collection(name, connection=connection)
    collection.create_collection(frame, vector=["a", "b"], distance="dot")
    assert collection.upsert(frame, vector=["a", "b"], null_vectors="omit").ok
    assert_frame_equal(collection.scan().collect().select(frame.columns), frame)


def test_uuids_in_all_spellings(connection: qf.Connection, name: str) -> None:
    ids = [uuid.UUID(int=i << 64) for i in range(1, 5)]
    spelled = [str(ids[0]), ids[1].hex.upper(), ids[2].urn, f"{{{ids[3]}}}"]
    collection = qf.collection(name, connection=connection)
    frame = pl.DataFrame({"id": spelled, "vector": [[1.0, 2.0]] * 4})
    assert collection.upsert(frame, vector="vector").ok
    assert collection.scan().select("id").collect()["id"].to_list() == sorted(map(str, ids))


class TestExceptions:
    """What the table of exceptions in the documentation says."""

    def test_cosine_vectors_come_back_normalised(self, connection: qf.Connection, name: str) -> None:
        frame = pl.DataFrame({"id": [1], "vector": pl.Series([[3, 4]], dtype=pl.Array(pl.Float32, 2))})
        collection = qf.collection(name, connection=connection)
        collection.upsert(frame)
        (found,) = collection.scan().collect()["vector"].to_list()
        assert found == pytest.approx([0.6, 0.8], abs=1e-6)

    def test_float64_vectors_come_back_as_float32(self, connection: qf.Connection, name: str) -> None:
        frame = pl.DataFrame({"id": [1], "vector": pl.Series([[0.1, 0.2]], dtype=pl.Array(pl.Float64, 2))})
        collection = qf.collection(name, connection=connection)
        store(frame, collection)
        assert_frame_equal(
            collection.scan().select("vector").collect(),
            frame.select(pl.col("vector").cast(pl.Array(pl.Float32, 2))),
        )

    def test_float64_payload_keeps_fifteen_digits_and_may_lose_the_last_bits(
        self, connection: qf.Connection, name: str
    ) -> None:
        rng = np.random.default_rng(3)
        short = np.round(rng.random(500) * 10**6, 9)
        long = rng.random(500) * 10.0 ** rng.integers(-250, 250, 500)
        frame = pl.DataFrame({"id": range(500), "short": short, "long": long}, schema_overrides={"id": pl.UInt64})
        collection = qf.collection(name, connection=connection)
        collection.create_collection(config={"vectors": {}})
        collection.upsert(frame)
        found = back(collection, frame.schema)
        assert found["short"].to_list() == short.tolist()
        np.testing.assert_array_max_ulp(found["long"].to_numpy(), long, maxulp=4)

    def test_nan_comes_back_as_null(self, connection: qf.Connection, name: str) -> None:
        frame = pl.DataFrame({"id": [1, 2], "x": [float("nan"), 1.0], "xs": [[float("nan"), 1.0], None]})
        collection = qf.collection(name, connection=connection)
        collection.create_collection(config={"vectors": {}})
        collection.upsert(frame, vector=False, payload=["x", "xs"])
        found = back(collection, frame.schema)
        assert found["x"].to_list() == [None, 1.0]
        assert found["xs"].to_list() == [[None, 1.0], None]

    def test_null_that_is_kept_is_null_too(self, connection: qf.Connection, name: str) -> None:
        frame = pl.DataFrame({"id": [1, 2], "x": [None, 1.0]})
        collection = qf.collection(name, connection=connection)
        collection.create_collection(config={"vectors": {}})
        collection.upsert(frame, nulls="keep")
        assert collection.count(filter={"must": [{"is_null": {"key": "x"}}]}) == 1
        collection.upsert(frame)
        assert collection.count(filter={"must": [{"is_null": {"key": "x"}}]}) == 0
        assert back(collection, frame.schema)["x"].to_list() == [None, 1.0]


def test_arrow_tables_and_readers(connection: qf.Connection, name: str) -> None:
    table = pa.table({"id": pa.array([2, 1], pa.uint64()), "when": pa.array([dt.date(2024, 1, 3), None])})
    collection = qf.collection(name, connection=connection)
    collection.create_collection(config={"vectors": {}})
    report = collection.upsert(pa.RecordBatchReader.from_batches(table.schema, table.to_batches()))
    assert report.ok
    assert report.ids is None
    found = collection.read(frame="arrow", schema=table.schema)
    assert found.sort_by("id").equals(table.sort_by("id"))


def test_a_named_pandas_index_is_a_column(connection: qf.Connection, name: str) -> None:
    frame = pd.DataFrame({"price": [1.5, 2.5]}, index=pd.Index([7, 3], name="id"))
    collection = qf.collection(name, connection=connection)
    collection.create_collection(config={"vectors": {}})
    report = collection.upsert(frame)
    assert report.ids.to_dict() == {7: 7, 3: 3}
    assert collection.read(frame="pandas").to_dict("list") == {"id": [3, 7], "price": [2.5, 1.5]}
