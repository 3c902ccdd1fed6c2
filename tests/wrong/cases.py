"""A frame that cannot be written: how it is built, how it is written, and what the error must name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa

import qframe as qf

NAN, INF = float("nan"), float("inf")
A = "550e8400-e29b-41d4-a716-446655440000"
STORED = "places"
NEW = "harbours"
UNNAMED = {"vectors": {"size": 2, "distance": "Dot"}}
NAMED = {
    "vectors": {
        "dense": {"size": 2, "distance": "Dot"},
        "late": {"size": 2, "distance": "Dot", "multivector_config": {"comparator": "max_sim"}},
        "bytes": {"size": 2, "distance": "Dot", "datatype": "uint8"},
        "half": {"size": 2, "distance": "Dot", "datatype": "float16"},
    },
    "sparse_vectors": {"bag": {}},
}


@dataclass(frozen=True)
class Wrong:
    """A frame, how it is written, and what the error must say."""

    title: str
    frame: Callable[[], Any]
    column: str | None = None
    row: int | None = None
    value: Any = None
    words: tuple[str, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)
    config: Mapping[str, Any] | None = None
    error: type[qf.QframeError] = qf.FrameError


def polars(**columns: Any) -> Callable[[], pl.DataFrame]:
    """A frame of three rows with good ids and vectors where no others are given; None leaves a column out."""
    every = {"id": [1, 2, 3], "vector": pairs([1, 2], [3, 4], [5, 6]), **columns}
    return lambda: pl.DataFrame({name: values for name, values in every.items() if values is not None})


def pandas(**columns: Any) -> Callable[[], pd.DataFrame]:
    every = {"id": [1, 2, 3], "vector": [[0.5] * 16] * 3, **columns}
    return lambda: pd.DataFrame({name: values for name, values in every.items() if values is not None})


def arrow(columns: list[pa.Array], names: list[str]) -> Callable[[], pa.Table]:
    return lambda: pa.Table.from_arrays(columns, names=names)


def pairs(*rows: Any, dtype: Any = pl.Float32) -> pl.Series:
    return pl.Series(rows, dtype=pl.Array(dtype, 2))


def lists(*rows: Any) -> pl.Series:
    return pl.Series(rows, dtype=pl.List(pl.Float64))


def bags(*rows: Any) -> pl.Series:
    bag = pl.Struct({"indices": pl.List(pl.Int64), "values": pl.List(pl.Float64)})
    return pl.Series([None if row is None else {"indices": row[0], "values": row[1]} for row in rows], dtype=bag)


def late(*rows: Any) -> pl.Series:
    return pl.Series(rows, dtype=pl.List(pl.List(pl.Float64)))


def named(title: str, **more: Any) -> Wrong:
    """A wrong vector for the collection with named ones."""
    column = more.pop("name")
    frame = polars(vector=None, **{column: more.pop("series")})
    return Wrong(title, frame, column, config=NAMED, options={"vector": column}, **more)


@dataclass(frozen=True)
class WrongWrite:
    """A write besides upsert that cannot be done, and what the error must say."""

    title: str
    verb: str
    frame: Any
    words: tuple[str, ...]
    options: Mapping[str, Any]
    error: type[qf.QframeError]
