"""A qdrant-client for a job, with or without its default of asking for gzip, and the points of a frame as models."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import repeat
from typing import Any

from qdrant_client import QdrantClient, models

from benchmarks.data import Job, has_payload, ids, matrix, payloads


def client(job: Job) -> QdrantClient:
    plain_grpc = {"grpc.compression_enabled_algorithms_bitset": 1}
    return QdrantClient(
        url=job.url,
        grpc_port=job.grpc_port,
        prefer_grpc=job.wire == "grpc",
        api_key=job.api_key,
        timeout=60,
        check_compatibility=False,
        grpc_options=None if job.gzip else plain_grpc,
        headers=None if job.gzip or job.wire == "grpc" else {"accept-encoding": "identity"},
    )


def dicts(frame: Any) -> list[dict[str, Any]] | None:
    """The payload of each row, or nothing for a frame that has none."""
    return payloads(frame) if has_payload(frame) else None


def points(frame: Any) -> Iterator[models.PointStruct]:
    for number, vector, payload in zip(ids(frame), matrix(frame).tolist(), dicts(frame) or repeat(None), strict=False):
        yield models.PointStruct(id=number, vector=vector, payload=payload)
