"""Arrow tables as frames of the caller's library, and back to a matrix. Imports a library when it is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from qframe.columns.dense import dense
from qframe.errors import FrameError
from qframe.frames.arrow_source import plain_array
from qframe.frames.opening import open_source
from qframe.frames.schemas import Target, finish_arrow
from qframe.frames.source import Library
from qframe.model.bad import first_bad

DtypeBackend = Literal["numpy_nullable", "pyarrow", "numpy"]


def render(
    table: pa.Table,
    library: Library,
    dtype_backend: DtypeBackend = "numpy_nullable",
    targets: Mapping[str, Target] | None = None,
) -> Any:
    """A table as a frame.

    Parameters
    ----------
    table : pyarrow.Table
    library : "polars", "pandas" or "arrow"
    dtype_backend : "numpy_nullable", "pyarrow" or "numpy"
        Dtypes of a pandas frame where `targets` names none. Vectors are float32 rows of one matrix in an object column,
        or Arrow lists with "pyarrow".
    targets : mapping of str to Target, optional
        Dtypes that the caller asked for; every value fits them (`schemas.fit`).

    Returns
    -------
    polars.DataFrame, pandas.DataFrame or pyarrow.Table
        polars and "pyarrow" frames share the table's buffers.
    """
    targets = targets or {}
    table = finish_arrow(table, targets, library)
    if library == "polars":
        from qframe.frames import polars_results

        return polars_results.to_polars(table, targets)
    if library == "pandas":
        from qframe.frames import pandas_results

        return pandas_results.to_pandas(table, dtype_backend, targets)
    return table


def widened(
    frame: Any,
    library: Library,
    table: pa.Table,
    dtype_backend: DtypeBackend,
    targets: Mapping[str, Target] | None = None,
) -> Any:
    """A frame in memory with the columns of a table, which has as many rows, after its own; these stay as they are.

    Parameters
    ----------
    frame : polars.DataFrame, pandas.DataFrame, pyarrow.Table or pyarrow.RecordBatch
        Of that library; has no column of the table's names.
    library, table, dtype_backend, targets :
        As in `render`.
    """
    beside = render(table, library, dtype_backend, targets)
    if library == "polars":
        return frame.hstack(beside.get_columns())
    if library == "pandas":
        from qframe.frames import pandas_results

        return pandas_results.widened(frame, beside)
    found = pa.Table.from_batches([frame]) if isinstance(frame, pa.RecordBatch) else frame
    for item, column in zip(beside.schema, beside.columns, strict=True):
        found = found.append_column(item, column)
    return found


def beside(answers: Any, frame: Any, columns: Mapping[str, str], rows: npt.NDArray[np.int64], library: Library) -> Any:
    """A frame with columns of another after its own, whose dtypes stay what they are.

    Parameters
    ----------
    answers, frame : polars.DataFrame, pandas.DataFrame or pyarrow.Table
        Of that library; `frame` may be a pyarrow.RecordBatch.
    columns : mapping of str to str
        Columns of `frame` (of pandas index levels, too), and what they are called in the answer.
    rows : numpy.ndarray
        `int64`, for each row of `answers` that of `frame`.
    library : "polars", "pandas" or "arrow"
    """
    if library == "polars":
        return answers.hstack([frame.get_column(old).gather(rows).alias(new) for old, new in columns.items()])
    if library == "pandas":
        from qframe.frames import pandas_results

        return pandas_results.widened(answers, pandas_results.taken(frame, columns, rows))
    for old, new in columns.items():
        answers = answers.append_column(new, frame.column(old).take(pa.array(rows)))
    return answers


def as_in(answers: Any, lazy: Any, columns: Mapping[str, str]) -> Any:
    """A polars frame whose columns have the dtypes of a LazyFrame's: Arrow has no word for some (Enum)."""
    schema = lazy.collect_schema()
    return answers.cast({new: schema[old] for old, new in columns.items()})


def take(frame: Any, rows: npt.NDArray[np.int64]) -> Any:
    """The rows of a frame at positions.

    Raises
    ------
    FrameError
        For a stream, or anything that is no frame.
    """
    source = open_source(frame)
    if source.length is None:
        raise FrameError(
            f"an object of type {type(frame).__name__} has no rows to pick from. Collect it into a frame first; "
            "rows are numbered in the order in which they were written."
        )
    if source.library == "polars":
        return frame[rows]
    if source.library == "pandas":
        return frame.iloc[rows]
    try:
        return frame.take(pa.array(rows))
    except pa.ArrowNotImplementedError:
        # Arrow takes nothing of some types, views of text and lists among them (as of 26).
        plain = [plain_array(column) for column in frame.columns]
        return type(frame).from_arrays(plain, names=frame.schema.names).take(pa.array(rows))


def to_matrix(frame: Any, column: str) -> npt.NDArray[np.float32]:
    """The vectors of a column as one matrix; see `qframe.to_matrix`."""
    source = open_source(frame)
    if column not in source.schema.names:
        raise FrameError(
            f"to_matrix: the frame has no column {column!r}; there are {', '.join(map(repr, source.schema.names))}.",
            column=column,
        )
    found: list[npt.NDArray[np.float32]] = []
    row = 0
    for part in source.parts([column]):
        dim = found[0].shape[1] if found else None
        vectors, bad = dense(part.column(0), column, dim, whose="the rows before have")
        if bad:
            raise first_bad(bad).error(row)
        found.append(vectors.values)
        row += part.num_rows
    if not found:
        width = source.schema.field(column).type
        return np.empty((0, width.list_size if pa.types.is_fixed_size_list(width) else 0), dtype=np.float32)
    return found[0] if len(found) == 1 else np.concatenate(found)
