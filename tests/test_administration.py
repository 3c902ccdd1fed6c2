"""Collections as a whole: made from frames, described, indexed and dropped, alike on the three backends."""

from __future__ import annotations

import datetime as dt
import threading
import time
import uuid
from typing import Any

import httpx
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import qframe as qf
from tests.loopback.process import Server
from tests.three import Three

INDEX_TYPES = ("keyword", "integer", "float", "bool", "geo", "datetime", "text", "uuid")
FRAME = pl.DataFrame(
    {
        "id": [1, 2],
        "open": [True, False],
        "rooms": [1, 2],
        "price": [1.0, 2.0],
        "name": ["a", "b"],
        "seen": [dt.datetime(2024, 1, 1), None],
        "kind": pl.Series(["a", "b"], dtype=pl.Enum(["a", "b"])),
        "city": pl.Series(["x", "y"], dtype=pl.Categorical),
        "v": pl.Series([[1, 2], [3, 4]], dtype=pl.Array(pl.Float32, 2)),
    }
)


def described(collection: qf.Collection) -> tuple[Any, ...]:
    """What of a collection's description all targets tell."""
    info = collection.info()
    assert info.name == collection.name
    vectors = info.config["params"]["vectors"]
    # A server may be at work on its segments, and says so.
    assert info.status in ("green", "yellow", "grey")
    return info.vectors, info.points, dict(info.indexes), info.sharding, dict(info.strict), vectors


class TestCreate:
    def test_from_a_frame(self, three: Three) -> None:
        assert three.same(lambda collection: collection.exists()) is False
        made = three.same(lambda collection: collection.create_collection(FRAME, vector="v", distance="euclid"))
        assert made is True
        assert three.same(lambda collection: collection.exists()) is True
        vectors, points, indexes, sharding, strict, _ = three.same(described)
        assert vectors == (qf.VectorConfig("v", "dense", 2, "Euclid"),)
        assert (points, indexes, sharding, strict) == (0, {}, "auto", {})
        three.upsert(FRAME, vector="v")
        assert three.same(lambda collection: collection.info().points) == 2

    @pytest.mark.parametrize(
        "data",
        [
            FRAME.lazy(),
            FRAME.to_arrow(),
            FRAME.to_pandas(),
            pa.RecordBatchReader.from_stream(FRAME.to_arrow().select(["id", "v"])),
        ],
        ids=["lazy", "arrow", "pandas", "reader"],
    )
    def test_from_other_frames(self, embedded: qf.Connection, name: str, data: Any) -> None:
        collection = qf.collection(name, connection=embedded)
        assert collection.create_collection(data, vector="v")
        assert collection.info().vectors == (qf.VectorConfig("v", "dense", 2, "Cosine"),)

    def test_through_the_accessor(self, connection: qf.Connection, name: str) -> None:
        assert FRAME.qdrant.create_collection(name, vector="v", distance="dot", connection=connection)
        frame = pd.DataFrame({"id": [1], "v": [[1.0, 2.0]]})
        assert not frame.qdrant.create_collection(name, vector="v", if_exists="ignore", connection=connection)

    def test_if_exists(self, three: Three) -> None:
        three.create(FRAME, vector="v")
        three.upsert(FRAME, vector="v")
        error = three.refused(lambda collection: collection.create_collection(FRAME, vector="v"))
        assert error.kind == "CollectionExistsError"
        assert "if_exists='replace'" in error
        kept = three.same(lambda collection: collection.create_collection(FRAME, vector="v", if_exists="ignore"))
        assert kept is False
        assert three.same(lambda collection: collection.count()) == 2
        other = FRAME.with_columns(v=pl.Series([[1, 2, 3]] * 2, dtype=pl.Array(pl.Float32, 3)))
        three.same(lambda collection: collection.create_collection(other, vector="v", if_exists="replace"))
        assert three.same(lambda collection: (collection.count(), collection.info().vectors[0].dim)) == (0, 3)

    def test_several_vectors_of_all_kinds(self, three: Three) -> None:
        data = pl.DataFrame(
            schema={
                "id": pl.UInt64,
                "v": pl.Array(pl.Float64, 4),
                "m": pl.List(pl.Array(pl.Float32, 3)),
                "s": pl.Struct({"indices": pl.List(pl.UInt32), "values": pl.List(pl.Float32)}),
            }
        )
        three.create(data, vector=["v", "m", "s"], distance={"v": "manhattan", "m": "dot"})
        assert three.same(described)[0] == (
            qf.VectorConfig("m", "multi", 3, "Dot"),
            qf.VectorConfig("v", "dense", 4, "Manhattan"),
            qf.VectorConfig("s", "sparse"),
        )

    def test_the_unnamed_vector(self, three: Three) -> None:
        three.create(FRAME.rename({"v": "vector"}))
        assert three.same(described)[0] == (qf.VectorConfig("", "dense", 2, "Cosine"),)

    def test_no_vector(self, three: Three) -> None:
        three.create(FRAME, vector=False)
        assert three.same(lambda collection: collection.info().vectors) == ()

    def test_parameters(self, three: Three) -> None:
        three.create(
            FRAME,
            vector="v",
            on_disk=True,
            datatype="float16",
            quantization={"scalar": {"type": "int8", "always_ram": True}},
            config={"hnsw_config": {"m": 8}},
        )
        for target, collection in three.collections.items():
            config = collection.info().config
            vector = config["params"]["vectors"]["v"]
            assert (vector["on_disk"], vector["datatype"], vector["size"]) == (True, "float16", 2), target
            assert config["hnsw_config"]["m"] == 8, target
            assert config["quantization_config"]["scalar"]["type"] == "int8", target

    def test_what_is_configured_wins(self, three: Three) -> None:
        three.create(FRAME, vector="v", config={"vectors": {"v": {"size": 3, "distance": "Dot"}}})
        assert three.same(described)[0] == (qf.VectorConfig("v", "dense", 3, "Dot"),)

    def test_alike_on_both_wires(self, three: Three) -> None:
        config = {"strict_mode_config": {"enabled": True, "max_query_limit": 100}, "metadata": {"made": "here"}}
        found = []
        for target in ("rest", "grpc"):
            collection = three.collections[target]
            collection.create_collection(FRAME, vector="v", indexes="auto", config=config, on_disk=False)
            info = collection.info()
            found.append((described(collection), info.config["params"], info.config.get("metadata")))
        assert found[0] == found[1]
        assert found[0][0][4]["max_query_limit"] == 100

    @pytest.mark.parametrize(
        ("options", "words"),
        [
            ({"distance": "l2"}, "'euclid'"),
            ({"if_exists": "overwrite"}, "if_exists"),
            ({"indexes": "all"}, "'auto'"),
            ({"indexes": {"name": "string"}}, "'keyword'"),
        ],
    )
    def test_options_that_make_no_sense(self, three: Three, options: dict[str, Any], words: str) -> None:
        error = three.refused(lambda collection: collection.create_collection(FRAME, vector="v", **options))
        assert error.kind == "OptionError"
        assert words in error
        assert three.same(lambda collection: collection.exists()) is False

    @pytest.mark.parametrize("options", [{"datatype": "float8"}, {"quantization": {"nope": {}}}])
    def test_what_the_target_does_not_know(self, connection: qf.Connection, name: str, options: Any) -> None:
        collection = qf.collection(name, connection=connection)
        with pytest.raises(qf.QframeError):
            collection.create_collection(FRAME, vector="v", **options)
        assert not collection.exists()


