"""What request bodies hold, as JSON text: ids, vectors and payloads by column, without an object a row; options whole.

Floats are always written with a point or an exponent: a multivector of two rows of integers would be read as a sparse
vector (seen on 1.19).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from qframe.columns.json_text import dumps, members, regrouped
from qframe.columns.layout import Int64, binary, rows_of
from qframe.columns.plain import plain
from qframe.columns.rope import Rope, column, join, loose, rope
from qframe.model.ids import Ids
from qframe.model.operations import Nulls
from qframe.model.points import Points, ragged
from qframe.model.vectors import Dense, Multi, Sparse, VectorColumn


def to_json(value: Any) -> bytes:
    """Options, filters and small bodies; arrays of numpy are written without an object a number."""
    return orjson.dumps(value, _plain, orjson.OPT_SERIALIZE_NUMPY)


def _plain(value: Any) -> Any:
    """What orjson does not know: mappings that are no dict, numpy slices that are not contiguous."""
    if isinstance(value, Mapping):
        return dict(value)
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} is not JSON")


def separators(opening: bytes) -> Iterator[bytes]:
    """What stands before the members of an object or a list: how it opens, then commas."""
    yield opening
    while True:
        yield b","


def lined(rows: Rope) -> memoryview:
    """The rows with commas between them."""
    return rows_of(join(rope(rows.n, rows, b",")))[:-1].data


def id_list(ids: Ids) -> bytes:
    """The JSON array of the ids."""
    return b"".join([b"[", lined(id_texts(ids)), b"]"]) if ids.is_uuid else dumps(ids.values)


def id_texts(ids: Ids) -> Rope:
    """The JSON of each id."""
    if ids.is_uuid:
        return rope(len(ids), b'"', column(ids.texts()), b'"')
    return column(ids.to_arrow().cast(pa.large_string()))


def payload_objects(payload: pa.RecordBatch, nulls: Nulls) -> Rope:
    """The payload of each row."""
    columns = zip(payload.schema.names, map(plain, payload.columns), strict=True)
    return members(payload.num_rows, columns, nulls)


def refuse_ragged(points: Points) -> None:
    """Raise ValueError when a vector is missing in some rows: a body has no holes, and `cut` groups rows so."""
    if ragged(points):
        raise ValueError("a vector is missing in some rows of the batch: rows are grouped by their vectors before")


def nameless(vectors: Mapping[str, VectorColumn]) -> bool:
    """Whether the unnamed vector is all there is and stands without a name; a sparse one never does."""
    return list(vectors) == [""] and vectors[""].kind != "sparse"


def vector_list(vectors: VectorColumn) -> bytes:
    """The JSON array of a column's vectors."""
    if isinstance(vectors, Dense):
        return dumps(vectors.values)
    return b"".join([b"[", lined(vector_texts(vectors)), b"]"])


def vector_texts(vectors: VectorColumn) -> Rope:
    """The JSON of each vector of a column in which every row has one."""
    if isinstance(vectors, Dense):
        return _dense(vectors)
    return _sparse(vectors) if isinstance(vectors, Sparse) else _multi(vectors)


def _dense(vectors: Dense) -> Rope:
    flat = dumps(vectors.values)
    n = len(vectors)
    # From a row's opening bracket to the next one's there is a byte too many: the comma, or the bracket that ends all.
    starts = np.concatenate([[0], _places(flat[:-1], "]", n) + 1])
    return loose(
        n, np.diff(starts) - 1, lambda: pc.binary_slice(binary(starts, np.frombuffer(flat, np.uint8)[1:]), 0, -1)
    )


def _sparse(vectors: Sparse) -> Rope:
    indices = _numbers(vectors.indices, vectors.offsets)
    return rope(len(vectors), b'{"indices":', indices, b',"values":', _numbers(vectors.values, vectors.offsets), b"}")


def _numbers(values: npt.NDArray[np.float32] | npt.NDArray[np.uint32], spans: Int64) -> Rope:
    flat = dumps(values)
    return regrouped(flat, _places(flat, ",", len(values)), spans)


def _multi(vectors: Multi) -> Rope:
    flat = dumps(vectors.values)
    # The brackets of the rows; the comma, or the last bracket, stands behind each.
    return regrouped(flat, _places(flat[:-1], "]", len(vectors.values)) + 1, vectors.offsets)


def _places(flat: bytes, mark: str, count: int) -> Int64:
    """Where the mark stands; the end of the text stands for one that is missing."""
    found = np.flatnonzero(np.frombuffer(flat, dtype=np.uint8) == ord(mark))
    return found if len(found) == count else np.append(found, len(flat) - 1)
