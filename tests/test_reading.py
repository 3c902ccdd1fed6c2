"""scan, read, iter_frames, retrieve and count: what they give, and what they ask of the server for it."""

from __future__ import annotations

import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from polars.testing import assert_frame_equal
from qdrant_client import models

import qframe as qf
from tests.loopback.process import ROOT, Server
from tests.three import Three

N = 3_000
UUID = str(uuid.UUID(int=5))


def places(rows: int = N) -> pl.DataFrame:
    ids = np.arange(rows, dtype=np.uint64)
    return pl.DataFrame(
        {
            "id": ids,
            "a.b": ["x"] * rows,
            "city": [f"c{row % 10}" for row in range(rows)],
            "price": ids.astype(np.float64) / 4,
            "v": pl.Series(np.stack([ids, ids], axis=1).astype(np.float32)),
            "w": pl.Series(np.stack([ids, ids + 1, ids], axis=1).astype(np.float32)),
        }
    )


PLACES = places()
"""As a scan gives it: payload by name, then vectors by name."""


@pytest.fixture(scope="module")
def stored(three_connections: dict[str, qf.Connection]) -> Iterator[Three]:
    with Three.on(three_connections) as three:
        three.create(PLACES, vector=["v", "w"], distance="dot", indexes={"city": "keyword"})
        three.upsert(PLACES, vector=["v", "w"])
        yield three


def asked(server: Server, do: Callable[[], Any]) -> list[dict[str, Any]]:
    """What the scrolls asked for that `do` made."""
    server.clear()
    do()
    return [call["asked"] for call in server.requests()["requests"] if call["operation"] == "scroll"]


class TestScan:
    @pytest.mark.parametrize("engine", ["in-memory", "streaming"])
    @pytest.mark.parametrize(
        "query",
        [
            lambda lf: lf,
            lambda lf: lf.select("price", "id"),
            lambda lf: lf.filter(pl.col("city") == "c3", pl.col("price") > 100).select("id"),
            lambda lf: lf.head(10).filter(pl.col("city") == "c3"),
            lambda lf: lf.filter(pl.col("city") == "c3").head(10),
            lambda lf: lf.tail(3).select("w"),
            lambda lf: lf.slice(250, 20),
            lambda lf: lf.select(pl.len()),
            lambda lf: lf.group_by("city").agg(pl.col("price").sum()).sort("city"),
            lambda lf: lf.with_columns(twice=pl.col("price") * 2).filter(pl.col("twice") > 1400.0).drop("v", "w"),
            lambda lf: lf.join(lf.select("id", other="city"), on="id", maintain_order="left").select("id", "other"),
            lambda lf: lf.filter(pl.col("v").arr.sum() > 5_000).select("id", "v"),
        ],
        ids=range(12),
    )
    def test_queries_give_what_the_frame_gives(self, stored: Three, query: Any, engine: Any) -> None:
        found = stored.same(lambda collection: query(collection.scan()).collect(engine=engine))
        assert_frame_equal(found, query(PLACES.lazy()).collect())

    def test_sinks(self, stored: Three, tmp_path: Path) -> None:
        def sunk(collection: qf.Collection) -> pl.DataFrame:
            collection.scan().filter(pl.col("price") < 10).sink_parquet(tmp_path / collection.name)
            return pl.read_parquet(tmp_path / collection.name)

        assert stored.same(sunk).equals(PLACES.filter(pl.col("price") < 10))

    def test_the_sources_filter_comes_before_its_limit(self, stored: Three) -> None:
        dict_filter = {"must": [{"key": "city", "match": {"value": "c3"}}]}
        model = models.Filter(must=[models.FieldCondition(key="city", match=models.MatchValue(value="c3"))])
        expected = PLACES.filter(pl.col("city") == "c3", pl.col("price") > 100).head(7)
        for condition in (
            [dict_filter, pl.col("price") > 100],
            [model, pl.col("price") > 100],
            (pl.col("city") == "c3") & (pl.col("price") > 100),
            [pl.col("city") == "c3", {"must": [{"key": "price", "range": {"gt": 100}}]}],
        ):
            scanned = stored.same(lambda collection, by=condition: collection.scan(filter=by, limit=7).collect())
            assert scanned.equals(expected)
            read = stored.same(lambda collection, by=condition: collection.read(filter=by, limit=7, columns=["a.b"]))
            assert read.equals(expected.select("id", "a.b"))
        assert stored.same(lambda collection: collection.read(filter=pl.lit(True), limit=2)).height == 2
        any_text = pl.any_horizontal(pl.selectors.string() == "c3")
        assert stored.same(lambda collection: collection.read(filter=any_text, limit=2))["id"].to_list() == [3, 13]

    @pytest.mark.parametrize(
        ("condition", "words"),
        [
            (pl.col("town") == "c3", "'town'"),
            (pl.col("price"), "Boolean"),
            (3, "a Qdrant filter as a mapping"),
            (("price", ">", 3), "filter='>': at character 1"),
            ({"key": "city", "match": {"value": "c3"}}, "{'must': [condition]}"),
        ],
    )
    def test_filters_that_make_no_sense(self, stored: Three, condition: Any, words: str) -> None:
        for ask in (
            lambda collection: collection.scan(filter=condition),
            lambda collection: collection.read(filter=condition),
        ):
            error = stored.refused(ask)
            assert error.kind == "OptionError"
            assert words in error

    def test_a_collection_that_is_dropped_meanwhile(self, three: Three) -> None:
        three.create(PLACES, vector=["v", "w"])
        planned = {c.name: c.scan() for c in three.collections.values()}
        three.all(lambda collection: collection.drop())
        for engine in ("in-memory", "streaming"):
            error = three.refused(lambda collection, by=engine: planned[collection.name].collect(engine=by))
            assert error.kind == "CollectionNotFoundError"

    def test_points_that_come_later_are_seen(self, three: Three) -> None:
        three.create(PLACES, vector=["v", "w"])
        planned = {c.name: c.scan() for c in three.collections.values()}
        assert three.same(lambda collection: planned[collection.name].collect()).is_empty()
        three.upsert(PLACES.head(3), vector=["v", "w"])
        assert three.same(lambda collection: planned[collection.name].select(pl.len()).collect()).item() == 3


