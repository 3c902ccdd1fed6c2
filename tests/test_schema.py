"""Where the columns of a read come from: the caller's schema, payload indexes, a sample; alike on three backends."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import qframe as qf
from qframe.columns.index_types import types_of
from qframe.columns.inference import payload_fields
from qframe.columns.objects import columns_of, keys_of
from tests.loopback.process import Server
from tests.three import Three

N = 60
SAMPLE = 20
FRAMES = ("polars", "pandas", "arrow")


def put(three: Three, *rows: dict[str, Any], indexes: Any = None) -> None:
    """Points 1, 2, … with these payloads, each written by itself: their kinds may differ."""
    three.create(indexes=indexes)
    for point, row in enumerate(rows, 1):
        frame = pl.DataFrame({"id": [point], **{key: [value] for key, value in row.items()}})
        three.upsert(frame, vector=False, payload=list(row), nulls="keep")


def read(three: Three, **options: Any) -> pl.DataFrame:
    return three.same(lambda collection: collection.read(**options))


TOLD = {
    "name": ("keyword", pl.String),
    "text": ("text", pl.String),
    "key": ("uuid", pl.String),
    "when": ("datetime", pl.String),
    "rooms": ("integer", pl.Int64),
    "price": ("float", pl.Float64),
    "open": ("bool", pl.Boolean),
    "place": ("geo", pl.Struct({"lat": pl.Float64, "lon": pl.Float64})),
    "address.city": ("keyword", pl.Struct({"city": pl.String})),
    "stops[].name": ("keyword", pl.List(pl.Struct({"name": pl.String}))),
    "tags[]": ("integer", pl.List(pl.Int64)),
    '"a.b"': ("bool", pl.Boolean),
    '"a b".c': ("float", pl.Struct({"c": pl.Float64})),
}
"""Path of an index → its type, and the column that it tells of."""


COMMON: list[tuple[Any, Any, Any]] = [
    ([1, 2.5], pl.Float64, [1.0, 2.5]),
    ([2**53, 0.5], pl.Float64, [2.0**53, 0.5]),
    ([2**53 + 1, 0.5], pl.String, ["9007199254740993", "0.5"]),
    ([1, "1"], pl.String, ["1", '"1"']),
    ([True, 1], pl.String, ["true", "1"]),
    ([[1], 1], pl.String, ["[1]", "1"]),
    ([[1], [0.5]], pl.List(pl.Float64), [[1.0], [0.5]]),
    ([[1], ["a"]], pl.String, ["[1]", '["a"]']),
    (
        [{"a": 1}, {"b": "x"}],
        pl.Struct({"a": pl.Int64, "b": pl.String}),
        [{"a": 1, "b": None}, {"a": None, "b": "x"}],
    ),
    ([{"a": 1}, {"a": "x"}], pl.String, ['{"a":1}', '{"a":"x"}']),
    ([None, None], pl.String, [None, None]),
    ([None, 3], pl.Int64, [None, 3]),
    ([[], [None]], pl.List(pl.String), [[], [None]]),
    (["2024-01-02", "text"], pl.String, ["2024-01-02", "text"]),
]
"""Two values, the dtype that they have in common, and what is read of them."""


class TestTheCallers:
    ROWS = ({"n": 3, "d": "2024-01-02", "s": "a", "l": [1, 2], "o": {"x": 1.5}}, {"n": None})
    SCHEMAS = (
        pl.Schema(
            {
                "n": pl.Int8,
                "d": pl.Date,
                "s": pl.Enum(["a", "b"]),
                "l": pl.List(pl.Int16),
                "o": pl.Struct({"x": pl.Float64}),
            }
        ),
        pa.schema(
            [
                ("n", pa.int8()),
                ("d", pa.date32()),
                ("s", pa.dictionary(pa.int32(), pa.string())),
                ("l", pa.list_(pa.int16())),
                ("o", pa.struct([("x", pa.float64())])),
            ]
        ),
        {
            "n": "Int8",
            "d": pd.ArrowDtype(pa.date32()),
            "s": pd.CategoricalDtype(["a", "b"]),
            "l": pd.ArrowDtype(pa.list_(pa.int16())),
            "o": pd.ArrowDtype(pa.struct([("x", pa.float64())])),
        },
        {"n": int, "d": dt.date, "s": str, "l": pl.List(pl.Int16), "o": pa.struct([("x", pa.float64())])},
    )

    @pytest.fixture
    def rows(self, three: Three) -> Three:
        put(three, *self.ROWS)
        return three

    @pytest.mark.parametrize("schema", SCHEMAS, ids=["polars", "arrow", "pandas", "python"])
    @pytest.mark.parametrize("frame", FRAMES)
    def test_the_values_are_the_same_in_every_spelling(self, rows: Three, schema: Any, frame: Any) -> None:
        found = rows.same(lambda collection: collection.read(schema=schema, frame=frame))
        table = pa.Table.from_pandas(found, preserve_index=False) if frame == "pandas" else pa.table(found)
        expected = {"n": 3, "d": dt.date(2024, 1, 2), "s": "a", "l": [1, 2], "o": {"x": 1.5}}
        assert table.select(list(expected)).to_pylist() == [expected, dict.fromkeys(expected)]

    def test_polars_dtypes(self, rows: Three) -> None:
        schema = self.SCHEMAS[0]
        assert dict(read(rows, schema=schema).schema) == {"id": pl.UInt64, **schema}

    def test_arrow_types(self, rows: Three) -> None:
        schema: Any = self.SCHEMAS[1]
        found = rows.same(lambda collection: collection.read(schema=schema, frame="arrow"))
        assert found.select(schema.names).schema == schema

    def test_pandas_dtypes(self, rows: Three) -> None:
        schema: Any = self.SCHEMAS[2]
        found = rows.same(lambda collection: collection.read(schema=schema, frame="pandas"))
        assert found[list(schema)].dtypes.to_dict() == {**schema, "n": pd.Int8Dtype()}

    def test_indexes_and_points_add_nothing(self, three: Three) -> None:
        put(three, {"a": 1, "b": 2}, indexes={"c": "keyword"})
        assert read(three, schema={"a": int}).columns == ["id", "a"]
        assert read(three, schema={}).columns == ["id"]


class TestIndexes:
    def test_keys_that_no_point_has(self, three: Three) -> None:
        put(three, {"x": 1}, indexes={path: kind for path, (kind, _) in TOLD.items()})
        found = read(three)
        keys = {path: next(key for key in found.columns if path.startswith((key, f'"{key}"'))) for path in TOLD}
        assert {path: found.schema[key] for path, key in keys.items()} == {
            path: kind for path, (_, kind) in TOLD.items()
        }
        assert found.columns == ["id", *sorted(["x", *keys.values()])]
        assert found.drop("id", "x").row(0) == (None,) * len(TOLD)

    def test_a_key_that_is_null_or_empty_in_the_sample(self, three: Three) -> None:
        indexes = {"n": "integer", "l": "integer", "ll": "float", "o.a": "bool", "x": "keyword"}
        put(three, {"n": None, "l": [], "ll": [[], None], "o": {"b": "y"}, "x": 3, "none": None}, indexes=indexes)
        assert dict(read(three).schema) == {
            "id": pl.UInt64,
            "l": pl.List(pl.Int64),
            "ll": pl.List(pl.List(pl.Float64)),
            "n": pl.Int64,
            "none": pl.String,
            "o": pl.Struct({"a": pl.Boolean, "b": pl.String}),
            # What points have is more than what an index is for.
            "x": pl.Int64,
        }

    def test_several_members_of_one_object(self, three: Three) -> None:
        indexes = {"o.b": "integer", "o.a.y": "bool", "o.a.x": "keyword", "o.l[].z": "float", "o.l": "keyword"}
        put(three, {"x": 1}, indexes=indexes)
        a, z = pl.Struct({"x": pl.String, "y": pl.Boolean}), pl.List(pl.Struct({"z": pl.Float64}))
        found = read(three)
        assert "o" in found.columns
        assert found.schema["o"] == pl.String  # o.l is text to one index, and objects to another

        put(three, {"x": 1}, indexes={path: kind for path, kind in indexes.items() if path != "o.l"})
        assert read(three).schema["o"] == pl.Struct({"a": a, "b": pl.Int64, "l": z})

    def test_what_indexes_contradict_each_other_about_is_json(self, three: Three) -> None:
        indexes = {"o": "keyword", "o.a": "integer"}
        put(three, {"x": 1}, indexes=indexes)
        assert read(three).schema["o"] == pl.String
        assert payload_fields({}, indexes)["o"].json
        assert payload_fields(columns_of([{"o": {"b": True}}], ["o"]), indexes)["o"].dtype == pa.struct(
            [("b", pa.bool_())]
        )

    def test_an_index_on_the_name_of_another_column_is_no_column(self, three: Three) -> None:
        three.create(config={"vectors": {"size": 2, "distance": "Dot"}}, indexes={"id": "integer", "vector": "float"})
        three.upsert(pl.DataFrame({"id": [1], "vector": [[1.0, 2.0]], "x": ["a"]}))
        assert read(three, vectors=True).columns == ["id", "x", "vector"]
        assert read(three).columns == ["id", "vector", "x"]

    def test_a_value_that_is_not_what_the_index_is_for(self, three: Three) -> None:
        put(three, {"n": None}, indexes={"n": "integer"})
        three.upsert(pl.DataFrame({"id": [9], "n": ["text"]}))
        schema = {"n": pl.Int64}
        error = three.refused(lambda collection: collection.read(schema=schema))
        assert "point 9, field 'n': found 'text'" in error


class TestTypes:
    @pytest.mark.parametrize("frame", FRAMES)
    def test_what_values_have_in_common(self, three: Three, frame: Any) -> None:
        put(three, *({f"v{case}": values[row] for case, (values, _, _) in enumerate(COMMON)} for row in (0, 1)))
        answer = three.same(lambda collection: collection.read(frame=frame))
        for case, (_, dtype, found) in enumerate(COMMON):
            column = answer[f"v{case}"]
            if frame == "polars":
                assert column.dtype == dtype
            values = column.to_pylist() if frame == "arrow" else column.to_list()
            assert [plain(value) for value in values] == found

    def test_missing_keys_are_null(self, three: Three) -> None:
        put(three, {"a": 1}, {"b": "x"}, {"a": None, "b": None}, {"a": 2, "b": "y"})
        assert read(three).select("a", "b").rows() == [(1, None), (None, "x"), (None, None), (2, "y")]


def plain(value: Any) -> Any:
    """A value of a pandas column as Python's; its nulls are of many kinds."""
    if isinstance(value, np.ndarray):
        value = value.tolist()
    return None if value is pd.NA or value != value else value


