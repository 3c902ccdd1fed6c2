"""How many bytes rows take in a REST body, about: enough to cut batches by, at a fraction of the cost of encoding.

What is bounded: a payload is as wide as its exact protobuf size says, times a ratio measured on up to `SAMPLE` rows of
the same frame that are really encoded; numbers of vectors count with the mean width of those rows. Wrong by more than
20 % are only single rows unlike the sample (text made of control characters, vectors of zeros among vectors of noise);
a finished body that is too large is halved by its real size before it is sent.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from qframe.backends.rest.encode import payload_objects, vectors
from qframe.columns import protobuf
from qframe.columns.plain import plain
from qframe.model.ids import Ids
from qframe.model.operations import Nulls, Operation, Upsert
from qframe.model.points import take_batch
from qframe.model.vectors import Dense, Sparse, VectorColumn

SAMPLE = 64
"""Rows that are really encoded."""

_PUNCTUATION = 3
"""Bytes of a row that belong to no value: commas, and brackets or braces that are empty."""


def estimate(operation: Operation) -> npt.NDArray[np.int64]:
    """Bytes of each row in the body, about, `int64` of shape (n,); see the module for the bounds."""
    if not isinstance(operation, Upsert):
        raise TypeError(f"{type(operation).__name__} is not an upsert")
    points = operation.points
    n = len(points)
    if n == 0:
        return np.zeros(0, dtype=np.int64)
    sample = np.unique(np.linspace(0, n - 1, min(n, SAMPLE)).astype(np.int64))
    sizes = _ids(points.ids) + _PUNCTUATION
    for column in points.vectors.values():
        sizes += _vectors(column, sample)
    if points.payload is not None:
        sizes += _payload(points.payload, operation.nulls, sample)
    return np.ceil(sizes).astype(np.int64)


def _ids(ids: Ids) -> npt.NDArray[np.float64]:
    if ids.is_uuid:
        return np.full(len(ids), 38.0)
    return np.floor(np.log10(np.maximum(ids.values, 1).astype(np.float64))) + 1


def _numbers(column: VectorColumn) -> npt.NDArray[np.float64]:
    """Floats of each row."""
    if isinstance(column, Dense):
        return np.full(len(column), float(column.dim))
    width = 1 if isinstance(column, Sparse) else column.dim
    return np.diff(column.offsets) * float(width)


def _vectors(column: VectorColumn, sample: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    taken = column.take(sample)
    # The frame of an empty row: its brackets, and the two keys of a sparse vector.
    frame = len('{"indices":[],"values":[]},') if isinstance(column, Sparse) else len("[],")
    held = _numbers(taken).sum()
    width = (len(vectors(taken)) - frame * len(taken)) / held if held else 0.0
    return frame + _numbers(column) * max(width, 0.0)


def _payload(payload: pa.RecordBatch, nulls: Nulls, sample: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    binary = _protobuf_sizes(payload, nulls)
    text = payload_objects(take_batch(payload, sample), nulls).total
    return np.float64(2) + binary * (text / max(binary[sample].sum(), 1.0))


def _protobuf_sizes(payload: pa.RecordBatch, nulls: Nulls) -> npt.NDArray[np.float64]:
    columns = zip(payload.schema.names, map(plain, payload.columns), strict=True)
    sizes = protobuf.entries(payload.num_rows, columns, b"\x1a", nulls).sizes
    return np.broadcast_to(np.asarray(sizes, dtype=np.float64), payload.num_rows)
