"""Vectors as answers hold them, one a row or none, and the Arrow columns they become.

Owns the way from Python lists to `Dense`, `Sparse` and `Multi` and from these to Arrow; knows no wire.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

import numpy as np
import pyarrow as pa

from qframe.columns.layout import Int64, Mask, ends, validity
from qframe.columns.values import MISSING
from qframe.model.schema import VectorField
from qframe.model.vectors import Dense, Multi, Sparse, VectorColumn


@dataclass(frozen=True, slots=True, eq=False)
class VectorRows:
    """The vectors of one name.

    Parameters
    ----------
    column : Dense, Sparse or Multi
        Rows that have none, or a bad one, are not present.
    bad : mapping of int to object
        Row → what stands there, for vectors of another kind or dimension than the schema says.
    """

    column: VectorColumn
    bad: Mapping[int, object] = field(default_factory=dict)


def vector_rows(wanted: VectorField, rows: Sequence[Any]) -> VectorRows:
    """Vectors from Python objects, one a row.

    Parameters
    ----------
    wanted : VectorField
    rows : sequence
        None or `MISSING` where the point has no such vector; else a list of floats, a list of such lists, or a sparse
        vector: a mapping with `indices` and `values`, or an object with these attributes. None in a list of floats is
        NaN, which JSON has no word for.
    """
    fits = {"dense": _is_dense, "sparse": _is_sparse, "multi": _is_multi}[wanted.kind]
    held: list[Any] = [None if row is MISSING else row for row in rows]
    bad = {i: row for i, row in enumerate(held) if row is not None and not fits(row, wanted.dim)}
    present = np.array([row is not None and i not in bad for i, row in enumerate(held)], dtype=np.bool_)
    kept = [row for i, row in enumerate(held) if present[i]]
    mask = None if present.all() else present
    if wanted.kind == "sparse":
        return VectorRows(_sparse(kept, present, mask), bad)
    if wanted.kind == "multi":
        return VectorRows(_multi(kept, present, mask, wanted.dim or 0), bad)
    values = np.zeros((len(rows), wanted.dim or 0), dtype=np.float32)
    if kept:
        values[present] = np.array(kept, dtype=np.float32)
    return VectorRows(Dense(values, mask), bad)


def _is_dense(row: Any, dim: int | None) -> bool:
    return isinstance(row, (list, tuple, np.ndarray)) and len(row) == dim and not isinstance(row[0], (list, tuple))


def _is_multi(row: Any, dim: int | None) -> bool:
    return isinstance(row, (list, tuple)) and all(
        isinstance(part, (list, tuple, np.ndarray)) and len(part) == dim for part in row
    )


def _is_sparse(row: Any, _: int | None) -> bool:
    return _parts(row) is not None


def _parts(row: Any) -> tuple[Sequence[int], Sequence[float]] | None:
    indices, values = (
        (row.get("indices"), row.get("values"))
        if isinstance(row, Mapping)
        else (getattr(row, "indices", None), getattr(row, "values", None))
    )
    return None if indices is None or values is None or callable(values) else (indices, values)


def _spans(lengths: list[int], present: Mask) -> Int64:
    every = np.zeros(len(present), dtype=np.int64)
    every[present] = lengths
    return ends(every)


def _sparse(kept: list[Any], present: Mask, mask: Mask | None) -> Sparse:
    parts = [found for found in map(_parts, kept) if found is not None]
    spans = _spans([len(indices) for indices, _ in parts], present)
    indices = np.array(list(chain.from_iterable(indices for indices, _ in parts)), dtype=np.uint32)
    values = np.array(list(chain.from_iterable(values for _, values in parts)), dtype=np.float32)
    return Sparse(spans, indices, values, mask)


def _multi(kept: list[Any], present: Mask, mask: Mask | None, dim: int) -> Multi:
    spans = _spans(list(map(len, kept)), present)
    values = np.array(list(chain.from_iterable(kept)), dtype=np.float32).reshape(-1, dim)
    return Multi(spans, values, mask)


def vector_array(column: VectorColumn, wanted: VectorField) -> pa.Array:
    """The Arrow column of `VectorField.dtype`; null where a row is not present. Nothing is copied."""
    bitmap = validity(column.present)
    nulls = -1 if column.present is not None else 0
    if isinstance(column, Dense):
        values = pa.array(column.values.reshape(-1))
        return pa.Array.from_buffers(wanted.dtype, len(column), [bitmap], nulls, children=[values])
    spans = pa.py_buffer(column.offsets)
    if isinstance(column, Multi):
        vectors = pa.FixedSizeListArray.from_arrays(pa.array(column.values.reshape(-1)), type=wanted.dtype.value_type)
        return pa.Array.from_buffers(wanted.dtype, len(column), [bitmap, spans], nulls, children=[vectors])
    parts = [
        pa.LargeListArray.from_arrays(pa.array(column.offsets), pa.array(flat))
        for flat in (column.indices, column.values)
    ]
    return pa.Array.from_buffers(wanted.dtype, len(column), [bitmap], nulls, children=parts)
