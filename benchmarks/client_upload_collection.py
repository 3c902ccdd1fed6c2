"""qdrant-client: `upload_collection` in batches of 1,000; making a matrix and dicts of the frame is included."""

from __future__ import annotations

from collections.abc import Callable

from benchmarks.client import client, dicts
from benchmarks.data import BATCH, Job, ids, matrix


def prepare(job: Job) -> Callable[[], int]:
    frame, target = job.rows(), client(job)

    def run() -> int:
        target.upload_collection(
            job.collection,
            vectors=matrix(frame),
            payload=dicts(frame),
            ids=ids(frame),
            batch_size=BATCH,
            parallel=job.n_jobs,
            wait=True,
        )
        return len(frame)

    return run
