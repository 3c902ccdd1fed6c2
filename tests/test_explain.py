"""What a query asks of Qdrant is told before it runs; what is told is what is done."""

from __future__ import annotations

import datetime as dt
import json
import logging
import pickle
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal
from qdrant_client import models

import qframe as qf
from qframe.explanation import SourceExplanation
from qframe.frames.expressions import Expression
from qframe.model.predicate import Conjunct
from qframe.planning import sources
from qframe.reading.scan import ScanPages
from tests.loopback.process import Server

FRAME = pl.DataFrame(
    {
        "id": pl.Series(range(1, 201), dtype=pl.UInt64),
        "city": ["Bonn", "Ulm", "Kiel", "Köln"] * 50,
        "name": [f"place {row}" for row in range(200)],
        "price": [row % 50 + 0.5 for row in range(200)],
    }
)
BONN = {"must": [{"key": "city", "match": {"value": "Bonn"}}]}
TWICE = (pl.col("price") * 2) > 50
"""Computed, so nothing that the server knows."""


@pytest.fixture
def places(connection: qf.Connection, name: str) -> qf.Collection:
    collection = qf.collection(name, connection=connection)
    collection.create_collection(config={"vectors": {"a": {"size": 2, "distance": "Dot"}}})
    collection.upsert(FRAME.with_columns(a=pl.lit([1.0, 2.0], pl.Array(pl.Float32, 2))), vector=["a"])
    return collection


@pytest.fixture
def stored(embedded: qf.Connection, name: str) -> qf.Collection:
    collection = qf.collection(name, connection=embedded)
    collection.create_collection(config={"vectors": {}})
    collection.upsert(FRAME, vector=False)
    return collection


def only(explanation: qf.Explanation) -> SourceExplanation:
    (source,) = explanation.sources
    return source


