"""How many bytes rows take in a REST body, about: enough to cut batches by, at a fraction of the cost of encoding.

What is bounded: a payload is as wide as its exact protobuf size says, times a ratio measured on up to `SAMPLE` rows of
the same frame that are really encoded; numbers of vectors count with the mean width of those rows. Wrong by more than
20 % are only single rows unlike the sample (text made of control characters, vectors of zeros among vectors of noise);
a finished body that is too large is halved by its real size before it is sent. What stands once in an operation,
whatever its rows, does not count.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from qframe.backends.rest.fields import nameless, payload_objects, vector_list
from qframe.backends.rest.points_batch import removals, size
from qframe.columns import protobuf
from qframe.columns.json_text import text
from qframe.columns.plain import plain
from qframe.model.ids import Ids
from qframe.model.operations import Nulls, Operation, OverwritePayload, SetPayload, UpdateVectors, Upsert
from qframe.model.points import take_batch
from qframe.model.vectors import Dense, Sparse, VectorColumn

SAMPLE = 64
"""Rows that are really encoded."""

_Sizes = npt.NDArray[np.float64]

_COMMA = 1

_COLUMNS = 3
"""Bytes of a row in the columnar form that belong to no value: commas, and brackets or braces that are empty."""

_POINT = len('{"id":,"vector":},')
"""Bytes around the values of a row that is an object of its own."""


def estimate(operation: Operation) -> npt.NDArray[np.int64]:
    """Bytes of each row in the body, about, `int64` of shape (n,); see the module for the bounds."""
    n = len(operation.rows)
    if n == 0:
        return np.zeros(0, dtype=np.int64)
    if operation.ids is None:
        return np.array([size(operation)], dtype=np.int64)
    sizes = _ids(operation.ids) + _others(operation, operation.ids)
    return np.ceil(sizes).astype(np.int64)


def _others(operation: Operation, ids: Ids) -> _Sizes | int:
    """What a row takes besides its id."""
    match operation:
        case Upsert(points=points):
            sizes = _vectors(points.vectors) + (_COLUMNS if points.vectors else _POINT + len("{}"))
            if points.payload is None:
                return sizes
            return sizes + _payload(points.payload, operation.nulls) + (0 if points.vectors else len(',"payload":'))
        case UpdateVectors(points=points):
            names = [] if nameless(points.vectors) else list(points.vectors)
            return _vectors(points.vectors) + _POINT + sum(len(text(name)) + len(":") for name in names)
        case SetPayload() | OverwritePayload():
            return _runs(operation, ids)
    return _COMMA


def _runs(operation: SetPayload | OverwritePayload, ids: Ids) -> _Sizes:
    """The payload of a run is its first row's, and so is all that stands around it."""
    one = operation.take(slice(0, 1))
    if isinstance(one, SetPayload):
        one = replace(one, nulls="omit")  # the keys that a run loses are reckoned for each
    around = size(one) - payload_objects(one.run_payload, one.nulls).total - int(_ids(ids.take(slice(0, 1)))[0])
    sizes = np.full(len(operation.rows), float(_COMMA))
    firsts = operation.runs[:-1]
    sizes[firsts] += around + _payload(operation.run_payload, operation.nulls)
    removed = removals(operation)
    if removed is not None:
        sizes[firsts] += removed.sizes
    return sizes


def _sample(n: int) -> npt.NDArray[np.int64]:
    return np.unique(np.linspace(0, n - 1, min(n, SAMPLE)).astype(np.int64))


def _ids(ids: Ids) -> _Sizes:
    if ids.is_uuid:
        return np.full(len(ids), 38.0)
    return np.floor(np.log10(np.maximum(ids.values, 1).astype(np.float64))) + 1


def _numbers(column: VectorColumn) -> _Sizes:
    """Floats of each row."""
    if isinstance(column, Dense):
        return np.full(len(column), float(column.dim))
    width = 1 if isinstance(column, Sparse) else column.dim
    return np.diff(column.offsets) * float(width)


def _vectors(vectors: Mapping[str, VectorColumn]) -> _Sizes | int:
    return sum(map(_vector, vectors.values()))


def _vector(column: VectorColumn) -> _Sizes:
    taken = column.take(_sample(len(column)))
    # The frame of an empty row: its brackets, and the two keys of a sparse vector.
    frame = len('{"indices":[],"values":[]},') if isinstance(column, Sparse) else len("[],")
    held = _numbers(taken).sum()
    width = (len(vector_list(taken)) - frame * len(taken)) / held if held else 0.0
    return frame + _numbers(column) * max(width, 0.0)


def _payload(payload: pa.RecordBatch, nulls: Nulls) -> _Sizes:
    sample = _sample(payload.num_rows)
    binary = _protobuf_sizes(payload, nulls)
    width = payload_objects(take_batch(payload, sample), nulls).total
    return np.float64(2) + binary * (width / max(binary[sample].sum(), 1.0))


def _protobuf_sizes(payload: pa.RecordBatch, nulls: Nulls) -> _Sizes:
    columns = zip(payload.schema.names, map(plain, payload.columns), strict=True)
    sizes = protobuf.entries(payload.num_rows, columns, b"\x1a", nulls).sizes
    return np.broadcast_to(np.asarray(sizes, dtype=np.float64), payload.num_rows)
