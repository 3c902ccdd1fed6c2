"""qdrant-client: `batch_update_points` with a `SetPayloadOperation` a row, 1,000 a request; making dicts included."""

from __future__ import annotations

from collections.abc import Callable

from qdrant_client import models

from benchmarks.client import client
from benchmarks.data import Job, batches, ids, payloads


def prepare(job: Job) -> Callable[[], int]:
    frame, target = job.rows(), client(job)

    def run() -> int:
        for part in batches(frame):
            operations = [
                models.SetPayloadOperation(set_payload=models.SetPayload(payload=payload, points=[number]))
                for number, payload in zip(ids(part), payloads(part), strict=True)
            ]
            target.batch_update_points(job.collection, operations, wait=True)
        return len(frame)

    return run
