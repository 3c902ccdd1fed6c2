"""qdrant-client: `delete` with a `PointIdsList`, 1,000 ids to a request; making lists is included."""

from __future__ import annotations

from collections.abc import Callable

from qdrant_client import models

from benchmarks.client import client
from benchmarks.data import Job, batches, ids


def prepare(job: Job) -> Callable[[], int]:
    frame, target = job.rows(), client(job)

    def run() -> int:
        for part in batches(frame):
            target.delete(job.collection, models.PointIdsList(points=ids(part)), wait=True)
        return len(frame)

    return run
