"""Cuts the text of dense vectors out of a JSON answer, so that the rest is small enough for a parser of objects.

The bytes of a JSON key, a colon and a bracket cannot stand inside a JSON string, whose quotes are escaped. They can
stand in a payload, though: whoever uses a cut must see that every one of them left its empty list where vectors are.
Knows bytes and nothing of points.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Cut:
    """An answer in two parts.

    Parameters
    ----------
    rest : bytes
        The answer with `[]` in place of every cut list.
    texts : mapping of bytes to list of bytes
        By mark, what stood between the brackets, in order.
    """

    rest: bytes
    texts: dict[bytes, list[bytes]]


def cut(data: bytes, marks: Iterable[bytes]) -> Cut | None:
    """Cut the list behind each mark up to the next closing bracket; None when two of them overlap.

    Parameters
    ----------
    data : bytes
        JSON without blanks, as servers write it; in other JSON no mark is found.
    marks : iterable of bytes
        Each ends with an opening bracket.
    """
    places: list[tuple[int, int]] = []
    texts: dict[bytes, list[bytes]] = {}
    for mark in marks:
        spans = list(_spans(data, mark))
        texts[mark] = [data[start:stop] for start, stop in spans]
        places += spans
    places.sort()
    kept: list[bytes] = []
    at = 0
    for start, stop in places:
        if start < at:
            return None
        kept.append(data[at:start])
        at = stop
    kept.append(data[at:])
    return Cut(b"".join(kept), texts)


def _spans(data: bytes, mark: bytes) -> Iterable[tuple[int, int]]:
    find, width = data.find, len(mark)
    at = find(mark)
    while at >= 0:
        start = at + width
        stop = find(b"]", start)
        if stop < 0:
            return
        yield start, stop
        at = find(mark, stop)
