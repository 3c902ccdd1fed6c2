"""What somebody found who read with qframe for the first time, kept so that it stays mended."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pandas as pd
import polars as pl
import polars.selectors as cs
import pyarrow as pa
import pytest

import qframe as qf
from tests.three import Three

DAYS = [dt.date(2024, 1, 1) + dt.timedelta(days=row) for row in range(6)]
SEEN = [dt.datetime(2024, 1, 1, 12 + row, tzinfo=dt.UTC) for row in range(6)]
POINTS = pl.DataFrame(
    {
        "id": pl.Series(range(6), dtype=pl.UInt64),
        "city": ["Ulm", "Bonn", "Ulm", "Kiel", "Bonn", None],
        "day": DAYS,
        "seen": SEEN,
        "size": pl.Series(["small", "big", "mid", "mid", "big", "small"], dtype=pl.Enum(["small", "mid", "big"])),
        "rooms": [1, 2, 3, 4, 5, 6],
        "dense": pl.Series([[1.0, float(row)] for row in range(6)], dtype=pl.Array(pl.Float32, 2)),
    }
)
TYPES = {"day": pl.Date, "seen": pl.Datetime("us", "UTC"), "size": POINTS.schema["size"]}
TYPED = [
    pl.col("day") > dt.date(2024, 1, 3),
    pl.col("seen") < dt.datetime(2024, 1, 1, 14, 30, tzinfo=dt.UTC),
    pl.col("size") == "mid",
    pl.col("city").is_null(),
]
"""What a sample's types do not allow, or do not make certain."""

SPARSE = {"vectors": {"dense": {"size": 2, "distance": "Dot"}}, "sparse_vectors": {"words": {}}}


@pytest.fixture(scope="module")
def stored(three_connections: dict[str, qf.Connection]) -> Iterator[Three]:
    with Three.on(three_connections) as three:
        three.create(config=SPARSE)
        three.upsert(POINTS)
        yield three


@pytest.fixture(scope="module")
def mixed(three_connections: dict[str, qf.Connection]) -> Iterator[Three]:
    with Three.on(three_connections) as three:
        three.create()
        three.upsert(pl.DataFrame({"id": range(9), "v": range(9)}))
        three.upsert(pl.DataFrame({"id": [9], "v": ["many"]}))
        three.upsert(pl.DataFrame({"id": [10], "v": [{"b": [1], "a": "x"}]}))
        yield three


@pytest.fixture(scope="module")
def many(three_connections: dict[str, qf.Connection]) -> Iterator[Three]:
    with Three.on(three_connections) as three:
        three.create()
        three.upsert(pl.DataFrame({"id": range(9_000), "rooms": [row % 10 for row in range(9_000)]}))
        yield three


@pytest.fixture
def fresh(three: Three) -> Three:
    three.create(config=SPARSE)
    three.upsert(POINTS)
    return three


def refused(ask: Callable[[], Any], *words: str, kind: type[Exception] = qf.OptionError) -> str:
    """The words of an error that names all of these."""
    with pytest.raises(kind) as caught:
        ask()
    for word in words:
        assert word in str(caught.value)
    return str(caught.value)


@pytest.fixture(params=["embedded", "rest"])
def places(request: pytest.FixtureRequest, stored: Three) -> qf.Collection:
    return stored.collections[request.param]


def typed(given: pl.Expr) -> list[int]:
    return POINTS.filter(given)["id"].to_list()


