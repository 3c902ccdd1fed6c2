"""What must hold of points before the engine sees them: it logs an operation first and checks it afterwards.

A sparse vector of unequal halves, a ragged multivector or a payload nested too deep is logged, and the collection never
loads again; not-finite numbers and repeated sparse indices are stored and spoil scores. A server makes most of these
checks in its API layer, which the engine does not have. Faults speak in the server's words where it has any.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from qframe.backends.embedded.configs import Layout
from qframe.backends.embedded.engine import built, edge, refused
from qframe.model.bad import shown
from qframe.model.ids import Ids
from qframe.model.limits import MULTIVECTOR_NUMBERS
from qframe.model.outcome import Fault
from qframe.model.paths import levels
from qframe.model.points import Points
from qframe.model.vectors import Dense, Multi, Sparse, VectorColumn, VectorKind

MAX_DEPTH = 100
"""Levels of a payload. The engine reads its log back up to 122; more and the collection never loads again."""

Shape = tuple[VectorKind, int | None]


def shapes(vectors: Mapping[str, VectorColumn]) -> dict[str, Shape]:
    """Kind and dimension of each vector column that holds anything; what `check_layout` compares."""
    return {
        name: (column.kind, None if isinstance(column, Sparse) else column.dim)
        for name, column in vectors.items()
        if column.present is None or column.present.any()
    }


def check_layout(found: Mapping[str, Shape], layout: Layout) -> Fault | None:
    """Compare vectors with a collection's configuration: names, kinds, dimensions."""
    for name, (kind, dim) in found.items():
        config = layout.get(name)
        if config is None:
            return refused(f"Not existing vector name error: {name}")
        if (kind == "sparse") != (config.kind == "sparse"):
            return refused("Conversion between sparse and regular vectors failed")
        if kind == "multi" and config.kind != "multi":
            return refused("Conversion between multi and regular vectors failed")
        if dim != config.dim:
            where = f" for vector '{name}'" if name else ""
            return refused(f"Wrong input: Vector dimension error: expected dim: {config.dim}, got {dim}{where}")
    return None


def check_points(points: Points) -> Fault | None:
    """Everything about points that does not depend on the collection, but for the payload's values."""
    n = len(points)
    if n == 0:
        return refused("Bad request: Empty update request")
    fault = check_ids(points.ids)
    if fault is not None:
        return fault
    for name, column in points.vectors.items():
        if len(column) != n:
            return refused(f"Wrong input: vector {name!r} has {len(column)} rows, there are {n} ids")
        fault = check_vectors(name, column)
        if fault is not None:
            return fault
    return None if points.payload is None else check_payload(points.payload, n)


def check_vectors(name: str, column: VectorColumn) -> Fault | None:
    """Structure and values of one vector column."""
    where = f"vector {name!r}" if name else "the vector"
    problem = _CHECKS[column.kind](column)
    return None if problem is None else refused(f"Wrong input: {where}{problem}")


def check_payload(payload: pa.RecordBatch, n: int, above: int = 0) -> Fault | None:
    """Everything about payload columns but their values: `n` rows, not too deep below `above` levels of a path."""
    if payload.num_rows != n:
        return refused(f"Wrong input: the payload has {payload.num_rows} rows, there are {n} ids")
    for field in payload.schema:
        fault = _check_depth(field.type, field.name, above)
        if fault is not None:
            return fault
    return None


def _check_depth(dtype: pa.DataType, name: str, above: int) -> Fault | None:
    """A payload column's type, whatever Arrow type it has: how many levels it puts into the payload."""
    pending = [(dtype, above + 1)]
    while pending:
        inner, depth = pending.pop()
        if depth > MAX_DEPTH:
            return refused(f"Wrong input: payload {name!r} is nested deeper than {MAX_DEPTH} levels")
        pending += [(inner.field(at).type, depth + 1) for at in range(inner.num_fields)]
    return None


def check_path(path: str) -> Fault | None:
    """A payload path, which the engine's own reader takes, and no deeper than a payload may be."""
    read = built(edge.UpdateOperation.delete_payload, point_ids=[], keys=[path])
    if isinstance(read, Fault):
        return read
    if levels(path) > MAX_DEPTH:
        return refused(f"Wrong input: the payload path {shown(path)} leads deeper than {MAX_DEPTH} levels")
    return None