class TestASource:
    def test_of_an_exact_filter(self, places: qf.Collection) -> None:
        source = only(places.explain(pl.col("city") == "Bonn"))
        assert source.exact
        assert [(part.pushed, part.reasons) for part in source.parts] == [("exact", ())]
        assert places.count(filter=source.filter) == 50
        assert source.points == 200
        assert source.estimated is not None
        assert source.refused is None
        assert source.limit is None
        # A keyword index answers it. Without one the estimate is a guess, and not for us to judge.
        (index,) = source.indexes
        assert (index.key, index.asks, index.index) == ("city", "text", None)

    def test_of_a_superset(self, places: qf.Collection) -> None:
        predicate = ((pl.col("price") < 10) & TWICE.not_()) | (pl.col("city") == "Ulm")
        source = only(places.explain(predicate))
        (part,) = source.parts
        assert part.pushed == "superset"
        assert part.reasons
        assert not source.exact
        wanted, matched = FRAME.filter(predicate).height, places.count(filter=source.filter)
        assert wanted <= matched < FRAME.height

    def test_of_what_stays_here(self, places: qf.Collection) -> None:
        source = only(places.explain(TWICE))
        (part,) = source.parts
        assert (part.pushed, part.filter, source.filter) == ("here", None, None)
        assert part.reasons
        assert "price" in part.text
        assert (source.exact, source.estimated, source.indexes) == (False, 200, ())

    def test_names_a_python_function(self, places: qf.Collection) -> None:
        longer = pl.col("city").map_elements(lambda city: len(city) > 3, return_dtype=pl.Boolean)
        (part,) = only(places.explain(longer)).parts
        assert part.text == 'col("city").python_udf()'

    def test_of_several_conditions(self, places: qf.Collection) -> None:
        source = only(places.explain([pl.col("city") == "Bonn", TWICE]))
        assert sorted(part.pushed for part in source.parts) == ["exact", "here"]
        assert places.count(filter=source.filter) == 50

    def test_of_no_condition(self, places: qf.Collection) -> None:
        source = only(places.explain())
        assert (source.parts, source.filter, source.exact, source.estimated) == ((), None, True, 200)

    def test_names_the_target(self, places: qf.Collection) -> None:
        source = only(places.explain())
        assert (source.collection, source.target) == (places.name, places.connection.target)
        assert source.transport == places.connection.transport
        assert source.version >= (1, 10, 0)

    def test_names_what_is_fetched(self, places: qf.Collection) -> None:
        whole = only(places.explain())
        assert (whole.payload, whole.vectors, whole.not_fetched) == (("city", "name", "price"), ("a",), ())
        some = only(places.explain(pl.col("city") == "Bonn", columns=["name"]))
        assert (some.payload, some.vectors, some.not_fetched) == (("city", "name"), (), ("price", "a"))
        vector = only(places.explain(columns=["a"]))
        assert (vector.payload, vector.vectors) == ((), ("a",))
        # What only the filter at the source looks at is fetched, too.
        beside = only(places.explain(filter=pl.col("price") > 3, columns=["id"]))
        assert beside.payload == ("price",)

    def test_names_the_workers(self, wire: qf.Connection, name: str) -> None:
        collection = qf.collection(name, connection=wire)
        collection.create_collection(config={"vectors": {}})
        collection.upsert(pl.DataFrame({"id": range(20_000)}), vector=False)
        cut = "slices" if only(collection.explain()).version >= (1, 19) else "ranges of ids"
        assert only(collection.explain(n_jobs=2)).parallel == f"2 workers, by {cut}"
        assert only(collection.explain(n_jobs=3, maintain_order=True)).parallel == "3 workers, by ranges of ids"
        for options in ({}, {"n_jobs": 2, "limit": 100}):
            assert only(collection.explain(**options)).parallel == "page after page"

    def test_names_an_engine_that_answers_one_at_a_time(self, stored: qf.Collection) -> None:
        assert "whatever n_jobs says" in only(stored.explain(n_jobs=2)).parallel
        assert only(stored.explain()).parallel == "page after page"

    def test_of_a_limit_that_comes_first(self, places: qf.Collection) -> None:
        source = only(places.explain(pl.col("city") == "Bonn", limit=7))
        assert (source.limit, source.filter) == (7, None)
        (part,) = source.parts
        assert part.pushed == "here"
        assert "limit of 7 rows" in part.reasons[0]
        first = only(places.explain(filter=pl.col("city") == "Bonn", limit=7))
        assert (first.limit, first.exact) == (7, True)
        assert places.count(filter=first.filter) == 50

    def test_of_filters_kept_here(self, places: qf.Collection) -> None:
        source = only(places.explain(pl.col("city") == "Bonn", filter=[BONN, pl.col("price") > 3], pushdown="off"))
        assert source.filter == BONN
        assert [part.pushed for part in source.parts] == ["exact", "here", "here"]
        assert all(part.reasons == ('pushdown="off"',) for part in source.parts[1:])

    @pytest.mark.parametrize(
        ("predicate", "pushed"),
        [
            (BONN, ["exact"]),
            (models.Filter(must=[models.FieldCondition(key="city", match=models.MatchValue(value="Bonn"))]), ["exact"]),
            ([BONN, pl.col("city") == "Bonn"], ["exact", "exact"]),
            ([], []),
        ],
    )
    def test_takes_what_filter_takes(self, places: qf.Collection, predicate: Any, pushed: list[str]) -> None:
        source = only(places.explain(predicate))
        assert [part.pushed for part in source.parts] == pushed
        assert places.count(filter=source.filter) == (50 if pushed else 200)

    def test_takes_what_pandas_writes(self, places: qf.Collection) -> None:
        pytest.importorskip("pandas")
        source = only(places.explain(lambda frame: frame["price"] > 3))
        assert len(source.parts) == 1
        assert source.exact == (source.parts[0].pushed == "exact")

    def test_of_what_looks_at_other_rows(self, places: qf.Collection) -> None:
        source = only(places.explain([pl.col("price") == pl.col("price").max(), pl.col("city") == "Bonn"]))
        assert not source.exact
        (part,) = (part for part in source.parts if "max" in part.text)
        assert part.pushed == "here"
        assert "other rows" in part.reasons[0]
        half = only(places.explain((pl.col("price") == pl.col("price").max()) & (pl.col("city") == "Bonn")))
        assert (half.exact, half.parts[-1].pushed) == (False, "here")

    def test_of_what_polars_cannot_hand_over(self, stored: qf.Collection) -> None:
        lock = threading.Lock()
        longer = pl.col("city").map_elements(lambda city: (lock, len(city) > 3)[1], return_dtype=pl.Boolean)
        (part,) = only(stored.explain(longer)).parts
        assert (part.pushed, part.reasons) == (
            "here",
            ("polars cannot serialise it, as where it calls a Python function",),
        )

    @pytest.mark.parametrize("predicate", [pl.col("citty") == "Bonn", {"citty": 1}, 5])
    def test_of_what_is_no_predicate(self, stored: qf.Collection, predicate: Any) -> None:
        with pytest.raises(qf.OptionError, match=r"citty|5"):
            stored.explain(predicate)

    def test_of_columns_that_are_not_there(self, stored: qf.Collection) -> None:
        with pytest.raises(qf.OptionError, match="did you mean 'city'"):
            stored.explain(columns=["citty"])

    def test_of_a_collection_that_is_not_there(self, embedded: qf.Connection) -> None:
        with pytest.raises(qf.CollectionNotFoundError):
            qf.collection("nothing", connection=embedded).explain()