class TestTypesForWhatTheServerDoesAlone:
    @pytest.mark.parametrize("option", ["schema", "schema_overrides"])
    @pytest.mark.parametrize("given", TYPED, ids=str)
    def test_search(self, stored: Three, given: pl.Expr, option: str) -> None:
        types = {option: TYPES | {"city": pl.String}}
        found = stored.same(lambda collection: collection.search([0, 1], using="dense", filter=given, **types))
        assert sorted(found["id"]) == typed(given)
        stage = [{"vector": [0, 1], "using": "dense", "filter": given, "limit": 100}]
        staged = stored.same(lambda collection: collection.search([0, 1], using="dense", prefetch=stage, **types))
        assert sorted(staged["id"]) == typed(given)

    @pytest.mark.parametrize("option", ["schema", "schema_overrides"])
    @pytest.mark.parametrize("given", TYPED, ids=str)
    def test_count_and_facet(self, fresh: Three, given: pl.Expr, option: str) -> None:
        types = {option: TYPES | {"city": pl.String}}
        assert fresh.same(lambda collection: collection.count(filter=given, **types)) == len(typed(given))
        fresh.all(lambda collection: collection.create_index("city", "keyword"))
        found = fresh.same(lambda collection: collection.facet("city", filter=given, exact=True, **types))
        counts = POINTS.filter(given)["city"].drop_nulls().value_counts().rows()
        assert dict(found.rows()) == dict(counts)

    def test_count_leaves_out_what_does_not_fit(self, fresh: Three) -> None:
        fresh.upsert(pl.DataFrame({"id": [7], "rooms": ["many"]}), vector=False)
        odd = pl.col("rooms") % 2 == 1
        types = {"rooms": pl.Int64}
        error = fresh.refused(lambda collection: collection.count(filter=odd, schema_overrides=types))
        assert error.kind == "MismatchError"
        assert 'on_mismatch="null"' in error
        found = fresh.same(lambda collection: collection.count(filter=odd, schema_overrides=types, on_mismatch="null"))
        assert found == 3

    @pytest.mark.parametrize("given", TYPED, ids=str)
    def test_delete(self, fresh: Three, given: pl.Expr) -> None:
        types = TYPES | {"city": pl.String}
        fresh.all(lambda collection: collection.delete(filter=given, schema_overrides=types).raise_for_failures())
        left = fresh.same(lambda collection: collection.read())
        assert sorted(set(range(6)) - set(left["id"])) == typed(given)

    @pytest.mark.parametrize(
        "write",
        [
            lambda target, **by: target.set_payload(payload={"rooms": 100}, **by),
            lambda target, **by: target.overwrite_payload(payload={"rooms": 100}, **by),
            lambda target, **by: target.delete_payload(keys="rooms", **by),
            lambda target, **by: target.clear_payload(**by),
            lambda target, **by: target.delete_vectors(vectors="dense", **by),
            lambda target, **by: target.delete(**by),
        ],
        ids=["set", "overwrite", "delete_payload", "clear", "delete_vectors", "delete"],
    )
    @pytest.mark.parametrize("batched", [False, True])
    def test_writes(self, fresh: Three, write: Any, batched: bool) -> None:
        def do(collection: qf.Collection) -> None:
            by = {"filter": TYPED[1], "schema_overrides": {"seen": TYPES["seen"]}}
            if not batched:
                write(collection, **by)
                return
            with qf.batch(collection.name, connection=collection.connection) as batch:
                write(batch, **by)

        columns = {"columns": ["rooms"], "schema": {"rooms": pl.Int64}, "vectors": ["dense"]}
        before = fresh.same(lambda collection: collection.read(**columns))
        fresh.all(do)
        after = fresh.same(lambda collection: collection.read(**columns))
        same = before.join(after, on=before.columns, how="semi", nulls_equal=True)["id"].to_list()
        assert sorted(set(range(6)) - set(same)) == typed(TYPED[1])

    def test_types_are_for_a_filter(self, places: qf.Collection) -> None:
        frame = pl.DataFrame({"id": [1]})
        refused(lambda: places.delete(frame, schema_overrides={"day": pl.Date}), "schema_overrides=", "filter=")
        with places.batch() as batch:
            refused(lambda: batch.delete(frame, schema_overrides={"day": pl.Date}), "schema_overrides=", "filter=")
            batch.delete(pl.DataFrame({"id": [77]}))
        with pytest.raises(TypeError, match="filter"):
            frame.qdrant.delete(places.name, connection=places.connection, schema_overrides={})

    @pytest.mark.parametrize(
        "made",
        [
            lambda frame: frame,
            lambda frame: frame.lazy(),
            lambda frame: frame.to_arrow(),
            lambda frame: frame.to_arrow().to_reader(),
        ],
        ids=["polars", "lazy", "arrow", "reader"],
    )
    @pytest.mark.parametrize("given", TYPED[:3], ids=str)
    def test_the_frame_says_what_an_update_filter_looks_at(self, fresh: Three, given: pl.Expr, made: Any) -> None:
        frame = POINTS.with_columns(rooms=pl.lit(100))
        for collection in fresh.collections.values():
            assert collection.upsert(made(frame), update_filter=given).ok
        found = fresh.same(lambda collection: collection.read(columns=["rooms"]))
        assert found.filter(pl.col("rooms") == 100)["id"].to_list() == typed(given)

    def test_an_update_filter_in_a_batch_and_in_a_check(self, fresh: Three) -> None:
        frame = POINTS.with_columns(rooms=pl.lit(100))
        assert fresh.collections["rest"].check(frame, update_filter=TYPED[0]).ok
        for collection in fresh.collections.values():
            with collection.batch() as batch:
                batch.upsert(frame, update_filter=TYPED[0])
        found = fresh.same(lambda collection: collection.read(columns=["rooms"]))
        assert found.filter(pl.col("rooms") == 100)["id"].to_list() == typed(TYPED[0])

    def test_a_frame_of_pandas_has_types_too(self, fresh: Three) -> None:
        frame = POINTS.select("id", "dense", "seen", rooms=pl.lit(100)).to_pandas()
        late = pd.Timestamp("2024-01-01 14:30", tz="UTC")
        fresh.all(lambda collection: collection.upsert(frame, update_filter=lambda row: row["seen"] < late))
        found = fresh.same(lambda collection: collection.read(columns=["rooms"]))
        assert found.filter(pl.col("rooms") == 100)["id"].to_list() == typed(TYPED[1])

    def test_a_frame_does_not_narrow_what_is_stored(self, fresh: Three) -> None:
        """Of the frame's integers 2.5 is none; of what is stored it is one, and below 3."""
        fresh.upsert(pl.DataFrame({"id": [2], "rooms": [2.5], "dense": [[1.0, 2.0]]}))
        frame = pl.DataFrame({"id": [1, 2, 3], "rooms": [100, 100, 100], "dense": [[1.0, 0.0]] * 3})
        fresh.upsert(frame, update_filter=pl.col("rooms") < 3)
        found = fresh.same(lambda collection: collection.read(columns=["rooms"]))
        assert found.filter(pl.col("rooms") == 100)["id"].to_list() == [1, 2]

    @pytest.mark.parametrize(
        ("ask", "way"),
        [
            (lambda c, given: c.search([1, 0], using="dense", filter=given), "schema_overrides="),
            (lambda c, given: c.delete(filter=given), "schema_overrides="),
            (lambda c, given: c.facet("city", filter=given), "schema_overrides="),
            (lambda c, given: c.upsert(POINTS.select("id", "dense"), update_filter=given), "the frame"),
        ],
        ids=["search", "delete", "facet", "upsert"],
    )
    def test_a_refusal_names_what_the_verb_has(self, places: qf.Collection, ask: Any, way: str) -> None:
        text = refused(lambda: ask(places, pl.col("rooms").is_null()), "a guess", way)
        assert "schema= " not in text
        assert ("schema_overrides=" in text) is (way == "schema_overrides=")


