"""Operations into requests: several to one, in their order, as far as a request can be sent twice. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np

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
class _Request:
    """What is gathered for one request.

    Parameters
    ----------
    needed : list of Ids
        Those that must be there when it is sent again.
    updated : list of Ids
        Those that must not be there when it is sent again, if they were not the first time.
    """

    pieces: list[Piece] = field(default_factory=list)
    rows: int = 0
    nbytes: int = 0
    needed: list[Ids] = field(default_factory=list)
    updated: list[Ids] = field(default_factory=list)

    @property
    def operations(self) -> tuple[Operation, ...]:
        return tuple(piece.operation for piece in self.pieces)

    def add(self, piece: Piece) -> None:
        self.pieces.append(piece)
        self.rows += len(piece.operation.rows)
        self.nbytes += piece.nbytes
        if piece.operation.needs_existing and piece.operation.ids is not None:
            self.needed.append(piece.operation.ids)
        if isinstance(piece.operation, Upsert) and piece.operation.mode == "update_only":
            self.updated.append(piece.operation.ids)

    def takes(self, piece: Piece, rows: int, nbytes: int) -> bool:
        operation = piece.operation
        if operation.conditional or self.pieces[0].operation.conditional:
            return False
        if self.rows + len(operation.rows) > rows or self.nbytes + piece.nbytes > nbytes:
            return False
        if isinstance(operation, Upsert) and operation.mode == "insert_only":
            return not _share(operation.ids, self.updated)
        return not (operation.removes and operation.ids is not None and _share(operation.ids, self.needed))


def _share(ids: Ids, others: Iterable[Ids]) -> bool:
    """Whether one of the ids is among the others."""
    return any(bool(np.isin(ids.keys(), known.keys()).any()) for known in others if known.is_uuid is ids.is_uuid)
