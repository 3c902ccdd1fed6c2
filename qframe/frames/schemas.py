"""What a caller passes as `schema=`: names and the Arrow types to read, with what is left to do in a library's dtypes.

Owns `Target`; the dtypes themselves are read in `polars_schemas` and `pandas_schemas`, imported when one is met.
"""

from __future__ import annotations

import datetime
import decimal
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from qframe.errors import MismatchError, OptionError
from qframe.frames.arrow_source import plain_type
from qframe.frames.opening import open_frame
from qframe.frames.source import Library, Opaque
from qframe.model.bad import shown
from qframe.model.schema import family

_PYTHON: dict[type, pa.DataType] = {
    bool: pa.bool_(),
    int: pa.int64(),
    float: pa.float64(),
    str: pa.large_string(),
    datetime.date: pa.date32(),
    datetime.datetime: pa.timestamp("us"),
    datetime.time: pa.time64("us"),
    datetime.timedelta: pa.duration("us"),
    decimal.Decimal: pa.decimal128(38, 9),
}


@dataclass(frozen=True, slots=True)
class Target:
    """The type of a payload column.

    Parameters
    ----------
    dtype : pyarrow.DataType
        What is read: without dictionaries, which are text here.
    library : "polars", "pandas", "arrow" or None
        Whose dtype `final` is.
    final : object
        The dtype that the caller asked for where `dtype` does not say it all (Categorical, Enum, a pandas dtype).
    """

    dtype: pa.DataType
    library: Library | None = None
    final: Any = None


def targets_of(schema: Any) -> dict[str, Target]:
    """The columns of a schema, in order.

    Parameters
    ----------
    schema : object
        A polars or Arrow schema; a mapping of names to polars, Arrow, pandas, NumPy or Python types (as objects, or as
        text that pandas understands); a frame, whose dtypes are meant.

    Raises
    ------
    OptionError
        For anything else, and for a type that payload cannot be read into.
    """
    if isinstance(schema, pa.Schema):
        return {item.name: _checked(item.name, _arrow_target(item.type)) for item in schema}
    if not isinstance(schema, Mapping):
        if _module(schema) == "pandas" and type(schema).__name__ == "Series":  # frame.dtypes
            return targets_of(dict(schema.items()))
        return _targets_of_frame(schema)
    targets = {}
    for name, dtype in schema.items():
        if not isinstance(name, str):
            raise OptionError(f"schema: {name!r} is not a column name; names are text.")
        targets[name] = _checked(name, _target(name, dtype))
    return targets


def _targets_of_frame(frame: Any) -> dict[str, Target]:
    source = open_frame(frame)
    if source is None:
        raise OptionError(
            f"schema={shown(frame)}: a schema is a mapping of column names to dtypes, a polars or Arrow schema, "
            "or a frame whose dtypes are meant."
        )
    if source.library == "polars":
        return targets_of(frame.collect_schema())
    if source.library == "arrow":
        return targets_of(source.schema)
    targets = {}
    for item in source.schema:
        column = frame[item.name] if item.name in frame.columns else frame.index.get_level_values(item.name)
        # An object column says nothing by its dtype; its values have said what Arrow type they are.
        says_nothing = column.dtype.kind == "O" and isinstance(column.dtype, np.dtype)
        found = _arrow_target(item.type) if says_nothing else _target(item.name, column.dtype)
        targets[item.name] = _checked(item.name, found)
    return targets


def _target(name: str, dtype: Any) -> Target | Opaque:
    if isinstance(dtype, pa.DataType):
        return _arrow_target(dtype)
    if isinstance(dtype, type) and dtype in _PYTHON:
        return Target(_PYTHON[dtype])
    if _module(dtype) == "polars":
        from qframe.frames import polars_schemas

        return polars_schemas.target(dtype)
    from qframe.frames import pandas_schemas

    try:
        return pandas_schemas.target(dtype)
    except TypeError as error:
        raise OptionError(f"schema[{name!r}]={dtype!r}: not a dtype of polars, pandas, NumPy or Arrow.") from error


