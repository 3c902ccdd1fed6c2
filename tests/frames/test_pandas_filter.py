"""Filters in pandas' terms: what is refused, in which words, and the traps that pandas has."""

from __future__ import annotations

import datetime as dt
import decimal
import pickle
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from qframe.errors import OptionError
from qframe.frames.expressions import Expression
from qframe.frames.pandas_filter import expression
from qframe.model.predicate import And, Column, Compare, HasText, In, IsNull, Length, Moment, Not, Opaque, Or

BACKENDS = ("numpy_nullable", "pyarrow", "numpy")

TABLE = pa.table(
    {
        "id": pa.array([1, 2, 3], pa.uint64()),
        "x": pa.array([1, None, 3]),
        "big": pa.array([2**53 + 1, None, 2**53]),
        "f": pa.array([0.5, None, 2.0]),
        "b": pa.array([True, None, False]),
        "s": pa.array(["ab", None, "xab"], pa.large_string()),
        "ts": pa.array([dt.datetime(2024, 1, 3), None, dt.datetime(2025, 1, 1)], pa.timestamp("us")),
        "local": pa.array([dt.datetime(2024, 1, 3), None, dt.datetime(2025, 1, 1)], pa.timestamp("us", "Asia/Tokyo")),
        "day": pa.array([dt.date(2024, 1, 3), None, dt.date(2025, 1, 1)]),
        "tags": pa.array([["a", "b"], None, []], pa.large_list(pa.large_string())),
        "st": pa.array([{"c": "x"}, None, {"c": None}], pa.struct([("c", pa.large_string())])),
        "count": pa.array([1, 2, 3]),
        "a b": pa.array([1, 2, 3]),
    }
)


def made(given: Any, backend: Any = "numpy_nullable", table: pa.Table = TABLE) -> Expression:
    return expression(given, table.schema, {}, backend)


def ids(given: Any, backend: Any = "numpy_nullable") -> list[int]:
    return list(made(given, backend).keep(TABLE)["id"].to_pylist())


def meant(given: Any, backend: Any = "numpy_nullable") -> Any:
    found = [conjunct.predicate for conjunct in made(given, backend).conjuncts]
    return found[0] if len(found) == 1 else found


OTHER_ROWS = [
    lambda d: d.x > d.x.mean(),
    lambda d: d.x == d.x.max(),
    lambda d: d.x.shift() > 1,
    lambda d: d.x.rank() > 1,
    lambda d: d.x.cumsum() > 1,
    lambda d: d.x.duplicated(),
    lambda d: d.x.apply(lambda value: value > 1),
    lambda d: d.x.map({1: True}),
    lambda d: d.x.sort_values() > 1,
    lambda d: d.x.rolling(2).sum() > 1,
    lambda d: d.x.iloc[0] > 1,
    lambda d: d.x > d.x[0],
    lambda d: d.x.values > 1,
    lambda d: np.asarray(d.x) > 1,
    lambda d: np.where(d.x > 1, True, False),
    lambda d: np.add.accumulate(d.x) > 1,
    lambda d: d.x > len(d.x),
    lambda d: d.x > len(d),
    lambda d: [value > 1 for value in d.x],
    lambda d: d.index > 1,
    lambda d: d.mean() > 1,
    lambda d: d.x.fillna(method="ffill") > 1,
    lambda d: d.x.where(lambda x: x > 1) > 1,
    lambda d: d.s.str.cat() == "ab",
    lambda d: d.s.str.split("a", expand=True),
    lambda d: d.s.astype("category") == "ab",
    lambda d: d.ts.dt.tz_localize("Europe/Berlin", ambiguous="infer") > "2024",
    "x > x.mean()",
    "x.shift() > 1",
]


@pytest.mark.parametrize("given", OTHER_ROWS)
def test_what_looks_at_other_rows_is_refused_with_the_way_out(given: Any) -> None:
    with pytest.raises(OptionError, match=r"Read the frame and filter it"):
        made(given)


@pytest.mark.skipif(not hasattr(pd, "col"), reason="pandas 3 has pd.col")
def test_expressions_of_pandas_are_refused_alike() -> None:
    with pytest.raises(OptionError, match=r"x\.mean looks at other rows"):
        made(pd.col("x") > pd.col("x").mean())
    with pytest.raises(OptionError, match=r"no column 'day_'.*Did you mean 'day'"):
        made(pd.col("day_") > "2024-01-01")


