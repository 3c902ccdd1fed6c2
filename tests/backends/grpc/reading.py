"""What the official stubs' messages of points say, in the words of `tests.backends.points`."""

from __future__ import annotations

from typing import Any

from qdrant_client import grpc as stubs


def id_of(message: stubs.PointId) -> int | str:
    return message.num if message.WhichOneof("point_id_options") == "num" else message.uuid


def value_of(message: stubs.Value) -> Any:
    """A payload value as JSON has it."""
    kind = message.WhichOneof("kind")
    if kind == "list_value":
        return [value_of(item) for item in message.list_value.values]
    if kind == "struct_value":
        return {key: value_of(item) for key, item in message.struct_value.fields.items()}
    return None if kind in (None, "null_value") else getattr(message, kind)


def vector_of(message: stubs.Vector) -> Any:
    """What the test's points say: a list, (indices, values), or a list of lists."""
    match message.WhichOneof("vector"):
        case "dense":
            return list(message.dense.data)
        case "sparse":
            return list(message.sparse.indices), list(message.sparse.values)
        case "multi_dense":
            return [list(row.data) for row in message.multi_dense.vectors]
    raise AssertionError(message)


def vectors_of(message: stubs.Vectors) -> dict[str, Any]:
    if message.WhichOneof("vectors_options") == "vector":
        return {"": vector_of(message.vector)}
    assert message.WhichOneof("vectors_options") == "vectors"
    return {name: vector_of(inner) for name, inner in message.vectors.vectors.items()}
