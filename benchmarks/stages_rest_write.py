"""The stages of encoding a REST write: the columns of a body as JSON text."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.stages_measure import Stage, each
from qframe.backends.rest.fields import id_list, lined, payload_objects, vector_list
from qframe.backends.rest.pipe import Parts
from qframe.backends.rest.upsert import upsert
from qframe.columns.rope import Rope
from qframe.model.operations import Upsert


def encoding(requests: Sequence[Upsert]) -> list[Stage]:
    """Of each request."""
    ropes = [_objects(one) for one in requests]
    return [
        each("encoding: ids", lambda one: id_list(one.points.ids), requests),
        each("encoding: vectors, by orjson", lambda one: vector_list(one.points.vectors[""]), requests),
        each("encoding: payload, columns to text", _objects, requests),
        each("encoding: payload, side by side", lined, ropes),
    ]


def encoded(operation: Upsert) -> Parts:
    """A request, whole."""
    return upsert(operation)


def _objects(operation: Upsert) -> Rope:
    assert operation.points.payload is not None
    return payload_objects(operation.points.payload, operation.nulls)
