"""Arrow tables as pandas frames, each column converted once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from qframe.columns.plain import is_list
from qframe.frames.objects import as_objects
from qframe.frames.schemas import Target
from qframe.model.schema import EXACT, SPARSE

_NULLABLE: dict[pa.DataType, Any] = {
    pa.int8(): pd.Int8Dtype(),
    pa.int16(): pd.Int16Dtype(),
    pa.int32(): pd.Int32Dtype(),
    pa.int64(): pd.Int64Dtype(),
    pa.uint8(): pd.UInt8Dtype(),
    pa.uint16(): pd.UInt16Dtype(),
    pa.uint32(): pd.UInt32Dtype(),
    pa.uint64(): pd.UInt64Dtype(),
    pa.float32(): pd.Float32Dtype(),
    pa.float64(): pd.Float64Dtype(),
    pa.bool_(): pd.BooleanDtype(),
    pa.string(): pd.StringDtype(),
    pa.large_string(): pd.StringDtype(),
}


def to_pandas(table: pa.Table, dtype_backend: str, targets: Mapping[str, Target]) -> pd.DataFrame:
    """A frame of the table with a fresh RangeIndex."""
    columns = {
        name: _column(table.column(name), dtype_backend, targets[name].final if _is_ours(targets, name) else None)
        for name in table.column_names
    }
    return pd.DataFrame(columns, index=pd.RangeIndex(table.num_rows), copy=False)


def widened(frame: pd.DataFrame, beside: pd.DataFrame) -> pd.DataFrame:
    """A frame with the columns of another after its own, row by row, whatever its index is."""
    if len(beside.columns):
        beside.index = frame.index
    else:
        beside = pd.DataFrame(index=frame.index)
    found = pd.concat([frame, beside], axis=1)
    found.attrs = frame.attrs
    return found


def taken(frame: pd.DataFrame, columns: Mapping[str, str], rows: npt.NDArray[np.int64]) -> pd.DataFrame:
    """Columns and index levels under new names, at these rows."""
    found = {}
    for old, new in columns.items():
        values = frame[old] if old in frame.columns else frame.index.get_level_values(old).to_series()
        found[new] = values.iloc[rows].reset_index(drop=True)
    return pd.DataFrame(found)


def _is_ours(targets: Mapping[str, Target], name: str) -> bool:
    return name in targets and targets[name].library == "pandas"


def _column(column: pa.ChunkedArray, dtype_backend: str, final: Any) -> Any:
    if final is not None and not (column.null_count and _has_no_null(final)):
        return _as_asked(column, final)
    if dtype_backend == "pyarrow":
        return pd.Series(pd.arrays.ArrowExtensionArray(column))
    if dtype_backend == "numpy_nullable" and column.type in _NULLABLE:
        return pd.Series(_NULLABLE[column.type].__from_arrow__(column))
    if pa.types.is_integer(column.type) and column.null_count and _beyond_float(column):
        return pd.Series(as_objects(column.to_pylist()))
    if is_list(column.type) or pa.types.is_struct(column.type):
        return pd.Series(_rows(column))
    return column.to_pandas()


def _has_no_null(dtype: Any) -> bool:
    """NumPy's integers and booleans: with nulls the column keeps the dtype that it has without being asked."""
    return isinstance(dtype, np.dtype) and dtype.kind in "iub"


def _as_asked(column: pa.ChunkedArray, dtype: Any) -> Any:
    if isinstance(dtype, pd.ArrowDtype):
        return pd.Series(pd.arrays.ArrowExtensionArray(column.cast(dtype.pyarrow_dtype)))
    if not isinstance(dtype, pd.CategoricalDtype) and hasattr(dtype, "__from_arrow__"):
        return pd.Series(dtype.__from_arrow__(column))
    return column.to_pandas().astype(dtype)


def _beyond_float(column: pa.ChunkedArray) -> bool:
    """Whether the floats that NumPy needs beside nulls would change a value."""
    extremes = pc.min_max(column).as_py()
    return bool(extremes["max"] is not None and (extremes["max"] > EXACT or extremes["min"] < -EXACT))


def _rows(column: pa.ChunkedArray) -> npt.NDArray[np.object_]:
    """Dense vectors, multivectors and sparse vectors as views of their float32 buffers; other values as Python's."""
    parts = [_vector_rows(chunk) for chunk in column.chunks]
    if any(part is None for part in parts):
        return as_objects(column.to_pylist())
    return as_objects([row for part in parts for row in part or ()])


def _vector_rows(array: pa.Array) -> list[Any] | None:
    """The vectors of an array, None in null rows; None for an array of anything else."""
    present = array.is_valid().to_numpy(zero_copy_only=False)
    if _is_vector(array.type):
        return _views(_matrix(array), present)
    types = pa.types
    if types.is_large_list(array.type) and _is_vector(array.type.value_type):
        offsets = array.offsets.to_numpy()
        return _spans(_matrix(array.values), offsets, present)
    if types.is_struct(array.type) and array.type == SPARSE:
        indices, values = array.field(0), array.field(1)
        first = _spans(indices.values.to_numpy(), indices.offsets.to_numpy(), present)
        second = _spans(values.values.to_numpy(), values.offsets.to_numpy(), present)
        return [None if i is None else {"indices": i, "values": v} for i, v in zip(first, second, strict=True)]
    return None


def _is_vector(dtype: pa.DataType) -> bool:
    return bool(pa.types.is_fixed_size_list(dtype) and dtype.value_type == pa.float32())


def _matrix(array: pa.FixedSizeListArray) -> npt.NDArray[np.float32]:
    """All rows, null ones too: `flatten` would leave those out."""
    width = array.type.list_size
    flat = array.values.to_numpy(zero_copy_only=False)
    return flat[array.offset * width : (array.offset + len(array)) * width].reshape(-1, width)


def _views(matrix: npt.NDArray[Any], present: npt.NDArray[np.bool_]) -> list[Any]:
    return [row if there else None for row, there in zip(matrix, present, strict=True)]


def _spans(values: npt.NDArray[Any], offsets: npt.NDArray[Any], present: npt.NDArray[np.bool_]) -> list[Any]:
    return [
        values[start:stop] if there else None
        for start, stop, there in zip(offsets[:-1], offsets[1:], present, strict=True)
    ]
