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
TEXT_OPERATORS = ("==", "!=", "<", "<=", ">", ">=")


@dataclass(frozen=True, slots=True)
class Written:
    """One condition.

    Parameters
    ----------
    told : str
        As it would be written.
    filter : str, callable or pandas expression
        What `filter=` takes.
    """

    told: str
    filter: Any

    def of(self, frame: pd.DataFrame) -> pd.DataFrame:
        """The rows that pandas itself selects."""
        if isinstance(self.filter, str):
            return frame.query(self.filter, engine="python")
        return frame.loc[self.filter]


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
        names = [name for name, dtype in self.frame.schema.items() if not dtype.is_nested()]
        series = self.frame[self.rng.choice(names)]
        return (
            series.name,
            series,
            [value for value in series.unique(maintain_order=True).to_list() if value is not None],
        )

    def near(self, series: pl.Series, values: list[Any]) -> Any:
        value = self.rng.choice(values) if values else 1
        value = next_to(self.rng, value, pl.Date() if isinstance(value, dt.datetime) else series.dtype)
        return pd.Timestamp(value) if isinstance(value, dt.datetime) else value

    def nearby(self, series: pl.Series, values: list[Any]) -> list[Any]:
        return [self.near(series, values) for _ in range(3)]

    def function(self) -> Written:
        told, condition = self.tree(3)
        if HAS_COL and self.rng.random() < 0.4:
            return Written(told.replace("d[", "pd.col("), condition(pd.col))
        return Written(told, lambda frame: condition(frame.__getitem__))

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
        text = self.clause(2)
        return Written(text, text)

    def clause(self, depth: int) -> str:
        rng = self.rng
        if depth == 0 or rng.random() < 0.5:
            found = self.simple()
        else:
            found = f"({self.clause(depth - 1)}) {rng.choice(['and', 'or', '&', '|'])} ({self.clause(depth - 1)})"
        return f"not ({found})" if rng.random() < 0.15 else found

    def simple(self) -> str:
        """Without datetimes: pandas 3 finds no rows for ``column == "2024-01-31"``."""
        rng = self.rng
        while True:
            name, series, values = self.column()
            if not series.dtype.is_temporal() and not {"`", "\\", "\n"} & set(name):
                break
        # Names that queries do not know.
        literals = [0.5 if repr(value) in ("nan", "inf", "-inf") else value for value in self.nearby(series, values)]
        one, other, third = (repr(value) for value in literals)
        x = f"`{name}`"
        forms = [
            *[f"{x} {rng.choice(TEXT_OPERATORS)} {one}"] * 3,
            f"{one} {rng.choice(TEXT_OPERATORS)} {x}",
            f"{x} in [{one}, {other}]",
            f"{x} not in [{one}, {other}]",
            f"{x} == [{one}, {third}]",
            f"{x}.isna()",
            f"{x}.notnull()",
            f"{x}.isin([{one}, {other}])",
            f"{one} < {x} <= {other}",
            f"{x}.between({one}, {other})",
        ]
        if series.dtype == pl.Boolean:
            forms += [x, f"not {x}", f"~{x}", f"{x} == True"]
        if series.dtype == pl.String:
            forms += [
                f"{x}.str.startswith({one}[:2])",
                f"{x}.str.startswith({one})",
                f"{x}.str.contains({one}, regex=False)",
            ]
        if series.dtype.is_numeric():
            forms += [f"{x} * 2 > {one}", f"-{x} < {one}", f"{x} == {x}"]
        return rng.choice(forms)
