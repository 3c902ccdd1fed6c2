"""Random polars expressions over random frames: the translation means what polars makes of them, row by row."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import polars as pl
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from polars.io.plugins import register_io_source

from qframe.frames.polars_predicates.conjuncts import conjuncts
from qframe.model.predicate import And
from tests.frames.polars_predicates.frames import DAYS, FLOATS, INTS, SCHEMA, SINGLES, TEXTS, TIMES, VALUES, frame_of
from tests.frames.polars_predicates.meaning import possible, rows_of

col = pl.col
NUMBERS = ["i", "i8", "u", "u64", "f", "f32"]
ORDERED = [*NUMBERS, "s", "d", "t", "tms", "tns", "tb"]
SCALARS = [*ORDERED, "c", "e"]


def frames() -> st.SearchStrategy[pl.DataFrame]:
    """By a seed: what is looked for are expressions, and values drawn one by one take most of the time."""
    return st.integers(0, 2**32).map(frame_of)


def _compared(left: Any, sign: str, right: Any) -> pl.Expr:
    return {
        "==": lambda: left == right,
        "!=": lambda: left != right,
        "<": lambda: left < right,
        "<=": lambda: left <= right,
        ">": lambda: left > right,
        ">=": lambda: left >= right,
        "missing": lambda: left.eq_missing(right),
        "ne_missing": lambda: left.ne_missing(right),
    }[sign]()


SIGNS = st.sampled_from(["==", "!=", "<", "<=", ">", ">="])


@st.composite
def comparisons(draw: st.DrawFn) -> pl.Expr:
    name = draw(st.sampled_from(SCALARS))
    values = VALUES[name]
    if name in NUMBERS:
        values = [*values, *INTS, *FLOATS] if name != "f32" else [*values, *FLOATS]
    value = draw(st.sampled_from(list(values)))
    if name in ("c", "e"):
        return _compared(col(name), draw(st.sampled_from(["==", "!=", "missing", "ne_missing"])), value)
    sign = draw(SIGNS | st.sampled_from(["missing", "ne_missing"]))
    left = col(name)
    how = draw(st.integers(0, 9))
    if how == 0 and name in NUMBERS:
        left = left.fill_null(draw(st.sampled_from([0, 1, 2])))
    if how == 1 and name in ("i", "i8", "u"):
        left = left.cast(pl.Float64)
    if how == 2 and name in ("d", "t"):
        value = draw(st.sampled_from([*DAYS, *TIMES]))
    if how == 3 and "missing" not in sign:
        return _compared(pl.lit(value), sign, left)
    if how == 4 and name == "s":
        left = left.fill_null("a")
    return _compared(left, sign, value)


@st.composite
def memberships(draw: st.DrawFn) -> pl.Expr:
    name = draw(st.sampled_from([*SCALARS, "b"]))
    values = draw(st.lists(st.none() | st.sampled_from(list(VALUES[name])), max_size=4))
    dtype = pl.String if name in ("e", "c") else SCHEMA[name]
    plain = values and name != "tms" and draw(st.booleans())
    kept: Any = values if plain else pl.Series(values, dtype=dtype).implode()
    return col(name).is_in(kept, nulls_equal=draw(st.booleans()))


@st.composite
def ranges(draw: st.DrawFn) -> pl.Expr:
    name = draw(st.sampled_from(ORDERED))
    low, high = (pl.lit(draw(st.sampled_from(list(VALUES[name])))) for _ in range(2))
    closed: Any = draw(st.sampled_from(["both", "left", "right", "none"]))
    return col(name).is_between(low, high, closed=closed)


PATTERNS = r"""
    a ^a ^ab$ b$ a.* ^a.* .*b ^.*b a|b ^a|b$ ab? ab*c a+b [ab]c (ab)?c b\.c \bab (?i)AB a{2}b ^$ ^ $ (a|b)c a\|b
    ^(a)b x?a a.b ü [|] [\]|]b a.*b$ a** ab{0} \x{61}b ^^a a^b (?:a|b)c|xabcx .*?b ^a+?b
