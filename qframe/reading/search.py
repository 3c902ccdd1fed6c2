"""The points nearest to one vector."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from qframe.backends.opening import open_backend
from qframe.connection import Connection
from qframe.delivery.ask import ask
from qframe.errors import OptionError
from qframe.frames.results import render
from qframe.model.queries import Nearest, QueryRequest
from qframe.model.requests import CollectionInfo, PageRequest, VectorConfig
from qframe.model.vectors import Dense, Multi, Sparse, VectorColumn
from qframe.planning.exactly import exact_filter
from qframe.planning.options import ReadSettings
from qframe.planning.plan import UNNAMED, make_plan, patience_of, similar
from qframe.reading.pages import checked, for_schema
from qframe.reading.read import library_of


@dataclass(frozen=True, slots=True)
class Search:
    """What is searched for; see `Collection.search`."""

    vector: Any
    using: str | None = None
    limit: int = 10
    offset: int = 0
    score_threshold: float | None = None
    params: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        for name, least in (("limit", 1), ("offset", 0)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < least:
                raise OptionError(f"{name}={value!r}: a number of points, at least {least}.")
        threshold = self.score_threshold
        if threshold is not None and (isinstance(threshold, bool) or not isinstance(threshold, int | float)):
            raise OptionError(f"score_threshold={threshold!r}: a number, or None for all.")
        if self.params is not None and not isinstance(self.params, Mapping):
            raise OptionError(
                f"params={self.params!r}: a mapping, for example {{'hnsw_ef': 128}} or {{'exact': True}}."
            )


def search(
    connection: Connection,
    name: str,
    question: Search,
    settings: ReadSettings,
    frame: str | None,
    dtype_backend: Any,
) -> Any:
    """The nearest points as a frame: rank, id, score, payload, vectors."""
    library = library_of(frame, dtype_backend)
    pushed = exact_filter(connection, name, settings.filter, "search")
    backend = open_backend(connection)
    plan = make_plan(connection, backend, name, settings).only(settings.columns, beside=("rank", "score"))
    config = _vector(plan.info, question.using)
    selectors = for_schema(PageRequest(name), plan.schema)
    request = QueryRequest(
        collection=name,
        query=Nearest(_query(question.vector, config), config.name),
        limit=question.limit,
        offset=question.offset,
        filter=pushed,
        score_threshold=question.score_threshold,
        params=question.params,
        payload=selectors.payload,
        vectors=selectors.vectors,
    )
    hits = ask(partial(backend.query, request, plan.schema), patience_of(connection, settings), name)
    hits = replace(hits, table=hits.table.remove_column(0))  # which of the queries: there is one
    return render(checked(hits, plan.schema, plan.targets, settings.on_mismatch), library, dtype_backend, plan.targets)


def _vector(info: CollectionInfo, using: str | None) -> VectorConfig:
    """The vector to search, found by itself where there is one."""
    columns = {item.name or UNNAMED: item for item in info.vectors}
    if using is None:
        if len(columns) == 1:
            return next(iter(columns.values()))
        raise OptionError(f"search: {info.name!r} has the vectors {', '.join(map(repr, columns))}; say which: using=…")
    if (using or UNNAMED) not in columns:
        raise OptionError(f"search(using={using!r}): {info.name!r} has no such vector{similar(using, list(columns))}")
    return columns[using or UNNAMED]


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
            f"search: {config.name!r} is sparse; pass {{'indices': […], 'values': […]}}, not a {type(vector).__name__}."
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
