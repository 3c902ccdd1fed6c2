"""Payload columns in plain types, those that JSON has words for.

They are null, bool, int64, float64, large_string, large_list and struct. This module owns the rules by which any other
Arrow type becomes one of these (`plain`), for every wire alike. What comes out is canonical: nothing hides behind
nulls (a null list is empty, a null struct has null fields) and no list has elements that no row refers to. Whether a
value can be written at all is `check`'s question; asked here, it is an exception.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from qframe.columns.layout import Int64, Mask, ends, even, numbers, valid, validity
from qframe.columns.temporal_text import date_text, duration_text, time_text, timestamp_text
from qframe.model.ids import Ids

EXACT_DIGITS = 15
"""Decimals of at most this precision are numbers: a float64 carries any 15 digits there and back."""

_types = pa.types
_Rule = tuple[Callable[[pa.DataType], bool], Callable[[pa.Array], pa.Array]]


def plain(array: pa.Array) -> pa.Array:
    """The column in plain types, recursively.

    Parameters
    ----------
    array : pyarrow.Array
        Of any type that `check.unsupported` lets pass, sliced or not.

    Returns
    -------
    pyarrow.Array
        null, bool, int64, float64, large_string, large_list or struct of these. NaN has become null, dates and times
        ISO 8601 text (timestamps RFC 3339 in UTC), UUIDs hyphenated text, dictionaries their values, decimals float64
        up to `EXACT_DIGITS` digits of precision and text beyond.

    Raises
    ------
    TypeError
        For a type that has no plain form.
    pyarrow.ArrowInvalid, ValueError
        For a value that has none; `check.check_payload` finds these.
    """
    dtype = array.type
    for fits, rule in _RULES:
        if fits(dtype):
            return rule(array)
    raise TypeError(f"{dtype} has no form in a payload")


def _same(array: pa.Array) -> pa.Array:
    return array


def _cast(dtype: pa.DataType) -> Callable[[pa.Array], pa.Array]:
    return lambda array: array.cast(dtype)


def _floats(array: pa.Array) -> pa.Array:
    """NaN counts as null."""
    array = array.cast(pa.float64())
    nan = np.isnan(numbers(array, np.float64))
    if not nan.any():
        return array
    mask = valid(array)
    kept = ~nan if mask is None else mask & ~nan
    buffers = [validity(kept), pa.py_buffer(numbers(array, np.float64))]
    return pa.Array.from_buffers(pa.float64(), len(array), buffers)


def _decimals(array: pa.Array) -> pa.Array:
    text = array.cast(pa.large_string())
    # By way of the text, which Arrow reads correctly rounded; its decimal-to-float cast multiplies by a power of ten.
    return text.cast(pa.float64()) if array.type.precision <= EXACT_DIGITS else text


def _uuids(array: pa.Array) -> pa.Array:
    flat = np.empty(0, dtype=np.uint8)
    if len(array):
        start = array.offset * 16
        flat = np.frombuffer(array.buffers()[1], dtype=np.uint8)[start : start + len(array) * 16]
    text = Ids(flat.reshape(-1, 16)).to_arrow()
    mask = valid(array)
    return text if mask is None else pc.if_else(pa.array(mask), text, pa.scalar(None, pa.large_string()))


def _dictionary(array: pa.DictionaryArray) -> pa.Array:
    return plain(array.dictionary).take(array.indices)


def _struct(array: pa.StructArray) -> pa.Array:
    # flatten hands the struct's own nulls down to the fields.
    children = [plain(child) for child in array.flatten()]
    fields = [pa.field(field.name, child.type) for field, child in zip(array.type, children, strict=True)]
    return pa.Array.from_buffers(pa.struct(fields), len(array), [validity(valid(array))], children=children)


def _list(array: pa.Array) -> pa.Array:
    mask = valid(array)
    found, spans = elements(array, mask)
    child = plain(found)
    return pa.Array.from_buffers(
        pa.large_list(child.type), len(array), [validity(mask), pa.py_buffer(spans)], children=[child]
    )


def elements(array: pa.Array, mask: Mask | None) -> tuple[pa.Array, Int64]:
    """The elements that the rows refer to, in their order, and the rows' offsets in them."""
    starts, lengths, child = _list_spans(array)
    if mask is not None:
        lengths = np.where(mask, lengths, 0)
    spans = ends(lengths)
    used = lengths > 0
    if not used.any():
        return child.slice(0, 0), spans
    first = int(starts[used][0])
    if np.array_equal(starts[used] - first, spans[:-1][used]):
        return child.slice(first, int(spans[-1])), spans
    places = np.repeat(starts - spans[:-1], lengths) + np.arange(spans[-1], dtype=np.int64)
    if (takeable := _without_views(child.type)) != child.type:
        child = child.cast(takeable)
    return child.take(pa.array(places)), spans


