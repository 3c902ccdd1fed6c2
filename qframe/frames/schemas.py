"""What a caller passes as `schema=`: names and the Arrow types to read, with what is left to do in a library's dtypes.

Owns `Target`; the dtypes themselves are read in `polars_schemas` and `pandas_schemas`, imported when one is met.
"""

from __future__ import annotations

import datetime
import decimal
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from qframe.errors import FrameError, MismatchError, OptionError
from qframe.frames.arrow_source import plain_type
from qframe.frames.opening import open_frame, open_known
from qframe.frames.source import Library, Opaque, Source
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


JSON = "json"
"""The dtype, in a mapping, of a column of JSON text."""


@dataclass(frozen=True, slots=True)
class Categories:
    """What a column of categories may hold.

    Parameters
    ----------
    words : tuple of str or None
        All that there can be, in their order; None: those that occur.
    ordered : bool
        Whether a value may be less than another.
    """

    words: tuple[str, ...] | None = None
    ordered: bool = False


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
    categories : Categories or None
        What `final` means to other libraries.
    json : bool
        The column is the JSON text of whatever is stored.
    """

    dtype: pa.DataType
    library: Library | None = None
    final: Any = None
    categories: Categories | None = None
    json: bool = False


def targets_of(schema: Any, option: str = "schema") -> dict[str, Target]:
    """The columns of a schema, in order.

    Parameters
    ----------
    schema : object
        A polars or Arrow schema; a mapping of names to polars, Arrow, pandas, NumPy or Python types (as objects, or as
        text that pandas understands), and "json" for the JSON text of whatever is stored; a frame, whose dtypes are
        meant.
    option : str
        As errors name it.

    Raises
    ------
    OptionError
        For anything else, and for a type that payload cannot be read into.
    """
    if isinstance(schema, pa.Schema):
        return {item.name: _checked(item.name, _arrow_target(item.type), option) for item in schema}
    if not isinstance(schema, Mapping):
        if _module(schema) == "pandas" and type(schema).__name__ == "Series":  # frame.dtypes
            return targets_of(dict(schema.items()), option)
        return _targets_of_frame(schema, option)
    targets = {}
    for name, dtype in schema.items():
        if not isinstance(name, str):
            raise OptionError(f"{option}: {name!r} is not a column name; names are text.")
        targets[name] = _checked(name, _target(name, dtype, option), option)
    return targets


def targets_in(frame: Any) -> dict[str, Target]:
    """The columns of a frame that payload can be read into, by their dtypes.

    None of what has no schema before it is read (an iterable, a stream of another library's).
    """
    source = open_known(frame)
    targets = {}
    for name, found in () if source is None else _found_in(frame, source):
        with suppress(OptionError):  # a column that need not be payload
            targets[name] = _checked(name, found, "schema")
    return targets


def _targets_of_frame(frame: Any, option: str) -> dict[str, Target]:
    try:
        source = open_frame(frame)
    except FrameError:
        source = None
    if source is None:
        raise OptionError(
            f"{option}={shown(frame)}: a mapping of column names to dtypes, a polars or Arrow schema, or a frame whose "
            "dtypes are meant."
        )
    return {name: _checked(name, found, option) for name, found in _found_in(frame, source)}


def _found_in(frame: Any, source: Source) -> Iterator[tuple[str, Target | Opaque]]:
    """The columns of a frame, and what their dtypes are to a read."""
    if source.library == "polars":
        for name, dtype in frame.collect_schema().items():
            yield name, _target(name, dtype, "schema")
        return
    for item in source.schema:
        if source.library == "arrow":
            yield item.name, _arrow_target(item.type)
            continue
        column = frame[item.name] if item.name in frame.columns else frame.index.get_level_values(item.name)
        # An object column says nothing by its dtype; its values have said what Arrow type they are.
        says_nothing = column.dtype.kind == "O" and isinstance(column.dtype, np.dtype)
        yield item.name, _arrow_target(item.type) if says_nothing else _target(item.name, column.dtype, "schema")


def _target(name: str, dtype: Any, option: str) -> Target | Opaque:
    if isinstance(dtype, str) and dtype == JSON:
        return Target(pa.large_string(), json=True)
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
        raise OptionError(
            f"{option}[{name!r}]={dtype!r}: not a dtype of polars, pandas, NumPy or Arrow, nor {JSON!r}."
        ) from error


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


def _checked(name: str, found: Target | Opaque, option: str) -> Target:
    if isinstance(found, Opaque):
        raise OptionError(f"{option}[{name!r}]: payload cannot be read into {found.what}. {found.way_out}")
    try:
        _check_family(found.dtype)
    except TypeError as error:
        raise OptionError(f"{option}[{name!r}]: {error}. Leave the column out of the schema.") from error
    return found


def _check_family(dtype: pa.DataType) -> None:
    """TypeError for a type that is, or holds, one that payload cannot be read into."""
    kind = family(dtype)
    if kind == "list":
        _check_family(dtype.value_type)
    elif kind == "struct":
        for item in dtype:
            _check_family(item.type)


def ways_out(name: str) -> str:
    """What to do about a value that does not fit its column."""
    return (
        f"Pass schema_overrides={{{name!r}: …}} with a type that fits all values, schema_overrides={{{name!r}: "
        f'"{JSON}"}} to read the JSON text of each, whatever it is, or on_mismatch="null" to read null in its place.'
    )


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
                + ways_out(name),
                point_id=point,
                field=name,
                value=value,
            )
        keep = np.ones(len(column), dtype=np.bool_)
        keep[rows] = False
        nulled = column.take(pa.array(np.arange(len(column)), mask=~keep))
        table = table.set_column(table.schema.get_field_index(name), table.schema.field(name), nulled)
    return table


def finish_arrow(table: pa.Table, targets: Mapping[str, Target], library: Library) -> pa.Table:
    """The table with the Arrow types that the caller asked for, and dictionaries for categories of another library."""
    for name, target in targets.items():
        if name not in table.column_names:
            continue
        column = table.column(name)
        if target.library == "arrow":
            column = pc.cast(column, target.final)
        elif target.categories is not None and target.library != library:
            column = _encoded(column, target.categories)
        table = table.set_column(table.schema.get_field_index(name), pa.field(name, column.type), column)
    return table


def _encoded(column: pa.ChunkedArray, categories: Categories) -> pa.ChunkedArray:
    if categories.words is None:
        dtype = pa.dictionary(pa.int32(), pa.large_string())
        return pa.chunked_array([chunk.dictionary_encode() for chunk in column.chunks], dtype).unify_dictionaries()
    words = pa.array(categories.words, pa.large_string())
    # One part at least: where nothing is found, too, it says which categories there are.
    codes = pc.index_in(column, value_set=words).chunks or [pa.nulls(0, pa.int32())]
    return pa.chunked_array([pa.DictionaryArray.from_arrays(part, words, ordered=categories.ordered) for part in codes])
