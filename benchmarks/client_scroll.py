"""qdrant-client: `scroll` in pages of 1,000, its records into a frame of polars or of pandas."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl

from benchmarks.client import client
from benchmarks.data import VECTOR, Job

PAGE = 1_000


def prepare(job: Job) -> Callable[[], int]:
    target = client(job)
    as_frame = as_polars if job.library == "polars" else as_pandas

    def run() -> int:
        records: list[Any] = []
        offset = None
        while len(records) < job.count:
            page, offset = target.scroll(
                job.collection, limit=PAGE, offset=offset, with_payload=True, with_vectors=job.vectors
            )
            records += page
            if offset is None:
                break
        return len(as_frame(records, job.vectors))

    return run


def as_polars(records: list[Any], vectors: bool) -> pl.DataFrame:
    columns = [pl.Series("id", [record.id for record in records], dtype=pl.UInt64)]
    if vectors:
        values = matrix(records)
        columns.append(pl.Series(VECTOR, values, dtype=pl.Array(pl.Float32, values.shape[1])))
    if not records[0].payload:
        return pl.DataFrame(columns)
    return pl.DataFrame([record.payload for record in records]).with_columns(columns)


def as_pandas(records: list[Any], vectors: bool) -> Any:
    import pandas as pd

    frame = pd.DataFrame([record.payload for record in records])
    frame["id"] = np.array([record.id for record in records], dtype=np.uint64)
    if vectors:
        frame[VECTOR] = list(matrix(records))
    return frame


def matrix(records: list[Any]) -> np.ndarray[Any, np.dtype[np.float32]]:
    return np.array([record.vector for record in records], dtype=np.float32)
