"""A look at a frame against a collection: what it finds, what an upsert then does, and that nothing is written."""

from __future__ import annotations

import json
import pickle
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import qframe as qf
from qframe.write.index_fit import payload_types, unserved
from tests.loopback.process import Server
from tests.wrong.cases import Wrong
from tests.wrong.ids import IDS
from tests.wrong.payloads import OPTIONS, PAYLOADS
from tests.wrong.vectors import VECTORS

INF = float("inf")


def frame(rows: int = 20) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "id": range(rows),
            "city": [f"city {row % 3}" for row in range(rows)],
            "price": [row / 4 for row in range(rows)],
            "vector": pl.Series(np.ones((rows, 2), np.float32), dtype=pl.Array(pl.Float32, 2)),
        }
    )


def at(name: str, connection: qf.Connection) -> qf.Collection:
    return qf.collection(name, connection=connection)


def texts(found: Any) -> str:
    return " ".join(found.problems["message"].to_list())


class TestNothingWrong:
    def test_a_collection_that_is_there(self, connection: qf.Connection, name: str) -> None:
        collection = at(name, connection)
        collection.create_collection(frame())
        found = collection.check(frame(), batch_size=8)
        assert found.ok
        assert found.problems.is_empty()
        assert (found.rows, found.bad, found.skipped, found.batches) == (20, 0, 0, 3)
        assert found.created is None
        assert found.columns == {"id": "id", "city": "payload", "price": "payload", "vector": "unnamed vector"}
        assert (found.collection, found.transport, found.target) == (name, connection.transport, connection.target)
        assert collection.count() == 0
        report = collection.upsert(frame(), batch_size=8)
        assert report.batches == found.batches
        assert report.nbytes == pytest.approx(found.nbytes, rel=0.3)

    def test_one_that_would_be_made(self, connection: qf.Connection, name: str) -> None:
        collection = at(name, connection)
        found = collection.check(frame())
        assert found.ok
        assert found.created == {"vectors": {"size": 2, "distance": "Cosine"}}
        assert not collection.exists()
        collection.create_collection(config=found.created)
        assert collection.check(frame()).created is None

    def test_it_says_so_in_text_html_json_and_pickled(self, embedded: qf.Connection, name: str) -> None:
        found = at(name, embedded).check(frame(), payload=["city"])
        for part in ("20 rows", repr(name), "can be written", "payload: 'city'", "left out: 'price'", "would be made"):
            assert part in repr(found)
        assert "&#x27;price&#x27;" in found._repr_html_()
        again = pickle.loads(pickle.dumps(found))
        assert repr(again) == repr(found)
        facts = json.loads(json.dumps(found.to_dict()))
        assert (facts["ok"], facts["rows"], facts["columns"]["price"]) == (True, 20, "left out")

    def test_the_accessor(self, embedded: qf.Connection, name: str) -> None:
        assert frame().qdrant.check(name, connection=embedded).ok
        assert frame().to_pandas().qdrant.check(name, connection=embedded, vector="vector").ok

    def test_an_empty_frame(self, embedded: qf.Connection, name: str) -> None:
        found = at(name, embedded).check(frame().clear())
        assert found.ok
        assert (found.rows, found.batches) == (0, 0)