DAY = pl.col("day").str.to_date() > dt.date(2024, 5, 1)
KEPT = {
    "guessed": (DAY, "strptime"),
    "mean": (pl.col("price") > pl.col("price").mean(), "mean"),
    "running": (pl.col("price").cum_sum() > 100, "cum_sum"),
    "window": (pl.col("price") == pl.col("price").max().over("city"), "over"),
    "numbered": (pl.int_range(pl.len()) < 10, "int_range"),
}


class TestWhatPolarsKeeps:
    """It stands above the scan: the source never hears of it."""

    @pytest.fixture
    def dated(self, embedded: qf.Connection, name: str) -> qf.Collection:
        collection = qf.collection(name, connection=embedded)
        collection.create_collection(config={"vectors": {}})
        collection.upsert(FRAME.with_columns(day=pl.lit("2024-06-01")), vector=False)
        return collection

    @pytest.mark.parametrize("kept", KEPT)
    def test_is_told(self, dated: qf.Collection, kept: str) -> None:
        predicate, named = KEPT[kept]
        for explanation in (dated.explain(predicate), dated.scan().filter(predicate).qdrant.explain()):
            source = only(explanation)
            (part,) = source.parts
            assert (source.exact, source.filter, part.pushed) == (False, None, "here")
            assert named in part.text
            assert "_POLARS" not in part.text
            assert "filter= of the scan" in " ".join(part.reasons)
            assert ("schema_overrides" in " ".join(part.reasons)) == (kept == "guessed")

    def test_takes_along_what_stands_beside_it(self, dated: qf.Collection) -> None:
        for explanation in (
            dated.explain([DAY, pl.col("city") == "Ulm"]),
            dated.scan().filter(DAY, city="Ulm").qdrant.explain(),
        ):
            (part,) = only(explanation).parts
            assert part.pushed == "here"
            assert "Ulm" in part.text
        # The ways out that the reasons name.
        assert only(dated.scan(filter=pl.col("city") == "Ulm").filter(DAY).qdrant.explain()).filter is not None
        formatted = pl.col("day").str.to_date("%Y-%m-%d") > dt.date(2024, 5, 1)
        assert only(dated.scan().filter(formatted, city="Ulm").qdrant.explain()).filter is not None
        dates = dated.scan(schema_overrides={"day": pl.Date}).filter(pl.col("day") > dt.date(2024, 5, 1), city="Ulm")
        assert only(dates.qdrant.explain()).exact
        assert dates.collect().height == 50

    def test_is_told_of_the_source_that_it_stands_above(self, dated: qf.Collection) -> None:
        other = qf.collection(f"{dated.name}_b", connection=dated.connection)
        other.create_collection(config={"vectors": {}})
        try:
            other.upsert(FRAME, vector=False)
            mean = KEPT["mean"][0]
            for plan, above in (
                (dated.scan().join(other.scan().filter(mean), on="id"), other.name),
                (dated.scan().filter(mean).join(other.scan(), on="id"), dated.name),
                (pl.concat([other.scan(), dated.scan().filter(mean).drop("day")]), dated.name),
            ):
                told = {source.collection: len(source.parts) for source in plan.qdrant.explain().sources}
                assert told == {dated.name: int(above == dated.name), other.name: int(above == other.name)}
        finally:
            other.drop()

    def test_of_one_collection_scanned_twice(self, dated: qf.Collection) -> None:
        plan = dated.scan().filter(KEPT["mean"][0]).join(dated.scan().filter(city="Ulm"), on="id")
        parts = [source.parts for source in plan.qdrant.explain().sources]
        assert sorted(part.pushed for (part,) in parts) == ["exact", "here"]


