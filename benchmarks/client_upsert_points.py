"""qdrant-client: `upsert` with a list of `PointStruct`, 1,000 to a request; making them is included."""

from __future__ import annotations

from collections.abc import Callable

from benchmarks.client import client, points
from benchmarks.data import Job, batches


def prepare(job: Job) -> Callable[[], int]:
    frame, target = job.rows(), client(job)

    def run() -> int:
        for part in batches(frame):
            target.upsert(job.collection, list(points(part)), wait=True)
        return len(frame)

    return run