""".split()  # noqa: SIM905


@st.composite
def texts(draw: st.DrawFn) -> pl.Expr:
    name = draw(st.sampled_from(["s", "o.s", "c"]))
    column = {"s": col("s"), "o.s": col("o").struct.field("s"), "c": col("c").cast(pl.String)}[name]
    text = draw(st.sampled_from(TEXTS))
    number = draw(st.integers(0, 3))
    which = draw(st.integers(0, 8))
    if which == 0:
        return column.str.starts_with(text)
    if which == 1:
        return column.str.ends_with(text)
    if which == 2:
        return column.str.contains(text, literal=True)
    if which <= 5:
        return column.str.contains(draw(st.sampled_from(PATTERNS)), strict=False)
    if which == 6:
        return column.str.contains_any(draw(st.lists(st.sampled_from(TEXTS), min_size=1, max_size=3)))
    head = column.str.slice(0, number) if which == 7 else column.str.head(number)
    return _compared(head, draw(st.sampled_from(["==", "!=", "missing", "ne_missing"])), text)


@st.composite
def parts_of_dates(draw: st.DrawFn) -> pl.Expr:
    name = draw(st.sampled_from(["d", "t", "tms", "tns", "tb"]))
    which = draw(st.integers(0, 3))
    year = draw(st.sampled_from([2, 1969, 2023, 2024, 2025]))
    if which == 0:
        return _compared(col(name).dt.year(), draw(SIGNS), year)
    if which == 1:
        return col(name).dt.year().is_in([year, 2024])
    if which == 2:
        return col(name).dt.year().is_between(1969, year)
    date = col(name).dt.date() if draw(st.booleans()) else col(name).cast(pl.Date)
    return _compared(date, draw(SIGNS), draw(st.sampled_from(DAYS)))


@st.composite
def nested(draw: st.DrawFn) -> pl.Expr:
    which = draw(st.integers(0, 5))
    if which == 0:
        return col("li").list.contains(draw(st.sampled_from(INTS)), nulls_equal=draw(st.booleans()))
    if which == 1:
        return col("ls").list.contains(draw(st.sampled_from(TEXTS)))
    if which == 2:
        return col("a").arr.contains(draw(st.sampled_from(SINGLES)))
    if which == 3:
        return _compared(col("li").list.len(), draw(SIGNS), draw(st.sampled_from([-1, 0, 1, 2, 3])))
    if which == 4:
        return _compared(col("o").struct.field("i"), draw(SIGNS), draw(st.sampled_from(INTS)))
    return _compared(col("o").struct.field("o").struct.field("f"), draw(SIGNS), draw(st.sampled_from(FLOATS)))


LEAVES = st.one_of(
    comparisons(),
    comparisons(),
    memberships(),
    ranges(),
    texts(),
    parts_of_dates(),
    nested(),
    st.sampled_from([col("b"), col("b2"), col("o").struct.field("b"), pl.lit(value=True)]),
    st.sampled_from(sorted(SCHEMA)).map(lambda name: col(name).is_null()),
    st.sampled_from(sorted(SCHEMA)).map(lambda name: col(name).is_not_null()),
)


def _grown(inner: st.SearchStrategy[pl.Expr]) -> st.SearchStrategy[pl.Expr]:
    two = st.tuples(inner, inner)
    return st.one_of(
        inner.map(lambda one: ~one),
        two.map(lambda both: both[0] & both[1]),
        two.map(lambda both: both[0] | both[1]),
        two.map(lambda both: both[0] ^ both[1]),
        two.map(lambda both: pl.any_horizontal(*both)),
        two.map(lambda both: pl.all_horizontal(*both)),
        two.map(lambda both: both[0] == both[1]),
        two.map(lambda both: both[0] != both[1]),
        two.map(lambda both: both[0].eq_missing(both[1])),
        st.tuples(inner, st.booleans()).map(lambda both: both[0].fill_null(both[1])),
        st.tuples(inner, st.booleans()).map(lambda both: both[0] == both[1]),
        st.tuples(inner, st.booleans()).map(lambda both: both[0].eq_missing(both[1])),
        st.tuples(inner, st.booleans()).map(lambda both: both[0].ne_missing(both[1])),
        st.tuples(inner, inner, inner).map(lambda three: pl.when(three[0]).then(three[1]).otherwise(three[2])),
    )


EXPRESSIONS = st.recursive(LEAVES, _grown, max_leaves=5)
EXAMPLES = int(os.environ.get("QFRAME_FUZZ", "300"))
MANY = settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))


def _meant(expression: pl.Expr, frame: pl.DataFrame) -> list[frozenset[bool | None]]:
    whole = And(tuple(conjunct.predicate for conjunct in conjuncts(expression, frame.schema)))
    return [possible(whole, row) for row in rows_of(frame)]


@MANY
@given(frames(), EXPRESSIONS)
def test_an_expression_as_written_means_what_polars_makes_of_it(frame: pl.DataFrame, expression: pl.Expr) -> None:
    found = frame.select(expression.alias("found")).to_series()
    truths = found.to_list() if len(found) == frame.height else found.to_list() * frame.height
    for truth, possibilities in zip(truths, _meant(expression, frame), strict=True):
        assert truth in possibilities


@MANY
@given(frames(), EXPRESSIONS)
def test_an_expression_as_polars_hands_it_over_keeps_the_rows_that_polars_keeps(
    frame: pl.DataFrame, expression: pl.Expr
) -> None:
    seen: list[pl.Expr | None] = []

    def source(columns: list[str] | None, predicate: pl.Expr | None, *_: Any) -> Iterator[pl.DataFrame]:
        seen.append(predicate)
        yield frame if columns is None else frame.select(columns)

    register_io_source(source, schema=frame.schema).filter(expression).collect()
    handed = seen[0] if seen else None  # not asked at all under a filter that is constant
    if handed is None:
        return
    kept = set(frame.with_row_index("row").filter(handed)["row"])
    for row, truths in enumerate(_meant(handed, frame)):
        assert True in truths if row in kept else truths != {True}
