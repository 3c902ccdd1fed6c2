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
    texts : mapping of bytes to list of memoryview
        By mark, what stood between the brackets, in order; nothing is copied.
    """

    rest: bytes
    texts: dict[bytes, list[memoryview]]


def cut(data: bytes, marks: Iterable[bytes]) -> Cut:
    """Cut the list behind each mark up to the next closing bracket.

    Parameters
    ----------
    data : bytes
        JSON without blanks, as servers write it; in other JSON no mark is found.
    marks : iterable of bytes
        Each ends with an opening bracket. The next is looked for in what the one before it has left over: the first
        search goes through the whole answer, the others through a tenth of it.
    """
    texts: dict[bytes, list[memoryview]] = {}
    for mark in marks:
        kept: list[bytes] = []
        found: list[memoryview] = []
        view = memoryview(data)
        at = 0
        for start, stop in _spans(data, mark):
            kept.append(data[at:start])
            found.append(view[start:stop])
            at = stop
        if found:
            kept.append(data[at:])
            data = b"".join(kept)
        texts[mark] = found
    return Cut(data, texts)


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
