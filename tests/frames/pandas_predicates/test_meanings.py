"""What filters in pandas' terms mean, against pandas itself: random pages, random filters, in three ways of writing."""

from __future__ import annotations

import datetime as dt
import operator
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from qframe.frames.pandas_filter import expression
from qframe.frames.results import render
from qframe.frames.schemas import Target
from qframe.model import predicate as P

BACKENDS = ("numpy_nullable", "pyarrow", "numpy")
EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}

# ---- a reference that knows nothing of pandas: which of true, false and null a predicate may be for a row

Outcomes = frozenset[bool | None]
ANY: Outcomes = frozenset((True, False, None))


def outcomes(predicate: P.Predicate, row: dict[str, Any]) -> Outcomes:
    if isinstance(predicate, P.Opaque):
        return ANY
    if isinstance(predicate, P.Always):
        return frozenset((predicate.value,))
    if isinstance(predicate, P.Not):
        return frozenset(None if one is None else not one for one in outcomes(predicate.inner, row))
    if isinstance(predicate, P.And | P.Or):
        decides = isinstance(predicate, P.Or)
        parts = [outcomes(part, row) for part in predicate.parts]
        return frozenset(_kleene(several, decides) for several in product(*parts))
    if isinstance(predicate, P.Xor):
        pairs = product(outcomes(predicate.left, row), outcomes(predicate.right, row))
        return frozenset(None if None in pair else pair[0] != pair[1] for pair in pairs)
    value = _value(predicate.column, row)
    if isinstance(predicate, P.IsNull):
        return frozenset((value is None,))
    if value is None:
        known = {"null": None, "true": True, "false": False}
        return ANY if predicate.of_null == "either" else frozenset((known[predicate.of_null],))
    return frozenset((_of_value(predicate, value),))


def _kleene(parts: Iterable[bool | None], decides: bool) -> bool | None:
    several = list(parts)
    if decides in several:
        return decides
    return None if None in several else not decides


def _value(column: P.Column, row: dict[str, Any]) -> Any:
    value: Any = row
    for name in column.path:
        value = None if value is None else value[name]
    return value


def _of_value(predicate: P.Leaf, value: Any) -> bool:
    if isinstance(predicate, P.Compare):
        return bool(OPERATORS[predicate.operator](_plain(value), _plain(predicate.value)))
    if isinstance(predicate, P.In):
        return _plain(value) in [_plain(one) for one in predicate.values]
    if isinstance(predicate, P.HasText):
        return bool(value.startswith(predicate.value) if predicate.kind == "prefix" else predicate.value in value)
    assert isinstance(predicate, P.Length)
    return bool(OPERATORS[predicate.operator](len(value), predicate.value))


