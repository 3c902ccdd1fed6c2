"""qframe: a frame of polars or of pandas upserted."""

from __future__ import annotations

from collections.abc import Callable

import qframe as qf
from benchmarks.data import Job


def prepare(job: Job) -> Callable[[], int]:
    frame = job.rows()
    connection = qf.connect(job.url, grpc_port=job.grpc_port, transport=job.wire, api_key=job.api_key)
    collection = qf.collection(job.collection, connection=connection)
    collection.upsert(frame.head(1), progress=False)  # imports what it needs

    def run() -> int:
        return collection.upsert(frame, n_jobs=job.n_jobs, progress=False).written

    return run
