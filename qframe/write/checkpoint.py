"""The checkpoint of a call: which rows an earlier one has written, held against the rows of this one, and kept up."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from qframe.columns.digests import Digests, placed, row_digests
from qframe.columns.layout import Int64, Mask
from qframe.delivery.ledger import Ledger
from qframe.errors import CheckpointError
from qframe.model.ids import Ids, join_ids
from qframe.model.outcome import STATES, State
from qframe.planning.identity import RandomIds
from qframe.write.checkpoint_call import differences
from qframe.write.checkpoint_file import BLOCK, Saved, check_bytes, read, write
from qframe.write.flow import Ending
from qframe.write.options import WriteSettings
from qframe.write.points import Checked
from qframe.write.roles import Roles

PAUSE = 0.5
"""Seconds between two savings, at least. What is heard in between and lost by a crash is sent again."""

SHARE = 20
"""A pause is so many times as long as saving took: large files on slow disks cost 5 % of a call and no more."""

_WAY_OUT = "Name another file, or delete this one, to write all rows again."


@dataclass(frozen=True, slots=True)
class CheckpointFile:
    """The file that a call names, as it was found.

    Parameters
    ----------
    path : pathlib.Path
    saved : Saved or None
        None when there is no such file yet.
    """

    path: Path
    saved: Saved | None

    @classmethod
    def found(cls, path: str | os.PathLike[str]) -> CheckpointFile:
        """What is at a path now; a link's file is meant, not the link, and `~` is the user's folder.

        Raises
        ------
        CheckpointError
            See `checkpoint_file.read`.
        """
        real = Path(os.path.realpath(Path(path).expanduser()))
        return cls(real, read(real))

    @property
    def seed(self) -> int | None:
        """That of the earlier call's random ids."""
        return None if self.saved is None else self.saved.seed

    def opened(
        self, call: Mapping[str, Any], roles: Roles, ledger: Ledger, settings: WriteSettings, *, there: bool
    ) -> Checkpoint:
        """The checkpoint of a call.

        Parameters
        ----------
        call : mapping
            As `checkpoint_call.described` gives it.
        roles : Roles
        ledger : Ledger
        settings : WriteSettings
        there : bool
            Whether the collection exists.

        Raises
        ------
        CheckpointError
            The file is of another call, or of a collection that is gone.
        """
        seed = roles.id.seed if isinstance(roles.id, RandomIds) else None
        saved = self.saved or Saved(call, seed, np.empty(0, dtype=np.uint8), np.empty(0, dtype=np.uint64))
        differing = differences(saved.call, call)
        if differing:
            raise CheckpointError(f"checkpoint={str(self.path)!r} is of another call: {differing}. {_WAY_OUT}")
        if saved.written and not there:
            raise CheckpointError(
                f"checkpoint={str(self.path)!r} says that {saved.written} rows are in the collection "
                f"{call['collection']!r}, which does not exist any more. {_WAY_OUT}"
            )
        done: tuple[State, ...] = ("written",) if settings.wait else ("written", "acknowledged")
        return Checkpoint(self.path, saved, ledger, done, settings.order != "unordered")


@dataclass(slots=True)
class _Part:
    """Rows that may still come to be written: their numbers, digests, and which of them are in the sums."""

    rows: Int64
    digests: Digests
    counted: Mask


