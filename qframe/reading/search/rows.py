"""The vectors of a frame as queries: which columns they are, which rows cannot be asked, how many fit a request."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson
import pyarrow as pa

from qframe.errors import OptionError
from qframe.frames.source import Source
from qframe.model.bad import Bad, shown
from qframe.model.queries import Nearest, QueryRequest
from qframe.model.requests import CollectionInfo
from qframe.model.vectors import Dense, Multi, VectorColumn
from qframe.planning.plan import Plan
from qframe.reading.search.form import Find, Form, vector_named
from qframe.vectors.names import check_column
from qframe.vectors.role import VectorRole
from qframe.vectors.roles import vector_roles
from qframe.vectors.rows import read_vectors
from qframe.vectors.types import Given

Rows = npt.NDArray[np.int64]

QUERIES = 100
"""Queries in a request, at most: a server spreads them over its cores, and what a retry repeats stays small."""

QUERY_BYTES = 2_000_000
"""Bytes of the queries in a request, about."""

ANSWER_BYTES = 8_000_000
"""Bytes of an answer, about."""

NUMBER_BYTES = 12
"""A number of a vector as JSON, at most; over gRPC it is 4."""

POINT_BYTES = 500
"""A point of an answer without its vectors: a guess."""

GATHERED = 1_000
"""Rows that are looked at together, at least: frames come in parts of any size."""


def columns_kept(source: Source, keep: Sequence[str] | None) -> tuple[str, ...]:
    """The columns of the frame that the answer is to have.

    Raises
    ------
    FrameError
    OptionError
    """
    if keep is None:
        return ()
    if isinstance(keep, str) or not isinstance(keep, Sequence):
        named = [keep] if isinstance(keep, str) else list(source.schema.names[:1])
        raise OptionError(f"keep={keep!r}: a list of columns, for example {named}.")
    names = tuple(check_column(name, source.schema.names, "keep=") for name in keep)
    if len(set(names)) < len(names):
        raise OptionError(f"keep={list(keep)!r}: a column is named twice.")
    return names


def roles_in(given: Given) -> Find[VectorRole]:
    """Resolves what a caller names as the vector in a frame, for a collection that is there."""
    info = given.info
    assert info is not None  # noqa: S101 - a search is of a collection

    def find(vector: Any, using: str | None, option: str) -> Sequence[VectorRole]:
        target = None if using is None and len(info.vectors) > 1 else vector_named(info, using, option).name
        there = given
        if vector is None and target is not None:
            there = replace(given, info=_with_only(info, target))
        roles = vector_roles(there, vector, (), using=target)
        # What a vector is stored as is no matter of what is near to it.
        return [replace(role, datatype="float32") for role in roles]

    return find


def _with_only(info: CollectionInfo, name: str) -> CollectionInfo:
    return replace(info, vectors=tuple(item for item in info.vectors if item.name == name))


@dataclass(frozen=True, slots=True, eq=False)
class Task:
    """Some queries of a frame, as one request.

    Parameters
    ----------
    rows : numpy.ndarray
        `int64`, the frame's number of each query.
    request : QueryRequest
    """

    rows: Rows
    request: QueryRequest

    def __len__(self) -> int:
        return len(self.rows)

    def halves(self) -> tuple[Task, Task]:
        """Two tasks of about equal length, in order."""
        middle = len(self) // 2
        parts = slice(0, middle), slice(middle, len(self))
        first, second = (Task(self.rows[part], self.request.take(part)) for part in parts)
        return first, second


@dataclass(slots=True, eq=False)
class FrameQueries:
    """The rows of a frame as tasks, made as they are asked for; what is found wrong on the way.

    Parameters
    ----------
    batches : iterator of pyarrow.RecordBatch
        The rows, with at least the columns of the vectors and those of `keep`.
    form : Form
        Of roles.
    most : int
        Queries in a task, at most.
    keep : tuple of str
        Columns that are gathered, since the frame cannot be read again.

    Attributes
    ----------
    failures : dict
        Rows that cannot be asked, and why.
    kept : list of pyarrow.RecordBatch
        The gathered columns.
    rows : int
        Rows so far.
    """

    batches: Iterator[pa.RecordBatch]
    form: Form[VectorRole]
    most: int
    keep: tuple[str, ...] = ()
    failures: dict[int, str] = field(default_factory=dict)
    kept: list[pa.RecordBatch] = field(default_factory=list)
    rows: int = 0

    def tasks(self) -> Iterator[Task]:
        for batch in _gathered(self.batches):
            if self.keep:
                self.kept.append(batch.select(list(self.keep)))
            first, self.rows = self.rows, self.rows + batch.num_rows
            yield from self._cut(batch, range(first, self.rows))

    def kept_table(self, schema: pa.Schema) -> pa.Table:
        """The gathered columns of all rows."""
        fields = pa.schema([schema.field(name) for name in self.keep])
        return pa.Table.from_batches(self.kept, fields if not self.kept else None)

    def _cut(self, batch: pa.RecordBatch, numbers: range) -> Iterator[Task]:
        found: list[Nearest] = []
        reasons: dict[int, str] = {}
        for role in self.form.found:
            vectors, bad = read_vectors(batch, role, numbers, "raise")
            found.append(Nearest(vectors, role.vector))
            for one in bad:
                for row, reason in _reasons(one):
                    reasons.setdefault(row, reason)
        self.failures.update({numbers.start + row: reason for row, reason in reasons.items()})
        good = np.setdiff1d(np.arange(len(numbers)), np.array(list(reasons), dtype=np.int64))
        if len(good) < len(numbers):
            found = [replace(one, vectors=one.vectors.take(good)) for one in found]
        if not len(good):
            return
        request = self.form.request(found)
        for part in _spans(_sizes(request), self.most):
            yield Task(good[part] + numbers.start, request.take(part))


def _reasons(bad: Bad) -> Iterator[tuple[int, str]]:
    """Each bad row and what is wrong with it; of the first ones what was found, too."""
    for position, row in enumerate(bad.rows.tolist()):
        found = f"found {shown(bad.values[position])}: " if position < len(bad.values) else ""
        yield row, f"column {bad.column!r}: {found}{bad.message}"


def _gathered(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """The same rows in parts that are worth their requests."""
    held: list[pa.RecordBatch] = []
    for batch in batches:
        held.append(batch)
        if sum(one.num_rows for one in held) >= GATHERED:
            yield from _joined(held)
            held = []
    yield from _joined(held)


def _joined(held: list[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    if len(held) < 2:
        return iter(held)
    return iter(pa.Table.from_batches(held).combine_chunks().to_batches())


def queries_in_a_task(form: Form[Any], plan: Plan) -> int:
    """How many queries make a request of a good size, as far as their answers and the collection's limits say."""
    numbers = sum(field.dim or 100 for field in plan.schema.vectors)
    answer = form.rest["limit"] * (POINT_BYTES + NUMBER_BYTES * numbers)
    most = max(1, min(QUERIES, ANSWER_BYTES // answer))
    return min(most, int(plan.info.strict.get("search_max_batchsize") or most))


def _spans(sizes: Rows, most: int) -> Iterator[slice]:
    """Consecutive spans of at most `most` rows and about `QUERY_BYTES`, none empty."""
    ends = np.cumsum(sizes)
    start = 0
    while start < len(sizes):
        before = int(ends[start - 1]) if start else 0
        stop = int(np.searchsorted(ends, before + QUERY_BYTES, side="right"))
        stop = max(start + 1, min(stop, start + most))
        yield slice(start, stop)
        start = stop


def _sizes(request: QueryRequest) -> Rows:
    """Bytes of each query, at most, `int64` of shape (n,)."""
    conditions: list[Mapping[str, Any] | None] = [request.filter, *(one.filter for one in request.prefetch)]
    constant = 300 + sum(len(orjson.dumps(one)) for one in conditions if one is not None)
    numbers: Rows = sum((_numbers(one.vectors) for one in request.nearest), np.zeros(len(request), dtype=np.int64))
    return constant + NUMBER_BYTES * numbers


def _numbers(vectors: VectorColumn) -> Rows:
    """How many numbers each row has."""
    if isinstance(vectors, Dense):
        return np.full(len(vectors), vectors.dim, dtype=np.int64)
    return np.diff(vectors.offsets) * (vectors.dim if isinstance(vectors, Multi) else 2)
