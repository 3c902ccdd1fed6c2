"""Expressions as `filter=`: evaluated here page by page where the server cannot, or refused in words of ours."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable
from typing import Any

import polars as pl
import pytest

import qframe as qf

FRAME = pl.DataFrame(
    {
        "id": pl.Series(range(2_000), dtype=pl.UInt64),
        "city": ["Bonn", "Ulm"] * 1_000,
        "day": [f"2024-0{row % 9 + 1}-03" for row in range(2_000)],
        "price": [row % 50 + 0.5 for row in range(2_000)],
        "more": [f"{row % 5}" for row in range(2_000)],
    }
)
DAY = dt.date(2024, 5, 1)


@pytest.fixture
def stored(embedded: qf.Connection, name: str) -> qf.Collection:
    collection = qf.collection(name, connection=embedded)
    collection.create_collection(config={"vectors": {}})
    assert collection.upsert(FRAME, vector=False).ok
    return collection


def reads(collection: qf.Collection, given: Any) -> list[Callable[[], Any]]:
    return [
        lambda: collection.read(filter=given),
        lambda: collection.count(filter=given),
        lambda: collection.scan(filter=given),
        lambda: next(iter(collection.iter_frames(filter=given))),
        lambda: collection.explain(filter=given),
    ]


@pytest.mark.parametrize(
    "given",
    [
        pl.col("day").str.to_date("%Y-%m-%d") > DAY,
        pl.col("day").str.to_date("%Y-%m-%d", strict=False) > DAY,
        pl.col("day").str.strptime(pl.Datetime, "%Y-%m-%d") > dt.datetime(2024, 5, 1),
        pl.col("more").cast(pl.Int64) > 2,
        pl.col("more").str.to_integer() > 2,
        pl.col("more").str.json_decode(pl.Int64) > 2,
        pl.col("more").replace_strict({str(number): number for number in range(5)}) > 2,
    ],
    ids=str,
)
def test_what_may_fail_is_evaluated_page_by_page(stored: qf.Collection, given: pl.Expr) -> None:
    wanted = FRAME.filter(given)
    assert 0 < wanted.height < FRAME.height
    assert stored.read(filter=given)["id"].to_list() == wanted["id"].to_list()
    assert stored.count(filter=given) == wanted.height
    assert stored.explain(filter=given).sources[0].parts[0].pushed == "here"


@pytest.mark.parametrize("strict", [True, False])
def test_a_format_that_is_guessed_is_asked_for(stored: qf.Collection, strict: bool) -> None:
    """polars goes by the first value of a column: of a page alone it would read what it does not read of them all."""
    mixed = pl.DataFrame({"day": ["2024-06-03", "03/06/2024"]})
    days = pl.col("day").str.to_date(strict=False)
    assert mixed.select(days)["day"].null_count() == 1
    assert mixed[1:].select(days)["day"].null_count() == 0
    for given in (
        pl.col("day").str.to_date(strict=strict) > DAY,
        pl.col("day").str.to_datetime(strict=strict) > dt.datetime(2024, 5, 1),
    ):
        for read in reads(stored, given):
            with pytest.raises(qf.OptionError, match=r"str.to_date\('%Y-%m-%d'\).*schema_overrides={'day': pl.Date}"):
                read()
    # The ways out that the error names.
    wanted = FRAME.filter(pl.col("day") > "2024-05-01").height
    assert stored.count(filter=pl.col("day").str.to_date("%Y-%m-%d") > DAY) == wanted
    assert stored.read(schema_overrides={"day": pl.Date}, filter=pl.col("day") > DAY).height == wanted


@pytest.mark.parametrize("given", [pl.col("city") > 3, (pl.col("city") == "Ulm") & (pl.col("more") < 3)], ids=str)
def test_what_polars_refuses_for_any_rows_is_told_when_the_read_is_made(stored: qf.Collection, given: pl.Expr) -> None:
    for read in reads(stored, given):
        with pytest.raises(qf.OptionError, match=r"cannot be evaluated by polars: cannot compare string") as caught:
            read()
        assert "fill_null" not in str(caught.value)
        assert "is String" in str(caught.value)


def test_a_value_that_a_cast_cannot_take_is_told_when_it_is_read(stored: qf.Collection) -> None:
    given = pl.col("city").cast(pl.Int64) > 3
    for read in (
        lambda: stored.read(filter=given),
        lambda: stored.count(filter=given),
        lambda: stored.scan(filter=given).collect(),
    ):
        with pytest.raises(
            qf.OptionError, match=r"cannot be evaluated by polars: conversion from `str` to `i64` failed"
        ):
            read()


def test_a_function_that_cannot_be_pickled(stored: qf.Collection) -> None:
    lock = threading.Lock()
    given = pl.col("city").map_elements(lambda city: (lock, len(city) > 3)[1], return_dtype=pl.Boolean)
    wanted = FRAME.filter(pl.col("city") == "Bonn")["id"].to_list()
    assert stored.scan(filter=given).collect()["id"].sort().to_list() == wanted
    assert stored.read(filter=given)["id"].to_list() == wanted
    assert stored.count(filter=[given, pl.col("id") < 10]) == 5
    whole = pl.col("price").map_batches(lambda prices: (lock, prices == prices.max())[1], return_dtype=pl.Boolean)
    for read in reads(stored, whole):
        with pytest.raises(qf.OptionError, match="other rows"):
            read()


def test_a_function_is_not_called_without_rows(stored: qf.Collection) -> None:
    def first(prices: pl.Series) -> pl.Series:
        assert len(prices)
        return prices > 3

    given = pl.col("price").map_batches(first, return_dtype=pl.Boolean, is_elementwise=True)
    assert stored.count(filter=given) == FRAME.filter(pl.col("price") > 3).height


NULL = pl.lit(None, dtype=pl.Float64)


@pytest.mark.parametrize(
    "given",
    [
        (pl.col("price") * 2 < NULL) | (pl.col("city").str.len_chars() == 3),
        (pl.col("price") > NULL) | (pl.col("day").str.slice(5, 2).cast(pl.Int64) == 3),
        pl.when(pl.col("price") > NULL).then(pl.col("id") > 3).otherwise(pl.col("price").round(0) == 4),
    ],
    ids=str,
)
def test_null_constants_leave_a_row_by_itself(stored: qf.Collection, given: pl.Expr) -> None:
    # polars keeps these above a source, like what looks at other rows.
    assert stored.read(filter=given)["id"].to_list() == FRAME.filter(given)["id"].to_list() != []


@pytest.mark.parametrize(
    "given",
    [
        (pl.col("price") > NULL) | (pl.col("price") > pl.col("price").mean()),
        (pl.col("price") > NULL) | (pl.col("price").shift(1) == 3.5),
        (pl.col("price") > NULL) | pl.col("city").is_first_distinct(),
        (pl.col("price") > NULL) | (pl.col("city").str.join(",").str.len_chars() > 3),
        (pl.col("price") > NULL) | (pl.int_range(pl.len()) < 3),
        (pl.col("price") > NULL) | pl.col("price").is_in(pl.col("price").head(2).implode()),
        (pl.col("price") > NULL) | (pl.col("day").str.to_date() > DAY),
    ],
    ids=str,
)
def test_null_constants_excuse_nothing_else(stored: qf.Collection, given: pl.Expr) -> None:
    with pytest.raises(qf.OptionError, match=r"other rows|guess"):
        stored.read(filter=given)
