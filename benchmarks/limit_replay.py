"""The limit of writing: requests of 1,000 points, encoded beforehand by the official stubs or orjson, only sent."""

from __future__ import annotations

import http.client
from collections.abc import Callable, Iterator
from contextlib import closing

import orjson
import polars as pl
from qdrant_client import grpc as stubs
from qdrant_client.conversions.conversion import payload_to_grpc

from benchmarks.channel import raw_channel
from benchmarks.data import BATCH, Job, matrix, payloads


def prepare(job: Job) -> Callable[[], int]:
    frame = job.rows()
    parts = list(frame.iter_slices(BATCH))
    return _grpc(job, parts, len(frame)) if job.wire == "grpc" else _rest(job, parts, len(frame))


def _grpc(job: Job, parts: list[pl.DataFrame], rows: int) -> Callable[[], int]:
    ready = [
        stubs.UpsertPoints(collection_name=job.collection, wait=True, points=_points(part)).SerializeToString()
        for part in parts
    ]
    call = raw_channel(job).unary_unary("/qdrant.Points/Upsert")
    metadata = [("api-key", job.api_key)] if job.api_key else None

    def run() -> int:
        for content in ready:
            call(content, metadata=metadata)
        return rows

    return run


def _points(frame: pl.DataFrame) -> Iterator[stubs.PointStruct]:
    for number, vector, payload in zip(frame["id"], matrix(frame), payloads(frame), strict=True):
        data = stubs.Vector(dense=stubs.DenseVector(data=vector.tolist()))
        yield stubs.PointStruct(
            id=stubs.PointId(num=number), vectors=stubs.Vectors(vector=data), payload=payload_to_grpc(payload)
        )


def _rest(job: Job, parts: list[pl.DataFrame], rows: int) -> Callable[[], int]:
    ready = [
        orjson.dumps(
            {"batch": {"ids": part["id"].to_list(), "vectors": matrix(part), "payloads": payloads(part)}},
            option=orjson.OPT_SERIALIZE_NUMPY,
        )
        for part in parts
    ]
    headers = {"content-type": "application/json", **({"api-key": job.api_key} if job.api_key else {})}

    def run() -> int:
        with closing(http.client.HTTPConnection(job.host, job.port)) as connection:
            for content in ready:
                connection.request("PUT", f"/collections/{job.collection}/points?wait=true", content, headers)
                answer = connection.getresponse()
                body = answer.read()
                if answer.status != 200:
                    raise RuntimeError(body.decode())
        return rows

    return run
