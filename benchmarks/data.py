"""The base case: rows, their vectors and eight scalar fields, the same at every call."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import polars as pl

ROWS = 20_000
DIM = 384
BATCH = 1_000
"""Rows in a request of qdrant-client, and of the limit of writing."""

VECTOR = "embedding"
CATEGORIES = ("art", "food", "home", "music", "news", "park", "school", "shop", "sport", "travel", "work", "zoo")
WORDS = ("amber", "bridge", "canal", "delta", "ember", "fjord", "garden", "harbour", "island", "juniper", "kiosk")


@dataclass(frozen=True)
class Job:
    """What one process measures, and where: the target is a stand-in, or a real server.

    Parameters
    ----------
    way : str
        Name of the module in this folder whose `prepare(job)` returns the function to be timed.
    wire : "grpc" or "rest"
    gzip : bool
        Whether compressed answers are asked for.
    frame : str
        File of the rows, Parquet.
    host, port, grpc_port : str, int, int
    collection : str
    api_key : str or None
    """

    way: str
    wire: Literal["grpc", "rest"]
    gzip: bool
    frame: str
    host: str
    port: int
    grpc_port: int
    collection: str
    api_key: str | None = None

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"

    def rows(self) -> pl.DataFrame:
        return read_rows(Path(self.frame))


def make_rows(rows: int = ROWS, dim: int = DIM) -> pl.DataFrame:
    """`id`, two texts, integer, float, boolean, a point in time as text, a category, another integer, and a vector of
    length 1 as embedding models make them.
    """
    rng = np.random.default_rng(7)
    vectors = rng.standard_normal((rows, dim), dtype=np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    words = rng.integers(0, len(WORDS), (rows, 9))
    begin = datetime.datetime(2024, 1, 1)
    seconds = rng.integers(0, 60_000_000, rows).tolist()
    return pl.DataFrame(
        {
            "id": np.arange(rows, dtype=np.uint64),
            "name": [f"{WORDS[a]} {WORDS[b]} {row}" for row, (a, b) in enumerate(words[:, :2])],
            "description": [" ".join(WORDS[word] for word in line) for line in words],
            "visitors": rng.integers(0, 1_000_000, rows),
            "price": np.round(rng.gamma(2.0, 20.0, rows), 2),
            "open": rng.random(rows) < 0.7,
            "seen": [f"{(begin + datetime.timedelta(seconds=one)).isoformat()}Z" for one in seconds],
            "category": [CATEGORIES[one] for one in rng.integers(0, len(CATEGORIES), rows)],
            "year": rng.integers(1950, 2025, rows),
            VECTOR: pl.Series(vectors, dtype=pl.Array(pl.Float32, dim)),
        }
    )


def read_rows(path: Path) -> pl.DataFrame:
    return pl.read_parquet(path).rechunk()


def matrix(frame: pl.DataFrame) -> np.ndarray[Any, np.dtype[np.float32]]:
    """The vectors, shape (rows, dimensions)."""
    return frame[VECTOR].to_numpy()


def payloads(frame: pl.DataFrame) -> list[dict[str, Any]]:
    """The eight fields of each row as a dict."""
    return frame.drop("id", VECTOR).to_dicts()
