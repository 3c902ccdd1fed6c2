"""One vector, as a caller writes it down, checked: a query of one row."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from qframe.errors import OptionError
from qframe.model.queries import Nearest
from qframe.model.requests import CollectionInfo, VectorConfig
from qframe.model.vectors import Dense, Multi, Sparse, VectorColumn
from qframe.planning.plan import UNNAMED
from qframe.reading.search.form import vector_named
from qframe.reading.search.options import is_sparse_value, refuse_slip


def nearest_of(info: CollectionInfo, given: Any, using: str | None, option: str) -> list[Nearest]:
    """The vectors that a caller gave: one, or a mapping from names of vectors.

    Raises
    ------
    OptionError
        For what is no vector of the collection.
    """
    if isinstance(given, Mapping) and not is_sparse_value(given):
        if not given:
            raise OptionError(f"search: {option}={given!r} names no vector.")
        if not {config.name for config in info.vectors}.issuperset(given):
            refuse_slip(given, option)
        named = [(vector_named(info, name, option), value) for name, value in given.items()]
    else:
        config = vector_named(info, using)
        if given is None:
            raise OptionError(f"search: {option}=None: a vector is needed, for {config.name or UNNAMED!r}.")
        named = [(config, given)]
    return [Nearest(_query(value, config), config.name) for config, value in named]


def _query(vector: Any, config: VectorConfig) -> VectorColumn:
    """One query as a vector column of one row."""
    if config.kind == "sparse":
        return _sparse(vector, config)
    values = _floats(vector, "the vector")
    if config.kind == "multi" and values.ndim == 1:
        values = values[np.newaxis]
    wanted = 1 if config.kind == "dense" else 2
    if values.ndim != wanted or values.shape[-1] != config.dim:
        shape = f"({config.dim},)" if wanted == 1 else f"(k, {config.dim})"
        raise OptionError(
            f"search: the vector has the shape {values.shape}, and {config.name or UNNAMED!r} of the collection "
            f"takes {shape}."
        )
    if config.kind == "dense":
        return Dense(np.ascontiguousarray(values[np.newaxis]))
    return Multi(np.array([0, len(values)], dtype=np.int64), np.ascontiguousarray(values))


def _sparse(vector: Any, config: VectorConfig) -> Sparse:
    if not isinstance(vector, Mapping) or set(vector) != {"indices", "values"}:
        raise OptionError(
            f"search: {config.name!r} is sparse; pass {{'indices': […], 'values': […]}}, not {type(vector).__name__}."
        )
    indices = np.asarray(vector["indices"])
    values = _floats(vector["values"], "the values of the vector")
    whole = indices.dtype.kind in "iu" or not len(indices)
    if not whole or (len(indices) and not (indices.min() >= 0 and indices.max() < 2**32)):
        raise OptionError("search: indices of a sparse vector are integers from 0 to 2^32 - 1.")
    if indices.shape != values.shape or indices.ndim != 1 or len(np.unique(indices)) < len(indices):
        raise OptionError("search: indices and values of a sparse vector are as many, and no index stands twice.")
    order = np.argsort(indices)
    return Sparse(np.array([0, len(order)], dtype=np.int64), indices[order].astype(np.uint32), values[order])


def _floats(given: Any, what: str) -> npt.NDArray[np.float32]:
    """Numbers as float32; OptionError for anything else, and for what float32 has no number for."""
    try:
        with np.errstate(over="ignore"):
            values = np.asarray(given, dtype=np.float32)
    except (TypeError, ValueError) as error:
        raise OptionError(
            f"search: {what} is not made of numbers, or of rows of one length: {str(error).rstrip('.')}."
        ) from error
    if not np.isfinite(values).all():
        raise OptionError(f"search: {what} holds NaN, infinity or a number beyond float32; nothing is near to that.")
    return values
