"""Looks at every row before it is sent: a source's parts become checked points without bad and repeated rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from qframe.columns.dense import NullVectors
from qframe.columns.layout import Mask
from qframe.model.bad import Bad, bad_rows, first_bad
from qframe.model.ids import Ids, PointId, RowNumbers, join_ids
from qframe.write.checkpoint import Checkpoint
from qframe.write.options import WriteSettings
from qframe.write.points import Checked, duplicates, make_points
from qframe.write.roles import Roles


class Book(Protocol):
    """Who hears of the rows: the ledger of a write, or what a look without writing finds."""

    @property
    def length(self) -> int: ...

    def add_rows(self, count: int) -> None: ...

    def refuse(self, bad: Bad, first_row: int, ids: Sequence[PointId | None]) -> None: ...

    def skip(self, rows: RowNumbers) -> None: ...


@dataclass(frozen=True, slots=True)
class _Read:
    """A part as it was read: what is bad in it, and which of its rows have no id."""

    part: Checked
    first_row: int
    bad: list[Bad]
    nameless: Mask


@dataclass(slots=True)
class Inspection:
    """The rows of one call.

    Parameters
    ----------
    roles : Roles
    ledger : Book
        Told of every row, and of those that are refused or left out.
    settings : WriteSettings
    null_vectors : "raise" or "omit"
    keep_ids : bool
        Whether `ids` is kept.
    checkpoint : Checkpoint or None
        Shown every row that is not bad; those that it has as written are left out.

    Attributes
    ----------
    complete : bool
        Whether all rows have been seen.
    """

    roles: Roles
    ledger: Book
    settings: WriteSettings
    null_vectors: NullVectors
    keep_ids: bool
    checkpoint: Checkpoint | None = None
    complete: bool = field(default=False, init=False)
    _ids: list[pa.Array] = field(default_factory=list)

    @property
    def ids(self) -> pa.Array | None:
        """The ids of all rows so far, null where a row has none; None when they are not kept."""
        if not self.keep_ids:
            return None
        if not self._ids:
            return Ids(np.empty(0, dtype=np.uint64)).to_arrow()
        return pa.concat_arrays(self._ids)

    def each(self, batches: Iterable[pa.RecordBatch]) -> Iterator[Checked]:
        """Parts of a stream, each checked for itself when it is asked for.

        Raises
        ------
        FrameError
            For the first bad row, with ``errors="raise"``; the ledger has heard of all that are bad in its part.
        CheckpointError
            For rows that were written before and are others now.
        """
        for batch in batches:
            read = self._read(batch)
            left_out, again = self._repeated(read.part.points.ids, read.nameless, read.first_row)
            self._tell(read, again)
            self._refuse(read.bad, read.first_row)
            self._refuse(again, read.first_row)
            yield self._kept(read, again, left_out)
        self._ended()

    def whole(self, batches: Iterable[pa.RecordBatch]) -> list[Checked]:
        """All parts of a frame in memory, checked before any is returned; ids are compared over the whole frame.

        Raises
        ------
        FrameError
            For the first bad row, with ``errors="raise"``.
        CheckpointError
            For rows that were written before and are others now.
        """
        reads = []
        for batch in batches:
            reads.append(self._read(batch))
            self._refuse(reads[-1].bad, reads[-1].first_row)
        if not reads:
            self._ended()
            return []
        nameless = np.concatenate([read.nameless for read in reads])
        left_out, again = self._repeated(join_ids([read.part.points.ids for read in reads]), nameless, 0)
        self._refuse(again, 0)
        kept = []
        for read in reads:
            start, stop = read.first_row, read.first_row + len(read.part)
            here = _within(again, start, stop)
            self._tell(read, here)
            kept.append(self._kept(read, here, left_out[start:stop]))
        self._ended()
        return kept

    def _read(self, batch: pa.RecordBatch) -> _Read:
        first_row = self.ledger.length
        self.ledger.add_rows(batch.num_rows)
        part, bad = make_points(batch, self.roles, first_row, null_vectors=self.null_vectors)
        named = {self.roles.id_label, *getattr(self.roles.id, "columns", ())}
        nameless = bad_rows([item for item in bad if item.column in named], len(part))
        if self.keep_ids:
            ids = part.points.ids.to_arrow()
            self._ids.append(pc.if_else(pa.array(nameless), None, ids) if nameless.any() else ids)
        return _Read(part, first_row, bad, nameless)

    def _repeated(self, ids: Ids, nameless: Mask, first_row: int) -> tuple[Mask, list[Bad]]:
        return duplicates(ids, self.settings.duplicates, self.roles.id_label, usable=~nameless, first_row=first_row)

    def _refuse(self, bad: Sequence[Bad], first_row: int) -> None:
        if bad and self.settings.errors == "raise":
            raise first_bad(bad).error(first_row)

    def _tell(self, read: _Read, again: Sequence[Bad]) -> None:
        """The ledger hears of the rows that are bad."""
        ids = read.part.points.ids
        for item in [*read.bad, *again]:
            names: list[PointId | None] = [None if read.nameless[row] else ids[row] for row in item.rows.tolist()]
            self.ledger.refuse(item, read.first_row, names)

    def _kept(self, read: _Read, again: Sequence[Bad], left_out: Mask) -> Checked:
        """The rows that are to be written; the ledger hears of those that are left out on purpose."""
        bad = [*read.bad, *again]
        if not bad and not left_out.any() and self.checkpoint is None:
            return read.part
        refused = bad_rows(bad, len(read.part))
        left_out = left_out | self._written_before(read, refused, left_out)
        self.ledger.skip(np.flatnonzero(left_out & ~refused) + read.first_row)
        wanted = ~(refused | left_out)
        return read.part if wanted.all() else read.part.take(np.flatnonzero(wanted))

    def _written_before(self, read: _Read, refused: Mask, left_out: Mask) -> Mask:
        before = np.zeros(len(read.part), dtype=np.bool_)
        if self.checkpoint is not None:
            sound = np.flatnonzero(~refused)
            part = read.part if len(sound) == len(read.part) else read.part.take(sound)
            stop = read.first_row + len(read.part)
            before[sound] = self.checkpoint.written_before(part, left_out[sound], stop)
        return before

    def _ended(self) -> None:
        self.complete = True
        if self.checkpoint is not None:
            self.checkpoint.source_ended(self.ledger.length)


def _within(bad: Sequence[Bad], start: int, stop: int) -> list[Bad]:
    """What was found in the rows `start:stop`, with positions counted from `start`."""
    cut = []
    for item in bad:
        first, last = np.searchsorted(item.rows, (start, stop))
        if first < last:
            others = None if item.others is None else item.others[first:last]
            cut.append(replace(item, rows=item.rows[first:last] - start, values=item.values[first:last], others=others))
    return cut
