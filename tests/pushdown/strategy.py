"""Random polars predicates over a frame: comparisons with values in it or next to those, nested to depth four."""

from __future__ import annotations

import datetime as dt
import math
import operator
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl

from tests.pushdown.strategy_frames import COLOURS

COMPARISONS: tuple[Callable[[Any, Any], pl.Expr], ...] = (
    operator.eq,
    operator.ne,
    operator.lt,
    operator.le,
    operator.gt,
    operator.ge,
)
CLOSED = ("both", "left", "right", "none")
OPAQUE = 0.07
"""Share of leaves of which no server knows: arithmetic, other columns, casts, conditionals."""


@dataclass(slots=True)
class Place:
    """A column, or a field of a struct, and the values that are found there.

    Parameters
    ----------
    expr : polars.Expr
    dtype : polars.DataType
    values : list
        Distinct ones, without null.
    others : list of polars.Expr
        Columns of the same dtype.
    """

    expr: pl.Expr
    dtype: Any
    values: list[Any]
    others: list[pl.Expr] = field(default_factory=list)


@dataclass(slots=True)
class Predicates:
    """An endless source of predicates over a frame.

    Parameters
    ----------
    rng : random.Random
    frame : polars.DataFrame
        As it is read back.
    vectors : tuple of str
        Columns that are only asked whether they are null.
    """

    rng: random.Random
    frame: pl.DataFrame
    vectors: tuple[str, ...] = ()

    def __iter__(self) -> Iterator[pl.Expr]:
        """Three of four are drawn again, a few times, until they select 5 to 95 % of the rows."""
        while True:
            patient = 6 if self.rng.random() < 0.75 else 1
            found = None
            for _ in range(patient):
                candidate, kept = self.candidate()
                if candidate is not None and (kept or found is None):
                    found = candidate
                if selective(kept, self.frame.height):
                    break
            if found is not None:
                yield found

    def candidate(self) -> tuple[pl.Expr | None, int]:
        """A predicate, and the number of rows that it keeps; None for one that polars refuses or answers in two ways.

        polars 2.1 takes ``~(a.is_not_null() | a.is_in([…], nulls_equal=True))`` to keep nothing once it is optimised.
        """
        try:
            found = self.tree(4)
            eager = self.frame.filter(found)
            lazy = self.frame.lazy().filter(found).collect()
            # As a column nothing of it is optimised away: what polars refuses in "refused | true" is refused then.
            self.frame.select(pl.all_horizontal(found))
        except (pl.exceptions.PolarsError, OverflowError, TypeError, ValueError):
            return None, 0
        return (found, eager.height) if eager["id"].equals(lazy["id"]) else (None, 0)

    def tree(self, depth: int) -> pl.Expr:
        rng = self.rng
        if depth == 0 or rng.random() < 0.5:
            found = self.leaf()
        else:
            left, right = self.tree(depth - 1), self.tree(depth - 1)
            found = rng.choices(
                [operator.and_, operator.or_, operator.xor, _all, _any], [8, 8, 1, 1, 1]
            )[0](left, right)  # fmt: skip
        return ~found if rng.random() < 0.15 else found

    def leaf(self) -> pl.Expr:
        rng = self.rng
        name = rng.choice([*self.frame.columns, "id"])
        if name in self.vectors:
            return rng.choice([pl.col(name).is_null(), pl.col(name).is_not_null()])
        if rng.random() < 0.01:
            return pl.lit(rng.choice([True, False]))
        series = self.frame[name]
        others = [
            pl.col(other) for other, dtype in self.frame.schema.items() if dtype == series.dtype and other != name
        ]
        place = Place(pl.col(name), series.dtype, _distinct(series), others)
        while isinstance(place.dtype, pl.Struct) and rng.random() < 0.95:
            below = rng.choice(place.dtype.fields)
            series = series.struct.field(below.name)
            place = Place(place.expr.struct.field(below.name), below.dtype, _distinct(series))
        return self.test(place)

    def test(self, place: Place) -> pl.Expr:
        rng, x = self.rng, place.expr
        if rng.random() < 0.12:
            return rng.choice([x.is_null(), x.is_not_null()])
        if rng.random() < OPAQUE:
            return self.opaque(place)
        match place.dtype:
            case pl.Boolean:
                return rng.choice(
                    [
                        x,
                        ~x,
                        x == pl.lit(value=True),
                        x != pl.lit(value=False),
                        x.eq_missing(True),
                        x.ne_missing(True),
                        x.is_in([True]),
                    ]
                )
            case pl.List():
                return self.lists(place)
            case pl.Struct():
                return rng.choice([x.is_null(), x.is_not_null()])
            case _ if _is_text(place.dtype) and rng.random() < 0.4:
                return self.text(place)
        between = self.member if _is_text(place.dtype) and rng.random() < 0.7 else self.between
        return rng.choice([self.compare, self.compare, self.compare, between, self.member])(place)

    def near(self, place: Place) -> Any:
        """A value of the column, or one next to it, spelt in one of the ways there are."""
        value = self.rng.choice(place.values) if place.values else _any_of(place.dtype)
        value = next_to(self.rng, value, place.dtype)
        if self.rng.random() < 0.15 and _is_number(place.dtype) and not isinstance(value, float):
            return pl.lit(value, dtype=pl.Int64)
        return value

    def compare(self, place: Place) -> pl.Expr:
        value = self.near(place)
        if self.rng.random() < 0.1:
            ask = self.rng.choice([place.expr.eq_missing, place.expr.ne_missing])
            return ask(pl.lit(None) if self.rng.random() < 0.1 else value)
        # The order of texts is seldom asked for.
        test = self.rng.choice(COMPARISONS[:2] if _is_text(place.dtype) and self.rng.random() < 0.7 else COMPARISONS)
        if self.rng.random() < 0.25:
            return test(value if isinstance(value, pl.Expr) else pl.lit(value), place.expr)
        return test(place.expr, value)

    def between(self, place: Place) -> pl.Expr:
        low, high = self.near(place), self.near(place)
        if not isinstance(low, pl.Expr) and not isinstance(high, pl.Expr) and type(low) is type(high) and low > high:
            low, high = high, low
        # Text would be taken for the name of a column.
        low, high = (pl.lit(end) if isinstance(end, str) else end for end in (low, high))
        return place.expr.is_between(low, high, closed=self.rng.choice(CLOSED))

    def member(self, place: Place) -> pl.Expr:
        rng = self.rng
        drawn = [
            value for value in (self.near(place) for _ in range(rng.randint(0, 5))) if not isinstance(value, pl.Expr)
        ]
        # polars takes no floats for integers, and no mixture.
        first = next((value for value in drawn if not (place.dtype.is_integer() and isinstance(value, float))), None)
        values: list[Any] = [value for value in drawn if type(value) is type(first)]
        if rng.random() < 0.2:
            values.append(None)
        if rng.random() < 0.2:
            return place.expr.is_in(pl.Series(values, dtype=place.dtype, strict=False).implode())
        return place.expr.is_in(values, nulls_equal=rng.random() < 0.2)

    def text(self, place: Place) -> pl.Expr:
        rng, x = self.rng, place.expr
        x = x if place.dtype == pl.String else x.cast(pl.String)
        whole = rng.choice([*place.values, "ab"]) or ""
        start = rng.randint(0, len(whole))
        piece = whole[start : start + rng.randint(0, 4)]
        patterns = ["^" + piece, piece + "$", "(?i)" + piece, "a.c", "[ab]+", "a|r"]
        return rng.choice(
            [
                lambda: x.str.starts_with(whole[:start]),
                lambda: x.str.starts_with(whole),
                lambda: x.str.ends_with(whole[start:]),
                lambda: x.str.contains(piece, literal=True),
                lambda: x.str.contains(whole, literal=True),
                lambda: x.str.starts_with(piece),
                lambda: ~x.str.contains(piece, literal=True),
                lambda: x.str.contains(piece, strict=False),
                lambda: x.str.contains(rng.choice(patterns), strict=False),
                lambda: x.str.contains_any([piece or "a", "b"]),
                lambda: x.str.starts_with(pl.lit(None, dtype=pl.String)),
            ]
        )()  # fmt: skip

    def lists(self, place: Place) -> pl.Expr:
        rng, x = self.rng, place.expr
        inner = [value for found in place.values for value in found if value is not None]
        element = Place(x, place.dtype.inner, inner)
        size = rng.randint(-1, 4)
        return rng.choice(
            [
                lambda: x.list.contains(self.near(element)),
                lambda: x.list.contains(self.near(element)),
                lambda: ~x.list.contains(self.near(element)),
                lambda: x.list.contains(self.near(element), nulls_equal=False),
                lambda: x.list.contains(pl.lit(None, dtype=place.dtype.inner)),
                lambda: rng.choice(COMPARISONS)(x.list.len(), size),
                lambda: rng.choice(COMPARISONS)(x.list.len(), max(size, 1)),
                lambda: x.list.get(0, null_on_oob=True) == self.near(element),
                lambda: x.list.len().is_between(1, size),
            ]
        )()

    def opaque(self, place: Place) -> pl.Expr:
        """What a translator must leave alone, or know very well."""
        rng, x, value = self.rng, place.expr, self.near(place)
        found = [
            pl.when(x.is_null()).then(rng.choice([True, False, None])).otherwise(x == value),
            x.fill_null(value) == value,
            x.cast(pl.String, strict=False) == "a",
            (x == value).fill_null(value=True),
            (x == value).is_null(),
            x.is_in([value]).is_not_null() if not isinstance(value, pl.Expr) else x == value,
            *(test(x, other) for other in place.others[:1] for test in COMPARISONS[:3]),
        ]
        if _is_number(place.dtype):
            found += [
                x + 1 > value,
                x * 2 <= value,
                x % 3 == 1,
                0 - x < value,
                x.abs() == value,
                x.cast(pl.Float64) < value,
            ]
            found += [x.cast(pl.Int64, strict=False) >= value, x.cast(pl.Int32, strict=False) != value, x.is_nan()]
        if _is_text(place.dtype):
            found += [x.cast(pl.String).str.to_lowercase() == "ab", x.cast(pl.String).str.len_chars() > 2]
            found += [x.cast(pl.String) > "b", x.cast(pl.String) <= value]
        if place.dtype == pl.Date or isinstance(place.dtype, pl.Datetime):
            found += [x.dt.year() >= 2024, x.cast(pl.Date) == dt.date(2024, 10, 27), x.dt.hour() < 2]
            found += [x + dt.timedelta(days=1) > value, x.dt.offset_by("1h") <= value]
        return rng.choice(found)


