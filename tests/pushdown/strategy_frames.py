"""Random typed frames of a seed, for pushdown: few distinct values a column, so that predicates select something."""

from __future__ import annotations

import datetime as dt
import random
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import polars as pl

UTC = dt.UTC
COLOURS = ["red", "green", "blue", "grey"]
UUIDS = [str(uuid.UUID(int=(7 << 100) + n)) for n in range(4)]
TEXTS = [
    *(
        "",
        " ",
        "a",
        "ab",
        "abc",
        "AB",
        "b",
        "xaby",
        "1",
        "true",
        "null",
        "a b",
        "a.b",
        "a*b",
        "a_b",
        "100%",
        "(x)",
        "^a",
    ),
    *("a|b", "[ab]", "\\d", "$", '"', "'", "ä", "Ä", "日本", "e\u0301", "é", "\n", "𝄞", "red", "2024-01-31"),
    *UUIDS,
]
NAMES = [
    *("a.b", "with space", "ümlaut", 'q"uote', "back\\slash", "a[0]", "x[]", "UPPER", "n-1", "_", "score", "a", "b"),
    *("key", "must", "range", "日本", "0", "x.y.z", "c'd", "price", "kind", "at", "where"),
]
"""Column names, most of which a path must quote, and two of which no path can name."""
EDGE = 2**53
LAST = 2**63 - 1

Random = random.Random
Pool = Callable[[Random], list[Any]]


def _whole(low: int, high: int) -> Pool:
    """Small numbers, those around 2^53, or the largest there are; within the bounds of a dtype."""

    def pool(rng: Random) -> list[int]:
        small = [rng.randint(-4, 12) for _ in range(6)]
        edge = [rng.choice([1, -1]) * EDGE + rng.randint(-3, 3) for _ in range(6)]
        ends = [low, low + 1, high - 1, high, high - 512]
        found = rng.choice([small, small, small, small + edge, edge, edge + ends])
        return [value for value in found if low <= value <= high] or [0, 1, high]

    return pool


def _floats(rng: Random) -> list[float]:
    few = [rng.randint(-40, 40) / 4 for _ in range(6)]
    tenths = [rng.randint(-20, 20) / 10 for _ in range(6)]
    full = [rng.uniform(-2, 2) * 10 ** rng.randint(-3, 3) for _ in range(6)]
    odd = [0.0, -0.0, 1e300, -1e300, 5e-324, float(EDGE), float(EDGE + 2), float(2**63), 1e-9]
    return rng.choice([few, few, tenths, tenths, [*few, *tenths], full, [*few, *odd]])


def _floats32(rng: Random) -> list[float]:
    values = pl.Series(_floats(rng), dtype=pl.Float32).to_list()
    return [value for value in values if abs(value) < 1e38]


def _texts(rng: Random) -> list[str]:
    return rng.choice([rng.sample(TEXTS, 8), rng.sample(TEXTS[:7], 5), UUIDS, TEXTS])


def _dates(rng: Random) -> list[dt.date]:
    start = rng.choice([dt.date(2024, 2, 27), dt.date(1969, 12, 30), dt.date(1850, 6, 1), dt.date(2400, 1, 1)])
    return [start + dt.timedelta(days=rng.randint(0, 5)) for _ in range(6)]


def _moments(rng: Random) -> list[dt.datetime]:
    """Around the hour that happens twice in Berlin, around 1970, midnights among them."""
    start = rng.choice([dt.datetime(2024, 10, 26, 22), dt.datetime(1969, 12, 31, 22), dt.datetime(2024, 3, 30)])
    steps = [
        dt.timedelta(hours=1),
        dt.timedelta(minutes=30),
        dt.timedelta(microseconds=1),
        dt.timedelta(milliseconds=250),
    ]
    return [start + rng.randint(0, 8) * rng.choice(steps) for _ in range(7)]


