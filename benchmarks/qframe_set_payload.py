"""qframe: the eight fields of a polars frame set on the points of its ids, one worker."""

from __future__ import annotations

from collections.abc import Callable

import qframe as qf
from benchmarks.data import VECTOR, Job


def prepare(job: Job) -> Callable[[], int]:
    frame = job.rows().drop(VECTOR)
    connection = qf.connect(job.url, grpc_port=job.grpc_port, transport=job.wire, api_key=job.api_key)
    collection = qf.collection(job.collection, connection=connection)
    collection.set_payload(frame.head(1), progress=False)  # imports what it needs

    def run() -> int:
        return collection.set_payload(frame, n_jobs=1, progress=False).written

    return run
