"""Ropes: n byte strings, described as pieces that lie side by side in every row, sized for free and joined once.

Formats are written as ropes: what is constant or equally wide in all rows becomes one byte grid filled by numpy, what
is not stays a column of its own, and one kernel of Arrow joins them. Lengths are known before anything is written, so
a length prefix costs no copy and an estimate no encoding. Knows Arrow's layout and nothing of any format.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from qframe.columns.layout import (
    Bytes,
    Int64,
    Mask,
    as_binary,
    binary,
    content,
    ends,
    even,
    offsets,
    rows_of,
)

_EMPTY = pa.scalar(b"", pa.large_binary())

NARROW = 64
"""Widest column of equally long strings that is copied into a grid, in bytes; wider ones are joined as they are."""

Sizes = int | Int64
"""Bytes of each row; an int when it is the same for all."""


@dataclass(frozen=True, slots=True, eq=False)
class Fixed:
    """A piece of one width: the bytes themselves, or what writes them into a `uint8` view of shape (n, width).

    Where `mask` is false the row has none of it; None: all rows have it.
    """

    width: int
    fill: bytes | Callable[[Bytes], None]
    mask: Mask | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Loose:
    """A piece whose bytes are an Arrow large_binary array without nulls, made when it is joined; masked as `Fixed`."""

    make: Callable[[], pa.LargeBinaryArray]
    mask: Mask | None = None


Piece = Fixed | Loose


@dataclass(frozen=True, slots=True, eq=False)
class Rope:
    """`n` byte strings.

    Parameters
    ----------
    n : int
    pieces : tuple of Fixed or Loose
    width : int
        Bytes that every row has.
    rest : numpy.ndarray or None
        Bytes that each row has beside them, `int64` of shape (n,); None for none.
    bounds : tuple of int
        No row has fewer bytes than the first, nor more than the second; kept, since to look for them costs more than
        anything else that is done with the sizes of a small batch.
    """

    n: int
    pieces: tuple[Piece, ...]
    width: int
    rest: Int64 | None
    bounds: tuple[int, int]

    @property
    def sizes(self) -> Sizes:
        """Bytes of each row, `int64` of shape (n,), or one int for all."""
        return self.width if self.rest is None else self.rest + self.width

    @property
    def total(self) -> int:
        return self.n * self.width + (0 if self.rest is None else int(self.rest.sum()))

    @property
    def spans(self) -> Int64:
        """Offsets of the rows in the joined bytes, shape (n + 1,)."""
        return even(self.n, self.width) if self.rest is None else ends(self.rest + self.width)


def rope(n: int, *parts: bytes | Rope) -> Rope:
    """The parts side by side in each of `n` rows."""
    pieces: list[Piece] = []
    width, least, most = 0, 0, 0
    rest: Int64 | None = None
    for part in parts:
        if isinstance(part, bytes):
            pieces.append(Fixed(len(part), part))
            width += len(part)
            continue
        pieces.extend(part.pieces)
        width += part.width
        if part.rest is not None:
            rest = part.rest if rest is None else rest + part.rest
            least, most = least + part.bounds[0] - part.width, most + part.bounds[1] - part.width
    return Rope(n, tuple(pieces), width, rest, (width + least, width + most))


def fixed(n: int, width: int, fill: Callable[[Bytes], None]) -> Rope:
    """Rows of one width, written by `fill`."""
    return Rope(n, (Fixed(width, fill),), width, None, (width, width))


def loose(n: int, sizes: Sizes, make: Callable[[], pa.LargeBinaryArray]) -> Rope:
    """Rows of known sizes, made when they are joined."""
    if isinstance(sizes, int):
        return Rope(n, (Loose(make),), sizes, None, (sizes, sizes))
    return Rope(n, (Loose(make),), 0, sizes, bounds(sizes))


def bounds(values: npt.NDArray[np.integer]) -> tuple[int, int]:
    """The least and the greatest; zeros where there is none."""
    return (int(values.min()), int(values.max())) if len(values) else (0, 0)


def column(array: pa.Array) -> Rope:
    """The rows of a large_string or large_binary array; what null rows hold is anything."""
    n = len(array)
    places = offsets(array)
    sizes = places[1:] - places[:-1]
    width, most = bounds(sizes)
    if width != most or not n:
        return Rope(n, (Loose(lambda: as_binary(array)),), 0, sizes, (width, most))
    if width > NARROW:
        return loose(n, width, lambda: as_binary(array))

    def fill(out: Bytes) -> None:
        out[:] = rows_of(array).reshape(n, width)

    return fixed(n, width, fill)


def where(ropes: Rope, mask: Mask) -> Rope:
    """The rows at which the mask is true, and empty ones elsewhere."""
    both: dict[int, Mask] = {}
    pieces: list[Piece] = []
    for piece in ropes.pieces:
        if piece.mask is None:
            pieces.append(replace(piece, mask=mask))
            continue
        if id(piece.mask) not in both:
            # One array for all of one mask: pieces of one mask are written together.
            both[id(piece.mask)] = piece.mask & mask
        pieces.append(replace(piece, mask=both[id(piece.mask)]))
    return Rope(ropes.n, tuple(pieces), 0, mask * ropes.sizes, (0, ropes.bounds[1]))


def grouped(elements: Rope, spans: Int64) -> Rope:
    """Row i is the elements `spans[i]:spans[i + 1]`, one after the other: new offsets over the same bytes."""
    places = elements.spans[spans]
    return loose(len(spans) - 1, places[1:] - places[:-1], lambda: binary(places, content(join(elements))))


def join(ropes: Rope) -> pa.LargeBinaryArray:
    """The byte strings as an array without nulls whose bytes begin at offset 0."""
    n, total = ropes.n, ropes.total
    nothing = binary(np.zeros(n + 1, dtype=np.int64), np.empty(0, dtype=np.uint8))
    if not total:
        return nothing
    parts = [_part(n, run) for run in _runs(ropes.pieces)]
    if len(parts) == 1 and not parts[0].null_count and not offsets(parts[0])[0]:
        joined = parts[0]
    else:
        if all(part.null_count for part in parts):
            # A row in which every part is null is no row of what the kernel gives back (pyarrow 26).
            parts.append(nothing)
        # Null is what has no bytes in a row: the kernel passes over it, so that nothing is copied to leave it out.
        joined = pc.binary_join_element_wise(*parts, _EMPTY, null_handling="skip")
    if joined.null_count or len(joined) != n or int(offsets(joined)[-1]) != total:
        raise RuntimeError(f"{len(parts)} parts of {n} rows and {total} bytes did not join to as much")
    return joined


def _runs(pieces: Iterable[Piece]) -> list[list[Fixed] | Loose]:
    """Neighbours of fixed width and one mask together; those without any byte left out."""
    runs: list[list[Fixed] | Loose] = []
    for piece in pieces:
        if isinstance(piece, Loose):
            runs.append(piece)
        elif piece.width:
            last = runs[-1] if runs else None
            if isinstance(last, list) and last[0].mask is piece.mask:
                last.append(piece)
            else:
                runs.append([piece])
    return runs


def _part(n: int, run: Sequence[Fixed] | Loose) -> pa.LargeBinaryArray:
    """The bytes of a run, null in the rows that have none of it."""
    if isinstance(run, Loose):
        made = run.make()
        return made if run.mask is None else binary(offsets(made), content(made), run.mask)
    grid = _grid(n, run)
    return binary(even(*grid.shape), grid.reshape(-1), run[0].mask)


def _grid(n: int, run: Sequence[Fixed]) -> Bytes:
    """The pieces side by side, shape (n, total width): the constant ones in all rows at once, then the others."""
    row = b"".join([piece.fill if isinstance(piece.fill, bytes) else bytes(piece.width) for piece in run])
    grid = np.frombuffer(bytearray(row) * n, dtype=np.uint8).reshape(n, len(row))
    start = 0
    for piece in run:
        if not isinstance(piece.fill, bytes):
            piece.fill(grid[:, start : start + piece.width])
        start += piece.width
    return grid
