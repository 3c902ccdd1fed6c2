"""What a look at a frame has found, without anything written: `FrameCheck`, what `Collection.check` returns."""

from __future__ import annotations

import html
import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal

import pyarrow as pa

from qframe.frames.results import render
from qframe.frames.source import Library
from qframe.model.amounts import in_bytes, in_rows
from qframe.model.spelling import listed

Severity = Literal["error", "warning"]

SHOWN_PROBLEMS = 10
"""How many problems the repr names; all are in `problems`."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that a write would trip over, or that its caller may not have meant.

    Parameters
    ----------
    severity : "error" or "warning"
        Whether a write is refused for it, or the rows are.
    column : str or None
    rows : int or None
        How many are concerned; None where it is not a matter of rows.
    first_row : int or None
    value : str or None
        What was found in the first of them.
    message : str
    way_out : str or None
        What to do; None where the message says it.
    """

    severity: Severity
    message: str
    column: str | None = None
    rows: int | None = None
    first_row: int | None = None
    value: str | None = None
    way_out: str | None = None

    def __str__(self) -> str:
        where = [] if self.rows is None else [in_rows(self.rows)]
        where += [] if self.column is None or self.rows is None else [f"column {self.column!r}"]
        where += [] if self.first_row is None or self.rows is None else [f"first in row {self.first_row}"]
        place = f"{', '.join(where)}: " if where else ""
        found = f"found {self.value}: " if self.value is not None and self.rows is not None else ""
        way_out = f". {self.way_out}" if self.way_out else ""
        return f"{self.severity}: {place}{found}{self.message}{way_out}"


_TYPES = {"rows": pa.int64(), "first_row": pa.int64()}


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class FrameCheck:
    """What would become of a frame if it were written.

    As a condition it is `ok`.

    Attributes
    ----------
    collection, target, transport : str
        Where the rows would go: URL or absolute path; "rest", "grpc" or "embedded".
    rows : int
        Rows that were looked at: all, unless a problem says that the look ended before.
    bad, skipped : int
        How many of them cannot be written, and how many would be left out on purpose (`duplicates`).
    nbytes : int
        Bytes of all requests, about (0 embedded).
    batches : int
        Requests that carry rows.
    columns : mapping of str to str
        What each column of the frame is for, as text; "not decided" where an error stands against it.
    created : mapping or None
        The collection that would be made, as the body of Qdrant's REST call; None when none would, or when an
        error hides it.
    """

    collection: str
    target: str
    transport: str
    library: Library
    rows: int = 0
    bad: int = 0
    skipped: int = 0
    nbytes: int = 0
    batches: int = 0
    columns: Mapping[str, str] | None = None
    created: Mapping[str, Any] | None = None
    found: tuple[Problem, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether nothing stands against writing every row; warnings do not."""
        return not any(problem.severity == "error" for problem in self.found)

    def __bool__(self) -> bool:
        return self.ok

    @property
    def problems(self) -> Any:
        """All that was found, in the caller's library, errors first.

        Columns: `severity` ("error" or "warning"), `column`, `rows` (how many), `first_row`, `value` (text), `message`,
        `way_out` (null where the message says it).
        """
        names = ("severity", "column", "rows", "first_row", "value", "message", "way_out")
        columns = {
            name: pa.array([getattr(problem, name) for problem in self.found], _TYPES.get(name, pa.large_string()))
            for name in names
        }
        return render(pa.table(columns), self.library)

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain Python values, ready for JSON."""
        facts = {field.name: getattr(self, field.name) for field in fields(self) if field.name not in _OWN_FORM}
        facts |= {"columns": dict(self.columns or {}), "created": self.created and dict(self.created), "ok": self.ok}
        facts["problems"] = [{name: getattr(item, name) for name in Problem.__slots__} for item in self.found]
        return facts

    def _head(self) -> str:
        verdict = "can be written" if self.ok else "cannot be written as it is"
        return f"{in_rows(self.rows)} → {self.collection!r} ({self.transport}, {self.target}): {verdict}"

    def _lines(self) -> list[str]:
        lines = []
        if self.columns:
            lines.append(" · ".join(f"{role}: {listed(names)}" for role, names in self._by_role().items()))
        requests = "1 request" if self.batches == 1 else f"{self.batches:,} requests"
        size = f", about {in_bytes(self.nbytes)}" if self.nbytes else ""
        counts = ((self.bad, "bad"), (self.skipped, "left out"))
        left = [f"{in_rows(count)} {what}" for count, what in counts if count]
        lines.append(", ".join([requests + size, *left]))
        if self.created is not None:
            lines.append(f"the collection would be made: {json.dumps(self.created)}")
        lines += [str(problem) for problem in self.found[:SHOWN_PROBLEMS]]
        more = len(self.found) - SHOWN_PROBLEMS
        return [*lines, f"… and {more:,} more, see .problems"] if more > 0 else lines

    def _by_role(self) -> dict[str, list[str]]:
        roles: dict[str, list[str]] = {}
        for name, role in (self.columns or {}).items():
            roles.setdefault(role, []).append(name)
        return roles

    def __repr__(self) -> str:
        return "FrameCheck: " + "\n  ".join([self._head(), *self._lines()])

    def _repr_html_(self) -> str:
        lines = "".join(f"<li>{html.escape(line)}</li>" for line in self._lines())
        mark = "✓" if self.ok else "✗"
        return f"<div><b>{mark} FrameCheck: {html.escape(self._head())}</b><ul>{lines}</ul></div>"


_OWN_FORM = ("columns", "created", "found", "library")
