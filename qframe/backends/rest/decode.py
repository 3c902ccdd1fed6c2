"""REST answers as columns: the JSON of a scroll, a retrieve and a query batch → `Page` and `Hits`.

The text of dense vectors, nine tenths of an answer, is cut out first and read as one column of float32 by polars' CSV
reader; objects are made of the rest only. Where a cut might have hit something else, everything is read as objects:
slower by half, and right. Knows the JSON of points and no network.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson

from qframe.backends.rest.cut import Spans, cut
from qframe.backends.rest.parts import Points, take_parts
from qframe.columns.assemble import hits as assemble_hits
from qframe.columns.assemble import page as assemble_page
from qframe.columns.objects import columns_of, keys_of, others_of
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

Text = bytes | bytearray
Texts = Mapping[str, Sequence[tuple[npt.NDArray[np.int64], Spans]]]
"""By vector name: the rows of vectors that were cut out, ascending, and their texts; by one mark or two."""


def scroll(data: Text, schema: Schema) -> Page:
    """The page of `POST …/points/scroll`."""
    answer, points, texts = _read(data, schema, _SCROLL)
    ids, payload, vectors, extra = _columns(points, schema, texts)
    offset = answer["result"]["next_page_offset"]
    return assemble_page(schema, ids, payload, vectors, extra=extra, next_offset=offset, nbytes=len(data))


def ahead(data: Text) -> PointId | None:
    """Where the next page of a scroll begins, if the last bytes of the answer tell."""
    found = _NEXT.findall(data, max(0, len(data) - _TAIL))
    offset: PointId | None = orjson.loads(found[-1]) if found else None
    return offset


def retrieve(data: Text, schema: Schema) -> Page:
    """The page of `POST …/points`."""
    _, points, texts = _read(data, schema, _RETRIEVE)
    ids, payload, vectors, extra = _columns(points, schema, texts)
    return assemble_page(schema, ids, payload, vectors, extra=extra, nbytes=len(data))


def hits(data: Text, schema: Schema) -> Hits:
    """The hits of `POST …/points/query/batch`."""
    answer, points, texts = _read(data, schema, _QUERY)
    counts = [len(one["points"]) for one in answer["result"]]
    ids, payload, vectors, extra = _columns(points, schema, texts)
    ranks = [np.arange(1, count + 1, dtype=np.uint32) for count in counts]
    return assemble_hits(
        schema,
        ids,
        payload,
        vectors,
        query=np.repeat(np.arange(len(counts), dtype=np.uint32), counts),
        rank=np.concatenate([np.empty(0, dtype=np.uint32), *ranks]),
        score=np.array([point["score"] for point in _found(answer)], dtype=np.float32),
        extra=extra,
        nbytes=len(data),
    )


@dataclass(frozen=True, slots=True)
class _Form:
    """An answer: what stands before its first point, and where its points are. Without a head it is not split."""

    head: bytes
    points: Callable[[Any], Points]


def _found(answer: Any) -> Points:
    return list(chain.from_iterable(one["points"] for one in answer["result"]))


_SCROLL = _Form(b'{"result":{"points":[', lambda answer: answer["result"]["points"])
_RETRIEVE = _Form(b'{"result":[', lambda answer: answer["result"])
_QUERY = _Form(b"", _found)


@dataclass(frozen=True, slots=True)
class _Members:
    """Points by their members; `payloads` has none where nobody asks for them."""

    ids: list[PointId] = field(default_factory=list)
    payloads: list[dict[str, Any]] = field(default_factory=list)
    vectors: list[Any] = field(default_factory=list)


def _read(data: Text, schema: Schema, form: _Form) -> tuple[Any, _Members, Texts]:
    """The answer, its points, and the vectors that were cut out of it. Of a long answer the last points only are in it,
    but those of all queries are.
    """
    marks = {mark: field.vector for field in schema.vectors if field.kind == "dense" for mark in _marks(field.vector)}
    pieces = cut(data, marks)
    if pieces.rest is not data:
        with suppress(orjson.JSONDecodeError):
            answer, points = _objects(pieces.rest, schema, form)
            texts = _placed(points.vectors, marks, pieces.texts)
            if texts is not None:
                return answer, points, texts
    return *_objects(data, schema, form), {}


def _objects(text: Text, schema: Schema, form: _Form) -> tuple[Any, _Members]:
    """The answer and its points; in one part where a payload has objects that look like points."""
    with suppress(orjson.JSONDecodeError):
        return _taken(text, schema, form)
    return _taken(text, schema, _Form(b"", form.points))


def _taken(text: Text, schema: Schema, form: _Form) -> tuple[Any, _Members]:
    members = _Members()
    payload = bool(schema.payload) or schema.extra != "ignore"

    def take(points: Points) -> None:
        members.ids.extend([point["id"] for point in points])
        members.vectors.extend([point.get("vector") for point in points])
        if payload:
            members.payloads.extend([point.get("payload") or {} for point in points])

    return take_parts(text, form.head, form.points, take), members


def _marks(name: str) -> tuple[bytes, ...]:
    """What stands before a vector. The unnamed one has its own name, "", beside named ones."""
    mark = orjson.dumps(name) + b":["
    return (b'"vector":[', mark) if name == "" else (mark,)


def _placed(vectors: Sequence[Any], marks: Mapping[bytes, str], texts: Mapping[bytes, Spans]) -> Texts | None:
    """The rows that the texts were cut from; None when there is one that is no vector."""
    placed: dict[str, list[tuple[npt.NDArray[np.int64], Spans]]] = {}
    for mark, name in marks.items():
        found = texts[mark]
        if not found:
            continue
        whole = mark == b'"vector":[' and name == ""
        # No vector is a number, so a number is what a cut has left.
        rows = [row for row, held in enumerate(vectors) if type(_member(held, name, whole)) is int]
        if len(rows) != len(found):
            return None
        placed.setdefault(name, []).append((np.array(rows, dtype=np.int64), found))
    return placed


def _member(held: Any, name: str, whole: bool) -> Any:
    if whole:
        return held
    return held.get(name) if type(held) is dict else None


def _columns(
    points: _Members, schema: Schema, texts: Texts
) -> tuple[PointIds, dict[str, Values], dict[str, VectorRows], list[dict[str, Any]] | None]:
    known = [field.name for field in schema.payload]
    names = keys_of(points.payloads) if schema.extra == "values" else known
    vectors = {field.vector: _vectors(points.vectors, field, texts.get(field.vector, ())) for field in schema.vectors}
    beyond = schema.extra in ("raise", "column")
    extra = others_of(points.payloads, schema.unread.union(known)) if beyond else None
    return point_ids(points.ids), columns_of(points.payloads, names), vectors, extra


def _vectors(
    held: Sequence[Any], field: VectorField, texts: Sequence[tuple[npt.NDArray[np.int64], Spans]]
) -> VectorRows:
    read = [(rows, floats(spans.views(), field.dim or 0)) for rows, spans in texts]
    found = [(rows, values) for rows, values in read if values is not None]
    if not texts or len(found) < len(texts):
        lists = {
            row: orjson.loads(b"[%b]" % bytes(text))
            for rows, spans in texts
            for row, text in zip(rows.tolist(), spans.views(), strict=True)
        }
        return vector_rows(field, [lists.get(row, _vector(one, field.vector)) for row, one in enumerate(held)])
    rows, values = found[0]
    if len(rows) == len(held):
        return VectorRows(Dense(values))
    spread = np.zeros((len(held), values.shape[1]), dtype=np.float32)
    present = np.zeros(len(held), dtype=np.bool_)
    for rows, values in found:
        spread[rows], present[rows] = values, True
    others = ((row, _vector(held[row], field.vector)) for row in np.flatnonzero(~present).tolist())
    return VectorRows(Dense(spread, present), {row: other for row, other in others if other is not None})


def _vector(held: Any, name: str) -> Any:
    """One vector of a point: named, or all that there is when it has no name."""
    if type(held) is dict:
        return held.get(name)
    return None if name else held


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
