"""Digests of rows: equal to those of slow Python by the same formula, blind to layout, and not to anything stored."""

from __future__ import annotations

import hashlib
import struct
import uuid
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qframe.columns.digests import placed, row_digests
from qframe.model.ids import Ids
from qframe.model.points import Points
from qframe.model.vectors import Dense, Multi, Sparse

ALL = (1 << 64) - 1
STEP = 0x9E3779B97F4A7C15
NULL = int.from_bytes(b"null" * 2, "big")


def mix(value: int) -> int:
    value ^= value >> 30
    value = value * 0xBF58476D1CE4E5B9 & ALL
    value ^= value >> 27
    value = value * 0x94D049BB133111EB & ALL
    return value ^ value >> 31


def times(place: int) -> int:
    return mix((place + 1) * STEP & ALL) | 1


def text(name: str) -> int:
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), "little")


def fields(parts: dict[str, int]) -> int:
    return mix(sum(mix(part ^ text(name)) for name, part in parts.items()) & ALL)


def span(values: list[int]) -> int:
    return (sum(value * times(place) for place, value in enumerate(values)) + mix(len(values) + STEP & ALL)) & ALL


def words(vector: list[float]) -> list[int]:
    return list(struct.unpack(f"<{len(vector)}I", struct.pack(f"<{len(vector)}f", *vector)))


def value(found: Any) -> int:
    """Of a payload value, as Python has it."""
    match found:
        case None:
            return NULL
        case bool():
            return mix(int(found) ^ text("bool"))
        case int():
            return mix(found & ALL ^ text("int64"))
        case float():
            return mix(int.from_bytes(struct.pack("<d", found), "little") ^ text("double"))
        case str():
            raw = found.encode()
            length, raw = len(raw), raw + bytes(-len(raw) % 8)
            halves = list(struct.unpack(f"<{len(raw) // 4}I", raw))
            whole = sum(half * times(place) for place, half in enumerate(halves)) + mix(len(raw) // 8 + STEP & ALL)
            return mix(whole & ALL ^ mix(length))
        case list():
            return mix(span([value(item) for item in found]))
        case dict():
            return fields({name: value(item) for name, item in found.items()})
    raise TypeError(found)


def whole(digests: dict[str, int]) -> int:
    return fields(digests)


def points(payload: pa.RecordBatch | None = None, n: int | None = None, **vectors: Any) -> Points:
    n = n if n is not None else payload.num_rows if payload is not None else len(next(iter(vectors.values())))
    return Points(Ids(np.arange(7, 7 + n, dtype=np.uint64)), vectors, payload, range(n))


class TestFormula:
    """The same numbers from another hand; a digest that changes makes every checkpoint file useless."""

    @given(st.lists(st.text(), max_size=6))
    def test_of_text(self, strings: list[str]) -> None:
        found = row_digests(points(pa.record_batch({"a": pa.array(strings, pa.large_string())})))
        assert found.tolist() == [whole({"id": mix(7 + i), "payload a": value(s)}) for i, s in enumerate(strings)]

    @given(st.lists(st.lists(st.none() | st.integers(-(2**63), 2**63 - 1), max_size=4), max_size=5))
    def test_of_lists(self, lists: list[list[int | None]]) -> None:
        found = row_digests(points(pa.record_batch({"a": pa.array(lists, pa.list_(pa.int64()))})))
        assert found.tolist() == [whole({"id": mix(7 + i), "payload a": value(s)}) for i, s in enumerate(lists)]

    @given(st.lists(st.none() | st.fixed_dictionaries({"b": st.booleans() | st.none(), "f": st.floats(width=64)})))
    def test_of_objects(self, objects: list[dict[str, Any] | None]) -> None:
        array = pa.array(objects, pa.struct([("b", pa.bool_()), ("f", pa.float64())]))
        found = row_digests(points(pa.record_batch({"a": array})))
        for i, item in enumerate(objects):
            if item is not None and item["f"] != item["f"]:
                objects[i] = item | {"f": None}  # NaN is stored as null
        assert found.tolist() == [whole({"id": mix(7 + i), "payload a": value(s)}) for i, s in enumerate(objects)]

    def test_of_vectors(self) -> None:
        dense = np.array([[1.5, -2.0, 0.1], [0.0, 3.0, 4.0]], dtype=np.float32)
        offsets = np.array([0, 2, 2])
        flat = np.array([0.25, 0.5], dtype=np.float32)
        sparse = Sparse(offsets, np.array([3, 9], dtype=np.uint32), flat)
        multi = Multi(offsets, np.array([[1, 2], [3, 4]], dtype=np.float32), np.array([True, False]))
        found = row_digests(points(d=Dense(dense), s=sparse, m=multi))
        for row, digest in enumerate(found.tolist()):
            here = slice(offsets[row], offsets[row + 1])
            of_dense = mix(sum(w * times(place) for place, w in enumerate(words(dense[row].tolist()))) & ALL)
            indices, values = span(sparse.indices[here].tolist()), span(words(flat[here].tolist()))
            of_multi = mix(span(words(multi.values[here].reshape(-1).tolist()))) if row == 0 else NULL
            of_sparse = mix(mix(indices) + values & ALL)
            parts = {"vector d": of_dense, "vector s": of_sparse, "vector m": of_multi}
            assert digest == whole({"id": mix(7 + row), **parts})

    def test_of_ids_and_shard_keys(self) -> None:
        made = uuid.UUID("a7a6326d-2df3-510b-8f71-eca6a0033843")
        ids = Ids(np.frombuffer(made.bytes, dtype=np.uint8).reshape(1, 16))
        low, high = struct.unpack("<2Q", made.bytes)
        found = row_digests(Points(ids, {}, None, range(1), "de"))
        of_id = mix(low) + mix(high ^ STEP) & ALL
        assert found.tolist() == [whole({"id": of_id, "shard key": text("'de'")})]
        found = row_digests(Points(ids, {}, None, range(1)), pa.array(["de"]))
        assert found.tolist() == [whole({"id": of_id, "shard key": value("de")})]

    def test_stays_as_it_is(self) -> None:
        payload = pa.record_batch({"city": ["Köln", None], "price": [1.5, -3.25], "tags": [["a", "b"], []]})
        vector = Dense(np.array([[0.5, -1.0], [2.0, 3.0]], dtype=np.float32))
        found = row_digests(points(payload, **{"": vector}))
        assert [f"{digest:016x}" for digest in found.tolist()] == PINNED
        assert [f"{digest:016x}" for digest in placed(found, range(5, 7)).tolist()] == PINNED_PLACED


PINNED = ["e38c32c7de87c38d", "772865a20f17a05e"]
PINNED_PLACED = ["7ad2455b47d3345e", "ee8a9898a871ac3b"]


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(lambda t: t.slice(0, 3), id="as it is"),
        pytest.param(lambda t: pa.concat_tables([t.slice(2, 1), t]).combine_chunks().slice(1), id="sliced"),
        pytest.param(lambda t: pl.from_arrow(t).to_arrow(compat_level=pl.CompatLevel.newest()), id="views"),
        pytest.param(
            lambda t: t.set_column(0, "city", t["city"].combine_chunks().dictionary_encode()), id="dictionary"
        ),
        pytest.param(lambda t: t.select(["n", "tags", "when", "city"]), id="order of columns"),
        pytest.param(lambda t: t.set_column(1, "n", t["n"].cast(pa.int16())), id="narrow integers"),
    ],
)
def test_layout_changes_nothing(other: Any) -> None:
    table = pa.table(
        {
            "city": pa.array(["Aachen", None, "Zürich, by the lake"]),
            "n": pa.array([1, None, -3], pa.int64()),
            "tags": pa.array([["x"], None, []], pa.list_(pa.string())),
            "when": pa.array([0, 10**15, None], pa.timestamp("us")),
        }
    )

    def digests(found: pa.Table) -> list[int]:
        return row_digests(points(found.combine_chunks().to_batches()[0])).tolist()

    assert digests(other(table)) == digests(table)


