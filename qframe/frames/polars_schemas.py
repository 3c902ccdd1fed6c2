"""polars dtypes as targets of a read. Imported only when a polars dtype is met."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from qframe.frames.polars_source import dtype_to_arrow
from qframe.frames.schemas import Categories, Target
from qframe.frames.source import Opaque


def target(dtype: Any) -> Target | Opaque:
    """The target of a dtype or dtype class."""
    dtype = pl.DataFrame(schema={"x": dtype}).schema["x"]  # a class becomes its default instance
    stored = _stored(dtype)
    arrow = dtype_to_arrow("x", stored)
    if isinstance(arrow, Opaque):
        return arrow
    return Target(arrow) if stored == dtype else Target(arrow, "polars", dtype, _categories(dtype))


def _categories(dtype: Any) -> Categories | None:
    """What a column of categories is to other libraries, whose lists and structs hold text."""
    if isinstance(dtype, pl.Enum):
        return Categories(tuple(dtype.categories), ordered=True)
    return Categories() if isinstance(dtype, pl.Categorical) else None


def _stored(dtype: Any) -> Any:
    """The dtype as payload holds it: Categorical and Enum, at any depth, are text."""
    if isinstance(dtype, pl.Categorical | pl.Enum):
        return pl.String()
    if isinstance(dtype, pl.List):
        return pl.List(_stored(dtype.inner))
    if isinstance(dtype, pl.Array):
        inner: Any = dtype.inner
        while isinstance(inner, pl.Array):
            inner = inner.inner
        return pl.Array(_stored(inner), dtype.shape)
    if isinstance(dtype, pl.Struct):
        return pl.Struct([pl.Field(item.name, _stored(item.dtype)) for item in dtype.fields])
    return dtype


def misfits(column: pa.ChunkedArray, final: Any) -> npt.NDArray[np.int64]:
    """Rows whose value, or an element of it, is lost in the cast."""
    stored: Any = pl.from_arrow(pa.table({"x": column}))["x"]  # type: ignore[index]
    cast = stored.cast(final, strict=False).cast(stored.dtype)
    return stored.ne_missing(cast).arg_true().cast(pl.Int64).to_numpy()