@pytest.mark.loopback
@pytest.mark.parametrize("target", ["rest", "grpc"])
class TestRequests:
    def test_nothing_is_fetched_before_it_is_collected(self, stored: Three, faulty: Server, target: str) -> None:
        collection = stored.collections[target]
        planning = asked(faulty, lambda: collection.scan(schema=PLACES).collect_schema())
        # Whether the payload has an `id` of its own, and whether there is a UUID.
        assert [(call["limit"], call["payload"]) for call in planning] == [(1000, ["id"]), (1, False)]
        sampling = asked(faulty, collection.scan)
        assert [(call["limit"], call["vectors"]) for call in sampling] == [(1000, False), (1, False)]

    def test_projection(self, stored: Three, faulty: Server, target: str) -> None:
        lf = stored.collections[target].scan()
        for query, payload, vectors in (
            (lf.select("city"), ["city"], False),
            (lf.select("a.b", "price"), ['"a.b"', "price"], False),
            (lf.select("id"), False, False),
            (lf.select(pl.len()), False, False),
            (lf.select("w"), False, ["w"]),
            (lf.filter(pl.col("city") == "c1").select("price"), ["city", "price"], False),
            (lf.filter(pl.col("v").arr.sum() > 3).select("id"), False, ["v"]),
            (lf, True, ["v", "w"]),
        ):
            calls = asked(faulty, query.collect)
            keys = ["a.b", "city", "price"] if payload is True else payload
            wanted = {"a.b": '"a.b"'}
            assert calls
            for call in calls:
                expected = [wanted.get(key, key) for key in keys] if isinstance(keys, list) else keys
                assert call["payload"] in (expected, payload)
                assert call["vectors"] == vectors

    def test_pages_grow(self, stored: Three, faulty: Server, target: str) -> None:
        calls = asked(faulty, stored.collections[target].scan().collect)
        assert [call["limit"] for call in calls] == [256, 512, 1024, 2048]

    def test_head_ends_early(self, stored: Three, faulty: Server, target: str) -> None:
        lf = stored.collections[target].scan()
        assert [call["limit"] for call in asked(faulty, lf.head(5).collect)] == [5]
        assert asked(faulty, lf.head(0).collect) == []
        # polars does not hand this limit over; it stops pulling, a page or two later.
        found = asked(faulty, lf.filter(pl.col("city") == "c3").head(5).collect)
        assert sum(call["limit"] for call in found) < N

    def test_read_asks_for_what_it_gives(self, stored: Three, faulty: Server, target: str) -> None:
        collection = stored.collections[target]
        for options, payload, vectors in (
            ({"columns": ["city"]}, ["city"], False),
            ({"columns": []}, False, False),
            ({"columns": [], "vectors": "w"}, False, ["w"]),
            ({"columns": ["price"], "filter": pl.col("city") == "c3"}, ["city", "price"], False),
        ):
            last = asked(faulty, lambda options=options: collection.read(limit=10, **options))[-1]
            assert (last["payload"], last["vectors"]) == (payload, vectors)

    def test_a_limit_of_the_collection(self, stored: Three, faulty: Server, target: str) -> None:
        source = stored.collections[target]
        strict = qf.collection(f"qframe_test_{uuid.uuid4().hex[:16]}", connection=source.connection)
        config = {"strict_mode_config": {"enabled": True, "max_query_limit": 100}}
        strict.create_collection(PLACES, vector=["v", "w"], config=config, distance="dot")
        try:
            strict.upsert(PLACES.head(450), vector=["v", "w"])
            calls = asked(faulty, lambda: strict.scan().collect())
            assert max(call["limit"] for call in calls) == 100
            assert strict.scan().collect().equals(PLACES.head(450))
            assert strict.read(columns=["price"]).height == 450
            assert strict.retrieve(range(450)).height == 450
        finally:
            strict.drop()


