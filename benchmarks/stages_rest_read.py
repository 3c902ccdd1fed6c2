"""The stages of decoding REST pages: the vectors' text cut out and read as numbers, objects made of the rest."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from benchmarks.stages_grpc_read import by_type
from benchmarks.stages_measure import Stage, each
from qframe.backends.rest import decode
from qframe.backends.rest.cut import cut
from qframe.columns.assemble import page
from qframe.columns.objects import columns_of
from qframe.columns.point_ids import point_ids
from qframe.columns.vector_rows import VectorRows
from qframe.model.schema import Schema
from qframe.model.vectors import Dense

MARK = b'"vector":['


def decoding(bodies: Sequence[bytes], schema: Schema) -> list[Stage]:
    """Of each page; of the collection's only vector, which has no name."""
    [vector] = schema.vectors
    assert vector.dim is not None
    dim, names = vector.dim, [field.name for field in schema.payload]
    pieces = [cut(body, [MARK]) for body in bodies]
    points = [decode._objects(piece.rest, schema, decode._SCROLL)[1] for piece in pieces]
    held = [(one.vectors, {MARK: ""}, piece.texts) for one, piece in zip(points, pieces, strict=True)]
    texts = [piece.texts[MARK] for piece in pieces]
    parts = [
        (schema, point_ids(one.ids), columns_of(one.payloads, names), _vectors(decode.floats(text.views(), dim)))
        for one, text in zip(points, texts, strict=True)
    ]
    return [
        each("decoding: the vectors' text cut out", lambda body: cut(body, [MARK]), bodies),
        each("decoding: objects of the rest", lambda one: decode._objects(one.rest, schema, decode._SCROLL), pieces),
        each("decoding: which row each text is of", lambda one: decode._placed(*one), held),
        each("decoding: text to float32, polars' CSV", lambda text: decode.floats(text.views(), dim), texts),
        each("decoding: ids", lambda one: point_ids(one.ids), points),
        *(each(f"decoding: values, {said}", partial(_values, of), points) for said, of in by_type(schema.payload)),
        each("decoding: types, checks, the table", lambda one: page(*one), parts),
    ]


def decoded(body: bytes, schema: Schema) -> pa.Table:
    """The table of a page, whole."""
    return decode.scroll(body, schema).table


def _values(names: frozenset[str], points: Any) -> object:
    return columns_of(points.payloads, names)


def _vectors(values: npt.NDArray[np.float32] | None) -> dict[str, VectorRows]:
    assert values is not None
    return {"": VectorRows(Dense(values))}
