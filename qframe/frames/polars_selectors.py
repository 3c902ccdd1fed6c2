"""Columns by polars selectors: which ones one means, and which one a name means. Imported only once polars is there."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import polars as pl
import polars.selectors as cs
import pyarrow as pa

from qframe.errors import FrameError


def selected(selector: Any, schema: pa.Schema) -> tuple[str, ...]:
    """The columns of an Arrow schema that a selector (or `pl.col`) means, in its order.

    Raises
    ------
    FrameError
        When it is no selection of columns, or names one that is not there.
    """
    frame = pl.DataFrame(pl.from_arrow(schema.empty_table()))
    try:
        return tuple(cs.expand_selector(frame, selector, strict=False))
    except (TypeError, pl.exceptions.PolarsError) as error:
        raise FrameError(f"payload=: a polars selector that does not fit the frame: {error}") from error


def named(columns: Iterable[str]) -> list[pl.Expr]:
    """The columns of just these names: as text, `^x.*$` and `*` would be patterns."""
    return [cs.by_name(name).as_expr() for name in columns]
