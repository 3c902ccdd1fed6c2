"""The payloads of the cases: eight fields a row, of scalars, long texts, structs and lists, or with nulls; or none."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from typing import Any, Literal

import numpy as np
import polars as pl

CATEGORIES = ("art", "food", "home", "music", "news", "park", "school", "shop", "sport", "travel", "work", "zoo")
WORDS = ("amber", "bridge", "canal", "delta", "ember", "fjord", "garden", "harbour", "island", "juniper", "kiosk")
NULLS = 0.25
"""Of the values of each field, where there are nulls."""

Payload = Literal["scalar", "none", "text", "nested", "nulls"]
Columns = dict[str, Any]


def scalars(rng: np.random.Generator, rows: int) -> Columns:
    """Two texts, integer, float, boolean, a point in time as text, a category, another integer."""
    words = rng.integers(0, len(WORDS), (rows, 9))
    begin = datetime.datetime(2024, 1, 1)
    seconds = rng.integers(0, 60_000_000, rows).tolist()
    return {
        "name": [f"{WORDS[a]} {WORDS[b]} {row}" for row, (a, b) in enumerate(words[:, :2])],
        "description": [" ".join(WORDS[word] for word in line) for line in words],
        "visitors": rng.integers(0, 1_000_000, rows),
        "price": np.round(rng.gamma(2.0, 20.0, rows), 2),
        "open": rng.random(rows) < 0.7,
        "seen": [f"{(begin + datetime.timedelta(seconds=one)).isoformat()}Z" for one in seconds],
        "category": [CATEGORIES[one] for one in rng.integers(0, len(CATEGORIES), rows)],
        "year": rng.integers(1950, 2025, rows),
    }


def texts(rng: np.random.Generator, rows: int) -> Columns:
    """Three texts of 200 to 800 characters instead of the two short ones and the category."""
    kept = scalars(rng, rows)
    pool = " ".join(WORDS[word] for word in rng.integers(0, len(WORDS), 20_000))
    begins = rng.integers(0, len(pool) - 800, (3, rows)).tolist()
    lengths = rng.integers(200, 801, (3, rows)).tolist()
    for name, begin, length in zip(("name", "description", "category"), begins, lengths, strict=True):
        kept[name] = [pool[at : at + size] for at, size in zip(begin, length, strict=True)]
    return kept


def nested(rng: np.random.Generator, rows: int) -> Columns:
    """A struct of scalars and a struct, lists of texts and of floats, a list of structs, and four of the scalars."""
    kept = scalars(rng, rows)
    numbers = iter(rng.integers(0, 1 << 30, rows * 12).tolist())
    reals = iter(np.round(rng.random(rows * 8) * 90, 5).tolist())
    tags, scores, reviews = rng.integers(0, 5, (3, rows)).tolist()
    return {
        "name": kept["name"],
        "address": [
            {
                "street": f"{WORDS[next(numbers) % len(WORDS)]} street {row % 200}",
                "zip": next(numbers) % 100_000,
                "place": {"lat": next(reals), "lon": next(reals)},
            }
            for row in range(rows)
        ],
        "tags": [[CATEGORIES[next(numbers) % len(CATEGORIES)] for _ in range(size)] for size in tags],
        "scores": pl.Series([[next(reals) for _ in range(size)] for size in scores], dtype=pl.List(pl.Float64)),
        "reviews": [
            [{"by": f"user {next(numbers) % 5_000}", "stars": 1 + star, "kept": star > 1} for star in range(size)]
            for size in reviews
        ],
        "price": kept["price"],
        "open": kept["open"],
        "year": kept["year"],
    }


def with_nulls(rng: np.random.Generator, rows: int) -> Columns:
    """The eight scalars, a quarter of each null."""
    holes = {name: rng.random(rows) < NULLS for name in scalars(rng, 0)}
    columns = pl.DataFrame(scalars(rng, rows))
    return {
        name: columns.select(pl.when(~pl.Series(hole)).then(pl.col(name)).alias(name))[name]
        for name, hole in holes.items()
    }


FIELDS: dict[Payload, Callable[[np.random.Generator, int], Columns]] = {
    "scalar": scalars,
    "none": lambda _, __: {},
    "text": texts,
    "nested": nested,
    "nulls": with_nulls,
}