class TestWhatIsStoredInSeveralKinds:
    def test_what_the_error_says_to_do_helps(self, mixed: Three) -> None:
        # The embedded engine samples the first ids; a server takes a slice of them.
        text = mixed.refused(lambda collection: collection.read(schema={"v": pl.Int64}))
        assert text.kind == "MismatchError"
        assert "schema_overrides={'v': \"json\"}" in text
        for options in ({"schema": {"v": "json"}}, {"schema_overrides": {"v": "json"}}):
            found = mixed.same(lambda collection, options=options: collection.read(**options))
            assert found["v"].to_list() == [*map(str, range(9)), '"many"', '{"a":"x","b":[1]}']
        embedded = mixed.collections["embedded"]
        refused(lambda: embedded.read(infer_schema_length=3), '"json"', kind=qf.MismatchError)
        longer = embedded.read(infer_schema_length=1_000)
        assert longer.equals(embedded.read(infer_schema_length=3, schema_overrides={"v": "json"}))

    def test_a_filter_over_json_text(self, mixed: Three) -> None:
        given = pl.col("v") == '"many"'
        assert mixed.same(lambda c: c.count(filter=given, schema={"v": "json"})) == 1
        assert mixed.same(lambda c: c.read(filter=given, schema={"v": "json"}))["id"].to_list() == [9]


