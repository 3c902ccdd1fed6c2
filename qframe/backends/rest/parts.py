"""The points of a long JSON answer as objects, part by part.

A dict that holds a dict is an object that Python's garbage collector goes through. Those of a whole page live long
enough to bring about its full collections, of all objects of the process, an eighth of a read; those of a part are
gone before. Knows how an answer begins and nothing of what points hold.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import orjson

PART = 1 << 15
"""Bytes of JSON that become objects at a time: 32 KiB and 8 KiB gave a read of 14.7 µs a row, 256 KiB 16.5, all at once
17.2."""

_FIRST = b'{"id":'
_BETWEEN = b'},{"id":'
"""Between two points; between objects in a payload too, where a part that ends there is no JSON: it lacks the ends of
payload and point. In a string the quotes are escaped."""

Points = Sequence[dict[str, Any]]


def take_parts(
    text: bytes | bytearray, head: bytes, points_of: Callable[[Any], Points], take: Callable[[Points], object]
) -> Any:
    """Read an answer, and hand over its points in order.

    Parameters
    ----------
    text : bytes or bytearray
        JSON. With blanks, or with other keys first than a server writes, it is read in one part.
    head : bytes
        What stands before the first point; empty where points stand in more than one list.
    points_of : callable
        The points of an answer.
    take : callable
        Is given the points of each part.

    Returns
    -------
    answer
        With the points of the last part only.

    Raises
    ------
    orjson.JSONDecodeError
        Some points may have been handed over by then: a payload can hold what looks like the end of a point.
    """
    at = begin = len(head)
    if head and text.startswith(head + _FIRST):
        while (end := text.find(_BETWEEN, at + PART)) >= 0:
            take(orjson.loads(b"".join([b"[", text[at : end + 1], b"]"])))
            at = end + 2
    answer = orjson.loads(text if at == begin else head + text[at:])
    take(points_of(answer))
    return answer
