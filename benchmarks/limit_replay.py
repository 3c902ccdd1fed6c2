"""The limit of writing: requests of 1,000 points, encoded beforehand by the official stubs or orjson, only sent."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import orjson
from qdrant_client import grpc as stubs
from qdrant_client.conversions.conversion import payload_to_grpc

from benchmarks.bare import ready, senders, share
from benchmarks.data import Job, batches, ids, matrix, payloads


def prepare(job: Job) -> Callable[[], int]:
    requests = list(_grpc(job) if job.wire == "grpc" else _rest(job))
    through = senders(job, "upsert")

    def run() -> int:
        share(through, requests, ready)
        return job.count

    return run


def _grpc(job: Job) -> Iterator[bytes]:
    for part in batches(job.rows()):
        points = stubs.UpsertPoints(collection_name=job.collection, wait=True, points=_points(part))
        yield points.SerializeToString()


def _points(frame: Any) -> Iterator[stubs.PointStruct]:
    for number, vector, payload in zip(ids(frame), matrix(frame), payloads(frame), strict=True):
        data = stubs.Vector(dense=stubs.DenseVector(data=vector.tolist()))
        yield stubs.PointStruct(
            id=stubs.PointId(num=number), vectors=stubs.Vectors(vector=data), payload=payload_to_grpc(payload)
        )


def _rest(job: Job) -> Iterator[bytes]:
    for part in batches(job.rows()):
        batch = {"ids": ids(part), "vectors": matrix(part), "payloads": payloads(part)}
        yield orjson.dumps({"batch": batch}, option=orjson.OPT_SERIALIZE_NUMPY)