class TestColumnsThatAreNotThere:
    def test_a_vector_is_no_column_of_payload(self, places: qf.Collection) -> None:
        for read in (places.read, lambda **options: places.retrieve([1], **options)):
            refused(lambda read=read: read(columns=["dense"]), "'dense' is a vector", "vectors=['dense']")

    @pytest.mark.parametrize("name", ["id", "dense"])
    def test_the_types_of_ids_and_vectors_are_not_chosen(self, places: qf.Collection, name: str) -> None:
        types = {name: POINTS.schema[name]}
        for ask in (
            lambda: places.read(schema_overrides=types, vectors=True),
            lambda: places.read(schema_overrides=types),
            lambda: places.count(filter=pl.col("rooms") > 3, schema_overrides=types),
            lambda: places.delete(filter=pl.col("rooms") > 3, schema_overrides=types),
        ):
            refused(ask, repr(name), "not to be chosen")
        # In a schema, which may be a frame's, they stand without being meant.
        assert places.read(schema=POINTS.schema, vectors=True).schema["dense"] == POINTS.schema["dense"]

    @pytest.mark.parametrize("given", [pl.col("citty") == "Ulm", "citty == 'Ulm'", lambda frame: frame["citty"] == "U"])
    def test_in_a_filter(self, stored: Three, given: Any) -> None:
        collection = stored.collections["embedded"]
        for ask in (collection.read, collection.scan, collection.count, collection.delete):
            refused(lambda ask=ask: ask(filter=given), "'citty'", "did you mean 'city'?")
            refused(lambda ask=ask: ask(filter=given), "no column")
        text = refused(
            lambda: collection.read(filter=given, infer_schema_length=3),
            "'citty'",
            "sample (3 of 6",
            "did you mean 'city'?",
            "schema_overrides=",
        )
        assert text.startswith("filter")
        assert "columns" not in text


class TestFacets:
    def test_a_key_that_is_not_there(self, stored: Three) -> None:
        error = stored.refused(lambda collection: collection.facet("citty"))
        assert error.kind == "OptionError"
        assert "did you mean 'city'?" in error
        assert "create_index" not in error

    def test_a_vector(self, stored: Three) -> None:
        error = stored.refused(lambda collection: collection.facet("dense"))
        assert "'dense' is a vector" in error
        assert "create_index" not in error

    @pytest.mark.parametrize("key", ["city", "address.street"])
    def test_a_key_that_is_there(self, fresh: Three, key: str) -> None:
        fresh.upsert(pl.DataFrame({"id": [8], "address": [{"street": "Markt"}]}), vector=False)
        assert f'create_index("{key}", "keyword")' in fresh.refused(lambda collection: collection.facet(key))

    def test_a_member_that_is_not_there(self, fresh: Three) -> None:
        fresh.upsert(pl.DataFrame({"id": [8], "address": [{"street": "Markt"}]}), vector=False)
        error = fresh.refused(lambda collection: collection.facet("address.stret"))
        assert "did you mean 'address.street'?" in error


