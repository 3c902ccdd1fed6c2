"""Whether the polars in use serialises expressions as the translator knows it: asked once, by translating a few."""

from __future__ import annotations

import datetime
import functools
import warnings

import polars as pl

from qframe.errors import PushdownWarning
from qframe.frames.polars_predicates.tree import translate
from qframe.model.predicate import (
    And,
    Column,
    Compare,
    Conjunct,
    HasElement,
    HasText,
    In,
    IsNull,
    Length,
    Moment,
    Not,
    Or,
    Predicate,
)

SCHEMA = pl.Schema(
    {
        "n": pl.Int64(),
        "x": pl.Float64(),
        "s": pl.String(),
        "b": pl.Boolean(),
        "d": pl.Date(),
        "t": pl.Datetime("us", "UTC"),
        "l": pl.List(pl.Int64()),
        "o": pl.Struct({"s": pl.String()}),
    }
)


def _known() -> list[tuple[pl.Expr, Predicate]]:
    n, s, t = Column(("n",)), Column(("s",)), pl.col("t")
    new_year = datetime.datetime(2024, 1, 1, tzinfo=datetime.UTC)
    return [
        (pl.col("n") > 3, Compare(n, ">", 3)),
        (pl.lit(2.5, pl.Float64) >= pl.col("x"), Compare(Column(("x",)), "<=", 2.5)),
        (pl.col("n").is_between(1, 2, closed="left").not_(), Not(_between(n))),
        (pl.col("s").is_in(["a", None]), In(s, ("a",))),
        (pl.col("s").is_in(["a", None], nulls_equal=True), In(s, ("a",), "true")),
        (pl.col("s").ne_missing("a"), Compare(s, "!=", "a", "true")),
        (pl.col("s").str.starts_with("a"), HasText(s, "prefix", "a")),
        (pl.col("s").str.contains("a.", literal=True), HasText(s, "substring", "a.")),
        (pl.col("s").str.contains(r"^a\."), HasText(s, "prefix", "a.")),
        (pl.col("b") | pl.col("n").is_null(), Or((Compare(Column(("b",)), "==", value=True), IsNull(n)))),
        (pl.col("d") == datetime.date(2024, 1, 1), Compare(Column(("d",)), "==", datetime.date(2024, 1, 1))),
        (t < new_year, Compare(Column(("t",)), "<", Moment(1_704_067_200 * 10**9))),
        (pl.col("l").list.contains(3), HasElement(Column(("l",)), 3)),
        (pl.col("l").list.len() >= 2, Length(Column(("l",)), ">=", 2)),
        (pl.col("o").struct.field("s") == "a", Compare(Column(("o", "s")), "==", "a")),
    ]


def _between(column: Column) -> Predicate:
    return And((Compare(column, ">=", 1), Compare(column, "<", 2)))


@functools.cache
def usable() -> bool:
    """Whether expressions can be translated; if not, one `PushdownWarning` has said so."""
    if all(_means(expression, predicate) for expression, predicate in _known()):
        return True
    warnings.warn(
        f"polars {pl.__version__} serialises expressions in a form that this qframe does not know. Filters are applied "
        "here instead of at the server: results are right, and every point is fetched. A newer qframe may know the "
        "form.",
        PushdownWarning,
        stacklevel=2,
    )
    return False


def _means(expression: pl.Expr, predicate: Predicate) -> bool:
    found: tuple[Conjunct, ...] = translate(expression, SCHEMA)
    return len(found) == 1 and found[0].predicate == predicate
