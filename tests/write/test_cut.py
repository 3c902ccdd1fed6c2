"""Cutting rows into batches: nothing lost, order kept, groups whole, bounds held."""

from __future__ import annotations

from itertools import pairwise
from unittest import mock

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from qframe.model.ids import Ids
from qframe.model.operations import SetPayload, Upsert
from qframe.model.points import Points
from qframe.model.vectors import Dense
from qframe.write import cut as cutting
from qframe.write.cut import cut, group, levels, stretches


class Sized:
    """A backend that says how large rows are."""

    def __init__(self, sizes: npt.NDArray[np.int64] | None) -> None:
        self._sizes = sizes

    def estimate(self, operation: Upsert) -> npt.NDArray[np.int64] | None:
        return None if self._sizes is None else self._sizes[np.asarray(operation.rows)]


def points(count: int, **vectors: Dense) -> Points:
    return Points(Ids(np.arange(count, dtype=np.uint64)), vectors, None, range(count))


class Shared:
    """A backend on which neighbours of one tenth share a payload: its first row carries it."""

    def estimate(self, operation: SetPayload) -> npt.NDArray[np.int64]:
        tenths = np.asarray(operation.rows) // 10
        return np.where(np.diff(tenths, prepend=-1) > 0, 100, 1)


@given(
    sizes=st.lists(st.integers(1, 50), min_size=1, max_size=200),
    rows=st.integers(1, 60),
    nbytes=st.integers(1, 400),
    window=st.integers(1, 250),
)
def test_pieces_are_as_large_as_the_bounds_allow_and_no_larger(
    sizes: list[int], rows: int, nbytes: int, window: int
) -> None:
    with mock.patch.object(cutting, "WINDOW", window):
        pieces = list(cut(Sized(np.array(sizes)), Upsert(points(len(sizes))), rows, nbytes))
    assert [row for piece in pieces for row in piece.rows] == list(range(len(sizes)))
    for piece in pieces:
        assert 1 <= len(piece.rows) <= rows
        assert sum(sizes[row] for row in piece.rows) <= nbytes or len(piece.rows) == 1
    for piece, following in pairwise(pieces):
        more = [*piece.rows, following.rows[0]]
        assert len(more) > rows or sum(sizes[row] for row in more) > nbytes


@given(count=st.integers(1, 300), rows=st.integers(1, 60), nbytes=st.integers(1, 400), window=st.integers(1, 320))
def test_a_piece_carries_what_it_shared_with_the_one_before(count: int, rows: int, nbytes: int, window: int) -> None:
    backend = Shared()
    with mock.patch.object(cutting, "WINDOW", window):
        pieces = list(cut(backend, SetPayload(points(count), np.arange(count) // 10), rows, nbytes))
    assert [row for piece in pieces for row in piece.rows] == list(range(count))
    for piece in pieces:
        sizes = backend.estimate(piece)
        assert sizes.sum() <= nbytes or (sizes[0] > nbytes and set(sizes[1:]) <= {1} and len(sizes) - 1 <= nbytes)


def test_a_payload_over_the_bound_is_carried_once_for_the_rows_that_share_it() -> None:
    def lengths(count: int, rows: int, nbytes: int) -> list[int]:
        operation = SetPayload(points(count), np.arange(count) // 10)
        return [len(piece.rows) for piece in cut(Shared(), operation, rows, nbytes)]

    assert lengths(30, 60, 50) == [10, 10, 10]
    assert lengths(30, 60, 4) == [5, 5] * 3
    assert lengths(30, 4, 50) == [4, 4, 2] * 3
    # Rows of their own are over it one by one.
    assert [len(piece.rows) for piece in cut(Shared(), SetPayload(points(30)), 60, 50)][:3] == [1, 9, 1]


@given(count=st.integers(1, 5000), rows=st.integers(1, 3000))
def test_rows_without_a_size_are_cut_by_number(count: int, rows: int) -> None:
    pieces = list(cut(Sized(None), Upsert(points(count)), rows, 1))
    assert [row for piece in pieces for row in piece.rows] == list(range(count))
    assert max(len(piece.rows) for piece in pieces) <= min(rows, 1000)


@given(data=st.data(), count=st.integers(1, 40))
def test_groups_have_one_shard_key_and_the_same_vectors(data: st.DataObject, count: int) -> None:
    masks = {name: np.array(data.draw(st.lists(st.booleans(), min_size=count, max_size=count))) for name in ("a", "b")}
    keys = data.draw(st.lists(st.sampled_from(["x", "y", "z"]), min_size=count, max_size=count))
    values = np.arange(2 * count, dtype=np.float32).reshape(count, 2)
    whole = points(count, **{name: Dense(values, mask) for name, mask in masks.items()})
    seen: list[int] = []
    for part in group(whole, pa.array(keys)):
        rows = list(part.rows)
        assert rows == sorted(rows)
        seen += rows
        assert {keys[row] for row in rows} == {part.shard_key}
        for name, mask in masks.items():
            assert {bool(mask[row]) for row in rows} == {name in part.vectors}
            if name in part.vectors:
                assert part.vectors[name].present is None
                assert part.vectors[name].values.tolist() == values[rows].tolist()
    assert sorted(seen) == list(range(count))


@given(data=st.data(), count=st.integers(1, 60))
def test_an_order_is_kept_as_far_as_it_was_asked_for(data: st.DataObject, count: int) -> None:
    ids = np.array(data.draw(st.lists(st.integers(0, 5), min_size=count, max_size=count)), dtype=np.uint64)
    keys = data.draw(st.lists(st.sampled_from(["x", "y"]), min_size=count, max_size=count))
    mask = np.array(data.draw(st.lists(st.booleans(), min_size=count, max_size=count)))
    whole = Points(Ids(ids), {"a": Dense(np.zeros((count, 2), dtype=np.float32), mask)}, None, range(count))
    kind = list(zip(keys, mask.tolist(), strict=True))

    parts = list(stretches(whole, pa.array(keys)))
    assert [row for part in parts for row in part.rows] == list(range(count))
    assert all(kind[first.rows[0]] != kind[second.rows[0]] for first, second in pairwise(parts))

    parts = list(levels(whole, pa.array(keys)))
    sent = [int(row) for part in parts for row in part.rows]
    assert sorted(sent) == list(range(count))
    for point in set(ids.tolist()):
        assert [row for row in sent if ids[row] == point] == np.flatnonzero(ids == point).tolist()
    # As few as there can be: each of the groups once, and again only for ids that changed between them.
    changes = [sum(kind[a] != kind[b] for a, b in pairwise(np.flatnonzero(ids == point))) for point in set(ids)]
    assert len(parts) <= len(set(kind)) * (1 + max(changes))
    for part in parts:
        assert {kind[row] for row in part.rows} == {(part.shard_key, "a" in part.vectors)}


def test_one_group_is_not_copied() -> None:
    values = np.zeros((5, 2), dtype=np.float32)
    (part,) = group(points(5, a=Dense(values)), None)
    assert part.vectors["a"].values is values
