"""What a query asks of Qdrant and what is left to do here: the answer of `explain`, for people and for programs."""

from __future__ import annotations

import html
import json
import re
import textwrap
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any, Literal

from qframe.model.requests import Filter

Extent = Literal["exact", "superset", "here"]

WIDTH = 100
"""Characters of a line in a terminal."""

MOST = 2_000
"""Characters of a filter or a condition that is shown whole."""

_TEXT = re.compile(r'"(?:[^"\\]|\\.)*"')


@dataclass(frozen=True, slots=True)
class ExplainedPart:
    """One of the conditions that must all hold.

    Attributes
    ----------
    text : str
        As it was written, about.
    filter : mapping or None
        What the server is asked instead, as in Qdrant's REST API; None where it is not asked.
    pushed : "exact", "superset" or "here"
        "exact": the server finds the same rows, by `filter` or by the order of ids. "superset": it finds these and
        perhaps others, which are sorted out here. "here": it is evaluated here alone.
    reasons : tuple of str
        Why it is not exact; empty where it is.
    """

    text: str
    filter: Filter | None
    pushed: Extent
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ExplainedIndex:
    """A payload key that the filter asks for, and the index that serves it.

    Attributes
    ----------
    key : str
        Payload path.
    asks : str
        What is asked of it: "text", "uuid", "integer" and "boolean" are matches, "range", "integer range" and
        "date range" ranges; "prefix", "substring", "empty" (is_null too), "count" (of values), "geo", and "full text".
    index : str or None
        Type of the payload index that serves the condition; None where every point's payload is looked at.
    call : str or None
        The call that makes such an index; None where there is one, or where none would serve.
    """

    key: str
    asks: str
    index: str | None
    call: str | None = None


@dataclass(frozen=True, slots=True, repr=False)
class SourceExplanation:
    """What one scan of a collection asks.

    Attributes
    ----------
    collection, target, transport : str
        Name; URL or absolute path; "rest", "grpc" or "embedded".
    version : tuple of int
        The server's (major, minor, patch); of the embedded engine the server's that is nearest.
    payload, vectors : tuple of str
        Columns that are fetched beside the id.
    not_fetched : tuple of str
        Other columns that there are.
    filter : mapping or None
        The whole filter that is sent, as in Qdrant's REST API; None where every point is asked for.
    ids : tuple of int or None
        The first id that is asked for, and the one at which the read ends, without it; 2**64 is no end. None where no
        condition bounds the ids.
    exact : bool
        Whether every row that the server finds is in the answer: nothing is sorted out here.
    parts : tuple of ExplainedPart
        The caller's filters and predicates, one by one.
    limit : int or None
        Rows at most.
    points : int
        Points in the collection, approximate on a server.
    estimated : int or None
        Points that match `filter`, as the server estimates; a guess of its where a condition has no index. None where
        it refuses the filter.
    refused : str or None
        The server's words where it refuses the filter.
    indexes : tuple of ExplainedIndex
        For the conditions of `filter`.
    parallel : str
        How the collection is cut, in words.
    """

    collection: str
    target: str
    transport: str
    version: tuple[int, int, int]
    payload: tuple[str, ...]
    vectors: tuple[str, ...]
    not_fetched: tuple[str, ...]
    filter: Filter | None
    ids: tuple[int, int] | None
    exact: bool
    parts: tuple[ExplainedPart, ...]
    limit: int | None
    points: int
    estimated: int | None
    refused: str | None
    indexes: tuple[ExplainedIndex, ...]
    parallel: str

    def to_dict(self) -> dict[str, Any]:
        """All of it as plain Python values, ready for JSON."""
        found: dict[str, Any] = json.loads(json.dumps(asdict(self)))
        return found

    def _head(self) -> str:
        version = ".".join(map(str, self.version))
        how = self.transport if self.transport == "embedded" else f"{self.transport}, {version}"
        return f"{self.collection!r} ({how}, {self.target})"

    def _facts(self) -> list[tuple[str, list[str]]]:
        """Labels, and the lines behind each."""
        facts = [("fetched", [_listed(["the id", *self.payload, *self.vectors])])]
        if self.not_fetched:
            facts.append(("not fetched", [_listed(self.not_fetched)]))
        none = "none" if self.ids else "none, every point is asked for"
        facts.append(("filter", [none] if self.filter is None else _shown(self.filter)))
        if self.ids is not None:
            facts.append(("ids", [_between(*self.ids)]))
        facts += [(part.pushed, [_cut(part.text), *(f"– {reason}" for reason in part.reasons)]) for part in self.parts]
        if self.limit is not None:
            facts.append(("limit", [_many(self.limit, "row")]))
        facts.append(("points", [self._points()]))
        facts += [(f"index of {item.key}", _served(item)) for item in self.indexes]
        return [*facts, ("parallel", [self.parallel])]

    def _points(self) -> str:
        every = f"{self.points:,} in the collection"
        if self.refused is not None:
            return f"{every}; the server refuses the filter: {self.refused}"
        if self.filter is None:
            return every
        how = "about" if all(item.index for item in self.indexes) else "by a guess, for want of an index,"
        return f"{how} {self.estimated:,} match the filter, of {every}"

    def _lines(self) -> list[str]:
        facts = self._facts()
        margin = max(len(label) for label, _ in facts) + 2
        wrap = partial(_wrapped, subsequent_indent=" " * margin)
        calls = {item.call for item in self.indexes}
        lines = []
        for label, texts in facts:
            for number, text in enumerate(texts):
                first = label.ljust(margin) if not number else " " * margin
                # A call stays on one line, to be copied.
                lines += [first + text] if text in calls else wrap(text, initial_indent=first)
        return lines

    def __repr__(self) -> str:
        return "\n  ".join([self._head(), *self._lines()])

    def _repr_html_(self) -> str:
        rows = "".join(
            f'<tr><th style="text-align:left;vertical-align:top">{html.escape(label)}</th>'
            f'<td style="text-align:left">{"<br>".join(html.escape(text) for text in texts)}</td></tr>'
            for label, texts in self._facts()
        )
        return f"<b>{html.escape(self._head())}</b><table>{rows}</table>"


