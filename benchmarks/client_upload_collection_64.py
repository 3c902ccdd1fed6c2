"""qdrant-client: `upload_collection` in batches of its default, 64; making a matrix and dicts is included."""

from __future__ import annotations

from collections.abc import Callable

from benchmarks.client import client, dicts
from benchmarks.data import Job, ids, matrix


def prepare(job: Job) -> Callable[[], int]:
    frame, target = job.rows(), client(job)

    def run() -> int:
        target.upload_collection(job.collection, vectors=matrix(frame), payload=dicts(frame), ids=ids(frame), wait=True)
        return len(frame)

    return run
