"""Ropes: n byte strings, described as pieces that lie side by side in every row, sized for free and joined once.

Formats are written as ropes: what is constant or equally wide in all rows becomes one byte grid filled by numpy, what
is not stays a column of its own, and one kernel of Arrow joins them. Lengths are known before anything is written, so
a length prefix costs no copy and an estimate no encoding. Knows Arrow's layout and nothing of any format.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from qframe.columns.layout import Bytes, Int64, Mask, as_binary, binary, content, ends, even, offsets, rows_of

_EMPTY = pa.scalar(b"", pa.large_binary())

NARROW = 64
"""Widest column of equally long strings that is copied into a grid, in bytes; wider ones are joined as they are."""

Sizes = int | Int64
"""Bytes of each row; an int when it is the same for all."""


@dataclass(frozen=True, slots=True, eq=False)
class Fixed:
    """A piece of one width: the bytes themselves, or what writes them into a `uint8` view of shape (n, width)."""

    width: int
    fill: bytes | Callable[[Bytes], None]


@dataclass(frozen=True, slots=True, eq=False)
class Loose:
    """A piece whose bytes are an Arrow large_binary array without nulls, made when it is joined."""

    make: Callable[[], pa.LargeBinaryArray]


Piece = Fixed | Loose


@dataclass(frozen=True, slots=True, eq=False)
class Rope:
    """`n` byte strings.

    Parameters
    ----------
    n : int
    pieces : tuple of Fixed or Loose
    sizes : int or numpy.ndarray
        Bytes of each row, `int64` of shape (n,), or one int for all.
    """

    n: int
    pieces: tuple[Piece, ...]
    sizes: Sizes

    @property
    def total(self) -> int:
        return self.n * self.sizes if isinstance(self.sizes, int) else int(self.sizes.sum())

    @property
    def spans(self) -> Int64:
        """Offsets of the rows in the joined bytes, shape (n + 1,)."""
        return even(self.n, self.sizes) if isinstance(self.sizes, int) else ends(self.sizes)


def rope(n: int, *parts: bytes | Rope) -> Rope:
    """The parts side by side in each of `n` rows."""
    pieces: list[Piece] = []
    width = 0
    rest: Int64 | None = None
    for part in parts:
        if isinstance(part, bytes):
            pieces.append(Fixed(len(part), part))
            width += len(part)
            continue
        pieces.extend(part.pieces)
        if isinstance(part.sizes, int):
            width += part.sizes
        else:
            rest = part.sizes if rest is None else rest + part.sizes
    return Rope(n, tuple(pieces), width if rest is None else rest + width)


def fixed(n: int, width: int, fill: Callable[[Bytes], None]) -> Rope:
    """Rows of one width, written by `fill`."""
    return Rope(n, (Fixed(width, fill),), width)


def loose(n: int, sizes: Sizes, make: Callable[[], pa.LargeBinaryArray]) -> Rope:
    """Rows of known sizes, made when they are joined."""
    return Rope(n, (Loose(make),), sizes)


def column(array: pa.Array) -> Rope:
    """The rows of a large_string or large_binary array; what null rows hold is anything."""
    n = len(array)
    sizes = np.diff(offsets(array))
    if n and int(sizes.max()) == (width := int(sizes.min())):
        if width > NARROW:
            return loose(n, width, lambda: as_binary(array))

        def fill(out: Bytes) -> None:
            out[:] = rows_of(array).reshape(n, width)

        return fixed(n, width, fill)
    return loose(n, sizes, lambda: as_binary(array))


def where(ropes: Rope, mask: Mask) -> Rope:
    """The rows at which the mask is true, and empty ones elsewhere."""
    sizes = np.where(mask, ropes.sizes, 0)
    pieces: list[Piece] = []
    for run in _runs(ropes.pieces):
        if isinstance(run, Loose):
            pieces.append(Loose(partial(_blanked, run, mask)))
        else:
            pieces.append(Loose(partial(_compressed, ropes.n, run, mask)))
    return Rope(ropes.n, tuple(pieces), sizes)


def grouped(elements: Rope, spans: Int64) -> Rope:
    """Row i is the elements `spans[i]:spans[i + 1]`, one after the other: new offsets over the same bytes."""
    places = elements.spans[spans]
    return loose(len(spans) - 1, np.diff(places), lambda: binary(places, content(join(elements))))


def join(ropes: Rope) -> pa.LargeBinaryArray:
    """The byte strings as an array without nulls whose bytes begin at offset 0."""
    if not ropes.total:
        return binary(np.zeros(ropes.n + 1, dtype=np.int64), np.empty(0, dtype=np.uint8))
    parts: list[pa.LargeBinaryArray] = []
    for run in _runs(ropes.pieces):
        if isinstance(run, Loose):
            parts.append(run.make())
        else:
            grid = _grid(ropes.n, run)
            parts.append(binary(even(*grid.shape), grid.reshape(-1)))
    # The kernel turns a row null, silently, when any part of it is null.
    joined = pc.binary_join_element_wise(*parts, _EMPTY)
    if joined.null_count or len(joined) != ropes.n or int(offsets(joined)[-1]) != ropes.total:
        raise RuntimeError(f"{len(parts)} parts of {ropes.n} rows and {ropes.total} bytes did not join to as much")
    return joined


def _runs(pieces: Iterable[Piece]) -> list[list[Fixed] | Loose]:
    """Neighbours of fixed width together; those without any byte left out."""
    runs: list[list[Fixed] | Loose] = []
    for piece in pieces:
        if isinstance(piece, Loose):
            runs.append(piece)
        elif piece.width:
            last = runs[-1] if runs else None
            if isinstance(last, list):
                last.append(piece)
            else:
                runs.append([piece])
    return runs


def _grid(n: int, run: Sequence[Fixed]) -> Bytes:
    """The pieces side by side, shape (n, total width)."""
    grid = np.empty((n, sum(piece.width for piece in run)), dtype=np.uint8)
    start = 0
    for piece in run:
        view = grid[:, start : start + piece.width]
        if isinstance(piece.fill, bytes):
            view[:] = np.frombuffer(piece.fill, dtype=np.uint8)
        else:
            piece.fill(view)
        start += piece.width
    return grid


def _compressed(n: int, run: Sequence[Fixed], mask: Mask) -> pa.LargeBinaryArray:
    grid = _grid(n, run)
    return binary(ends(mask * np.int64(grid.shape[1])), grid[mask].reshape(-1))


def _blanked(piece: Loose, mask: Mask) -> pa.LargeBinaryArray:
    array = piece.make()
    if not np.diff(offsets(array))[~mask].any():
        return array
    return pc.if_else(pa.array(mask), array, _EMPTY)