REFUSED = [
    (lambda d: d.xs > 1, "frame.xs looks at other rows"),
    (lambda d: d["tag"] > 1, "no column 'tag'.*Did you mean 'tags'"),
    (lambda d: d.count > 1, r"The column is frame\['count'\]"),
    (lambda d: d[["x"]], "one by one, by name"),
    (lambda d: d[d.x > 1], "answer with the mask"),
    (lambda d: d.x, "dtype Int64, not boolean"),
    (lambda d: True, "answers with True.*Answer with a mask"),
    (lambda d: d, "Answer with a mask"),
    (lambda d: pd.Series([True, False, True]), "Answer with a mask"),
    (lambda d: d.x > 1 and d.b, r"Write &, \| and ~ with parentheses"),
    (lambda d: 0 < d.x < 3, r"between\(…\)"),
    (lambda d: d.x == [1, 2, 3], r"Write \.isin\(…\)"),
    (lambda d: d.x == np.array([1, 2, 3]), r"Write \.isin\(…\)"),
    (lambda d: d.x.isin("abc"), "a list of values"),
    (lambda d: d.x.median_ > 1, "no attribute 'median_'.*Did you mean 'median'"),
    (lambda d: d.s.str.startwith("a"), "Did you mean 'startswith'"),
    (lambda d: d.s < 3, "s < 3 cannot be evaluated by pandas.*'s' is string"),
    (lambda d: d.ts > "soon", "'soon', which is no point in time"),
    (lambda d: d.ts > pd.Timestamp("2024", tz="UTC"), "ts has no time zone.*without a zone"),
    (lambda d: d.local > pd.Timestamp("2024"), r"pd\.Timestamp\(…, tz='Asia/Tokyo'\)"),
    (lambda d: d.st.struct.field("c") == "x", r"Can only use the '\.struct' accessor"),
    (lambda d: d.x.between(1, 2, inclusive="all"), "one of 'both'"),
    (3, "a query string, a pd.col expression, or a function of a frame"),
]


@pytest.mark.parametrize(("given", "words"), REFUSED)
def test_what_is_no_filter_says_what_to_write(given: Any, words: str) -> None:
    with pytest.raises(OptionError, match=words):
        made(given).keep(TABLE)  # what a dtype cannot do is known from the first value, at the latest


def test_a_frame_is_not_changed() -> None:
    def adds(frame: Any) -> Any:
        frame["double"] = frame.x * 2
        return frame.double > 2

    with pytest.raises(OptionError, match="Compute the column where it is used"):
        made(adds)


ROW_WISE: list[tuple[Any, list[int]]] = [
    (lambda d: d.s.str.lower() == "ab", [1]),
    (lambda d: d.x.astype("string").str.len() > 0, [1, 3]),
    (lambda d: d.x.abs() * 2 + 1 > 3, [3]),
    (lambda d: 10 - d.x > d.f * 4, [1]),
    (lambda d: np.sqrt(d.x) > 1, [3]),
    (lambda d: d.x == d["count"], [1, 3]),
    (lambda d: d.ts.dt.floor("D").dt.month == 1, [1, 3]),
    (lambda d: d.x.where(d.b, 9) > 5, [3]),
    (lambda d: (d["count"] & 1) == 1, [1, 3]),
    (lambda d: d.s.str[0] == "x", [3]),
    (lambda d: round(d.f) == 2, [3]),
]


@pytest.mark.parametrize("backend", ["numpy_nullable", "pyarrow"])
@pytest.mark.parametrize(("given", "rows"), ROW_WISE)
def test_what_is_row_wise_and_has_no_translation_is_evaluated_here(given: Any, rows: list[int], backend: str) -> None:
    assert [row for row in ids(given, backend) if row != 2] == rows
    assert isinstance(meant(given, backend), Opaque)


# ---- the traps of pandas


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(
    "given", ["ts == '2024-01-03'", lambda d: d.ts == "2024-01-03", lambda d: d.ts.isin(["2024-01-03"])]
)
def test_text_is_a_point_in_time_beside_points_in_time(given: Any, backend: str) -> None:
    """`DataFrame.query` of pandas 3 finds nothing, and Arrow's dtypes never do."""
    assert ids(given, backend) == [1]
    assert "Moment" in repr(meant(given, backend))


