"""Filters in pandas' terms: query strings, `pd.col` expressions and callables of a frame, as reads see them.

All three are done once to a frame that writes down what happens to it. What was written down says what is meant, and is
done again to every page.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from qframe.errors import OptionError
from qframe.frames.expressions import Expression
from qframe.frames.pandas_predicates.frame import ExpressionFrame, Fields, TracedFrame
from qframe.frames.pandas_predicates.query import Query, capture
from qframe.frames.pandas_predicates.replay import mask
from qframe.frames.pandas_predicates.steps import Step, mask_of
from qframe.frames.pandas_predicates.traced import Traced
from qframe.frames.results import DtypeBackend
from qframe.frames.schemas import Target
from qframe.model.bad import shown
from qframe.model.predicate import Conjunct, Opaque

_OF_PANDAS = (
    TypeError,
    ValueError,
    AttributeError,
    LookupError,
    ArithmeticError,
    NotImplementedError,
    pa.ArrowException,
)
"""What pandas raises for an operation that a dtype does not have."""


def expression(given: Any, schema: pa.Schema, targets: Mapping[str, Target], dtype_backend: DtypeBackend) -> Expression:
    """A filter of rows in pandas' terms.

    Parameters
    ----------
    given : str, Query, pandas expression or callable
        A query string; one whose `@names` have their values already (`pandas_query.capture`); a `pd.col` expression;
        a callable of a frame that answers with a mask. A callable is called once, here.
    schema : pyarrow.Schema
        All columns that there are.
    targets : mapping of str to Target
    dtype_backend : "numpy_nullable", "pyarrow" or "numpy"
        Dtypes of the frame that it is evaluated over. Comparisons with a missing value are null in the first two where
        their dtype is pandas' nullable or Arrow's, and what NumPy says of NaN elsewhere.

    Raises
    ------
    OptionError
        For a column that is not there, for what is no mask, and for what looks at other rows than its own.
    """
    fields = Fields(schema, targets, dtype_backend)
    text, answer = _traced(given, fields)
    if not isinstance(answer, Traced):
        raise OptionError(
            f"filter: {text or 'the function'} answers with {shown(answer)}. Answer with a mask made of the frame's "
            "columns, as in lambda frame: frame['price'] < 20."
        )
    step = answer._step
    text = text or step.text
    _mask(step, fields, schema.empty_table(), text)  # What pandas refuses for any rows is told now.
    parts = mask_of(step) or (Conjunct(step.text, Opaque("it is computed from columns")),)

    def keep(table: pa.Table) -> pa.Table:
        return table.filter(_mask(step, fields, table, text)) if table.num_rows else table

    return Expression(text, tuple(fields.seen), parts, keep)


def _traced(given: Any, fields: Fields) -> tuple[str | None, Any]:
    """The text of a filter, if it has one, and what it answers with."""
    if isinstance(given, str | Query):
        query = capture(given) if isinstance(given, str) else given
        return query.text, query.over(TracedFrame(fields))
    if _is_expression(given):
        evaluate = type(given).__dict__.get("_eval_expression")
        frame = ExpressionFrame(fields)
        return repr(given), evaluate(given, frame) if evaluate else given._func(frame)
    if not callable(given):
        raise OptionError(f"filter={shown(given)}: a query string, a pd.col expression, or a function of a frame.")
    return None, given(TracedFrame(fields))


def _is_expression(given: Any) -> bool:
    """By its home: an expression of pandas has every attribute that it is asked for."""
    return type(given).__module__.partition(".")[0] == "pandas" and type(given).__name__ == "Expression"


def _mask(step: Step, fields: Fields, table: pa.Table, text: str) -> pa.Array:
    """Which rows of a table are kept.

    Raises
    ------
    OptionError
        For what pandas has no operation for, and for what is no mask.
    """
    frame = fields.frame(table)
    try:
        return pa.array(mask(step.replay(frame)))
    except OptionError:
        raise
    except _OF_PANDAS as error:
        dtypes = ", ".join(f"{name!r} is {dtype}" for name, dtype in frame.dtypes.items())
        raise OptionError(
            f"filter: {text} cannot be evaluated by pandas: {str(error).partition(chr(10))[0]} ({dtypes}). "
            "Compare with a value of the column's type, or cast the column with astype."
        ) from error
