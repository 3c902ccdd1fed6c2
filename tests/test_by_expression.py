"""Writes and facets by an expression: done where the server evaluates it exactly, else refused before anything is."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import pandas as pd
import polars as pl
import pytest
from polars.testing import assert_frame_equal

import qframe as qf
from tests.three import Three

N = 40
POINTS = pl.DataFrame(
    {
        "id": range(N),
        "a": [None if row % 8 == 5 else row % 10 for row in range(N)],
        "city": [("Ulm", "Bonn", None, "Kiel")[row % 4] for row in range(N)],
        "v": pl.Series([[1.0, row] for row in range(N)], dtype=pl.Array(pl.Float32, 2)),
    },
    schema_overrides={"id": pl.UInt64},
)
EXACT = [
    pl.col("a") > 3,
    (pl.col("a") > 3) & (pl.col("city") == "Ulm"),
    (pl.col("a") < 2) | (pl.col("city") == "Kiel"),
    ~(pl.col("city") == "Ulm"),
    pl.col("city").is_in(["Bonn", "nowhere"]),
    pl.col("id").is_in([1, 2, 3, 7 * N]),
]
"""What every server evaluates exactly."""

INEXACT = [
    (pl.col("city").str.to_uppercase() == "ULM", "city"),
    (pl.col("a") * 2 > 3, "a"),
    ((pl.col("id") < 5) & (pl.col("city").str.len_chars() > 2), "len_chars"),
]
"""What none does, and what the error names of it."""


@pytest.fixture
def points(three: Three) -> Three:
    three.create(POINTS, vector="v", distance="dot", indexes={"city": "keyword"})
    three.upsert(POINTS)
    return three


def stored(three: Three) -> pl.DataFrame:
    schema = {name: POINTS.schema[name] for name in ("a", "city")}
    return three.same(lambda collection: collection.read(schema=schema, vectors=True))


@pytest.mark.parametrize("given", EXACT, ids=str)
def test_delete_takes_exactly_those(points: Three, given: pl.Expr) -> None:
    points.all(lambda collection: collection.delete(filter=given).raise_for_failures())
    # Where it is null the expression is not true.
    assert_frame_equal(stored(points), POINTS.filter(given.not_().fill_null(True)))


def test_in_pandas_terms(points: Three) -> None:
    spellings: list[Any] = ["a > 3", lambda frame: frame["a"] > 3, pd.col("a") > 3]
    for given in spellings:
        points.upsert(POINTS)
        points.all(lambda collection, given=given: collection.delete(filter=given).raise_for_failures())
        assert_frame_equal(stored(points), POINTS.filter((pl.col("a") <= 3) | pl.col("a").is_null()))


def test_beside_a_qdrant_filter(points: Three) -> None:
    given = [{"must": [{"has_id": [4, 5, 6]}]}, pl.col("a") > 4]
    points.all(lambda collection: collection.delete(filter=given).raise_for_failures())
    assert set(range(N)) - set(stored(points)["id"]) == {6}


WRITES: dict[str, tuple[Callable[[qf.Collection, Any], Any], pl.Expr]] = {
    "set_payload": (lambda c, given: c.set_payload(filter=given, payload={"a": 100}), pl.lit(100).alias("a")),
    "delete_payload": (lambda c, given: c.delete_payload(filter=given, keys="a"), pl.lit(None).alias("a")),
    "clear_payload": (lambda c, given: c.clear_payload(filter=given), pl.lit(None).alias("city")),
    "delete_vectors": (lambda c, given: c.delete_vectors(filter=given, vectors="v"), pl.lit(None).alias("v")),
}


@pytest.mark.parametrize("verb", WRITES)
def test_the_other_verbs_change_exactly_those(points: Three, verb: str) -> None:
    write, changed = WRITES[verb]
    given = pl.col("a") > 3
    points.all(lambda collection: write(collection, given).raise_for_failures())
    name = changed.meta.output_name()
    expected = POINTS.with_columns(pl.when(given.fill_null(False)).then(changed).otherwise(name).alias(name))
    assert_frame_equal(stored(points).select("id", name), expected.select("id", name))


def test_an_update_filter(points: Three) -> None:
    frame = POINTS.select("id", "v", a=pl.lit(100))
    points.upsert(frame, vector="v", update_filter=pl.col("city") == "Ulm")
    found = stored(points)
    assert found.filter(pl.col("a") == 100)["id"].to_list() == POINTS.filter(pl.col("city") == "Ulm")["id"].to_list()


def test_in_a_batch(points: Three) -> None:
    def write(collection: qf.Collection) -> None:
        with collection.batch() as batch:
            batch.set_payload(filter=pl.col("a") > 3, payload={"city": "Hof"})
            batch.delete(filter=pl.col("city") == "Ulm")
        batch.report.raise_for_failures()

    points.all(write)
    big = pl.col("a") > 3
    expected = POINTS.with_columns(city=pl.when(big).then(pl.lit("Hof")).otherwise("city"))
    assert_frame_equal(stored(points), expected.filter(pl.col("city").ne_missing("Ulm")))


@pytest.mark.parametrize(("given", "named"), INEXACT, ids=str)
@pytest.mark.parametrize(
    "write",
    [
        lambda c, given: c.delete(filter=given),
        lambda c, given: c.set_payload(filter=given, payload={"a": 1}),
        lambda c, given: c.overwrite_payload(filter=given, payload={"a": 1}),
        lambda c, given: c.delete_payload(filter=given, keys="a"),
        lambda c, given: c.clear_payload(filter=given),
        lambda c, given: c.delete_vectors(filter=given, vectors="v"),
        lambda c, given: c.upsert(POINTS.select("id", "v", a=pl.lit(1)), vector="v", update_filter=given),
        lambda c, given: c.facet("city", filter=given),
    ],
    ids=["delete", "set", "overwrite", "delete_payload", "clear", "delete_vectors", "upsert", "facet"],
)
def test_what_is_not_exact_is_refused_before_anything_is_done(
    points: Three, write: Any, given: Any, named: str
) -> None:
    error = points.refused(lambda collection: write(collection, given))
    assert error.kind == "OptionError"
    assert "exactly" in error
    assert named in error
    assert_frame_equal(stored(points), POINTS)


DATED = pl.DataFrame({"id": [1, 2], "city": ["Ulm", "Bonn"], "since": [dt.date(2019, 1, 1), dt.date(2021, 1, 1)]})


@pytest.fixture
def dated(embedded: qf.Connection, name: str) -> qf.Collection:
    collection = qf.collection(name, connection=embedded)
    collection.create_collection(config={"vectors": {}})
    assert collection.upsert(DATED, vector=False).ok
    return collection


@pytest.mark.parametrize(
    ("given", "spelt"),
    [
        (pl.col("since") < dt.date(2020, 6, 1), "pl.Date"),
        (pl.col("since").is_between(dt.date(2018, 6, 1), dt.date(2020, 6, 1)), "pl.Date"),
        ((pl.col("city") == "Ulm") & (pl.col("since") < dt.date(2020, 6, 1)), "pl.Date"),
        (pl.col("since") < dt.datetime(2020, 6, 1), "pl.Datetime('us')"),
        (pl.col("since") < dt.datetime(2020, 6, 1, tzinfo=dt.UTC), "pl.Datetime('us', 'UTC')"),
        (pl.col("since").dt.year() < 2020, "pl.Date"),
    ],
    ids=str,
)
def test_text_that_is_taken_for_dates_is_told_how_it_is_read(dated: qf.Collection, given: pl.Expr, spelt: str) -> None:
    """Rows that have expired, by date: the error says what reads the text as dates, and that does it."""

    def in_a_batch() -> None:
        with dated.batch() as batch:
            batch.delete(filter=given)

    for ask in (
        lambda: dated.delete(filter=given),
        lambda: dated.count(filter=given),
        lambda: dated.scan(filter=given),
        lambda: dated.read(filter=given),
        in_a_batch,
    ):
        with pytest.raises(qf.OptionError, match=r"'since' is String.*JSON has no dates") as caught:
            ask()
        assert f"schema_overrides={{'since': {spelt}}}" in str(caught.value)
    assert dated.count(filter=given, schema_overrides={"since": eval(spelt)}) == 1


def test_text_that_is_no_date_hears_nothing_of_dates(dated: qf.Collection) -> None:
    for given in (pl.col("city") > 3, pl.col("since") + 1, pl.col("since").is_nan()):
        with pytest.raises(qf.OptionError, match="cannot be evaluated by polars") as caught:
            dated.count(filter=given)
        assert "JSON has no dates" not in str(caught.value)


def test_dates_as_text_are_told_how_they_are_read(dated: qf.Collection) -> None:
    with pytest.raises(qf.OptionError, match="if it holds dates, schema_overrides= would tell"):
        dated.delete(filter="since < '2020-06-01'")
    with pytest.raises(qf.OptionError, match="has no order of 'city'") as caught:
        dated.delete(filter="city < 'Ulm'")
    assert "dates" not in str(caught.value)
    assert dated.delete(filter="since < '2020-06-01'", schema_overrides={"since": pl.Date}).ok
    assert dated.read()["id"].to_list() == [2]


def test_an_update_filter_is_typed_by_the_frame(dated: qf.Collection) -> None:
    """An upsert has no schema_overrides=."""
    with pytest.raises(qf.OptionError, match=r"a column of that name in the frame of the type pl\.Date") as caught:
        dated.upsert(
            DATED.select("id", city=pl.lit("Hof")), vector=False, update_filter=pl.col("since") < dt.date.today()
        )
    assert "schema_overrides" not in str(caught.value)
    report = dated.upsert(DATED.head(1), vector=False, update_filter=pl.col("since") < dt.date(2020, 6, 1))
    assert report.ok


def test_what_is_not_exact_in_a_batch_sends_nothing_of_it(points: Three) -> None:
    def write(collection: qf.Collection) -> None:
        with collection.batch() as batch:
            batch.delete(filter=pl.col("a") > 3)
            batch.delete(filter=INEXACT[0][0])

    assert "exactly" in points.refused(write)
    assert_frame_equal(stored(points), POINTS)


@pytest.mark.parametrize("given", EXACT, ids=str)
def test_facet_counts_exactly_those(points: Three, given: pl.Expr) -> None:
    found = points.same(lambda collection: collection.facet("city", filter=given, exact=True))
    values = POINTS.filter(given)["city"].drop_nulls().value_counts(name="count")
    expected = values.sort("count", "city", descending=[True, False])
    assert found.rows() == expected.rows()


def test_there_is_no_collection(connection: qf.Connection, name: str) -> None:
    with pytest.raises(qf.CollectionNotFoundError):
        qf.collection(name, connection=connection).delete(filter=pl.col("a") > 3)
