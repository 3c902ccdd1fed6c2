"""Small parts into larger ones, so that a frame in many small chunks is not a request for each of them. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import pyarrow as pa

from qframe.frames.source import PART_ROWS
from qframe.model.points import Points, join_points
from qframe.write.points import Checked

PART_BYTES = 64_000_000
"""Bytes of parts that are joined, at most: joined rows are copied, and held until the last of them is in a request.
65,536 payloads of 1 kB are alike as often as they can be; many vectors fill requests long before."""


def gathered(parts: Iterable[Checked]) -> Iterator[Checked]:
    """The parts in order, those that follow each other joined as far as the bounds allow; a part alone is not copied.

    A frame of 100,000 rows in chunks of 1,000 was 100 requests, and its equal payloads were found in each of them.

    Parameters
    ----------
    parts : iterable of Checked
        Of a frame in memory: a stream's rows are sent as they come.
    """
    held: list[Checked] = []
    rows = nbytes = 0
    for part in parts:
        size = part.points.nbytes
        fits = rows + len(part) <= PART_ROWS and nbytes + size <= PART_BYTES
        if held and not (fits and _alike(held[-1], part)):
            yield _joined(held)
            held, rows, nbytes = [], 0, 0
        held.append(part)
        rows, nbytes = rows + len(part), nbytes + size
    if held:
        yield _joined(held)


def _joined(parts: Sequence[Checked]) -> Checked:
    if len(parts) == 1:
        return parts[0]
    keys = [part.shard_keys for part in parts if part.shard_keys is not None]
    return Checked(join_points([part.points for part in parts]), pa.concat_arrays(keys) if keys else None)


def _alike(one: Checked, other: Checked) -> bool:
    """Whether two parts can be joined as they are: the same columns, and the same dictionaries.

    Arrow joins dictionaries that differ only as long as their indices have room for all.
    """
    if _form(one.points) != _form(other.points):
        return False
    pairs = zip(_columns(one), _columns(other), strict=True)
    dictionaries = ((_dictionaries(left), _dictionaries(right)) for left, right in pairs)
    return all(a.equals(b) for left, right in dictionaries for a, b in zip(left, right, strict=True))


def _form(points: Points) -> object:
    """What the ids, the vectors and the payload of points are made of."""
    payload = None if points.payload is None else points.payload.schema
    vectors = {name: (column.kind, column.values.shape[1:]) for name, column in points.vectors.items()}
    return points.ids.is_uuid, vectors, payload


def _columns(part: Checked) -> list[pa.Array]:
    payload = part.points.payload
    keys = [] if part.shard_keys is None else [part.shard_keys]
    return keys if payload is None else [*payload.columns, *keys]


def _dictionaries(array: pa.Array) -> Iterator[pa.Array]:
    """The dictionaries of a column, at any depth."""
    if pa.types.is_dictionary(array.type):
        yield array.dictionary
    elif pa.types.is_nested(array.type):
        held = [array.values] if hasattr(array, "values") else array.flatten()
        for inner in held:
            yield from _dictionaries(inner)