def _without_views(dtype: pa.DataType) -> pa.DataType:
    """The type with large_string for string_view, which Arrow's take does not know (as of 26), at any depth."""
    if _types.is_string_view(dtype):
        return pa.large_string()
    if _types.is_struct(dtype):
        return pa.struct([field.with_type(_without_views(field.type)) for field in dtype])
    if _types.is_fixed_size_list(dtype):
        return pa.list_(_without_views(dtype.value_type), dtype.list_size)
    if _types.is_list(dtype):
        return pa.list_(_without_views(dtype.value_type))
    if _types.is_large_list(dtype):
        return pa.large_list(_without_views(dtype.value_type))
    return dtype


def _list_spans(array: pa.Array) -> tuple[Int64, Int64, pa.Array]:
    """Start and length of each row, as int64, and the elements they refer to."""
    n, dtype = len(array), array.type
    if _types.is_fixed_size_list(dtype):
        starts = even(n, dtype.list_size)[:-1] + array.offset * dtype.list_size
        return starts, np.full(n, dtype.list_size, dtype=np.int64), array.values
    if n == 0:
        nothing = np.empty(0, dtype=np.int64)
        return nothing, nothing, array.values.slice(0, 0)
    if _types.is_list_view(dtype) or _types.is_large_list_view(dtype):
        starts, lengths = (part.to_numpy().astype(np.int64) for part in (array.offsets, array.sizes))
        return starts, lengths, array.values
    wide = np.frombuffer(array.buffers()[1], dtype=np.int64 if _types.is_large_list(dtype) else np.int32)
    spans = wide[array.offset : array.offset + n + 1].astype(np.int64, copy=False)
    return spans[:-1], np.diff(spans), array.values


def _extension(array: pa.Array) -> pa.Array:
    return plain(array.storage) if array.type.extension_name == "arrow.uuid" else plain(array.storage.cast(pa.bool_()))


def is_uuid(dtype: pa.DataType) -> bool:
    """Whether values are 16 bytes, taken as RFC 4122 UUIDs; the canonical `arrow.uuid` is stored so."""
    return _types.is_fixed_size_binary(dtype) and dtype.byte_width == 16


def is_list(dtype: pa.DataType) -> bool:
    """Whether values are lists, in any of Arrow's five layouts."""
    views = _types.is_list_view(dtype) or _types.is_large_list_view(dtype)
    return views or _types.is_list(dtype) or _types.is_large_list(dtype) or _types.is_fixed_size_list(dtype)


def is_text(dtype: pa.DataType) -> bool:
    """Whether values are strings, in any of Arrow's three layouts."""
    return _types.is_string(dtype) or _types.is_large_string(dtype) or _types.is_string_view(dtype)


def is_extension(dtype: pa.DataType) -> bool:
    """Whether this is an extension type with a plain form: Arrow's canonical UUID and 8-bit boolean."""
    return isinstance(dtype, pa.BaseExtensionType) and dtype.extension_name in ("arrow.uuid", "arrow.bool8")


_RULES: tuple[_Rule, ...] = (
    (is_text, _cast(pa.large_string())),
    (_types.is_integer, _cast(pa.int64())),
    (_types.is_floating, _floats),
    (_types.is_boolean, _same),
    (_types.is_timestamp, timestamp_text),
    (_types.is_date, date_text),
    (_types.is_dictionary, _dictionary),
    (is_list, _list),
    (_types.is_struct, _struct),
    (_types.is_decimal, _decimals),
    (_types.is_time, time_text),
    (_types.is_duration, duration_text),
    (is_uuid, _uuids),
    (is_extension, _extension),
    (_types.is_run_end_encoded, lambda array: plain(pc.run_end_decode(array))),
    (_types.is_null, _same),
)
"""Type test → rule, the frequent ones first; `check.unsupported` asks `has_plain_form` about the same table."""


def has_plain_form(dtype: pa.DataType) -> bool:
    """Whether `plain` knows the type itself; whether it knows what the type holds is another question."""
    return any(fits(dtype) for fits, _ in _RULES)
