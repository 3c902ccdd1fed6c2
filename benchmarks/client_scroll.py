"""qdrant-client: `scroll` in pages of 1,000, its records into a polars frame, vectors too."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import polars as pl

from benchmarks.client import client
from benchmarks.data import DIM, VECTOR, Job

PAGE = 1_000


def prepare(job: Job) -> Callable[[], int]:
    target = client(job)

    def run() -> int:
        records, offset = [], None
        while True:
            page, offset = target.scroll(
                job.collection, limit=PAGE, offset=offset, with_payload=True, with_vectors=True
            )
            records += page
            if offset is None:
                break
        vectors = np.array([record.vector for record in records], dtype=np.float32)
        frame = pl.DataFrame([record.payload for record in records]).with_columns(
            pl.Series("id", [record.id for record in records], dtype=pl.UInt64),
            pl.Series(VECTOR, vectors, dtype=pl.Array(pl.Float32, DIM)),
        )
        return len(frame)

    return run
