"""The limit of reading: pages fetched, unpacked where they are packed, no more.

Pages have the size that qframe's grow to, from the first on.
"""

from __future__ import annotations

from collections.abc import Callable

import orjson
from qdrant_client import grpc as stubs

from benchmarks.bare import ready, senders, share
from benchmarks.data import Job
from qframe.delivery.allocator import keep_pages
from qframe.reading.sizes import MOST_ROWS, PAGE_BYTES

PROBE = 256
"""Rows of the page that tells how large a row is."""


def prepare(job: Job) -> Callable[[], int]:
    keep_pages()  # as qframe does; without it a process takes 0.8 or 2.7 µs a row, as its heap happens to lie
    through = senders(job, "scroll")
    page = min(MOST_ROWS, PAGE_BYTES * PROBE // through[0]([_request(job, 0, PROBE)]))
    requests = [_request(job, start, min(page, job.count - start)) for start in range(0, job.count, page)]

    def run() -> int:
        share(through, requests, ready)
        return job.count

    return run


def _request(job: Job, start: int, rows: int) -> bytes:
    if job.wire == "rest":
        return orjson.dumps({"offset": start, "limit": rows, "with_payload": True, "with_vector": job.vectors})
    return stubs.ScrollPoints(
        collection_name=job.collection,
        offset=stubs.PointId(num=start),
        limit=rows,
        with_payload=stubs.WithPayloadSelector(enable=True),
        with_vectors=stubs.WithVectorsSelector(enable=job.vectors),
    ).SerializeToString()
