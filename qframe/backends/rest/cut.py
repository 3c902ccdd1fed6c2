"""Cuts the text of dense vectors out of a JSON answer, so that the rest is small enough for a parser of objects.

The bytes of a JSON key, a colon and a bracket cannot stand inside a JSON string, whose quotes are escaped. They can
stand in a payload, though: whoever uses a cut must see that every one of them left its number where vectors are.
Knows bytes and nothing of points.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

CUT = 0
"""What stands in place of a list that was cut out. A number, since containers are what the garbage collector counts."""


@dataclass(frozen=True, slots=True)
class Spans:
    """Parts of a text, in order; nothing is copied.

    Parameters
    ----------
    data : bytes or bytearray
    starts, stops : list of int
        Numbers and no tuples or views, which the garbage collector would go through again and again.
    """

    data: bytes | bytearray
    starts: list[int]
    stops: list[int]

    def __len__(self) -> int:
        return len(self.starts)

    def views(self) -> list[memoryview]:
        view = memoryview(self.data)
        return [view[start:stop] for start, stop in zip(self.starts, self.stops, strict=True)]


@dataclass(frozen=True, slots=True)
class Cut:
    """An answer in two parts.

    Parameters
    ----------
    rest : bytes or bytearray
        The answer with `CUT` in place of every cut list.
    texts : mapping of bytes to Spans
        By mark, what stood between the brackets, in order.
    """

    rest: bytes | bytearray
    texts: dict[bytes, Spans]


def cut(data: bytes | bytearray, marks: Iterable[bytes]) -> Cut:
    """Cut the list behind each mark up to the next closing bracket.

    Parameters
    ----------
    data : bytes or bytearray
        JSON without blanks, as servers write it; in other JSON no mark is found.
    marks : iterable of bytes
        Each ends with an opening bracket. The next is looked for in what the one before it has left over: the first
        search goes through the whole answer, the others through a tenth of it.
    """
    texts: dict[bytes, Spans] = {}
    for mark in marks:
        spans = _spans(data, mark)
        texts[mark] = spans
        if spans.starts:
            data = _rest(spans)
    return Cut(data, texts)


def _spans(data: bytes | bytearray, mark: bytes) -> Spans:
    find, width = data.find, len(mark)
    starts: list[int] = []
    stops: list[int] = []
    at = find(mark)
    while at >= 0:
        start = at + width
        stop = find(b"]", start)
        if stop < 0:
            break
        starts.append(start)
        stops.append(stop)
        at = find(mark, stop)
    return Spans(data, starts, stops)


def _rest(spans: Spans) -> bytes:
    # With their brackets.
    begins = [0, *(stop + 1 for stop in spans.stops)]
    ends = [*(start - 1 for start in spans.starts), len(spans.data)]
    data = spans.data
    return (b"%d" % CUT).join([data[begin:end] for begin, end in zip(begins, ends, strict=True)])
