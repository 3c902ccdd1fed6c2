"""Jobs and their rows: the vectors, ids and payloads of a frame of polars or of pandas, as qdrant-client takes them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import polars as pl

from benchmarks.fields import FIELDS, Payload

ROWS = 20_000
DIM = 384
BATCH = 1_000
"""Rows in a request of qdrant-client, and of the limit of writing."""

VECTOR = "embedding"

Wire = Literal["grpc", "rest"]
Library = Literal["polars", "pandas"]


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
    count : int
        How many rows, the first ones, are written or read.
    library : "polars" or "pandas"
        Of the frame that is written, or made of what is read.
    vectors : bool
        Whether a read asks for them.
    n_jobs : int
        Workers of qframe, threads of the limit, processes of qdrant-client.
    """

    way: str
    wire: Wire
    gzip: bool
    frame: str
    host: str
    port: int
    grpc_port: int
    collection: str
    api_key: str | None = None
    count: int = ROWS
    library: Library = "polars"
    vectors: bool = True
    n_jobs: int = 1

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"

    def rows(self) -> Any:
        """The frame, of the job's library."""
        frame = read_rows(Path(self.frame), self.count)
        return frame if self.library == "polars" else as_pandas(frame)


def make_rows(rows: int = ROWS, dim: int = DIM, payload: Payload = "scalar") -> pl.DataFrame:
    """`id`, the fields of that kind of payload, and a vector of length 1 as embedding models make them."""
    rng = np.random.default_rng(7)
    vectors = rng.standard_normal((rows, dim), dtype=np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return pl.DataFrame(
        {
            "id": np.arange(rows, dtype=np.uint64),
            **FIELDS[payload](rng, rows),
            VECTOR: pl.Series(vectors, dtype=pl.Array(pl.Float32, dim)),
        }
    )


def read_rows(path: Path, rows: int | None = None) -> pl.DataFrame:
    """The first rows of a file, or all."""
    return pl.read_parquet(path, n_rows=rows).rechunk()


def as_pandas(frame: pl.DataFrame) -> Any:
    """A frame of pandas as its users have it: a vector is an array in a column of objects."""
    table = frame.drop(VECTOR).to_pandas()
    table[VECTOR] = list(matrix(frame))
    return table


def batches(frame: Any) -> Iterator[Any]:
    """Slices of 1,000 rows, of the same library."""
    for start in range(0, len(frame), BATCH):
        yield frame[start : start + BATCH]


def ids(frame: Any) -> list[Any]:
    return frame["id"].to_list()


def matrix(frame: Any) -> np.ndarray[Any, np.dtype[np.float32]]:
    """The vectors, shape (rows, dimensions)."""
    if isinstance(frame, pl.DataFrame):
        return frame[VECTOR].to_numpy()
    return np.stack(frame[VECTOR].to_numpy())


def has_payload(frame: Any) -> bool:
    return len(frame.columns) > 2


def payloads(frame: Any) -> list[dict[str, Any]]:
    """The fields of each row as a dict; nulls are left out, as qframe leaves them out."""
    if not has_payload(frame):
        return [{} for _ in range(len(frame))]
    if not isinstance(frame, pl.DataFrame):
        return frame.drop(columns=["id", VECTOR]).to_dict("records")
    fields = frame.drop("id", VECTOR)
    rows = fields.to_dicts()
    if any(column.null_count() for column in fields):
        return [{name: value for name, value in row.items() if value is not None} for row in rows]
    return rows
