"""Random batches of operations: all three backends end with the points that plain Python ends with."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import qframe as qf
from qframe.model.operations import (
    ClearPayload,
    Delete,
    DeletePayload,
    DeleteVectors,
    Matching,
    Operation,
    OverwritePayload,
    SetPayload,
    Target,
    UpdateVectors,
    Upsert,
)
from qframe.model.requests import Filter
from qframe.model.vectors import VectorColumn
from tests.backends.store import CONFIG, NAMED, IdKind, Store, dense, multi, opened, sparse

EVERYTHING = Matching({})
NUMBERS = range(6)
KEYS = ("a", "b", "o")
VALUES = st.none() | st.integers(0, 2)
OBJECTS = st.none() | st.fixed_dictionaries({"x": VALUES, "y": VALUES})
Object = dict[str, Any]


@dataclass
class Oracle:
    """Points as dictionaries, and how each operation changes them."""

    points: dict[int, Object] = field(default_factory=dict)

    def matching(self, key: str, value: int) -> list[int]:
        return [number for number, point in self.points.items() if point["payload"].get(key) == value]

    def upsert(self, number: int, payload: Object, vectors: Object) -> None:
        self.points[number] = dict.fromkeys("dms") | deepcopy(vectors) | {"payload": without_nulls(payload)}

    def merge(self, number: int, payload: Object, key: str | None, nulls: str) -> None:
        into = self.points[number]["payload"]
        if key is not None:
            if not isinstance(into.get(key), dict):
                into[key] = {}
            into = into[key]
        for name, value in payload.items():
            if value is not None:
                into[name] = without_nulls(value)
            elif nulls == "remove":
                into.pop(name, None)

    def remove(self, number: int, path: str) -> None:
        held = self.points[number]["payload"]
        *outer, last = path.split(".")
        for step in outer:
            held = held.get(step)
            if not isinstance(held, dict):
                return
        held.pop(last, None)


def without_nulls(value: Any) -> Any:
    if not isinstance(value, dict):
        return deepcopy(value)
    return {name: without_nulls(inner) for name, inner in value.items() if inner is not None}


Made = Callable[[Store], Operation]
"""An operation, for a collection with ids of either kind."""


@st.composite
def payload_rows(draw: st.DrawFn, n: int) -> tuple[dict[str, pa.Array], list[Object]]:
    """Columns, and the same as an object a row."""
    names = draw(st.lists(st.sampled_from(KEYS), unique=True, min_size=1))
    columns = {name: draw(st.lists(OBJECTS if name == "o" else VALUES, min_size=n, max_size=n)) for name in names}
    inner = pa.struct({"x": pa.int64(), "y": pa.int64()})
    arrays = {name: pa.array(values, inner if name == "o" else pa.int64()) for name, values in columns.items()}
    return arrays, [dict(zip(names, row, strict=True)) for row in zip(*columns.values(), strict=True)]


@st.composite
def vector_rows(draw: st.DrawFn, n: int) -> tuple[dict[str, VectorColumn], list[Object]]:
    """Columns, and the same as they are read back, an object a row."""
    rows: list[Object] = [{} for _ in range(n)]
    columns: dict[str, VectorColumn] = {}
    small = st.integers(0, 3).map(float)
    for name in draw(st.lists(st.sampled_from("dms"), unique=True, min_size=1)):
        if name == "d":
            given_ = draw(st.lists(st.lists(small, min_size=2, max_size=2), min_size=n, max_size=n))
            columns[name], said = dense(*given_), given_
        elif name == "m":
            flat = draw(st.lists(st.lists(small, min_size=1, max_size=2), min_size=n, max_size=n))
            columns[name], said = multi(*flat), [[[item] for item in row] for row in flat]
        else:
            held = draw(st.lists(st.dictionaries(st.integers(0, 9), small, max_size=3), min_size=n, max_size=n))
            columns[name] = sparse(*held)
            said = [{"indices": sorted(row), "values": [row[at] for at in sorted(row)]} for row in held]
        for row, value in zip(rows, said, strict=True):
            row[name] = value
    return columns, rows


@st.composite
def operations(draw: st.DrawFn, oracle: Oracle) -> Made:
    """An operation that can be done; it is done to the oracle."""
    there = sorted(oracle.points)
    makes = [_upserts, _deletes]
    if there:
        makes += [_updates, _payloads, _payloads, _overwrites, _keys, _clears, _names]
    return draw(draw(st.sampled_from(makes))(oracle, st.sampled_from(there or NUMBERS)))


@st.composite
def _upserts(draw: st.DrawFn, oracle: Oracle, _: st.SearchStrategy[int]) -> Made:
    numbers = draw(st.lists(st.sampled_from(NUMBERS), min_size=1, max_size=4))
    columns, payloads = draw(payload_rows(len(numbers)))
    vectors, held = draw(vector_rows(len(numbers)))
    for number, payload, row in zip(numbers, payloads, held, strict=True):
        oracle.upsert(number, payload, row)
    return lambda store: Upsert(store.points(*numbers, payload=columns, vectors=vectors))


@st.composite
def _updates(draw: st.DrawFn, oracle: Oracle, known: st.SearchStrategy[int]) -> Made:
    numbers = draw(st.lists(known, min_size=1, max_size=4))
    vectors, held = draw(vector_rows(len(numbers)))
    for number, row in zip(numbers, held, strict=True):
        oracle.points[number] |= deepcopy(row)
    return lambda store: UpdateVectors(store.points(*numbers, vectors=vectors))


@st.composite
def _payloads(draw: st.DrawFn, oracle: Oracle, known: st.SearchStrategy[int]) -> Made:
    numbers, codes, columns, payloads, filter_ = draw(_written(oracle, known))
    key, nulls = draw(st.sampled_from([None, "o", "a"])), draw(st.sampled_from(["remove", "omit"]))
    for number, payload in zip(numbers, payloads, strict=True):
        oracle.merge(number, payload, key, nulls)
    return lambda store: SetPayload(_target(store, numbers, columns, filter_), codes, key, nulls)


@st.composite
def _overwrites(draw: st.DrawFn, oracle: Oracle, known: st.SearchStrategy[int]) -> Made:
    numbers, codes, columns, payloads, filter_ = draw(_written(oracle, known))
    nulls = draw(st.sampled_from(["keep", "omit"]))
    for number, payload in zip(numbers, payloads, strict=True):
        oracle.points[number]["payload"] = deepcopy(payload) if nulls == "keep" else without_nulls(payload)
    return lambda store: OverwritePayload(_target(store, numbers, columns, filter_), codes, nulls)


@st.composite
def _written(draw: st.DrawFn, oracle: Oracle, known: st.SearchStrategy[int]) -> tuple[Any, ...]:
    """Which points get which payload: rows, some of them alike, or one row for all that a filter selects."""
    numbers, filter_ = draw(_chosen(oracle, known))
    if filter_ is not None:
        columns, payloads = draw(payload_rows(1))
        return numbers, None, columns, payloads * len(numbers), filter_
    columns, payloads = draw(payload_rows(len(numbers)))
    codes = np.array(draw(st.lists(st.integers(0, 1), min_size=len(numbers), max_size=len(numbers))), dtype=np.int64)
    firsts = [int(np.flatnonzero(codes == code)[0]) for code in codes]
    columns = {name: array.take(pa.array(firsts)) for name, array in columns.items()}
    return numbers, draw(st.sampled_from([codes, None])), columns, [payloads[first] for first in firsts], None


@st.composite
def _chosen(draw: st.DrawFn, oracle: Oracle, known: st.SearchStrategy[int]) -> tuple[list[int], Filter | None]:
    """Points that are there: by their numbers, which may repeat, or by a filter."""
    if draw(st.booleans()):
        return draw(st.lists(known, min_size=1, max_size=4)), None
    key, value = draw(st.sampled_from("ab")), draw(st.integers(0, 2))
    return oracle.matching(key, value), {"must": [{"key": key, "match": {"value": value}}]}


def _target(store: Store, numbers: list[int], columns: dict[str, pa.Array] | None, filter_: Filter | None) -> Target:
    if filter_ is None:
        return store.points(*numbers, payload=columns)
    return Matching(filter_, None if columns is None else pa.record_batch(columns))


@st.composite
def _keys(draw: st.DrawFn, oracle: Oracle, known: st.SearchStrategy[int]) -> Made:
    numbers, filter_ = draw(_chosen(oracle, known))
    keys = tuple(draw(st.lists(st.sampled_from(["a", "b", "o", "o.x", "a.x", "c"]), min_size=1, max_size=2)))
    for number in numbers:
        for key in keys:
            oracle.remove(number, key)
    return lambda store: DeletePayload(_target(store, numbers, None, filter_), keys)


@st.composite
def _clears(draw: st.DrawFn, oracle: Oracle, known: st.SearchStrategy[int]) -> Made:
    numbers, filter_ = draw(_chosen(oracle, known))
    for number in numbers:
        oracle.points[number]["payload"] = {}
    return lambda store: ClearPayload(_target(store, numbers, None, filter_))


@st.composite
def _names(draw: st.DrawFn, oracle: Oracle, known: st.SearchStrategy[int]) -> Made:
    numbers, filter_ = draw(_chosen(oracle, known))
    names = tuple(draw(st.lists(st.sampled_from("dms"), unique=True, min_size=1)))
    for number in numbers:
        oracle.points[number] |= dict.fromkeys(names)
    return lambda store: DeleteVectors(_target(store, numbers, None, filter_), names)


@st.composite
def _deletes(draw: st.DrawFn, oracle: Oracle, _: st.SearchStrategy[int]) -> Made:
    numbers, filter_ = draw(_chosen(oracle, st.sampled_from(NUMBERS)))
    for number in numbers:
        oracle.points.pop(number, None)
    return lambda store: Delete(_target(store, numbers, None, filter_))


@st.composite
def scripts(draw: st.DrawFn) -> list[tuple[list[Made], dict[int, Object]]]:
    """Batches, and what is stored after each of them."""
    oracle = Oracle()
    script = []
    for _ in range(draw(st.integers(1, 3))):
        batch = [draw(operations(oracle)) for _ in range(draw(st.integers(1, 5)))]
        script.append((batch, deepcopy(oracle.points)))
    return script


@pytest.fixture(scope="module")
def stores(three_connections: dict[str, qf.Connection]) -> Iterator[dict[IdKind, list[Store]]]:
    """A collection on each backend, for ids of each kind."""
    kinds: tuple[IdKind, ...] = ("integers", "uuids")
    with ExitStack() as stack:
        yield {
            kind: [stack.enter_context(opened(to, CONFIG, kind, NAMED)) for to in three_connections.values()]
            for kind in kinds
        }


@settings(max_examples=60)
@given(script=scripts(), kind=st.sampled_from(["integers", "uuids"]))
def test_all_backends_end_with_the_same_points(stores: dict[IdKind, list[Store]], script: Any, kind: IdKind) -> None:
    for store in stores[kind]:
        store.write(Delete(EVERYTHING))
        for batch, expected in script:
            store.write(*(make(store) for make in batch))
            assert store.rows() == expected
