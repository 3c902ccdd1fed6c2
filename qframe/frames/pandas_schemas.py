"""pandas and NumPy dtypes as targets of a read. Imported only when one is met."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from qframe.frames.pandas_source import series_to_arrow
from qframe.frames.schemas import Categories, Target
from qframe.frames.source import Opaque


def target(dtype: Any) -> Target | Opaque:
    """The target of a dtype, or of the text that names one; TypeError for anything else."""
    dtype = pd.api.types.pandas_dtype(dtype)
    if isinstance(dtype, np.dtype) and dtype.kind == "O":
        return Opaque("object", "Name the type of its values, for example 'string' or pyarrow.list_(pyarrow.int64()).")
    if isinstance(dtype, pd.CategoricalDtype):
        if dtype.categories is None:
            return Target(pa.large_string(), "pandas", dtype, Categories())
        found = series_to_arrow(pd.Series(dtype.categories))
    else:
        found = series_to_arrow(pd.Series([], dtype=dtype))
    if isinstance(found, Opaque):
        return found
    arrow = found.type.value_type if pa.types.is_dictionary(found.type) else found.type
    return Target(arrow, "pandas", dtype, _categories(dtype))


def _categories(dtype: Any) -> Categories | None:
    """What a column of categories is to other libraries, if these are text."""
    words = tuple(dtype.categories) if isinstance(dtype, pd.CategoricalDtype) else (None,)
    text = all(isinstance(word, str) for word in words)
    return Categories(words, bool(dtype.ordered)) if text else None


def misfits(column: pa.ChunkedArray, final: Any) -> npt.NDArray[np.int64]:
    """Rows whose value is none of the categories."""
    if not isinstance(final, pd.CategoricalDtype) or final.categories is None:
        return np.empty(0, dtype=np.int64)
    allowed = series_to_arrow(pd.Series(final.categories)).cast(column.type)  # type: ignore[union-attr]
    lost = pc.and_(pc.is_valid(column), pc.invert(pc.is_in(column, value_set=allowed)))
    return np.flatnonzero(lost.to_numpy())