class TestWhatIsGivenInAnotherPlace:
    @pytest.mark.parametrize("made", [lambda f: f, lambda f: f.lazy(), lambda f: f.to_pandas(), lambda f: f.to_arrow()])
    def test_a_frame_as_the_vector(self, places: qf.Collection, made: Any) -> None:
        frame = made(POINTS.select("dense"))
        for ask in (
            lambda: places.search(frame),
            lambda: qf.search(places.name, frame, connection=places.connection),
        ):
            refused(ask, "data=frame", "frame.qdrant.search")

    @pytest.mark.parametrize(
        "given", [pl.col("rooms") > 3, "rooms > 3", {"must": []}, lambda frame: frame["rooms"] > 3], ids=str
    )
    def test_a_filter_as_the_frame(self, fresh: Three, given: Any) -> None:
        for collection in fresh.collections.values():
            refused(lambda collection=collection: collection.delete(given), "filter=")
            with collection.batch() as batch:
                refused(lambda batch=batch: batch.clear_payload(given), "filter=")
                batch.delete(pl.DataFrame({"id": [77]}))
        assert fresh.same(lambda collection: collection.count()) == 6

    def test_a_sparse_vector_with_a_slip(self, places: qf.Collection) -> None:
        for ask in (
            lambda: places.search({"index": [1], "values": [1.0]}, using="words"),
            lambda: places.search({"index": [1], "values": [1.0]}),
            lambda: places.search({"indices": [1], "value": [1.0]}, using="words"),
        ):
            refused(ask, "'indices'", "'values'", "sparse")
        # A mapping of names is what it was.
        refused(lambda: places.search({"dense": [1, 0]}, using="dense"), "using= is for one vector")
        refused(lambda: places.search({"densee": [1, 0]}), "did you mean 'dense'?")

    def test_ids_of_a_column_in_which_some_are_missing(self, places: qf.Collection) -> None:
        frame = pd.DataFrame({"id": [1.0, None], "x": [1, 2]})
        text = refused(
            lambda: frame.qdrant.retrieve(places.name, connection=places.connection), "'Int64'", kind=qf.FrameError
        )
        assert "uuid4" not in text
        assert "drop" not in text.lower()
        found = frame.astype({"id": "Int64"}).qdrant.retrieve(
            places.name, connection=places.connection, columns=["city"]
        )
        assert found["city"].to_list()[0] == "Bonn"
        for bad in ([-1, 2], ["x", "y"]):
            text = refused(
                lambda bad=bad: pd.DataFrame({"id": bad}).qdrant.retrieve(places.name, connection=places.connection),
                kind=qf.FrameError,
            )
            assert "uuid4" not in text


class TestOptions:
    @pytest.mark.parametrize(
        ("options", "words"),
        [
            ({"consistency": "most"}, ("consistency='most'", "'majority'")),
            ({"consistency": 0}, ("consistency=0", "replicas")),
            ({"consistency": True}, ("consistency=True",)),
            ({"id_name": ""}, ("id_name=''",)),
            ({"id_name": 3}, ("id_name=3",)),
            ({"limit": -1}, ("limit=-1", "at least 0")),
            ({"limit": True}, ("limit=True", "at least 0")),
            ({"columns": [pl.col("city")]}, ("columns=", "names", "select")),
            ({"columns": cs.string()}, ("columns=", "names", "select")),
            ({"columns": pl.col("city")}, ("columns=", "names", "select")),
            ({"columns": 3}, ("columns=3", "names")),
            ({"columns": "city"}, ("columns='city'", "['city']")),
            ({"vectors": [pl.col("dense")]}, ("vectors=", "names")),
            ({"vectors": cs.string()}, ("vectors=", "names")),
            ({"schema_overrides": "v"}, ("schema_overrides='v'", "mapping")),
            ({"schema_overrides": ["v"]}, ("schema_overrides=['v']", "mapping")),
            ({"schema_overrides": {"v": "no such"}}, ("schema_overrides['v']", "'no such'")),
            ({"schema": "v"}, ("schema='v'", "mapping")),
        ],
        ids=str,
    )
    def test_what_makes_no_sense(self, places: qf.Collection, options: Any, words: tuple[str, ...]) -> None:
        text = refused(lambda: places.read(**options), *words)
        assert not text.startswith("schema=") or "schema" in options

    def test_columns_to_keep(self, places: qf.Collection) -> None:
        frame = POINTS.select("city", "dense")
        for keep in (True, 3, "city"):
            text = refused(lambda keep=keep: places.search(data=frame, keep=keep), f"keep={keep!r}", "['city']")
            assert "[True]" not in text

    def test_a_frame_as_overrides(self, places: qf.Collection) -> None:
        found = places.read(schema_overrides=POINTS.select("day"))
        assert found.schema["day"] == pl.Date

    @pytest.mark.parametrize("columns", [("city",), {"city"}, pd.Index(["city"]), pl.Series(["city"]), []], ids=repr)
    def test_any_collection_of_names(self, places: qf.Collection, columns: Any) -> None:
        assert places.read(columns=columns).columns == ["id", *columns]

    def test_a_deadline_is_seen_between_pages(self, stored: Three) -> None:
        for collection in stored.collections.values():
            for read in (collection.read, partial(collection.retrieve, [1])):
                refused(partial(read, deadline=1e-9), "deadline", kind=qf.ServerError)
            frames = collection.iter_frames(batch_size=1, deadline=600)
            assert next(frames).height == 1


