"""The verbs besides upsert, by frame and by filter: what they change, what they leave, what the report says."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from qdrant_client import models

import qframe as qf

CONFIG = {
    "vectors": {
        "dense": {"size": 2, "distance": "Dot"},
        "other": {"size": 3, "distance": "Dot"},
        "late": {"size": 2, "distance": "Dot", "multivector_config": {"comparator": "max_sim"}},
    },
    "sparse_vectors": {"bag": {}},
}
PAYLOAD = {"city": "Bonn", "price": 1.5, "address": {"street": "Weg", "number": 7}}
DENSE, OTHER = [1.0, 2.0], [1.0, 2.0, 3.0]
IDS = [1, 2, 3, 4]
BERLIN = {"must": [{"key": "city", "match": {"value": "Berlin"}}]}


@pytest.fixture
def places(connection: qf.Connection, name: str) -> qf.Collection:
    """Four points with the same payload and two vectors each, but for the city of the last two."""
    collection = qf.collection(name, connection=connection)
    collection.create_collection(config=CONFIG)
    payload = pa.table(
        {
            "id": pa.array(IDS, pa.uint64()),
            "city": ["Bonn", "Bonn", "Berlin", "Berlin"],
            "price": [1.5] * 4,
            "address": [PAYLOAD["address"]] * 4,
            "dense": pa.array([DENSE] * 4, pa.list_(pa.float32(), 2)),
            "other": pa.array([OTHER] * 4, pa.list_(pa.float32(), 3)),
        }
    )
    assert collection.upsert(payload, vector=["dense", "other"]).ok
    return collection


def payloads(collection: qf.Collection) -> dict[int, Any]:
    """What is stored, by id."""
    found = collection.scan(schema={}, extra="column", vectors=False).collect()
    return {row["id"]: json.loads(row["extra"] or "{}") for row in found.iter_rows(named=True)}


def vectors(collection: qf.Collection, name: str) -> dict[int, Any]:
    found = collection.read(vectors=[name], columns=[], frame="arrow")
    return dict(zip(found["id"].to_pylist(), found[name].to_pylist(), strict=True))


class TestByFrame:
    @pytest.fixture(params=["polars", "lazy", "pandas", "arrow", "stream", "iterable"])
    def library(self, request: pytest.FixtureRequest) -> Callable[[dict[str, list[Any]]], Any]:
        """Columns as a frame of each library."""

        def made(columns: dict[str, list[Any]]) -> Any:
            table = pa.table(columns)
            return {
                "polars": lambda: pl.DataFrame(columns),
                "lazy": lambda: pl.LazyFrame(columns),
                "pandas": lambda: pd.DataFrame(columns),
                "arrow": lambda: table,
                "stream": lambda: table.to_reader(max_chunksize=1),
                "iterable": lambda: iter([table[:1], table[1:]]),
            }[request.param]()

        return made

    def test_set_payload(self, places: qf.Collection, library: Any) -> None:
        report = places.set_payload(library({"id": [1, 3], "price": [2.0, 3.0], "note": ["a", None]}))
        assert report.ok
        assert report.counts["written"] == report.total == 2
        assert not report.created
        stored = payloads(places)
        assert stored[1] == {**PAYLOAD, "price": 2.0, "note": "a"}
        assert stored[3] == {**PAYLOAD, "city": "Berlin", "price": 3.0}
        assert stored[2] == PAYLOAD
        assert vectors(places, "dense")[1] == DENSE

    def test_overwrite_payload(self, places: qf.Collection, library: Any) -> None:
        assert places.overwrite_payload(library({"id": [1, 3], "note": ["a", None]})).ok
        stored = payloads(places)
        assert [stored[point] for point in IDS[:3]] == [{"note": "a"}, PAYLOAD, {}]
        assert vectors(places, "dense")[3] == DENSE

    def test_delete_payload(self, places: qf.Collection, library: Any) -> None:
        frame = library({"id": [1, 4], "price": ["ignored"] * 2})
        assert places.delete_payload(frame, keys=["price", "address.street"]).written == 2
        stored = payloads(places)
        assert stored[1] == {"city": "Bonn", "address": {"number": 7}}
        assert stored[2] == PAYLOAD

    def test_clear_payload(self, places: qf.Collection, library: Any) -> None:
        assert places.clear_payload(library({"id": [2, 3]})).written == 2
        assert [bool(payload) for payload in payloads(places).values()] == [True, False, False, True]
        assert vectors(places, "other")[2] == OTHER

    def test_delete_vectors(self, places: qf.Collection, library: Any) -> None:
        assert places.delete_vectors(library({"id": [2, 3]}), vectors="dense").written == 2
        assert vectors(places, "dense") == {1: DENSE, 2: None, 3: None, 4: DENSE}
        assert vectors(places, "other") == dict.fromkeys(IDS, OTHER)
        assert payloads(places)[2] == PAYLOAD

    def test_delete(self, places: qf.Collection, library: Any) -> None:
        assert places.delete(library({"id": [2, 9], "dense": [[0.5], [0.25]]})).written == 2
        assert sorted(payloads(places)) == [1, 3, 4]

    def test_update_vectors(self, places: qf.Collection, library: Any) -> None:
        frame = library({"id": [2, 4], "dense": [[5.0, 6.0], [7.0, 8.0]], "city": ["x", "y"]})
        assert places.update_vectors(frame, vector="dense").written == 2
        assert vectors(places, "dense") == {1: DENSE, 2: [5.0, 6.0], 3: DENSE, 4: [7.0, 8.0]}
        assert vectors(places, "other") == dict.fromkeys(IDS, OTHER)
        assert payloads(places)[2] == PAYLOAD


def test_all_kinds_of_vectors_at_once(places: qf.Collection) -> None:
    frame = pl.DataFrame(
        {
            "id": [1, 2, 3],
            "dense": pl.Series([[5.0, 6.0], None, None], dtype=pl.Array(pl.Float32, 2)),
            "bag": [{"indices": [3, 9], "values": [0.5, 1.0]}, {"indices": [1], "values": [2.0]}, None],
            "late": pl.Series([[[1.0, 2.0], [3.0, 4.0]], None, None], dtype=pl.List(pl.Array(pl.Float32, 2))),
        },
        schema_overrides={"bag": pl.Struct({"indices": pl.List(pl.UInt32), "values": pl.List(pl.Float32)})},
    )
    report = places.update_vectors(frame, null_vectors="omit")
    assert report.counts["written"] == 2
    assert report.counts["skipped"] == 1
    assert report.ok
    assert vectors(places, "dense") == {1: [5.0, 6.0], 2: DENSE, 3: DENSE, 4: DENSE}
    assert vectors(places, "bag")[1] == {"indices": [3, 9], "values": [0.5, 1.0]}
    assert vectors(places, "bag")[2] == {"indices": [1], "values": [2.0]}
    assert vectors(places, "bag")[3] is None
    assert vectors(places, "late")[1] == [[1.0, 2.0], [3.0, 4.0]]
    assert vectors(places, "other") == dict.fromkeys(IDS, OTHER)


def test_vectors_beside_the_frame(places: qf.Collection) -> None:
    made = np.array([[9, 8], [7, 6]], dtype=np.float32)
    assert places.update_vectors(pd.DataFrame({"id": [1, 4]}), vector={"dense": made}).ok
    assert vectors(places, "dense") == {1: [9, 8], 2: DENSE, 3: DENSE, 4: [7, 6]}


def test_the_unnamed_vector_goes_and_comes_back(connection: qf.Connection, name: str) -> None:
    collection = qf.collection(name, connection=connection)
    frame = pl.DataFrame({"id": [1, 2], "vector": pl.Series([[1.0, 0.0], [0.0, 1.0]], dtype=pl.Array(pl.Float32, 2))})
    assert collection.upsert(frame).ok
    assert collection.delete_vectors(frame[:1], vectors="").ok
    assert vectors(collection, "vector") == {1: None, 2: [0.0, 1.0]}
    assert collection.update_vectors(frame[:1]).ok
    assert vectors(collection, "vector") == {1: [1.0, 0.0], 2: [0.0, 1.0]}


def test_the_accessor_has_every_verb(places: qf.Collection) -> None:
    to = {"connection": places.connection}
    frame = pl.DataFrame({"id": [1], "note": ["a"]})
    assert frame.qdrant.set_payload(places.name, **to).ok
    assert payloads(places)[1] == {**PAYLOAD, "note": "a"}
    assert frame.lazy().qdrant.overwrite_payload(places.name, **to).ok
    assert payloads(places)[1] == {"note": "a"}
    assert frame.to_pandas().qdrant.delete_payload(places.name, keys="note", **to).ok
    assert payloads(places)[1] == {}
    assert frame.with_columns(id=pl.lit(2, pl.UInt64)).qdrant.clear_payload(places.name, **to).ok
    assert payloads(places)[2] == {}
    vector = pl.DataFrame({"id": [1], "dense": [[8.0, 9.0]]})
    assert vector.qdrant.update_vectors(places.name, vector="dense", **to).ok
    assert vectors(places, "dense")[1] == [8.0, 9.0]
    assert vector.qdrant.delete_vectors(places.name, vectors=["dense"], **to).ok
    assert vectors(places, "dense")[1] is None
    assert vector.qdrant.delete(places.name, **to).ok
    assert sorted(payloads(places)) == [2, 3, 4]


class TestNulls:
    FRAME = pl.DataFrame(
        {
            "id": [1, 2],
            "price": [None, 4.0],
            "city": ["Ulm", None],
            "parts": [{"a": 1, "b": None}, {"a": None, "b": 2}],
            "list": [[1, None], [None]],
        }
    )

    def test_they_remove_keys(self, places: qf.Collection) -> None:
        assert places.set_payload(self.FRAME).ok
        stored = payloads(places)
        address = PAYLOAD["address"]
        assert stored[1] == {"city": "Ulm", "address": address, "parts": {"a": 1}, "list": [1, None]}
        assert stored[2] == {"price": 4.0, "address": address, "parts": {"b": 2}, "list": [None]}

    def test_or_leave_them(self, places: qf.Collection) -> None:
        assert places.set_payload(self.FRAME.to_pandas(), payload=["price", "city"], nulls="skip").ok
        stored = payloads(places)
        assert stored[1] == {**PAYLOAD, "city": "Ulm"}
        assert stored[2] == {**PAYLOAD, "price": 4.0}

    def test_overwriting_leaves_them_out(self, places: qf.Collection) -> None:
        assert places.overwrite_payload(self.FRAME, payload=["price", "parts"]).ok
        assert payloads(places)[1] == {"parts": {"a": 1}}

    def test_or_keeps_them(self, places: qf.Collection) -> None:
        assert places.overwrite_payload(self.FRAME, payload=["price", "parts"], nulls="keep").ok
        assert payloads(places)[1] == {"price": None, "parts": {"a": 1, "b": None}}

    def test_a_row_of_nothing_but_nulls_clears(self, places: qf.Collection) -> None:
        assert places.overwrite_payload(self.FRAME, payload=["price"]).ok
        assert payloads(places)[1] == {}


def test_payload_under_a_key(places: qf.Collection) -> None:
    frame = pl.DataFrame({"id": [1, 2], "street": ["Allee", None]})
    assert places.set_payload(frame, key="address").ok
    stored = payloads(places)
    assert stored[1] == {**PAYLOAD, "address": {"street": "Allee", "number": 7}}
    assert stored[2] == {**PAYLOAD, "address": {"number": 7}}


def test_keys_that_no_bare_path_names(places: qf.Collection) -> None:
    frame = pl.DataFrame({"id": [1], "a b": [1], "c.d": [2], "c": [{"d": 3}]})
    assert places.overwrite_payload(frame).ok
    assert places.delete_payload(frame, keys=["a b", "c.d"]).ok
    assert payloads(places)[1] == {"c.d": 2, "c": {}}
    assert places.delete_payload(frame, keys='"c.d"').ok
    assert payloads(places)[1] == {"c": {}}


class TestNesting:
    """A payload that protobuf readers give up on could be written over REST, and then not be read over gRPC."""

    def nested(self, levels: int) -> Any:
        value: Any = 1
        for _ in range(levels):
            value = {"a": value}
        return value

    def test_a_key_counts_too(self, places: qf.Collection) -> None:
        key = ".".join("b" * 20)
        frame = pl.DataFrame({"id": [1], "deep": [self.nested(10)]})
        assert places.set_payload(frame, key=key).ok
        assert places.read(frame="polars").height
        for refused in (
            lambda: places.set_payload(frame, key=f"{key}.b"),
            lambda: places.set_payload(frame, key=f"{key}[0]"),
            lambda: places.set_payload(filter={}, payload={"deep": self.nested(10)}, key=f"{key}.b"),
        ):
            with pytest.raises(qf.FrameError, match=r"'deep'.* nested deeper than 30 levels"):
                refused()

    def test_a_key_alone(self, places: qf.Collection) -> None:
        frame = pl.DataFrame({"id": [1], "n": [1]})
        assert places.set_payload(frame, key=".".join("b" * 30)).ok
        assert places.read(frame="polars").height
        with pytest.raises(qf.OptionError, match="31 levels deep, and a payload has 30 at most"):
            places.set_payload(frame, key=".".join("b" * 31))


CHANGES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "update_vectors": ({"dense": [[5.0, 6.0]] * 3}, {"vector": "dense"}),
    "set_payload": ({"city": ["x", "x", "y"]}, {}),
    "overwrite_payload": ({"city": ["x", "x", "y"]}, {}),
    "delete_payload": ({}, {"keys": "city"}),
    "clear_payload": ({}, {}),
    "delete_vectors": ({}, {"vectors": "dense"}),
}


@pytest.mark.parametrize("verb", CHANGES)
class TestMissingPoints:
    def test_they_fail_alone(self, places: qf.Collection, verb: str) -> None:
        columns, options = CHANGES[verb]
        frame = pl.DataFrame({"id": [1, 77, 2], **columns})
        before = payloads(places), vectors(places, "dense")
        report = getattr(places, verb)(frame, errors="report", **options)
        assert (report.written, report.failed) == (2, 1)
        assert report.rows("failed").tolist() == [1]
        assert report.failures["id"].to_list() == [77]
        after = payloads(places), vectors(places, "dense")
        assert sorted(after[0]) == IDS
        changed = [
            point for point in IDS if any(new[point] != old[point] for new, old in zip(after, before, strict=True))
        ]
        assert changed == [1, 2]

    def test_they_raise(self, places: qf.Collection, verb: str) -> None:
        columns, options = CHANGES[verb]
        with pytest.raises(qf.WriteError, match="no point has this id") as caught:
            getattr(places, verb)(pl.DataFrame({"id": [1, 77, 2], **columns}), **options)
        assert caught.value.report.rows("failed").tolist() == [1]

    def test_or_are_skipped(self, places: qf.Collection, verb: str) -> None:
        columns, options = CHANGES[verb]
        report = getattr(places, verb)(pl.DataFrame({"id": [1, 77, 2], **columns}), missing="skip", **options)
        assert report.ok
        assert report.rows("skipped").tolist() == [1]
        assert report.written == 2


@pytest.mark.parametrize("verb", [*CHANGES, "delete"])
def test_a_frame_without_rows_writes_nothing(places: qf.Collection, verb: str) -> None:
    columns, options = CHANGES.get(verb, ({}, {}))
    before = payloads(places), vectors(places, "dense")
    report = getattr(places, verb)(pl.DataFrame({"id": [1, 2, 3], **columns})[:0], **options)
    assert report.ok
    assert (report.total, report.requests) == (0, 0)
    assert (payloads(places), vectors(places, "dense")) == before


@pytest.mark.parametrize("verb", [*CHANGES, "delete"])
def test_a_collection_that_is_not_there_is_not_made(connection: qf.Connection, name: str, verb: str) -> None:
    columns, options = CHANGES.get(verb, ({}, {}))
    frame = pl.DataFrame({"id": [1, 2, 3], **columns})
    with pytest.raises(qf.CollectionNotFoundError, match=f"{name!r} does not exist.*{verb} is for points"):
        getattr(qf.collection(name, connection=connection), verb)(frame, **options)
    assert not qf.collection(name, connection=connection).exists()


def test_ids_from_columns_and_uuids(connection: qf.Connection, name: str) -> None:
    collection = qf.collection(name, connection=connection)
    frame = pl.DataFrame({"sku": ["a", "b"], "price": [1, 2]})
    assert collection.upsert(frame, id_from=["sku"], vector=False).ok
    changed = frame.with_columns(price=pl.col("price") * 10)
    report = collection.set_payload(changed, id_from=["sku"])
    assert report.ok
    assert report.ids.to_list() == qf.make_ids(frame, id_from=["sku"]).to_list()
    assert sorted(payload["price"] for payload in payloads(collection).values()) == [10, 20]
    ids = pd.DataFrame({"key": qf.make_ids(frame, id_from=["sku"]).to_list()})
    assert ids[:1].qdrant.delete(name, id="key", connection=connection).ok
    assert len(payloads(collection)) == 1


def test_random_ids_are_for_new_points(places: qf.Collection) -> None:
    with pytest.raises(qf.OptionError, match="only upsert makes points"):
        places.delete(pl.DataFrame({"x": [1]}), id="uuid4")
    with pytest.raises(qf.FrameError, match=r"no column 'id'") as caught:
        places.clear_payload(pl.DataFrame({"x": [1]}))
    assert "uuid4" not in str(caught.value)


class TestGrouping:
    def test_rows_of_one_payload_travel_together(self, connection: qf.Connection, name: str) -> None:
        rows, distinct = 3_000, 7
        ids = np.arange(rows, dtype=np.uint64)
        frame = pl.DataFrame({"id": ids, "kind": ids % distinct, "nested": [{"a": [int(i % distinct)]} for i in ids]})
        collection = qf.collection(name, connection=connection)
        assert collection.upsert(frame.select("id"), vector=False).ok
        report = collection.set_payload(frame)
        assert report.ok
        assert report.ids.to_list() == ids.tolist()
        assert payloads(collection) == {i: {"kind": i % distinct, "nested": {"a": [i % distinct]}} for i in range(rows)}

    def test_requests_are_those_that_the_bytes_ask_for(self, wire: qf.Connection, name: str) -> None:
        rows, distinct, chunk, nbytes = 100_000, 2_000, 1_000, 200_000
        ids = np.arange(rows, dtype=np.uint64)
        collection = qf.collection(name, connection=wire)
        collection.create_collection(config={"vectors": {}})
        frame = pl.DataFrame({"id": ids, "text": [f"{i % distinct:0500d}" for i in range(rows)]})
        collection.upsert(frame.select("id"), vector=False)
        # An id, and each payload once: far from one request a row, or even a group.
        asked = -(-(rows * 6 + distinct * 500) // nbytes)
        chunks = [frame[start : start + chunk] for start in range(0, rows, chunk)]
        for data in (frame, pl.concat(chunks, rechunk=False)):
            report = collection.set_payload(data, batch_bytes=nbytes)
            assert report.written == rows
            assert report.requests <= 2 * asked

    def test_a_frame_in_many_chunks_is_not_as_many_requests(self, wire: qf.Connection, name: str) -> None:
        ids, vectors = range(1_000), np.ones((1_000, 2), dtype=np.float32)
        frame = pl.DataFrame({"id": ids, "kind": pl.Series(["a", "b"] * 500, dtype=pl.Categorical), "dense": vectors})
        chunks = pl.concat([frame[start : start + 10] for start in range(0, 1_000, 10)], rechunk=False)
        assert chunks.n_chunks() == 100
        collection = qf.collection(name, connection=wire)
        report = collection.upsert(chunks, vector="dense")
        assert (report.written, report.requests) == (1_000, 1)
        assert collection.check(chunks, vector="dense").batches == 1
        with collection.batch() as batch:
            batch.update_vectors(chunks, vector="dense")
            batch.set_payload(chunks, payload=["kind"])
        assert (batch.report.written, batch.report.requests) == (2_000, 1)
        stored = payloads(collection)
        assert [stored[i]["kind"] for i in ids] == frame["kind"].to_list()

    def test_a_failure_is_of_the_row_it_belongs_to(self, places: qf.Collection) -> None:
        frame = pd.DataFrame({"id": [4, 88, 3, 99, 1], "city": ["x", "y", "x", "x", "y"]}, index=list("abcde"))
        report = places.set_payload(frame, errors="report")
        assert report.rows("failed").tolist() == [1, 3]
        assert report.failures["index"].tolist() == ["b", "d"]
        assert report.failures["id"].tolist() == [88, 99]
        assert {point: stored["city"] for point, stored in payloads(places).items()} == {
            1: "y",
            2: "Bonn",
            3: "x",
            4: "x",
        }

    def test_order_holds_where_an_id_comes_again(self, places: qf.Collection) -> None:
        frame = pl.DataFrame({"id": [1, 2, 1, 2, 1], "city": ["a", "b", "b", "a", "a"]})
        report = places.set_payload(frame, duplicates="keep", order="ordered")
        assert report.written == 5
        stored = payloads(places)
        assert (stored[1]["city"], stored[2]["city"]) == ("a", "a")


class TestLargeRows:
    """Bodies over 30 MiB, which a server refuses, are never sent."""

    @pytest.mark.parametrize("verb", ["upsert", "set_payload", "overwrite_payload"])
    def test_one_that_no_request_holds_is_named(self, wire: qf.Connection, name: str, verb: str) -> None:
        collection = qf.collection(name, connection=wire)
        ids = pl.DataFrame({"id": range(8)})
        assert collection.upsert(ids, vector=False).ok
        frame = ids.with_columns(text=pl.when(pl.col("id") == 3).then(pl.lit("x" * (31 << 20))).otherwise(pl.lit("s")))
        options = {"vector": False} if verb == "upsert" else {}
        report = getattr(collection, verb)(frame, errors="report", batch_bytes=100 << 20, **options)
        assert report.rows("failed").tolist() == [3]
        assert report.written == 7
        message = report.failures["message"][0]
        assert "over the limit of 31,457,280" in message
        assert "split what it holds" in message
        assert report.nbytes < 1000
        assert [point for point, stored in payloads(collection).items() if stored] == [0, 1, 2, 4, 5, 6, 7]

    def test_a_body_is_halved_before_it_is_sent(self, wire: qf.Connection, name: str) -> None:
        collection = qf.collection(name, connection=wire)
        frame = pl.DataFrame({"id": [1, 2], "text": ["a" * (16 << 20), "b" * (16 << 20)]})
        report = collection.upsert(frame, vector=False, batch_bytes=100 << 20)
        assert (report.written, report.requests, report.retries) == (2, 2, 0)
        with collection.batch(batch_bytes=100 << 20) as batch:
            batch.set_payload(frame)
        assert (batch.report.written, batch.report.requests, batch.report.retries) == (2, 2, 0)
        # A filter is one operation, whose payload cannot be divided.
        one = collection.set_payload(filter={}, payload={"text": "x" * (31 << 20)}, errors="report")
        assert (one.failed, one.requests) == (1, 0)


class TestByFilter:
    def test_set_payload(self, places: qf.Collection) -> None:
        report = places.set_payload(filter=BERLIN, payload={"price": 9, "city": None, "tags": ["a", "b"]})
        assert report.ok
        assert (report.total, report.written) == (1, 1)
        assert f"1 operation by filter → {places.name!r}" in repr(report)
        assert "row" not in repr(report)
        assert report.ids is None
        stored = payloads(places)
        assert stored[1] == PAYLOAD
        assert stored[3] == stored[4] == {"price": 9, "tags": ["a", "b"], "address": PAYLOAD["address"]}

    def test_under_a_key(self, places: qf.Collection) -> None:
        assert places.set_payload(filter=BERLIN, payload={"number": 8}, key="address").ok
        assert payloads(places)[3]["address"] == {"street": "Weg", "number": 8}

    def test_overwrite_payload(self, places: qf.Collection) -> None:
        assert places.overwrite_payload(filter=BERLIN, payload={"x": {}, "y": None}, nulls="keep").ok
        assert list(payloads(places).values())[1:3] == [PAYLOAD, {"x": {}, "y": None}]

    def test_delete_payload(self, places: qf.Collection) -> None:
        assert places.delete_payload(filter=BERLIN, keys=["price", "address"]).ok
        assert payloads(places)[4] == {"city": "Berlin"}
        assert payloads(places)[2] == PAYLOAD

    def test_clear_payload(self, places: qf.Collection) -> None:
        assert places.clear_payload(filter={"must_not": [BERLIN]}).ok
        assert [bool(payload) for payload in payloads(places).values()] == [False, False, True, True]

    def test_delete_vectors(self, places: qf.Collection) -> None:
        assert places.delete_vectors(filter=BERLIN, vectors=["dense", "other"]).ok
        assert vectors(places, "dense") == {1: DENSE, 2: DENSE, 3: None, 4: None}
        assert vectors(places, "other")[4] is None

    def test_delete(self, places: qf.Collection) -> None:
        from qdrant_client.models import FieldCondition, Filter, MatchValue

        assert places.delete(filter=Filter(must=[FieldCondition(key="city", match=MatchValue(value="Berlin"))])).ok
        assert sorted(payloads(places)) == [1, 2]

    def test_all_that_a_list_of_filters_selects(self, places: qf.Collection) -> None:
        assert places.delete(filter=[BERLIN, {"must": [{"has_id": [1, 3]}]}]).ok
        assert sorted(payloads(places)) == [1, 2, 4]

    def test_everything_where_it_is_written(self, places: qf.Collection) -> None:
        assert places.delete(filter={}).ok
        assert places.count() == 0

    @pytest.mark.parametrize("given", [{"must": []}, {"should": None}, [], [{}], {"must": [{"must_not": []}]}])
    def test_but_not_by_a_filter_that_came_out_empty(self, places: qf.Collection, given: Any) -> None:
        with pytest.raises(qf.OptionError, match=r"selects every point. If that is meant, write filter={}"):
            places.delete(filter=given)
        assert places.count() == 4

    @pytest.mark.parametrize(
        ("given", "found"),
        [
            ({"must": 5}, "5 under 'must'"),
            ({"should": ["city"]}, "'city' under 'should'"),
            ({"must_not": [{"must": True}]}, "True under 'must'"),
            ({"min_should": 5}, "5 under 'min_should'"),
            ({"min_should": {"conditions": 5, "min_count": 1}}, "5 under 'min_should'"),
            ({"must": [models.HasIdCondition(has_id=[1])]}, "HasIdCondition"),
        ],
    )
    def test_what_is_no_filter_is_named(self, places: qf.Collection, given: Any, found: str) -> None:
        with pytest.raises(qf.OptionError, match=f"^filter: found .*{found}"):
            places.delete(filter=given)
        with pytest.raises(qf.OptionError, match=f"^update_filter: found .*{found}"):
            places.upsert(pl.DataFrame({"id": [1]}), vector=False, update_filter=given)
        assert places.count() == 4

    def test_expressions_take_two_steps(self, places: qf.Collection) -> None:
        given: Any
        for given in (pl.col("city").str.ends_with("n"), [BERLIN, pl.col("price") * 2 > 1], pd.col("price") * 2 > 1):
            with pytest.raises(qf.OptionError, match=r"Two steps do it: .*scan.*collection\.delete\(found"):
                places.delete(filter=given)
        found = places.scan(filter=pl.col("city") == "Berlin").select("id").collect()
        assert places.delete(found).written == 2
        assert sorted(payloads(places)) == [1, 2]

    def test_a_refusal_is_reported(self, places: qf.Collection) -> None:
        with pytest.raises((qf.WriteError, qf.OptionError), match="nonsense"):
            places.delete(filter={"must": [{"key": "city", "nonsense": 1}]})
        no_path = {"must": [{"key": "a[", "match": {"value": 1}}]}
        report = places.delete(filter=no_path, errors="report")
        assert (report.total, report.failed) == (1, 1)
        assert report.failures["id"].to_list() == [None]
        assert places.count() == 4


VERBS: dict[str, dict[str, Any]] = {
    "set_payload": {"payload": {"a": 1}},
    "overwrite_payload": {"payload": {"a": 1}},
    "delete_payload": {"keys": "city"},
    "clear_payload": {},
    "delete_vectors": {"vectors": "dense"},
    "delete": {},
}


@pytest.mark.parametrize("verb", VERBS)
class TestEitherOr:
    def test_neither(self, embedded: qf.Connection, verb: str) -> None:
        with pytest.raises(qf.OptionError, match=rf"{verb}: which points\? Give a frame with their ids, or filter="):
            getattr(qf.collection("places", connection=embedded), verb)(**VERBS[verb])

    def test_both(self, embedded: qf.Connection, verb: str) -> None:
        with pytest.raises(qf.OptionError, match="exclude each other"):
            getattr(qf.collection("places", connection=embedded), verb)(
                pl.DataFrame({"id": [1]}), filter=BERLIN, **VERBS[verb]
            )

    @pytest.mark.parametrize(
        "option",
        [
            {"id": "x"},
            {"id_from": ["x"]},
            {"checkpoint": "file"},
            {"missing": "skip"},
            {"duplicates": "last"},
            {"return_ids": True},
        ],
        ids=str,
    )
    def test_what_speaks_of_rows(self, embedded: qf.Connection, verb: str, option: dict[str, Any]) -> None:
        refused: Any = pytest.raises(qf.OptionError, match=f"{next(iter(option))}=.*about the rows of a frame")
        if verb == "delete" and "missing" in option:
            refused = pytest.raises(TypeError, match="'missing'")
        with refused:
            getattr(qf.collection("places", connection=embedded), verb)(filter=BERLIN, **option, **VERBS[verb])

    def test_nor_in_a_batch(self, places: qf.Collection, verb: str) -> None:
        with places.batch(missing="skip") as b:
            with pytest.raises(qf.OptionError, match=r"duplicates='last'.*about the rows of a frame"):
                getattr(b, verb)(filter=BERLIN, duplicates="last", **VERBS[verb])
            getattr(b, verb)(filter=BERLIN, **VERBS[verb])
        assert b.report.ok

    def test_no_such_collection(self, embedded: qf.Connection, verb: str) -> None:
        with pytest.raises(qf.CollectionNotFoundError, match=f"{verb} is for points that are there"):
            getattr(qf.collection("places", connection=embedded), verb)(filter={}, **VERBS[verb])


@pytest.mark.parametrize("mode", ["by frame", "by filter"])
def test_a_null_removes_its_key_where_no_payload_is_stored_too(connection: qf.Connection, name: str, mode: str) -> None:
    """Qdrant merges only into payload that is there; otherwise it takes the object as it is, its nulls too."""
    collection = qf.collection(name, connection=connection)
    rows = pl.DataFrame({"id": [1, 2, 3], "vector": pl.Series([[1.0, 2.0]] * 3, dtype=pl.Array(pl.Float32, 2))})
    collection.upsert(rows)
    collection.set_payload(rows.select("id", city=pl.lit("Ulm")))
    collection.clear_payload(pl.DataFrame({"id": [1, 2]}))
    if mode == "by frame":
        change = pl.DataFrame(
            {"id": [1, 2, 3], "city": [None, "Bonn", None], "a b": [1, None, None], "n": [None, None, 3]}
        )
        collection.set_payload(change)
        expected = [(None, 1, None), ("Bonn", None, None), (None, None, 3)]
    else:
        collection.set_payload(filter={}, payload={"city": None, "a b": 1, "n": None})
        expected = [(None, 1, None)] * 3
    found = collection.read(schema={"city": pl.String, "a b": pl.Int64, "n": pl.Int64}, frame="polars").sort("id")
    assert found.select("city", "a b", "n").rows() == expected
    for key in ("city", '"a b"', "n"):
        assert collection.count(filter={"must": [{"is_null": {"key": key}}]}) == 0
