"""Operations into requests: several to one, in their order, as far as a request can be sent twice. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from qframe.model.backend import Backend
from qframe.model.ids import Ids
from qframe.model.operations import Operation, Upsert
from qframe.write.cut import bounds


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """An operation that fits a request.

    Parameters
    ----------
    operation : Operation
    nbytes : int
        On the wire, about; 0 where there is none.
    """

    operation: Operation
    nbytes: int = 0


def pieces_of(backend: Backend, operation: Operation, rows: int, nbytes: int) -> Iterator[Piece]:
    """An operation in pieces that fit a request, in order; see `cut.bounds`."""
    for start, stop, size in bounds(backend, operation, rows, nbytes):
        yield Piece(operation.take(slice(start, stop)), size or 0)


def pack(pieces: Iterable[Piece], rows: int, nbytes: int) -> Iterator[tuple[Operation, ...]]:
    """The operations of each request, in order, at least one.

    A request may be sent again after it has been applied in part or whole, so that in one request

    * no id is deleted after an operation that needs it: the second time, it would not be there;
    * no id is inserted where it is missing (`insert_only`) after one that updates it where it is there (`update_only`):
      the second time, it would be there;
    * an operation that looks at what is stored (by filter, or with `update_filter`) is alone: the second time, it may
      find something else.

    Parameters
    ----------
    pieces : iterable of Piece
        Of at most `rows` rows and about `nbytes` bytes each.
    rows, nbytes : int
        Bounds of a request; only a single piece goes beyond them.
    """
    request = _Request()
    for piece in pieces:
        if request.pieces and not request.takes(piece, rows, nbytes):
            yield request.operations
            request = _Request()
        request.add(piece)
    if request.pieces:
        yield request.operations


@dataclass(slots=True)
class _Known:
    """Ids that are looked into while more of them come.

    In sorted runs, each more than twice as long as the next: an id is sorted a few times only, and a look is into few
    runs. 4,000 operations of one row took 28 seconds when each was compared with all before it.
    """

    _runs: dict[bool, list[npt.NDArray[Any]]] = field(default_factory=dict)

    def add(self, ids: Ids) -> None:
        runs, keys = self._runs.setdefault(ids.is_uuid, []), np.sort(ids.keys())
        while runs and len(runs[-1]) <= 2 * len(keys):
            keys = np.sort(np.concatenate([runs.pop(), keys]))
        if len(keys):
            runs.append(keys)

    def has_any(self, ids: Ids) -> bool:
        """Whether one of the ids is known."""
        keys = ids.keys()
        return any(_meet(keys, known) for known in self._runs.get(ids.is_uuid, ()))


def _meet(keys: npt.NDArray[Any], known: npt.NDArray[Any]) -> bool:
    """Whether one of the keys is among the sorted ones, of which there is at least one."""
    places = np.searchsorted(known, keys).clip(max=len(known) - 1)
    return bool((known[places] == keys).any())


@dataclass(slots=True)
class _Request:
    """What is gathered for one request.

    Parameters
    ----------
    needed : _Known
        Ids that must be there when it is sent again.
    updated : _Known
        Ids that must not be there when it is sent again, if they were not the first time.
    """

    pieces: list[Piece] = field(default_factory=list)
    rows: int = 0
    nbytes: int = 0
    needed: _Known = field(default_factory=_Known)
    updated: _Known = field(default_factory=_Known)

    @property
    def operations(self) -> tuple[Operation, ...]:
        return tuple(piece.operation for piece in self.pieces)

    def add(self, piece: Piece) -> None:
        self.pieces.append(piece)
        self.rows += len(piece.operation.rows)
        self.nbytes += piece.nbytes
        if piece.operation.needs_existing and piece.operation.ids is not None:
            self.needed.add(piece.operation.ids)
        if isinstance(piece.operation, Upsert) and piece.operation.mode == "update_only":
            self.updated.add(piece.operation.ids)

    def takes(self, piece: Piece, rows: int, nbytes: int) -> bool:
        operation = piece.operation
        if operation.conditional or self.pieces[0].operation.conditional:
            return False
        if self.rows + len(operation.rows) > rows or self.nbytes + piece.nbytes > nbytes:
            return False
        if isinstance(operation, Upsert) and operation.mode == "insert_only":
            return not self.updated.has_any(operation.ids)
        return not (operation.removes and operation.ids is not None and self.needed.has_any(operation.ids))
