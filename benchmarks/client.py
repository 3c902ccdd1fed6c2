"""A qdrant-client for a job, with or without its default of asking for gzip."""

from __future__ import annotations

from qdrant_client import QdrantClient

from benchmarks.data import Job


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
