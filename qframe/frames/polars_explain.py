"""What polars hands to the sources of a plan, found by starting a copy in which they record and give nothing.

polars decides that when it starts a query, and tells nobody but the sources. The copy comes by way of `serialize`; a
source that is serialised while this thread records goes by its number, so that nothing of it travels.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, TypeVar

import polars as pl

from qframe.errors import OptionError
from qframe.frames.polars_plan import PlannedScan, planned_scans
from qframe.frames.polars_selectors import named
from qframe.model.predicate import Conjunct


@dataclass(frozen=True, slots=True)
class Handed:
    """What one source of a plan was handed.

    Parameters
    ----------
    pages : object
        What the source would have called.
    columns : tuple of str
        Columns to fetch, in schema order, those that the predicate looks at among them.
    conjuncts : tuple of Conjunct
    limit : int or None
        Rows at most, before the conjuncts.
    kept : tuple of str
        Filters that polars keeps for itself, as its plan writes them.
    """

    pages: Any
    columns: tuple[str, ...]
    conjuncts: tuple[Conjunct, ...]
    limit: int | None
    kept: tuple[str, ...] = ()


class Recordable(Protocol):
    """A source that can say what it would ask of its pages."""

    @property
    def schema(self) -> pl.Schema: ...

    @property
    def label(self) -> str: ...

    @property
    def pages(self) -> Any: ...

    def asks(self, with_columns: Sequence[str] | None, predicate: pl.Expr | None, n_rows: int | None) -> Handed: ...


Source = TypeVar("Source", bound=Recordable)


class _Enough(Exception):  # noqa: N818 - no error
    """All sources of the plan have been called: the query need not go on."""


@dataclass(eq=False)
class Recorder:
    """The sources of one plan, and what they were handed.

    Parameters
    ----------
    sources : list of Recordable
        By number.
    handed : list of Handed
        One a call, in the order of the calls.
    """

    sources: list[Recordable] = field(default_factory=list)
    handed: list[Handed] = field(default_factory=list)
    _looks: list[PlannedScan] = field(default_factory=list)
    _expected: int | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def only(self) -> Recordable:
        (source,) = self.sources
        return source

    def number(self, source: Recordable) -> int:
        self.sources.append(source)
        return len(self.sources) - 1

    def start(self, frame: pl.LazyFrame) -> tuple[Handed, ...]:
        """Have polars start the query, which ends as soon as all sources of this recorder were called.

        Every source is called when the streaming engine builds its graph, before anything runs; so other sources, and
        functions of the caller's, do not run but by chance.
        """
        # A source that stands in the plan twice is serialised once, so the plan itself is asked how many there are. Too
        # large a number costs a run to the end, without rows.
        planned = planned_scans(frame.explain(engine="streaming"))
        self._expected = len(planned)
        with suppress(_Enough):
            frame.collect(engine="streaming")
        return tuple(self._with_kept(planned))

    def note(self, handed: Handed, looks: PlannedScan) -> None:
        """What a source was handed, and how that looks in a plan."""
        with self._lock:
            self.handed.append(handed)
            self._looks.append(looks)
            if len(self.handed) == self._expected:
                raise _Enough

    def _with_kept(self, planned: list[PlannedScan]) -> Iterator[Handed]:
        """What was handed, with the filters above each source.

        A plan does not say which of its sources is which; those that look alike are taken in order.
        """
        for handed, looks in zip(self.handed, self._looks, strict=True):
            found = next((scan for scan in planned if replace(scan, kept=()) == looks), None)
            if found is None:
                yield handed
            else:
                planned.remove(found)
                yield replace(handed, kept=found.kept)


@dataclass(frozen=True)
class Recording:
    """A source that records what it is handed, and gives no rows."""

    source: Recordable
    recorder: Recorder

    def __call__(
        self, with_columns: list[str] | None, predicate: pl.Expr | None, n_rows: int | None, _: int | None
    ) -> Iterator[pl.DataFrame]:
        looks = PlannedScan(
            self.source.label, None if with_columns is None else len(with_columns), predicate is not None, ()
        )
        self.recorder.note(self.source.asks(with_columns, predicate, n_rows), looks)
        schema = self.source.schema
        chosen = set(schema if with_columns is None else with_columns)
        return iter([schema.to_frame().select(named(name for name in schema if name in chosen))])


_here = threading.local()


@contextmanager
def recording() -> Iterator[Recorder]:
    """Record, in this thread, the sources that are made or serialised."""
    _here.recorder = Recorder()
    try:
        yield _here.recorder
    finally:
        _here.recorder = None


def recorder() -> Recorder | None:
    """Where this thread records; None where it does not."""
    found: Recorder | None = getattr(_here, "recorder", None)
    return found


def recorded(source: Source) -> Source | Recording:
    """What is given to polars: the source, or what records in its place where this thread records."""
    current = recorder()
    if current is None:
        return source
    current.number(source)
    return Recording(source, current)


def numbered(number: int) -> Recording:
    """The source that was serialised under that number, to record from now on."""
    current = recorder()
    assert current is not None  # noqa: S101 - serialised and copied within one `recording()`
    return Recording(current.sources[number], current)


def handed_over(frame: pl.LazyFrame) -> tuple[Handed, ...]:
    """What polars would hand to each collection's source of a plan if it were collected.

    Raises
    ------
    OptionError
        The plan has no such source, writes to a sink, or cannot be serialised.
    """
    if frame.explain(optimized=False).startswith("SINK"):
        raise OptionError("explain: this plan ends in a sink, which writes. Explain the LazyFrame without the sink.")
    with recording() as current:
        copy = _copy(frame)
        if not current.sources:
            raise OptionError(
                "explain: no collection of Qdrant's is a source of this plan. It begins with qf.scan(…); what polars "
                "itself does, frame.explain() tells."
            )
        return current.start(copy)


def _copy(frame: pl.LazyFrame) -> pl.LazyFrame:
    try:
        return pl.LazyFrame.deserialize(frame.serialize())
    except pl.exceptions.ComputeError as error:
        reason = str(error).rpartition("error: ")[2].strip()
        if "cloudpickle" in reason:
            raise OptionError(
                "explain: polars copies a plan by the package cloudpickle, which is not installed. Install it, or ask "
                "qf.collection(…).explain(predicate)."
            ) from error
        raise OptionError(
            f"explain: polars cannot serialise this plan, and so not copy it ({reason}). Explain the LazyFrame before "
            "the function that cannot be serialised, or ask qf.collection(…).explain(predicate)."
        ) from error
