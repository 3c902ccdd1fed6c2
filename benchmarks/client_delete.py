"""qdrant-client: `delete` with a `PointIdsList`, 1,000 ids to a request; making lists is included."""

from __future__ import annotations

from collections.abc import Callable

from qdrant_client import models

from benchmarks.client import client
from benchmarks.data import BATCH, Job


def prepare(job: Job) -> Callable[[], int]:
    frame, target = job.rows(), client(job)

    def run() -> int:
        for part in frame.iter_slices(BATCH):
            target.delete(job.collection, models.PointIdsList(points=part["id"].to_list()), wait=True)
        return len(frame)

    return run
