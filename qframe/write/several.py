"""Operations of several frames: looked at one by one when they are given, sent together in their order at the end."""

from __future__ import annotations

import time
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
import pyarrow as pa

from qframe.administration import find_for_writing
from qframe.backends.description import vector_configs
from qframe.backends.opening import open_backend
from qframe.connection import Connection
from qframe.delivery.interrupts import Held
from qframe.delivery.ledger import Ledger
from qframe.errors import FrameError, OptionError, WriteError, WriteInterrupted
from qframe.frames.opening import open_source
from qframe.frames.picking import shared
from qframe.frames.source import Source, release
from qframe.model.amounts import in_rows
from qframe.model.backend import Backend
from qframe.model.bad import shown
from qframe.model.batch import Batch
from qframe.model.libraries import usual
from qframe.model.rate import rows_within
from qframe.model.requests import CollectionInfo
from qframe.report import WriteReport
from qframe.report_text import in_words
from qframe.vectors.sample import sampled
from qframe.write.collection_config import collection_config
from qframe.write.create import create_missing, refuse_missing
from qframe.write.cut import most_rows
from qframe.write.ending import Call, conclude
from qframe.write.feed import side_by_side
from qframe.write.flow import send
from qframe.write.frame import FrameWrite, batch_rows
from qframe.write.identify import identified
from qframe.write.inspection import Inspection
from qframe.write.matching import Choice, by_frame, check_matching, matching
from qframe.write.options import BATCH_ROWS, Duplicates, WriteSettings
from qframe.write.pack import Piece, pack, pieces_of
from qframe.write.progress import ProgressMeter
from qframe.write.resolve import check_shard_key, resolve
from qframe.write.roles import Roles
from qframe.write.step import Step
from qframe.write.verbs import TargetWrite

_STATES = {
    "new": "its with-block has not begun",
    "open": "not sent yet",
    "left": "an error ended the with-block, nothing was sent",
    "over": "its with-block is over",
}


