"""One query a row of a frame: equal on the three backends and in all libraries, and what numpy finds by trying all."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
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
from tests.test_search import DENSE, DIM, FRAME, TOKENS, VECTORS, WORDS, N
from tests.three import Three, assert_same

RNG = np.random.default_rng(12)
ASKED = 130
"""More than fit one request."""

QUERIES = RNG.normal(size=(ASKED, DIM)).astype(np.float32)
TOKEN_QUERIES = [RNG.normal(size=(1 + row % 3, 3)).astype(np.float32) for row in range(ASKED)]
WORD_QUERIES = np.where(RNG.random((ASKED, 30)) < 0.3, RNG.random((ASKED, 30)), 0).astype(np.float32)
WORD_QUERIES[:, 0] = 1
SPARSE = pl.Struct({"indices": pl.List(pl.UInt32), "values": pl.List(pl.Float32)})
ASKING = pl.DataFrame(
    {
        "name": [f"q{row}" for row in range(ASKED)],
        "dot": pl.Series(QUERIES),
        "tokens": pl.Series([rows.tolist() for rows in TOKEN_QUERIES], dtype=pl.List(pl.Array(pl.Float32, 3))),
        "words": pl.Series(
            [{"indices": np.flatnonzero(row).tolist(), "values": row[row != 0].tolist()} for row in WORD_QUERIES],
            dtype=SPARSE,
        ),
    }
)
EXACT = {"exact": True}
COLUMNS = ["query", "rank", "id", "score", "city"]


@pytest.fixture(scope="module")
def stored(three_connections: dict[str, qf.Connection]) -> Iterator[Three]:
    with Three.on(three_connections) as three:
        distance = {"dot": "dot", "euclid": "euclid", "manhattan": "manhattan", "cosine": "cosine", "tokens": "dot"}
        three.create(FRAME, vector=VECTORS, distance=distance, indexes={"city": "keyword"})
        three.upsert(FRAME, vector=VECTORS)
        yield three


@pytest.fixture(scope="module")
def place(three_connections: dict[str, qf.Connection]) -> Iterator[Three]:
    """A collection whose only vector is called dot."""
    with Three.on(three_connections) as three:
        data = FRAME.select("id", "city", "dot")
        three.create(data, vector="dot", distance="dot")
        three.upsert(data, vector="dot")
        yield three


SCORES = {
    "dot": QUERIES @ DENSE.T,
    "tokens": np.array(
        [[(query @ rows.T).max(axis=1).sum() for rows in TOKENS] for query in TOKEN_QUERIES],
    ),
    "words": WORD_QUERIES @ WORDS.T,
}


def best(vector: str, limit: int, asked: Any = slice(None)) -> pl.DataFrame:
    """What a search must find, by trying every point."""
    scores = SCORES[vector]
    parts = []
    for query in np.arange(ASKED)[asked].tolist():
        order = np.argsort(-scores[query])[:limit]
        order = order[scores[query][order] != 0] if vector == "words" else order
        parts.append(
            pl.DataFrame(
                {"query": query, "rank": np.arange(1, len(order) + 1), "id": order, "score": scores[query][order]},
                schema={"query": pl.UInt32, "rank": pl.UInt32, "id": pl.UInt64, "score": pl.Float32},
            )
        )
    return pl.concat(parts).with_columns(city="c" + (pl.col("id") % 4).cast(pl.String))


@pytest.mark.parametrize("vector", ["dot", "tokens", "words"])
def test_every_row_is_asked(stored: Three, vector: str) -> None:
    found = stored.same(lambda collection: collection.search(vector, data=ASKING, limit=7, params=EXACT))
    assert found.columns == COLUMNS
    assert_frame_equal(found, best(vector, 7), rel_tol=1e-4)


def test_the_same_as_one_by_one(stored: Three) -> None:
    found = stored.same(lambda collection: collection.search("dot", data=ASKING, limit=4, offset=2))
    collection = stored.collections["embedded"]
    single = [collection.search(row, using="dot", limit=4, offset=2) for row in QUERIES]
    assert_frame_equal(found.drop("query"), pl.concat(single))
    assert found["query"].to_list() == np.repeat(np.arange(ASKED), 4).tolist()


def test_filter_threshold_and_vectors(stored: Three) -> None:
    condition = {"must": [{"key": "city", "match": {"value": "c1"}}]}
    found = stored.same(
        lambda collection: collection.search(
            "dot", data=ASKING, limit=N, filter=condition, score_threshold=1.0, columns=[], vectors="dot", params=EXACT
        )
    )
    assert found.columns == ["query", "rank", "id", "score", "dot"]
    expected = best("dot", N).filter((pl.col("id") % 4 == 1) & (pl.col("score") > 1))
    assert found.select("query", "id").equals(expected.select("query", "id"))
    assert np.array_equal(found["dot"].to_numpy(), DENSE[found["id"].to_numpy()])


@pytest.mark.parametrize("n_jobs", [None, 1, 2, -1])
def test_however_many_at_a_time(stored: Three, n_jobs: int | None) -> None:
    found = stored.same(lambda collection: collection.search("dot", data=ASKING, limit=2, n_jobs=n_jobs, params=EXACT))
    assert_frame_equal(found, best("dot", 2), rel_tol=1e-4)


def whole(vectors: np.ndarray[Any, Any]) -> list[Any]:
    return [row.astype(np.float64) for row in vectors]


SPELLINGS: dict[str, Callable[[], tuple[Any, dict[str, Any]]]] = {
    "float64": lambda: (ASKING.with_columns(pl.col("dot").cast(pl.Array(pl.Float64, DIM))), {"vector": "dot"}),
    "lists": lambda: (ASKING.with_columns(pl.col("dot").cast(pl.List(pl.Float32))), {"vector": "dot"}),
    "another name": lambda: (ASKING.rename({"dot": "e"}), {"vector": "e", "using": "dot"}),
    "a mapping": lambda: (ASKING.rename({"dot": "e"}), {"vector": {"dot": "e"}}),
    "its own name": lambda: (ASKING, {"using": "dot"}),
    "a matrix": lambda: (ASKING.select("name"), {"vector": QUERIES, "using": "dot"}),
    "numbers": lambda: (
        pl.DataFrame(QUERIES, schema=[f"n{i}" for i in range(DIM)]),
        {"vector": {"dot": [f"n{i}" for i in range(DIM)]}},
    ),
    "a LazyFrame": lambda: (ASKING.lazy(), {"vector": "dot"}),
    "arrow": lambda: (ASKING.to_arrow(), {"vector": "dot", "frame": "polars"}),
    "a reader": lambda: (ASKING.to_arrow().to_reader(), {"vector": "dot", "frame": "polars"}),
    "frames": lambda: (iter([ASKING.head(3), ASKING[3:]]), {"vector": "dot", "frame": "polars"}),
    "many parts": lambda: (pl.concat([ASKING[i : i + 1] for i in range(ASKED)], rechunk=False), {"vector": "dot"}),
    "pandas objects": lambda: (pd.DataFrame({"dot": whole(QUERIES)}), {"vector": "dot", "frame": "polars"}),
}


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_spellings(stored: Three, spelling: str) -> None:
    for target, collection in stored.collections.items():
        data, options = SPELLINGS[spelling]()
        found = collection.search(data=data, limit=3, params=EXACT, **options)
        assert_frame_equal(found, best("dot", 3), rel_tol=1e-4), target


def test_sparse_as_two_columns(stored: Three) -> None:
    halves = ASKING.select(i=pl.col("words").struct["indices"], v=pl.col("words").struct["values"])
    found = stored.same(lambda collection: collection.search({"words": ["i", "v"]}, data=halves, limit=3, params=EXACT))
    assert_frame_equal(found, best("words", 3), rel_tol=1e-4)


@pytest.mark.parametrize("column", ["dot", "vector", "whatever"])
def test_the_only_column_for_the_only_vector(place: Three, column: str) -> None:
    data = ASKING.select("name", pl.col("dot").alias(column))
    found = place.same(lambda collection: collection.search(data=data, limit=3, params=EXACT))
    assert_frame_equal(found, best("dot", 3), rel_tol=1e-4)


def test_the_unnamed_vector(three: Three) -> None:
    data = FRAME.select("id", "city", "dot").head(20)
    three.create(data, vector={"": "dot"}, distance="dot")
    three.upsert(data, vector={"": "dot"})
    for options in ({}, {"vector": "dot"}, {"vector": {"": "dot"}}, {"using": ""}, {"vector": "dot", "using": ""}):
        found = three.same(lambda collection, by=options: collection.search(data=ASKING.select("dot"), limit=1, **by))
        assert found["id"].to_list() == (QUERIES @ DENSE[:20].T).argmax(axis=1).tolist()


def test_libraries(stored: Three) -> None:
    expected = best("dot", 2)
    frame = stored.same(lambda collection: collection.search("dot", data=ASKING.to_pandas(), limit=2, params=EXACT))
    assert isinstance(frame, pd.DataFrame)
    assert dict(frame.dtypes) == {
        "query": pd.UInt32Dtype(),
        "rank": pd.UInt32Dtype(),
        "id": pd.UInt64Dtype(),
        "score": pd.Float32Dtype(),
        "city": pd.StringDtype(),
    }
    assert frame["id"].tolist() == expected["id"].to_list()
    table = stored.same(lambda collection: collection.search("dot", data=ASKING.to_arrow(), limit=2, params=EXACT))
    assert isinstance(table, pa.Table)
    assert_frame_equal(pl.DataFrame(table), expected, rel_tol=1e-4)
    numpy = stored.collections["rest"].search("dot", data=ASKING.to_pandas(), limit=2, dtype_backend="numpy")
    assert numpy["score"].dtype == np.float32
    for library, kind in (("pandas", pd.DataFrame), ("arrow", pa.Table), ("polars", pl.DataFrame)):
        found = stored.same(lambda collection, to=library: collection.search("dot", data=ASKING, frame=to, limit=2))
        assert isinstance(found, kind)


def test_the_accessor(place: Three) -> None:
    for collection in place.collections.values():
        name, to = collection.name, collection.connection
        expected = best("dot", 3, slice(4))
        few = ASKING.select("name", "dot").head(4)
        options: dict[str, Any] = {"limit": 3, "params": EXACT, "connection": to}
        assert_frame_equal(few.qdrant.search(name, **options), expected, rel_tol=1e-4)
        assert_frame_equal(few.qdrant.search(name, "dot", **options), expected, rel_tol=1e-4)
        assert_frame_equal(few.lazy().qdrant.search(name, **options), expected, rel_tol=1e-4)
        frame = few.to_pandas().qdrant.search(name, **options)
        assert isinstance(frame, pd.DataFrame)
        assert frame["id"].tolist() == expected["id"].to_list()


KEPT = ASKING.select(
    "dot",
    n=pl.int_range(ASKED, dtype=pl.Int16),
    when=pl.datetime_range(
        pl.datetime(2024, 1, 1), pl.datetime(2025, 1, 1), "1d", time_zone="Europe/Berlin", eager=True
    ).head(ASKED),
    kind=pl.Series(["a", "b"] * (ASKED // 2), dtype=pl.Enum(["b", "a"])),
    category=pl.Series(["x", None] * (ASKED // 2), dtype=pl.Categorical),
    price=pl.Series(["1.50"] * ASKED).cast(pl.Decimal(8, 2)),
)
KEEP = ["kind", "n", "when", "category", "price", "dot"]


@pytest.mark.parametrize("lazy", [False, True])
def test_kept_columns_have_their_dtypes(stored: Three, lazy: bool) -> None:
    data = KEPT.lazy() if lazy else KEPT
    found = stored.same(lambda collection: collection.search("dot", data=data, limit=2, keep=KEEP))
    assert found.columns == [*COLUMNS, *(f"query_{name}" for name in KEEP)]
    expected = KEPT.select(pl.col(KEEP).name.prefix("query_"))[np.repeat(np.arange(ASKED), 2)]
    assert_frame_equal(found.select(expected.columns), expected)


def test_kept_columns_of_pandas_and_arrow(stored: Three) -> None:
    frame = pd.DataFrame(
        {
            "dot": whole(QUERIES[:3]),
            "period": pd.period_range("2024", periods=3),
            "object": [1, "a", None],
            "category": pd.Categorical(["x", "y", "x"]),
        },
        index=pd.Index([7, 5, 3], name="row"),
    )
    keep = ["row", "period", "object", "category"]
    found = stored.same(lambda collection: collection.search("dot", data=frame, limit=2, keep=keep))
    assert list(found.columns) == [*COLUMNS, *(f"query_{name}" for name in keep)]
    assert found["query_row"].tolist() == [7, 7, 5, 5, 3, 3]
    assert found.index.equals(pd.RangeIndex(6))
    for name in keep[1:]:
        assert found[f"query_{name}"].dtype == frame[name].dtype
        assert found[f"query_{name}"].tolist() == frame[name].repeat(2).tolist()
    table = KEPT.select("dot", "n").to_arrow()
    kept = stored.same(lambda collection: collection.search("dot", data=table, limit=2, keep=["n"]))
    assert kept.schema.field("query_n").type == pa.int16()
    other = stored.same(lambda collection: collection.search("dot", data=KEPT, limit=2, keep=["n"], frame="pandas"))
    assert other["query_n"].tolist() == kept["query_n"].to_pylist() == np.repeat(np.arange(ASKED), 2).tolist()


def test_it_joins_back(stored: Three) -> None:
    found = stored.collections["grpc"].search("dot", data=ASKING, limit=1, params=EXACT)
    joined = ASKING.with_row_index("query").join(found, on="query")
    assert joined["name"].to_list() == ASKING["name"].to_list()
    assert joined["id"].to_list() == SCORES["dot"].argmax(axis=1).tolist()


@pytest.mark.parametrize("library", ["polars", "pandas", "arrow"])
def test_columns_do_not_depend_on_what_is_found(stored: Three, library: str) -> None:
    turn = {"polars": lambda frame: frame, "pandas": pl.DataFrame.to_pandas, "arrow": pl.DataFrame.to_arrow}[library]
    options: dict[str, Any] = {"limit": 2, "keep": ["n"], "vectors": ["words", "tokens"]}
    data = KEPT.select("dot", "n")
    for collection in stored.collections.values():
        some = collection.search("dot", data=turn(data), **options)
        none = collection.search("dot", data=turn(data), score_threshold=1e9, **options)
        nobody = collection.search("dot", data=turn(data.head(0)), **options)
        bad = data.with_columns(dot=pl.lit(None, pl.Array(pl.Float32, DIM)))
        with pytest.warns(qf.QueryWarning):
            failed = collection.search("dot", data=turn(bad), **options)
        assert (len(none), len(nobody), len(failed)) == (0, 0, ASKED)
        if library == "pandas":
            assert all(list(found.columns) == list(some.columns) for found in (none, nobody, failed))
            simple = ["query", "rank", "id", "score", "city"]
            assert all((found[simple].dtypes == some[simple].dtypes).all() for found in (none, nobody, failed))
        else:
            assert all(found.schema == some.schema for found in (none, nobody, failed))


@pytest.mark.parametrize(
    ("data", "options", "kind", "words"),
    [
        (ASKING, {}, "OptionError", "fusion='rrf'"),
        (ASKING, {"vector": ["dot", "words"]}, "OptionError", "2 vectors are given"),
        (ASKING, {"vector": "name"}, "FrameError", "cannot be a vector"),
        (ASKING, {"vector": "nope"}, "FrameError", "has no column 'nope'"),
        (ASKING, {"vector": "dot", "using": "words"}, "FrameError", "makes dense vectors"),
        (ASKING, {"vector": "dot", "using": "wrods"}, "OptionError", "did you mean 'words'?"),
        (ASKING, {"vector": {"dot": "dot"}, "using": "dot"}, "OptionError", "using= is for one vector"),
        (ASKING, {"vector": False}, "OptionError", "needs a vector"),
        (ASKING.select("name"), {"using": "dot"}, "FrameError", "no column looks like a vector"),
        (ASKING.select(pl.col("dot").arr.head(3).list.to_array(3)), {"vector": "dot"}, "FrameError", "3 numbers"),
        (ASKING.rename({"dot": "v"}), {"vector": "v"}, "FrameError", "does not have"),
        (ASKING, {"vector": QUERIES[:4], "using": "dot"}, "FrameError", "4 rows"),
        (ASKING, {"vector": "dot", "keep": "name"}, "OptionError", "keep='name'"),
        (ASKING, {"vector": "dot", "keep": ["nmae"]}, "FrameError", "Did you mean 'name'?"),
        (ASKING, {"vector": "dot", "keep": ["name", "name"]}, "OptionError", "twice"),
        (ASKING, {"vector": "dot", "id_name": "query"}, "OptionError", "two columns would be called 'query'"),
        (ASKING, {"vector": "dot", "errors": "ignore"}, "OptionError", "errors='ignore'"),
        (ASKING, {"vector": "dot", "n_jobs": 0}, "OptionError", "n_jobs=0"),
        (ASKING, {"vector": "dot", "frame": "spark"}, "OptionError", "frame='spark'"),
        (ASKING, {"vector": "dot", "limit": 0}, "OptionError", "limit=0"),
        (ASKING, {"vector": "dot", "score_threshold": float("nan")}, "OptionError", "score_threshold=nan"),
        (ASKING, {"vector": "dot", "schema_overrides": {"rank": pl.Int64}}, "OptionError", "called 'rank'"),
        ("frame", {"vector": "dot"}, "FrameError", "is not a frame"),
    ],
)
def test_what_makes_no_sense(stored: Three, data: Any, options: dict[str, Any], kind: str, words: str) -> None:
    error = stored.refused(lambda collection: collection.search(data=data, **options))
    assert (error.kind, words in error) == (kind, True), error.words


def test_names_that_collide(three: Three) -> None:
    data = FRAME.select("id", "dot", query_name="city").head(3)
    three.create(data, vector="dot")
    three.upsert(data, vector="dot")
    error = three.refused(lambda collection: collection.search("dot", data=ASKING, keep=["name"]))
    assert "two columns would be called 'query_name'" in error
    assert "columns=" in error
    found = three.same(lambda collection: collection.search("dot", data=ASKING, keep=["name"], columns=[]))
    assert found.columns == ["query", "rank", "id", "score", "query_name"]


def test_options_that_are_for_frames(stored: Three) -> None:
    error = stored.refused(lambda collection: collection.search(QUERIES[0], using="dot", keep=["name"]))
    assert (error.kind, "keep= is for a search from a frame" in error) == ("OptionError", True)
    for option in ({"keep": ["a"]}, {"data": ASKING}, {"errors": "raise"}, {"n_jobs": 2}):
        with pytest.raises(TypeError, match=r"df.qdrant.search"):
            qf.search("places", QUERIES[0], **option)  # type: ignore[call-overload]


vectors = st.lists(
    st.one_of(
        st.none(),
        st.lists(st.floats(-2, 2, width=32), min_size=DIM, max_size=DIM),
        st.lists(st.sampled_from([0.5, float("nan"), float("inf"), None]), min_size=DIM, max_size=DIM),
        st.lists(st.just(1.0), max_size=DIM - 1),
    ),
    max_size=12,
)


@settings(max_examples=40)
@given(vectors)
def test_any_rows_good_and_bad(place: Three, rows: list[Any]) -> None:
    good = [
        row
        for row, vector in enumerate(rows)
        if vector is not None and len(vector) == DIM and None not in vector and np.isfinite(vector).all()
    ]
    # Where no vector at all has the right width, the column is the wrong one.
    rows, good = [*rows, [0.5] * DIM], [*good, len(rows)]
    data = pl.DataFrame({"dot": pl.Series(rows, dtype=pl.List(pl.Float32)), "n": range(len(rows))})
    answers = []
    for collection in place.collections.values():
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            found = collection.search("dot", data=data, limit=2, keep=["n"], params=EXACT)
        told = [one.message for one in caught if isinstance(one.message, qf.QueryWarning)]
        assert [row for message in told for row, _ in message.failures] == [
            row for row in range(len(rows)) if row not in good
        ]
        answers.append(found)
        assert found["query_n"].to_list() == found["query"].to_list()
        assert found.filter(pl.col("id").is_null())["query"].to_list() == sorted(set(range(len(rows))) - set(good))
        hits = found.drop_nulls("id")
        assert hits["query"].to_list() == np.repeat(good, 2).tolist()
        if good:
            scores = np.array([rows[row] for row in good], dtype=np.float32) @ DENSE.T
            expected = -np.sort(-scores, axis=1)[:, :2].reshape(-1)
            np.testing.assert_allclose(hits["score"].to_numpy(), expected, rtol=1e-4, atol=1e-5)
    assert all(one.schema == answers[0].schema for one in answers)


def test_a_search_of_one_vector_reads_as_others_do(stored: Three) -> None:
    one = stored.same(
        lambda collection: collection.search(QUERIES[0], using="dot", limit=3, extra="column", columns=[])
    )
    assert one.columns == ["rank", "id", "score", "extra"]
    other = stored.same(
        lambda collection: collection.search("dot", data=ASKING.head(1), limit=3, extra="column", columns=[])
    )
    assert_same(one, other.drop("query"))
