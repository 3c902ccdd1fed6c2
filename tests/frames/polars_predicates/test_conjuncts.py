"""polars expressions as predicates, by example; in general see test_random.py."""

from __future__ import annotations

import datetime as dt
import json
import math
from collections.abc import Iterator
from typing import Any

import polars as pl
import pyarrow as pa
import pytest

import qframe as qf
from qframe.errors import OptionError
from qframe.frames.polars_filter import expression
from qframe.frames.polars_predicates import canary
from qframe.frames.polars_predicates.conjuncts import conjuncts
from qframe.model.predicate import (
    Always,
    And,
    Column,
    Compare,
    HasElement,
    HasText,
    In,
    IsNull,
    Length,
    Moment,
    Not,
    Opaque,
    Or,
    Predicate,
    Xor,
)
from tests.frames.polars_predicates.frames import frame_of

col = pl.col
SCHEMA = frame_of(0).schema.to_frame().with_columns(
    dec=pl.lit(None, pl.Decimal(10, 2)), time=pl.lit(None, pl.Time), span=pl.lit(None, pl.Duration("us"))
).schema  # fmt: skip
N, S, B, D, T = (Column((name,)) for name in "isbdt")
MIDNIGHT = Moment(1_704_067_200 * 10**9)
DAY = 86_400 * 10**9


def of(given: pl.Expr) -> Predicate:
    """The one conjunct of an expression as polars hands it over, or as it is where polars hands over nothing."""
    seen: list[pl.Expr | None] = []

    def source(columns: list[str] | None, predicate: pl.Expr | None, *_: Any) -> Iterator[pl.DataFrame]:
        seen.append(predicate)
        yield SCHEMA.to_frame() if columns is None else SCHEMA.to_frame().select(columns)

    pl.io.plugins.register_io_source(source, schema=SCHEMA).filter(given).collect()
    (found,) = conjuncts(seen[0] if seen and seen[0] is not None else given, SCHEMA)
    return found.predicate


