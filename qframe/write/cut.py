"""Rows into batches: by shard key, by which vectors are present, then by rows and bytes. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from qframe.model.backend import Backend
from qframe.model.operations import Operation
from qframe.model.points import Points

WINDOW = 16_384
"""Rows whose sizes are reckoned at a time."""

ROWS_WITHOUT_BYTES = 1_000
"""Rows in a batch where rows have no size on a wire (the embedded engine): enough to make calls cheap, few enough
that progress moves and Ctrl-C is heard."""


def group(points: Points, shard_keys: pa.Array | None) -> Iterator[Points]:
    """Points of one shard key with the same vectors present; the order of rows is kept within each.

    Parameters
    ----------
    points : Points
    shard_keys : pyarrow.Array or None
        Text or integers, no nulls, n rows.
    """
    code = np.zeros(len(points), dtype=np.int64)
    for column in points.vectors.values():
        code *= 2
        if column.present is not None:
            code += ~column.present
    keys: list[int | str | None] = [points.shard_key]
    if shard_keys is not None:
        encoded = shard_keys.dictionary_encode()
        keys = encoded.dictionary.to_pylist()
        code = code * len(keys) + encoded.indices.to_numpy()
    for value, positions in _positions(code):
        part = points if positions is None else points.take(positions)
        yield replace(_whole(part), shard_key=keys[value % len(keys)])


def _positions(code: npt.NDArray[np.int64]) -> Iterator[tuple[int, npt.NDArray[np.int64] | None]]:
    """The positions of each distinct code, in order of first appearance; None for all of them."""
    if len(code) == 0:
        return
    if (code == code[0]).all():
        yield int(code[0]), None
        return
    values, firsts = np.unique(code, return_index=True)
    for value in values[np.argsort(firsts)]:
        yield int(value), np.flatnonzero(code == value)


def _whole(points: Points) -> Points:
    """Points of one group: a vector is there in every row or in none, so no mask is left."""
    present = {}
    for name, column in points.vectors.items():
        if column.present is None:
            present[name] = column
        elif column.present.all():
            present[name] = replace(column, present=None)
    return replace(points, vectors=present)


def cut(backend: Backend, operation: Operation, rows: int, nbytes: int) -> Iterator[Operation]:
    """Pieces of an operation, in order, each of at most `rows` rows and about `nbytes` bytes, at least one row."""
    length = len(operation.rows)
    for start in range(0, length, WINDOW):
        window = operation.take(slice(start, min(start + WINDOW, length)))
        sizes = backend.estimate(window)
        if sizes is None:
            step = min(rows, ROWS_WITHOUT_BYTES)
            ends = list(range(step, len(window.rows), step))
        else:
            ends = _ends(sizes, rows, nbytes)
        for first, last in zip([0, *ends], [*ends, len(window.rows)], strict=True):
            yield window.take(slice(first, last))


def _ends(sizes: npt.NDArray[np.int64], rows: int, nbytes: int) -> list[int]:
    """Where to cut so that no piece has more rows or bytes, unless it is a single row."""
    total = np.cumsum(sizes)
    ends: list[int] = []
    start, spent = 0, 0
    while True:
        by_bytes = int(np.searchsorted(total, spent + nbytes, side="right"))
        stop = min(max(by_bytes, start + 1), start + rows)
        if stop >= len(sizes):
            return ends
        ends.append(stop)
        start, spent = stop, int(total[stop - 1])
