"""The same data on the embedded engine, over REST and over gRPC reads back as the same frame, or as the same error."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings

import qframe as qf
from tests.frames_strategy import SAMPLES, frames
from tests.three import Three

VALUES: dict[int, Any] = {
    1: 1,
    2: -7,
    3: 1.5,
    4: 3.0,
    5: 2**53 + 1,
    6: 2**63 - 1,
    7: "a",
    8: "3",
    9: True,
    10: [1, 2],
    11: [1, None],
    12: [],
    13: [[1, None], []],
    14: {"a": 1, "b": None, "c": {"d": [True]}},
    15: {"a": "x"},
    # 16 has no such key
    17: None,
    18: "2024-01-02",
    19: 1e300,
    20: ["a"],
}
FITS: dict[str, tuple[Any, set[int]]] = {
    "int8": (pl.Int8, {1, 2}),
    "int64": (pl.Int64, {1, 2, 5, 6}),
    "uint64": (pl.UInt64, {1, 5, 6}),
    "float64": (pl.Float64, {1, 2, 3, 4, 19}),
    "float32": (pl.Float32, {1, 2, 3, 4, 5, 6}),
    "string": (pl.String, {7, 8, 18}),
    "boolean": (pl.Boolean, {9}),
    "date": (pl.Date, {18}),
    "enum": (pl.Enum(["a", "b"]), {7}),
    "categorical": (pl.Categorical, {7, 8, 18}),
    "decimal": (pl.Decimal(10, 2), {1, 2, 3, 4, 8}),
    "list": (pl.List(pl.Int64), {10, 11, 12}),
    "list of text": (pl.List(pl.String), {12, 20}),
    "array": (pl.Array(pl.Int64, 2), {10, 11}),
    "list of lists": (pl.List(pl.List(pl.Int64)), {12, 13}),
    "struct": (pl.Struct({"a": pl.Int64, "c": pl.Struct({"d": pl.List(pl.Boolean)})}), {14}),
    "struct of text": (pl.Struct({"a": pl.String}), {15}),
    "pandas": ("Int64", {1, 2, 5, 6}),
    "arrow": (pa.int32(), {1, 2}),
    "python": (float, {1, 2, 3, 4, 19}),
}


@pytest.fixture(scope="module")
def mixed(three_connections: dict[str, qf.Connection]) -> Iterator[Three]:
    """Values of every kind under the key `v`, and the key `late`, which only the last point has."""
    with Three.on(three_connections) as three:
        three.create()
        for point, value in VALUES.items():
            frame = pl.DataFrame({"id": [point], "v": pl.Series([value], dtype=pl.Int64 if value is None else None)})
            three.upsert(frame, vector=False, payload=["v"], nulls="keep")
        three.upsert(pl.DataFrame({"id": [16], "w": [1]}))
        three.upsert(pl.DataFrame({"id": [99], "late": ["x"]}))
        yield three


@settings(max_examples=SAMPLES)
@given(frame=frames())
def test_random_frames(three: Three, frame: pl.DataFrame) -> None:
    three.create(frame, distance="dot")
    three.upsert(frame)
    found = three.same(lambda collection: collection.scan().collect())
    assert found["id"].to_list() == frame.sort("id")["id"].to_list()
    three.same(lambda collection: collection.read(schema=frame, vectors=True))
    three.same(lambda collection: collection.read(infer_schema_length=2, on_mismatch="null", extra="column"))


class TestTyping:
    def test_inferred(self, mixed: Three) -> None:
        found = mixed.same(lambda collection: collection.scan().collect())
        assert dict(found.schema) == {"id": pl.UInt64, "late": pl.String, "v": pl.String, "w": pl.Int64}
        texts = dict(found.select("id", "v").iter_rows())
        assert texts[4] == "3.0"
        assert texts[5] == "9007199254740993"
        assert texts[7] == '"a"'
        assert texts[14] == '{"a":1,"b":null,"c":{"d":[true]}}'
        assert texts[16] is texts[17] is texts[99] is None

    @pytest.mark.parametrize("kind", sorted(FITS))
    def test_what_does_not_fit(self, mixed: Three, kind: str) -> None:
        dtype, fits = FITS[kind]
        found = mixed.same(lambda collection: collection.read(schema={"v": dtype}, on_mismatch="null"))
        assert set(found.drop_nulls("v")["id"]) == fits
        error = mixed.refused(lambda collection: collection.read(schema={"v": dtype}))
        first = min(set(VALUES) - fits - {17})
        assert error.kind == "MismatchError"
        assert f"point {first}, field 'v': found {VALUES[first]!r}" in error
        assert "schema_overrides={'v': …}" in error
        assert 'on_mismatch="null"' in error

    def test_the_error_carries_what_it_says(self, connection: qf.Connection, name: str) -> None:
        collection = qf.collection(name, connection=connection)
        collection.create_collection(config={"vectors": {}})
        collection.upsert(pl.DataFrame({"id": [7], "v": [{"b": 1, "a": 2}]}))
        with pytest.raises(qf.MismatchError) as caught:
            collection.scan(schema={"v": pl.Int64}).collect()
        assert (caught.value.point_id, caught.value.field) == (7, "v")
        assert caught.value.value == {"a": 2, "b": 1}

    def test_overrides_beside_inference(self, mixed: Three) -> None:
        found = mixed.same(lambda collection: collection.read(schema_overrides={"w": pl.Float64, "none": pl.Date}))
        assert found.schema["w"] == pl.Float64
        assert found.schema["none"] == pl.Date
        assert found["none"].null_count() == found.height

    def test_integers_widen(self, three: Three) -> None:
        three.create()
        three.upsert(pl.DataFrame({"id": [1, 2], "x": [1, 2]}))
        three.upsert(pl.DataFrame({"id": [3], "x": [0.5]}))
        found = three.same(lambda collection: collection.read())
        assert found["x"].to_list() == [1.0, 2.0, 0.5]
        assert "0.5, which is not int64" in three.refused(lambda collection: collection.read(schema={"x": int}))

    @pytest.mark.parametrize("frame", ["polars", "pandas", "arrow"])
    @pytest.mark.parametrize("dtype_backend", ["numpy_nullable", "pyarrow", "numpy"])
    def test_libraries(self, mixed: Three, frame: Any, dtype_backend: Any) -> None:
        schema = {"v": pl.List(pl.Int64), "w": pl.Int64, "late": pl.Categorical}
        found = mixed.same(
            lambda collection: collection.read(
                schema=schema, on_mismatch="null", frame=frame, dtype_backend=dtype_backend
            )
        )
        assert len(found) == len(VALUES) + 2


class TestExtra:
    def test_three_ways(self, mixed: Three) -> None:
        schema = {"w": pl.Int64}
        assert mixed.same(lambda collection: collection.read(schema=schema)).columns == ["id", "w"]
        found = mixed.same(lambda collection: collection.read(schema=schema, extra="column"))
        gathered = dict(found.select("id", "extra").iter_rows())
        assert gathered[6] == '{"v":9223372036854775807}'
        assert gathered[17] == '{"v":null}'
        assert gathered[99] == '{"late":"x"}'
        assert gathered[16] is None

    @pytest.mark.parametrize("on_mismatch", ["raise", "null"])
    def test_raise_raises_whatever_is_done_about_values(self, mixed: Three, on_mismatch: Any) -> None:
        schema = {"v": pl.String, "w": pl.Int64}
        error = mixed.refused(lambda collection: collection.read(schema=schema, extra="raise", on_mismatch=on_mismatch))
        assert "point 99, field 'late': found 'x', which is not a field of the schema" in error
        assert 'extra="column"' in error

    def test_known_keys_that_are_not_read_are_not_extra(self, mixed: Three) -> None:
        mixed.same(lambda collection: collection.scan(extra="raise").select("w").collect())
        mixed.same(lambda collection: collection.read(extra="raise", columns=["late"]))
        found = mixed.same(lambda collection: collection.scan(extra="column").select("extra").collect())
        assert found["extra"].null_count() == found.height
        found = mixed.same(lambda collection: collection.read(schema={"v": str, "w": int}, extra="column", columns=[]))
        assert found["extra"].to_list() == [None] * (found.height - 1) + ['{"late":"x"}']

    def test_keys_beyond_the_sample(self, three: Three) -> None:
        three.create()
        three.upsert(pl.DataFrame({"id": range(1, 31), "x": range(30)}))
        three.upsert(pl.DataFrame({"id": [1000], "y": [1]}))
        sampled = three.same(lambda collection: collection.read(infer_schema_length=5))
        error = three.refused(lambda collection: collection.read(schema={"x": int}, extra="raise"))
        assert "point 1000, field 'y'" in error
        assert sampled.height == 31


class TestNames:
    ODD = ("a.b", 'a"b', "a b", "ü日", "vector ", "a[0]", "\\", "a", "x'y", "[]", "123", "key", "é", "e\u0301")

    def test_odd_keys(self, three: Three) -> None:
        frame = pl.DataFrame({"id": [1, 2]} | {key: [i, i + 1] for i, key in enumerate(self.ODD)})
        three.create()
        three.upsert(frame)
        found = three.same(lambda collection: collection.read())
        assert found.select(frame.columns).rows() == frame.rows()
        for key in self.ODD:
            one = three.same(lambda collection, key=key: collection.read(columns=[key], extra="raise"))
            assert one.rows() == frame.select("id", key).rows()
        three.same(lambda collection: collection.scan().select("a.b", 'a"b').collect())

    def vectors(self, three: Three, **payload: Any) -> None:
        three.create(config={"vectors": {"size": 2, "distance": "Dot"}})
        vector = pl.Series([[1.0, 2.0]], dtype=pl.Array(pl.Float32, 2))
        frame = pl.DataFrame({"point": [5], "embedding": vector, **payload})
        three.upsert(frame, id="point", vector={"": "embedding"}, payload=list(payload))

    def test_a_field_called_id(self, three: Three) -> None:
        self.vectors(three, id=["a"], x=[1])
        for ask in (
            lambda collection: collection.scan(),
            lambda collection: collection.read(),
            lambda collection: collection.retrieve([5]),
            lambda collection: collection.search([1, 1]),
        ):
            error = three.refused(ask)
            assert "'id'" in error
            assert "id_name=" in error
        found = three.same(lambda collection: collection.read(id_name="point"))
        assert found.rows() == [(5, "a", 1)]
        assert three.same(lambda collection: collection.read(columns=["x"])).rows() == [(5, 1)]
        assert three.same(lambda collection: collection.search([1, 1], id_name="p")).rows() == [(1, 5, 3.0, "a", 1)]

    @pytest.mark.parametrize("value", ["text", [1, 2], [1.5, 2.5], [[1.0]], {"vector": [1.0, 2.0]}])
    def test_a_field_called_vector(self, three: Three, value: Any) -> None:
        self.vectors(three, vector=[value], other=[{"vector": [9.0, 9.0]}])
        error = three.refused(lambda collection: collection.scan())
        assert "'vector'" in error
        assert "vectors=" in error
        found = three.same(lambda collection: collection.read())
        assert found["vector"].to_list() == [value]
        found = three.same(lambda collection: collection.read(vectors=True, columns=["other"]))
        assert found["vector"].to_list() == [[1.0, 2.0]]

    def test_other_names_that_are_taken(self, three: Three) -> None:
        self.vectors(three, extra=[1], score=[2], query=[3])
        assert 'extra="ignore"' in three.refused(lambda collection: collection.read(extra="column"))
        assert "'score'" in three.refused(lambda collection: collection.search([1, 1]))
        found = three.same(lambda collection: collection.search([1, 1], columns=["extra", "query"]))
        assert found.row(0, named=True) == {"rank": 1, "id": 5, "score": 3.0, "extra": 1, "query": 3}

    def test_columns_that_are_not_there(self, three: Three) -> None:
        self.vectors(three, price=[1])
        assert "did you mean 'price'?" in three.refused(lambda collection: collection.read(columns=["prize"]))
        assert "['price']" in three.refused(lambda collection: collection.read(columns="price"))
        assert "no vector 'v'" in three.refused(lambda collection: collection.read(vectors="v"))


class TestIds:
    def test_all_kinds(self, three: Three) -> None:
        three.create()
        numbers, uuids = [0, 2**64 - 1, 2**63], [str(uuid.UUID(int=i)) for i in (2**64, 7)]
        three.upsert(pl.DataFrame({"id": pl.Series(numbers, dtype=pl.UInt64)}))
        found = three.same(lambda collection: collection.read())
        assert (found.schema["id"], found["id"].to_list()) == (pl.UInt64, sorted(numbers))
        planned = {c.name: c.scan(on_mismatch="null") for c in three.collections.values()}
        three.upsert(pl.DataFrame({"id": uuids}))
        found = three.same(lambda collection: collection.read())
        assert found["id"].to_list() == [*map(str, sorted(numbers)), *sorted(uuids)]
        # No null can stand for an id, so this is an error whatever is done about values.
        error = three.refused(lambda collection: planned[collection.name].collect())
        assert f"found '{uuids[1]}', which is not an integer id" in error

    def test_only_uuids(self, three: Three) -> None:
        three.create()
        uuids = [uuid.UUID(int=i) for i in (9, 3)]
        three.upsert(pd.DataFrame({"id": uuids, "x": [1, 2]}))
        assert three.same(lambda collection: collection.read()).rows() == [(str(uuids[1]), 2), (str(uuids[0]), 1)]


def test_empty_collections(three: Three) -> None:
    three.create(config={"vectors": {"v": {"size": 2, "distance": "Dot"}}, "sparse_vectors": {"s": {}}})
    found = three.same(lambda collection: collection.scan(schema={"a": pl.Int64}).collect())
    assert found.columns == ["id", "a", "v", "s"]
    for library in ("polars", "pandas", "arrow"):
        assert not len(three.same(lambda collection, to=library: collection.read(frame=to, vectors=True)))
    assert three.same(lambda collection: list(collection.iter_frames())) == []
    assert three.same(lambda collection: collection.count()) == 0
    assert three.same(lambda collection: collection.retrieve([1])).is_empty()
    assert three.same(lambda collection: collection.search([1, 2], using="v")).is_empty()
    three.all(lambda collection: collection.create_index("price", "float"))
    assert three.same(lambda collection: collection.scan().collect()).schema["price"] == pl.Float64


def everything(n: int) -> pl.DataFrame:
    """Vectors of all kinds, some of them absent."""
    rng = np.random.default_rng(n)
    absent = np.arange(n) % 5 == 4
    dense = [None if gone else row for gone, row in zip(absent, rng.normal(size=(n, 3)).tolist(), strict=True)]
    sparse = [{"indices": [1, 7 + row % 3], "values": [1.0, 0.5 + row]} for row in range(n)]
    return pl.DataFrame(
        {
            "id": np.arange(n, dtype=np.uint64),
            "city": [f"city {row % 7}" for row in range(n)],
            "v": pl.Series(dense, dtype=pl.Array(pl.Float32, 3)),
            "s": pl.Series(sparse, dtype=pl.Struct({"indices": pl.List(pl.UInt32), "values": pl.List(pl.Float32)})),
            "m": pl.Series(
                [rng.normal(size=(1 + row % 3, 2)).tolist() for row in range(n)],
                dtype=pl.List(pl.Array(pl.Float32, 2)),
            ),
        }
    )


@pytest.mark.parametrize("n", [1, 255, 256, 257, 1000])
def test_page_boundaries_and_vectors(three: Three, n: int) -> None:
    frame, names = everything(n), ["v", "s", "m"]
    three.create(frame, vector=names, distance="dot")
    three.upsert(frame, vector=names, null_vectors="omit")
    found = three.same(lambda collection: collection.scan().collect())
    assert found.select(frame.columns).equals(frame)
    for limit in sorted({0, 1, n - 1, n, n + 1}):
        scanned = three.same(lambda collection, most=limit: collection.scan(limit=most).collect())
        assert scanned.equals(found.head(limit))
        assert three.same(lambda collection, most=limit: collection.scan().head(most).collect()).equals(scanned)
        assert three.same(lambda collection, most=limit: collection.read(limit=most, vectors=True)).equals(scanned)
    for library in ("pandas", "arrow"):
        assert len(three.same(lambda collection, to=library: collection.read(frame=to, vectors="v"))) == n