@pytest.fixture(scope="module")
def many(three_connections: dict[str, qf.Connection]) -> Iterator[tuple[Three, int]]:
    """Points 0 … N - 1 with `x`, one of which is in no sample and has `late` and an odd `x` besides."""
    with Three.on(three_connections) as three:
        three.create()
        three.upsert(pl.DataFrame({"id": range(N), "x": range(N)}))
        sampled = {"must": [{"slice": {"total": N // SAMPLE, "index": 0}}]}
        seen = three.collections["embedded"].read(filter=sampled)["id"].to_list()
        late = next(point for point in range(SAMPLE, N) if point not in seen)
        three.upsert(pl.DataFrame({"id": [late], "x": [0.5], "late": ["!"]}))
        yield three, late


class TestTheSample:
    def test_the_same_at_every_call(self, many: tuple[Three, int]) -> None:
        three, _ = many
        for _ in range(3):
            schema = three.same(lambda collection: dict(collection.scan(infer_schema_length=SAMPLE).collect_schema()))
            assert schema == {"id": pl.UInt64, "x": pl.Int64}
        assert read(three).schema["x"] == pl.Float64

    def test_a_slice_without_points_is_no_sample(self, many: tuple[Three, int], three: Three) -> None:
        def sliced(rows: int) -> list[Any]:
            return [{"slice": {"total": rows, "index": 0}}, {"has_id": list(range(rows))}]

        stored = many[0].collections["embedded"]
        few = next(rows for rows in range(2, N) if stored.count(filter={"must": sliced(rows)}) == 0)
        three.create()
        three.upsert(pl.DataFrame({"id": range(few), "x": range(few)}))
        schema = three.same(lambda collection: collection.scan(infer_schema_length=1).collect_schema())
        assert schema == {"id": pl.UInt64, "x": pl.Int64}

    @pytest.mark.loopback
    def test_it_is_a_slice_of_the_points(self, many: tuple[Three, int], faulty: Server) -> None:
        faulty.clear()
        many[0].collections["rest"].scan(infer_schema_length=SAMPLE)
        asked = [call["asked"] for call in faulty.requests()["requests"] if call["operation"] == "scroll"]
        (sample,) = (one for one in asked if one["payload"] is True)
        assert (sample["limit"], sample["vectors"]) == (SAMPLE, False)
        assert "slice" in str(sample["filter"])

    def test_a_later_value_that_does_not_fit(self, many: tuple[Three, int]) -> None:
        three, late = many
        for ask in (
            lambda collection: collection.read(infer_schema_length=SAMPLE),
            lambda collection: collection.scan(infer_schema_length=SAMPLE).collect(),
            lambda collection: collection.retrieve([late], infer_schema_length=SAMPLE),
            lambda collection: collection.retrieve(data=pl.DataFrame({"id": [late]}), infer_schema_length=SAMPLE),
            lambda collection: list(collection.iter_frames(infer_schema_length=SAMPLE)),
        ):
            error = three.refused(ask)
            assert error.kind == "MismatchError"
            assert f"point {late}, field 'x': found 0.5, which is not int64" in error
            assert "schema_overrides={'x': …}" in error
        found = read(three, infer_schema_length=SAMPLE, schema_overrides={"x": pl.Float64})
        assert found.filter(pl.col("id") == late)["x"].item() == 0.5
        found = read(three, infer_schema_length=SAMPLE, on_mismatch="null")
        assert found.filter(pl.col("x").is_null())["id"].to_list() == [late]

    def test_a_key_that_comes_later(self, many: tuple[Three, int]) -> None:
        three, late = many
        ask = {"infer_schema_length": SAMPLE, "schema_overrides": {"x": float}}
        assert read(three, **ask).columns == ["id", "x"]
        gathered = read(three, **ask, extra="column")
        assert gathered.drop_nulls("extra").select("id", "extra").rows() == [(late, '{"late":"!"}')]
        error = three.refused(lambda collection: collection.read(**ask, extra="raise"))
        assert f"point {late}, field 'late': found '!'" in error
        for collection in three.collections.values():  # of a server before 1.19 the sample is another
            with pytest.raises(qf.OptionError, match="infer_schema_length="):
                collection.read(**ask, columns=["late"])
        wanted = {**ask["schema_overrides"], "late": str}
        found = read(three, infer_schema_length=SAMPLE, schema_overrides=wanted)
        assert found.drop_nulls("late").select("id", "late").rows() == [(late, "!")]


SCALARS = (
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | st.text(max_size=3)
)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=6,
)
PATHS = st.sampled_from(["v", "v[]", "v.a", "v.a.b", "v[].a", "w", "w[].a", "w.b", "w.b[][]"])
KINDS = st.sampled_from(["keyword", "integer", "float", "bool", "geo", "datetime", "text", "uuid"])


@settings(max_examples=300)
@given(
    points=st.lists(st.dictionaries(st.sampled_from("vw"), JSON), max_size=4),
    indexes=st.dictionaries(PATHS, KINDS, max_size=4),
)
def test_indexes_change_nothing_that_a_sample_shows(points: list[dict[str, Any]], indexes: dict[str, str]) -> None:
    """Every column of the sample alone is there, and what it holds can be read as before: with more members at most."""
    sample = columns_of(points, keys_of(points))
    alone, told = payload_fields(sample, {}), payload_fields(sample, indexes)
    assert set(told) == set(alone) | set(types_of(indexes))
    for name, field in alone.items():
        if not told[name].json:
            shown = [point[name] for point in points if point.get(name) is not None]
            assert all(fits(value, told[name].dtype) for value in shown)
        else:
            assert field.json


def fits(value: Any, dtype: pa.DataType) -> bool:
    """Whether a value has its place in a type, member by member."""
    if value is None:
        return True
    if pa.types.is_large_list(dtype):
        return isinstance(value, list) and all(fits(item, dtype.value_type) for item in value)
    if pa.types.is_struct(dtype):
        members = {item.name: item.type for item in dtype}
        return isinstance(value, dict) and all(key in members and fits(value[key], members[key]) for key in value)
    kinds = {pa.bool_(): (bool,), pa.int64(): (int,), pa.float64(): (int, float), pa.large_string(): (str,)}
    return isinstance(value, kinds[dtype]) and (dtype == pa.bool_() or not isinstance(value, bool))
