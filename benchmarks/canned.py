"""What the stand-ins answer to all but a scroll, by the official stubs and by orjson; the scrolls are in `pages`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson
from qdrant_client import grpc

from qframe.backends.grpc.messages import fields

VERSION = "1.19.0"
WRITES = ("/qdrant.Points/Upsert", "/qdrant.Points/UpdateVectors", "/qdrant.Points/Delete")
WRITTEN = grpc.UpdateResult(operation_id=1, status=grpc.UpdateStatus.Completed)
COMPLETED = {"operation_id": 1, "status": "completed"}


def grpc_answers(points: int, dim: int) -> dict[str, bytes]:
    """Answers by method that are always the same: every write is completed."""
    params = grpc.VectorParams(size=dim, distance=grpc.Distance.Cosine)
    config = grpc.CollectionConfig(
        params=grpc.CollectionParams(vectors_config=grpc.VectorsConfig(params=params), shard_number=1)
    )
    info = grpc.CollectionInfo(status=grpc.CollectionStatus.Green, config=config, points_count=points)
    messages: dict[str, Any] = {
        "/qdrant.Qdrant/HealthCheck": grpc.HealthCheckReply(title="stand-in", version=VERSION),
        "/qdrant.Collections/Get": grpc.GetCollectionInfoResponse(result=info),
        "/qdrant.Collections/List": grpc.ListCollectionsResponse(),
        "/qdrant.Collections/CollectionExists": grpc.CollectionExistsResponse(
            result=grpc.CollectionExists(exists=True)
        ),
        **dict.fromkeys(WRITES, grpc.PointsOperationResponse(result=WRITTEN, time=0.001)),
    }
    return {path: message.SerializeToString() for path, message in messages.items()}


def grpc_updated(content: bytes) -> bytes:
    """The answer to a batch: a result for each of its operations. They are counted without being read, which would be
    more work than all that is measured.
    """
    result = grpc.UpdateBatchResponse(result=[WRITTEN]).SerializeToString()
    return result * sum(number == 3 for number, *_ in fields(content))


def rest_answer(method: str, path: str, points: int, dim: int) -> bytes:
    """The answer to anything but a scroll or a batch."""
    result: Any
    segments: Sequence[str] = path.strip("/").split("/")
    if path == "/":
        return orjson.dumps({"title": "stand-in", "version": VERSION, "commit": ""})
    if segments == ["collections"]:
        result = {"collections": []}
    elif segments[-1] == "exists":
        result = {"exists": True}
    elif method == "GET":
        result = {
            "status": "green",
            "optimizer_status": "ok",
            "indexed_vectors_count": 0,
            "points_count": points,
            "segments_count": 1,
            "config": {
                "params": {"vectors": {"size": dim, "distance": "Cosine"}, "shard_number": 1},
                "hnsw_config": {"m": 16, "ef_construct": 100, "full_scan_threshold": 10000},
                "optimizer_config": {"deleted_threshold": 0.2, "flush_interval_sec": 5},
                "wal_config": {"wal_capacity_mb": 32, "wal_segments_ahead": 0},
                "quantization_config": None,
            },
            "payload_schema": {},
        }
    else:
        result = COMPLETED
    return _answer(result)


def rest_updated(body: bytes) -> bytes:
    """The answer to a batch: a result for each of its operations, each of which names its points once."""
    return _answer([COMPLETED] * body.count(b'"points":'))


def _answer(result: Any) -> bytes:
    return orjson.dumps({"result": result, "status": "ok", "time": 0.001})