class TestIndexes:
    def test_auto(self, three: Three) -> None:
        three.create(FRAME, vector="v", indexes="auto")
        expected = {"city": "keyword", "kind": "keyword", "open": "bool", "rooms": "integer", "seen": "datetime"}
        assert three.same(described)[2] == expected

    def test_as_given(self, three: Three) -> None:
        indexes = {"name": {"type": "text", "tokenizer": "word"}, "address.city": "keyword", "price": "float"}
        three.create(FRAME, vector="v", indexes=indexes)
        assert three.same(described)[2] == {"address.city": "keyword", "name": "text", "price": "float"}

    def test_every_type_there_and_gone(self, three: Three) -> None:
        three.create()
        for kind in INDEX_TYPES:
            three.all(lambda collection, kind=kind: collection.create_index(f"a_{kind}", kind))
            three.all(lambda collection, kind=kind: collection.create_index(f"a_{kind}", kind))
        assert three.same(described)[2] == {f"a_{kind}": kind for kind in sorted(INDEX_TYPES)}
        schema = three.same(lambda collection: dict(collection.scan().collect_schema()))
        # As a sample shows them: text.
        assert schema["a_datetime"] == schema["a_uuid"] == pl.String
        for kind in INDEX_TYPES:
            three.all(lambda collection, kind=kind: collection.drop_index(f"a_{kind}"))
        assert three.same(described)[2] == {}

    @pytest.mark.parametrize(
        "parameters",
        [
            {"type": "keyword", "is_tenant": True},
            {"type": "integer", "lookup": True, "range": False},
            {"type": "float", "on_disk": True},
            {"type": "text", "tokenizer": "prefix", "lowercase": True, "min_token_len": 2, "max_token_len": 9},
            {"type": "datetime", "is_principal": True},
        ],
    )
    def test_parameters(self, three: Three, parameters: Any) -> None:
        three.create()
        three.all(lambda collection: collection.create_index("a", parameters))
        assert three.same(described)[2] == {"a": parameters["type"]}

    def test_an_index_serves_its_filter(self, three: Three) -> None:
        three.create(FRAME, vector="v", indexes={"name": {"type": "text", "tokenizer": "prefix", "lowercase": True}})
        three.upsert(FRAME.with_columns(name=pl.Series(["Berlin", "Lisbon"])), vector="v")
        condition = {"must": [{"key": "name", "match": {"text": "BERL"}}]}
        assert three.same(lambda collection: collection.count(filter=condition)) == 1

    @pytest.mark.parametrize("kind", ["int", None, 3, {"is_tenant": True}, {"type": "nope"}])
    def test_types_that_are_none(self, three: Three, kind: Any) -> None:
        three.create()
        error = three.refused(lambda collection: collection.create_index("a", kind))
        assert error.kind == "OptionError"
        assert "keyword, integer" in error

    def test_parameters_that_are_none(self, connection: qf.Connection, name: str) -> None:
        collection = qf.collection(name, connection=connection)
        collection.create_collection(config={"vectors": {}})
        with pytest.raises(qf.QframeError):
            collection.create_index("a", {"type": "integer", "nope": True})
        assert collection.info().indexes == {}