@pytest.mark.parametrize("backend", BACKENDS)
def test_zones_are_instants(backend: str) -> None:
    ns = 1704240000 * 10**9
    assert meant(lambda d: d.local == pd.Timestamp("2024-01-03", tz="UTC"), backend).value == Moment(ns)
    # Text without an offset is in the column's zone.
    assert meant(lambda d: d.local == "2024-01-03T09:00:00", backend).value == Moment(ns)
    assert meant(lambda d: d.local == "2024-01-03T00:00:00Z", backend).value == Moment(ns)
    assert ids(lambda d: d.local == "2024-01-03T09:00:00", backend) == [1]
    assert isinstance(meant(lambda d: d.local.dt.year == 2024, backend), Opaque)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(
    "value", [dt.date(2024, 6, 1), "2024-06-01", np.datetime64("2024-06-01"), dt.datetime(2024, 6, 1)]
)
def test_days_and_moments_of_any_kind(value: Any, backend: str) -> None:
    assert ids(lambda d: d.ts < value, backend) == [1]
    assert ids(lambda d: d.day < value, backend) == [1]
    assert meant(lambda d: d.day < value, backend).value == dt.date(2024, 6, 1)


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_day_and_a_time_of_day(backend: str) -> None:
    noon = dt.datetime(2024, 1, 3, 12)
    assert ids(lambda d: d.day < noon, backend) == [1]
    assert ids(lambda d: d.day >= noon, backend) == [3]


def test_missing_values_are_null_or_what_numpy_says() -> None:
    assert meant(lambda d: d.x != 3) == Compare(Column(("x",)), "!=", 3, "null")
    assert meant(lambda d: d.x != 3, "pyarrow") == Compare(Column(("x",)), "!=", 3, "null")
    assert meant(lambda d: d.x != 3, "numpy") == Compare(Column(("x",)), "!=", 3, "true")
    assert meant(lambda d: d.x == 3, "numpy") == Compare(Column(("x",)), "==", 3, "false")
    # NumPy's dtype of times, whatever the others are.
    assert meant(lambda d: d.ts != "2024").of_null == "true"
    assert ids(lambda d: ~(d.x > 1)) == [1]
    assert ids(lambda d: ~(d.x > 1), "numpy") == [1, 2]
    assert meant(lambda d: ~d.x.isin([1])) == Not(In(Column(("x",)), (1,), "false"))


def test_targets_of_numpy_have_pages_with_missing_values_of_another_dtype() -> None:
    from qframe.frames.schemas import targets_of

    targets = targets_of({"x": "int64"})
    found = expression(lambda d: d.x != 3, TABLE.schema, targets, "numpy_nullable")
    assert found.conjuncts[0].predicate == Compare(Column(("x",)), "!=", 3, "either")


@pytest.mark.parametrize("backend", BACKENDS)
def test_integers_beyond_floats(backend: str) -> None:
    assert ids(lambda d: d.big == 2**53 + 1, backend) == [1]
    assert isinstance(meant(lambda d: d.big < 1e17, backend), Opaque)
    exact = meant(lambda d: d.big == 2**53 + 1, backend)
    assert isinstance(exact, Opaque if backend == "numpy" else Compare)
    assert ids(lambda d: d.big < 2**64, backend) == [1, 3]
    assert ids(lambda d: d.id > -1, backend) == [1, 2, 3]


@pytest.mark.parametrize("backend", BACKENDS)
def test_booleans_are_numbers_to_pandas(backend: str) -> None:
    assert meant(lambda d: d.b == 1, backend).value is True
    assert ids(lambda d: d.b == 1, backend) == [1]
    assert ids(lambda d: d.x == True, backend) == [1]  # noqa: E712
    assert ids(lambda d: d.b, backend) == [1]
    assert ids(lambda d: ~d.b, backend) == [3]
    assert ids(lambda d: d.b ^ (d["count"] > 2), backend) == [1, 3]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("value", [None, np.nan, pd.NA, pd.NaT, np.inf, decimal.Decimal("1.5")])
