"""Filters in pandas' terms: query strings, `pd.col` expressions and callables of a frame, applied to Arrow tables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from qframe.errors import OptionError
from qframe.frames.expressions import Expression
from qframe.frames.results import DtypeBackend, render
from qframe.frames.schemas import Target


def expression(
    given: Any, schema: pa.Schema, targets: Mapping[str, Target], dtype_backend: DtypeBackend
) -> Expression:
    """A filter of rows in pandas' terms.

    Parameters
    ----------
    given : callable or pandas expression
        A `pd.col` expression, or a callable of a frame that answers with a mask.
    schema : pyarrow.Schema
        All columns that there are.
    targets : mapping of str to Target
    dtype_backend : "numpy_nullable", "pyarrow" or "numpy"
        Dtypes of the frame that it is evaluated over.

    Raises
    ------
    OptionError
        For what is no filter of a frame's rows.
    """
    if not callable(given):
        raise OptionError(f"filter={given!r}: a pd.col expression, or a callable of a frame.")
    mask_of = given._eval_expression if type(given).__name__ == "Expression" else given

    def keep(table: pa.Table) -> pa.Table:
        mask = mask_of(render(table, "pandas", dtype_backend, targets))
        return table.filter(pa.array(mask.astype("boolean").to_numpy(dtype=bool, na_value=False)))

    return Expression(repr(given), tuple(schema.names), (), keep)
