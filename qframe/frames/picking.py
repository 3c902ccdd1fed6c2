"""Picks rows of a frame that was written, and refuses another frame as far as ids and index labels tell it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from qframe.errors import FrameError
from qframe.frames.opening import open_source
from qframe.frames.results import take
from qframe.model.ids import PointId

Identify = Callable[[Any], pa.Array | None]
"""The ids of a frame's rows, null where a row has none; None for a frame without the columns that they are in."""


def pick(
    frame: Any,
    rows: npt.NDArray[np.int64],
    ids: Sequence[PointId | None],
    identify: Identify | None,
    labels: Any,
) -> Any:
    """The rows of a frame at positions.

    Parameters
    ----------
    frame : frame
    rows : numpy.ndarray
    ids : sequence of int, str or None
        For each of `rows` the id that it was written with, None where that is not known.
    identify : callable or None
        None where ids are not made of what stands in a row.
    labels : pandas.Index or None
        Those that `rows` had. Compared where no ids can be.

    Raises
    ------
    FrameError
        For a stream, and for rows that have other ids or labels.
    """
    picked = take(frame, rows)
    known = any(held is not None for held in ids)
    found = identify(picked) if identify is not None and known else None
    if found is not None:
        _compare_ids(rows, ids, found.to_pylist())
    elif labels is not None:
        index: Any = open_source(picked).index
        if index is not None and not labels.equals(index):
            _compare_labels(rows, labels, index)
    return picked


def shared(ways: Sequence[Identify | None]) -> Identify | None:
    """What gives the ids of several frames one below the other; None where it is not the same for all."""
    return ways[0] if ways and all(way == ways[0] for way in ways) else None


def _compare_ids(rows: npt.NDArray[np.int64], written: Sequence[Any], found: Sequence[Any]) -> None:
    for row, was, now in zip(rows.tolist(), written, found, strict=True):
        if was is not None and now != was:
            raise _another("id", row, was, now)


def _compare_labels(rows: npt.NDArray[np.int64], written: Any, found: Any) -> None:
    for place, row in enumerate(rows.tolist()):
        one = slice(place, place + 1)
        # pandas compares: of its missing labels some are like nothing, and some are neither like nor unlike.
        if not written[one].equals(found[one]):
            raise _another("index label", row, written[place], found[place])


def _another(what: str, row: int, was: object, now: object) -> FrameError:
    return FrameError(
        f"select: row {row} was written with the {what} {was!r}, and in this frame it has {now!r}: it is another "
        "frame, or its rows stand in another order. Select from the frame that was written, then mend the rows.",
        row=row,
        value=now,
    )
