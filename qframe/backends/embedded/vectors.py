"""Vector columns → a value a row, as the engine takes them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any

import numpy as np

from qframe.backends.embedded.engine import edge
from qframe.model.vectors import Dense, Multi, Sparse, VectorColumn, present

Row = Any


def vector_rows(n: int, vectors: Mapping[str, VectorColumn]) -> list[Row]:
    """One value a row: the vector itself where only the unnamed one is there (a mapping costs twice), else by name."""
    columns = {name: column_rows(column) for name, column in vectors.items()}
    unnamed = vectors.get("")
    if unnamed is not None and len(columns) == 1 and unnamed.kind != "sparse" and present(unnamed).all():
        return columns[""]
    masks = {name: column.present for name, column in vectors.items()}
    rows: list[Row] = [{} for _ in range(n)]
    for name, values in columns.items():
        mask = masks[name]
        for row, value in enumerate(values):
            if mask is None or mask[row]:
                rows[row][name] = value
    return rows


def column_rows(column: VectorColumn) -> list[Row]:
    """Each row as the engine takes it. Slices of one memoryview are the fastest way in from numpy (8.5 µs a row,
    lists 19).
    """
    return _ROWS[column.kind](column)


def _dense_rows(column: Dense) -> list[Row]:
    flat, dim = np.ascontiguousarray(column.values).reshape(-1).data, column.dim
    return [flat[row * dim : (row + 1) * dim] for row in range(len(column))]


def _sparse_rows(column: Sparse) -> list[Row]:
    indices, values = column.indices.tolist(), column.values.tolist()
    spans = pairwise(column.offsets.tolist())
    return [edge.SparseVector(indices[start:stop], values[start:stop]) for start, stop in spans]


def _multi_rows(column: Multi) -> list[Row]:
    vectors = _dense_rows(Dense(column.values))
    return [vectors[start:stop] for start, stop in pairwise(column.offsets.tolist())]


_ROWS: dict[str, Callable[[Any], list[Row]]] = {"dense": _dense_rows, "sparse": _sparse_rows, "multi": _multi_rows}
