"""What a query asks of Qdrant, told before it runs: decided by the code that runs it. No point is fetched."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from qframe.administration import answer, index_call
from qframe.backends.opening import open_backend
from qframe.connection import Connection
from qframe.errors import ServerError
from qframe.explanation import ExplainedIndex, ExplainedPart, Explanation, Extent, SourceExplanation
from qframe.filters.advice import conditions
from qframe.filters.keys import index_on
from qframe.filters.pushed import EVERY_ID, Part
from qframe.model.backend import Capabilities
from qframe.model.predicate import Conjunct
from qframe.model.requests import Count, Filter
from qframe.planning.filtering import split
from qframe.planning.options import ReadSettings
from qframe.planning.sources import Run
from qframe.reading.partitions import cut_of
from qframe.reading.scan import ScanPages, scan

if TYPE_CHECKING:
    from qframe.frames.polars_explain import Handed

KEPT = (
    "polars keeps it for itself, and with it what stands beside it in one filter: it looks at other rows than its own, "
    "or at what is computed, or may fail",
    "what Qdrant can evaluate of it goes into filter= of the scan, which stands at the source",
)
TEXT = (
    "a format, as in str.to_date('%Y-%m-%d'), lets what stands beside it go to the server; "
    "schema_overrides={…: pl.Date} reads text as dates, which the server compares"
)


def explain_frame(frame: Any) -> Explanation:
    """What each source of a LazyFrame's plan asks."""
    from qframe.frames.polars_explain import handed_over

    return Explanation(tuple(_source(handed) for handed in handed_over(frame)))


def explain(
    connection: Connection, name: str, predicate: Any, settings: ReadSettings, columns: Sequence[str] | None
) -> Explanation:
    """What `scan(…).filter(predicate).select(columns)` asks."""
    from qframe.frames.polars_explain import recording
    from qframe.frames.polars_filter import roots

    later, at_source = _parted(predicate)
    if at_source:
        given = settings.filter
        first = [] if given is None else list(given) if isinstance(given, list | tuple) else [given]
        settings = replace(settings, filter=[*first, *at_source])
    with recording() as recorder:
        frame = scan(connection, name, settings)
        pages: ScanPages = recorder.only.pages
        schema, targets = pages.source.plan.schema.arrow(), pages.source.plan.targets
        if later:
            roots(later, schema, targets)
            frame = frame.filter(*later)
        if columns is not None:
            pages.source.plan.only(columns)
            frame = frame.select(columns)
        handed = recorder.start(frame)
    return Explanation(tuple(map(_source, handed)))


def _parted(predicate: Any) -> tuple[list[Any], list[Any]]:
    """What a LazyFrame takes, and what only `filter=` does."""
    from qframe.frames.polars_filter import can_be_handed_over

    items = [] if predicate is None else list(predicate) if isinstance(predicate, list | tuple) else [predicate]
    split(items, "predicate")
    later = [item for item in items if can_be_handed_over(item)]
    return later, [item for item in items if not any(item is other for other in later)]


def _source(handed: Handed) -> SourceExplanation:
    pages: ScanPages = handed.pages.renewed()
    source, capabilities = pages.source, open_backend(pages.connection).capabilities
    run = source.run(handed.columns, handed.conjuncts, handed.limit)
    fetched, info = run.plan.schema, source.plan.info
    parts = (*_parts(pages, run, handed.conjuncts), *map(_kept_by_polars, handed.kept))
    estimated, refused = _estimate(pages, run.request.filter)
    return SourceExplanation(
        collection=info.name,
        target=pages.connection.target,
        transport=capabilities.transport,
        version=capabilities.version,
        payload=tuple(name for name in fetched.names[1:] if name not in {item.column for item in fetched.vectors}),
        vectors=tuple(item.column for item in fetched.vectors),
        not_fetched=tuple(name for name in source.plan.everything.names if name not in fetched.names),
        filter=_plain(run.request.filter),
        ids=None if run.pushed.ids == EVERY_ID else (run.pushed.ids.start, run.pushed.ids.stop),
        exact=all(part.pushed == "exact" for part in parts),
        parts=parts,
        limit=run.limit,
        points=info.points,
        estimated=estimated,
        refused=refused,
        indexes=_indexes(run, pages),
        parallel=_parallel(pages, run, capabilities),
    )


def _parts(pages: ScanPages, run: Run, handed: Sequence[Conjunct]) -> list[ExplainedPart]:
    """What the caller filters by, in the order in which it is applied."""
    parts = []
    qdrant = _plain(pages.source.request.filter)
    if qdrant is not None:
        parts.append(ExplainedPart(json.dumps(qdrant, ensure_ascii=False), qdrant, "exact"))
    if pages.source.pushdown == "off":
        texts = [expression.text for expression in run.expressions] + [conjunct.text for conjunct in handed]
        return [*parts, *_kept(texts, 'pushdown="off"')]
    parts += map(_part, run.pushed.parts)
    if run.limit is not None:
        parts += _kept([conjunct.text for conjunct in handed], f"the limit of {run.limit:,} rows comes before it")
    return parts


def _part(part: Part) -> ExplainedPart:
    pushed: Extent = "exact" if part.exact else "here" if part.filter is None else "superset"
    return ExplainedPart(part.text, _plain(part.filter), pushed, part.reasons)


def _kept_by_polars(text: str) -> ExplainedPart:
    return ExplainedPart(text, None, "here", (*KEPT, TEXT) if "str.strptime(" in text else KEPT)


def _kept(texts: Sequence[str], reason: str) -> list[ExplainedPart]:
    return [ExplainedPart(text, None, "here", (reason,)) for text in texts]


def _plain(filter_: Filter | None) -> dict[str, Any] | None:
    """A filter of dicts, lists, text and numbers, which pickles and prints."""
    return None if filter_ is None else json.loads(json.dumps(filter_, default=str))


def _estimate(pages: ScanPages, filter_: Filter | None) -> tuple[int | None, str | None]:
    """Points that match, about; None and the server's words where it refuses the filter, as a read would hear."""
    request = Count(pages.source.request.collection, filter_, exact=False, shard_key=pages.source.request.shard_key)
    try:
        found = answer(open_backend(pages.connection), request, pages.connection, request.collection)
    except ServerError as error:
        if error.kind != "refused":
            raise
        return None, str(error)
    assert isinstance(found, int)  # noqa: S101 - the contract of Count
    return found, None


def _indexes(run: Run, pages: ScanPages) -> tuple[ExplainedIndex, ...]:
    """What would serve each condition of the filter, and what does."""
    facts, collection = pages.source.facts, pages.source.request.collection
    return tuple(
        ExplainedIndex(
            key=item.key,
            asks=item.kind,
            index=index_on(item.key, facts.indexes) if item.served else None,
            call=None
            if item.served or item.index is None
            else index_call(pages.connection, collection, item.key, item.index),
        )
        for item in conditions(run.request.filter or {}, facts.indexes, facts.index_params)
    )


def _parallel(pages: ScanPages, run: Run, capabilities: Capabilities) -> str:
    settings = pages.settings
    workers = settings.n_jobs or 1
    ids, ordered = run.pushed.ids, settings.maintain_order
    cut = cut_of(capabilities, run.plan, ids=ids, limit=run.most_points, workers=workers, maintain_order=ordered)
    if cut == "sequence":
        alone = workers > 1 and not capabilities.parallel
        return "page after page" + (", whatever n_jobs says: the embedded engine answers one at a time" * alone)
    return f"{workers} workers, by {'slices' if cut == 'slices' else 'ranges of ids'}"
