"""Id columns: Arrow integers, UUIDs and UUID text to `Ids`. Knows what Qdrant takes as a point id, and no wire."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from qframe.columns import layout
from qframe.columns.layout import Bytes, Mask
from qframe.columns.plain import is_text, is_uuid
from qframe.errors import FrameError
from qframe.model.amounts import in_rows
from qframe.model.bad import KEPT_VALUES, Bad, shown
from qframe.model.ids import Ids

_NIBBLES = np.full(256, 255, dtype=np.uint8)
_NIBBLES[np.frombuffer(b"0123456789", dtype=np.uint8)] = np.arange(10)
_NIBBLES[np.frombuffer(b"abcdef", dtype=np.uint8)] = np.arange(10, 16)
_NIBBLES[np.frombuffer(b"ABCDEF", dtype=np.uint8)] = np.arange(10, 16)

_HYPHENS = np.array([8, 13, 18, 23])
_DIGITS = np.array([i for i in range(36) if i not in _HYPHENS])

_SPELLINGS = {36: (b"", b""), 45: (b"urn:uuid:", b""), 38: (b"{", b"}")}
"""What stands around the hyphenated form, by length. The fourth spelling is 32 digits without hyphens."""

KINDS = "Ids are integers from 0 to 2^64 - 1 or UUIDs (objects or text)"
MAKE = "id_from=[…] makes ids from the values of columns, id='uuid4' random ones"
FIND = "id_from=[…] makes them of the columns that they were made of"
"""The same where ids are of points that exist."""


def parse_ids(array: pa.Array, column: str, first_row: int = 0, *, new: bool = True) -> tuple[Ids, list[Bad]]:
    """Point ids from a column.

    Parameters
    ----------
    array : pyarrow.Array
        Integers of any width, `arrow.uuid`, fixed_size_binary(16), text, or a dictionary of these.
    column : str
        Its name, for errors.
    first_row : int
        The caller's number of position 0, for errors that are raised.
    new : bool
        Whether points may be made of these ids, for the way out of errors: else one may be missing.

    Returns
    -------
    ids : Ids
        One id a row; what stands in bad rows is not to be used.
    bad : list of Bad
        Nulls, negative integers, text that is no UUID.

    Raises
    ------
    FrameError
        When the column as a whole cannot be ids: floats, booleans, numbers as text, any other type.

    Notes
    -----
    UUID text is taken as Qdrant takes it: hyphenated, 32 digits, ``urn:uuid:…`` or ``{…}``, in any case.
    """
    if isinstance(array, pa.ExtensionArray):
        array = array.storage
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    dtype, types = array.type, pa.types
    make = MAKE if new else FIND
    if types.is_null(dtype):
        return Ids(np.zeros(len(array), dtype=np.uint64)), _nulls(array, column, make)
    if types.is_integer(dtype):
        return _integers(array, column, make)
    if is_uuid(dtype):
        return _uuids(array, column, make)
    if is_text(dtype):
        return _texts(array.cast(pa.large_string()), column, first_row, make)
    raise _refusal(array, column, first_row, new)


def _nulls(array: pa.Array, column: str, make: str) -> list[Bad]:
    present = layout.valid(array)
    if present is None or len(array) == 0:
        return []
    rows = np.flatnonzero(~present)
    return [Bad(column, rows, (None,) * min(len(rows), KEPT_VALUES), "a point needs an id", f"Fill it in; {make}.")]


def _integers(array: pa.Array, column: str, make: str) -> tuple[Ids, list[Bad]]:
    bad = _nulls(array, column, make)
    filled = array.fill_null(0) if array.null_count else array
    values = filled.to_numpy()
    if values.dtype.kind == "u":
        return Ids(values.astype(np.uint64, copy=False)), bad
    negative = np.flatnonzero(values < 0)
    if len(negative):
        found = tuple(values[negative[:KEPT_VALUES]].tolist())
        bad.append(Bad(column, negative, found, "an id must not be negative", f"{KINDS}; {make}."))
        values = np.where(values < 0, 0, values)
    return Ids(values.astype(np.uint64)), bad


def _uuids(array: pa.Array, column: str, make: str) -> tuple[Ids, list[Bad]]:
    n = len(array)
    data = np.frombuffer(array.buffers()[1], dtype=np.uint8) if n else np.empty(0, dtype=np.uint8)
    return Ids(data[array.offset * 16 : (array.offset + n) * 16].reshape(n, 16)), _nulls(array, column, make)


def _texts(array: pa.LargeStringArray, column: str, first_row: int, make: str) -> tuple[Ids, list[Bad]]:
    values, parsed = uuids_of(array)
    present = layout.valid(array)
    wrong = ~parsed if present is None else ~parsed & present
    bad = _nulls(array, column, make)
    if wrong.any():
        _refuse_numbers(array, column, first_row)
        rows = np.flatnonzero(wrong)
        found = tuple(array.take(pa.array(rows[:KEPT_VALUES])).to_pylist())
        bad.append(Bad(column, rows, found, "text that is not a UUID cannot be an id", f"{KINDS}; {make}."))
    return Ids(values), bad


def uuids_of(array: pa.LargeStringArray) -> tuple[Bytes, Mask]:
    """UUIDs in any of Qdrant's spellings, `uint8` of shape (n, 16), and which rows hold one."""
    n = len(array)
    values = np.zeros((n, 16), dtype=np.uint8)
    parsed = np.zeros(n, dtype=np.bool_)
    spans, data = layout.offsets(array), layout.content(array)
    lengths = np.diff(spans)
    present = layout.valid(array)
    if present is not None:
        lengths = np.where(present, lengths, -1)
    for length in (32, *_SPELLINGS):
        rows = np.flatnonzero(lengths == length)
        if len(rows) == 0:
            continue
        if len(rows) == n:
            text = data[spans[0] : spans[-1]].reshape(n, length)
        else:
            text = data[spans[rows][:, None] + np.arange(length)]
        values[rows], parsed[rows] = _digits(text)
    return values, parsed


