"""REST answers as columns: the JSON of a scroll, a retrieve and a query batch → `Page` and `Hits`.

The text of dense vectors, nine tenths of an answer, is cut out first and read as one column of float32 by polars' CSV
reader; objects are made of the rest only. Where a cut might have hit something else, everything is read as objects:
slower by half, and right. Knows the JSON of points and no network.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson

from qframe.backends.rest.cut import cut
from qframe.columns.assemble import hits as assemble_hits
from qframe.columns.assemble import page as assemble_page
from qframe.columns.objects import columns_of, others_of
from qframe.columns.point_ids import PointIds, point_ids
from qframe.columns.values import Values
from qframe.columns.vector_rows import VectorRows, vector_rows
from qframe.model.ids import PointId
from qframe.model.libraries import needed
from qframe.model.queries import Hits
from qframe.model.requests import Page
from qframe.model.schema import Schema, VectorField
from qframe.model.vectors import Dense

_END = b"9e99"
"""Stands behind each vector in the column of numbers: infinity as a float32, which no JSON number of one is."""

_NEXT = re.compile(rb'"next_page_offset":(\d+|"[^"\\]*")')
_TAIL = 512
"""Bytes in which a server ends an answer: where the next page begins, status, time and usage."""

Points = Sequence[dict[str, Any]]
Texts = Mapping[str, tuple[npt.NDArray[np.int64], list[memoryview]]]
"""By vector name: the rows of vectors that were cut out, and their texts."""


def scroll(data: bytes, schema: Schema) -> Page:
    """The page of `POST …/points/scroll`."""
    answer, texts = _read(data, schema, _scrolled)
    points = _scrolled(answer)
    ids, payload, vectors, extra = _points(points, schema, texts)
    offset = answer["result"]["next_page_offset"]
    return assemble_page(schema, ids, payload, vectors, extra=extra, next_offset=offset, nbytes=len(data))


def ahead(data: bytes) -> PointId | None:
    """Where the next page of a scroll begins, if the last bytes of the answer tell."""
    found = _NEXT.findall(data, max(0, len(data) - _TAIL))
    offset: PointId | None = orjson.loads(found[-1]) if found else None
    return offset


def retrieve(data: bytes, schema: Schema) -> Page:
    """The page of `POST …/points`."""
    answer, texts = _read(data, schema, _retrieved)
    ids, payload, vectors, extra = _points(_retrieved(answer), schema, texts)
    return assemble_page(schema, ids, payload, vectors, extra=extra, nbytes=len(data))


def hits(data: bytes, schema: Schema) -> Hits:
    """The hits of `POST …/points/query/batch`."""
    answer, texts = _read(data, schema, _found)
    points = _found(answer)
    counts = [len(one["points"]) for one in answer["result"]]
    ids, payload, vectors, extra = _points(points, schema, texts)
    ranks = [np.arange(1, count + 1, dtype=np.uint32) for count in counts]
    return assemble_hits(
        schema,
        ids,
        payload,
        vectors,
        query=np.repeat(np.arange(len(counts), dtype=np.uint32), counts),
        rank=np.concatenate([np.empty(0, dtype=np.uint32), *ranks]),
        score=np.array([point["score"] for point in points], dtype=np.float32),
        extra=extra,
        nbytes=len(data),
    )


def _scrolled(answer: Any) -> Points:
    points: Points = answer["result"]["points"]
    return points


def _retrieved(answer: Any) -> Points:
    points: Points = answer["result"]
    return points


def _found(answer: Any) -> Points:
    return list(chain.from_iterable(one["points"] for one in answer["result"]))


def _read(data: bytes, schema: Schema, points_of: Any) -> tuple[Any, Texts]:
    """The answer as objects, and the vectors that were cut out of it."""
    marks = {mark: field.vector for field in schema.vectors if field.kind == "dense" for mark in _marks(field.vector)}
    pieces = cut(data, marks)
    if pieces.rest is data:
        return orjson.loads(data), {}
    try:
        answer = orjson.loads(pieces.rest)
    except orjson.JSONDecodeError:
        return orjson.loads(data), {}
    texts = _placed(points_of(answer), marks, pieces.texts)
    return (orjson.loads(data), {}) if texts is None else (answer, texts)


def _marks(name: str) -> tuple[bytes, ...]:
    """What stands before a vector. The unnamed one has its own name, "", beside named ones."""
    mark = orjson.dumps(name) + b":["
    return (b'"vector":[', mark) if name == "" else (mark,)


def _placed(points: Points, marks: Mapping[bytes, str], texts: Mapping[bytes, list[memoryview]]) -> Texts | None:
    """The rows that the texts were cut from; None when there is one that is no vector."""
    placed: dict[str, tuple[npt.NDArray[np.int64], list[memoryview]]] = {}
    for mark, name in marks.items():
        found = texts[mark]
        if not found:
            continue
        whole = mark == b'"vector":[' and name == ""
        rows = [row for row, point in enumerate(points) if _held(point.get("vector"), name, whole) == []]
        if len(rows) != len(found):
            return None
        before = placed.get(name)
        if before is not None:
            # A row's place in either list is its own, so they are merged by row.
            both = sorted(zip([*before[0].tolist(), *rows], [*before[1], *found], strict=True))
            rows, found = [row for row, _ in both], [text for _, text in both]
        placed[name] = np.array(rows, dtype=np.int64), found
    return placed


def _held(vector: Any, name: str, whole: bool) -> Any:
    if whole:
        return vector if type(vector) is list else None
    return vector.get(name) if type(vector) is dict else None


def _points(
    points: Points, schema: Schema, texts: Texts
) -> tuple[PointIds, dict[str, Values], dict[str, VectorRows], list[dict[str, Any]] | None]:
    ids = point_ids([point["id"] for point in points])
    names = [field.name for field in schema.payload]
    payloads = [point.get("payload") or {} for point in points] if names or schema.extra != "ignore" else []
    vectors = {field.vector: _vectors(points, field, texts) for field in schema.vectors}
    extra = None if schema.extra == "ignore" else others_of(payloads, schema.unread.union(names))
    return ids, columns_of(payloads, names), vectors, extra


def _vectors(points: Points, field: VectorField, texts: Texts) -> VectorRows:
    if field.vector not in texts:
        return vector_rows(field, [_vector(point, field.vector) for point in points])
    rows, found = texts[field.vector]
    values = floats(found, field.dim or 0)
    if values is None:
        lists = dict(zip(rows.tolist(), (orjson.loads(b"[%b]" % bytes(text)) for text in found), strict=True))
        every = (_vector(point, field.vector) for point in points)
        return vector_rows(field, [lists.get(row, held) for row, held in enumerate(every)])
    bad: dict[int, object] = {}
    if len(rows) < len(points):
        others = np.setdiff1d(np.arange(len(points)), rows).tolist()
        bad = {row: held for row in others if (held := _vector(points[row], field.vector)) is not None}
    return VectorRows(_spread(values, rows, len(points)), bad)


def _vector(point: Mapping[str, Any], name: str) -> Any:
    """One vector of a point: named, or all that there is when it has no name."""
    vector = point.get("vector")
    if type(vector) is dict:
        return vector.get(name)
    return None if name else vector


def _spread(values: npt.NDArray[np.float32], rows: npt.NDArray[np.int64], n: int) -> Dense:
    if len(rows) == n:
        return Dense(values)
    spread = np.zeros((n, values.shape[1]), dtype=np.float32)
    present = np.zeros(n, dtype=np.bool_)
    spread[rows], present[rows] = values, True
    return Dense(spread, present)


def floats(texts: Sequence[bytes | memoryview], dim: int) -> npt.NDArray[np.float32] | None:
    """Vectors from the texts between their brackets, shape (n, dim); None when any of them is not `dim` numbers.

    polars reads each number to the nearest float32: 13 µs for 384, where orjson and numpy take 31.
    """
    needed("polars")
    import polars as pl

    column = (b",%b," % _END).join([*texts, b""])
    try:
        frame = pl.read_csv(column, has_header=False, schema={"": pl.Float32}, eol_char=",", quote_char=None)
    except pl.exceptions.ComputeError:
        return None
    series = frame.to_series()
    if len(series) != len(texts) * (dim + 1) or series.null_count():
        return None
    grid = series.to_numpy().reshape(-1, dim + 1)
    return np.ascontiguousarray(grid[:, :-1]) if np.isinf(grid[:, -1]).all() else None
