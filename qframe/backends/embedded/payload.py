"""Payload columns → an object a row, as the engine takes them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pyarrow as pa

from qframe.backends.embedded.engine import refused
from qframe.backends.embedded.validation import check_finite
from qframe.columns.plain import plain
from qframe.model.operations import Nulls
from qframe.model.outcome import Fault


def payload_rows(payload: pa.RecordBatch, nulls: Nulls) -> list[dict[str, Any]] | Fault:
    """The payload of each row.

    Parameters
    ----------
    payload : pyarrow.RecordBatch
        One column a key, as deep as `validation` allows.
    nulls : "omit", "keep" or "remove"
        "remove" hands a null at the top over as None, by which the engine removes the key when it merges.
    """
    names, columns = payload.schema.names, []
    for name, array in zip(names, payload.columns, strict=True):
        values = _plain(name, array)
        if isinstance(values, Fault):
            return values
        column = values.to_pylist()
        drop = None if nulls == "keep" else _dropper(values.type)
        columns.append(column if drop is None else [drop(value) for value in column])
    if not columns:
        return [{} for _ in range(payload.num_rows)]
    rows = zip(*columns, strict=True)
    if nulls == "omit":
        return [{key: value for key, value in zip(names, row, strict=True) if value is not None} for row in rows]
    return [dict(zip(names, row, strict=True)) for row in rows]


def _plain(name: str, array: pa.Array) -> pa.Array | Fault:
    try:
        values = plain(array)
    except (TypeError, ValueError) as error:
        return refused(f"Wrong input: payload {name!r}: {error}")
    return check_finite(values, name) or values


def _dropper(dtype: pa.DataType) -> Callable[[Any], Any] | None:
    """Leaves null keys out of the objects in a value; None where there are no objects. Null elements of lists stay."""
    if pa.types.is_large_list(dtype):
        inner = _dropper(dtype.value_type)
        if inner is None:
            return None
        return lambda value: None if value is None else [inner(item) for item in value]
    if pa.types.is_struct(dtype):
        fields = {field.name: _dropper(field.type) for field in dtype}
        return lambda value: None if value is None else _dropped(value, fields)
    return None


def _dropped(value: Mapping[str, Any], fields: Mapping[str, Callable[[Any], Any] | None]) -> dict[str, Any]:
    kept = {}
    for key, item in value.items():
        drop = fields[key]
        if item is not None:
            kept[key] = item if drop is None else drop(item)
    return kept