class TestIterFrames:
    @pytest.mark.parametrize("batch_size", [1_000, 700, 256, 100_000])
    def test_an_exact_upper_bound(self, stored: Three, batch_size: int) -> None:
        found = stored.same(lambda collection: list(collection.iter_frames(batch_size=batch_size, vectors=True)))
        assert all(0 < frame.height <= batch_size for frame in found)
        assert pl.concat(found).equals(PLACES)

    def test_one_by_one(self, stored: Three) -> None:
        found = stored.same(lambda collection: list(collection.iter_frames(batch_size=1, limit=3)))
        assert [frame["id"].to_list() for frame in found] == [[0], [1], [2]]

    def test_filter_and_limit(self, stored: Three) -> None:
        options: Any = {"batch_size": 100, "limit": 150, "filter": pl.col("city") == "c3", "columns": ["price"]}
        found = stored.same(lambda collection: list(collection.iter_frames(**options)))
        expected = PLACES.filter(pl.col("city") == "c3").head(150).select("id", "price")
        assert pl.concat(found).equals(expected)
        assert max(frame.height for frame in found) <= 100

    @pytest.mark.parametrize("frame", ["pandas", "arrow"])
    def test_libraries(self, stored: Three, frame: Any) -> None:
        for collection in stored.collections.values():
            found = list(collection.iter_frames(frame=frame, batch_size=1_024))
            assert all(isinstance(part, pd.DataFrame if frame == "pandas" else pa.Table) for part in found)
            assert sum(map(len, found)) == N

    @pytest.mark.loopback
    @pytest.mark.parametrize("target", ["rest", "grpc"])
    def test_pages_are_fetched_as_they_are_asked_for(self, stored: Three, faulty: Server, target: str) -> None:
        frames = stored.collections[target].iter_frames(batch_size=100)
        faulty.clear()
        next(frames)
        # The one that was asked for, and three that are on their way or ready meanwhile.
        assert faulty.requests()["counts"][f"{target}/scroll"] <= 4

    @pytest.mark.parametrize("batch_size", [0, -1, True, 2.5])
    def test_a_batch_size_that_makes_no_sense(self, stored: Three, batch_size: Any) -> None:
        assert "batch_size" in stored.refused(lambda collection: collection.iter_frames(batch_size=batch_size))


class TestRetrieve:
    @pytest.mark.parametrize(
        "ids",
        [
            [9, 3, 0, 3, 7_000],
            (9, 3, 0),
            np.array([9, 3, 0]),
            np.array([9, 3, 0], dtype=np.uint8),
            np.array([9, 3, 0], dtype=object),
            pl.Series([9, 3, 0]),
            pd.Series([9, 3, 0]),
            pd.Series([9, 3, 0], dtype="Int64"),
            pd.Index([9, 3, 0]),
            pa.chunked_array([[9], [3, 0]]),
            dict.fromkeys([9, 3, 0]),
            [np.int64(9), 3, np.uint64(0)],
        ],
        ids=lambda ids: type(ids).__name__,
    )
    def test_in_the_order_of_the_ids(self, stored: Three, ids: Any) -> None:
        found = stored.same(lambda collection: collection.retrieve(ids, columns=["city"]))
        assert found.rows() == [(9, "c9"), (3, "c3"), (0, "c0")]

    def test_many_in_several_requests(self, stored: Three) -> None:
        ids = np.random.default_rng(0).permutation(N)
        twice = [*ids.tolist(), *ids.tolist()]
        found = stored.same(lambda collection: collection.retrieve(twice, vectors="w"))
        assert found.equals(PLACES[ids].drop("v"))

    def test_mixed_ids_in_their_order(self, three: Three) -> None:
        three.create()
        three.upsert(pl.DataFrame({"id": [3, 9], "x": [1, 2]}))
        three.upsert(pl.DataFrame({"id": [UUID], "x": [3]}))
        ids = [9, UUID.upper(), 77, uuid.UUID(UUID), 3, 9]
        found = three.same(lambda collection: collection.retrieve(ids))
        assert found.rows() == [("9", 2), (UUID, 3), ("3", 1)]
        objects = three.same(lambda collection: collection.retrieve(pd.Series(ids, dtype=object)))
        assert objects.equals(found)
        assert three.same(lambda collection: collection.retrieve(pl.Series([UUID]))).rows() == [(UUID, 3)]

    @pytest.mark.parametrize(
        ("ids", "position"),
        [
            ([1.0], 0),
            ([3, True], 1),
            ([3, None], 1),
            ([3, -1], 1),
            ([3, 2**64], 1),
            ([3, "abc", "def"], 1),
            ([UUID, 3, "abc"], 2),
            (np.array([1.5]), 0),
            (pl.Series([3, -4]), 1),
            (pl.Series([3, None]), 1),
            (pl.Series(["3"]), 0),
            (pl.Series([True]), 0),
            (np.array([[1, 2]]), 0),
        ],
    )
    def test_what_cannot_be_an_id(self, stored: Three, ids: Any, position: int) -> None:
        error = stored.refused(lambda collection: collection.retrieve(ids))
        assert error.kind == "FrameError"
        assert f"position {position}: found" in error

    @pytest.mark.parametrize("ids", [9, UUID, pl.DataFrame({"id": [1]})])
    def test_what_is_no_list(self, stored: Three, ids: Any) -> None:
        error = stored.refused(lambda collection: collection.retrieve(ids))
        assert error.kind == "FrameError"
        assert "pass" in error

    def test_nothing(self, stored: Three) -> None:
        found = stored.same(lambda collection: collection.retrieve([]))
        assert found.schema == stored.same(lambda collection: collection.read(limit=1)).schema
        assert found.is_empty()


