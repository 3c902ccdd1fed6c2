"""Expressions whose serialised form is recorded from several versions of polars, and how that is done.

`python -m tests.frames.polars_predicates.versions` under some polars adds what that writes to `RECORDED`.
Imports nothing but polars, so that it runs where only that is installed.
"""

from __future__ import annotations

import datetime as dt
import json
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
from polars.io.plugins import register_io_source

from tests.frames.polars_predicates.frames import SCHEMA

RECORDED = Path(__file__).parents[2] / "data" / "polars_expressions.jsonl"

col = pl.col
_DAY, _TIME = dt.date(2024, 1, 1), dt.datetime(2024, 1, 1, 12, 30)
_MOMENT = _TIME.replace(tzinfo=dt.UTC)
_TEXT, _O = col("s").str, col("o").struct

EXPRESSIONS: dict[str, pl.Expr] = {
    "i == 3": col("i") == 3,
    "3 == i": pl.lit(3) == col("i"),
    "3 < i": pl.lit(3) < col("i"),
    "i != 3": col("i") != 3,
    "i <= 3": col("i") <= 3,
    "i > 2.5": col("i") > 2.5,
    "i8 > 3": col("i8") > 3,
    "i8 > 300": col("i8") > 300,
    "i8 >= 0.5": col("i8") >= 0.5,
    "u == -1": col("u") == -1,
    "u > -1": col("u") > -1,
    "u < 2": col("u") < 2,
    "u64 > 2**63": col("u64") > 2**63,
    "u64 == Int64": col("u64") == pl.lit(3, pl.Int64),
    "i > 2**53 + 1": col("i") > 2**53 + 1,
    "i > 2**63": col("i") > 2**63,
    "i == Int8": col("i") == pl.lit(3, pl.Int8),
    "f > 3": col("f") > 3,
    "f <= 0.1": col("f") <= 0.1,
    "f == -0.0": col("f") == -0.0,
    "f > nan": col("f") > float("nan"),
    "f < inf": col("f") < float("inf"),
    "f32 > 0.1": col("f32") > 0.1,
    "f32 == 0.5": col("f32") == 0.5,
    "f32 > Float64": col("f32") > pl.lit(0.1, pl.Float64),
    "s == a": col("s") == "a",
    "s > a": col("s") > "a",
    "a <= s": pl.lit("a") <= col("s"),
    "c == a": col("c") == "a",
    "c != a": col("c") != "a",
    "c as text": col("c").cast(pl.String) > "a",
    "c in": col("c").is_in(["a", "b"]),
    "e == a": col("e") == "a",
    "e > a": col("e") > "a",
    "e in": col("e").is_in(["a", "b"]),
    "b": col("b"),
    "not b": ~col("b"),
    "b == true": col("b") == pl.lit(value=True),
    "b != true": col("b") != pl.lit(value=True),
    "b in": col("b").is_in([True]),
    "b == b2": col("b") == col("b2"),
    "b xor b2": col("b") ^ col("b2"),
    "b.fill_null": col("b").fill_null(value=False),
    "b.eq_missing": col("b").eq_missing(pl.lit(value=True)),
    "d == day": col("d") == _DAY,
    "d > time": col("d") > _TIME,
    "d == time": col("d") == _TIME,
    "d in": col("d").is_in([_DAY]),
    "d between": col("d").is_between(_DAY, dt.date(2025, 1, 1), closed="left"),
    "d.year": col("d").dt.year() == 2024,
    "d.year in": col("d").dt.year().is_in([2023, 2024]),
    "d.month": col("d").dt.month() == 1,
    "t > time": col("t") > _TIME,
    "t > day": col("t") > _DAY,
    "t == time": col("t") == _TIME,
    "t in": col("t").is_in([_TIME]),
    "t between": col("t").is_between(_DAY, _TIME),
    "t.year": col("t").dt.year() < 2024,
    "t.date": col("t").dt.date() == _DAY,
    "t as day": col("t").cast(pl.Date) >= _DAY,
    "t.truncate": col("t").dt.truncate("1d") == dt.datetime(2024, 1, 1),
    "t > a day before": col("t") > pl.lit(_TIME) - pl.duration(days=1),
    "t > parsed": col("t") > pl.lit("2024-01-01").str.to_datetime(),
    "t > pl.datetime": col("t") > pl.datetime(2024, 1, 1),
    "tms > moment": col("tms") > _MOMENT,
    "tms > elsewhere": col("tms") > _TIME.replace(tzinfo=dt.timezone(dt.timedelta(hours=2))),
    "tns > time": col("tns") > _TIME,
    "tns > Datetime(ns)": col("tns") > pl.lit(_TIME, pl.Datetime("ns")),
    "tns in": col("tns").is_in(pl.Series([_TIME], dtype=pl.Datetime("ns")).implode()),
    "tb > moment": col("tb") > _TIME.replace(tzinfo=ZoneInfo("Europe/Berlin")),
    "tb.year": col("tb").dt.year() == 2024,
    "i in": col("i").is_in([1, 2]),
    "i in, null": col("i").is_in([1, None]),
    "i in, nulls equal": col("i").is_in([1, None], nulls_equal=True),
    "i in, no nulls equal": col("i").is_in([1], nulls_equal=True),
    "i not in": ~col("i").is_in([1, 2]),
    "i in nothing": col("i").is_in([]),
    "i in a Series": col("i").is_in(pl.Series([1, 2]).implode()),
    "i8 in": col("i8").is_in([1, 2]),
    "i8 in, beyond": col("i8").is_in([1, 300]),
    "u in, below": col("u").is_in([-1, 2]),
    "f in": col("f").is_in([0.5, 1.0]),
    "s in": col("s").is_in(["a", "b"]),
    "s in, null": col("s").is_in(["a", None]),
    "i in li": col("i").is_in(col("li")),
    "i between": col("i").is_between(1, 3),
    "i between, open": col("i").is_between(1, 3, closed="none"),
    "i is null": col("i").is_null(),
    "i is not null": col("i").is_not_null(),
    "i.eq_missing": col("i").eq_missing(3),
    "i.ne_missing": col("i").ne_missing(3),
    "i.eq_missing(None)": col("i").eq_missing(None),
    "i.ne_missing(None)": col("i").ne_missing(None),
    "i.fill_null": col("i").fill_null(0) > 3,
    "(i > 3).fill_null": (col("i") > 3).fill_null(value=True),
    "when": pl.when(col("i") > 3).then(pl.lit(value=True)).otherwise(pl.lit(value=False)),
    "and": (col("i") > 3) & (col("s") == "a") & col("b"),
    "or": (col("i") > 3) | (col("s") == "a"),
    "not or": ~((col("i") > 3) | (col("s") == "a")),
    "any": pl.any_horizontal("b", "b2", col("i") > 3),
    "all": pl.all_horizontal("b", "b2"),
    "true": pl.lit(value=True),
    "alias": (col("i") > 3).alias("x"),
    "s.starts_with": _TEXT.starts_with("a"),
    "s.ends_with": _TEXT.ends_with("b"),
    "s.contains": _TEXT.contains("ab"),
    "s.contains literal": _TEXT.contains("b.c", literal=True),
    "s.contains ^": _TEXT.contains("^ab"),
    "s.contains regex": _TEXT.contains("a.*b$"),
    "s.contains_any": _TEXT.contains_any(["a", "c"]),
    "s.slice": _TEXT.slice(0, 2) == "ab",
    "s.head": _TEXT.head(1) == "a",
    "s.len": _TEXT.len_chars() > 2,
    "s.lower": _TEXT.to_lowercase() == "ab",
    "li.contains": col("li").list.contains(3),
    "ls.contains": col("ls").list.contains("a"),
    "not li.contains": ~col("li").list.contains(3),
    "a.contains": col("a").arr.contains(0.5),
    "li.len": col("li").list.len() >= 2,
    "li.len == -1": col("li").list.len() == -1,
    "o.i": _O.field("i") == 3,
    "o.o.f": _O.field("o").struct.field("f") > 0.5,
    "o.b": _O.field("b"),
    "i + 1": col("i") + 1 > 3,
    "i > i8": col("i") > col("i8"),
    "i as Int32": col("i").cast(pl.Int32, strict=False) == 3,
    "i as Float64": col("i").cast(pl.Float64) > 2.5,
}