def test_what_rows_without_a_value_hold_changes_nothing() -> None:
    present = np.array([True, False])
    one = Dense(np.array([[1, 2], [3, 4]], dtype=np.float32), present)
    other = Dense(np.array([[1, 2], [np.nan, 0]], dtype=np.float32), present)
    assert row_digests(points(v=one)).tolist() == row_digests(points(v=other)).tolist()


def test_every_change_shows() -> None:
    vector = np.arange(1, 9, dtype=np.float32)
    rows = {
        "vector": [vector, -vector, vector[::-1], np.where(np.arange(8) == 7, 0, vector)],
        "two signs": [np.where(np.isin(np.arange(8), pair), -vector, vector) for pair in ([1, 3], [1, 5], [3, 5])],
    }
    dense = np.stack([*rows["vector"], *rows["two signs"]]).astype(np.float32)
    ids = Ids(np.full(len(dense), 1, dtype=np.uint64))
    assert len(set(row_digests(Points(ids, {"": Dense(dense)}, None, range(len(dense)))).tolist())) == len(dense)
    values = ["", "\0", "a", "a\0", "ab", "ba", "a" * 8, "a" * 9, None, "é", "a" * 4 + "b" * 4, "b" * 4 + "a" * 4]
    payload = pa.record_batch({"a": pa.array(values)})
    ids = Ids(np.full(len(values), 1, dtype=np.uint64))
    assert len(set(row_digests(Points(ids, {}, payload, range(len(values)))).tolist())) == len(values)


def test_the_column_and_the_row_are_part_of_it() -> None:
    one = row_digests(points(pa.record_batch({"a": [1, 1], "b": [2, 2]})))
    other = row_digests(points(pa.record_batch({"a": [2, 2], "b": [1, 1]})))
    assert not set(one.tolist()) & set(other.tolist())
    same = np.full(2, 5, dtype=np.uint64)
    assert len({*placed(same, range(2)).tolist(), *placed(same, np.array([2, 3])).tolist()}) == 4


def test_no_rows() -> None:
    payload = pa.record_batch({"a": pa.array([], pa.string()), "b": pa.array([], pa.list_(pa.string()))})
    vector = Dense(np.empty((0, 3), dtype=np.float32))
    assert row_digests(points(payload, **{"": vector})).tolist() == []
