"""What the stand-ins answer: encoded once by the official stubs and by orjson, as a server writes it."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from functools import cache
from typing import Any, Protocol

import orjson
import polars as pl
from qdrant_client import grpc
from qdrant_client.conversions.conversion import payload_to_grpc

from benchmarks.data import matrix, payloads
from qframe.backends.grpc.messages import fields

VERSION = "1.19.0"
WRITES = ("/qdrant.Points/Upsert", "/qdrant.Points/UpdateVectors", "/qdrant.Points/Delete")
WRITTEN = grpc.UpdateResult(operation_id=1, status=grpc.UpdateStatus.Completed)
COMPLETED = {"operation_id": 1, "status": "completed"}


class Page(Protocol):
    """Scroll answers by offset, limit and whether with vectors, of one slice of so many: ids by their rest."""

    def __call__(self, offset: int, limit: int, vectors: bool, total: int = 1, index: int = 0, /) -> bytes: ...


def _slice(points: int, offset: int, limit: int, total: int, index: int) -> tuple[slice, int | None]:
    """The points of a page, and the first of the next."""
    start = offset + (index - offset) % total
    stop = start + limit * total
    return slice(start, stop, total), stop if stop < points else None


def grpc_page(frame: pl.DataFrame) -> Page:
    """The answers of gRPC; protobuf messages may be joined from their parts."""
    full, plain = [], []
    for number, (vector, payload) in enumerate(zip(matrix(frame), payloads(frame), strict=True)):
        point = grpc.RetrievedPoint(id=grpc.PointId(num=number), payload=payload_to_grpc(payload))
        plain.append(grpc.ScrollResponse(result=[point]).SerializeToString())
        point.vectors.vector.dense.data.extend(vector.tolist())
        full.append(grpc.ScrollResponse(result=[point]).SerializeToString())

    @cache
    def page(offset: int, limit: int, vectors: bool, total: int = 1, index: int = 0) -> bytes:
        chosen, following = _slice(len(full), offset, limit, total, index)
        more = None if following is None else grpc.PointId(num=following)
        head = grpc.ScrollResponse(next_page_offset=more).SerializeToString()
        tail = grpc.ScrollResponse(time=0.001).SerializeToString()
        return b"".join([head, *(full if vectors else plain)[chosen], tail])

    return page


def rest_page(frame: pl.DataFrame) -> Page:
    """The same as JSON."""
    full, plain = [], []
    for number, (vector, payload) in enumerate(zip(matrix(frame), payloads(frame), strict=True)):
        head = orjson.dumps({"id": number, "payload": payload})[:-1]
        plain.append(head + b"}")
        full.append(head + b',"vector":' + orjson.dumps(vector, option=orjson.OPT_SERIALIZE_NUMPY) + b"}")

    @cache
    def page(offset: int, limit: int, vectors: bool, total: int = 1, index: int = 0) -> bytes:
        chosen, following = _slice(len(full), offset, limit, total, index)
        more = b"null" if following is None else str(following).encode()
        points = b",".join((full if vectors else plain)[chosen])
        return b"".join(
            [b'{"result":{"points":[', points, b'],"next_page_offset":', more, b'},"status":"ok","time":0.001}']
        )

    return page


def gzipped(page: Page) -> Page:
    """Pages packed beforehand, so that packing is no part of what is measured; level 1, as the server's."""

    @cache
    def packed(offset: int, limit: int, vectors: bool, total: int = 1, index: int = 0) -> bytes:
        packer = zlib.compressobj(1, wbits=31)
        return packer.compress(page(offset, limit, vectors, total, index)) + packer.flush()

    return packed


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