class TestValues:
    def test_each_reason_is_one_line(self, connection: qf.Connection, name: str) -> None:
        data = frame(5).with_columns(
            price=pl.Series([0.0, INF, 0.0, INF, INF]),
            vector=pl.Series([[1, 2]] * 4 + [None], dtype=pl.Array(float, 2)),
        )
        found = at(name, connection).check(data)
        assert not found.ok
        lines = found.problems.select("severity", "column", "rows", "first_row", "value").rows()
        assert sorted(lines) == [("error", "price", 3, 1, "inf"), ("error", "vector", 1, 4, "None")]
        assert (found.rows, found.bad) == (5, 3)
        assert "cannot be written" in repr(found)
        assert "3 rows, column 'price', first in row 1: found inf" in repr(found)
        report = at(name, connection).upsert(data, errors="report")
        assert (report.failed, report.batches) == (found.bad, found.batches)
        assert at(name, connection).check(data, null_vectors="omit").problems["column"].to_list() == ["price"]

    @pytest.mark.parametrize(
        ("policy", "bad", "skipped"), [("raise", 2, 0), ("first", 0, 2), ("last", 0, 2), ("keep", 0, 0)]
    )
    def test_ids_that_occur_twice(
        self, embedded: qf.Connection, name: str, policy: Any, bad: int, skipped: int
    ) -> None:
        data = frame(6).with_columns(id=pl.Series([1, 2, 1, 3, 1, 4]))
        found = at(name, embedded).check(data, duplicates=policy)
        assert (found.bad, found.skipped, found.ok) == (bad, skipped, bad == 0)
        if bad:
            assert found.problems.select("column", "rows", "first_row").rows() == [("id", 2, 2)]

    def test_a_row_over_the_limit(self, wire: qf.Connection, name: str) -> None:
        data = frame(3).with_columns(city=pl.Series(["a", "b" * (31 * 2**20), "c"]))
        found = at(name, wire).check(data)
        assert found.problems.select("rows", "first_row").rows() == [(1, 1)]
        assert "limit" in texts(found)

    def test_problems_are_of_the_frames_library(self, embedded: qf.Connection, name: str) -> None:
        collection, data = at(name, embedded), frame(3).with_columns(price=pl.lit(INF))
        found = collection.check(data.to_pandas(), vector="vector").problems
        assert isinstance(found, pd.DataFrame)
        assert found["rows"].tolist() == [3]
        assert isinstance(collection.check(data.to_arrow()).problems, pa.Table)


class TestColumns:
    """A write stops at the first of these; a look finds them all."""

    def test_ids_vectors_and_payload_at_fault_at_once(self, connection: qf.Connection, name: str) -> None:
        collection = at(name, connection)
        collection.create_collection(frame())
        data = frame(4).with_columns(
            vector=pl.Series(np.ones((4, 3), np.float32), dtype=pl.Array(pl.Float32, 3)),
            raw=pl.lit(b"bytes"),
            price=pl.lit(INF),
        )
        found = collection.check(data.rename({"id": "number"}))
        assert set(found.problems["severity"]) == {"error"}
        said = texts(found)
        assert "no column 'id'" in said
        assert "vectors of 3 numbers" in said
        assert "'raw'" in said
        assert "a number that is not finite" in said or "inf" in found.problems["value"].to_list()
        with pytest.raises(qf.FrameError, match="no column 'id'"):
            collection.upsert(data.rename({"id": "number"}))

    def test_lists_of_different_lengths_are_no_payload_and_make_no_collection(
        self, embedded: qf.Connection, name: str
    ) -> None:
        """They were shown as payload, beside a collection without vectors, and the error that says otherwise."""
        ragged = pl.DataFrame({"id": [1, 2, 3], "city": "Ulm", "emb": [[0.1, 0.2], [0.1], [0.3, 0.4]]})
        found = at(name, embedded).check(ragged)
        assert found.columns == {"id": "id", "city": "payload", "emb": "not decided"}
        assert found.created is None
        assert "'emb' has lists of different lengths" in texts(found)
        # What the error says of naming it is so.
        assert "rows of another length are then bad alone" in texts(found)
        report = at(name, embedded).upsert(ragged, vector="emb", errors="report")
        assert (report.written, report.rows("failed").tolist()) == (2, [1])
        meant = at(name + "_too", embedded).check(ragged, vector=False, payload=["city", "emb"])
        assert meant.columns == {"id": "id", "city": "payload", "emb": "payload"}
        assert meant.created == {"vectors": {}}

    @pytest.mark.parametrize("dtype", [pl.List(pl.Float64), pl.Array(pl.Float32, 3)], ids=str)
    def test_vectors_of_another_dimension_are_no_payload(
        self, embedded: qf.Connection, name: str, dtype: pl.DataType
    ) -> None:
        collection = at(name, embedded)
        collection.create_collection(frame())
        data = frame(2).with_columns(vector=pl.Series([[0.1, 0.2, 0.3]] * 2, dtype=dtype))
        found = collection.check(data)
        assert found.columns == {"id": "id", "city": "payload", "price": "payload", "vector": "not decided"}
        assert "vectors of 3 numbers" in texts(found)

    def test_a_type_that_no_id_has(self, connection: qf.Connection, name: str) -> None:
        data = frame(4).with_columns(id=pl.col("id").cast(float) / 2, price=pl.lit(INF))
        found = at(name, connection).check(data)
        assert found.problems["column"].to_list() == ["id", "price"]

    def test_what_arrow_has_no_type_for(self, embedded: qf.Connection, name: str) -> None:
        data = frame(3).to_pandas().assign(mixed=[1, "a", 2.5], price=INF)
        data = data.drop(columns="vector")
        found = at(name, embedded).check(data, vector=False)
        assert found.problems["column"].tolist() == ["mixed", "price"]
        assert found.problems["first_row"].tolist() == [1, 0]

    def test_a_vector_the_collection_does_not_have(self, connection: qf.Connection, name: str) -> None:
        collection = at(name, connection)
        collection.create_collection(frame().rename({"vector": "dense"}))
        found = collection.check(frame(), vector={"dens": "vector"})
        assert "'dens'" in texts(found)
        assert found.problems.filter(severity="error").height == 1

    def test_a_vector_without_a_column(self, connection: qf.Connection, name: str) -> None:
        collection = at(name, connection)
        two = frame().with_columns(other="vector")
        collection.create_collection(two, vector=["vector", "other"])
        found = collection.check(frame())
        assert found.ok
        assert "'other'" in texts(found)
        assert collection.check(two).problems.is_empty()

    def test_a_key_that_no_filter_can_name(self, embedded: qf.Connection, name: str) -> None:
        found = at(name, embedded).check(frame().rename({"price": 'pri"ce'}))
        assert found.ok
        assert found.problems["column"].to_list() == ['pri"ce']