@pytest.mark.parametrize(
    ("given", "meaning"),
    [
        (col("i") == 3, Compare(N, "==", 3)),
        (pl.lit(3) < col("i"), Compare(N, ">", 3)),
        (col("i") > 2.5, Compare(N, ">", 2)),
        (col("i") <= -2.5, Compare(N, "<=", -3)),
        (col("i") != 2.5, Not(In(N, ()))),
        (col("i8") > 300, In(Column(("i8",)), ())),
        (col("u") > -1, Not(In(Column(("u",)), ()))),
        (col("u64") == 2**64 - 1, Compare(Column(("u64",)), "==", 2**64 - 1)),
        (col("i") == 2**53 + 1, Compare(N, "==", 2**53 + 1)),
        (col("f32") > 0.1, Compare(Column(("f32",)), ">", 0.10000000149011612)),
        (col("f32") > pl.lit(0.1, pl.Float64), Compare(Column(("f32",)), ">", 0.1)),
        (col("i") == pl.lit(3, pl.Int8), Compare(N, "==", 3)),
        (col("s") > "a", Compare(S, ">", "a")),
        (col("c") == "a", Compare(Column(("c",)), "==", "a")),
        (col("e").is_in(["a", "b"]), In(Column(("e",)), ("a", "b"))),
        (col("b"), Compare(B, "==", value=True)),
        (col("b") == False, Not(Compare(B, "==", value=True))),  # noqa: E712
        (col("b").is_in([True]), In(B, (True,))),
        (col("b") ^ col("b2"), Xor(Compare(B, "==", value=True), Compare(Column(("b2",)), "==", value=True))),
        (col("d") == dt.date(2024, 1, 1), Compare(D, "==", dt.date(2024, 1, 1))),
        (col("d") > dt.datetime(2024, 1, 1, 12), Compare(D, ">", dt.date(2024, 1, 1))),
        (col("d") >= dt.datetime(2024, 1, 1, 12), Compare(D, ">=", dt.date(2024, 1, 2))),
        (col("t") > dt.datetime(2024, 1, 1), Compare(T, ">", MIDNIGHT)),
        (col("t") > dt.date(2024, 1, 1), Compare(T, ">", MIDNIGHT)),
        (col("t") > pl.lit("2024-01-02").str.to_datetime() - pl.duration(days=1), Compare(T, ">", MIDNIGHT)),
        (
            col("t").dt.year() == 2024,
            And((Compare(T, ">=", MIDNIGHT), Compare(T, "<", Moment(MIDNIGHT.ns + 366 * DAY)))),
        ),
        (col("d").dt.year() < 2024, Compare(D, "<", dt.date(2024, 1, 1))),
        (col("t").dt.date() <= dt.date(2023, 12, 31), Compare(T, "<", MIDNIGHT)),
        (
            col("tms") == dt.datetime(2024, 1, 1, 2, tzinfo=dt.timezone(dt.timedelta(hours=2))),
            Compare(Column(("tms",)), "==", MIDNIGHT),
        ),
        (col("i").is_in([1, None, 1]), In(N, (1,))),
        (col("i").is_in([1, None], nulls_equal=True), In(N, (1,), "true")),
        (col("i").is_in([1], nulls_equal=True), In(N, (1,), "false")),
        (col("i").is_in(pl.Series([1, 2]).implode()), In(N, (1, 2))),
        (col("i8").is_in([1, 300]), In(Column(("i8",)), (1,))),
        (col("u").is_in([-1]), In(Column(("u",)), (), "either")),
        (col("i").is_between(1, 3, closed="right"), And((Compare(N, ">", 1), Compare(N, "<=", 3)))),
        (~col("i").is_null(), Not(IsNull(N))),
        (col("i").eq_missing(3), Compare(N, "==", 3, "false")),
        (col("i").ne_missing(3), Compare(N, "!=", 3, "true")),
        (col("i").eq_missing(None), IsNull(N)),
        ((col("i") > 3).fill_null(value=True), Compare(N, ">", 3, "true")),
        (col("i").fill_null(0) > 3, Compare(N, ">", 3, "false")),
        (pl.when(col("i") > 3).then(pl.lit(value=True)).otherwise(pl.lit(value=False)), Compare(N, ">", 3, "false")),
        (col("s").str.starts_with("a"), HasText(S, "prefix", "a")),
        (col("s").str.starts_with(""), Not(In(S, ()))),
        (col("s").str.contains("a.b", literal=True), HasText(S, "substring", "a.b")),
        (
            col("s").str.ends_with("a"),
            And((HasText(S, "substring", "a"), Opaque("str.ends_with has no counterpart in Qdrant"))),
        ),
        (col("s").str.contains_any(["a", "b"]), Or((HasText(S, "substring", "a"), HasText(S, "substring", "b")))),
        (col("s").str.slice(0, 2) == "ab", HasText(S, "prefix", "ab")),
        (col("s").str.head(2) == "a", Compare(S, "==", "a")),
        (col("li").list.contains(3), HasElement(Column(("li",)), 3)),
        (col("a").arr.contains(0.5), HasElement(Column(("a",)), 0.5)),
        (col("li").list.len() > 1, Length(Column(("li",)), ">", 1)),
        (col("li").list.len() > -1, Not(In(Column(("li",)), ()))),
        (col("o").struct.field("o").struct.field("f") < 1, Compare(Column(("o", "o", "f")), "<", 1.0)),
        (pl.lit(value=None, dtype=pl.Boolean), Always(None)),
    ],
    ids=str,
)
def test_what_is_known(given: pl.Expr, meaning: Predicate) -> None:
    assert of(given) == meaning


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        (col("i") > col("i8"), "it compares columns with each other"),
        (col("i").is_in(col("li")), "it looks for values in a column"),
        (col("i") + 1 > 3, "Qdrant computes nothing"),
        (col("i").abs() > 3, "abs has no counterpart in Qdrant"),
        (col("i").cast(pl.Int32) == 3, "a cast to Int32 can change values"),
        (col("i").cast(pl.String) == "3", "a cast to String can change values"),
        (col("i").cast(pl.Float64) > 2.0**53, "it compares integers as floats, which are not exact there"),
        (col("f") > math.nan, "it compares with NaN or an infinity"),
        (col("f") < math.inf, "it compares with NaN or an infinity"),
        (col("f").is_in([1.0, math.nan]), "it compares with NaN or an infinity"),
        (col("f").is_nan(), "is_nan has no counterpart in Qdrant"),
        (col("e") > "a", "categories have an order of their own"),
        (col("b") > False, "Qdrant has no order of booleans"),
        (col("dec") > 1, "a filter of Qdrant's cannot hold a value of Decimal"),
        (col("time") > dt.time(1), "a filter of Qdrant's cannot hold a value of Time"),
        (col("span") > dt.timedelta(1), "a filter of Qdrant's cannot hold a value of Duration"),
        (col("d").dt.month() == 3, "dt.month has no counterpart in Qdrant"),
        (
            col("tb").dt.year() == 2024,
            "dt.year of Datetime(time_unit='us', time_zone='Europe/Berlin') has no counterpart in Qdrant",
        ),
        (col("d").dt.year() < 10_000, "the year is not between 1 and 9999"),
        (col("s").str.to_lowercase() == "a", "str.to_lowercase has no counterpart in Qdrant"),
        (col("s").str.len_chars() > 3, "str.len_chars has no counterpart in Qdrant"),
        (col("s").str.contains("(?i)a"), "a regular expression says more than a prefix, a substring or the whole text"),
        (col("s").str.contains(col("s")), "it compares columns with each other"),
        (
            col("s").str.contains_any(["a"], ascii_case_insensitive=True),
            "Qdrant finds one text at a time, letter for letter",
        ),
        (col("li").list.contains(None), "it compares with null"),
        (col("i").is_between(None, 3), "it compares with null"),
        (
            col("i").map_batches(lambda all_: all_ > 3, return_dtype=pl.Boolean, is_elementwise=True),
            "it calls a Python function",
        ),
        (
            col("s").is_in([f"{number}" for number in range(20_001)]),
            "the list has 20,001 values, and more than 20,000 are not sent",
        ),
    ],
    ids=lambda item: str(item)[:60],
)
def test_what_is_not_known_says_why(given: pl.Expr, reason: str) -> None:
    found = of(given)
    assert isinstance(found, Opaque)
    assert found.reason == reason


