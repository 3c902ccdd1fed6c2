"""qdrant-client: `update_vectors` with a `PointVectors` a row, 1,000 to a request; making lists is included."""

from __future__ import annotations

from collections.abc import Callable

from qdrant_client import models

from benchmarks.client import client
from benchmarks.data import Job, batches, ids, matrix


def prepare(job: Job) -> Callable[[], int]:
    frame, target = job.rows(), client(job)

    def run() -> int:
        for part in batches(frame):
            points = [
                models.PointVectors(id=number, vector=vector)
                for number, vector in zip(ids(part), matrix(part).tolist(), strict=True)
            ]
            target.update_vectors(job.collection, points, wait=True)
        return len(frame)

    return run
