"""Qdrant's vector messages as vector columns: dense, sparse and multi, in today's fields and those of before 1.17."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from qframe.backends.grpc.messages import delimited
from qframe.backends.grpc.payload import Member, members
from qframe.columns.layout import Int64, Mask, ends
from qframe.columns.vector_rows import VectorRows
from qframe.columns.wire_bytes import gather_even, gather_flat, stand_at
from qframe.columns.wire_reader import (
    FIXED32,
    LENGTH,
    VARINT,
    Fields,
    Spans,
    Wire,
    fields,
    last,
    packed_varints,
    varints,
)
from qframe.model.schema import VectorField
from qframe.model.vectors import Dense, Multi, Sparse, VectorColumn

Float32 = npt.NDArray[np.float32]

_NUMBERS: dict[str, int] = {"dense": 101, "sparse": 102, "multi": 103}
_NOTHING = 0
_DATA, _INDICES, _COUNT = 1, 2, 3
_OLD = {_DATA: 101, _INDICES: 102, _COUNT: 103}
"""Fields of `VectorOutput` before 1.17: data alone is dense, with indices sparse, with a count multi."""


def vectors_of(wire: Wire, n: int, rows: Int64, outputs: Spans, wanted: Sequence[VectorField]) -> dict[str, VectorRows]:
    """The wanted vectors of the `VectorsOutput` messages at `rows` of `n`, by name; what none has is not there."""
    if len(wanted) == 1 and len(rows) == n and (alone := _alone(wire, outputs, wanted[0])) is not None:
        return {wanted[0].vector: VectorRows(alone)}
    held = vector_members(wire, rows, outputs)
    return {field.vector: vector_column(wire, n, field, held[field.vector]) for field in wanted if field.vector in held}


def _alone(wire: Wire, outputs: Spans, wanted: VectorField) -> Dense | None:
    """The vectors if every message is but one dense vector, in the usual form; else None."""
    if wanted.kind != "dense" or not wanted.dim or not len(outputs):
        return None
    head, size = _head(wanted.vector, wanted.dim), 4 * wanted.dim
    if (outputs.stops - outputs.starts != len(head) + size).any() or not stand_at(wire, head, outputs.starts):
        return None
    flat = gather_even(wire, outputs.starts + len(head), size)
    return Dense(flat.view("<f4").astype(np.float32, copy=False).reshape(-1, wanted.dim))


@lru_cache(maxsize=64)
def _head(name: str, dim: int) -> bytes:
    """What stands before the floats in a `VectorsOutput` message of one dense vector."""
    floats = bytes(4 * dim)
    output = delimited(_NUMBERS["dense"], delimited(_DATA, floats))
    if name:
        whole = delimited(2, delimited(1, delimited(1, name.encode()) + delimited(2, output)))
    else:
        whole = delimited(1, output)
    return whole[: -len(floats)]


def vector_members(wire: Wire, rows: Int64, outputs: Spans) -> dict[str, Member]:
    """The `VectorOutput` messages within `VectorsOutput` messages by vector name, "" for the unnamed one."""
    found = fields(wire, outputs)
    owners, single = last(*found.of(1))
    groups, maps = found.of(2)
    inner, entries = fields(wire, maps).of(1)
    named = members(wire, rows[groups[inner]], entries)
    if not len(owners):
        return named
    alone = Member(rows[owners], single)
    # Beside other vectors the unnamed one is named "".
    return {**named, "": _merged(alone, named[""]) if "" in named else alone}


def _merged(one: Member, other: Member) -> Member:
    """The members of different rows as one."""
    rows = np.concatenate([one.rows, other.rows])
    order = np.argsort(rows, kind="stable")
    starts = np.concatenate([one.spans.starts, other.spans.starts])
    stops = np.concatenate([one.spans.stops, other.spans.stops])
    return Member(rows[order], Spans(starts[order], stops[order]))


def vector_column(wire: Wire, n: int, wanted: VectorField, member: Member) -> VectorRows:
    """The vectors of one name over `n` rows."""
    found = fields(wire, member.spans)
    numbers, old = _numbers_of(found, len(member.rows))
    number = _NUMBERS[wanted.kind]
    chosen = np.flatnonzero(numbers == number)
    carriers = member.spans.take(chosen) if old else last(*found.of(number))[1]
    parts = _PARTS[number](wire, carriers, old)
    fits = parts.fit(wanted.dim)
    numbers[chosen[fits]] = _NOTHING
    misfits = np.flatnonzero(numbers != _NOTHING).tolist()
    bad = {
        int(member.rows[i]): _object(wire, member.spans.take(slice(i, i + 1)), int(numbers[i]), old) for i in misfits
    }
    return VectorRows(parts.column(n, member.rows[chosen], fits, wanted.dim or 0), bad)


def _numbers_of(found: Fields, n: int) -> tuple[Int64, bool]:
    """Which of `_NUMBERS` each of `n` `VectorOutput` messages has, and whether they are of the old form."""
    numbers = np.full(n, _NOTHING, dtype=np.int64)
    of_fields = found.keys >> 3
    new = (of_fields >= min(_OLD.values())) & (of_fields <= max(_OLD.values()))
    if new.any():
        numbers[found.owners[new]] = of_fields[new]
        return numbers, False
    for old, number in _OLD.items():
        numbers[found.owners[of_fields == old]] = number
    return numbers, True


def _object(wire: Wire, message: Spans, number: int, old: bool) -> object:
    """One vector as a Python object, for an error."""
    carrier = message if old else last(*fields(wire, message).of(number))[1]
    return _PARTS[number](wire, carrier, old).shown()


@dataclass(frozen=True, slots=True, eq=False)
class _Flat:
    """Dense vectors one after the other, `counts` floats each."""

    counts: Int64
    values: Float32

    def fit(self, dim: int | None) -> Mask:
        return self.counts == dim

    def column(self, n: int, rows: Int64, fits: Mask, dim: int) -> VectorColumn:
        if len(rows) == n and fits.all():
            return Dense(self.values.reshape(n, dim))
        values = np.zeros((n, dim), dtype=np.float32)
        values[rows[fits]] = self.values[np.repeat(fits, self.counts)].reshape(-1, dim)
        return Dense(values, _present(n, rows[fits]))

    def shown(self) -> object:
        return self.values.tolist()


@dataclass(frozen=True, slots=True, eq=False)
class _Pairs:
    """Sparse vectors one after the other."""

    counts: Int64
    values: Float32
    index_counts: Int64
    indices: npt.NDArray[np.uint32]

    def fit(self, _: int | None) -> Mask:
        return self.counts == self.index_counts

    def column(self, n: int, rows: Int64, fits: Mask, _: int) -> VectorColumn:
        indices = self.indices if fits.all() else self.indices[np.repeat(fits, self.index_counts)]
        values = self.values if fits.all() else self.values[np.repeat(fits, self.counts)]
        return Sparse(_offsets(n, rows[fits], self.counts[fits]), indices, values, _present(n, rows[fits]))

    def shown(self) -> object:
        return {"indices": self.indices.tolist(), "values": self.values.tolist()}


@dataclass(frozen=True, slots=True, eq=False)
class _Nested:
    """Multivectors one after the other: `counts` vectors each, `widths` floats the vector."""

    counts: Int64
    widths: Int64
    values: Float32

    def fit(self, dim: int | None) -> Mask:
        wrong = ends((self.widths != dim).astype(np.int64))
        return (np.diff(wrong[ends(self.counts)]) == 0) & (self.counts > 0)

    def column(self, n: int, rows: Int64, fits: Mask, dim: int) -> VectorColumn:
        values = self.values if fits.all() else self.values[np.repeat(np.repeat(fits, self.counts), self.widths)]
        spans = _offsets(n, rows[fits], self.counts[fits])
        return Multi(spans, values.reshape(-1, dim), _present(n, rows[fits]))

    def shown(self) -> object:
        return [part.tolist() for part in np.split(self.values, np.cumsum(self.widths)[:-1])]


def _present(n: int, rows: Int64) -> Mask | None:
    if len(rows) == n:
        return None
    mask = np.zeros(n, dtype=np.bool_)
    mask[rows] = True
    return mask


def _offsets(n: int, rows: Int64, counts: Int64) -> Int64:
    lengths = np.zeros(n, dtype=np.int64)
    lengths[rows] = counts
    return ends(lengths)


def _floats(wire: Wire, carriers: Spans) -> tuple[Int64, Float32]:
    """The floats in field 1 of each message, packed or one by one, and how many there are."""
    found = fields(wire, carriers)
    mask = (found.keys == 8 + LENGTH) | (found.keys == 8 + FIXED32)
    spans = found.spans.take(mask)
    sizes = (spans.stops - spans.starts) // 4
    counts = np.bincount(found.owners[mask], weights=sizes, minlength=len(carriers)).astype(np.int64)
    return counts, gather_flat(wire, spans).view("<f4").astype(np.float32, copy=False)


def _numbers(wire: Wire, carriers: Spans, number: int) -> tuple[Int64, npt.NDArray[np.uint32]]:
    """The uint32 in a field of each message, packed or one by one, and how many there are."""
    found = fields(wire, carriers)
    mask = (found.keys == 8 * number + LENGTH) | (found.keys == 8 * number + VARINT)
    spans = found.spans.take(mask)
    values, after = packed_varints(gather_flat(wire, spans))
    # Which field each number is in, by where it ends.
    places = np.searchsorted(np.cumsum(spans.stops - spans.starts), after, side="left")
    counts = np.bincount(found.owners[mask][places], minlength=len(carriers))
    return counts, values.astype(np.uint32)


def _dense(wire: Wire, carriers: Spans, _: bool) -> _Flat:
    return _Flat(*_floats(wire, carriers))


def _sparse(wire: Wire, carriers: Spans, old: bool) -> _Pairs:
    counts, values = _floats(wire, carriers)
    if not old:
        return _Pairs(counts, values, *_numbers(wire, carriers, _INDICES))
    # Before 1.17 the indices are in a message of their own.
    owners, inner = last(*fields(wire, carriers).of(_INDICES))
    inner_counts, indices = _numbers(wire, inner, 1)
    index_counts = np.zeros(len(carriers), dtype=np.int64)
    index_counts[owners] = inner_counts
    return _Pairs(counts, values, index_counts, indices)


def _multi(wire: Wire, carriers: Spans, old: bool) -> _Nested:
    if not old:
        owners, vectors = fields(wire, carriers).of(1)
        widths, values = _floats(wire, vectors)
        return _Nested(np.bincount(owners, minlength=len(carriers)), widths, values)
    totals, values = _floats(wire, carriers)
    owners, spans = last(*fields(wire, carriers).of(_COUNT, VARINT))
    counts = np.zeros(len(carriers), dtype=np.int64)
    counts[owners] = varints(wire.data, spans.starts)[0]
    even = (counts > 0) & (counts <= np.maximum(totals, 1)) & (totals % np.maximum(counts, 1) == 0)
    # A count that does not divide the floats: an empty vector and all the rest, which fits no schema.
    counts = np.where(even, counts, 2)
    widths = np.repeat(np.where(even, totals // counts, 0), counts)
    widths[ends(counts)[1:][~even] - 1] = totals[~even]
    return _Nested(counts, widths, values)


_PARTS: dict[int, Callable[[Wire, Spans, bool], _Flat | _Pairs | _Nested]] = {101: _dense, 102: _sparse, 103: _multi}
