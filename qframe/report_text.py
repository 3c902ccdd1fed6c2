"""What a report says, as text and as HTML: counts, speed, and reasons that many rows share said once."""

from __future__ import annotations

import html
from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING

from qframe.delivery.ledger import Failure
from qframe.model.amounts import in_bytes, in_rows
from qframe.model.bad import alike

if TYPE_CHECKING:
    from qframe.report import WriteReport


def text(report: WriteReport) -> str:
    """A line that says where the rows went, and indented lines of what became of them."""
    return "\n  ".join([_head(report), *_lines(report)])


def as_html(report: WriteReport) -> str:
    """The same for a notebook."""
    lines = "".join(f"<li>{html.escape(line)}</li>" for line in _lines(report))
    mark = "✓" if report.ok else "✗"
    return f"<div><b>{mark} WriteReport: {html.escape(_head(report))}</b><ul>{lines}</ul></div>"


def in_words(counts: Mapping[str, int]) -> str:
    """Counts by state on one line, those of 0 left out."""
    return " · ".join(f"{state} {count:,}" for state, count in counts.items() if count or state == "written")


def _only_filters(report: WriteReport) -> bool:
    return 0 < report.by_filter == report.total


def _head(report: WriteReport) -> str:
    made = ", created" if report.created else ""
    filters = "1 operation by filter" if report.by_filter == 1 else f"{report.by_filter:,} operations by filter"
    rows = in_rows(report.total - report.by_filter) + (f" and {filters}" if report.by_filter else "")
    if _only_filters(report):
        rows = filters
    if not report.complete:
        rows = f"the first {rows}"
    return f"{report.operation}: {rows} → {report.collection!r} ({report.transport}, {report.target}{made})"


def _lines(report: WriteReport) -> list[str]:
    batches = "1 batch" if report.batches == 1 else f"{report.batches:,} batches"
    rate = "" if _only_filters(report) else f"{report.rows_per_second:,.0f} rows/s, "
    speed = f"{report.seconds:.2f} s, {rate}{batches}"
    if report.nbytes:
        speed += f", {in_bytes(report.nbytes)}"
    if report.retries:
        speed += f", {report.retries:,} retries"
    if report.throttled:
        speed += f", {report.throttled:.1f} s throttled"
    lines = [in_words(report.counts), speed]
    if report.by_filter and report.written:
        lines.append("by filter: how many points were selected, the server does not say")
    if report.resumed:
        were = "row was" if report.resumed == 1 else "rows were"
        lines.append(f"{report.resumed:,} {were} written before (checkpoint)")
    if report.ended_by:
        lines.append(f"ended early: {report.ended_by}")
    if not report.complete:
        lines.append("the source was not read to its end; of what it holds beyond these rows nothing is known")
    return lines + _groups(report)


def _groups(report: WriteReport, most: int = 5) -> list[str]:
    """Failures grouped by what is said of them, the most frequent first."""
    groups = Counter(map(_reason, report.details))
    first = {_reason(item): item for item in reversed(report.details)}
    lines = [f"of the first {len(report.details):,} reasons:"] if report.failures_truncated else []
    for reason, count in groups.most_common(most):
        item = first[reason]
        where = f" in column {item.column!r}" if item.column else ""
        lines.append(f"{count:,} × {item.error}{where}, first in row {item.row}: {item.message}")
    if len(groups) > most:
        lines.append(f"… and {len(groups) - most:,} more, see .failures")
    if report.drained is not None:
        since = "the server has worked through its queue since" if report.drained else "its queue is not empty yet"
        lines.append(f"acknowledged: logged, and not applied in time; {since}")
    if report.unknown:
        lines.append("unknown: no certain answer came; read these rows back before writing them again")
    return lines


def _reason(failure: Failure) -> tuple[str, str | None, str]:
    """What a failure has in common with others: not the value, nor the numbers of rows and points."""
    return failure.error, failure.column, alike(failure.reason)
