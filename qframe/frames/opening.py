"""`open_source`: whatever a user may write, as a `Source`. Looks at what is imported already and imports no library."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from qframe.errors import FrameError
from qframe.frames.arrow_source import ReaderSource, TableSource, plain_array
from qframe.frames.objects import objects_to_arrow
from qframe.frames.source import Opaque, Source
from qframe.frames.stream import FramesSource

TAKEN = (
    "a polars DataFrame or LazyFrame, a pandas DataFrame, a pyarrow Table, RecordBatch or RecordBatchReader, "
    "anything with __arrow_c_stream__, or an iterable of these"
)


def open_source(data: object) -> Source:
    """Whatever a user may write, as a source.

    Parameters
    ----------
    data : object
        A polars DataFrame or LazyFrame, a pandas DataFrame, a pyarrow Table, RecordBatch or RecordBatchReader, anything
        with `__arrow_c_stream__` (a DuckDB relation), or an iterable of these with one schema.

    Raises
    ------
    FrameError
        For anything else; for column names that are not text or not unique; for an iterable without a frame.
    """
    source = open_frame(data)
    if source is not None:
        return source
    if isinstance(data, Iterable):
        return FramesSource(_frames(iter(data)))
    raise _refused(data)


def open_frame(data: object) -> Source | None:
    """A source of one frame; None for what is not a frame.

    Raises
    ------
    FrameError
        For what could be taken for a frame or for an iterable of frames, and is neither.
    """
    source = open_known(data)
    if source is not None:
        return source
    _refuse_lookalikes(data)
    if hasattr(data, "__arrow_c_stream__"):
        try:
            return ReaderSource(pa.RecordBatchReader.from_stream(data))
        except (pa.ArrowInvalid, TypeError) as error:
            raise FrameError(f"the Arrow stream of {_name(data)} is not one of tables: {error}") from error
    return None


def open_known(data: object) -> Source | None:
    """A source of one frame whose schema is known before anything is read; None for everything else.

    Raises
    ------
    FrameError
        For a Series.
    """
    source = _open_polars(data) or _open_pandas(data)
    if source is not None:
        return source
    if isinstance(data, pa.RecordBatch):
        return TableSource(pa.Table.from_batches([data]))
    if isinstance(data, pa.Table):
        return TableSource(data)
    return ReaderSource(data) if isinstance(data, pa.RecordBatchReader) else None


def series_to_arrow(data: Any) -> pa.Array | None:
    """A polars or pandas Series, an Arrow array or a one-dimensional NumPy array as an Arrow array; None for the rest.

    Raises
    ------
    FrameError
        For a Series that Arrow has no type for.
    """
    if isinstance(data, pa.ChunkedArray):
        return _whole(plain_array(data))
    if isinstance(data, pa.Array):
        return plain_array(data)
    if isinstance(data, np.ndarray) and data.ndim == 1 and not isinstance(data, np.ma.MaskedArray):
        return _converted(objects_to_arrow(data) if data.dtype.kind == "O" else pa.array(data), "values")
    if _loaded("polars", "LazyFrame"):
        from qframe.frames import polars_source

        if polars_source.is_series(data):
            return _converted(polars_source.series_to_arrow(data), data.name or "values")
    if _loaded("pandas", "DataFrame"):
        from qframe.frames import pandas_source

        if pandas_source.is_series(data):
            series = data.to_series() if hasattr(data, "to_series") else data
            return _converted(pandas_source.series_to_arrow(series), str(data.name or "values"))
    return None


def _converted(found: pa.Array | pa.ChunkedArray | Opaque, name: str) -> pa.Array:
    if isinstance(found, Opaque):
        raise found.error(name)
    return _whole(found)


def _whole(array: Any) -> pa.Array:
    if not isinstance(array, pa.ChunkedArray):
        return array
    return array.chunk(0) if array.num_chunks == 1 else array.combine_chunks()


def _open_polars(data: Any) -> Source | None:
    if not _loaded("polars", "LazyFrame"):
        return None
    from qframe.frames import polars_source

    if polars_source.is_frame(data):
        return polars_source.PolarsSource(data)
    if polars_source.is_lazy(data):
        return polars_source.LazySource(data)
    if polars_source.is_series(data):
        raise FrameError(f"a polars Series is not a frame. Write series.to_frame(), or give {TAKEN}.")
    return None


def _open_pandas(data: Any) -> Source | None:
    if not _loaded("pandas", "DataFrame"):
        return None
    from qframe.frames import pandas_source

    if pandas_source.is_frame(data):
        return pandas_source.PandasSource(data)
    if pandas_source.is_series(data):
        raise FrameError(f"a {_name(data)} is not a frame. Write .to_frame(), or give {TAKEN}.")
    return None


def _loaded(module: str, attribute: str) -> bool:
    """Whether a library is imported, and not just now being imported."""
    return hasattr(sys.modules.get(module), attribute)


def _refuse_lookalikes(data: object) -> None:
    if isinstance(data, np.ndarray):
        raise FrameError(
            f"a numpy array of shape {data.shape} is not a frame: ids are missing. Put the ids in a frame and give the "
            "array beside it as vector=array."
        )
    if isinstance(data, str | bytes | Mapping | pa.Array | pa.ChunkedArray):
        raise _refused(data)


def _frames(items: Iterator[object]) -> Iterator[Source]:
    """Each item of an iterable as a source, opened when its turn comes."""
    for number, item in enumerate(items):
        try:
            source = open_frame(item)
        except FrameError as error:
            message = f"item {number} of the iterable: {error}"
            raise FrameError(message, column=error.column, value=error.value) from error
        if source is None:
            raise FrameError(f"item {number} of the iterable is of type {_name(item)}, not a frame. Taken are {TAKEN}.")
        yield source


def _refused(data: object) -> FrameError:
    return FrameError(f"an object of type {_name(data)} is not a frame{_way_out(data)}. Taken are {TAKEN}.")


def _way_out(data: object) -> str:
    if isinstance(data, Mapping):
        return "; pl.DataFrame(…) or pd.DataFrame(…) makes one of dicts"
    return ""


def _name(data: object) -> str:
    kind = type(data)
    return kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__.split('.')[0]}.{kind.__name__}"