def _plain(value: Any) -> Any:
    if isinstance(value, P.Moment):
        return value.ns
    if isinstance(value, dt.datetime):
        since = value.replace(tzinfo=value.tzinfo or dt.UTC) - EPOCH
        return (since // dt.timedelta(microseconds=1)) * 1000
    return value


# ---- pages

MOMENTS = [dt.datetime(2023, 12, 31, 23, 59, 59, 999999), dt.datetime(2024, 1, 1), dt.datetime(2024, 6, 30, 12)]
DAYS = [dt.date(2023, 12, 31), dt.date(2024, 1, 1), dt.date(2024, 6, 30)]
SCHEMA = pa.schema(
    [
        ("i", pa.int64()),
        ("small", pa.uint8()),
        ("f", pa.float64()),
        ("f32", pa.float32()),
        ("b", pa.bool_()),
        ("s", pa.large_string()),
        ("kind", pa.large_string()),
        ("ts", pa.timestamp("us")),
        ("at", pa.timestamp("us", "UTC")),
        ("day", pa.date32()),
        ("a b", pa.int64()),
    ]
)
TARGETS = {"kind": Target(pa.large_string(), "pandas", pd.CategoricalDtype(["a", "ab", "b"]))}
VALUES: dict[str, list[Any]] = {
    "i": [-3, 0, 1, 2, 7, 2**53 - 1],
    "small": [0, 1, 2, 255],
    "f": [-1.5, 0.0, 0.1, 1.0, 2.0, 2.5],
    "f32": [0.0, 1.0, float(np.float32(0.1)), 2.5],
    "b": [True, False],
    "s": ["", "a", "ab", "b", "xab", "AB", "a.b", "ä"],
    "kind": ["a", "ab", "b"],
    "ts": MOMENTS,
    "at": [moment.replace(tzinfo=dt.UTC) for moment in MOMENTS],
    "day": DAYS,
    "a b": [0, 1, 2],
}


@st.composite
def pages(draw: st.DrawFn) -> pa.Table:
    rows = draw(st.integers(1, 12))
    columns = {}
    for item in SCHEMA:
        with_null = draw(st.booleans())
        one = st.sampled_from(VALUES[item.name])
        values = draw(st.lists(st.none() | one if with_null else one, min_size=rows, max_size=rows))
        columns[item.name] = pa.array(values, item.type)
    return pa.table(columns)


# ---- filters, each as a function of a frame and as a query

Frame = Any


@dataclass(frozen=True)
class Written:
    """A filter: `build` over a frame, a proxy or `pd.col`; `native` over a frame, where pandas alone would stumble."""

    build: Callable[[Frame], Any]
    query: str
    native: Callable[[Frame], Any]


def _name(column: str) -> str:
    return column if column.isidentifier() else f"`{column}`"


def _native_mask(values: Any) -> Any:
    """pandas has objects for masks with missing values of some dtypes, and no `not` of them."""
    return values.astype("boolean") if values.dtype == object else values


def _nullable(values: Any) -> Any:
    """pandas cannot join Arrow's masks with its own nullable ones where a value is missing (3.1)."""
    return values.astype("boolean")


def _native_compare(name: str, values: Any, literal: Any) -> Any:
    """pandas asks Python to order None, and Arrow has no integers beyond 64 bits."""
    if isinstance(values.dtype, pd.ArrowDtype) and isinstance(literal, int) and literal >= 2**63:
        found = [pd.NA if pd.isna(one) else OPERATORS[name](one, literal) for one in values]
        return pd.Series(found, dtype="boolean")
    if values.dtype != object:
        return OPERATORS[name](values, literal)
    return pd.Series([name == "!=" if pd.isna(one) else OPERATORS[name](one, literal) for one in values], dtype=bool)


LITERALS: dict[str, list[Any]] = {
    "i": [-1, 0, 1, 7, 1.0, 1.5, np.int64(2), 2**53 - 1, True, 2**70],
    "small": [0, 1, 2.5, 255, 256, -1],
    "f": [0, 0.1, 1, 2.5, np.float64(2.0)],
    "f32": [0, 0.1, 2.5, 1],
    "b": [True, False, 1, 0],
    "s": ["", "a", "ab", "zz"],
    "kind": ["a", "ab", "zz"],
    "ts": [pd.Timestamp(moment) for moment in MOMENTS] + [pd.Timestamp("2024-03-01")],
    "at": [pd.Timestamp(moment, tz="UTC") for moment in MOMENTS] + [pd.Timestamp("2024-03-01", tz="Europe/Berlin")],
    "day": [*DAYS, dt.date(2024, 3, 1)],
    "a b": [0, 1, 5],
}


def _queried(value: Any) -> str:
    return repr(str(value)) if isinstance(value, dt.date) else repr(getattr(value, "item", lambda: value)())


@st.composite
def comparisons(draw: st.DrawFn) -> Written:
    column = draw(st.sampled_from(SCHEMA.names))
    some = ["==", "!="] if column in ("b", "kind") else list(OPERATORS)
    name, value = draw(st.sampled_from(some)), draw(st.sampled_from(LITERALS[column]))
    as_text = isinstance(value, dt.date) and draw(st.booleans())
    given = str(value) if as_text else value
    flipped = draw(st.booleans()) and not isinstance(value, str | dt.date)
    mirror = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}
    if flipped:
        return Written(
            lambda d: OPERATORS[mirror.get(name, name)](given, d[column]),
            f"{_queried(value)} {mirror.get(name, name)} {_name(column)}",
            lambda d: _native_compare(name, d[column], value),
        )
    return Written(
        lambda d: OPERATORS[name](d[column], given),
        f"{_name(column)} {name} {_queried(value)}",
        lambda d: _native_compare(name, d[column], value),
    )


@st.composite
def memberships(draw: st.DrawFn) -> Written:
    column = draw(st.sampled_from(["i", "small", "f", "s", "kind", "ts", "at", "day", "a b"]))
    values = draw(st.lists(st.sampled_from(VALUES[column]), max_size=3))
    literals = [pd.Timestamp(value) if isinstance(value, dt.datetime) else value for value in values]
    inside = f"[{', '.join(map(_queried, literals))}]"
    if draw(st.booleans()):
        return Written(
            lambda d: d[column].isin(literals), f"{_name(column)} in {inside}", lambda d: d[column].isin(literals)
        )
    return Written(
        lambda d: ~d[column].isin(literals), f"{_name(column)} not in {inside}", lambda d: ~d[column].isin(literals)
    )


@st.composite
def texts(draw: st.DrawFn) -> Written:
    column = draw(st.sampled_from(["s", "s", "kind"]))
    method = draw(st.sampled_from(["startswith", "endswith", "contains", "match", "fullmatch"]))
    text = draw(st.sampled_from(["a", "ab", "^a", "b$", "x.b", "AB", "ä"]))
    na = draw(st.sampled_from([{}, {"na": False}, {"na": True}]))
    if draw(st.booleans()) and method == "contains":
        na = {**na, "regex": False}

    def build(d: Frame) -> Any:
        return getattr(d[column].str, method)(text, **na)

    options = "".join(f", {name}={value}" for name, value in na.items())
    return Written(build, f"{column}.str.{method}({text!r}{options})", lambda d: _native_mask(build(d)))


