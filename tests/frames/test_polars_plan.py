"""What a plan of polars tells of its sources."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl
import pytest
from polars.io.plugins import register_io_source

from qframe.frames.polars_plan import planned_scans

SCHEMA = pl.Schema({"id": pl.Int64(), "city": pl.String(), "price": pl.Float64()})


def scan() -> pl.LazyFrame:
    def source(*_: object) -> Iterator[pl.DataFrame]:
        yield SCHEMA.to_frame()

    return register_io_source(source, schema=SCHEMA, is_pure=False)


PRICE = pl.col("price")
ABOVE = PRICE.mean() < PRICE


@pytest.mark.parametrize(
    ("plan", "scans"),
    [
        (scan(), [(None, False, 0)]),
        (scan().filter(PRICE > 3), [(None, True, 0)]),
        (scan().filter(PRICE > 3).select("id"), [(2, True, 0)]),
        (scan().filter(ABOVE), [(None, False, 1)]),
        (scan().filter(ABOVE).select("id"), [(2, False, 1)]),
        (scan().filter(ABOVE).head(3), [(None, False, 1)]),
        (scan().sort("id").filter(ABOVE), [(None, False, 1)]),
        (scan().head(3).filter(ABOVE), [(None, False, 1)]),
        (scan().rename({"price": "cost"}).filter(pl.col("cost") > pl.col("cost").mean()), [(None, False, 1)]),
        (scan().with_columns(sum=PRICE.cum_sum()).filter(pl.col("sum") > 3), [(None, False, 1)]),
        # Rows of an answer, not of the source.
        (scan().group_by("city").agg(PRICE.sum()).filter(PRICE > 3), [(2, False, 0)]),
        (scan().join(scan(), on="id").filter(ABOVE), [(None, False, 0), (None, False, 0)]),
        (scan().join(scan().filter(ABOVE), on="id"), [(None, False, 0), (None, False, 1)]),
        (pl.concat([scan().filter(ABOVE), scan()]), [(None, False, 1), (None, False, 0)]),
    ],
)
def test_names_the_filters_that_polars_keeps(plan: pl.LazyFrame, scans: list[tuple[int | None, bool, int]]) -> None:
    found = planned_scans(plan.explain(engine="streaming"))
    assert [(one.columns, one.filtered, len(one.kept)) for one in found] == scans
    assert all("mean" in kept or "sum" in kept for one in found for kept in one.kept)


def test_a_constant_of_several_lines() -> None:
    (found,) = planned_scans(scan().filter(ABOVE, pl.col("city") == "a\nFROM\nb").explain())
    (kept,) = found.kept
    assert "a\nFROM\nb" in kept


def test_a_window_stands_where_polars_names_it() -> None:
    (found,) = planned_scans(scan().filter(PRICE.max().over("city") == PRICE).explain(engine="streaming"))
    (kept,) = found.kept
    assert "max()" in kept
    assert "_POLARS" not in kept


@pytest.mark.parametrize("plan", ["", "PYTHON SCAN []", "FROM\n  PYTHON SCAN []", "    FROM\n      PYTHON[x y] SCAN"])
def test_what_is_not_known_is_passed_over(plan: str) -> None:
    assert [scan.kept for scan in planned_scans(plan)] == [()] * plan.count("SCAN")
