"""qdrant-client: `upload_collection` in batches of 1,000; making a matrix and dicts of the frame is included."""

from __future__ import annotations

from collections.abc import Callable

from benchmarks.client import client
from benchmarks.data import BATCH, Job, matrix, payloads


def prepare(job: Job) -> Callable[[], int]:
    frame, target = job.rows(), client(job)

    def run() -> int:
        target.upload_collection(
            job.collection,
            vectors=matrix(frame),
            payload=payloads(frame),
            ids=frame["id"].to_list(),
            batch_size=BATCH,
            wait=True,
        )
        return len(frame)

    return run
