"""How many points there are: counted by the server where it can tell exactly, else by looking at them."""

from __future__ import annotations

from dataclasses import replace

from qframe.administration import answer
from qframe.backends.opening import open_backend
from qframe.connection import Connection
from qframe.delivery.jobs import threads
from qframe.filters.pushed import EVERY_ID
from qframe.model.options import check_flag
from qframe.model.points import ShardKey
from qframe.model.requests import Count, Filter
from qframe.planning.filtering import split
from qframe.planning.options import ReadSettings
from qframe.planning.sources import make_source
from qframe.reading.running import run_tables


def count(connection: Connection, name: str, exact: bool, settings: ReadSettings) -> int:
    """Number of points that match the settings' filter."""
    check_flag("exact", exact)
    filters, shard_key = split(settings.filter), settings.shard_key
    if not filters.here:
        return _counted(connection, name, filters.pushed, exact, shard_key)
    settings = replace(settings, columns=[], vectors=False, n_jobs=threads(settings.n_jobs))
    run = make_source(connection, name, settings).run()
    if run.pushed.exact and run.pushed.ids == EVERY_ID:  # counting knows no order
        return _counted(connection, name, run.request.filter, exact, shard_key)
    return sum(table.num_rows for table in run_tables(connection, run, settings))


def _counted(connection: Connection, name: str, filter_: Filter | None, exact: bool, shard_key: ShardKey | None) -> int:
    """What the server counts."""
    found = answer(open_backend(connection), Count(name, filter_, exact, shard_key), connection, name)
    assert isinstance(found, int)  # noqa: S101 - the contract of Count
    return found