@dataclass(slots=True)
class Checkpoint:
    """What is known of the rows of a call and the earlier ones with the same file.

    Parameters
    ----------
    path : pathlib.Path
    saved : Saved
        What the file says, or would say before anything is written.
    ledger : Ledger
        Of this call.
    done : tuple of str
        The states in which a row counts as written.
    in_order : bool
        Whether rows of one id must stay in order.
    resumed : int
        Rows found so far that were written before and stay so.
    """

    path: Path
    saved: Saved
    ledger: Ledger
    done: tuple[State, ...]
    in_order: bool
    resumed: int = 0
    _checks: npt.NDArray[np.uint8] = field(init=False)
    _blocks: Digests = field(init=False)
    _seen: Digests = field(init=False)
    _read: int = 0
    _compared: int = 0
    _parts: list[_Part] = field(default_factory=list)
    _repeated: list[tuple[Int64, Digests]] = field(default_factory=list)
    _to_send: Ids | None = None
    _next: float = 0.0

    def __post_init__(self) -> None:
        self._checks, self._blocks = self.saved.checks.copy(), self.saved.blocks.copy()
        self._seen = np.zeros_like(self.saved.blocks)

    def written_before(self, part: Checked, left_out: Mask, stop: int) -> Mask:
        """Which rows need not be sent.

        Parameters
        ----------
        part : Checked
            All rows up to `stop` that have not been given yet, without bad ones.
        left_out : numpy.ndarray
            `bool` of shape (n,): rows that are not to be written for another reason.
        stop : int
            The number of the row after the part.

        Returns
        -------
        numpy.ndarray
            `bool` of shape (n,).

        Raises
        ------
        CheckpointError
            A row that was written before has changed or is gone.
        """
        rows = np.asarray(part.points.rows, dtype=np.int64)
        digests = placed(row_digests(part.points, part.shard_keys), rows)
        before = self._compare(rows, digests, stop)
        again = self._repeat(part.points.ids, before, ~(left_out | before))
        self._grow(stop)
        kept = before & ~again
        if again.any():
            self._repeated.append((rows[again], digests[again]))
        self._parts.append(_Part(rows, digests, kept))
        self.resumed += int(np.count_nonzero(kept))
        return kept

    def source_ended(self, length: int) -> None:
        """There are no more rows.

        Raises
        ------
        CheckpointError
            More were written before.
        """
        written = len(self.saved.checks)
        if length < written:
            raise CheckpointError(
                f"checkpoint={str(self.path)!r} has row {written - 1} as written, and the frame ends after {length} "
                f"rows. Give the same rows as before. {_WAY_OUT}"
            )

    def start(self) -> None:
        """Save before anything is sent, with the seed of random ids: without it a crash would double rows.

        Raises
        ------
        CheckpointError
            The file cannot be written.
        """
        try:
            self.save()
        except OSError as error:
            raise CheckpointError(f"{error.strerror}. Nothing was sent. Make room, or name another file.") from error

    def keep_up(self) -> None:
        """Save if it is time again.

        Raises
        ------
        OSError
            The file cannot be written; the one before is as it was.
        """
        if time.monotonic() >= self._next:
            self.save()

    def finish(self, ending: Ending) -> None:
        """Save what is known at the end. If that fails, it is how the call ended, unless it ended badly before."""
        try:
            self.save()
        except OSError as error:
            ending.error = ending.error or error
        except KeyboardInterrupt:
            ending.interrupted = True

    def save(self) -> None:
        """Write the file.

        Raises
        ------
        OSError
            The file before is as it was.
        """
        begun = time.monotonic()
        self._settle()
        filled = np.flatnonzero(self._checks)
        length = int(filled[-1]) + 1 if len(filled) else 0
        write(
            self.path,
            Saved(self.saved.call, self.saved.seed, self._checks[:length], self._blocks[: -(-length // BLOCK)]),
        )
        now = time.monotonic()
        self._next = now + max(PAUSE, SHARE * (now - begun))

    def _compare(self, rows: Int64, digests: Digests, stop: int) -> Mask:
        """Which rows were written before; they are as they were."""
        saved = self.saved
        inside = int(np.searchsorted(rows, len(saved.checks)))
        checks = np.zeros(len(rows), dtype=np.uint8)
        checks[:inside] = saved.checks[rows[:inside]]
        before = checks != 0
        changed = rows[before & (checks != check_bytes(digests))]
        gone = np.setdiff1d(np.flatnonzero(saved.checks[self._read : stop]) + self._read, rows[before])
        if len(changed) or len(gone):
            row = int(min([*changed[:1], *gone[:1]]))
            raise self._changed(f"row {row} was written before, and is another now")
        np.add.at(self._seen, rows[before] // BLOCK, digests[before])
        whole = len(saved.blocks) if stop >= len(saved.checks) else stop // BLOCK
        here = slice(self._compared, whole)
        differing = np.flatnonzero(self._seen[here] != saved.blocks[here]) + self._compared
        if len(differing):
            first = int(differing[0]) * BLOCK
            last = min(first + BLOCK, len(saved.checks)) - 1
            raise self._changed(f"of the rows {first} to {last}, one that was written before is another now")
        self._read, self._compared = stop, max(self._compared, whole)
        return before

    def _changed(self, what: str) -> CheckpointError:
        return CheckpointError(
            f"checkpoint={str(self.path)!r}: {what}. A call goes on with the same rows in the same order. {_WAY_OUT}"
        )

    def _repeat(self, ids: Ids, before: Mask, to_send: Mask) -> Mask:
        """Rows that were written before and must be sent again, after an earlier row of their id that was not."""
        again = np.zeros(len(ids), dtype=np.bool_)
        if not self.in_order:
            return again
        earlier = ids.take(slice(0, 0)) if self._to_send is None else self._to_send
        start, n = len(earlier), len(ids)
        if before.any():
            codes, distinct = join_ids([earlier, ids]).codes()
            sent = np.concatenate([np.arange(start), np.flatnonzero(to_send) + start])[::-1]
            first = np.full(distinct, start + n, dtype=np.int64)
            first[codes[sent]] = sent
            again = before & (first[codes[start:]] < np.arange(start, start + n))
        ahead = self._read < len(self.saved.checks)
        self._to_send = join_ids([earlier, ids.take(np.flatnonzero(to_send))]) if ahead else None
        return again

    def _grow(self, stop: int) -> None:
        if stop > len(self._checks):
            self._checks = _longer(self._checks, stop)
            self._blocks = _longer(self._blocks, -(-len(self._checks) // BLOCK))

    def _settle(self) -> None:
        """Take in what the ledger has come to know.

        A row that keeps order may have been sent again before a later one of its id, written before, is met; until
        all of these are met, the file stays as it is, and says that neither is to be relied on.
        """
        if self.in_order and self._read < len(self.saved.checks):
            return
        for rows, digests in self._repeated:
            self._checks[rows] = 0
            np.subtract.at(self._blocks, rows // BLOCK, digests)
        self._repeated.clear()
        codes = [STATES.index(state) for state in self.done]
        open_codes = [STATES.index("unsent"), STATES.index("unknown")]
        still = []
        for part in self._parts:
            states = self.ledger.states[part.rows]
            fresh = np.isin(states, codes) & ~part.counted
            rows, digests = part.rows[fresh], part.digests[fresh]
            self._checks[rows] = check_bytes(digests)
            np.add.at(self._blocks, rows // BLOCK, digests)
            part.counted |= fresh
            if (np.isin(states, open_codes) & ~part.counted).any():
                still.append(part)
        self._parts = still


def _longer(array: npt.NDArray[Any], length: int) -> npt.NDArray[Any]:
    """The array with zeros behind it, with room to spare."""
    longer = np.zeros(max(length, 2 * len(array)), dtype=array.dtype)
    longer[: len(array)] = array
    return longer
