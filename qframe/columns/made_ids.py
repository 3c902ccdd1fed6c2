"""Ids made by qframe: UUIDv5 of columns' values, and random UUIDs that can be made again. No frames, no wires."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable, Mapping
from decimal import Context, Decimal
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from qframe.columns import layout
from qframe.columns.ids import parse_ids
from qframe.columns.plain import is_text
from qframe.errors import FrameError
from qframe.model.bad import KEPT_VALUES, Bad
from qframe.model.ids import Ids

NAMESPACE = uuid.UUID("0d487439-fe04-5d13-a0cb-259d5dd670d1")
"""The namespace of ids made from columns, unless the caller names another: the UUIDv5 of the DNS name "qframe"."""

_EXACT = Context(prec=100)

_WAY_OUT = "Name columns of integers, text, booleans, dates, datetimes, UUIDs or decimals in id_from"


def ids_from(
    columns: Mapping[str, pa.Array], namespace: uuid.UUID = NAMESPACE, first_row: int = 0
) -> tuple[Ids, list[Bad]]:
    """UUIDv5 (RFC 9562: SHA-1 of a namespace and a name) of each row's values, the same on every machine.

    The name of a row is text: for each column, in the order given, a letter for the kind of value, the number of bytes
    of its text, a colon, and the text (UTF-8).

    ======  ==========================================  ===========================================
    letter  dtypes                                      text
    ======  ==========================================  ===========================================
    ``i``   integers of any width                       decimal: ``-5``
    ``s``   text, Categorical, Enum                     as it is, no normalisation
    ``b``   booleans                                    ``true`` or ``false``
    ``d``   dates                                       days since 1970-01-01, decimal
    ``t``   datetimes (naive ones taken as UTC)         microseconds since 1970-01-01 UTC, decimal
    ``u``   UUIDs                                       lower case, hyphenated
    ``n``   decimals                                    no exponent, no trailing zeros: ``1.5``, ``-20``
    ======  ==========================================  ===========================================

    The names of the columns are no part of it. The standard library makes the same ids:

    >>> uuid.uuid5(NAMESPACE, "s3:A-1i1:5")     # sku="A-1", region=5
    UUID('a7a6326d-2df3-510b-8f71-eca6a0033843')

    Parameters
    ----------
    columns : mapping of str to pyarrow.Array
        Name → values, at least one, all of one length.
    namespace : uuid.UUID
    first_row : int
        The caller's number of position 0, for errors that are raised.

    Returns
    -------
    ids : Ids
        UUIDs; what stands in bad rows is not to be used.
    bad : list of Bad
        Nulls, and datetimes finer than a microsecond.

    Raises
    ------
    FrameError
        For a column of another dtype; floats are refused since equal numbers may differ in their last bits.
    """
    pieces: list[pa.Array] = []
    found: list[Bad] = []
    length = 0
    for name, array in columns.items():
        length = len(array)
        letter, texts, bad = _encode(array, name, first_row)
        found += [*_nulls(array, name), *bad]
        text = texts.cast(pa.large_string())
        text = text.fill_null("") if text.null_count else text
        sizes = pc.binary_length(text).cast(pa.large_string())
        pieces += [_repeat(letter, length), sizes, _repeat(":", length), text]
    names = pc.binary_join_element_wise(*pieces, pa.scalar("", pa.large_string()))
    return Ids(_uuid5(names, namespace)), found


def random_ids(count: int, seed: int, start: int = 0) -> Ids:
    """Random UUIDs (version 4) from a counter: the id at a position depends on nothing but the seed and the position.

    Parameters
    ----------
    count : int
    seed : int
        0 … 2^128 - 1.
    start : int
        Position of the first one.
    """
    # Philox gives 32 bytes, two ids, for each value of its counter.
    skip = start % 2
    words = np.random.Philox(key=seed, counter=start // 2).random_raw(2 * (count + skip + (count + skip) % 2))
    raw = words.astype("<u8").view(np.uint8).reshape(-1, 16)[skip : skip + count]
    return Ids(_stamped(raw, version=4))


def _stamped(raw: npt.NDArray[np.uint8], version: int) -> npt.NDArray[np.uint8]:
    """The bytes with the version and variant bits of RFC 9562."""
    raw[:, 6] = (raw[:, 6] & 0x0F) | (version << 4)
    raw[:, 8] = (raw[:, 8] & 0x3F) | 0x80
    return raw


def _uuid5(names: pa.LargeStringArray, namespace: uuid.UUID) -> npt.NDArray[np.uint8]:
    spans = layout.offsets(names).tolist()
    data = layout.content(names).tobytes()
    prefix = namespace.bytes
    digests = b"".join(
        hashlib.sha1(prefix + data[first:last], usedforsecurity=False).digest() for first, last in pairwise(spans)
    )
    return _stamped(np.frombuffer(digests, dtype=np.uint8).reshape(-1, 20)[:, :16].copy(), version=5)


def _repeat(text: str, length: int) -> pa.Array:
    return pa.repeat(pa.scalar(text, pa.large_string()), length)


def _nulls(array: pa.Array, column: str) -> list[Bad]:
    present = layout.valid(array)
    if present is None or len(array) == 0:
        return []
    rows = np.flatnonzero(~present)
    none = (None,) * min(len(rows), KEPT_VALUES)
    return [Bad(column, rows, none, "an id cannot be made from a null", "Fill it in, or leave the row out.")]


def _encode(array: pa.Array, column: str, first_row: int) -> tuple[str, pa.Array, list[Bad]]:
    """The letter and the texts of a column, and what has no text."""
    dtype = array.type
    if pa.types.is_dictionary(dtype):
        return _encode(array.dictionary_decode(), column, first_row)
    if str(dtype) == "extension<arrow.uuid>":
        return "u", parse_ids(array, column)[0].to_arrow(), []
    for fits, letter, texts in _ENCODINGS:
        if fits(dtype):
            return letter, texts(array), []
    if pa.types.is_timestamp(dtype):
        return "t", *_microseconds(array, column)
    raise _refusal(array, column, first_row)


def _days(array: pa.Array) -> pa.Array:
    return array.cast(pa.date32()).cast(pa.int32())


def _plain_decimals(array: pa.Array) -> pa.Array:
    def plain(value: Decimal | None) -> str | None:
        if value is None:
            return None
        return format(value.normalize(_EXACT), "f") if value else "0"

    return pa.array([plain(value) for value in array.to_pylist()], type=pa.large_string())


def _microseconds(array: pa.Array, column: str) -> tuple[pa.Array, list[Bad]]:
    if array.type.unit != "ns":
        return array.cast(pa.timestamp("us", array.type.tz)).cast(pa.int64()), []
    filled = array.fill_null(0) if array.null_count else array
    ticks = filled.cast(pa.int64()).to_numpy()
    finer = np.flatnonzero(ticks % 1000)
    bad = []
    if len(finer):
        values = tuple(np.datetime_as_string(ticks[finer[:KEPT_VALUES]].astype("datetime64[ns]")).tolist())
        way_out = "Round the column to microseconds first."
        bad = [Bad(column, finer, values, "ids are made from microseconds, and this is finer", way_out)]
    return pa.array(ticks // 1000), bad


_ENCODINGS: tuple[tuple[Callable[[pa.DataType], bool], str, Callable[[pa.Array], pa.Array]], ...] = (
    (pa.types.is_integer, "i", lambda array: array),
    (is_text, "s", lambda array: array),
    (pa.types.is_boolean, "b", lambda array: array),
    (pa.types.is_date, "d", _days),
    (pa.types.is_decimal, "n", _plain_decimals),
)


def _refusal(array: pa.Array, column: str, first_row: int) -> FrameError:
    present = np.flatnonzero(array.is_valid().to_numpy(zero_copy_only=False))
    if pa.types.is_null(array.type):
        return FrameError(
            f"column {column!r}: an id cannot be made from it, all its values are null. {_WAY_OUT}.", column=column
        )
    if pa.types.is_floating(array.type):
        why = "an id cannot be made from floats (equal numbers may differ in their last bits)"
        way_out = "Cast the column to integers, decimals or text first"
    else:
        why, way_out = f"an id cannot be made from {array.type}", _WAY_OUT
    row = first_row + int(present[0]) if len(present) else None
    value = array[int(present[0])].as_py() if len(present) else None
    where = f"column {column!r}" if row is None else f"column {column!r}, row {row}: found {value!r}"
    return FrameError(f"{where}: {why}. {way_out}.", column=column, row=row, value=value)
