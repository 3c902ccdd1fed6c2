"""Sixty ordinary predicates and where they are from.

They were written down before there was anything that translates them. None was taken because it is easy: where a source
compares columns with each other, computes, or uses a pattern, so does its predicate here.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import Any

import pandas as pd
import polars as pl
from polars import col

date = dt.date


@dataclass(frozen=True, slots=True)
class Ordinary:
    """One predicate over `ordinary_frame`.

    Parameters
    ----------
    name : str
    source : str
        Where people write it.
    polars : polars.Expr
    pandas : str, callable or pandas expression, optional
        As its source, where that is about pandas, writes it: a query string, a function of the frame, or `pd.col`.
    """

    name: str
    source: str
    polars: pl.Expr
    pandas: Any = None


def pandas_col(name: str, then: Callable[[Any], Any]) -> Any:
    """An expression of `pd.col`; before pandas 3.0, which brought it, the same as a function of the frame."""
    if hasattr(pd, "col"):
        return then(pd.col(name))
    return lambda frame: then(frame[name])


def _year(column: str, start: dt.date) -> pl.Expr:
    return (col(column) >= start) & (col(column) < start.replace(year=start.year + 1))


def _q19(brand: str, containers: list[str], low: int, size: int) -> pl.Expr:
    """One of the three groups of TPC-H Q19."""
    return (
        (col("p_brand") == brand)
        & col("p_container").is_in(containers)
        & (col("l_quantity") >= low)
        & (col("l_quantity") <= low + 10)
        & col("p_size").is_between(1, size)
        & col("l_shipmode").is_in(["AIR", "REG AIR"])
        & (col("l_shipinstruct") == "DELIVER IN PERSON")
    )


def _counter_62(first: dt.date, last: dt.date) -> pl.Expr:
    """What ClickBench Q37 to Q43 begin with."""
    return (col("CounterID") == 62) & (col("EventDate") >= first) & (col("EventDate") <= last)


JULY = (date(2013, 7, 1), date(2013, 7, 31))

TPC_H = [
    Ordinary("pricing summary", "TPC-H Q1", col("l_shipdate") <= date(1998, 9, 2)),
    Ordinary(
        "minimum cost supplier",
        "TPC-H Q2",
        (col("p_size") == 15) & col("p_type").str.ends_with("BRASS") & (col("r_name") == "EUROPE"),
    ),
    Ordinary(
        "shipping priority",
        "TPC-H Q3",
        (col("c_mktsegment") == "BUILDING")
        & (col("o_orderdate") < date(1995, 3, 15))
        & (col("l_shipdate") > date(1995, 3, 15)),
    ),
    Ordinary(
        "order priority checking",
        "TPC-H Q4",
        (col("o_orderdate") >= date(1993, 7, 1))
        & (col("o_orderdate") < date(1993, 10, 1))
        & (col("l_commitdate") < col("l_receiptdate")),
    ),
    Ordinary("local supplier volume", "TPC-H Q5", (col("r_name") == "ASIA") & _year("o_orderdate", date(1994, 1, 1))),
    Ordinary(
        "forecasting revenue change",
        "TPC-H Q6",
        _year("l_shipdate", date(1994, 1, 1)) & col("l_discount").is_between(0.05, 0.07) & (col("l_quantity") < 24),
    ),
    Ordinary(
        "volume shipping",
        "TPC-H Q7",
        (
            ((col("s_nation") == "FRANCE") & (col("c_nation") == "GERMANY"))
            | ((col("s_nation") == "GERMANY") & (col("c_nation") == "FRANCE"))
        )
        & col("l_shipdate").is_between(date(1995, 1, 1), date(1996, 12, 31)),
    ),
    Ordinary(
        "national market share",
        "TPC-H Q8",
        (col("r_name") == "AMERICA")
        & col("o_orderdate").is_between(date(1995, 1, 1), date(1996, 12, 31))
        & (col("p_type") == "ECONOMY ANODIZED STEEL"),
    ),
    Ordinary("product type profit", "TPC-H Q9", col("p_name").str.contains("green")),
    Ordinary(
        "returned item reporting",
        "TPC-H Q10",
        (col("o_orderdate") >= date(1993, 10, 1))
        & (col("o_orderdate") < date(1994, 1, 1))
        & (col("l_returnflag") == "R"),
    ),
    Ordinary(
        "shipping modes",
        "TPC-H Q12",
        col("l_shipmode").is_in(["MAIL", "SHIP"])
        & (col("l_commitdate") < col("l_receiptdate"))
        & (col("l_shipdate") < col("l_commitdate"))
        & _year("l_receiptdate", date(1994, 1, 1)),
    ),
    Ordinary("customer distribution", "TPC-H Q13", ~col("o_comment").str.contains("special.*requests")),
    Ordinary(
        "promotion effect",
        "TPC-H Q14",
        col("l_shipdate").is_between(date(1995, 9, 1), date(1995, 10, 1), closed="left")
        & col("p_type").str.starts_with("PROMO"),
    ),
    Ordinary(
        "parts and suppliers",
        "TPC-H Q16",
        (col("p_brand") != "Brand#45")
        & ~col("p_type").str.starts_with("MEDIUM POLISHED")
        & col("p_size").is_in([49, 14, 23, 45, 19, 3, 36, 9]),
    ),
    Ordinary(
        "discounted revenue",
        "TPC-H Q19",
        reduce(
            or_,
            [
                _q19("Brand#12", ["SM CASE", "SM BOX", "SM PACK", "SM PKG"], 1, 5),
                _q19("Brand#23", ["MED BAG", "MED BOX", "MED PKG", "MED PACK"], 10, 10),
                _q19("Brand#34", ["LG CASE", "LG BOX", "LG PACK", "LG PKG"], 20, 15),
            ],
        ),
    ),
    Ordinary("part promotion", "TPC-H Q20", col("p_name").str.starts_with("forest")),
    Ordinary(
        "suppliers who kept orders waiting",
        "TPC-H Q21",
        (col("o_orderstatus") == "F") & (col("l_receiptdate") > col("l_commitdate")),
    ),
    Ordinary(
        "global sales opportunity",
        "TPC-H Q22",
        col("c_phone").str.slice(0, 2).is_in(["13", "31", "23", "29", "30", "18", "17"]) & (col("c_acctbal") > 0.0),
    ),
]

CLICKBENCH = [
    Ordinary("advertised", "ClickBench Q2", col("AdvEngineID") != 0),
    Ordinary("phone models", "ClickBench Q11", col("MobilePhoneModel") != ""),
    Ordinary("one user", "ClickBench Q20", col("UserID") == 435090932899640449),
    Ordinary("URLs of Google", "ClickBench Q21", col("URL").str.contains("google", literal=True)),
    Ordinary(
        "searches on Google",
        "ClickBench Q23",
        col("Title").str.contains("Google")
        & ~col("URL").str.contains(".google.", literal=True)
        & (col("SearchPhrase") != ""),
    ),
    Ordinary(
        "page views of a month",
        "ClickBench Q37",
        _counter_62(*JULY) & (col("DontCountHits") == 0) & (col("IsRefresh") == 0) & (col("URL") != ""),
    ),
    Ordinary(
        "links followed",
        "ClickBench Q39",
        _counter_62(*JULY) & (col("IsRefresh") == 0) & (col("IsLink") != 0) & (col("IsDownload") == 0),
    ),
    Ordinary(
        "sources of traffic",
        "ClickBench Q41",
        _counter_62(*JULY)
        & (col("IsRefresh") == 0)
        & col("TraficSourceID").is_in([-1, 6])
        & (col("RefererHash") == 3594120000172545465),
    ),
    Ordinary(
        "minutes of two days",
        "ClickBench Q43",
        _counter_62(date(2013, 7, 14), date(2013, 7, 15)) & (col("IsRefresh") == 0) & (col("DontCountHits") == 0),
    ),
]

POLARS = [
    Ordinary("born before 1990", "polars: getting started, filter", col("birthdate").dt.year() < 1990),
    Ordinary(
        "born between, and tall",
        "polars: getting started, filter",
        col("birthdate").is_between(date(1982, 12, 31), date(1996, 1, 1)) & (col("height") > 1.7),
    ),
    Ordinary("body mass index", "polars: expressions and contexts", col("weight") / col("height") ** 2 < 25),
    Ordinary("karma", "polars: lazy API, optimisations", (col("comment_karma") > 0) & (col("link_karma") > 0)),
    Ordinary(
        "all karma",
        "polars: expression expansion",
        pl.all_horizontal(col("comment_karma", "link_karma").is_between(1, 400)),
    ),
    Ordinary("some name", "polars: expressions, strings", col("city").str.starts_with("San ")),
    Ordinary("mail addresses", "polars: expressions, strings", col("email").str.contains(r"@example\.(com|org)$")),
    Ordinary(
        "whatever the case",
        "polars: expressions, strings",
        col("city").str.contains("(?i)BERLIN") & col("verified"),
    ),
    Ordinary(
        "lower-cased",
        "polars: expressions, strings",
        (col("city").str.to_lowercase() == "berlin") & (col("country") == "DE"),
    ),
    Ordinary("a plan", "polars: expressions, categorical data and enums", col("plan") == "pro"),
    Ordinary("paid plans", "polars: expressions, categorical data and enums", col("plan").is_in(["team", "pro"])),
    Ordinary("of unknown age", "polars: expressions, missing data", col("age").is_null()),
    Ordinary(
        "filled ages", "polars: expressions, missing data", (col("age").fill_null(0) > 30) & col("cabin").is_not_null()
    ),
    Ordinary(
        "something is missing",
        "polars: expressions, missing data",
        pl.any_horizontal(col("weight", "height").is_null()),
    ),
    Ordinary("other countries, or none", "polars: expressions, basic operations", col("country").ne_missing("DE")),
    Ordinary("neither of three", "polars: expressions, basic operations", ~col("country").is_in(["DE", "AT", "CH"])),
    Ordinary("active, unverified", "polars: expressions, basic operations", col("is_active") & ~col("verified")),
    Ordinary("one of the two", "polars: expressions, basic operations", col("is_active") ^ col("verified")),
    Ordinary("tagged", "polars: expressions, lists and arrays", col("tags").list.contains("python")),
    Ordinary("twice rated or more", "polars: expressions, lists and arrays", col("ratings").list.len() >= 2),
    Ordinary("lives in", "polars: expressions, structs", col("address").struct.field("city") == "Berlin"),
    Ordinary(
        "in the north-east",
        "polars: expressions, structs",
        (col("address").struct.field("geo").struct.field("lat") > 52.0)
        & (col("address").struct.field("geo").struct.field("lon") >= 10.0),
    ),
    Ordinary(
        "at one moment or later",
        "polars: transformations, time series, filtering",
        col("updated_at") >= dt.datetime(2024, 3, 1, 12, 30),
    ),
    Ordinary(
        "between moments",
        "polars: transformations, time series, filtering",
        col("signed_up").is_between(
            dt.datetime(2024, 1, 1, tzinfo=dt.UTC), dt.datetime(2024, 4, 1, tzinfo=dt.UTC), closed="left"
        ),
    ),
    Ordinary(
        "since a moment elsewhere",
        "polars: transformations, time series, time zones",
        col("last_seen") > pl.datetime(2024, 7, 1, 9, time_zone="Europe/Berlin"),
    ),
]

PANDAS = [
    Ordinary("over 35", "pandas: getting started, subsets", col("age") > 35, lambda d: d["age"] > 35),
    Ordinary(
        "two classes",
        "pandas: getting started, subsets",
        col("pclass").is_in([2, 3]),
        pandas_col("pclass", lambda c: c.isin([2, 3])),
    ),
    Ordinary(
        "with a cabin", "pandas: getting started, subsets", col("cabin").is_not_null(), lambda d: d["cabin"].notna()
    ),
    Ordinary(
        "columns in order",
        "pandas: indexing, query",
        (col("a") < col("b")) & (col("b") < col("c")),
        "(a < b) & (b < c)",
    ),
    Ordinary(
        "in a list, spelt as equal",
        "pandas: indexing, query",
        col("country").is_in(["FR", "US"]) & (col("c") < 7),
        'country == ["FR", "US"] and c < 7',
    ),
    Ordinary("a name with spaces", "pandas: indexing, query", col("number of logins") > 12, "`number of logins` > 12"),
    Ordinary(
        "a date in words",
        "pandas: indexing, query",
        col("updated_at") < dt.datetime(2024, 2, 15),
        'updated_at < "2024-02-15"',
    ),
    Ordinary(
        "dear or first class",
        "pandas: indexing, boolean indexing",
        (col("fare") > 100) | ((col("sex") == "female") & ~(col("pclass") > 1)),
        lambda d: (d["fare"] > 100) | ((d["sex"] == "female") & ~(d["pclass"] > 1)),
    ),
]

ORDINARY = [*TPC_H, *CLICKBENCH, *POLARS, *PANDAS]
