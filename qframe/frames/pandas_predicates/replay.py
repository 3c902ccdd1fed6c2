"""The few operations that pandas does differently by dtype, or by page, done in one way over real columns.

Objects are compared where they are there; masks of objects and of Arrow are nullable booleans, so that and, or and not
know null in all of them.
"""

from __future__ import annotations

import operator as operators
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from qframe.errors import OptionError
from qframe.frames.pandas_predicates.constants import timestamp
from qframe.model.predicate import FUNCTIONS, Operator

LOGICAL = {"&": operators.and_, "|": operators.or_, "^": operators.xor}


def compare(operator: Operator, left: Any, right: Any) -> Any:
    """Two columns, or a column and a literal, compared row by row."""
    function = FUNCTIONS[operator]
    sides = [side for side in (left, right) if isinstance(side, pd.Series)]
    if not any(side.dtype == object for side in sides):
        return function(left, _parsed(left, right))
    # Python cannot order None, and pandas asks it to.
    there = np.logical_and.reduce([side.notna().to_numpy() for side in sides])
    outcome = np.full(len(sides[0]), operator == "!=")
    here = [side[there] if isinstance(side, pd.Series) else side for side in (left, right)]
    outcome[there] = mask(function(*here))
    return pd.Series(outcome, index=sides[0].index)


def _parsed(left: Any, right: Any) -> Any:
    """Text as a point in time beside a column of them: pandas reads it for NumPy's dtypes, not for Arrow's."""
    if not (isinstance(right, str) and isinstance(left, pd.Series) and isinstance(left.dtype, pd.ArrowDtype)):
        return right
    dtype = left.dtype.pyarrow_dtype
    return timestamp(right, dtype.tz, "a column") if pa.types.is_timestamp(dtype) else right


def settled(column: pd.Series, outcome: bool, missing: bool | None) -> pd.Series:
    """One outcome for every value of a column, and another where it is missing."""
    result = pd.array([outcome] * len(column), dtype="boolean")
    result[column.isna().to_numpy()] = pd.NA if missing is None else missing
    return pd.Series(result, index=column.index)


def truth(values: Any) -> Any:
    """A mask that knows null, or one of NumPy; a literal as it is."""
    if not isinstance(values, pd.Series) or values.dtype == np.bool_:
        return values
    return values.astype("boolean")


def mask(values: pd.Series) -> npt.NDArray[np.bool_]:
    """Where a mask is true; missing is not.

    Raises
    ------
    OptionError
        For what is no mask.
    """
    if not pd.api.types.is_bool_dtype(values.dtype) and values.dtype != object:
        raise OptionError(f"filter: the result is of dtype {values.dtype}, not boolean. Compare it with something.")
    return np.asarray(truth(values).to_numpy(dtype=np.bool_, na_value=False))
