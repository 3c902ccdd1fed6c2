"""Pages and which ids exist. The engine's records go to `decode`, a bounded number at a time.

The engine holds the GIL for a whole call, so nothing is asked for in one piece that would stop the process for long.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from qframe.backends.embedded.asking import bad_limit, condition_of, payload_of, unusable, vectors_of
from qframe.backends.embedded.decode import page_of, point_id
from qframe.backends.embedded.engine import attempt, built, edge
from qframe.backends.embedded.folder import Folder, Shard
from qframe.model.ids import Ids, PointId
from qframe.model.outcome import Fault
from qframe.model.requests import Fetched, PageRequest

READ_POINTS = 10_000
"""Points in one call of the engine; some 40 ms."""


def existing(folder: Folder, collection: str, ids: Ids) -> npt.NDArray[np.bool_] | Fault:
    """Which of the ids are there, `bool` of shape (n,)."""
    shard = folder.shard(collection)
    if isinstance(shard, Fault):
        return shard
    records = _retrieve(shard, ids.tolist(), False, False)
    if isinstance(records, Fault):
        return records
    found = {point_id(record.id) for record in records}
    return np.fromiter((item in found for item in ids.tolist()), dtype=np.bool_, count=len(ids))


def fetch(folder: Folder, request: PageRequest) -> Fetched | Fault:
    """One page of a scroll, or the points of given ids."""
    shard = folder.shard(request.collection)
    if isinstance(shard, Fault):
        return shard
    fault = unusable(request, shard)
    if fault is not None:
        return fault
    if request.ids is None:
        return bad_limit(request.limit) or _scrolled(shard, request)
    wanted = list(dict.fromkeys(request.ids.tolist()))
    records = _retrieve(shard, wanted, payload_of(request.payload), vectors_of(request.vectors))
    return records if isinstance(records, Fault) else Fetched(partial(page_of, records, None))


def _scrolled(shard: Shard, request: PageRequest) -> Fetched | Fault:
    condition = condition_of(request.filter)
    if isinstance(condition, Fault):
        return condition
    records: list[Any] = []
    following: Any = request.offset
    while len(records) < request.limit:
        scroll = built(
            edge.ScrollRequest,
            offset=following,
            limit=min(READ_POINTS, request.limit - len(records)),
            filter=condition,
            with_payload=payload_of(request.payload),
            with_vector=vectors_of(request.vectors),
        )
        if isinstance(scroll, Fault):
            return scroll
        found = attempt(shard.engine.scroll, scroll)
        if isinstance(found, Fault):
            return found
        records += found[0]
        following = found[1]
        if following is None:
            break
    offset = None if following is None else point_id(following)
    return Fetched(partial(page_of, records, offset), offset)


def _retrieve(shard: Shard, ids: list[PointId], payload: Any, vectors: Any) -> list[Any] | Fault:
    records: list[Any] = []
    for start in range(0, len(ids), READ_POINTS):
        part = ids[start : start + READ_POINTS]
        found = attempt(shard.engine.retrieve, part, payload, vectors)
        if isinstance(found, Fault):
            return found
        records += found
    return records
