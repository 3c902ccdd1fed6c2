"""What is true of pushdown from end to end: soundness in tests/pushdown, translations beside their modules."""

from __future__ import annotations

import polars as pl
import pytest

import qframe as qf

FRAME = pl.DataFrame(
    {
        "id": range(100),
        "price": [row / 2 for row in range(100)],
        "city": [f"c{row % 7}" for row in range(100)],
        "vector": [[1.0, float(row)] for row in range(100)],
    }
)


@pytest.fixture
def places(connection: qf.Connection, name: str) -> qf.Collection:
    FRAME.qdrant.upsert(name, vector="vector", connection=connection)
    return qf.collection(name, connection=connection)


def test_an_index_that_is_made_after_the_scan(places: qf.Collection) -> None:
    # An integer index has none of the halves: a range that knew nothing of it would lose every other row.
    half = places.scan().filter(pl.col("price") > 2.5).select("id", "price")
    assert half.collect().height == 94
    places.create_index("price", "integer")
    assert half.collect().height == 94
    assert not half.qdrant.explain().sources[0].exact


def test_the_limit_at_the_source_comes_before_predicates(places: qf.Collection) -> None:
    first = places.scan(limit=10).filter(pl.col("city") == "c6")
    assert first.collect()["id"].to_list() == [6]
    assert first.qdrant.explain().sources[0].filter is None
    assert places.scan().head(10).filter(pl.col("city") == "c6").collect()["id"].to_list() == [6]
    both = places.scan(filter=pl.col("city") == "c6", limit=3).filter(pl.col("price") > 3)
    assert both.collect()["id"].to_list() == [13, 20]
    assert places.scan(filter=pl.col("city") == "c6").filter(pl.col("price") > 3).collect()["id"].to_list()[0] == 13


def test_a_comparison_with_null_is_of_one_row(places: qf.Collection) -> None:
    # polars keeps it above a source, like what looks at other rows.
    known = (pl.col("id") == 1) | pl.col("price").is_between(None, 3)
    assert places.scan(filter=known).collect()["id"].to_list() == [1]
