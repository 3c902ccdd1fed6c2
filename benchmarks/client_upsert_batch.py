"""qdrant-client: `upsert` with a `Batch` of 1,000 rows; making lists and dicts of the frame is included."""

from __future__ import annotations

from collections.abc import Callable

from qdrant_client import models

from benchmarks.client import client, dicts
from benchmarks.data import Job, batches, ids, matrix


def prepare(job: Job) -> Callable[[], int]:
    frame, target = job.rows(), client(job)

    def run() -> int:
        for part in batches(frame):
            batch = models.Batch(ids=ids(part), vectors=matrix(part).tolist(), payloads=dicts(part))
            target.upsert(job.collection, batch, wait=True)
        return len(frame)

    return run