def test_what_is_no_constant_is_compared_here(value: Any, backend: str) -> None:
    try:
        assert isinstance(meant(lambda d: d.f == value, backend), Opaque)
    except OptionError as error:  # where pandas has no such comparison
        assert "cannot be evaluated by pandas" in str(error)  # noqa: PT017


def test_text() -> None:
    column = Column(("s",))
    assert meant(lambda d: d.s.str.startswith("a")) == HasText(column, "prefix", "a")
    assert meant(lambda d: d.s.str.startswith(("a", "b"), na=False)) == Or(
        (HasText(column, "prefix", "a", "false"), HasText(column, "prefix", "b", "false"))
    )
    assert meant(lambda d: d.s.str.contains("^a")) == HasText(column, "prefix", "a")
    assert meant(lambda d: d.s.str.contains("a.")) == Opaque("it is a pattern")
    assert meant(lambda d: d.s.str.contains("a.", regex=False)) == HasText(column, "substring", "a.")
    assert isinstance(meant(lambda d: d.s.str.contains("a", case=False)), Opaque)
    assert isinstance(meant(lambda d: d.s.str.contains("a", flags=2)), Opaque)
    ends = meant(lambda d: d.s.str.endswith("b"))
    assert isinstance(ends, And)
    assert ends.parts[0] == HasText(column, "substring", "b")


def test_lists_and_structs() -> None:
    assert meant(lambda d: d.tags.list.len() >= 1, "pyarrow") == Length(Column(("tags",)), ">=", 1)
    assert meant(lambda d: d.tags.str.len() >= 1) == Length(Column(("tags",)), ">=", 1, "false")
    assert ids(lambda d: d.tags.str.len() >= 1) == ids(lambda d: d.tags.list.len() >= 1, "pyarrow") == [1]
    assert meant(lambda d: d.st.struct.field("c") == "x", "pyarrow") == Compare(Column(("st", "c")), "==", "x")
    assert ids(lambda d: d.st.struct.field("c").isna(), "pyarrow") == [2, 3]


@pytest.mark.parametrize("backend", BACKENDS)
def test_numpy_ufuncs(backend: str) -> None:
    found = made(lambda d: np.logical_and(np.float64(0) < d.f, np.less_equal(d.x, 1)), backend)
    assert [conjunct.text for conjunct in found.conjuncts] == ["f > 0.0", "x <= 1"]
    assert ids(lambda d: np.logical_not(d.x > 1), backend) == ([1, 2] if backend == "numpy" else [1])
    assert ids(lambda d: np.isnan(d.f), "numpy") == [2]
    assert meant(lambda d: np.isnan(d.f), "numpy") == IsNull(Column(("f",)))


def test_what_must_all_be_true_stands_apart() -> None:
    found = made(lambda d: (d.x > 1) & (d.b | (d.f < 1)) & (d.s.str.len() > 2))
    assert found.text == "((x > 1) & (b | (f < 1))) & (s.str.len() > 2)"
    assert found.columns == ("x", "b", "f", "s")
    assert [conjunct.text for conjunct in found.conjuncts] == ["x > 1", "b | (f < 1)", "s.str.len() > 2"]


def test_a_function_is_called_once() -> None:
    calls = []

    def given(frame: Any) -> Any:
        calls.append(1)
        return frame.x > 1

    found = made(given)
    found.keep(TABLE)
    found.keep(TABLE.slice(0, 0))
    assert len(calls) == 1


def test_only_the_columns_that_are_looked_at_are_needed() -> None:
    found = made(lambda d: d.x > 1)
    assert found.keep(TABLE.select(["x", "id"]))["id"].to_pylist() == [3]


def test_columns_of_any_name() -> None:
    assert ids("`a b` > 2") == [3]
    assert ids(lambda d: d["count"] > 2) == [3]
    assert made(lambda d: d["a b"] > 2).text == "`a b` > 2"
    assert "x" in made(lambda d: d.x > int("x" in d)).columns


def test_an_error_of_the_function_is_its_own() -> None:
    with pytest.raises(ZeroDivisionError):
        made(lambda d: d.x > 1 / 0)


def test_a_query_pickles() -> None:
    from qframe.frames.pandas_predicates.query import capture

    limit = 2
    query = pickle.loads(pickle.dumps(capture("x > @limit")))
    assert limit
    assert ids(query) == [3]