def _module(value: Any) -> str:
    """The library that an object, or a class, comes from."""
    kind = value if isinstance(value, type) else type(value)
    return kind.__module__.partition(".")[0]


def _arrow_target(dtype: pa.DataType) -> Target:
    if isinstance(dtype, pa.BaseExtensionType) and dtype.extension_name == "arrow.uuid":
        return Target(pa.large_string())
    plain = plain_type(dtype)
    if pa.types.is_dictionary(plain):
        plain = plain.value_type
    return Target(plain) if plain == dtype or not _castable(plain, dtype) else Target(plain, "arrow", dtype)


def _castable(dtype: pa.DataType, final: pa.DataType) -> bool:
    """Whether Arrow makes the one of the other; it makes no list views and no run ends of anything (as of 26)."""
    try:
        pa.nulls(0, dtype).cast(final)
    except pa.ArrowNotImplementedError:
        return False
    return True


def _checked(name: str, found: Target | Opaque) -> Target:
    if isinstance(found, Opaque):
        raise OptionError(f"schema[{name!r}]: payload cannot be read into {found.what}. {found.way_out}")
    try:
        _check_family(found.dtype)
    except TypeError as error:
        raise OptionError(f"schema[{name!r}]: {error}. Leave the column out of the schema.") from error
    return found


def _check_family(dtype: pa.DataType) -> None:
    """TypeError for a type that is, or holds, one that payload cannot be read into."""
    kind = family(dtype)
    if kind == "list":
        _check_family(dtype.value_type)
    elif kind == "struct":
        for item in dtype:
            _check_family(item.type)


def misfits(table: pa.Table, targets: Mapping[str, Target]) -> Iterator[tuple[str, npt.NDArray[np.int64]]]:
    """Columns with values that their final dtype has no place for (outside an Enum), and the rows."""
    for name, target in targets.items():
        if name not in table.column_names or target.final is None:
            continue
        column = table.column(name)
        if target.library == "polars":
            from qframe.frames import polars_schemas

            rows = polars_schemas.misfits(column, target.final)
        elif target.library == "pandas":
            from qframe.frames import pandas_schemas

            rows = pandas_schemas.misfits(column, target.final)
        else:
            continue
        if len(rows):
            yield name, rows


def fit(
    table: pa.Table,
    targets: Mapping[str, Target],
    *,
    id_name: str = "id",
    on_mismatch: Literal["raise", "null"] = "raise",
) -> pa.Table:
    """The table with null for values that their final dtype has no place for; to be called on every page.

    Raises
    ------
    MismatchError
        For the first of them, with `on_mismatch="raise"`.
    """
    for name, rows in misfits(table, targets):
        column = table.column(name)
        if on_mismatch == "raise":
            row = int(rows[0])
            point, value = table.column(id_name)[row].as_py(), column[row].as_py()
            raise MismatchError(
                f"point {point!r}, field {name!r}: found {shown(value)}, which has no place in {targets[name].final}. "
                f"Pass schema_overrides={{{name!r}: …}} with a type that fits all values, "
                'or on_mismatch="null" to read null in its place.',
                point_id=point,
                field=name,
                value=value,
            )
        keep = np.ones(len(column), dtype=np.bool_)
        keep[rows] = False
        nulled = column.take(pa.array(np.arange(len(column)), mask=~keep))
        table = table.set_column(table.schema.get_field_index(name), table.schema.field(name), nulled)
    return table


def finish_arrow(table: pa.Table, targets: Mapping[str, Target]) -> pa.Table:
    """The table with the Arrow types that the caller asked for, dictionaries among them."""
    for name, target in targets.items():
        if target.library != "arrow" or name not in table.column_names:
            continue
        column = pc.cast(table.column(name), target.final)
        table = table.set_column(table.schema.get_field_index(name), pa.field(name, target.final), column)
    return table