def _digits(text: Bytes) -> tuple[Bytes, Mask]:
    """Values and validity of UUIDs spelled in one length, text of shape (n, length)."""
    good = np.ones(len(text), dtype=np.bool_)
    if text.shape[1] != 32:
        before, after = _SPELLINGS[text.shape[1]]
        if before:
            good &= (text[:, : len(before)] | 0x20 == np.frombuffer(before, dtype=np.uint8) | 0x20).all(axis=1)
        if after:
            good &= (text[:, -len(after) :] == np.frombuffer(after, dtype=np.uint8)).all(axis=1)
        text = text[:, len(before) : len(before) + 36]
        good &= (text[:, _HYPHENS] == ord("-")).all(axis=1)
        text = text[:, _DIGITS]
    nibbles: Bytes = _NIBBLES[text]
    good &= (nibbles < 16).all(axis=1)
    return nibbles[:, 0::2] * np.uint8(16) + (nibbles[:, 1::2] & np.uint8(15)), good


def _refuse_numbers(array: pa.LargeStringArray, column: str, first_row: int) -> None:
    """One error for a column that holds nothing but integers as text."""
    digits = pc.match_substring_regex(array, r"^\s*[+-]?[0-9]+(\.0*)?\s*$")
    if array.null_count == len(array) or not pc.all(digits).as_py():
        return
    position = int(np.argmax(array.is_valid().to_numpy(zero_copy_only=False)))
    row, value = first_row + position, array[position].as_py()
    raise FrameError(
        f"column {column!r}, row {row}: found {shown(value)}: numbers as text cannot be ids, all values "
        f"of the column are such. Cast it: .cast(pl.UInt64) in polars, .astype('uint64') in pandas.",
        column=column,
        row=row,
        value=value,
    )


_BYTES = (pa.types.is_binary, pa.types.is_large_binary, pa.types.is_fixed_size_binary)


def _refusal(array: pa.Array, column: str, first_row: int, new: bool) -> FrameError:
    """Why a column of this type cannot be ids, and the cast that helps."""
    make = MAKE if new else FIND
    valid = np.flatnonzero(array.is_valid().to_numpy(zero_copy_only=False))
    row = first_row + int(valid[0]) if len(valid) else None
    value = array[int(valid[0])].as_py() if len(valid) else None
    if pa.types.is_floating(array.type):
        why, way_out = _about_floats(array, new)
    elif pa.types.is_boolean(array.type):
        why, way_out = "booleans cannot be ids", f"{KINDS}; {make}."
    elif pa.types.is_decimal(array.type):
        why = "decimals cannot be ids"
        way_out = "Cast whole numbers: .cast(pl.UInt64) in polars, .astype('uint64') in pandas."
    elif any(test(array.type) for test in _BYTES):
        why = "bytes cannot be ids"
        way_out = "The 16 bytes of UUIDs become text by .bin.encode('hex') in polars, .map(bytes.hex) in pandas."
    else:
        why, way_out = f"{array.type} cannot be ids", f"{KINDS}; {make}."
    where = f"column {column!r}" if row is None else f"column {column!r}, row {row}: found {shown(value)}"
    return FrameError(f"{where}: {why}. {way_out}", column=column, row=row, value=value)


def _about_floats(array: pa.Array, new: bool) -> tuple[str, str]:
    numbers = array.cast(pa.float64()).drop_null().to_numpy()
    numbers = numbers[~np.isnan(numbers)]
    missing = len(array) - len(numbers)
    whole = bool((np.floor(numbers) == numbers).all())
    if not whole:
        return "floats cannot be ids, and these are not all whole numbers", f"{KINDS}; {MAKE if new else FIND}."
    lost = bool((np.abs(numbers) > 2**53).any())
    why = "floats cannot be ids"
    if missing:
        where = in_rows(missing)
        why += f"; all are whole numbers, and in {where} there is none (a merge or concat makes floats of integers)"
        first = "Drop or fill the missing ones, then cast" if new else "Cast the column to integers that can be missing"
    else:
        why += "; all are whole numbers"
        first = "Cast the column"
    if lost:
        why += ", some above 2^53, where a float no longer holds every integer"
        first = "Keep the ids as integers from the start; where it is sure that none was rounded, cast the column"
    pandas = "Int64" if missing and not new else "uint64"
    return why, f"{first}: .cast(pl.UInt64) in polars, .astype('{pandas}') in pandas."
