"""A collection as a polars LazyFrame: decides the schema now, fetches pages when polars asks for them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from qframe.administration import info
from qframe.connection import Connection
from qframe.delivery.jobs import threads
from qframe.keyless import with_secrets, without_secrets
from qframe.model.predicate import Conjunct
from qframe.planning.options import ReadSettings
from qframe.planning.sources import Run, Source, make_source
from qframe.reading.running import run_tables

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True, slots=True)
class ScanPages:
    """Fetches the pages of one scan; polars calls it once for each run of the query.

    Parameters
    ----------
    connection : Connection
    source : Source
    settings : ReadSettings
    """

    connection: Connection
    source: Source
    settings: ReadSettings

    def __reduce__(self) -> tuple[Any, ...]:
        """What a serialised LazyFrame carries: no secrets, and no frame that was given as a schema."""
        # Both have gone into the source.
        settings = replace(self.settings, schema=None, schema_overrides=None, filter=None)
        return _revived, (without_secrets(self.connection), self.source, settings)

    def renewed(self) -> ScanPages:
        """The same with what the collection says of itself by now."""
        return replace(self, source=self.source.renewed(info(self.connection, self.source.request.collection)))

    def run(self, columns: Sequence[str] | None, conjuncts: Sequence[Conjunct], limit: int | None) -> Run:
        """What is asked of the server; parameters as of a call."""
        # Without a filter there is nothing that an index could change.
        pages = self.renewed() if conjuncts or self.source.given else self
        return pages.source.run(columns, conjuncts, limit)

    def __call__(
        self, columns: Sequence[str] | None, conjuncts: Sequence[Conjunct], limit: int | None
    ) -> Iterator[pa.Table]:
        """Tables with these columns and the id, in schema order.

        Parameters
        ----------
        columns : sequence of str or None
            None: all of them.
        conjuncts : sequence of Conjunct
            Predicates that are applied to what comes, all of them.
        limit : int or None
            Rows that polars asked for at most, before the predicates.
        """
        return run_tables(self.connection, self.run(columns, conjuncts, limit), self.settings)


def _revived(connection: Connection, source: Source, settings: ReadSettings) -> ScanPages:
    return ScanPages(with_secrets(connection), source, settings)


def scan(connection: Connection, name: str, settings: ReadSettings) -> pl.LazyFrame:
    """The collection as a LazyFrame. The collection is looked at now, its points when the frame is collected."""
    from qframe.frames.polars_io import lazy_scan

    # What joblib's configuration says holds in this thread; polars runs the scan in its own.
    settings = replace(settings, n_jobs=threads(settings.n_jobs))
    source = make_source(connection, name, settings)
    source.expressions()  # What makes no sense is told now.
    return lazy_scan(source.plan.schema.arrow(), source.plan.targets, ScanPages(connection, source, settings), name)
