"""The points nearest to one vector, or to the vectors in each row of a frame, top to bottom."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from qframe.backends.opening import open_backend
from qframe.connection import Connection
from qframe.delivery.ask import Patience, ask
from qframe.delivery.jobs import Jobs
from qframe.errors import OptionError
from qframe.frames.opening import open_source
from qframe.frames.results import render
from qframe.frames.source import Library, Source, release
from qframe.model.backend import Backend
from qframe.model.requests import Filter, PageRequest
from qframe.planning.exactly import exact_over
from qframe.planning.options import ReadSettings
from qframe.planning.plan import Plan, make_plan, patience_of
from qframe.reading.pages import checked, for_schema
from qframe.reading.read import library_of
from qframe.reading.search.answers import Kept, error_of, finish, kept_name, long_table, tell
from qframe.reading.search.form import Find, Form, Found, form_of
from qframe.reading.search.options import Search
from qframe.reading.search.rows import FrameQueries, columns_kept, queries_in_a_task, roles_in
from qframe.reading.search.tasks import ask_all
from qframe.reading.search.vectors import nearest_of
from qframe.vectors.sample import rows_of, sampled
from qframe.vectors.types import Given


@dataclass(frozen=True, slots=True, eq=False)
class _Target:
    """Where a search goes, which columns there are, and which its answers are to have."""

    connection: Connection
    backend: Backend
    whole: Plan
    plan: Plan
    settings: ReadSettings
    patience: Patience


def search(
    connection: Connection,
    name: str,
    data: Any,
    question: Search,
    settings: ReadSettings,
    frame: Any,
    dtype_backend: Any,
) -> Any:
    """The nearest points as a frame; see `Collection.search`."""
    if data is not None:
        source = open_source(data)
        try:
            return _from_frame(connection, name, source, data, question, settings, frame, dtype_backend)
        finally:
            release(source)
    if hasattr(type(question.vector), "columns"):
        raise OptionError(
            f"search: an object of type {type(question.vector).__name__} is no vector. Each row of a frame is a query "
            f"with frame.qdrant.search({name!r}), or qf.collection({name!r}).search(data=frame)."
        )
    if question.keep is not None:
        raise OptionError("keep= is for a search from a frame, whose columns it names.")
    return _from_vector(connection, name, question, settings, library_of(frame, dtype_backend), dtype_backend)


def _from_vector(
    connection: Connection, name: str, question: Search, settings: ReadSettings, library: Library, dtype_backend: Any
) -> Any:
    """rank, id, score, payload, vectors: one query, whose errors are those of the call."""
    target = _target(connection, name, settings, ("rank", "score"))
    form = _form(target, question, partial(nearest_of, target.plan.info))
    plan = target.plan
    hits = ask(partial(target.backend.query, form.request(form.found), plan.schema), target.patience, name)
    hits = replace(hits, table=hits.table.remove_column(0))  # which of the queries: there is one
    return render(checked(hits, plan.schema, plan.targets, settings.on_mismatch), library, dtype_backend, plan.targets)


def _from_frame(
    connection: Connection,
    name: str,
    source: Source,
    data: Any,
    question: Search,
    settings: ReadSettings,
    frame: Any,
    dtype_backend: Any,
) -> Any:
    """query, rank, id, score, payload, vectors, kept columns."""
    library = source.library if frame is None else frame
    library_of(library, dtype_backend)
    keep = columns_kept(source, question.keep)
    target = _target(connection, name, settings, ("query", "rank", "score", *map(kept_name, keep)))
    sample, begun = sampled(source)
    form = _form(target, question, roles_in(Given(source.schema, target.plan.info, sample, source.length, "")))
    native = source.length is not None and library == source.library
    gathered = () if native else keep
    columns = dict.fromkeys([*(column for role in form.found for column in role.columns), *gathered])
    queries = FrameQueries(rows_of(source, begun, tuple(columns)), form, queries_in_a_task(form, target.plan), gathered)
    answers = ask_all(queries.tasks(), target.backend, target.plan.schema, target.patience, Jobs(question.n_jobs))
    failures = dict(queries.failures)
    for rows, fault in answers.faults:
        failures.update(dict.fromkeys(rows.tolist(), fault.message))
    shown = failures if question.errors == "report" else {}
    rows = np.array(sorted(shown), dtype=np.int64)
    table, numbers = long_table(answers.hits, rows, target.plan, settings.on_mismatch)
    lazy = source.library == library == "polars" and hasattr(data, "collect_schema")
    kept = Kept(keep, data) if native else Kept(keep, data, queries.kept_table(source.schema), lazy)
    found = finish(table, numbers, kept, library, dtype_backend, target.plan)
    if failures and question.errors == "raise":
        raise error_of(failures, queries.rows, found)
    tell(failures, queries.rows)
    return found


def _target(connection: Connection, name: str, settings: ReadSettings, beside: Sequence[str]) -> _Target:
    backend = open_backend(connection)
    whole = make_plan(connection, backend, name, settings)
    plan = whole.only(settings.columns, beside=beside)
    return _Target(connection, backend, whole, plan, settings, patience_of(connection, settings))


def _form(target: _Target, question: Search, find: Find[Found]) -> Form[Found]:
    name, settings = target.plan.info.name, target.settings

    def filter_of(given: Any, option: str) -> Filter | None:
        return exact_over(target.connection, given, "search", option, target.whole, settings)

    selectors = for_schema(PageRequest(name), target.plan.schema)
    rest = {
        "collection": name,
        "filter": filter_of(settings.filter, "filter"),
        "payload": selectors.payload,
        "vectors": selectors.vectors,
        "consistency": settings.consistency,
        "shard_key": settings.shard_key,
    }
    return form_of(question, target.plan.info, find, filter_of, rest)