def test_a_long_list_of_integers_is_known_by_its_ends() -> None:
    found = of(col("i").is_in(list(range(7, 100_007))))
    long = Opaque("the list has 100,000 values, and more than 20,000 are not sent")
    assert found == And((Compare(N, ">=", 7), Compare(N, "<=", 100_006), long))


class Written:
    """Something that serialises as it is told to."""

    def __init__(self, tree: Any) -> None:
        self.text = tree if isinstance(tree, str) else json.dumps(tree)
        self.meta = self

    def serialize(self, *, format: str) -> str:  # noqa: A002
        assert format == "json"
        return self.text

    def __str__(self) -> str:
        return "as written"


UNKNOWN_FORM = Opaque("the polars in use writes it in a form that is not known")


def _call(family: str, name: Any, *inputs: Any) -> Any:
    return {"Function": {"input": list(inputs), "function": {family: name} if family else name}}


COLUMN, THREE = {"Column": "i"}, {"Literal": {"Scalar": {"Int64": 3}}}
TEXT, A = {"Column": "s"}, {"Literal": {"Scalar": {"String": "a"}}}


@pytest.mark.parametrize(
    "tree",
    [
        {"BinaryExpr": {"left": COLUMN, "op": "Gt", "right": THREE, "tolerance": 1}},
        {"BinaryExpr": {"left": COLUMN, "right": THREE}},
        {"BinaryExpr": {"left": COLUMN, "op": "Gt", "right": {"Literal": {"Scalar": {"Int64": 3.0}}}}},
        {"BinaryExpr": {"left": COLUMN, "op": "Gt", "right": {"Literal": {"Scalar": {"Int64": True}}}}},
        {"BinaryExpr": {"left": COLUMN, "op": "Gt", "right": {"Literal": {"Other": {"Int64": 3}}}}},
        _call("Boolean", {"IsIn": {"nulls_equal": False, "case": True}}, COLUMN, THREE),
        _call("Boolean", {"IsIn": {"nulls_equal": "no"}}, COLUMN, THREE),
        _call("Boolean", {"IsBetween": {"closed": "Ajar"}}, COLUMN, THREE, THREE),
        _call("Boolean", {"IsNull": {"deep": True}}, COLUMN),
        _call("Boolean", "IsNull", COLUMN, COLUMN),
        _call("StringExpr", {"StartsWith": {"case": True}}, TEXT, A),
        _call("StringExpr", {"Contains": {"literal": True}}, TEXT, A),
        _call("StringExpr", {"Contains": {"literal": True, "strict": False, "case": True}}, TEXT, A),
        _call("ListExpr", {"Contains": {"nulls_equal": True, "deep": True}}, {"Column": "li"}, THREE),
        {"Function": {"input": [COLUMN], "function": {"Boolean": "IsNull"}, "options": {}}},
        {"Alias": [COLUMN]},
        [COLUMN],
        {"Column": "i"},
    ],
    ids=json.dumps,
)
def test_what_is_not_exactly_as_known_is_not_read(tree: Any) -> None:
    (found,) = conjuncts(Written(tree), SCHEMA)  # type: ignore[arg-type]
    assert found.text == "as written"
    assert found.predicate == UNKNOWN_FORM


def test_a_filter_of_top_k_is_left_out_of_what_is_known() -> None:
    tree = {
        "BinaryExpr": {"left": {"Column": "b"}, "op": "And", "right": {"Display": {"inputs": [], "fmt_str": "top"}}}
    }
    known, other = conjuncts(Written(tree), SCHEMA)  # type: ignore[arg-type]
    assert known.predicate == Compare(B, "==", value=True)
    assert isinstance(other.predicate, Opaque)