def check_names(names: Iterable[str], layout: Layout) -> Fault | None:
    """Compare names of vectors with a collection's configuration."""
    unknown = next((name for name in names if name not in layout), None)
    return None if unknown is None else refused(f"Not existing vector name error: {unknown}")


def check_finite(array: pa.Array, path: str) -> Fault | None:
    """A payload column in plain types (see `qframe.columns.plain`): JSON has no word for infinity."""
    if pa.types.is_floating(array.type):
        values = np.asarray(array.drop_null())
        infinite = values[np.isinf(values)]
        if len(infinite):
            return refused(f"Wrong input: payload {path!r} holds {infinite[0]}, which JSON has no word for")
    for name, child in _children(array):
        fault = check_finite(child, path + name)
        if fault is not None:
            return fault
    return None


def _children(array: pa.Array) -> Iterator[tuple[str, pa.Array]]:
    if pa.types.is_large_list(array.type):
        yield "[]", array.flatten()
    elif pa.types.is_struct(array.type):
        for field, child in zip(array.type, array.flatten(), strict=True):
            yield f".{field.name}", child


def check_ids(ids: Ids) -> Fault | None:
    """Shape and type of ids: 64-bit unsigned integers, or the 16 bytes of UUIDs."""
    values = ids.values
    uuids = values.ndim == 2 and values.shape[1] == 16 and values.dtype == np.uint8
    if uuids or (values.ndim == 1 and values.dtype == np.uint64):
        return None
    return refused(
        f"Wrong input: ids of {values.dtype} and shape {values.shape} are not valid point IDs, "
        "valid values are either an unsigned integer or a UUID"
    )


def _check_dense(column: Dense) -> str | None:
    values = column.values
    if values.ndim != 2 or values.dtype != np.float32:
        return f": expected float32 of shape (n, dim), got {values.dtype} of shape {values.shape}"
    finite = np.isfinite(values)
    if finite.all():
        return None
    if column.present is not None:
        finite = finite | ~column.present[:, None]
    return _not_finite(values, finite)


def _check_sparse(column: Sparse) -> str | None:
    if len(column.indices) != len(column.values):
        return f" has {len(column.indices)} indices and {len(column.values)} values: they must have the same length"
    if column.indices.dtype != np.uint32 or column.values.dtype != np.float32:
        return f": expected uint32 indices and float32 values, got {column.indices.dtype} and {column.values.dtype}"
    problem = _check_spans(column.offsets, len(column.indices))
    if problem is not None:
        return problem
    rows = np.repeat(np.arange(len(column)), np.diff(column.offsets))
    order = np.lexsort((column.indices, rows))
    indices, owners = column.indices[order], rows[order]
    repeated = (indices[1:] == indices[:-1]) & (owners[1:] == owners[:-1])
    if repeated.any():
        at = int(np.flatnonzero(repeated)[0])
        return f" repeats index {indices[at]} in row {owners[at]} of the request: indices must be unique"
    return _not_finite(column.values, np.isfinite(column.values))


def _check_multi(column: Multi) -> str | None:
    values = column.values
    if values.ndim != 2 or values.dtype != np.float32:
        return f": expected float32 of shape (total, dim), got {values.dtype} of shape {values.shape}"
    problem = _check_spans(column.offsets, len(values))
    if problem is not None:
        return problem
    lengths = np.diff(column.offsets)
    empty = lengths == 0 if column.present is None else (lengths == 0) & column.present
    if empty.any():
        return f" is an empty multivector in row {int(np.flatnonzero(empty)[0])} of the request"
    largest = int(lengths.max(initial=0)) * column.dim
    if largest >= MULTIVECTOR_NUMBERS:
        return f" has {largest:,} numbers in one multivector, at most {MULTIVECTOR_NUMBERS - 1:,}"
    return _not_finite(values, np.isfinite(values))


_CHECKS: dict[VectorKind, Callable[[Any], str | None]] = {
    "dense": _check_dense,
    "sparse": _check_sparse,
    "multi": _check_multi,
}


def _check_spans(offsets: npt.NDArray[np.int64], total: int) -> str | None:
    sound = len(offsets) > 0 and offsets[0] == 0 and offsets[-1] == total and bool((np.diff(offsets) >= 0).all())
    return None if sound else ": its offsets do not fit its values"


def _not_finite(values: npt.NDArray[np.float32], finite: npt.NDArray[np.bool_]) -> str | None:
    if finite.all():
        return None
    return f" must not hold NaN or infinity, got {shown(float(values[~finite][0]))}"