def selective(kept: int, rows: int) -> bool:
    """Whether that is 5 to 95 % of the rows."""
    return 0.05 * rows <= kept <= 0.95 * rows


def _all(left: pl.Expr, right: pl.Expr) -> pl.Expr:
    return pl.all_horizontal(left, right)


def _any(left: pl.Expr, right: pl.Expr) -> pl.Expr:
    return pl.any_horizontal(left, right)


def _distinct(series: pl.Series) -> list[Any]:
    """In the order in which they come, so that a seed says what is drawn."""
    found: list[Any] = []
    for value in series:
        value = value.to_list() if isinstance(value, pl.Series) else value
        if value is not None and value not in found:
            found.append(value)
        if len(found) == 12:
            break
    return found


def _is_text(dtype: Any) -> bool:
    return dtype == pl.String or isinstance(dtype, pl.Categorical | pl.Enum)


def _is_number(dtype: Any) -> bool:
    return dtype.is_numeric()


def _any_of(dtype: Any) -> Any:
    """Something to compare with where all is null."""
    if dtype.is_float():
        return 1.0
    if dtype.is_integer():
        return 1
    if dtype == pl.Date:
        return dt.date(2024, 2, 29)
    if isinstance(dtype, pl.Datetime):
        return dt.datetime(2024, 2, 29, tzinfo=None if dtype.time_zone is None else dt.UTC)
    if dtype == pl.Duration:
        return dt.timedelta(hours=7)
    if dtype == pl.Time:
        return dt.time(12)
    return "red"


