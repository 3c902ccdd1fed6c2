"""What Qdrant's answers say, alike on both wires: which point, which collection, what is stored or still to come."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from qframe.model.ids import PointId
from qframe.model.outcome import Ack, Applied, Fault

_POINT = re.compile(r"No point with id (\S+) found")
_COLLECTION = re.compile(r"Collection `.*` doesn't exist")
_SHARDS = re.compile(r"(\d+) out of (\d+) shards failed")
_EXISTS = re.compile(r"Collection `.*` already exists")


def missing_point(text: str) -> PointId | None:
    """The id that an update needed and did not find: the first one only, ids before it in the request were changed."""
    found = _POINT.search(text)
    if found is None:
        return None
    name = found.group(1)
    return int(name) if name.isdecimal() else name


def missing_collection(text: str) -> bool:
    """Whether the answer says that the collection does not exist."""
    return _COLLECTION.search(text) is not None


def existing_collection(text: str) -> bool:
    """Whether the answer says that the collection to be made exists already."""
    return _EXISTS.search(text) is not None


def never_fits(text: str) -> bool:
    """Whether the rate limiter would refuse this request however long one waited; only a smaller one can pass."""
    return "larger than rate limiter capacity" in text


def wait_named(text: str) -> float | None:
    """Seconds that a server names as the wait, None for what is no such number."""
    try:
        seconds = float(text)
    except ValueError:
        return None
    return seconds if 0 <= seconds < math.inf else None


def unfaceted(text: str) -> bool:
    """Whether a facet was refused because its key has no index, or none that knows the values."""
    return "No appropriate index for faceting" in text


def refused_applied(text: str) -> Applied:
    """What a refused write has stored.

    Content is checked before anything is stored, but for vector names and kinds: these are found out segment by
    segment while points are being stored (3 of 80 were, on 1.19).
    """
    late = ("Not existing vector name", "Conversion between ")
    return "some" if any(part in text for part in late) else "no"


def of_shards(fault: Fault) -> Fault:
    """A fault that only some shards of a collection met ("1 out of 2 shards failed to apply operation. First error
    captured: …"), whatever it was: the others have stored their points.
    """
    found = _SHARDS.search(fault.message)
    if found is None or fault.applied != "no" or found[1] == found[2]:
        return fault
    return replace(fault, applied="some")


def index_changed(answer: Ack | Fault) -> Literal[True] | Fault:
    """Whether an index is made or gone, as those who asked were promised; asking again waits for it again."""
    if isinstance(answer, Fault):
        return answer
    if answer.status == "wait_timeout":
        return Fault("lost", "some", "the server is still at work on the index after the time it was given")
    return True


_CERTAINTY = ("completed", "acknowledged", "wait_timeout")


def worst(answers: Sequence[Ack]) -> Ack:
    """What is promised of a batch: no more than of its least certain operation, of which there is at least one."""
    return max(answers, key=lambda answer: _CERTAINTY.index(answer.status))