def _same(query: str, build: Callable[[Frame], Any]) -> st.SearchStrategy[Written]:
    return st.just(Written(build, query, build))


OTHERS = st.one_of(
    st.just(Written(lambda d: d["b"], "b", lambda d: _native_mask(d["b"]))),
    *(
        st.just(Written(lambda d, c=c: d[c].isna(), f"{_name(c)}.isna()", lambda d, c=c: d[c].isna()))
        for c in SCHEMA.names
    ),
    _same("i.notna()", lambda d: d["i"].notna()),
    _same("0 < i <= 2", lambda d: d["i"].between(0, 2, inclusive="right")),
    _same("f.between(0, 2)", lambda d: d["f"].between(0, 2)),
    _same("i.fillna(1) > 0", lambda d: d["i"].fillna(1) > 0),
    _same("s.fillna('a') == 'a'", lambda d: d["s"].fillna("a") == "a"),
    _same("(i > 0).fillna(False)", lambda d: (d["i"] > 0).fillna(False)),
    _same("(~(f < 2)).fillna(True)", lambda d: (~(d["f"] < 2)).fillna(True)),
    *(
        _same(f"ts.dt.year {name} 2024", lambda d, name=name: OPERATORS[name](d["ts"].dt.year, 2024))
        for name in OPERATORS
    ),
    _same("at.dt.year == 2023", lambda d: d["at"].dt.year == 2023),
    _same("ts.dt.month == 6", lambda d: d["ts"].dt.month == 6),
    _same("i + 1 > f", lambda d: d["i"] + 1 > d["f"]),
    _same("i == `a b`", lambda d: d["i"] == d["a b"]),
    _same("s.str.lower() == 'ab'", lambda d: d["s"].str.lower() == "ab"),
    _same("s.str.len() >= 2", lambda d: d["s"].str.len() >= 2),
)


def _both(symbol: str, function: Callable[[Any, Any], Any]) -> Callable[[Written, Written], Written]:
    return lambda left, right: Written(
        lambda d: function(left.build(d), right.build(d)),
        f"({left.query}) {symbol} ({right.query})",
        lambda d: function(_nullable(left.native(d)), _nullable(right.native(d))),
    )


def _not(inner: Written) -> Written:
    return Written(lambda d: ~inner.build(d), f"not ({inner.query})", lambda d: ~inner.native(d))


FILTERS = st.recursive(
    st.one_of(comparisons(), comparisons(), memberships(), texts(), OTHERS),
    lambda inner: st.one_of(
        st.builds(_not, inner),
        st.builds(_both("&", operator.and_), inner, inner),
        st.builds(_both("|", operator.or_), inner, inner),
        st.builds(_both("and", operator.and_), inner, inner),
        st.builds(_both("or", operator.or_), inner, inner),
    ),
    max_leaves=4,
)


class Columns:
    """`pd.col` as a frame."""

    def __getitem__(self, name: str) -> Any:
        return pd.col(name)


def _number(table: pa.Table) -> pa.Table:
    return table.append_column("row", pa.array(range(table.num_rows)))


def kept(given_: Any, table: pa.Table, backend: Any) -> list[int]:
    numbered = _number(table)
    found = expression(given_, table.schema, TARGETS, backend)
    return list(found.keep(numbered)["row"].to_pylist())


@pytest.mark.parametrize("backend", BACKENDS)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(table=pages(), written=FILTERS)
def test_a_filter_means_what_pandas_makes_of_it(backend: Any, table: pa.Table, written: Written) -> None:
    numbered = _number(table)
    found = expression(written.build, table.schema, TARGETS, backend)
    rows = set(found.keep(numbered)["row"].to_pylist())

    native = written.native(render(table, "pandas", backend, TARGETS))
    assert rows == set(np.flatnonzero(native.astype("boolean").to_numpy(dtype=bool, na_value=False)))

    assert set(kept(written.query, table, backend)) == rows
    if hasattr(pd, "col"):
        assert set(kept(written.build(Columns()), table, backend)) == rows

    whole = P.And(tuple(conjunct.predicate for conjunct in found.conjuncts))
    for number, row in enumerate(table.to_pylist()):
        possible = outcomes(whole, row)
        assert number not in rows or True in possible, (row, whole)
        assert possible != {True} or number in rows, (row, whole)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(written=FILTERS, backend=st.sampled_from(BACKENDS))
def test_the_three_ways_of_writing_mean_the_same(written: Written, backend: Any) -> None:
    def meant(given_: Any) -> Any:
        found = expression(given_, SCHEMA, TARGETS, backend)
        return set(found.columns), [conjunct.predicate for conjunct in found.conjuncts]

    assert meant(written.query) == meant(written.build)
    if hasattr(pd, "col"):
        assert meant(written.build(Columns())) == meant(written.build)
