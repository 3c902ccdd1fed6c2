"""qframe: the points of the ids of a polars frame deleted, one worker."""

from __future__ import annotations

from collections.abc import Callable

import qframe as qf
from benchmarks.data import Job


def prepare(job: Job) -> Callable[[], int]:
    frame = job.rows().select("id")
    connection = qf.connect(job.url, grpc_port=job.grpc_port, transport=job.wire, api_key=job.api_key)
    collection = qf.collection(job.collection, connection=connection)
    collection.delete(frame.head(1), progress=False)  # imports what it needs

    def run() -> int:
        return collection.delete(frame, n_jobs=1, progress=False).written

    return run