def next_to(rng: random.Random, value: Any, dtype: Any) -> Any:
    """Half of the time the value itself."""
    if rng.random() < 0.5:
        return value
    match value:
        case bool():
            return value
        case int():
            return rng.choice([value - 1, value + 1, value + 0.5, float(value), -value, 2**63 - 1, -1, 2**53])
        case float():
            up, down = math.nextafter(value, math.inf), math.nextafter(value, -math.inf)
            whole = [round(value)] if abs(value) < 2**60 else []
            nearby = [up, down, value + 0.25, float(f"{value:.3g}"), math.nan, math.inf, -math.inf, 0.0, 0.1]
            return rng.choice([*nearby, *whole])
        case str():
            return (
                value
                if isinstance(dtype, pl.Enum)
                else rng.choice([value + "a", value[:1], value.swapcase(), *COLOURS])
            )
        case dt.datetime():
            return _moment_next_to(rng, value)
        case dt.date():
            midnight = dt.datetime.combine(value, dt.time())
            noon = midnight + dt.timedelta(hours=12)
            return rng.choice([value + dt.timedelta(days=1), value - dt.timedelta(days=1), midnight, noon])
        case dt.timedelta():
            return value + dt.timedelta(microseconds=1)
    return value


def _moment_next_to(rng: random.Random, value: dt.datetime) -> Any:
    """A microsecond beside it; another zone; a date; a literal in another unit."""
    step = rng.choice([-1, 0, 1]) * dt.timedelta(microseconds=1)
    moved = value + step
    found: list[Any] = [moved, moved]
    if value.tzinfo is None:
        found += [value.date(), pl.lit(value, dtype=pl.Datetime("ns")) + pl.duration(nanoseconds=1)]
        found += [pl.lit(moved, dtype=pl.Datetime("ns")), pl.datetime(value.year, value.month, value.day, value.hour)]
    else:
        # A literal of a column's own zone is what polars compares with; others it converts.
        found += [
            moved.astimezone(ZoneInfo("Asia/Kolkata")),
            moved.astimezone(dt.UTC),
            moved.astimezone(ZoneInfo("Europe/Berlin")),
        ]
    return rng.choice(found)