def test_of_a_meaning_that_nobody_knows(stored: qf.Collection, monkeypatch: pytest.MonkeyPatch) -> None:
    """All of no conjuncts would be exact."""
    unknown = Expression("an oracle", ("price",), (), lambda table: table.slice(0, 1))
    monkeypatch.setattr(sources, "expressions", lambda *_: (unknown,))
    source = only(stored.explain(filter=TWICE))
    assert [(part.text, part.pushed) for part in source.parts] == [("an oracle", "here")]
    assert not source.exact
    with pytest.raises(qf.PushdownError, match="an oracle"):
        stored.read(filter=TWICE, pushdown="require")


class TestIndexes:
    @pytest.mark.parametrize(
        ("predicate", "key"),
        [(pl.col("city") == "Bonn", "city"), (pl.col("price") > 30, "price"), (pl.col("city").is_in(["Ulm"]), "city")],
    )
    def test_the_call_makes_the_index_that_serves(
        self, places: qf.Collection, monkeypatch: pytest.MonkeyPatch, predicate: pl.Expr, key: str
    ) -> None:
        qf.set_connection(places.connection)
        try:
            (before,) = only(places.explain(predicate)).indexes
            assert (before.key, before.index) == (key, None)
            assert before.call is not None
            eval(before.call, {"qf": qf})
        finally:
            qf.set_connection(None)
        (after,) = only(places.explain(predicate)).indexes
        assert (after.key, after.asks, after.call) == (before.key, before.asks, None)
        assert after.index == places.info().indexes[key]

    def test_the_call_names_a_connection_that_is_not_the_default(
        self, stored: qf.Collection, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        def call(collection: qf.Collection) -> str | None:
            return only(collection.explain(pl.col("city") == "Bonn")).indexes[0].call

        short = f'qf.collection("{stored.name}").create_index("city", "keyword")'
        assert call(stored) == short.replace(")", ", connection=…)", 1)
        with pytest.raises(qf.OptionError, match=r"connection=…"):
            stored.facet("city")
        qf.set_connection(stored.connection)
        try:
            assert call(stored) == short
        finally:
            qf.set_connection(None)
        folder = qf.collection(stored.name, connection=tmp_path)
        folder.create_collection(config={"vectors": {}})
        folder.upsert(FRAME, vector=False)
        assert call(folder) != short
        monkeypatch.setenv("QDRANT_URL", str(tmp_path))
        assert call(folder) == short
        monkeypatch.setenv("QDRANT_URL", "ftp://nowhere")
        assert call(folder) != short
        folder.connection.close()

    def test_the_advice_for_prefixes_is_given_once(self, places: qf.Collection) -> None:
        prefix = {"must": [{"key": "city", "match": {"prefix": "Bo"}}]}
        places.create_index("city", "keyword")
        (before,) = only(places.explain(prefix)).indexes
        assert (before.asks, before.index) == ("prefix", None)
        places.create_index("city", {"type": "keyword", "prefix": True})
        (after,) = only(places.explain(prefix)).indexes
        assert (after.asks, after.index, after.call) == ("prefix", "keyword", None)

    def test_of_qdrant_filters_too(self, stored: qf.Collection) -> None:
        (index,) = only(stored.explain({"must": [{"key": "name", "match": {"prefix": "place"}}]})).indexes
        where = f'qf.collection("{stored.name}", connection=…)'
        assert index.call == f'{where}.create_index("name", {{"type": "keyword", "prefix": True}})'
        geo = {"must": [{"key": "spot", "geo_radius": {"center": {"lon": 1.0, "lat": 2.0}, "radius": 3.0}}]}
        assert only(stored.explain(geo)).indexes[0].call == f'{where}.create_index("spot", "geo")'
        assert only(stored.explain({"must": [{"has_id": [1]}]})).indexes == ()


@pytest.mark.loopback
def test_a_filter_that_the_server_refuses(wire: qf.Connection, name: str) -> None:
    collection = qf.collection(name, connection=wire)
    strict = {"enabled": True, "unindexed_filtering_retrieve": False}
    collection.create_collection(config={"vectors": {}, "strict_mode_config": strict})
    collection.upsert(FRAME, vector=False)
    source = only(collection.explain(BONN))
    assert source.estimated is None
    assert source.refused is not None
    assert "Index required" in source.refused
    assert "the server refuses the filter" in " ".join(repr(source).split())
    collection.create_index("city", "keyword")
    assert only(collection.explain(BONN)).refused is None


class TestAPlan:
    def test_of_a_join(self, places: qf.Collection) -> None:
        left = places.scan().filter(pl.col("city") == "Bonn").select("id", "name")
        right = places.scan(vectors=False).filter(pl.col("price") < 5).select("id", "price")
        explanation = left.join(right, on="id").qdrant.explain()
        one, other = sorted(explanation.sources, key=lambda source: source.payload)
        assert (one.payload, other.payload) == (("city", "name"), ("price",))
        assert places.count(filter=one.filter) == 50
        assert places.count(filter=other.filter) == FRAME.filter(pl.col("price") < 5).height

    def test_of_one_scan_used_twice(self, places: qf.Collection) -> None:
        scan = places.scan(vectors=False)
        both = scan.filter(pl.col("city") == "Bonn").join(scan.filter(pl.col("city") == "Ulm"), on="price", how="full")
        counts = [places.count(filter=source.filter) for source in both.qdrant.explain().sources]
        assert counts == [50, 50]
        assert len({json.dumps(source.filter) for source in both.qdrant.explain().sources}) == 2

    def test_of_several_collections(self, places: qf.Collection) -> None:
        other = qf.collection(f"{places.name}_b", connection=places.connection)
        try:
            other.create_collection(config={"vectors": {}})
            other.upsert(FRAME.head(10), vector=False)
            plan = pl.concat([places.scan(vectors=False), other.scan()]).filter(pl.col("city") == "Ulm")
            sources = plan.qdrant.explain().sources
        finally:
            other.drop()
        assert {source.collection: source.points for source in sources} == {places.name: 200, other.name: 10}
        assert all(source.exact for source in sources)

    def test_of_a_head(self, places: qf.Collection) -> None:
        source = only(places.scan().head(5).qdrant.explain())
        assert source.limit == 5
        # polars asks for nothing then, or for no rows.
        nothing = places.scan().head(0).qdrant.explain()
        assert [source.limit for source in nothing.sources] in ([], [0])
        assert nothing.sources or "nothing is asked" in repr(nothing)

    def test_beside_frames_of_other_kinds(self, places: qf.Collection, tmp_path: Path) -> None:
        FRAME.write_parquet(tmp_path / "there.parquet")
        plan = (
            places.scan(filter=BONN)
            .join(pl.scan_parquet(tmp_path / "there.parquet"), on="id", how="semi")
            .join(FRAME.lazy(), on="id")
        )
        assert only(plan.qdrant.explain()).filter == BONN

    def test_leaves_the_query_as_it_was(self, places: qf.Collection) -> None:
        plan = places.scan(vectors=False).filter(pl.col("city") == "Bonn")
        plan.qdrant.explain()
        assert_frame_equal(plan.collect().sort("id"), FRAME.filter(pl.col("city") == "Bonn"), check_column_order=False)
        again = pl.LazyFrame.deserialize(plan.serialize())
        assert again.collect().height == 50

    def test_calls_no_function_of_the_query(self, places: qf.Collection, tmp_path: Path) -> None:
        mark = tmp_path / "called"  # a list would be copied with the query

        def look(frame: pl.DataFrame) -> pl.DataFrame:
            mark.touch()
            return frame

        plan = pl.concat([FRAME.lazy().map_batches(look), places.scan(filter=BONN, vectors=False).map_batches(look)])
        assert only(plan.qdrant.explain()).filter == BONN
        assert not mark.exists()
        plan.collect()
        assert mark.exists()

    def test_writes_to_no_sink(self, places: qf.Collection, tmp_path: Path) -> None:
        (tmp_path / "there.parquet").write_text("mine")
        plan = places.scan().sink_parquet(tmp_path / "there.parquet", lazy=True)
        with pytest.raises(qf.OptionError, match="sink"):
            plan.qdrant.explain()
        assert (tmp_path / "there.parquet").read_text() == "mine"

    def test_without_a_collection(self) -> None:
        with pytest.raises(qf.OptionError, match="no collection"):
            FRAME.lazy().qdrant.explain()

    def test_that_cannot_be_copied(self, stored: qf.Collection) -> None:
        lock = threading.Lock()
        plan = stored.scan().map_batches(lambda frame: (lock, frame)[1])
        with pytest.raises(qf.OptionError, match=r"cannot pickle '_thread.lock' object"):
            plan.qdrant.explain()

    def test_without_cloudpickle(self, stored: qf.Collection, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "cloudpickle", None)
        with pytest.raises(qf.OptionError, match="package cloudpickle, which is not installed"):
            stored.scan().qdrant.explain()
        assert only(stored.explain(pl.col("city") == "Bonn")).exact

    def test_of_a_filter_that_cannot_be_serialised(self, stored: qf.Collection) -> None:
        lock = threading.Lock()
        scan = stored.scan(filter=lambda frame: (lock, frame["price"] > 3)[1])
        assert len(only(scan.qdrant.explain()).parts) == 1

    def test_errors_of_the_query_stay_what_they_are(self, stored: qf.Collection) -> None:
        with pytest.raises(pl.exceptions.ColumnNotFoundError):
            stored.scan().filter(pl.col("citty") == 1).qdrant.explain()


def cached(scan: pl.LazyFrame) -> pl.LazyFrame:
    return scan.filter(city="Ulm").join(scan.filter(pl.col("price") < 3), on="price")


PLANS: dict[str, Callable[[pl.LazyFrame], pl.LazyFrame]] = {
    "all": lambda scan: scan,
    "filter": lambda scan: scan.filter(pl.col("city") == "Bonn", TWICE),
    "columns": lambda scan: scan.filter(pl.col("city") == "Bonn").select("name"),
    "computed": lambda scan: scan.with_columns(twice=pl.col("price") * 2).filter(pl.col("twice") > 50),
    "head, filter": lambda scan: scan.head(9).filter(pl.col("city") == "Bonn"),
    "filter, head": lambda scan: scan.filter(pl.col("city") == "Bonn").head(9),
    "tail": lambda scan: scan.tail(9).filter(pl.col("city") == "Bonn"),
    "groups": lambda scan: scan.group_by("city").agg(pl.col("price").sum()).filter(pl.col("city") != "Bonn"),
    "len": lambda scan: scan.select(pl.len()),
    "top": lambda scan: scan.sort("price").head(3).select("id"),
    "self-join": lambda scan: scan.filter(pl.col("price") < 3).join(scan.filter(city="Ulm"), on="price"),
    "the same twice": lambda scan: scan.filter(city="Ulm").join(scan.filter(city="Ulm"), on="id"),
    "cached": lambda scan: cached(scan.cache()),
    "concat": lambda scan: pl.concat([scan.filter(city="Ulm"), scan.filter(city="Bonn")]).select("name"),
    "function": lambda scan: scan.filter(city="Ulm").map_batches(lambda frame: frame).filter(pl.col("price") < 3),
    "above": lambda scan: scan.filter(pl.col("price") == pl.col("price").max(), city="Ulm"),
    "never": lambda scan: scan.filter(pl.lit(value=False)),
}


def unordered(given: Any) -> Any:
    """A filter whose conditions are in an order of their own: polars 1 changes it from run to run."""
    if isinstance(given, dict):
        return {key: unordered(held) for key, held in given.items()}
    return sorted(map(unordered, given), key=repr) if isinstance(given, list) else given


@pytest.mark.parametrize("engine", ["streaming", "in-memory"])
@pytest.mark.parametrize("plan", PLANS)
def test_what_is_told_is_what_is_done(
    stored: qf.Collection, monkeypatch: pytest.MonkeyPatch, plan: str, engine: Any
) -> None:
    query = PLANS[plan](stored.scan())
    told = [
        (unordered(source.filter), source.limit, sorted(source.payload)) for source in query.qdrant.explain().sources
    ]
    done = []
    fetch = ScanPages.__call__

    def spy(pages: ScanPages, columns: Sequence[str] | None, conjuncts: Sequence[Conjunct], limit: int | None) -> Any:
        run = pages.run(columns, conjuncts, limit)
        done.append((unordered(run.request.filter), run.limit, sorted(item.name for item in run.plan.schema.payload)))
        return fetch(pages, columns, conjuncts, limit)

    monkeypatch.setattr(ScanPages, "__call__", spy)
    query.collect(engine=engine)
    assert sorted(told, key=repr) == sorted(done, key=repr)


@pytest.mark.loopback
def test_no_point_is_fetched(faulty: Server, wire: qf.Connection, name: str) -> None:
    collection = qf.collection(name, connection=wire)
    collection.create_collection(config={"vectors": {}})
    collection.upsert(FRAME, vector=False)
    scan = collection.scan().filter(pl.col("city") == "Bonn")
    faulty.clear()
    scan.join(scan.filter(TWICE), on="id").qdrant.explain()
    asked = {key.partition("/")[2].lower() for key in faulty.requests()["counts"]}
    assert asked == {"count", "info"}


class TestAnExplanation:
    @pytest.fixture
    def explanation(self, stored: qf.Collection) -> qf.Explanation:
        long = pl.col("name").is_in([f"a name with <b> {row}" for row in range(9)])
        return stored.scan().filter(long, TWICE).qdrant.explain()

    def test_pickles(self, explanation: qf.Explanation) -> None:
        assert pickle.loads(pickle.dumps(explanation)) == explanation

    def test_is_ready_for_json(self, explanation: qf.Explanation) -> None:
        found = json.loads(json.dumps(explanation.to_dict()))
        assert found == explanation.to_dict()
        (source,) = found["sources"]
        assert source["filter"] == only(explanation).filter
        assert {part["pushed"] for part in source["parts"]} == {"exact", "here"}

    def test_is_of_short_lines(self, explanation: qf.Explanation) -> None:
        lines = repr(explanation).splitlines()
        assert lines[0] == "Explanation:"
        assert all(len(line) <= 105 for line in lines if "create_index" not in line)
        assert only(explanation).indexes[0].call in [line.strip() for line in lines]
        text = " ".join(repr(explanation).split())
        assert json.dumps(only(explanation).filter, ensure_ascii=False) in text

    def test_shows_a_filter_that_can_be_copied(self, stored: qf.Collection) -> None:
        names = [f'{"ein langer Name " * row}"\\\0 {row}' for row in range(12)]
        explanation = stored.explain(pl.col("name").is_in(names))
        lines = repr(explanation).splitlines()
        start = next(number for number, line in enumerate(lines) if line.startswith("  filter "))
        end = next(number for number, line in enumerate(lines) if line.startswith("  exact "))
        copied = "\n".join(lines[start:end]).strip().removeprefix("filter")
        assert end - start > 1
        assert json.loads(copied) == only(explanation).filter

    @pytest.mark.parametrize("given", ["expression", "filter", "query"])
    def test_does_not_fill_the_terminal(self, stored: qf.Collection, given: str) -> None:
        names = [f"place {row}" for row in range(20_000)]
        whole = {"must": [{"key": "name", "match": {"any": names}}]}
        if given == "query":
            pytest.importorskip("pandas")
        predicate = {"expression": pl.col("name").is_in(names), "filter": whole, "query": f"name in {names}"}[given]
        explanation = stored.explain(predicate)
        assert len(repr(explanation)) < 5_000
        assert len(explanation._repr_html_()) < 5_000
        assert "characters, all of them in .filter" in repr(explanation)
        (condition,) = only(explanation).filter["must"]  # type: ignore[index]
        assert len(condition["match"]["any"]) == 20_000

    def test_is_a_table_in_a_notebook(self, explanation: qf.Explanation) -> None:
        html = explanation._repr_html_()
        assert "<table>" in html
        assert "&lt;b&gt;" in html
        assert "a name with <b>" not in html

    def test_is_of_lazy_frames(self) -> None:
        assert "explain" in dir(FRAME.lazy().qdrant)
        assert "upsert" in dir(FRAME.lazy().qdrant)
        assert not hasattr(FRAME.qdrant, "explain")
        with pytest.raises(AttributeError, match=r"df.qdrant has no 'explain'. A frame in memory has no plan"):
            FRAME.qdrant.explain()
        with pytest.raises(AttributeError, match=r"Did you mean 'upsert'"):
            FRAME.lazy().qdrant.upsrt("places")
        with pytest.raises(AttributeError, match=r"is read by qf.scan"):
            FRAME.qdrant.scan("places")
        with pytest.raises(TypeError, match=r"lf\.qdrant\.explain\(\) got an unexpected keyword argument 'engin'"):
            FRAME.lazy().qdrant.explain(engin="streaming")


class TestRequired:
    def test_refuses_to_read_everything(self, places: qf.Collection) -> None:
        scan = places.scan(pushdown="require").filter(TWICE)
        with pytest.raises(qf.PushdownError, match="about 200") as caught:
            scan.collect()
        assert caught.value.collection == places.name
        (part,) = caught.value.parts
        assert part.text in str(caught.value)
        assert all(reason in str(caught.value) for reason in part.reasons)
        assert part.reasons
        assert pickle.loads(pickle.dumps(caught.value)).parts == caught.value.parts
        with pytest.raises(qf.PushdownError):
            scan.collect(engine="in-memory")
        with pytest.raises(qf.PushdownError):
            places.read(filter=TWICE, pushdown="require")
        with pytest.raises(qf.PushdownError):
            places.iter_frames(filter=TWICE, pushdown="require")
        # A limit after the filter bounds nothing.
        with pytest.raises(qf.PushdownError):
            places.read(filter=TWICE, limit=3, pushdown="require")

    def test_is_content_with_one_condition(self, places: qf.Collection) -> None:
        wanted = FRAME.filter(TWICE, city="Bonn")
        read = places.read(filter=[TWICE, pl.col("city") == "Bonn"], pushdown="require", frame="polars")
        assert read["id"].to_list() == wanted["id"].to_list()
        scan = places.scan(pushdown="require").filter(TWICE, pl.col("city") == "Bonn")
        assert sorted(scan.select("id").collect()["id"]) == wanted["id"].to_list()

    @pytest.mark.parametrize("options", [{}, {"filter": BONN}, {"limit": 3}, {"filter": pl.lit(value=True)}])
    def test_asks_nothing_of_a_read_without_expressions(self, stored: qf.Collection, options: dict[str, Any]) -> None:
        assert stored.read(pushdown="require", **options).height

    def test_lets_a_limit_stand_before_a_predicate(self, places: qf.Collection) -> None:
        assert places.scan(pushdown="require", limit=4).filter(TWICE).collect().height <= 4
        assert places.scan(pushdown="require").head(4).filter(city="Bonn").collect().height <= 4

    def test_is_one_of_three(self, stored: qf.Collection) -> None:
        with pytest.raises(qf.OptionError, match="pushdown"):
            stored.scan(pushdown="required")  # type: ignore[arg-type]


def test_off_sends_no_expression(stored: qf.Collection, monkeypatch: pytest.MonkeyPatch) -> None:
    sent = []
    fetch = ScanPages.__call__
    monkeypatch.setattr(
        ScanPages,
        "__call__",
        lambda pages, *asked: sent.append(pages.run(*asked[:3]).request.filter) or fetch(pages, *asked),
    )
    found = stored.scan(pushdown="off", filter=[BONN, pl.col("price") > 10]).filter(pl.col("price") < 20).collect()
    assert_frame_equal(
        found.sort("id"), FRAME.filter(pl.col("price").is_between(10, 20), city="Bonn"), check_column_order=False
    )
    assert sent == [BONN]


class TestTold:
    """`pushdown="auto"` warns where many points are read for want of a condition that the server knows."""

    @pytest.fixture
    def warned(self, caplog: pytest.LogCaptureFixture) -> Callable[[], list[logging.LogRecord]]:
        caplog.set_level(logging.WARNING, "qframe")
        return lambda: [record for record in caplog.records if record.message == "nothing pushed down"]

    @pytest.fixture
    def many(self, embedded: qf.Connection, name: str) -> qf.Collection:
        collection = qf.collection(name, connection=embedded)
        collection.create_collection(config={"vectors": {}})
        collection.upsert(
            pl.DataFrame({"id": range(10_001), "price": [row / 2 for row in range(10_001)]}), vector=False
        )
        return collection

    def test_of_many_points(self, many: qf.Collection, warned: Callable[[], list[logging.LogRecord]]) -> None:
        many.scan().filter(TWICE).collect()
        (record,) = warned()
        assert (record.collection, record.rows) == (many.name, 10_001)  # type: ignore[attr-defined]
        assert "price" in record.detail  # type: ignore[attr-defined]
        many.read(filter=TWICE)
        assert len(warned()) == 2

    @pytest.mark.parametrize(
        "options",
        [
            {"filter": [TWICE, pl.col("price") < 3]},
            {"filter": [TWICE, {"must": [{"key": "price", "range": {"lt": 3}}]}]},
            {"filter": TWICE, "pushdown": "off"},
            {"filter": TWICE, "limit": 0},
            {},
        ],
    )
    def test_of_nothing_else(
        self, many: qf.Collection, warned: Callable[[], list[logging.LogRecord]], options: dict[str, Any]
    ) -> None:
        many.read(**options)
        assert warned() == []

    def test_not_of_few(self, stored: qf.Collection, warned: Callable[[], list[logging.LogRecord]]) -> None:
        stored.read(filter=TWICE)
        assert warned() == []
