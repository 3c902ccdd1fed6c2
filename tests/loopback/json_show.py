"""Answers as the server's JSON: float32 numbers in their shortest form, parts not asked for left out."""

from __future__ import annotations

from typing import Any

import orjson

from .operations import Multi, Sparse
from .reads import Found


def dump(value: Any) -> bytes:
    """JSON text; numpy float32 is written as the shortest text that gives it back, NaN as null."""
    return orjson.dumps(value, option=orjson.OPT_SERIALIZE_NUMPY)


def point(found: Found) -> dict[str, Any]:
    """A record or, where it has a score, a scored point."""
    shown: dict[str, Any] = {"id": found.id}
    if found.score is not None:
        shown |= {"version": found.version, "score": found.score}
    if found.payload is not None:
        shown["payload"] = found.payload
    if found.vectors is not None:
        shown["vector"] = _vectors(found.vectors)
    if found.shard_key is not None:
        shown["shard_key"] = found.shard_key
    if found.order_value is not None:
        shown["order_value"] = found.order_value
    return shown


def _vectors(vectors: Any) -> Any:
    if isinstance(vectors, dict):
        return {name: _vector(vector) for name, vector in vectors.items()}
    return _vector(vectors)


def _vector(vector: Any) -> Any:
    if isinstance(vector, Sparse):
        return {"indices": vector.indices, "values": vector.values}
    return list(vector.rows) if isinstance(vector, Multi) else vector