class TestCategories:
    @pytest.mark.parametrize("dtype", [pl.Enum(["big", "mid", "small"]), pl.Categorical], ids=str)
    def test_of_polars_in_the_other_libraries(self, stored: Three, dtype: Any) -> None:
        schema = {"size": dtype}
        ordered = isinstance(dtype, pl.Enum)
        table = stored.same(lambda collection: collection.read(schema=schema, frame="arrow"))
        assert pa.types.is_dictionary(table.schema.field("size").type)
        assert table.schema.field("size").type.ordered is ordered
        assert table.column("size").to_pylist() == POINTS["size"].to_list()
        for backend in ("numpy_nullable", "numpy"):
            frame = stored.same(
                lambda collection, backend=backend: collection.read(
                    schema=schema, frame="pandas", dtype_backend=backend
                )
            )
            assert isinstance(frame["size"].dtype, pd.CategoricalDtype)
            assert frame["size"].dtype.ordered is ordered
            assert frame["size"].to_list() == POINTS["size"].to_list()
            if ordered:
                assert list(frame["size"].dtype.categories) == ["big", "mid", "small"]

    @pytest.mark.parametrize(
        "dtype", [pd.CategoricalDtype(["mid", "small", "big"], ordered=True), "category"], ids=["some", "any"]
    )
    def test_of_pandas_in_the_other_libraries(self, stored: Three, dtype: Any) -> None:
        frame = stored.same(lambda collection: collection.read(schema={"size": dtype}, frame="polars"))
        assert frame.schema["size"] == pl.Categorical
        assert frame["size"].to_list() == POINTS["size"].to_list()
        table = stored.same(lambda collection: collection.read(schema={"size": dtype}, frame="arrow"))
        assert pa.types.is_dictionary(table.schema.field("size").type)

    def test_the_order_of_an_enum_in_a_filter_of_pandas(self, stored: Three) -> None:
        dtype = pl.Enum(["big", "mid", "small"])
        given: Any = lambda frame: frame["size"] < "small"  # noqa: E731
        found = stored.same(lambda c: c.read(schema={"size": dtype}, filter=given, frame="pandas"))
        assert found["id"].to_list() == [1, 2, 3, 4]

    def test_where_nothing_is_found(self, stored: Three) -> None:
        none = {"must": [{"has_id": [77]}]}
        for dtype in (POINTS.schema["size"], pl.Categorical):
            found = stored.same(lambda c, dtype=dtype: c.read(schema={"size": dtype}, filter=none, frame="pandas"))
            assert found.empty
            words = [] if dtype is pl.Categorical else POINTS.schema["size"].categories.to_list()
            assert found["size"].dtype.categories.to_list() == words


class TestFramesOfOneSize:
    @pytest.mark.parametrize("library", ["polars", "pandas", "arrow"])
    @pytest.mark.parametrize(
        ("options", "rows"),
        [
            ({"batch_size": 3_500}, [3_500, 3_500, 2_000]),
            ({"batch_size": 4_500}, [4_500, 4_500]),
            ({"batch_size": 10_000}, [9_000]),
            ({"batch_size": 7, "limit": 20}, [7, 7, 6]),
            ({"batch_size": 1_000, "filter": pl.col("rooms").cast(pl.String) == "3"}, [900]),
            ({"batch_size": 500, "filter": pl.col("rooms") < 1, "limit": 700}, [500, 200]),
            ({"filter": pl.col("rooms") > 10}, []),
        ],
        ids=str,
    )
    def test_they_are_full(self, many: Three, options: Any, rows: list[int], library: str) -> None:
        def read(collection: qf.Collection) -> list[Any]:
            return list(collection.iter_frames(frame=library, **options))

        for collection in many.collections.values():
            assert [len(frame) for frame in read(collection)] == rows
        whole = {name: value for name, value in options.items() if name != "batch_size"}
        embedded = many.collections["embedded"]
        ids = [point for frame in read(embedded) for point in pl.DataFrame(frame)["id"]]
        assert ids == embedded.read(**whole)["id"].to_list()

    def test_no_more_is_read_than_fills_them(self, many: Three) -> None:
        frames = many.collections["embedded"].iter_frames(batch_size=10)
        assert [next(frames)["id"].to_list() for _ in range(2)] == [list(range(10)), list(range(10, 20))]