def _aware(rng: Random) -> list[dt.datetime]:
    return [value.replace(tzinfo=UTC) for value in _moments(rng)]


def _durations(rng: Random) -> list[dt.timedelta]:
    return [rng.randint(-3, 3) * dt.timedelta(hours=7, microseconds=rng.randint(0, 1) * 250) for _ in range(5)]


def _times(rng: Random) -> list[dt.time]:
    return [dt.time(rng.randint(0, 23), rng.choice([0, 30]), 0, rng.choice([0, 500_000])) for _ in range(5)]


def _lists(pool: Pool) -> Pool:
    """Empty ones, and ones with null elements, among them."""

    def lists(rng: Random) -> list[list[Any]]:
        values = [*pool(rng)[:5], None]
        return [[], [None], *([rng.choice(values) for _ in range(rng.randint(1, 3))] for _ in range(6))]

    return lists


def _structs(rng: Random) -> list[dict[str, Any]]:
    whole, texts, floats, moments = _whole(-9, LAST)(rng), _texts(rng), _floats(rng), _aware(rng)

    def maybe(values: list[Any]) -> Any:
        return rng.choice([*values, None])

    def one() -> dict[str, Any]:
        inner = {"z.1": maybe(floats), "at": maybe(moments), "on": maybe([True, False])}
        return {"x": maybe(whole), "y y": maybe(texts), "in": maybe([inner] * 4), "l": maybe([[], whole[:1], whole])}

    return [one() for _ in range(8)]


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of column.

    Parameters
    ----------
    dtype : polars.DataType
    pool : callable
        The distinct values of one column.
    indexes : tuple of str
        Payload indexes that people make on it; the fitting one first.
    """

    dtype: Any
    pool: Pool
    indexes: tuple[str, ...] = ()


INNER = pl.Struct({"z.1": pl.Float64, "at": pl.Datetime("us", "UTC"), "on": pl.Boolean})
STRUCT = pl.Struct({"x": pl.Int64, "y y": pl.String, "in": INNER, "l": pl.List(pl.Int64)})
NUMBERS = ("integer", "float")
KINDS: dict[str, Kind] = {
    "int64": Kind(pl.Int64, _whole(-LAST - 1, LAST), NUMBERS),
    "int32": Kind(pl.Int32, _whole(-(2**31), 2**31 - 1), NUMBERS),
    "uint8": Kind(pl.UInt8, _whole(0, 255), NUMBERS),
    "uint64": Kind(pl.UInt64, _whole(0, LAST), NUMBERS),
    "float64": Kind(pl.Float64, _floats, ("float", "float", "integer")),
    "float32": Kind(pl.Float32, _floats32, ("float",)),
    "boolean": Kind(pl.Boolean, lambda rng: [True, False], ("bool",)),
    "string": Kind(pl.String, _texts, ("keyword", "keyword", "text", "uuid")),
    "digits": Kind(pl.String, lambda rng: [*"0123", "-1", "1.5"], ("keyword", "integer")),
    "categorical": Kind(pl.Categorical, lambda rng: COLOURS, ("keyword",)),
    "enum": Kind(pl.Enum(COLOURS), lambda rng: COLOURS, ("keyword",)),
    "date": Kind(pl.Date, _dates, ("datetime", "datetime", "keyword")),
    "datetime": Kind(pl.Datetime("us"), _moments, ("datetime", "datetime", "keyword")),
    "datetime_ns": Kind(pl.Datetime("ns"), _moments, ("datetime",)),
    "datetime_utc": Kind(pl.Datetime("us", "UTC"), _aware, ("datetime", "datetime", "keyword")),
    "datetime_berlin": Kind(pl.Datetime("us", "Europe/Berlin"), _aware, ("datetime",)),
    "datetime_ms": Kind(
        pl.Datetime("ms", "UTC"), lambda rng: [at.replace(microsecond=0) for at in _aware(rng)], ("datetime",)
    ),
    "duration": Kind(pl.Duration("us"), _durations),
    "time": Kind(pl.Time, _times),
    "list_int": Kind(pl.List(pl.Int64), _lists(_whole(-LAST, LAST)), NUMBERS),
    "list_string": Kind(pl.List(pl.String), _lists(_texts), ("keyword", "text")),
    "list_float": Kind(pl.List(pl.Float64), _lists(_floats), ("float",)),
    "list_date": Kind(pl.List(pl.Date), _lists(_dates), ("datetime",)),
    "struct": Kind(STRUCT, _structs),
}
NESTED_INDEXES = {"x": "integer", '"y y"': "keyword", 'in."z.1"': "float", "in.at": "datetime", "in.on": "bool"}
OFTEN = ("int64", "float64", "string", "boolean", "datetime_utc", "struct", "list_string", "list_int")


@dataclass(frozen=True, slots=True)
class Stored:
    """What one seed stores.

    Parameters
    ----------
    frame : polars.DataFrame
        With `id`; UInt64 or String.
    vector : str
        Name of its vector column, which is null in some rows.
    indexes : mapping of str to str
        Payload indexes by path.
    nulls : "omit" or "keep"
        Whether a null is a key that is missing or one that holds null.
    """

    frame: pl.DataFrame
    vector: str
    indexes: dict[str, str]
    nulls: str


def _column(rng: Random, name: str, kind: Kind, rows: int) -> pl.Series:
    pool = kind.pool(rng)
    share = rng.choice([0.0, 0.1, 0.3, 0.3])
    values = [None if rng.random() < share else rng.choice(pool) for _ in range(rows)]
    if getattr(kind.dtype, "time_zone", None) not in (None, "UTC"):
        utc = pl.Series(name, values, dtype=pl.Datetime("us", "UTC"))
        return utc.dt.convert_time_zone(kind.dtype.time_zone)
    return pl.Series(name, values, dtype=kind.dtype, strict=True)


def _ids(rng: Random, rows: int) -> pl.Series:
    starts = rng.sample(range(3 * rows), rows)
    match rng.choice(["small", "small", "edge", "large", "uuid"]):
        case "small":
            return pl.Series("id", starts, dtype=pl.UInt64)
        case "edge":
            return pl.Series("id", [EDGE - rows + start for start in starts], dtype=pl.UInt64)
        case "large":
            return pl.Series("id", [2**64 - 1 - start for start in starts], dtype=pl.UInt64)
        case _:
            return pl.Series("id", [str(uuid.UUID(int=rng.getrandbits(128))) for _ in starts], dtype=pl.String)


def _quoted(name: str) -> str | None:
    """A name as a path; None where there is none for it."""
    return None if '"' in name or "\\" in name else f'"{name}"'


def random_stored(rng: Random, rows: int = 90, columns: int = 12) -> Stored:
    """A frame with a vector, and which payload indexes may be made."""
    vector = rng.choice(["vector", "em bed", "dense"])
    kinds = [*OFTEN, *rng.sample(sorted(KINDS), columns)][:columns]
    found = [_ids(rng, rows)]
    indexes: dict[str, str] = {}
    for name, kind in zip(rng.sample(NAMES, columns), rng.sample(kinds, columns), strict=True):
        found.append(_column(rng, name, KINDS[kind], rows))
        path = _quoted(name)
        if path is None or rng.random() < 0.3:
            continue
        if KINDS[kind].indexes:
            indexes[path] = rng.choice(KINDS[kind].indexes)
        elif kind == "struct":
            indexes |= {f"{path}.{field}": index for field, index in NESTED_INDEXES.items()}
    vectors = [None if rng.random() < 0.25 else [rng.random(), 1.0] for _ in range(rows)]
    found.append(pl.Series(vector, vectors, dtype=pl.Array(pl.Float32, 2)))
    return Stored(pl.DataFrame(found), vector, indexes, rng.choice(["omit", "keep"]))