def test_what_cannot_be_serialised_or_is_too_deep_stays() -> None:
    found = conjuncts(col("i").map_batches(lambda all_: all_ > 3, return_dtype=pl.Boolean) & col("b"), SCHEMA)
    assert any(isinstance(part.predicate, Opaque) for part in found)
    deep = col("b")
    for number in range(600):
        deep = deep | (col("i") == number)
    (only,) = conjuncts(deep, SCHEMA)
    assert only.predicate == Opaque("it is nested too deeply")
    shallow = col("b2")
    for number in range(100):  # which polars writes and does not read back
        shallow = shallow | (col("i") == number)
    parts = [part.predicate for part in conjuncts(shallow & col("b"), SCHEMA)]
    assert [type(part) for part in parts] == [Or, Compare]


def test_conjuncts_are_told_apart() -> None:
    given = (col("i") > 3) & pl.all_horizontal("b", col("s") == "a") & ((col("i") > 4) | col("b2"))
    assert [(part.text, type(part.predicate)) for part in conjuncts(given, SCHEMA)] == [
        ('[(col("i")) > (dyn int: 3)]', Compare),
        ('col("b")', Compare),
        ('[(col("s")) == ("a")]', Compare),
        ('[([(col("i")) > (dyn int: 4)]) | (col("b2"))]', Or),
    ]


class TestUnknownForm:
    """A polars whose serialised form is another."""

    @pytest.fixture
    def other_polars(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
        def changed(meta: Any, **options: Any) -> Any:
            written = real(meta, **options)
            return written.replace('"Gt"', '"GreaterThan"') if options.get("format") == "json" else written

        real = type(col("i").meta).serialize
        canary.usable.cache_clear()
        monkeypatch.setattr(type(col("i").meta), "serialize", changed)
        yield
        canary.usable.cache_clear()

    def test_one_warning_and_nothing_known(self, other_polars: None) -> None:
        with pytest.warns(qf.PushdownWarning, match=f"polars {pl.__version__}") as caught:
            found = [conjuncts(col("i") == 3, SCHEMA) for _ in range(3)]
        assert len(caught) == 1
        for ((text, predicate),) in [[(part.text, part.predicate) for part in parts] for parts in found]:
            assert text == '[(col("i")) == (dyn int: 3)]'
            assert isinstance(predicate, Opaque)

    def test_scans_are_right(self, other_polars: None, tmp_path: Any, name: str) -> None:
        frame = pl.DataFrame({"id": [1, 2, 3], "i": [1, 2, None], "v": [[1.0, 0.0]] * 3})
        folder = str(tmp_path / "store")
        qf.collection(name, connection=folder).upsert(frame, vector="v")
        many = qf.scan(name, connection=folder).filter(col("i") > 1)
        with pytest.warns(qf.PushdownWarning) as caught:
            found = [many.collect(), qf.read(name, connection=folder, filter=col("i") > 1)]
        assert [kept["id"].to_list() for kept in found] == [[2], [2]]
        assert len(caught) == 1


class TestFiltersAtTheSource:
    schema = pa.schema([("i", pa.int64()), ("j", pa.int64()), ("s", pa.string())])
    table = pa.table({"i": [1, 5, None], "j": [1, 2, 3], "s": ["a", "b", "c"]}, schema=schema)

    def test_what_is_handed_over_whole_goes_by_that(self) -> None:
        found = expression(col("i") > 2.5, self.schema, {})
        assert found.columns == ("i",)
        assert [part.predicate for part in found.conjuncts] == [Compare(N, ">", 2)]
        assert found.keep(self.table)["j"].to_pylist() == [2]

    @pytest.mark.parametrize("kept", [col("s").cast(pl.Int64) > 1, col("j") == pl.lit(None, dtype=pl.Int64)])
    def test_what_polars_keeps_a_part_of_is_told_whole(self, kept: pl.Expr) -> None:
        """polars hands over `i > 3` alone; that alone would be called exact."""
        found = expression((col("i") > 3) & kept, self.schema, {})
        assert len(found.conjuncts) == 2
        assert found.conjuncts[0].predicate == Compare(N, ">", 3)
        assert found.conjuncts[1].predicate in (Always(None), Opaque("a cast to Int64 can change values"))

    def test_other_rows_are_refused(self) -> None:
        with pytest.raises(OptionError, match="looks at other rows than its own"):
            expression((col("i") > 3) & (col("i") > col("i").mean()), self.schema, {})
        with pytest.raises(OptionError, match="unable to find column"):
            expression(col("k") > 3, self.schema, {})
        with pytest.raises(OptionError, match="must be of type `Boolean`"):
            expression(col("i") + 3, self.schema, {})
