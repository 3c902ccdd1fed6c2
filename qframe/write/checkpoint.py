"""The checkpoint of a call: which rows an earlier one has written, held against the rows of this one, and kept up."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from qframe import locking
from qframe.columns.digests import Digests, placed, row_digests
from qframe.columns.layout import Int64, Mask
from qframe.delivery.ledger import Ledger
from qframe.errors import CheckpointError, QframeError
from qframe.model.ids import Ids, join_ids
from qframe.model.outcome import STATES, State
from qframe.planning.identity import RandomIds
from qframe.write.checkpoint_call import differences
from qframe.write.checkpoint_file import BLOCK, Saved, check_bytes, read, write
from qframe.write.flow import Ending
from qframe.write.options import WriteSettings
from qframe.write.points import Checked
from qframe.write.roles import Roles

log = logging.getLogger("qframe")

PAUSE = 0.5
"""Seconds between two savings, at least. What is heard in between and lost by a crash is sent again."""

SHARE = 20
"""A pause is so many times as long as saving took: large files on slow disks cost 5 % of a call and no more."""

_WAY_OUT = "Name another file, or delete this one, to write all rows again."


@contextmanager
def held(path: str | os.PathLike[str] | None) -> Iterator[CheckpointFile | None]:
    """The file that a call names, kept from all other calls until this one ends; None where it names none.

    A link's file is meant, not the link, and `~` is the user's folder.

    Raises
    ------
    CheckpointError
        Another call has it, or there can be no lock beside it; and as of `checkpoint_file.read`.
    """
    if path is None:
        yield None
        return
    try:
        real = Path(os.path.realpath(Path(path).expanduser()))
    except (RuntimeError, ValueError) as error:  # no such user, a null byte
        raise CheckpointError(f"checkpoint={str(path)!r} is no path: {error}.") from error
    beside = real.with_name(real.name + ".lock")
    descriptor = _locked(real, beside)
    try:
        yield CheckpointFile(real, read(real))
    finally:
        if descriptor is not None:
            locking.release(descriptor, remove=beside)


def _locked(path: Path, beside: Path) -> int | None:
    """What holds the lock; None on a file system that has none."""
    try:
        descriptor = locking.acquire(beside)
    except OSError as error:
        if error.errno in locking.UNLOCKABLE:
            with suppress(OSError):
                beside.unlink(missing_ok=True)
            log.warning("checkpoint not locked", extra={"checkpoint": str(path), "detail": error.strerror})
            return None
        read(path)  # what is wrong with the file itself is said first
        raise CheckpointError(f"checkpoint={str(path)!r} cannot be locked: {error}. Name another file.") from error
    if descriptor is None:
        raise CheckpointError(
            f"checkpoint={str(path)!r} is in use by another call{locking.holder(beside)}. Two at once would lose each "
            "other's rows: wait until that one has ended, or name another file for this one."
        )
    return descriptor


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

    @property
    def seed(self) -> int | None:
        """That of the earlier call's random ids."""
        return None if self.saved is None else self.saved.seed

    def opened(
        self,
        call: Mapping[str, Any],
        roles: Roles,
        ledger: Ledger,
        settings: WriteSettings,
        gone: Callable[[], str],
        flush: Callable[[], None],
    ) -> Checkpoint:
        """The checkpoint of a call.

        Parameters
        ----------
        call : mapping
            As `checkpoint_call.described` gives it.
        roles : Roles
        ledger : Ledger
        settings : WriteSettings
        gone : callable
            Asked where rows are written: how it is known that the collection does not have them any more, else "".
        flush : callable
            Makes what is written outlast a power loss.

        Raises
        ------
        CheckpointError
            The file is of another call, or of a collection that is gone or was emptied.
        """
        seed = roles.id.seed if isinstance(roles.id, RandomIds) else None
        saved = self.saved or Saved(call, seed, np.empty(0, dtype=np.uint8), np.empty(0, dtype=np.uint64))
        differing = differences(saved.call, call)
        if differing:
            raise CheckpointError(f"checkpoint={str(self.path)!r} is of another call: {differing}. {_WAY_OUT}")
        why = gone() if saved.written else ""
        if why:
            raise CheckpointError(
                f"checkpoint={str(self.path)!r} says that {saved.written} rows are in the collection "
                f"{call['collection']!r}, which {why}. {_WAY_OUT}"
            )
        done: tuple[State, ...] = ("written",) if settings.wait else ("written", "acknowledged")
        return Checkpoint(self.path, saved, ledger, done, settings.order != "unordered", flush)


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
    flush : callable
        Makes what is written outlast a power loss, which the file does: it must not know of rows that are lost.
    resumed : int
        Rows found so far that were written before and stay so.
    """

    path: Path
    saved: Saved
    ledger: Ledger
    done: tuple[State, ...]
    in_order: bool
    flush: Callable[[], None]
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
    _fresh: bool = False

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
        QframeError
            What is written cannot be made to last; the file is as it was.
        """
        if time.monotonic() >= self._next:
            self.save()

    def finish(self, ending: Ending) -> None:
        """Save what is known at the end. If that fails, it is how the call ended, unless it ended badly before."""
        try:
            self.save()
        except (OSError, QframeError) as error:
            ending.error = ending.error or error

    def save(self) -> None:
        """Write the file.

        Raises
        ------
        OSError, QframeError
            As of `keep_up`.
        """
        begun = time.monotonic()
        self._settle()
        if self._fresh:
            self.flush()
            self._fresh = False
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
            self._fresh |= len(rows) > 0
            if (np.isin(states, open_codes) & ~part.counted).any():
                still.append(part)
        self._parts = still


def _longer(array: npt.NDArray[Any], length: int) -> npt.NDArray[Any]:
    """The array with zeros behind it, with room to spare."""
    longer = np.zeros(max(length, 2 * len(array)), dtype=array.dtype)
    longer[: len(array)] = array
    return longer
