"""The report of a write: how many rows ended how, and for each that is not stored which one and why."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from qframe.delivery.ledger import Failure
from qframe.errors import FrameError, OptionError, WriteError
from qframe.frames.opening import open_source
from qframe.frames.picking import Identify, pick, shared
from qframe.frames.results import render
from qframe.frames.source import Library
from qframe.model.amounts import in_rows
from qframe.model.ids import PointId
from qframe.model.outcome import STATES, State
from qframe.report_text import as_html, text


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class WriteReport:
    """What became of every row of a write.

    As a condition it is `ok`.

    Attributes
    ----------
    operation : str
        The name of the verb: "upsert"; of a batch "batch".
    collection, target, transport : str
        Where the rows went: URL or absolute path; "rest", "grpc" or "embedded".
    created : bool
        Whether the collection was made by this call.
    batches, requests, retries, nbytes : int
        Batches with an outcome, requests sent, repetitions among them, bytes of all request bodies (0 embedded).
    throttled, seconds : float
        Seconds waited because the server asked for it, of all workers together, which may be more than the whole call
        took; seconds of the whole call.
    frames : tuple of int
        Of several frames one below the other (a batch, merged reports): the rows of each, 1 by filter. Empty for one.
    complete : bool
        Whether the source was read to its end. False for a stream that raised half-way, and for one that the call left
        when it ended early: rows beyond those counted here may exist, and nothing is said of them.
    failures_truncated : bool
        Whether `failures` names only the first 10,000 rows. All are counted.
    by_filter : int
        How many of the rows are operations by filter, each on all points that its filter selects. The server does not
        count these points.
    resumed : int
        Rows that were not sent, since a checkpoint has them as written by an earlier call. They are `skipped`.
    drained : bool or None
        Whether the server's update queue was empty before the call ended, where rows were acknowledged because its
        timeout had passed. None: there was nothing to look after, or the server does not tell (before 1.17).
    """

    operation: str
    collection: str
    target: str
    transport: str
    created: bool
    library: Library
    states: npt.NDArray[np.uint8] = field(repr=False)
    details: tuple[Failure, ...] = ()
    failures_truncated: bool = False
    batches: int = 0
    requests: int = 0
    retries: int = 0
    nbytes: int = 0
    throttled: float = 0.0
    seconds: float = 0.0
    ended_by: str | None = None
    id_column: pa.Array | None = None
    index: Any = None
    by_filter: int = 0
    resumed: int = 0
    drained: bool | None = None
    complete: bool = True
    frames: tuple[int, ...] = ()
    identify: Identify | None = field(default=None, repr=False)

    def _count(self, state: State) -> int:
        return int(np.count_nonzero(self.states == STATES.index(state)))

    @property
    def total(self) -> int:
        """Rows in all, or unless `complete` those that were read; the six counts add up to it."""
        return len(self.states)

    @property
    def written(self) -> int:
        """Rows that the server said are applied."""
        return self._count("written")

    @property
    def acknowledged(self) -> int:
        """Rows that the server logged and did not confirm as applied (`wait=False`, or its timeout passed)."""
        return self._count("acknowledged")

    @property
    def failed(self) -> int:
        """Rows that were refused; they are not stored, or perhaps in part where `failures` says so."""
        return self._count("failed")

    @property
    def unknown(self) -> int:
        """Rows that were sent and for which no certain answer came."""
        return self._count("unknown")

    @property
    def unsent(self) -> int:
        """Rows for which nothing was sent."""
        return self._count("unsent")

    @property
    def skipped(self) -> int:
        """Rows left out on purpose, by `duplicates`, `missing="skip"` or a checkpoint, or with no vector to update."""
        return self._count("skipped")

    @property
    def counts(self) -> dict[str, int]:
        """The six counts by name."""
        return {state: self._count(state) for state in STATES}

    @property
    def ok(self) -> bool:
        """Whether the source was read to its end, and every row is written or was skipped on purpose."""
        return self.complete and self.written + self.skipped == self.total

    def __bool__(self) -> bool:
        return self.ok

    @property
    def rows_per_second(self) -> float:
        """Rows written or acknowledged per second of the call."""
        return (self.written + self.acknowledged) / self.seconds if self.seconds > 0 else 0.0

    @property
    def failures(self) -> Any:
        """Rows that failed or are unknown, one line for each of their reasons, in the caller's library.

        Columns: `row` (position), `index` (labels of a pandas index, tuples of one with several levels), `id` (integers
        where all are, else text; null where the row has none), `column`, `error`, `message`, `attempts`.
        """
        rows = np.array([failure.row for failure in self.details], dtype=np.int64)
        columns: dict[str, pa.Array] = {"row": pa.array(rows), "id": self._failed_ids()}
        for name in ("column", "error", "message"):
            values = [getattr(failure, name) for failure in self.details]
            columns[name] = pa.array(values, type=pa.large_string())
        columns["attempts"] = pa.array([failure.attempts for failure in self.details], type=pa.int64())
        frame = render(pa.table(columns), self.library)
        if self.index is not None:
            frame.insert(1, "index", self.index.take(rows).to_flat_index())
        return frame

    def _failed_ids(self) -> pa.Array:
        """The ids in `details`, of the type that a read gives them: verbs take them as they are."""
        ids = [failure.point_id for failure in self.details]
        kinds = {type(held) for held in ids if held is not None}
        integers = kinds == {int} if kinds else self.id_column is not None and self.id_column.type == pa.uint64()
        if integers:
            return pa.array(ids, type=pa.uint64())
        return pa.array([None if held is None else str(held) for held in ids], type=pa.large_string())

    @property
    def ids(self) -> Any:
        """The id of every row as a series of the caller's library (with the frame's index for pandas).

        None for a stream unless `return_ids=True` was given: ids that are made on the way (``id="uuid4"``) are then
        nowhere but in the collection. None by filter, and for merged reports whose ids are not all of one kind.
        """
        if self.id_column is None:
            return None
        frame = render(pa.table({"id": self.id_column}), self.library)
        series = frame["id"]
        if self.index is not None:
            # Without the frame's index, pandas would align by label and put the ids on other rows.
            series.index = self.index
        return series

    def rows(self, state: State) -> npt.NDArray[np.int64]:
        """Positions of the rows in a state: "written", "acknowledged", "failed", "unknown", "unsent" or "skipped".

        Raises
        ------
        OptionError
            For any other word.
        """
        if state not in STATES:
            raise OptionError(f"rows({state!r}): one of {', '.join(STATES)}.")
        return np.flatnonzero(self.states == STATES.index(state))

    def select(self, frame: Any, state: State) -> Any:
        """The rows of `frame` (the one that was written) in a state, to be mended and written again.

        Unless the report is `complete`, the frame may have more rows than were read; none of these is given.

        Raises
        ------
        OptionError
            The state is none.
        FrameError
            The frame is another one, or its rows stand in another order: it has another number of rows than the report,
            or the picked rows have other ids (where ids are random, other index labels in pandas). It cannot be picked
            from: a stream. The report is of an operation by filter.
        """
        rows = self.rows(state)
        if 0 < self.by_filter == self.total:
            raise FrameError("select: the report is of a write by filter, which has no rows to pick.")
        length = open_source(frame).length
        if length is not None and (length < self.total or (length > self.total and self.complete)):
            raise FrameError(f"select: {self._other_frame(length)}")
        labels = None if self.index is None else self.index.take(rows)
        return pick(frame, rows, self._ids_at(rows), self.identify, labels)

    def _ids_at(self, rows: npt.NDArray[np.int64]) -> list[PointId | None]:
        """The ids that rows were written with, None where that is not known."""
        if self.id_column is not None:
            return list(self.id_column.take(pa.array(rows)).to_pylist())
        named = {failure.row: failure.point_id for failure in self.details}
        return [named.get(row) for row in rows.tolist()]

    def _other_frame(self, length: int) -> str:
        """Why a frame of so many rows is not the one of this report."""
        has = f"the frame has {in_rows(length)}"
        if not self.frames:
            return f"the report is of {in_rows(self.total)}, {has}. Give the frame that was written."
        own = [number for number, many in enumerate(self.frames) if many == length]
        which = " or ".join(f"reports[{number}]" for number in own)
        way_out = f", of a batch {which}" if own else ""
        return (
            f"the report is of {len(self.frames)} operations together, {in_rows(self.total)}, {has}. Take the "
            f"report of its own operation{way_out}."
        )

    def raise_for_failures(self) -> None:
        """Raise `WriteError` unless `ok`."""
        if not self.ok:
            raise WriteError(repr(self), report=self)

    def to_dict(self) -> dict[str, Any]:
        """Counts and facts as plain Python values, ready for JSON."""
        names = ["operation", "collection", "target", "transport", "created", "total", "by_filter", "resumed"]
        names += ["batches", "requests", "retries", "nbytes"]
        facts: dict[str, Any] = {name: getattr(self, name) for name in names}
        facts.update(self.counts)
        facts |= {"throttled": self.throttled, "seconds": self.seconds, "ok": self.ok, "ended_by": self.ended_by}
        facts |= {"complete": self.complete, "drained": self.drained}
        facts["failures"] = [
            {"row": item.row, "id": item.point_id} | {name: getattr(item, name) for name in _REASONS}
            for item in self.details
        ]
        facts["failures_truncated"] = self.failures_truncated
        return facts

    @staticmethod
    def merge(reports: Iterable[WriteReport]) -> WriteReport:
        """One report of several writes; rows are numbered as if the frames stood one below the other.

        Raises
        ------
        OptionError
            When there is none, or anything else among them.
        """
        parts = list(reports) if isinstance(reports, Iterable) else []
        odd = [part for part in parts if not isinstance(part, WriteReport)]
        if odd or not isinstance(reports, Iterable):
            found = type(odd[0] if odd else reports).__name__
            raise OptionError(f"WriteReport.merge: a list of reports, [first, second]; found a {found}.")
        if not parts:
            raise OptionError("WriteReport.merge: needs at least one report.")
        first, starts = parts[0], np.cumsum([0, *(part.total for part in parts)])
        details = tuple(
            replace(failure, row=failure.row + int(start))
            for part, start in zip(parts, starts, strict=False)
            for failure in part.details
        )
        columns = [part.id_column for part in parts if part.id_column is not None]
        known = len(columns) == len(parts) and len({column.type for column in columns}) == 1
        return replace(
            first,
            operation=_joined(part.operation for part in parts),
            collection=_joined(part.collection for part in parts),
            target=_joined(part.target for part in parts),
            transport=_joined(part.transport for part in parts),
            created=any(part.created for part in parts),
            states=np.concatenate([part.states for part in parts]),
            details=details,
            failures_truncated=any(part.failures_truncated for part in parts),
            **{name: sum(getattr(part, name) for part in parts) for name in _SUMS},
            ended_by=next((part.ended_by for part in parts if part.ended_by), None),
            id_column=pa.concat_arrays(columns) if known else None,
            drained=_all(part.drained for part in parts),
            complete=all(part.complete for part in parts),
            frames=tuple(many for part in parts for many in part.frames or (part.total,)),
            identify=shared([part.identify for part in parts]),
            index=_below([part.index for part in parts]),
        )

    def __repr__(self) -> str:
        return f"WriteReport: {text(self)}"

    def _repr_html_(self) -> str:
        return as_html(self)


_SUMS = ("batches", "requests", "retries", "nbytes", "throttled", "seconds", "resumed", "by_filter")
_REASONS = ("column", "error", "message", "attempts")


def _all(answers: Iterable[bool | None]) -> bool | None:
    """Whether all that were given are True; None when none was."""
    given = [answer for answer in answers if answer is not None]
    return all(given) if given else None


def _below(indexes: Sequence[Any]) -> Any:
    """The pandas indexes of frames one below the other, as one; None unless each has one."""
    return None if any(index is None for index in indexes) else indexes[0].append(list(indexes[1:]))


def _joined(names: Iterable[str]) -> str:
    return ", ".join(dict.fromkeys(names))
