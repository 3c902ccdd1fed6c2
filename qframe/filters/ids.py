"""Conditions on the id, which is never null and has no order."""

from __future__ import annotations

import re
import uuid
from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from qframe.filters.bounds import NONE, Bound, unknown
from qframe.filters.numbers import is_number
from qframe.filters.places import Place
from qframe.model.ids import PointId
from qframe.model.schema import EXACT

_DECIMAL = re.compile(r"0|[1-9][0-9]{0,19}")
_UINT64 = range(2**64)


def ids_equal(place: Place, values: Sequence[Any], limit: int) -> Bound:
    """Rows whose id is one of the values."""
    if pa.types.is_integer(place.dtype):
        if not all(map(is_number, values)):
            return unknown(f"{place.name!r} holds integers and is compared with something else")
        if any(isinstance(value, float) and abs(value) >= EXACT for value in values):
            return unknown(f"{place.name!r} is compared with a float that may stand for several integers")
        whole = [int(value) for value in values if value == int(value)]
        found: list[PointId | None] = [value for value in whole if value in _UINT64]
    else:
        if not all(isinstance(value, str) for value in values):
            return unknown(f"{place.name!r} holds text and is compared with something else")
        found = [_from_text(value) for value in values]
    ids = list(dict.fromkeys(one for one in found if one is not None))
    if not ids:
        return NONE
    if len(ids) > limit:
        return unknown(f"more than {limit:,} ids are asked for; retrieve() gets them")
    return Bound({"has_id": ids})


def _from_text(text: str) -> PointId | None:
    """The id that is read as this text; None where there can be none."""
    if _DECIMAL.fullmatch(text):
        return int(text) if int(text) in _UINT64 else None
    try:
        return text if str(uuid.UUID(text)) == text else None
    except ValueError:
        return None
