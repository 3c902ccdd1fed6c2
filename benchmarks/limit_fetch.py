"""The limit of reading: pages of 4,000 points (gRPC) or 1,500 (REST) fetched, unpacked where they are packed, no more.

Pages have the sizes that qframe's grow to, about 8 MB.
"""

from __future__ import annotations

import gzip
import http.client
from collections.abc import Callable
from contextlib import closing

import orjson
from qdrant_client import grpc as stubs

from benchmarks.channel import raw_channel
from benchmarks.data import ROWS, Job

GRPC_PAGE = 4_000
REST_PAGE = 1_500


def prepare(job: Job) -> Callable[[], int]:
    return _grpc(job) if job.wire == "grpc" else _rest(job)


def _grpc(job: Job) -> Callable[[], int]:
    call = raw_channel(job).unary_unary("/qdrant.Points/Scroll")
    metadata = [("api-key", job.api_key)] if job.api_key else None
    requests = [
        stubs.ScrollPoints(
            collection_name=job.collection,
            offset=stubs.PointId(num=start),
            limit=GRPC_PAGE,
            with_payload=stubs.WithPayloadSelector(enable=True),
            with_vectors=stubs.WithVectorsSelector(enable=True),
        ).SerializeToString()
        for start in range(0, ROWS, GRPC_PAGE)
    ]

    def run() -> int:
        for request in requests:
            call(request, metadata=metadata)
        return ROWS

    return run


def _rest(job: Job) -> Callable[[], int]:
    headers = {
        "content-type": "application/json",
        "accept-encoding": "gzip" if job.gzip else "identity",
        **({"api-key": job.api_key} if job.api_key else {}),
    }
    requests = [
        orjson.dumps({"offset": start, "limit": REST_PAGE, "with_payload": True, "with_vector": True})
        for start in range(0, ROWS, REST_PAGE)
    ]

    def run() -> int:
        with closing(http.client.HTTPConnection(job.host, job.port)) as connection:
            for request in requests:
                connection.request("POST", f"/collections/{job.collection}/points/scroll", request, headers)
                answer = connection.getresponse()
                body = answer.read()
                if answer.status != 200:
                    raise RuntimeError(body.decode())
                if job.gzip:
                    gzip.decompress(body)
        return ROWS

    return run
