"""qframe: a collection read into a polars frame by two workers, vectors too, the look at its schema included."""

from __future__ import annotations

from collections.abc import Callable

import qframe as qf
from benchmarks.data import Job


def prepare(job: Job) -> Callable[[], int]:
    connection = qf.connect(job.url, grpc_port=job.grpc_port, transport=job.wire, api_key=job.api_key)
    collection = qf.collection(job.collection, connection=connection)
    collection.read(limit=1, vectors=True, frame="polars")  # imports what it needs

    def run() -> int:
        return len(collection.read(vectors=True, frame="polars", n_jobs=2))

    return run