class TestIndexes:
    def test_types_that_an_index_does_not_hold(self, connection: qf.Connection, name: str) -> None:
        collection = at(name, connection)
        collection.create_collection(frame(), indexes={"city": "keyword", "price": "integer", "where.zip": "keyword"})
        data = frame().with_columns(where=pl.struct(zip=pl.lit(10115)))
        found = collection.check(data)
        assert found.ok
        assert found.problems.select("severity", "column").rows() == [("warning", "price"), ("warning", "where")]
        assert "type 'float' would" in texts(found)
        right = data.with_columns(price=pl.col("price").cast(int), where=pl.struct(zip=pl.lit("10115")))
        assert collection.check(right).problems.is_empty()

    def test_an_index_without_a_column(self, embedded: qf.Connection, name: str) -> None:
        collection = at(name, embedded)
        collection.create_collection(frame(), indexes={"tenant": "keyword"})
        assert "'tenant'" in texts(collection.check(frame()))

    @pytest.mark.parametrize(
        ("index", "served", "others"),
        [
            ("keyword", [pa.string(), pa.dictionary(pa.int8(), pa.string()), pa.uuid()], [pa.int8(), pa.bool_()]),
            ("text", [pa.large_string()], [pa.float32()]),
            ("uuid", [pa.uuid(), pa.string_view(), pa.binary(16)], [pa.uint64()]),
            ("integer", [pa.uint8(), pa.list_(pa.int64())], [pa.float64(), pa.string(), pa.bool_()]),
            ("float", [pa.float32(), pa.int64(), pa.decimal128(15, 2)], [pa.decimal128(20, 2), pa.string()]),
            ("bool", [pa.bool_(), pa.bool8()], [pa.int64()]),
            (
                "datetime",
                [pa.timestamp("us"), pa.date32(), pa.string()],
                [pa.int64(), pa.time64("us"), pa.duration("s")],
            ),
            (
                "geo",
                [pa.struct({"lon": pa.float64(), "lat": pa.float64()}), pa.null()],
                [pa.struct({"x": pa.float64()}), pa.list_(pa.float64())],
            ),
        ],
    )
    def test_the_table(self, index: str, served: list[pa.DataType], others: list[pa.DataType]) -> None:
        assert [unserved(index, dtype) for dtype in served] == [None] * len(served)
        assert None not in [unserved(index, dtype) for dtype in others]

    def test_paths(self) -> None:
        inner = pa.struct({"b c": pa.int64(), "d": pa.list_(pa.string())})
        found = dict(payload_types(pa.field("a", pa.list_(inner))))
        assert list(found) == ["a", "a[]", 'a[]."b c"', "a[].d", "a[].d[]"]
        assert not dict(payload_types(pa.field('a"', inner)))