def test_collections_are_listed_and_dropped(connection: qf.Connection, name: str) -> None:
    collection = qf.collection(name, connection=connection)
    assert name not in qf.collections(connection=connection)
    assert collection.drop() is False
    collection.create_collection(FRAME, vector="v")
    found = qf.collections(connection=connection)
    assert name in found
    assert found == sorted(found)
    assert collection.drop() is True
    assert name not in qf.collections(connection=connection)
    assert collection.drop() is False


@pytest.mark.parametrize("wrong", ["", "a/b", "x" * 256, 3, None])
def test_names_that_no_collection_has(embedded: qf.Connection, wrong: Any) -> None:
    with pytest.raises(qf.OptionError, match="collection"):
        qf.collection(wrong, connection=embedded)
    with pytest.raises(qf.OptionError, match="collection"):
        FRAME.qdrant.upsert(wrong, vector="v", connection=embedded)


@pytest.mark.parametrize("spelled", ["a b", "ünïcode 日", "..", "%2F", "a?b#c", "x" * 255, uuid.UUID(int=3).hex])
def test_names_that_need_care_on_the_way(three_connections: dict[str, qf.Connection], spelled: str) -> None:
    """Nothing is made: what a target allows is its own affair. All must say that this very collection is not there."""
    for connection in three_connections.values():
        with pytest.raises(qf.CollectionNotFoundError) as caught:
            qf.count(spelled, connection=connection)
        assert caught.value.collection == spelled
        assert not qf.collection(spelled, connection=connection).exists()


@pytest.mark.loopback
class TestWhatIsDoneAndNotHeardOf:
    """The answer is lost, the request is sent again, and finds done what it asks for."""

    @pytest.mark.parametrize(("action", "times"), [("drop_after", 1), ("half", 2)])
    def test_a_collection_is_made_once_and_by_this_call(
        self, wire: qf.Connection, faulty: Server, name: str, action: str, times: int
    ) -> None:
        lost = [{"operation": "create_collection", "action": action, "times": times}]
        faulty.faults(lost)
        assert FRAME.qdrant.upsert(name, vector="v", connection=wire).created
        assert sum(faulty.fired()) == times
        collection = qf.collection(name, connection=wire)
        faulty.faults([{"operation": "delete_collection", "action": action, "times": times}, *lost])
        assert collection.drop() is True
        assert collection.create_collection(FRAME, vector="v") is True

    def test_another_one_is_not_ours(self, wire: qf.Connection, faulty: Server, name: str) -> None:
        collection = qf.collection(name, connection=wire)
        # Refused before it reaches the collections: nothing can have been made by it.
        faulty.faults([{"operation": "create_collection", "action": "throttle", "retry_after": 1, "times": 1}])

        def faster() -> None:
            while not faulty.fired()[0]:
                time.sleep(0.01)
            httpx.put(f"{faulty.url}/collections/{name}", json={"vectors": {"v": {"size": 2, "distance": "Cosine"}}})

        racing = threading.Thread(target=faster)
        racing.start()
        assert collection.create_collection(FRAME, vector="v") is False
        racing.join()
