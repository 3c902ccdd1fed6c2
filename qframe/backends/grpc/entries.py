"""The payload of points in the form in which servers write it: where the values of the wanted keys are.

A map's entries come in an order of their own in every point, but an entry is key, then value, and its key is one of
few. So the key of each is guessed by a byte or two, the entries are laid out by key, and every guess is then checked
byte by byte. Whatever has another form is left to `payload.members`. Knows these messages and nothing of points.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from qframe.backends.grpc.payload import KEY, VALUE, Member
from qframe.columns.layout import Int64
from qframe.columns.wire_bytes import stand_at
from qframe.columns.wire_reader import Spans, Wire, varints

_PLACES = 4
"""How many places an entry there may be laid out for; beyond, keys are too rare for a place in every point."""


@dataclass(frozen=True, slots=True, eq=False)
class _Guess:
    """How the entries of some keys are told apart by a few of their bytes.

    Parameters
    ----------
    heads : list of bytes
        What an entry of each key begins with: all up to the length of the value.
    steps : list of (int, numpy.ndarray)
        Which byte to look at, and the next state by state * 256 + byte; the first state is 0. The last are positions
        in `heads`, and their number for any other key.
    """

    heads: list[bytes]
    steps: list[tuple[int, npt.NDArray[np.int64]]]

    def codes(self, wire: Wire, starts: Int64) -> Int64:
        """Position in `heads` of what each entry may begin with; IndexError for one at the very end of the answer."""
        if not self.steps:
            return np.zeros(len(starts), dtype=np.int64)
        (place, following), *steps = self.steps
        states = following[wire.data[starts + place]]
        for place, following in steps:
            states = following[states * 256 + wire.data[starts + place]]
        return states


@lru_cache(maxsize=256)
def _guess(names: frozenset[str]) -> _Guess | None:
    """None where keys cannot be told by what their entries begin with: an empty one is left out by some servers."""
    keys = [name.encode() for name in sorted(names)]
    if not all(0 < len(key) < 0x80 for key in keys):
        return None
    heads = [bytes([KEY, len(key)]) + key + bytes([VALUE]) for key in keys]
    groups, steps = [list(range(len(heads)))], []
    while len(groups) < len(heads):
        place = max(range(1, max(map(len, heads))), key=lambda place: len(list(_split(heads, groups, place))))
        parts = list(_split(heads, groups, place))
        following = np.full((len(groups) + 1, 256), len(parts), dtype=np.int64)
        for state, (group, byte, _) in enumerate(parts):
            following[group, byte] = state
        groups = [part for _, _, part in parts]
        steps.append((place, following))
    if steps:
        # States become positions; the last state is that of all other keys.
        order = np.array([group[0] for group in groups] + [len(heads)])
        steps[-1] = steps[-1][0], order[steps[-1][1]]
    return _Guess(heads, [(place, following.reshape(-1)) for place, following in steps])


def _split(heads: list[bytes], groups: list[list[int]], place: int) -> Iterator[tuple[int, int | slice, list[int]]]:
    """The groups parted by a byte, where all heads of one have it: its number, the byte or all of them, the part."""
    for number, group in enumerate(groups):
        if len(group) == 1 or min(len(heads[one]) for one in group) <= place:
            yield number, slice(None), group
            continue
        parts: dict[int, list[int]] = {}
        for one in group:
            parts.setdefault(heads[one][place], []).append(one)
        for byte, part in parts.items():
            yield number, byte, part


def wanted_members(
    wire: Wire, n: int, owners: Int64, entries: Spans, names: frozenset[str]
) -> dict[str, Member] | None:
    """The entries of the wanted keys, or None where an entry has another key or form than is usual.

    Parameters
    ----------
    wire : Wire
    n : int
        How many maps.
    owners : numpy.ndarray
        The map of each entry; of the entries of one map, the later come later.
    entries : Spans
    names : frozenset of str
    """
    guess = _guess(names)
    if guess is None or not len(entries) or n * len(names) > _PLACES * len(entries):
        return None
    try:
        return _laid_out(wire, n, owners, entries, guess, sorted(names))
    except IndexError:  # an entry that is shorter than any usual one, at the end of the answer
        return None


def _laid_out(
    wire: Wire, n: int, owners: Int64, entries: Spans, guess: _Guess, names: list[str]
) -> dict[str, Member] | None:
    places = guess.codes(wire, entries.starts) * n + owners
    starts = np.full((len(names) + 1, n), -1, dtype=np.int64)
    stops = np.empty_like(starts)
    starts.reshape(-1)[places], stops.reshape(-1)[places] = entries.starts, entries.stops
    found: dict[str, Member] = {}
    seen = 0
    every = np.arange(n)
    for name, head, begins, after in zip(names, guess.heads, starts, stops, strict=False):
        rows = every
        if begins.min() < 0:
            rows = np.flatnonzero(begins >= 0)
            begins, after = begins[rows], after[rows]
        if not len(rows):
            continue
        if not stand_at(wire, head, begins):
            return None
        lengths, contents = varints(wire.data, begins + len(head))
        if not np.array_equal(contents + lengths, after):
            return None
        found[name] = Member(rows, Spans(contents, after))
        seen += len(rows)
    # Two entries in one place: of one key, or guessed wrong.
    return found if seen == len(entries) else None
