"""Random conditions as pandas users write them: functions of a frame, `pd.col`, and query strings."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pandas as pd
import polars as pl

from tests.pushdown.strategy import COMPARISONS, next_to, selective

INCLUSIVE = ("both", "left", "right", "neither")
Get = Callable[[str], Any]
Condition = Callable[[Get], Any]
"""What a condition is of the columns that a function gives by name: those of a frame, or `pd.col`."""
HAS_COL = hasattr(pd, "col")
REFUSED = (
    TypeError,
    ValueError,
    LookupError,
    AttributeError,
    NameError,
    SyntaxError,
    ArithmeticError,
    NotImplementedError,
)
"""What pandas raises for conditions that it does not take; NameError for the literals nan and inf in a query."""
SIGNS = tuple(zip(("==", "!=", "<", "<=", ">", ">="), COMPARISONS, strict=True))
JOINED: tuple[tuple[tuple[str, ...], Callable[[Any, Any], Any]], ...] = (
    (("and", "&"), lambda left, right: left & right),
    (("or", "|"), lambda left, right: left | right),
)


@dataclass(frozen=True, slots=True)
class Written:
    """One condition.

    Parameters
    ----------
    told : str
        As it would be written.
    filter : str, callable or pandas expression
        What `filter=` takes.
    condition : callable
        The same of the columns of a frame. Queries are not left to `DataFrame.query`, in which nulls of Arrow's text
        are unlike everything, and datetimes unlike all text.
    """

    told: str
    filter: Any
    condition: Condition

    def of(self, frame: pd.DataFrame) -> pd.DataFrame:
        """The rows that pandas itself selects."""
        return frame[self.condition(frame.__getitem__)]


@dataclass(slots=True)
class PandasConditions:
    """An endless source of conditions.

    Parameters
    ----------
    rng : random.Random
    frame : polars.DataFrame
        Where the literals are from.
    whole : pandas.DataFrame
        The same rows, as they are read: pandas says which conditions it takes, and which rows they select.
    """

    rng: random.Random
    frame: pl.DataFrame
    whole: pd.DataFrame

    def __iter__(self) -> Iterator[Written]:
        """Three of four are drawn again, a few times, until they select 5 to 95 % of the rows."""
        while True:
            patient, found = 6 if self.rng.random() < 0.75 else 1, None
            for _ in range(patient):
                drawn = self.query() if self.rng.random() < 0.4 else self.function()
                try:
                    kept = len(drawn.of(self.whole))
                except REFUSED:
                    continue
                found = drawn
                if selective(kept, len(self.whole)):
                    break
            if found is not None:
                yield found

    def column(self) -> tuple[str, pl.Series, list[Any]]:
        names = [name for name, dtype in self.frame.schema.items() if not dtype.is_nested() and self.has_logic(name)]
        series = self.frame[self.rng.choice(names)]
        return (
            series.name,
            series,
            [value for value in series.unique(maintain_order=True).to_list() if value is not None],
        )

    def near(self, series: pl.Series, values: list[Any]) -> Any:
        """A value of the column, or one next to it. Never a date beside datetimes: pandas has them differ."""
        value = self.rng.choice(values) if values else 1
        if isinstance(value, dt.datetime):
            step = self.rng.choice([-1, 0, 0, 1]) * dt.timedelta(microseconds=1)
            return pd.Timestamp(value + step)
        return next_to(self.rng, value, series.dtype)

    def has_logic(self, name: str) -> bool:
        """Not so NumPy's booleans and nulls: in a column of objects ``~True`` is -2, and ``None | True`` false."""
        return self.frame.schema[name] != pl.Boolean or self.whole[name].dtype != object

    def nearby(self, series: pl.Series, values: list[Any]) -> list[Any]:
        return [self.near(series, values) for _ in range(3)]

    def function(self) -> Written:
        told, condition = self.tree(3)
        if HAS_COL and self.rng.random() < 0.4:
            return Written(told.replace("d[", "col["), condition(pd.col), condition)
        return Written(told, lambda frame: condition(frame.__getitem__), condition)

    def tree(self, depth: int) -> tuple[str, Condition]:
        rng = self.rng
        if depth == 0 or rng.random() < 0.5:
            told, found = self.leaf()
        else:
            (left, one), (right, other) = self.tree(depth - 1), self.tree(depth - 1)
            sign, join = rng.choices(
                [("&", lambda a, b: a & b), ("|", lambda a, b: a | b), ("^", lambda a, b: a ^ b)], [5, 5, 1]
            )[0]
            told, found = f"({left} {sign} {right})", lambda get: join(one(get), other(get))
        if rng.random() < 0.2:
            return f"~{told}", lambda get, inner=found: ~inner(get)
        return told, found

    def leaf(self) -> tuple[str, Condition]:
        rng = self.rng
        name, series, values = self.column()
        value, other = self.near(series, values), self.near(series, values)
        x = f"d[{name!r}]"
        test = rng.choice(COMPARISONS)
        forms: list[tuple[str, Callable[[Any], Any]]] = [
            (f"{test.__name__}({x}, {value!r})", lambda c: test(c, value)),
            (f"{test.__name__}({x}, {value!r})", lambda c: test(c, value)),
            (f"{test.__name__}({value!r}, {x})", lambda c: test(value, c)),
            (f"{x}.isin([{value!r}, {other!r}])", lambda c: c.isin([value, other])),
            (f"{x}.isna()", lambda c: c.isna()),
            (f"{x}.notna()", lambda c: c.notna()),
            (f"{x}.eq({value!r})", lambda c: c.eq(value)),
            (f"{x}.ne({value!r})", lambda c: c.ne(value)),
            (f"{x}.ge({value!r})", lambda c: c.ge(value)),
        ]
        inclusive = rng.choice(INCLUSIVE)
        if type(value) is type(other):
            told = f"{x}.between({value!r}, {other!r}, inclusive={inclusive!r})"
            forms.append((told, lambda c: c.between(value, other, inclusive=inclusive)))
        if series.dtype == pl.Boolean:
            forms += [(x, lambda c: c), (f"~{x}", lambda c: ~c)] * 3
        if series.dtype == pl.String:
            whole = rng.choice(values) if values else ""
            piece = whole[: rng.randint(0, 3)]
            forms += [
                (f"{x}.str.startswith({piece!r})", lambda c: c.str.startswith(piece)),
                (f"{x}.str.endswith({piece!r})", lambda c: c.str.endswith(piece)),
                (f"{x}.str.contains({piece!r}, regex=False)", lambda c: c.str.contains(piece, regex=False)),
                (
                    f"{x}.str.contains({piece!r}, regex=False, na=False)",
                    lambda c: c.str.contains(piece, regex=False, na=False),
                ),
                (f"{x}.str.contains('a|b')", lambda c: c.str.contains("a|b")),
                (f"{x}.str.contains('A', case=False)", lambda c: c.str.contains("A", case=False)),
                (f"{x}.str.len() > 2", lambda c: c.str.len() > 2),
                (f"{x}.str.lower() == 'ab'", lambda c: c.str.lower() == "ab"),
            ]
        if series.dtype.is_numeric():
            forms += [
                (f"{x} + 1 > {value!r}", lambda c: c + 1 > value),
                (f"{x}.fillna(0) >= {value!r}", lambda c: c.fillna(0) >= value),
                (f"{x}.abs() <= {value!r}", lambda c: c.abs() <= value),
            ]
        if isinstance(series.dtype, pl.Datetime):
            forms.append((f"{x}.dt.year == 2024", lambda c: c.dt.year == 2024))
        told, form = rng.choice(forms)
        return told, lambda get: form(get(name))

    def query(self) -> Written:
        text, condition = self.clause(2)
        return Written(text, text, condition)

    def clause(self, depth: int) -> tuple[str, Condition]:
        """A query, and the function of the frame that it stands for."""
        rng = self.rng
        if depth == 0 or rng.random() < 0.5:
            text, found = self.simple()
        else:
            (left, one), (right, other) = self.clause(depth - 1), self.clause(depth - 1)
            word, join = rng.choice([(word, join) for words, join in JOINED for word in words])
            text, found = f"({left}) {word} ({right})", lambda get: join(one(get), other(get))
        if rng.random() < 0.15:
            return f"not ({text})", lambda get, inner=found: ~inner(get)
        return text, found

    def simple(self) -> tuple[str, Condition]:
        rng = self.rng
        while True:
            name, series, values = self.column()
            if not series.dtype.is_temporal() and not {"`", "\\", "\n"} & set(name):
                break
        # Names that queries do not know.
        a, b, d = [0.5 if repr(value) in ("nan", "inf", "-inf") else value for value in self.nearby(series, values)]
        x, (sign, test) = f"`{name}`", rng.choice(SIGNS)
        forms: list[tuple[str, Callable[[Any], Any]]] = [
            *[(f"{x} {sign} {a!r}", lambda c: test(c, a))] * 3,
            (f"{a!r} {sign} {x}", lambda c: test(a, c)),
            (f"{x} in [{a!r}, {b!r}]", lambda c: c.isin([a, b])),
            (f"{x} not in [{a!r}, {b!r}]", lambda c: ~c.isin([a, b])),
            (f"{x} == [{a!r}, {d!r}]", lambda c: c.isin([a, d])),
            (f"{x}.isna()", lambda c: c.isna()),
            (f"{x}.notnull()", lambda c: c.notna()),
            (f"{x}.isin([{a!r}, {b!r}])", lambda c: c.isin([a, b])),
            (f"{a!r} < {x} <= {b!r}", lambda c: (a < c) & (c <= b)),
            (f"{x}.between({a!r}, {b!r})", lambda c: c.between(a, b)),
        ]
        if series.dtype == pl.Boolean:
            forms += [(x, lambda c: c), (f"not {x}", lambda c: ~c), (f"~{x}", lambda c: ~c)]
        if series.dtype == pl.String:
            forms += [
                (f"{x}.str.startswith({a!r})", lambda c: c.str.startswith(a)),
                (f"{x}.str.contains({a!r}, regex=False)", lambda c: c.str.contains(a, regex=False)),
            ]
        if series.dtype.is_numeric():
            forms += [(f"{x} * 2 > {a!r}", lambda c: c * 2 > a), (f"-{x} < {a!r}", lambda c: -c < a)]
        text, form = rng.choice(forms)
        return text, lambda get: form(get(name))
