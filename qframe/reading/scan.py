"""A collection as a polars LazyFrame: decides the schema now, fetches pages when polars asks for them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from qframe.backends.opening import open_backend
from qframe.connection import Connection
from qframe.delivery.jobs import threads
from qframe.keyless import with_secrets, without_secrets
from qframe.model.requests import PageRequest
from qframe.planning.filtering import split
from qframe.planning.options import ReadSettings
from qframe.planning.plan import Plan, make_plan, patience_of
from qframe.reading.partitions import scan_tables

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True, slots=True)
class ScanPages:
    """Fetches the pages of one scan; polars calls it once for each run of the query.

    Parameters
    ----------
    connection : Connection
    plan : Plan
    request : PageRequest
        Collection, pushed filter, consistency, shard key.
    settings : ReadSettings
    limit : int or None
        Rows at the source.
    """

    connection: Connection
    plan: Plan
    request: PageRequest
    settings: ReadSettings
    limit: int | None

    def __reduce__(self) -> tuple[Any, ...]:
        """What a serialised LazyFrame carries: no secrets, and no frame that was given as a schema."""
        # Both have gone into the plan and the request.
        settings = replace(self.settings, schema=None, schema_overrides=None, filter=None)
        return _revived, (without_secrets(self.connection), self.plan, self.request, settings, self.limit)

    def __call__(
        self,
        columns: Sequence[str] | None,
        limit: int | None,
        sleep: Callable[[float], object],
    ) -> Iterator[pa.Table]:
        """Tables with these columns and the id, in schema order.

        Parameters
        ----------
        columns : sequence of str or None
            None: all of them.
        limit : int or None
            Rows that polars asked for at most.
        sleep : callable
            Waits so many seconds, or less when the interpreter ends.
        """
        plan = self.plan.select(columns)
        limits = [rows for rows in (self.limit, limit) if rows is not None]
        return scan_tables(
            open_backend(self.connection),
            self.request,
            plan,
            patience_of(self.connection, self.settings),
            limit=min(limits) if limits else None,
            on_mismatch=self.settings.on_mismatch,
            workers=threads(self.settings.n_jobs),
            maintain_order=self.settings.maintain_order,
            sleep=sleep,
        )


def _revived(
    connection: Connection, plan: Plan, request: PageRequest, settings: ReadSettings, limit: int | None
) -> ScanPages:
    return ScanPages(with_secrets(connection), plan, request, settings, limit)


def scan(connection: Connection, name: str, settings: ReadSettings) -> pl.LazyFrame:
    """The collection as a LazyFrame. The collection is looked at now, its points when the frame is collected."""
    from qframe.frames.polars_filter import roots
    from qframe.frames.polars_io import lazy_scan

    # What joblib's configuration says holds in this thread; polars runs the scan in its own.
    settings = replace(settings, n_jobs=threads(settings.n_jobs))
    filters = split(settings.filter)
    plan = make_plan(connection, open_backend(connection), name, settings).only(None)
    if filters.here:
        roots(filters.here, plan.schema.arrow(), plan.targets)
    request = PageRequest(name, filter=filters.pushed, consistency=settings.consistency, shard_key=settings.shard_key)
    here = bool(filters.here)
    source = ScanPages(connection, plan, request, settings, None if here else settings.limit)
    frame: Any = lazy_scan(plan.schema.arrow(), plan.targets, source)
    # The caller's filter stands at the source, so it comes before the caller's limit.
    if here:
        frame = frame.filter(*filters.here)
        frame = frame if settings.limit is None else frame.head(settings.limit)
    return frame
