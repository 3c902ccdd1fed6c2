"""Small parts become larger ones, with the same rows in the same order."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qframe.frames.source import PART_ROWS
from qframe.model.ids import Ids
from qframe.model.points import Points, ShardKey
from qframe.model.vectors import Dense, Multi, Sparse
from qframe.write import gather
from qframe.write.gather import gathered
from qframe.write.points import Checked


def whole(n: int) -> Checked:
    """Rows with every kind of column, some of them without vectors."""
    lengths = np.arange(n) % 4
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    total, there = int(offsets[-1]), lengths > 0
    floats = np.arange(2 * total, dtype=np.float32)
    vectors = {
        "d": Dense(np.arange(2 * n, dtype=np.float32).reshape(n, 2)),
        "d?": Dense(np.arange(n, dtype=np.float32).reshape(n, 1), there),
        "s": Sparse(offsets, np.arange(total, dtype=np.uint32), floats[:total], there),
        "m": Multi(offsets, floats.reshape(total, 2), there),
    }
    kinds = pa.array([f"k{i % 3}" for i in range(n)]).dictionary_encode()
    payload = pa.record_batch(
        {"n": pa.array(range(n)), "kind": kinds, "list": pa.array([["x"] * (i % 3) for i in range(n)])}
    )
    points = Points(Ids(np.arange(n, dtype=np.uint64)), vectors, payload, range(100, 100 + n))
    return Checked(points, pa.array([f"t{i % 2}" for i in range(n)]))


def rows_of(part: Checked) -> list[Any]:
    """Everything that each row holds."""
    points = part.points
    assert points.payload is not None
    assert part.shard_keys is not None
    found = []
    for i in range(len(points)):
        one = points.take(slice(i, i + 1))
        held = {}
        for name, column in one.vectors.items():
            gone = column.present is not None and not column.present[0]
            indices = column.indices.tolist() if isinstance(column, Sparse) else None
            held[name] = None if gone else (column.kind, column.values.tolist(), indices)
        found.append((points.ids.tolist()[i], int(points.rows[i]), held, part.shard_keys[i].as_py()))
    return list(zip(found, points.payload.to_pylist(), strict=True))


@given(st.lists(st.integers(0, 7), max_size=8), st.integers(1, 20), st.booleans())
def test_rows_stay_what_and_where_they_are(lengths: list[int], most: int, gaps: bool) -> None:
    every, parts, start = whole(sum(lengths)), [], 0
    for length in lengths:
        # A part that bad rows were left out of has row numbers of its own.
        index = np.arange(start, start + length) if gaps else slice(start, start + length)
        parts.append(every.take(index))
        start += length
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gather, "PART_ROWS", most)
        found = list(gathered(parts))
    assert [row for part in found for row in rows_of(part)] == rows_of(every)
    assert all(len(part) <= max(most, 7) for part in found)


def test_as_many_as_the_bounds_allow(monkeypatch: pytest.MonkeyPatch) -> None:
    parts = [whole(10).take(slice(i, i + 1)) for i in range(10)]
    assert [len(part) for part in gathered(parts)] == [10]
    monkeypatch.setattr(gather, "PART_ROWS", 4)
    assert [len(part) for part in gathered(parts)] == [4, 4, 2]
    monkeypatch.setattr(gather, "PART_ROWS", PART_ROWS)
    alike = [of(pa.array([i])) for i in range(10)]
    monkeypatch.setattr(gather, "PART_BYTES", 3 * alike[0].points.nbytes)
    assert [len(part) for part in gathered(alike)] == [3, 3, 3, 1]


def test_a_part_alone_is_not_copied() -> None:
    alone = whole(5)
    assert next(gathered([alone])) is alone
    assert list(gathered([])) == []


def of(payload: Any, shard_key: ShardKey | None = None) -> Checked:
    batch = pa.record_batch({"x": payload})
    return Checked(Points(Ids(np.arange(len(payload), dtype=np.uint64)), {}, batch, range(len(payload)), shard_key))


def narrow(*values: str) -> pa.DictionaryArray:
    return pa.DictionaryArray.from_arrays(pa.array(range(len(values)), pa.int8()), pa.array(values))


@pytest.mark.parametrize("nested", [False, True])
def test_dictionaries_that_differ_stay_apart(nested: bool) -> None:
    """Their indices may have no room for what both hold."""
    columns = [narrow(*(f"{n}/{i}" for i in range(100))) for n in range(2)]
    if nested:
        columns = [pa.StructArray.from_arrays([column], ["y"]) for column in columns]
    one, other = map(of, columns)
    assert [len(part) for part in gathered([one, one, other, other])] == [200, 200]


@pytest.mark.parametrize("nested", [False, True])
def test_text_of_several_dictionaries_is_joined_where_indices_have_room(nested: bool) -> None:
    """Parquet gives each row group a dictionary of its own: 200 groups were 200 requests."""
    columns = [pa.array([f"{n}", None, "both"]).dictionary_encode() for n in range(3)]
    if nested:
        columns = [pa.ListArray.from_arrays(pa.array([0, 1, 3]), column) for column in columns]
    [found] = gathered(map(of, columns))
    assert found.points.payload is not None
    assert found.points.payload["x"].to_pylist() == [value for column in columns for value in column.to_pylist()]


@pytest.mark.parametrize("values", [["a", None], [1, 2], [True, False]], ids=str)
def test_dictionaries_that_arrow_may_not_join_stay_apart(values: list[Any]) -> None:
    columns = [
        pa.DictionaryArray.from_arrays(pa.array([0, 1], pa.int32()), pa.array(held)) for held in (values, values[::-1])
    ]
    assert [len(part) for part in gathered(map(of, columns))] == [2, 2]


def test_the_one_shard_key_stays() -> None:
    [found] = gathered([of(pa.array([1]), "a"), of(pa.array([2]), "a")])
    assert (found.points.shard_key, found.shard_keys) == ("a", None)