class TestMissing:
    def test_a_slip(self, connection: qf.Connection, name: str) -> None:
        at(name, connection).create_collection(frame())
        found = at(name.replace("test", "tset"), connection).check(frame().with_columns(price=pl.lit(INF)))
        assert not found.ok
        assert found.created is None
        assert found.problems["column"].to_list() == [None, "price"]

    @pytest.mark.parametrize("options", [{"if_missing": "raise"}, {"mode": "update_only"}])
    def test_not_to_be_made(self, embedded: qf.Connection, name: str, options: dict[str, Any]) -> None:
        found = at(name, embedded).check(frame(), **options)
        assert not found.ok
        assert "does not exist" in texts(found)

    def test_one_that_cannot_be_made(self, embedded: qf.Connection, name: str) -> None:
        found = at(name, embedded).check(frame(), vector={"a/b": "vector"})
        assert "cannot be named" in texts(found)
        assert found.created is None


def streams() -> dict[str, Callable[[pl.DataFrame], Any]]:
    def parts(data: pl.DataFrame) -> Iterator[pl.DataFrame]:
        for start in range(0, data.height, 7):
            yield data.slice(start, 7)

    return {
        "lazy": lambda data: data.lazy(),
        "reader": lambda data: pa.RecordBatchReader.from_stream(data.to_arrow()),
        "generator": parts,
    }


