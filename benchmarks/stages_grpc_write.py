"""The stages of encoding a gRPC write: what is of which size, the bytes side by side, and the request around them."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.stages_measure import Stage, each
from qframe.backends.grpc import encode
from qframe.columns.layout import rows_of
from qframe.columns.protobuf import delimited
from qframe.columns.rope import Rope, join
from qframe.model.batch import WriteOptions
from qframe.model.operations import Upsert


def encoding(requests: Sequence[Upsert]) -> list[Stage]:
    """Of each request."""
    ropes = [_points(one) for one in requests]
    joined = [rows_of(join(one)).data for one in ropes]
    head = encode.head("a collection", WriteOptions())
    return [
        each("encoding: parts and sizes of each point", _points, requests),
        each("encoding: all parts side by side", join, ropes),
        each("encoding: the request, a copy", lambda points: b"".join([head, points]), joined),
    ]


def encoded(operation: Upsert) -> bytes:
    """A request, whole."""
    return encode.upsert(operation, "a collection", WriteOptions())


def _points(operation: Upsert) -> Rope:
    return delimited(b"\x1a", encode.point_structs(operation))