@dataclass(slots=True, eq=False)
class Several:
    """The operations of one batch.

    Parameters
    ----------
    connection : Connection
    name : str
    settings : WriteSettings
        One request at a time: that keeps the order.
    steps : list of Step
    """

    connection: Connection
    name: str
    settings: WriteSettings
    steps: list[Step] = field(default_factory=list)
    _state: Literal["new", "open", "left", "over"] = "new"
    _info: CollectionInfo | None = None
    _maker: Roles | None = None
    _report: WriteReport | None = None
    _reports: list[WriteReport] = field(default_factory=list)

    def begin(self) -> None:
        """The with-block begins; OptionError for a second one."""
        if self._state != "new":
            raise OptionError("a batch is for one with-block; make another with qframe.batch(…).")
        self._state = "open"

    def end(self, error: BaseException | None) -> None:
        """The with-block ends: send, or forget everything after an error."""
        if error is not None:
            self._state = "left"
            self.steps.clear()
            return
        self._state = "over"
        self._send()

    def sent(self) -> tuple[WriteReport, list[WriteReport]]:
        """The report of all rows, as if the frames stood one below the other, and those of the operations.

        Raises
        ------
        OptionError
            Nothing was sent.
        """
        if self._report is None:
            raise OptionError(f"the batch has no report: {_STATES[self._state]}.")
        return self._report, self._reports

    def text(self) -> str:
        """What is gathered, in words, and what became of it."""
        number = "1 operation" if len(self.steps) == 1 else f"{len(self.steps)} operations"
        lines = [f"{number} on {self.name!r} ({self.connection.target}), {_STATES[self._state]}"]
        if self._report is not None:
            lines[0] += f": {in_words(self._report.counts)}"
        became = [f": {in_words(report.counts)}" for report in self._reports] or [""] * len(self.steps)
        lines += [f"{step.write.verb} {step.what}{end}" for step, end in zip(self.steps, became, strict=True)]
        return "\n  ".join(lines)

    def add(self, data: Any, write: FrameWrite, duplicates: Duplicates) -> None:
        """One more operation by frame, looked at now.

        Raises
        ------
        FrameError
            A column or value that cannot be written; a stream.
        OptionError
            Options that make no sense.
        CollectionNotFoundError
            There is no such collection, and no upsert before is to make it.
        """
        self._check_open(write)
        source = open_source(data)
        try:
            self.steps.append(self._from(source, write, replace(self.settings, duplicates=duplicates)))
        finally:
            release(source)

    def add_either(self, data: Any, choice: Choice, write: TargetWrite, duplicates: Duplicates) -> None:
        """One more operation, by frame or by filter, looked at now; errors as of `add`."""
        if by_frame(data, choice, write):
            self.add(data, write, duplicates)
            return
        self._check_open(write)
        # missing= is for those of the batch that are by frame.
        own = replace(self.settings, duplicates=duplicates, missing="report")
        row = sum(map(len, self.steps))
        operation = matching(self.connection, self.name, choice, write, own, row)
        info = self._collection(write)
        if info is not None:
            check_matching(write, info)
        # What a wire has no word for in a filter is told here.
        request = self.settings.request(self.connection.timeout)
        open_backend(self.connection).prepare(Batch(self.name, (operation,)), request)
        ledger = Ledger()
        ledger.add_rows(1)
        what = f"filter {shown(choice.filter)}"
        self.steps.append(Step(write, [], ledger, "raise", what, usual(), matching=operation))

    def _check_open(self, write: FrameWrite) -> None:
        if self._state != "open":
            raise OptionError(
                f"{write.verb}: a batch gathers within its with-block, `with qframe.batch({self.name!r}) as b: "
                f"b.{write.verb}(…)`; {_STATES[self._state]}."
            )

    def _from(self, source: Source, write: FrameWrite, settings: WriteSettings) -> Step:
        if source.length is None:
            raise FrameError(
                f"{write.verb}: a stream in a batch, whose rows are looked at now and sent at the end. Collect it "
                "first, or write it without a batch."
            )
        info = self._collection(write)
        if info is not None and write.check is not None:
            write.check(info)
        sample, _ = sampled(source)
        roles = resolve(source.schema, write.roles, info=info, sample=sample, length=source.length)
        check_shard_key(roles.shard_key, info)
        # What would be made is known before it is made, so that the operations after it are checked against it.
        info = info or CollectionInfo(self.name, vector_configs(collection_config(roles)))
        ledger = Ledger()
        inspection = Inspection(roles, ledger, settings, write.null_vectors, keep_ids=True)
        parts = inspection.whole(source.parts(roles.columns))
        if self._info is None:
            self._info, self._maker = info, roles
        rows = batch_rows(write, info, settings)
        what = in_rows(source.length)
        return Step(
            write,
            parts,
            ledger,
            settings.duplicates,
            what,
            source.library,
            rows,
            source.index,
            inspection.ids,
            identified(roles.id),
        )

    def _collection(self, write: FrameWrite) -> CollectionInfo | None:
        """The collection as it is, or as the first upsert will make it; None when this one is to make it."""
        if self._info is None:
            patience = self.settings.patience(self.connection.timeout)
            self._info = find_for_writing(self.connection, self.name, patience)
            if self._info is None:
                refuse_missing(self.connection, self.name, write.if_missing, patience, write.verb)
        return self._info

    def _send(self) -> None:
        """Send all operations in their order; there is a report even when this raises, if rows were sent."""
        begun, patience = time.monotonic(), self.settings.patience(self.connection.timeout)
        backend = open_backend(self.connection)
        created = self._maker is not None and create_missing(self.connection, self.name, self._maker, patience)
        ledger = Ledger()
        for step in self.steps:
            ledger.append(step.ledger)
        limit = None if self._info is None else self._info.strict.get("write_rate_limit")
        rows = rows_within(self.settings.batch_size or BATCH_ROWS, limit)
        packing = Packing(self.name, backend, ledger, self.steps, rows, self.settings.batch_bytes)
        with Held() as interrupts:
            with ProgressMeter(self.settings.progress, ledger.length, f"batch {self.name}") as meter:
                waves = side_by_side(packing.batches())
                ending = send(
                    self.connection,
                    backend,
                    self.name,
                    waves,
                    ledger,
                    self.settings,
                    patience,
                    meter,
                    interrupts,
                    self._info,
                )
            library = self.steps[0].library if self.steps else usual()
            transport, frames = backend.capabilities.transport, tuple(map(len, self.steps))
            filters = sum(step.matching is not None for step in self.steps)
            call = Call(
                "batch",
                self.name,
                self.connection.target,
                transport,
                created,
                library,
                None,
                by_filter=filters,
                frames=frames,
                identify=shared([step.identify for step in self.steps]),
            )
            try:
                seconds = time.monotonic() - begun
                self._report = conclude(call, ledger, self._ids(), ending, self.settings, interrupts, seconds)
            except (WriteError, WriteInterrupted) as error:
                self._report = error.report
                raise
            finally:
                whole = self._report
                if whole is not None:
                    parts = zip(self.steps, packing.starts, packing.sent, strict=True)
                    self._reports = [step.report(whole, start, sent) for step, start, sent in parts]

    def _ids(self) -> pa.Array | None:
        """The ids of all rows, null by filter; None where they are not of one kind."""
        types = {step.ids.type for step in self.steps if step.ids is not None}
        if len(types) > 1:
            return None
        dtype = types.pop() if types else pa.uint64()
        parts = [pa.nulls(len(step), dtype) if step.ids is None else step.ids for step in self.steps]
        return pa.concat_arrays(parts) if parts else pa.nulls(0, dtype)


class Packing:
    """Requests out of the operations of a batch, one by one as they are asked for.

    Attributes
    ----------
    starts : list of int
        The number of the first row of each step among those of all.
    sent : list of int
        How many requests have rows of each step.
    """

    def __init__(
        self,
        collection: str,
        backend: Backend,
        ledger: Ledger,
        steps: Sequence[Step],
        rows: int,
        nbytes: int | None,
    ) -> None:
        self.starts = np.cumsum([0, *map(len, steps)]).tolist()[:-1]
        self.sent = [0] * len(steps)
        self._collection, self._backend, self._ledger, self._steps = collection, backend, ledger, steps
        self._nbytes = nbytes or backend.capabilities.batch_bytes
        self._rows = most_rows(backend, rows)

    def batches(self) -> Iterator[Batch]:
        for number, operations in enumerate(pack(self._pieces(), self._rows, self._nbytes)):
            for step in {bisect_right(self.starts, int(operation.rows[0])) - 1 for operation in operations}:
                self.sent[step] += 1
            yield Batch(self._collection, operations, number, ordered=True)

    def _pieces(self) -> Iterator[Piece]:
        for step, start in zip(self._steps, self.starts, strict=True):
            for rows, operation in step.operations(start):
                if operation is None:
                    self._ledger.skip(rows)
                elif step.matching is not None:
                    yield Piece(operation)
                else:
                    yield from pieces_of(self._backend, operation, step.rows, self._nbytes)
