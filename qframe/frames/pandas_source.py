"""pandas frames as sources: column by column, never `pa.table(frame)`, which adds the index under an invented name.

Imported only once pandas is there.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from qframe.errors import FrameError
from qframe.frames.arrow_source import plain_array
from qframe.frames.objects import objects_to_arrow
from qframe.frames.source import Library, Opaque, check_names, cut_length, cut_table, opaque_field, refuse

_AS_TEXT = "Turn it into text with .astype(str), or leave it out of payload=[…]."


def is_frame(data: object) -> bool:
    return isinstance(data, pd.DataFrame)


def is_series(data: object) -> bool:
    return isinstance(data, pd.Series | pd.Index)


def _of_objects(series: pd.Series[Any]) -> bool:
    return isinstance(series.dtype, np.dtype) and series.dtype.kind == "O"


def series_to_arrow(series: pd.Series[Any]) -> pa.Array | pa.ChunkedArray | Opaque:
    """One column. NumPy numbers and Arrow-backed columns are not copied; NaN stays NaN, NA, NaT and None are null."""
    dtype: Any = series.dtype
    if _of_objects(series):
        return objects_to_arrow(series.to_numpy())
    if isinstance(dtype, pd.PeriodDtype | pd.IntervalDtype):
        return Opaque(f"{type(dtype).__name__.removesuffix('Dtype')} ({dtype})", _AS_TEXT)
    if isinstance(dtype, pd.CategoricalDtype):
        return _categorical(series.array)
    if isinstance(dtype, pd.SparseDtype):
        series = pd.Series(np.asarray(series.array))
    try:
        if hasattr(series.array, "__arrow_array__"):
            return plain_array(series.array.__arrow_array__())
        return pa.array(series, from_pandas=False)
    except (pa.ArrowNotImplementedError, pa.ArrowTypeError):
        return Opaque(str(dtype), _AS_TEXT)


def _categorical(values: Any) -> pa.Array | Opaque:
    categories = series_to_arrow(pd.Series(values.categories))
    if isinstance(categories, Opaque):
        return Opaque(f"Categorical of {categories.what}", categories.way_out)
    if isinstance(categories, pa.ChunkedArray):
        categories = categories.combine_chunks()
    missing = values.codes < 0
    codes = pa.array(values.codes, mask=missing if missing.any() else None)
    return pa.DictionaryArray.from_arrays(codes, categories, ordered=bool(values.ordered))


def _levels(frame: pd.DataFrame) -> dict[str, pd.Series[Any]]:
    """Index levels that have text for a name, as columns. A level that repeats a column is that column."""
    levels: dict[str, pd.Series[Any]] = {}
    for number, name in enumerate(frame.index.names):
        if not isinstance(name, str):
            continue
        level = frame.index.get_level_values(number)
        if name in levels or (name in frame.columns and not level.equals(pd.Index(frame[name]))):
            raise FrameError(
                f"{name!r} is both an index level and a column or another level, with different values. "
                f"Rename one, for example with frame.rename_axis(index={{{name!r}: {name + '_index'!r}}}).",
                column=name,
            )
        if name not in frame.columns:
            levels[name] = level.to_series(index=pd.RangeIndex(len(frame)))
    return levels


@dataclass(slots=True, eq=False)
class PandasSource:
    """A pandas frame. Named index levels are columns after the others.

    A column is converted whole when it is first asked for, and kept: numbers and Arrow-backed columns are views,
    objects cost one Arrow copy.

    Parameters
    ----------
    frame : pandas.DataFrame
    """

    frame: pd.DataFrame
    schema: pa.Schema = field(init=False)
    library: Library = "pandas"
    repeatable: bool = True
    _series: dict[str, pd.Series[Any]] = field(init=False)
    _arrays: dict[str, Any] = field(default_factory=dict)
    _opaque: dict[str, Opaque] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_names(list(self.frame.columns))
        self._series = {name: self.frame[name] for name in self.frame.columns} | _levels(self.frame)
        self.schema = pa.schema([self._field(name) for name in self._series])

    @property
    def length(self) -> int:
        return len(self.frame)

    @property
    def index(self) -> object:
        return self.frame.index

    def _field(self, name: str) -> pa.Field:
        series = self._series[name]
        if _of_objects(series):  # only the values know the type
            found = series_to_arrow(series)
            if not isinstance(found, Opaque):
                self._arrays[name] = found
        else:
            found = series_to_arrow(series.iloc[:0])
        if isinstance(found, Opaque):
            self._opaque[name] = found
            return opaque_field(name, found)
        return pa.field(name, found.type)

    def _column(self, name: str) -> Any:
        if name not in self._arrays:
            self._arrays[name] = series_to_arrow(self._series[name])
        return self._arrays[name]

    def parts(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        refuse(columns, self._opaque)
        if not columns:
            return cut_length(self.length)
        return cut_table(pa.table({name: self._column(name) for name in columns}))
