"""qframe: a collection read into a frame of polars or of pandas, the look at its schema included."""

from __future__ import annotations

from collections.abc import Callable

import qframe as qf
from benchmarks.data import Job


def prepare(job: Job) -> Callable[[], int]:
    connection = qf.connect(job.url, grpc_port=job.grpc_port, transport=job.wire, api_key=job.api_key)
    collection = qf.collection(job.collection, connection=connection)
    collection.read(limit=1, vectors=job.vectors, frame=job.library)  # imports what it needs

    def run() -> int:
        return len(collection.read(vectors=job.vectors, frame=job.library, n_jobs=job.n_jobs))

    return run
