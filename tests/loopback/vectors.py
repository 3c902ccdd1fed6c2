"""The checks of vectors that the server makes before its engine, and their way into the engine.

The engine logs an operation before it checks it: a sparse vector of unequal lists or a ragged multivector
would make its folder unopenable, so nothing reaches it unchecked.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import qdrant_edge as edge

from .errors import ApiError, ValidationError, wrong_input
from .operations import Multi, Row, Sparse


@dataclass(frozen=True)
class Layout:
    """The vectors of a collection: size by name of the dense ones, which of them are multi, the sparse names."""

    sizes: dict[str, int]
    multi: frozenset[str]
    sparse: frozenset[str]


def validate(rows: Iterable[Row]) -> None:
    """What the server's API layer refuses whatever the collection."""
    for at, row in enumerate(rows):
        for value in row.vectors.values():
            _validate_one(value, f"points[{at}].vector")


def _validate_one(value: Any, where: str) -> None:
    if isinstance(value, Sparse):
        if len(value.indices) != len(value.values):
            raise ValidationError(f"{where}.values: must be the same length as indices")
        if len(set(value.indices)) != len(value.indices):
            raise ValidationError(f"{where}.indices: must be unique")
    elif isinstance(value, Multi):
        widths = {len(row) for row in value.rows}
        if not widths or 0 in widths:
            raise ValidationError(f"{where}: multivector must not be empty")
        if len(widths) > 1:
            raise ValidationError(f"{where}: all vectors must have the same dimension")
    elif len(value) == 0:
        raise ValidationError(f"{where}: vector must not be empty")


def wrong_dimension(row: Row, layout: Layout) -> ApiError | None:
    """The dimension error of a row; unknown names and wrong kinds are left to the engine, as on the server."""
    for name, value in row.vectors.items():
        size = layout.sizes.get(name)
        if size is None or isinstance(value, Sparse):
            continue
        for part in value.rows if isinstance(value, Multi) else [value]:
            if len(part) != size:
                place = f" for vector '{name}'" if name else ""
                return wrong_input(f"Vector dimension error: expected dim: {size}, got {len(part)}{place}")
    return None


def wrong_kind(row: Row, layout: Layout) -> ApiError | None:
    """The error that the server finds only when it applies the row."""
    for name, value in row.vectors.items():
        if name in layout.sparse:
            if not isinstance(value, Sparse):
                return wrong_input("Conversion between sparse and regular vectors failed")
        elif name not in layout.sizes:
            return wrong_input(f"Not existing vector name error: {name}")
        elif isinstance(value, Sparse):
            return wrong_input("Conversion between sparse and regular vectors failed")
        elif isinstance(value, Multi) and name not in layout.multi:
            return wrong_input("Conversion between multi and regular vectors failed")
    return None


def to_engine(vectors: dict[str, Any]) -> Any:
    """A row's vectors as the engine takes them."""
    if vectors.keys() == {""}:
        return one_to_engine(vectors[""])
    return {name: one_to_engine(value) for name, value in vectors.items()}


def one_to_engine(value: Any) -> Any:
    """One vector as the engine takes it; numpy rows go as memory views, which it reads fastest."""
    if isinstance(value, Sparse):
        return edge.SparseVector([int(i) for i in value.indices], [float(v) for v in value.values])
    if isinstance(value, Multi):
        return [[float(v) for v in row] for row in value.rows]
    return memoryview(value) if isinstance(value, np.ndarray) else value


def from_engine(value: Any) -> Any:
    """Vectors of a record as float32 arrays, `Sparse` and `Multi`; None when they were not asked for."""
    if value is None:
        return None
    if isinstance(value, dict):
        return {name: _one_from_engine(vector) for name, vector in value.items()}
    return _one_from_engine(value)


def _one_from_engine(value: Any) -> Any:
    if isinstance(value, edge.SparseVector):
        return Sparse(value.indices, np.array(value.values, np.float32))
    if value and isinstance(value[0], list):
        return Multi([np.array(row, np.float32) for row in value])
    return np.array(value, np.float32)
