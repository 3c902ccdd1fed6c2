"""Rows with the same payload side by side, so that they become one operation on the wire. Pure."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from qframe.columns import protobuf
from qframe.columns.plain import plain
from qframe.columns.rope import join
from qframe.model.ids import Ids
from qframe.model.points import Points

Codes = npt.NDArray[np.int64]


def grouped(points: Points) -> tuple[Points, Codes | None]:
    """The points, those of one payload neighbours where that is allowed, and which payload each has.

    Rows change their places only where no id is there twice, so that the order of rows decides nothing; otherwise
    they stay, and neighbours that are alike share an operation all the same.

    Parameters
    ----------
    points : Points
        With payload.

    Returns
    -------
    points : Points
    codes : numpy.ndarray or None
        `int64` of shape (n,), equal for neighbours of equal payload; None when no two rows are alike.
    """
    codes = payload_codes(points.payload)
    if codes is None:
        return points, None
    if (codes[1:] >= codes[:-1]).all() or not _unique(points.ids):
        return points, codes
    order = np.argsort(codes, kind="stable")
    return points.take(order), codes[order]


def payload_codes(payload: pa.RecordBatch | None) -> Codes | None:
    """A number for each row, equal for rows whose payload is written in the same bytes; None when all rows differ.

    What becomes of nulls makes no difference: rows of one type that differ in a null differ without it too.

    Numbers count from 0 in the order of first appearance. Column by column, so that memory holds the bytes of one, and
    a column without repetition ends the work.
    """
    if payload is None or payload.num_rows < 2:
        return None
    n = payload.num_rows
    codes, distinct = np.zeros(n, dtype=np.int64), 1
    for column in payload.columns:
        content = join(protobuf.value(plain(column), "keep"))
        encoded = content.dictionary_encode()
        # Both factors are at most n, and n rows of 2^31 and more are not in one record batch.
        pairs = pa.array(codes * len(encoded.dictionary) + encoded.indices.to_numpy()).dictionary_encode()
        codes, distinct = pairs.indices.to_numpy().astype(np.int64), len(pairs.dictionary)
        if distinct == n:
            return None
    return codes


def _unique(ids: Ids) -> bool:
    return len(np.unique(ids.keys())) == len(ids)