class TestCount:
    def test_filters(self, stored: Three) -> None:
        model = models.Filter(must=[models.FieldCondition(key="city", match=models.MatchValue(value="c3"))])
        assert stored.same(lambda collection: collection.count()) == N
        assert stored.same(lambda collection: collection.count(filter=model)) == N // 10
        both = [model, {"must": [{"key": "price", "range": {"lt": 100}}]}]
        assert stored.same(lambda collection: collection.count(filter=both)) == 40
        assert stored.same(lambda collection: collection.count(filter={"should": [{"has_id": [3, 9_999]}]})) == 1
        for collection in stored.collections.values():
            assert 0 < collection.count(filter=model, exact=False) <= N

    def test_shard_keys_on_the_embedded_engine(self, stored: Three) -> None:
        collection = stored.collections["embedded"]
        for ask in (
            lambda: collection.count(shard_key="a"),
            lambda: collection.read(shard_key="a"),
            lambda: collection.retrieve([1], shard_key="a"),
        ):
            with pytest.raises(qf.UnsupportedError, match="shard_key"):
                ask()


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"limit": -1}, "limit"),
        ({"limit": 2.5}, "limit"),
        ({"on_mismatch": "ignore"}, "on_mismatch"),
        ({"extra": "keep"}, "extra"),
        ({"infer_schema_length": 0}, "infer_schema_length"),
        ({"timeout": 0}, "timeout"),
        ({"deadline": -1}, "deadline"),
        ({"retry": 3}, "retry"),
        ({"schema": 3}, "schema"),
        ({"schema": {"a": pl.Binary}}, "schema"),
        ({"schema_overrides": {"a": "nonsense"}}, "schema"),
        ({"vectors": ["x"]}, "vector 'x'"),
    ],
)
def test_options_that_make_no_sense(stored: Three, options: Any, word: str) -> None:
    for ask in (lambda collection: collection.scan(**options), lambda collection: collection.read(**options)):
        error = stored.refused(ask)
        assert error.kind == "OptionError"
        assert word in error


@pytest.mark.loopback
@pytest.mark.parametrize("target", ["rest", "grpc"])
def test_a_process_with_pandas_alone_gets_pandas(loopback: Server, target: str) -> None:
    """The REST decoder needs polars for itself; that must not turn the second answer into another library's."""
    code = (
        "import sys, pandas as pd, qframe as qf\n"
        "to = qf.connect(sys.argv[1], grpc_port=int(sys.argv[2]), transport=sys.argv[3])\n"
        "places = qf.collection(sys.argv[4], connection=to)\n"
        "places.upsert(pd.DataFrame({'id': [1], 'vector': [[1.0] * 20]}))\n"
        "asks = [lambda: places.read(vectors=True), lambda: places.retrieve([1]), lambda: places.search([1.0] * 20)]\n"
        "print({type(ask()).__module__.partition('.')[0] for ask in [*asks, *asks]})\n"
        "import polars\n"
        "print(type(places.read(frame='polars')).__module__.partition('.')[0])\n"
        "places.drop()"
    )
    name = f"qframe_test_{uuid.uuid4().hex[:16]}"
    command = [sys.executable, "-c", code, loopback.url, str(loopback.grpc_port), target, name]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["{'pandas'}", "polars"]
