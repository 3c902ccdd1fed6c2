"""Small parts into larger ones, so that a frame in many small chunks is not a request for each of them. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import pyarrow as pa

from qframe.columns.plain import is_text
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
    """Whether two parts can be joined as they are: the same columns, with dictionaries that Arrow joins."""
    if _form(one.points) != _form(other.points):
        return False
    pairs = zip(_columns(one), _columns(other), strict=True)
    return all(
        _joinable(left, right) for columns in pairs for left, right in zip(*map(_dictionaries, columns), strict=True)
    )


def _joinable(left: pa.DictionaryArray, right: pa.DictionaryArray) -> bool:
    """Whether two columns have one dictionary, or two that Arrow makes one of (as of 26): without nulls, and with room
    for both in the indices. Not all values can be: dates and decimals end in an error.
    """
    if left.dictionary.equals(right.dictionary):
        return True
    roomy = left.type.index_type.bit_width >= 32 and is_text(left.type.value_type)
    return roomy and not (left.dictionary.null_count or right.dictionary.null_count)


def _form(points: Points) -> object:
    """What the ids, the vectors and the payload of points are made of."""
    payload = None if points.payload is None else points.payload.schema
    vectors = {name: (column.kind, column.values.shape[1:]) for name, column in points.vectors.items()}
    return points.ids.is_uuid, vectors, payload


def _columns(part: Checked) -> list[pa.Array]:
    payload = part.points.payload
    keys = [] if part.shard_keys is None else [part.shard_keys]
    return keys if payload is None else [*payload.columns, *keys]


def _dictionaries(array: pa.Array) -> Iterator[pa.DictionaryArray]:
    """What in a column has a dictionary, at any depth."""
    if pa.types.is_dictionary(array.type):
        yield array
    elif pa.types.is_nested(array.type):
        held = [array.values] if hasattr(array, "values") else array.flatten()
        for inner in held:
            yield from _dictionaries(inner)
