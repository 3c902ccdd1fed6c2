"""Upserts as REST request bodies, by column: Qdrant's columnar `batch` form, without an object a row."""

from __future__ import annotations

from qframe.backends.rest.fields import (
    id_list,
    id_texts,
    lined,
    nameless,
    payload_objects,
    refuse_ragged,
    separators,
    to_json,
    vector_list,
)
from qframe.backends.rest.pipe import Parts
from qframe.columns.json_text import text
from qframe.columns.rope import rope
from qframe.model.operations import Nulls, Upsert
from qframe.model.points import Points


def upsert(operation: Upsert) -> Parts:
    """The body of `PUT /collections/{name}/points`, and what `upsert` holds in a `points/batch`.

    Raises
    ------
    ValueError
        When a vector is not present in every row: the columnar form has no holes, and `cut` groups rows so that it is.
    """
    points = operation.points
    refuse_ragged(points)
    parts = _batch(points, operation.nulls) if points.vectors else _list(points, operation.nulls)
    if operation.shard_key is not None:
        parts += [b',"shard_key":', to_json(operation.shard_key)]
    if operation.update_filter is not None:
        parts += [b',"update_filter":', to_json(operation.update_filter)]
    if operation.mode != "upsert":
        parts += [b',"update_mode":', text(operation.mode)]
    return (b"{", *parts, b"}")


def _batch(points: Points, nulls: Nulls) -> list[bytes | memoryview]:
    """`"batch":{…}`: ids, vectors and payloads as columns."""
    parts: list[bytes | memoryview] = [b'"batch":{"ids":', id_list(points.ids), b',"vectors":']
    if nameless(points.vectors):
        parts.append(vector_list(points.vectors[""]))
    else:
        for before, (name, vectors) in zip(separators(b"{"), points.vectors.items(), strict=False):
            parts += [before, text(name), b":", vector_list(vectors)]
        parts.append(b"}")
    if points.payload is not None:
        parts += [b',"payloads":[', lined(payload_objects(points.payload, nulls)), b"]"]
    return [*parts, b"}"]


def _list(points: Points, nulls: Nulls) -> list[bytes | memoryview]:
    """`"points":[…]`, one object a row: the columnar form cannot say that there is no vector."""
    payload = () if points.payload is None else (b',"payload":', payload_objects(points.payload, nulls))
    rows = rope(len(points), b'{"id":', id_texts(points.ids), b',"vector":{}', *payload, b"}")
    return [b'"points":[', lined(rows), b"]"]