@dataclass(frozen=True, slots=True, repr=False)
class Explanation:
    """What a query asks of Qdrant: what is fetched, what the server filters, what is done here and why.

    Attributes
    ----------
    sources : tuple of SourceExplanation
        One for each time a collection is scanned; empty where polars sees that it needs none of them.
    """

    sources: tuple[SourceExplanation, ...]

    def to_dict(self) -> dict[str, Any]:
        """All of it as plain Python values, ready for JSON."""
        return {"sources": [source.to_dict() for source in self.sources]}

    def __repr__(self) -> str:
        return "\n".join(["Explanation:", *(map(repr, self.sources) if self.sources else [_NOTHING])])

    def _repr_html_(self) -> str:
        return f"<div>{''.join(source._repr_html_() for source in self.sources) or _NOTHING}</div>"


_NOTHING = "nothing is asked, polars needs no row of a collection"


def _served(item: ExplainedIndex) -> list[str]:
    if item.index is not None:
        return [f"{item.index}, serves {item.asks}"]
    return [f"none that serves {item.asks}", *([item.call] if item.call else [])]


def _between(first: int, end: int) -> str:
    if first == end:
        return "none"
    return f"in their order from {first or 'the first'} to {'the last' if end == 2**64 else end - 1}"


def _shown(filter_: Filter) -> list[str]:
    """A filter as JSON; a long one cut, and where the whole of it is."""
    text = json.dumps(filter_, ensure_ascii=False)
    return [text] if len(text) <= MOST else [_cut(text), f"– {len(text):,} characters, all of them in .filter"]


def _cut(text: str) -> str:
    return text if len(text) <= MOST else f"{text[: MOST // 4]} …"


def _wrapped(text: str, *, initial_indent: str, subsequent_indent: str) -> list[str]:
    """Lines that break between words, but nowhere between quotes: what is copied is what was meant."""
    whole = _TEXT.sub(lambda found: found[0].replace(" ", "\0"), text)
    lines = textwrap.wrap(
        whole,
        width=WIDTH,
        initial_indent=initial_indent,
        subsequent_indent=subsequent_indent,
        break_on_hyphens=False,
        break_long_words=False,
    )
    return [line.replace("\0", " ") for line in lines]


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names)


def _many(number: int, noun: str) -> str:
    return f"1 {noun}" if number == 1 else f"{number:,} {noun}s"
