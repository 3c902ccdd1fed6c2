"""From decoded columns to answers: `Page` and `Hits` in the columns of a schema, with what did not fit.

The three backends end here, so a stored value reads the same on each of them. Knows no wire and no frame.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import orjson
import pyarrow as pa

from qframe.columns.casting import cast, expected
from qframe.columns.layout import Int64
from qframe.columns.point_ids import PointIds, cast_ids
from qframe.columns.values import Values, nothing
from qframe.columns.vector_rows import VectorRows, vector_array
from qframe.model.ids import PointId
from qframe.model.queries import Hits
from qframe.model.requests import Mismatch, Page
from qframe.model.schema import Schema, VectorField

KEPT_MISMATCHES = 100
"""How many mismatches an answer carries."""

Payload = Mapping[str, Values]
"""Payload columns by key; a key that is not there is MISSING in every row."""

Extra = Sequence[Mapping[str, Any]]
"""What each row holds beyond the schema, as `objects.others_of` gives it."""


def page(
    schema: Schema,
    ids: PointIds,
    payload: Payload,
    vectors: Mapping[str, VectorRows],
    *,
    extra: Extra | None = None,
    next_offset: PointId | None = None,
    nbytes: int = 0,
) -> Page:
    """Points as the columns of a schema.

    Parameters
    ----------
    schema : Schema
    ids : PointIds
        n of them.
    payload : mapping of str to Values
        By payload key, each of length n; of keys that the schema does not name only `extra="values"` makes use.
    vectors : mapping of str to VectorRows
        By vector name, "" for the unnamed one; a name that is not there is absent in every row.
    extra : sequence of mappings, optional
        Needed when `schema.extra` is "raise" or "column".
    next_offset : int, str or None
    nbytes : int
    """
    columns, mismatches = _columns(schema, ids, payload, vectors, extra)
    values = payload if schema.extra == "values" else {}
    return Page(pa.table(columns, names=list(schema.names)), next_offset, mismatches, nbytes, values)


def hits(
    schema: Schema,
    ids: PointIds,
    payload: Payload,
    vectors: Mapping[str, VectorRows],
    *,
    query: npt.NDArray[np.uint32],
    rank: npt.NDArray[np.uint32],
    score: npt.NDArray[np.float32],
    extra: Extra | None = None,
    nbytes: int = 0,
) -> Hits:
    """Nearest points as columns: `query`, `rank` (from 1), the id, `score`, then the rest of the schema.

    The arguments are those of `page`; `query`, `rank` and `score` have one entry a hit.
    """
    columns, mismatches = _columns(schema, ids, payload, vectors, extra)
    id_name, *names = schema.names
    every = [pa.array(query), pa.array(rank), columns[0], pa.array(score), *columns[1:]]
    return Hits(pa.table(every, names=["query", "rank", id_name, "score", *names]), mismatches, nbytes)


@dataclass(frozen=True, slots=True)
class _Misfits:
    """The rows of one column whose values did not fit, ascending."""

    field: str
    rows: Iterable[int]
    value: Callable[[int], object]
    expected: str
    reason: Literal["value", "key", "id"] = "value"


def _columns(
    schema: Schema, ids: PointIds, payload: Payload, vectors: Mapping[str, VectorRows], extra: Extra | None
) -> tuple[list[pa.Array], tuple[Mismatch, ...]]:
    n = len(ids)
    id_column, bad_ids = cast_ids(ids, schema.id_type)
    columns = [id_column]
    misfits = [_Misfits(schema.id_name, bad_ids.tolist(), ids.__getitem__, "an integer id", "id")]
    for field in schema.payload:
        values = payload.get(field.name)
        column, bad = cast(nothing(n) if values is None else values, field)
        columns.append(column)
        if len(bad) and values is not None:
            misfits.append(_Misfits(field.name, _first(bad), values.value, expected(field)))
    if schema.extra in ("raise", "column"):
        if extra is None:
            raise ValueError(f"extra={schema.extra!r} needs the payload beyond the schema")
        if schema.extra == "column":
            columns.append(pa.array(map(_extra_text, extra), type=pa.large_string(), size=n))
        else:
            misfits += _unknown(extra)
    for wanted in schema.vectors:
        column, wrong = _vectors(wanted, vectors.get(wanted.vector), n)
        columns.append(column)
        misfits += wrong
    return columns, _mismatches(ids, misfits)


def _first(rows: Int64) -> list[int]:
    return list(rows[:KEPT_MISMATCHES].tolist())


def _mismatches(ids: PointIds, misfits: Sequence[_Misfits]) -> tuple[Mismatch, ...]:
    """The first `KEPT_MISMATCHES`: what is an error in any case, then row by row in the order of the columns."""
    found = sorted(
        (misfit.reason == "value", row, place)
        for place, misfit in enumerate(misfits)
        for row in islice(misfit.rows, KEPT_MISMATCHES)
    )
    kept = ((row, misfits[place]) for _, row, place in found[:KEPT_MISMATCHES])
    return tuple(Mismatch(row, ids[row], held.field, held.value(row), held.expected, held.reason) for row, held in kept)


def _extra_text(held: Mapping[str, Any]) -> str | None:
    return orjson.dumps(held, option=orjson.OPT_SORT_KEYS).decode() if held else None


def _unknown(extra: Extra) -> Iterator[_Misfits]:
    """The first row of each key."""
    first: dict[str, int] = {}
    for row, held in enumerate(extra):
        for key in held:
            first.setdefault(key, row)
    for key, row in sorted(first.items()):  # over gRPC the keys of a payload have no order
        yield _Misfits(key, (row,), partial(_member, extra, key), "a field of the schema", "key")


def _member(extra: Extra, key: str, row: int) -> object:
    return extra[row][key]


def _vectors(wanted: VectorField, rows: VectorRows | None, n: int) -> tuple[pa.Array, list[_Misfits]]:
    if rows is None:
        return pa.nulls(n, wanted.dtype), []
    dim = "" if wanted.dim is None else f" of {wanted.dim} floats"
    what = f"a {wanted.kind} vector{dim}"
    bad = [_Misfits(wanted.column, sorted(rows.bad), rows.bad.__getitem__, what)] if rows.bad else []
    return vector_array(rows.column, wanted), bad
