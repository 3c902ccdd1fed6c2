"""qdrant-client: `upload_points` with a `PointStruct` a row, in batches of 1,000; making them is included."""

from __future__ import annotations

from collections.abc import Callable

from benchmarks.client import client, points
from benchmarks.data import BATCH, Job


def prepare(job: Job) -> Callable[[], int]:
    frame, target = job.rows(), client(job)

    def run() -> int:
        target.upload_points(job.collection, points(frame), batch_size=BATCH, wait=True)
        return len(frame)

    return run