def handed_over(expression: pl.Expr) -> pl.Expr | None:
    """What polars asks a source for."""
    nothing = pl.DataFrame(schema=SCHEMA)
    handed: list[pl.Expr | None] = [None]

    def source(columns: list[str] | None, predicate: pl.Expr | None, *_: Any) -> Iterator[pl.DataFrame]:
        handed.append(predicate)
        yield nothing if columns is None else nothing.select(columns)

    register_io_source(source, schema=nothing.schema).filter(expression).collect()
    return handed[-1]


def _record() -> None:
    """Add this version; a line is a name, "written" or "handed", JSON, and the versions that write it so."""
    lines = [json.loads(line) for line in RECORDED.read_text().splitlines()] if RECORDED.exists() else []
    held: dict[tuple[str, str, str], list[str]] = {(*line[:2], json.dumps(line[2])): line[3] for line in lines}
    for name, expression in EXPRESSIONS.items():
        for form, given in (("written", expression), ("handed", handed_over(expression))):
            if given is not None:
                text = json.dumps(json.loads(given.meta.serialize(format="json")))
                versions = held.setdefault((name, form, text), [])
                versions.extend({pl.__version__} - set(versions))
    places = {name: place for place, name in enumerate(EXPRESSIONS)}
    order = sorted(held, key=lambda key: (places[key[0]], key[1], min(held[key]), key[2]))
    compact = [[*key[:2], json.loads(key[2]), sorted(held[key])] for key in order if key[0] in places]
    RECORDED.write_text("".join(json.dumps(line, separators=(",", ":")) + "\n" for line in compact))


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    _record()
