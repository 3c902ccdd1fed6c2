"""polars expressions → conjuncts, as far as the polars in use is understood."""

from __future__ import annotations

import polars as pl

from qframe.frames.polars_predicates.canary import usable
from qframe.frames.polars_predicates.tree import shown, translate
from qframe.model.predicate import Conjunct, Opaque


def conjuncts(expression: pl.Expr, schema: pl.Schema) -> tuple[Conjunct, ...]:
    """What must be true of a row for an expression to be true, as far as it is known; never raises.

    Parameters
    ----------
    expression : polars.Expr
        As polars hands it to a source, or as it was written: of the former more is known.
    schema : polars.Schema
        All columns that there are.

    Warns
    -----
    PushdownWarning
        Once in a process, if the polars in use serialises expressions in a form that is not known.
    """
    if usable():
        return translate(expression, schema)
    reason = "the polars in use serialises expressions in a form that is not known"
    return (Conjunct(shown(expression), Opaque(reason)),)
