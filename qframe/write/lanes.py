"""Which worker a row goes to, by its id alone. Pure."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from qframe.model.ids import Ids

Words = npt.NDArray[np.uint64]

_SPREAD = np.uint64(0x9E3779B97F4A7C15)
"""2^64 divided by the golden ratio: neighbouring ids fall far apart."""

_HALF = np.uint64(32)


def lane_of(ids: Ids, lanes: int) -> Words:
    """A number from 0 to `lanes` - 1 for each id, `uint64` of shape (n,), equal for equal ids."""
    words = np.ascontiguousarray(ids.values).view(np.uint64)
    keys = words[:, 0] ^ _mixed(words[:, 1]) if ids.is_uuid else words
    return _mixed(keys) % np.uint64(lanes)


def _mixed(keys: Words) -> Words:
    # A product carries differences upwards only, so the upper half is folded onto the lower one before and after.
    spread = (keys ^ keys >> _HALF) * _SPREAD
    return spread ^ spread >> _HALF
