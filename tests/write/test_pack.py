"""Operations into requests: everything once and in order, within the bounds, and so that sending twice does no harm."""

from __future__ import annotations

import uuid
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qframe.model.ids import Ids
from qframe.model.operations import (
    ClearPayload,
    Delete,
    DeletePayload,
    Matching,
    Operation,
    SetPayload,
    UpdateVectors,
    Upsert,
)
from qframe.model.points import Points
from qframe.write.pack import Piece, pack


def ids_of(numbers: list[int], *, uuids: bool = False) -> Ids:
    if not uuids:
        return Ids(np.array(numbers, dtype=np.uint64))
    raw = b"".join(uuid.UUID(int=number).bytes for number in numbers)
    return Ids(np.frombuffer(raw, dtype=np.uint8).reshape(-1, 16))


def points(numbers: list[int], start: int = 0, *, uuids: bool = False) -> Points:
    payload = pa.record_batch({"a": pa.array(numbers, pa.int64())})
    return Points(ids_of(numbers, uuids=uuids), {}, payload, range(start, start + len(numbers)))


def packed(*operations: Operation, rows: int = 100, nbytes: int = 1000, size: int = 1) -> list[list[str]]:
    found = pack([Piece(operation, size) for operation in operations], rows, nbytes)
    return [[type(operation).__name__ for operation in request] for request in found]


def test_nothing_gives_nothing() -> None:
    assert packed() == []


def test_operations_travel_together() -> None:
    assert packed(Upsert(points([1])), SetPayload(points([1, 2])), Delete(points([3]))) == [
        ["Upsert", "SetPayload", "Delete"]
    ]


@pytest.mark.parametrize("uuids", [False, True])
@pytest.mark.parametrize("needing", [SetPayload, UpdateVectors, ClearPayload, lambda on: DeletePayload(on, ("a",))])
def test_an_id_that_is_needed_is_not_deleted_in_the_same_request(needing: Any, uuids: bool) -> None:
    needs, gone = needing(points([7, 8], uuids=uuids)), Delete(points([9, 8], uuids=uuids))
    name = type(needs).__name__
    assert packed(needs, gone, SetPayload(points([9], uuids=uuids))) == [[name], ["Delete", "SetPayload"]]
    assert packed(gone, needs) == [["Delete", name]]


def test_ids_of_another_kind_are_others() -> None:
    assert packed(SetPayload(points([7])), Delete(points([7], uuids=True))) == [["SetPayload", "Delete"]]


@pytest.mark.parametrize("uuids", [False, True])
def test_an_id_that_is_updated_is_not_inserted_in_the_same_request(uuids: bool) -> None:
    update = Upsert(points([7, 8], uuids=uuids), mode="update_only")
    insert = Upsert(points([9, 8], uuids=uuids), mode="insert_only")
    assert packed(update, insert) == [["Upsert"], ["Upsert"]]
    assert packed(insert, update) == [["Upsert", "Upsert"]]
    other = Upsert(points([9, 8], uuids=not uuids), mode="insert_only")
    assert packed(update, other) == [["Upsert", "Upsert"]]


@pytest.mark.parametrize("uuids", [False, True])
def test_every_id_that_is_needed_is_known_whenever_it_came(uuids: bool) -> None:
    needing = [ClearPayload(points([number], number, uuids=uuids)) for number in (5, 0, 3, 1, 6, 2, 4)]
    for number in range(8):
        requests = packed(*needing, Delete(points([number], 7, uuids=uuids)))
        assert len(requests) == (2 if number < 7 else 1)


def test_upserts_need_nothing() -> None:
    every = [Upsert(points([7]), mode=mode) for mode in ("upsert", "insert_only", "update_only")]
    assert packed(*every, Delete(points([7])), Upsert(points([7]))) == [["Upsert"] * 3 + ["Delete", "Upsert"]]


def test_what_looks_at_the_store_is_alone() -> None:
    match = Delete(Matching({"must": []}))
    gated = Upsert(points([1]), update_filter={"must": []})
    one = Upsert(points([2]))
    assert packed(one, match, one, gated, gated, one) == [
        ["Upsert"], ["Delete"], ["Upsert"], ["Upsert"], ["Upsert"], ["Upsert"],
    ]  # fmt: skip


def test_bounds() -> None:
    four = [Upsert(points([number, number + 1])) for number in range(4)]
    assert [len(request) for request in packed(*four, rows=4)] == [2, 2]
    assert [len(request) for request in packed(*four, nbytes=30, size=10)] == [3, 1]
    assert [len(request) for request in packed(*four, nbytes=5, size=10)] == [1, 1, 1, 1]


KINDS = {
    "upsert": lambda on: Upsert(on),
    "update": lambda on: Upsert(on, mode="update_only"),
    "insert": lambda on: Upsert(on, mode="insert_only"),
    "gated": lambda on: Upsert(on, update_filter={}),
    "set": lambda on: SetPayload(on),
    "clear": lambda on: ClearPayload(on),
    "delete": lambda on: Delete(on),
    "match": lambda on: Delete(Matching({}, rows=range(on.rows[0], on.rows[0] + 1))),
}


@st.composite
def sequences(draw: st.DrawFn) -> list[Piece]:
    found, row = [], 0
    for _ in range(draw(st.integers(0, 25))):
        kind = draw(st.sampled_from(sorted(KINDS)))
        numbers = draw(st.lists(st.integers(0, 6), min_size=1, max_size=4))
        operation = KINDS[kind](points(numbers, row, uuids=draw(st.booleans())))
        found.append(Piece(operation, draw(st.integers(0, 50))))
        row += len(operation.rows)
    return found


@given(sequences(), st.integers(1, 12), st.integers(1, 120))
def test_any_sequence(pieces: list[Piece], rows: int, nbytes: int) -> None:
    requests = list(pack(pieces, rows, nbytes))
    assert [id(operation) for request in requests for operation in request] == [id(item.operation) for item in pieces]
    sizes = {id(piece.operation): piece.nbytes for piece in pieces}
    for request in requests:
        assert request
        if len(request) > 1:
            assert sum(len(operation.rows) for operation in request) <= rows
            assert sum(sizes[id(operation)] for operation in request) <= nbytes
            assert not any(operation.conditional for operation in request)
        needed: set[Any] = set()
        updated: set[Any] = set()
        for operation in request:
            ids = set() if operation.ids is None else set(operation.ids.tolist())
            if operation.removes:
                assert not needed & ids
            if operation.needs_existing:
                needed |= ids
            mode = getattr(operation, "mode", None)
            if mode == "insert_only":
                assert not updated & ids
            if mode == "update_only":
                updated |= ids


@given(sequences())
def test_no_request_ends_without_a_reason(pieces: list[Piece]) -> None:
    """With room for all, a request ends only where the next operation could not have joined it."""
    requests = list(pack(pieces, 10_000, 10_000))
    for request, following in pairwise(requests):
        first = following[0]
        needed = {point for item in request if item.needs_existing and item.ids is not None for point in item.ids}
        gone = set(first.ids or ()) if first.removes else set()
        updated = {point for item in request if getattr(item, "mode", None) == "update_only" for point in item.ids}
        new = set(first.ids or ()) if getattr(first, "mode", None) == "insert_only" else set()
        assert first.conditional or request[0].conditional or needed & gone or updated & new
