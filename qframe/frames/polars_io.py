"""A collection as a polars IO source: what polars pushes down goes to the pages, and is applied again here.

Owns the contract with polars; the pages come from a callable, so nothing here knows of networks or keys.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import polars as pl
import pyarrow as pa
from polars.io.plugins import register_io_source

from qframe.frames.polars_explain import Handed, numbered, recorded, recorder
from qframe.frames.polars_predicates.conjuncts import conjuncts
from qframe.frames.polars_results import polars_schema, to_polars
from qframe.frames.polars_selectors import named
from qframe.frames.schemas import Target
from qframe.model.predicate import Conjunct
from qframe.shutdown import Guarded, guard


class Pages(Protocol):
    """Fetches the pages of one run of a query. Picklable, without secrets: a serialised LazyFrame carries it."""

    def __call__(
        self,
        columns: Sequence[str] | None,
        conjuncts: Sequence[Conjunct],
        limit: int | None,
        /,
    ) -> Iterator[pa.Table]:
        """Tables that have at least these columns (None: all), in the order of the schema, `limit` rows in all.

        All rows for which the conjuncts are true are among them; others may be. The limit comes before the conjuncts.
        The first page is small and later ones grow: polars never pushes the limit of `filter().head(n)`, and stops
        pulling instead.
        """
        ...


@dataclass(frozen=True)
class ScanSource:
    """What polars calls for each run of a query.

    Parameters
    ----------
    schema : polars.Schema
        All columns. No vector last, since `len()` fetches the first or the last column.
    targets : mapping of str to Target
    pages : Pages
    label : str
        What plans call it; empty where polars does not show it (before 2.1).
    """

    schema: pl.Schema
    targets: Mapping[str, Target]
    pages: Pages
    label: str = ""

    def __reduce__(self) -> tuple[Any, ...]:
        explaining = recorder()
        if explaining is not None:
            return numbered, (explaining.number(self),)
        return ScanSource, (self.schema, self.targets, self.pages, self.label)

    def __call__(
        self,
        with_columns: list[str] | None,
        predicate: pl.Expr | None,
        n_rows: int | None,
        batch_size: int | None,  # noqa: ARG002 - a hint; pages are as large as requests should be
    ) -> Iterator[pl.DataFrame]:
        """Frames with exactly the projected columns, in schema order, whatever the version: 1.30 mixes up others."""
        return Guarded(self._frames(with_columns, predicate, n_rows))

    def asks(self, with_columns: Sequence[str] | None, predicate: pl.Expr | None, n_rows: int | None) -> Handed:
        """What one run asks of the pages."""
        roots = [] if predicate is None else predicate.meta.root_names()
        fetched = self._ordered([*(self.schema if with_columns is None else with_columns), *roots])
        meant = () if predicate is None else conjuncts(predicate, self.schema)
        return Handed(self.pages, tuple(fetched), meant, n_rows)

    def _frames(
        self, with_columns: list[str] | None, predicate: pl.Expr | None, n_rows: int | None
    ) -> Iterator[pl.DataFrame]:
        wanted = self._ordered(self.schema if with_columns is None else with_columns)
        # Before anything else: polars reads no schema off a run without a frame.
        nothing = self.schema.to_frame().select(named(wanted))
        if n_rows == 0:
            yield nothing
            return
        left, empty = n_rows, True
        asked = self.asks(with_columns, predicate, n_rows)
        for table in self.pages(asked.columns, asked.conjuncts, n_rows):
            frame = self._frame(table.select(asked.columns))
            # The limit stands before the predicate: head(n).filter(p) hands over both.
            if left is not None:
                frame = frame.head(left)
                left -= frame.height
            if predicate is not None:
                frame = frame.filter(predicate)
            # Empty frames are given too: polars can end a query only between two of them.
            yield frame.select(named(wanted))
            empty = False
            if left == 0 or guard.ending.is_set():
                return
        if empty:
            yield nothing

    def _ordered(self, names: Sequence[str] | pl.Schema) -> list[str]:
        chosen = set(names)
        return [name for name in self.schema if name in chosen]

    def _frame(self, table: pa.Table) -> pl.DataFrame:
        """A page in the dtypes of the schema: others give wrong results in memory and a panic in streams."""
        frame = to_polars(table, self.targets)
        dtypes = pl.Schema({name: self.schema[name] for name in frame.columns})
        return frame if frame.schema == dtypes else frame.cast(dtypes)


def lazy_scan(schema: pa.Schema, targets: Mapping[str, Target], pages: Pages, name: str = "") -> pl.LazyFrame:
    """A LazyFrame over pages. The schema is fixed now; nothing is fetched until the frame is collected.

    Parameters
    ----------
    schema : pyarrow.Schema
        All columns, in order.
    targets : mapping of str to Target
        Dtypes that the caller asked for.
    pages : Pages
        Called once for each run of the query, maybe in several threads at once for several runs.
    name : str
        What is scanned, for plans.
    """
    dtypes = polars_schema(schema, targets)
    known = inspect.signature(register_io_source).parameters
    label = " ".join(["QDRANT", *name.split()]) if "explain_name" in known else ""
    source = recorded(ScanSource(dtypes, targets, pages, label))
    # A collection is not pure: two scans of one query may see different points.
    options: dict[str, Any] = {"is_pure": False, "explain_name": label}
    return register_io_source(
        source, schema=dtypes, **{name: value for name, value in options.items() if name in known}
    )
