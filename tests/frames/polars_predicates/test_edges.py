"""Comparisons of every dtype with constants at its edges, one by one: they mean what polars makes of them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

import polars as pl
import pytest

from qframe.frames.polars_predicates.conjuncts import conjuncts
from qframe.model.predicate import And
from tests.frames.polars_predicates.frames import DAYS, FLOATS, INTS, SCHEMA, TEXTS, TIMES, VALUES, frame_of
from tests.frames.polars_predicates.meaning import possible, rows_of

col = pl.col
FRAME = pl.concat([frame_of(seed) for seed in range(6)]).with_columns(
    tm=col("t").cast(pl.Datetime("ms")), tn=col("tns").dt.offset_by("500ns")
)
ROWS = rows_of(FRAME)
NUMBERS = ["i", "i8", "u", "u64", "f", "f32"]
HALVES = [-129.5, -3.5, -0.5, 2.5, 126.5, 127.5]
MOMENTS = [
    pl.lit(dt.datetime(2024, 1, 1, 0, 0, 0, fraction), pl.Datetime(unit))
    for unit in ("ms", "us", "ns")
    for fraction in (0, 500, 5000)
]
MOMENTS.append(pl.lit(1_704_067_200_000_000_500).cast(pl.Datetime("ns")))


def _signs(left: Any, right: Any) -> list[pl.Expr]:
    both = [left == right, left != right, left < right, left <= right, left > right, left >= right]
    return [*both, left.eq_missing(right), left.ne_missing(right)]


def _comparisons(name: str) -> Iterator[pl.Expr]:
    column, values = col(name), list(VALUES[name])
    if name in ("c", "e"):
        for value in values:
            yield from _signs(column, value)[:2] + _signs(column, value)[-2:]
        return
    if name in NUMBERS:
        values = list(dict.fromkeys([*values, *INTS, *FLOATS, *HALVES]))
        if name == "f32":  # the others are beyond its range
            values = [value for value in values if abs(value) <= 2**24]
    for value in values:
        yield from _signs(column, value)
        yield from _signs(pl.lit(value), column)
        if name in (*NUMBERS, "s"):
            yield from _signs(column.fill_null(VALUES[name][1]), value)
        if name in ("i", "i8", "u"):
            yield from _signs(column.cast(pl.Float64), value)


def _times(name: str) -> Iterator[pl.Expr]:
    for moment in MOMENTS:
        yield from _signs(col(name), moment)
    for value in [*DAYS, *TIMES] if name in ("d", "t") else DAYS:
        if name in ("d", "t"):
            yield from _signs(col(name), value)
        if name != "d" and isinstance(value, dt.date) and not isinstance(value, dt.datetime):
            yield from _signs(col(name).dt.date(), value)
            yield from _signs(col(name).cast(pl.Date), value)
    for year in (1969, 2023, 2024, 2025, 2024.5):
        yield from _signs(col(name).dt.year(), year)


def _heads() -> Iterator[pl.Expr]:
    for letters in range(4):
        for text in TEXTS:
            for head in (col("s").str.head(letters), col("s").str.slice(0, letters)):
                yield from [head == text, head != text, head.eq_missing(text), head.ne_missing(text)]
        yield col("s").str.head(letters).is_in(["", "a", "ab", "abc"])
        yield ~col("s").str.head(letters).is_in(["", "a", "ab", "abc"])


def _lengths() -> Iterator[pl.Expr]:
    for length in (-1, 0, 1, 2, 3, 2**32, 1.5):
        yield from _signs(col("li").list.len(), length)
    yield col("li").list.len().is_in([0, 2])
    yield col("li").list.len().is_between(1, 2)


KINDS: dict[str, list[pl.Expr]] = {
    **{name: list(_comparisons(name)) for name in VALUES if name not in ("b", "b2")},
    **{f"{name} in time": list(_times(name)) for name in ("d", "t", "tms", "tns", "tm", "tn")},
    "heads": list(_heads()),
    "lengths": list(_lengths()),
}


@pytest.mark.parametrize("kind", KINDS)
def test_comparisons(kind: str) -> None:
    checked = 0
    for expression in KINDS[kind]:
        try:
            found = FRAME.select(expression.alias("found")).to_series().to_list()
        except (pl.exceptions.PolarsError, OverflowError):
            continue  # polars does not compare these
        meaning = And(tuple(part.predicate for part in conjuncts(expression, pl.Schema(FRAME.schema))))
        for row, truth in zip(ROWS, found, strict=True):
            assert truth in possible(meaning, row), (str(expression), meaning, row)
        checked += 1
    assert checked > len(KINDS[kind]) / 2


@pytest.mark.parametrize("name", SCHEMA)
def test_null_tests(name: str) -> None:
    for expression in (col(name).is_null(), col(name).is_not_null(), col(name).eq_missing(None)):
        found = FRAME.select(expression.alias("found")).to_series().to_list()
        meaning = And(tuple(part.predicate for part in conjuncts(expression, pl.Schema(FRAME.schema))))
        assert [frozenset({truth}) for truth in found] == [possible(meaning, row) for row in ROWS]
