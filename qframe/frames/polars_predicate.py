"""polars expressions → predicates."""

from __future__ import annotations

import polars as pl

from qframe.model.predicate import Conjunct, Opaque


def conjuncts(expression: pl.Expr, schema: pl.Schema) -> tuple[Conjunct, ...]:  # noqa: ARG001
    """What must be true of a row for an expression to be true, as far as it is known.

    Parameters
    ----------
    expression : polars.Expr
    schema : polars.Schema
        All columns that there are.
    """
    return (Conjunct(str(expression), Opaque("it is not translated")),)