@pytest.mark.parametrize("kind", sorted(streams()))
class TestStreams:
    def test_the_same_is_found(self, embedded: qf.Connection, name: str, kind: str) -> None:
        collection, data = at(name, embedded), frame().with_columns(price=pl.lit(INF), tags=pl.lit([1, 2]))
        found = collection.check(streams()[kind](data))
        assert (found.rows, found.bad) == (20, 20)
        assert pl.DataFrame(found.problems).to_dicts() == collection.check(data).problems.to_dicts()

    def test_one_line_a_reason_for_any_number_of_chunks(self, embedded: qf.Connection, name: str, kind: str) -> None:
        data = frame(70).with_columns(id=pl.int_range(pl.len()) // 2)
        found = at(name, embedded).check(streams()[kind](data))
        assert pl.DataFrame(found.problems).height == 1

    def test_types_are_looked_at_before_values(self, embedded: qf.Connection, name: str, kind: str) -> None:
        data = frame().with_columns(id=pl.col("id") / 2, price=pl.lit(INF))
        found = at(name, embedded).check(streams()[kind](data))
        assert pl.DataFrame(found.problems)["column"].to_list() == ["id", "price"]
        assert found.rows == 20


def test_nonsense_is_refused(embedded: qf.Connection, name: str) -> None:
    collection = at(name, embedded)
    for options in ({"nulls": "sometimes"}, {"batch_size": 0}, {"id": "id", "id_from": ["id"]}, {"duplicates": "any"}):
        with pytest.raises(qf.OptionError):
            collection.check(frame(), **options)
    with pytest.raises(qf.FrameError, match="not a frame"):
        collection.check({"id": [1]})


def test_a_target_out_of_reach_is_an_error() -> None:
    with pytest.raises(qf.UnreachableError):
        qf.collection("places", connection="http://127.0.0.1:9").check(frame())


@pytest.mark.loopback
def test_limits_of_the_collection_count(wire: qf.Connection, name: str) -> None:
    collection = at(name, wire)
    collection.create_collection(frame(), config={"strict_mode_config": {"enabled": True, "upsert_max_batchsize": 6}})
    assert collection.check(frame()).batches == 4


def test_ids_made_of_columns(embedded: qf.Connection, name: str) -> None:
    data = frame(3).with_columns(city=pl.Series(["a", None, "a"]), id=pl.lit(uuid.uuid4().hex))
    found = at(name, embedded).check(data, id_from=["city"])
    assert found.problems.select("rows", "first_row").rows() == [(1, 1), (1, 2)]
    assert found.columns is not None
    assert found.columns["city"] == "id and payload"


WRONG = [wrong for wrong in (*IDS, *VECTORS, *PAYLOADS, *OPTIONS) if wrong.error is qf.FrameError]


@pytest.mark.parametrize("wrong", WRONG, ids=lambda wrong: wrong.title)
def test_whatever_an_upsert_refuses_is_found(embedded: qf.Connection, wrong: Wrong) -> None:
    collection = qf.collection("places", connection=embedded)
    if wrong.config is not None:
        collection.create_collection(config=wrong.config)
    found = collection.check(wrong.frame(), **wrong.options)
    assert not found.ok
    lines = pl.DataFrame(found.problems).filter(severity="error").select("column", "first_row").rows()
    assert (wrong.column, wrong.row) in lines
    assert collection.exists() == (wrong.config is not None)


@pytest.mark.parametrize(
    "wrong", [item for item in OPTIONS if item.error is qf.OptionError], ids=lambda wrong: wrong.title
)
def test_options_that_make_no_sense_are_refused(embedded: qf.Connection, wrong: Wrong) -> None:
    collection = qf.collection("places", connection=embedded)
    if wrong.config is not None:
        collection.create_collection(config=wrong.config)
    with pytest.raises(qf.OptionError):
        collection.check(wrong.frame(), **wrong.options)


class TestUpdateFilter:
    @pytest.mark.parametrize(
        "given",
        [
            {"must": [{"key": "price", "foo": 1}]},
            {"must": [{"key": "price", "range": {"gte": "dear"}}]},
            {"must": [{"has_id": [-1]}]},
        ],
        ids=str,
    )
    def test_one_that_cannot_be_read(self, connection: qf.Connection, name: str, given: dict[str, Any]) -> None:
        collection = at(name, connection)
        collection.create_collection(frame())
        if connection.transport == "grpc":  # which has no word for it
            for verb in (collection.check, collection.upsert):
                with pytest.raises(qf.OptionError, match="filter"):
                    verb(frame(), update_filter=given)
            return
        found = collection.check(frame(), update_filter=given)
        assert not found.ok
        assert found.bad == 0
        with pytest.raises(qf.WriteError):
            collection.upsert(frame(), update_filter=given)

    def test_one_that_can(self, connection: qf.Connection, name: str) -> None:
        collection = at(name, connection)
        for given in ({"must": [{"key": "price", "range": {"gte": 3}}]}, pl.col("price") > 3, {}):
            assert collection.check(frame(), update_filter=given).ok
            assert collection.upsert(frame(), update_filter=given).ok


@pytest.mark.loopback
@pytest.mark.parametrize("transport", ["rest", "grpc"])
def test_a_server_too_old_is_told_of_any_frame(transport: Any) -> None:
    with Server.start(version="1.15.0") as server:
        old = at("places", qf.connect(server.url, grpc_port=server.grpc_port, transport=transport))
        for data in (frame(), frame(0), frame().with_columns(price=INF)):
            found = old.check(data, mode="insert_only")
            assert [line.message for line in found.found if "1.17" in line.message] == [
                "mode='insert_only' needs Qdrant 1.17.0; the server is 1.15.0."
            ]
            with pytest.raises(qf.UnsupportedError):
                old.upsert(data, mode="insert_only")
