"""Points joined to the rows of a frame by their ids, alike on the three backends and in the three libraries."""

from __future__ import annotations

import uuid
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

import qframe as qf
from tests.frames_strategy import SAMPLES
from tests.three import Three

UUIDS = [str(uuid.UUID(int=number)) for number in range(1, 4)]
POINTS = pl.DataFrame(
    {
        "id": [1, 2, 3, 0],
        "city": ["Ulm", "Bonn", None, "Kiel"],
        "price": [1.5, None, 3.5, 0.5],
        "rooms": [2**53 + 1, 2, 3, 4],
        "tags": [["a"], [], None, ["b", None]],
        "v": pl.Series([[1, 2], [3, 4], [5, 6], [7, 8]], dtype=pl.Array(pl.Float32, 2)),
    }
)


@pytest.fixture
def points(three: Three) -> Three:
    three.create(POINTS, vector="v", distance="dot")
    three.upsert(POINTS)
    return three


class TestRows:
    def test_in_their_order_with_nulls_where_there_is_none(self, points: Three) -> None:
        frame = pl.DataFrame({"row": range(6), "id": [3, 77, 1, None, 3, 0]})
        found = points.same(lambda collection: collection.retrieve(data=frame, vectors=True))
        expected = frame.join(POINTS, on="id", how="left", maintain_order="left")
        assert_frame_equal(found, expected.cast({"id": pl.Int64}), check_column_order=False)
        assert found.columns[:2] == ["row", "id"]
        assert found.columns[-1] == "v"

    def test_without_points(self, points: Three) -> None:
        frame = pl.DataFrame({"id": [77, 78]})
        found = points.same(lambda collection: collection.retrieve(data=frame, vectors="v"))
        assert dict(found.schema) == dict(POINTS.schema) | {"id": pl.Int64}
        assert found.drop("id").null_count().row(0) == (2,) * 5

    def test_without_rows(self, points: Three) -> None:
        frame = pl.DataFrame(schema={"id": pl.UInt32})
        found = points.same(lambda collection: collection.retrieve(data=frame, indicator="there"))
        assert dict(found.schema) == {
            "id": pl.UInt32,
            "city": pl.String,
            "price": pl.Float64,
            "rooms": pl.Int64,
            "tags": pl.List(pl.String),
            "there": pl.Boolean,
        }

    def test_without_payload(self, points: Three) -> None:
        frame = pl.DataFrame({"id": [3, 77]})
        assert_frame_equal(points.same(lambda collection: collection.retrieve(data=frame, columns=[])), frame)
        indexed = frame.to_pandas().set_index(pd.Index(["a", "b"]))
        found = points.same(lambda collection: collection.retrieve(data=indexed, columns=[]))
        pd.testing.assert_frame_equal(found, indexed)

    def test_ids_that_are_all_null_ask_for_nothing(self, points: Three) -> None:
        for dtype in (pl.Null, pl.Int64, pl.String):
            frame = pl.DataFrame({"id": pl.Series([None, None], dtype=dtype)})
            found = points.same(lambda collection, frame=frame: collection.retrieve(data=frame, indicator="there"))
            assert found["there"].to_list() == [False, False]
            assert found["city"].to_list() == [None, None]

    @pytest.mark.loopback
    def test_each_id_is_asked_for_once_and_a_null_not_at_all(self, points: Three, faulty: Any) -> None:
        collection = points.collections["rest"]
        faulty.clear()
        collection.retrieve(data=pl.DataFrame({"id": [1, None, 1, 1, 2]}))
        asked = [call for call in faulty.requests()["requests"] if call["operation"] == "retrieve"]
        assert [call["points"] for call in asked] == [2]

    def test_more_than_a_request_holds(self, three: Three) -> None:
        three.create()
        three.upsert(pl.DataFrame({"id": range(5_000), "x": range(5_000)}))
        ids = np.random.default_rng(0).integers(0, 6_000, 9_000)
        frame = pl.DataFrame({"id": ids})
        found = three.same(lambda collection: collection.retrieve(data=frame))
        assert_frame_equal(found, frame.with_columns(x=pl.when(pl.col("id") < 5_000).then("id")))


class TestIds:
    def test_uuids_in_any_spelling(self, three: Three) -> None:
        three.create()
        three.upsert(pl.DataFrame({"id": UUIDS, "x": [1, 2, 3]}))
        texts = [UUIDS[2].upper(), None, UUIDS[0].replace("-", ""), f"urn:uuid:{UUIDS[1]}"]
        found = three.same(lambda collection: collection.retrieve(data=pl.DataFrame({"key": texts}), id="key"))
        assert found.rows() == list(zip(texts, [3, None, 1, 2], strict=True))
        objects = pd.DataFrame({"id": [uuid.UUID(UUIDS[1]), None]})
        assert three.same(lambda collection: collection.retrieve(data=objects))["x"].to_list() == [2, pd.NA]

    def test_kinds_that_the_collection_does_not_have(self, points: Three) -> None:
        frame = pl.DataFrame({"id": UUIDS})
        found = points.same(lambda collection: collection.retrieve(data=frame, columns=["city"]))
        assert found["city"].to_list() == [None, None, None]

    def test_a_collection_of_both_kinds(self, points: Three) -> None:
        points.upsert(pl.DataFrame({"id": UUIDS[:1], "city": ["Hof"]}), vector=False)
        for ids, city in (([2, 5], "Bonn"), ([UUIDS[0], UUIDS[1]], "Hof")):
            frame = pl.DataFrame({"id": ids})
            found = points.same(lambda collection, frame=frame: collection.retrieve(data=frame, columns=["city"]))
            assert found["city"].to_list() == [city, None]

    def test_made_of_the_values_of_columns(self, three: Three) -> None:
        frame = pl.DataFrame({"sku": ["a", "b"], "region": [1, 2], "x": [0.5, 1.5]})
        three.create()
        three.upsert(frame, id_from=["sku", "region"])
        other = pl.DataFrame({"region": [2, 1, None, 9], "sku": ["b", "a", "a", "b"]})
        ask = {"id_from": ["sku", "region"], "columns": ["x"]}
        found = three.same(lambda collection: collection.retrieve(data=other, **ask))
        assert found.rows() == [(2, "b", 1.5), (1, "a", 0.5), (None, "a", None), (9, "b", None)]

    @pytest.mark.parametrize(
        ("values", "row", "word"),
        [
            ([1, None, -3], 2, "negative"),
            ([UUIDS[0], None, "abc"], 2, "not a UUID"),
            ([1.0, 2.0], 0, "floats"),
            ([None, "7", "8"], 1, "numbers as text"),
            ([True], 0, "booleans"),
        ],
    )
    def test_a_value_that_cannot_be_one(self, points: Three, values: list[Any], row: int, word: str) -> None:
        frame = pl.DataFrame({"key": values})
        error = points.refused(lambda collection: collection.retrieve(data=frame, id="key"))
        assert error.kind == "FrameError"
        assert f"column 'key', row {row}" in error
        assert word in error

    def test_no_id_column(self, points: Three) -> None:
        error = points.refused(lambda collection: collection.retrieve(data=pl.DataFrame({"ID": [1]})))
        assert "Did you mean id='ID'?" in error
        error = points.refused(lambda collection: collection.retrieve(data=pl.DataFrame({"a": [1]}), id="uuid4"))
        assert error.kind == "OptionError"


class TestNames:
    def test_a_name_that_the_frame_has_gets_the_suffix(self, points: Three) -> None:
        frame = pl.DataFrame({"id": [1], "city": ["mine"], "v": [0]})
        found = points.same(lambda collection: collection.retrieve(data=frame, columns=["city"], vectors=True))
        assert found.columns == ["id", "city", "v", "city_right", "v_right"]
        assert found.row(0) == (1, "mine", 0, "Ulm", [1.0, 2.0])
        found = points.same(lambda collection: collection.retrieve(data=frame, columns=["city"], suffix="@"))
        assert found.columns == ["id", "city", "v", "city@"]

    def test_a_point_without_payload_is_told_from_none(self, three: Three) -> None:
        three.create()
        three.upsert(pl.DataFrame({"id": [1]}), payload=False)
        three.upsert(pl.DataFrame({"id": [2], "x": [5]}))
        frame = pl.DataFrame({"id": [1, 2, 3]})
        found = three.same(lambda collection: collection.retrieve(data=frame, indicator="there"))
        assert found.rows() == [(1, None, True), (2, 5, True), (3, None, False)]

    @pytest.mark.parametrize(
        ("options", "name"),
        [
            ({"suffix": ""}, "city"),
            ({"suffix": "_mine"}, "city_mine"),
            ({"indicator": "id"}, "id"),
            ({"indicator": "price"}, "price"),
            ({"indicator": "city_right"}, "city_right"),
        ],
    )
    def test_two_columns_of_one_name(self, points: Three, options: Any, name: str) -> None:
        frame = pl.DataFrame({"id": [1], "city": ["a"], "city_mine": ["b"]})
        error = points.refused(lambda collection: collection.retrieve(data=frame, **options))
        assert error.kind == "OptionError"
        assert f"two columns would be called {name!r}" in error

    def test_a_payload_field_called_id(self, three: Three) -> None:
        three.create()
        three.upsert(pl.DataFrame({"id": ["a"], "key": [7]}), id="key")
        frame = pl.DataFrame({"id": [7]})
        assert "id_name=" in three.refused(lambda collection: collection.retrieve(data=frame))
        found = three.same(lambda collection: collection.retrieve(data=frame, id_name="point"))
        assert found.rows() == [(7, "a")]
        assert found.columns == ["id", "id_right"]


class TestLibraries:
    def test_pandas_keeps_its_columns_and_its_index(self, points: Three) -> None:
        frame = pd.DataFrame(
            {
                "id": np.array([3, 77, 1, 3], dtype="int16"),
                "kind": pd.Categorical(["a", "b", "a", None]),
                "when": pd.to_datetime(["2024-01-01"] * 4).tz_localize("Europe/Berlin"),
                "odd": [(1,), {2}, object, None],
                "period": pd.period_range("2024", periods=4),
            },
            index=pd.MultiIndex.from_tuples([("x", 1), ("x", 1), ("y", 2), ("x", 1)], names=["a", "b"]),
        )
        frame.attrs["source"] = "test"
        found = points.same(lambda collection: collection.retrieve(data=frame, indicator="there"))
        pd.testing.assert_frame_equal(found[frame.columns], frame)
        assert found.attrs == frame.attrs
        assert found["rooms"].tolist() == [3, pd.NA, 2**53 + 1, 3]
        assert found["there"].tolist() == [True, False, True, True]
        assert found["rooms"].dtype == pd.Int64Dtype()
        arrow = points.same(lambda collection: collection.retrieve(data=frame, dtype_backend="pyarrow"))
        assert arrow["rooms"].dtype == pd.ArrowDtype(pa.int64())

    def test_pandas_ids_in_the_index(self, points: Three) -> None:
        frame = pd.DataFrame({"n": [1, 2]}, index=pd.Index([3, 1], name="id"))
        found = points.same(lambda collection: collection.retrieve(data=frame, columns=["rooms"]))
        pd.testing.assert_frame_equal(found, frame.assign(rooms=pd.array([3, 2**53 + 1], dtype="Int64")))

    def test_pandas_vectors(self, points: Three) -> None:
        frame = pd.DataFrame({"id": [2, 77]})
        for collection in points.collections.values():
            found = collection.retrieve(data=frame, vectors=True, columns=[])
            assert found["v"][0].tolist() == [3, 4]
            assert found["v"][1] is None

    def test_arrow_keeps_its_columns(self, points: Three) -> None:
        table = pa.table(
            {
                "id": pa.chunked_array([[3], [], [77, 1]], pa.uint8()),
                "kind": pa.array(["a", "b", None]).dictionary_encode(),
                "view": pa.array(["a", "b", None], pa.string_view()),
            }
        ).replace_schema_metadata({"who": "me"})
        found = points.same(lambda collection: collection.retrieve(data=table, columns=["city"]))
        assert found.select(table.column_names).equals(table, check_metadata=True)
        assert found.schema.field("city") == pa.field("city", pa.large_string())
        assert found["city"].to_pylist() == [None, None, "Ulm"]
        (batch,) = table.combine_chunks().to_batches()
        one = points.same(lambda collection: collection.retrieve(data=batch, columns=["city"]))
        assert one.equals(found)

    def test_polars_keeps_its_columns(self, points: Three) -> None:
        frame = pl.DataFrame(
            {
                "id": pl.Series([2, 1], dtype=pl.UInt8),
                "kind": pl.Series(["a", "b"], dtype=pl.Enum(["a", "b"])),
                "any": pl.Series([object(), {1}], dtype=pl.Object),
            }
        )
        found = points.collections["rest"].retrieve(data=frame, columns=["city"])
        assert dict(found.schema) == dict(frame.schema) | {"city": pl.String}
        assert found["any"].to_list() == frame["any"].to_list()

    def test_the_callers_dtypes_under_another_name(self, points: Three) -> None:
        frame = pl.DataFrame({"id": [1], "city": [0]})
        kinds = pl.Enum(["Ulm", "Bonn", "Kiel"])
        ask = {"schema_overrides": {"city": kinds}, "columns": ["city"]}
        found = points.same(lambda collection: collection.retrieve(data=frame, **ask))
        assert found.schema["city_right"] == kinds

    @pytest.mark.parametrize("library", ["polars", "pandas"])
    def test_on_the_frame_itself(self, embedded: qf.Connection, name: str, library: str) -> None:
        qf.collection(name, connection=embedded).upsert(POINTS, vector="v")
        frame: Any = pl.DataFrame({"key": [1, 77]}) if library == "polars" else pd.DataFrame({"key": [1, 77]})
        found = frame.qdrant.retrieve(name, id="key", columns=["rooms"], connection=embedded)
        assert type(found) is type(frame)
        assert found["rooms"][0] == 2**53 + 1
        assert list(found.columns) == ["key", "rooms"]


class TestRefused:
    @pytest.mark.parametrize(
        ("options", "words"),
        [
            ({}, "which points"),
            ({"ids": [1], "data": pl.DataFrame({"id": [1]})}, "exclude"),
            ({"data": pl.DataFrame({"id": [1]}), "frame": "pandas"}, "same library"),
            ({"data": pl.DataFrame({"id": [1]}), "suffix": 3}, "suffix"),
            ({"data": pl.DataFrame({"id": [1]}), "indicator": True}, "indicator"),
            ({"data": pl.DataFrame({"id": [1]}), "dtype_backend": "arrow"}, "dtype_backend"),
            ({"data": pl.DataFrame({"id": [1]}), "columns": ["nope"]}, "nope"),
            ({"ids": [1], "suffix": "_mine"}, "data="),
            ({"ids": [1], "id": "key"}, "data="),
        ],
    )
    def test_options_that_make_no_sense(self, points: Three, options: Any, words: str) -> None:
        error = points.refused(lambda collection: collection.retrieve(**options))
        assert error.kind == "OptionError"
        assert words in error

    def test_what_has_no_rows_yet(self, points: Three) -> None:
        frame = pl.DataFrame({"id": [1]})
        reader = pa.RecordBatchReader.from_batches(frame.to_arrow().schema, frame.to_arrow().to_batches())
        for data in (frame.lazy(), reader, [frame]):
            error = points.refused(lambda collection, data=data: collection.retrieve(data=data))
            assert error.kind == "FrameError"
            assert "Collect it" in error

    def test_a_stored_value_that_does_not_fit(self, points: Three) -> None:
        frame = pl.DataFrame({"id": [1]})
        error = points.refused(lambda collection: collection.retrieve(data=frame, schema={"city": int}))
        assert error.kind == "MismatchError"
        found = points.same(
            lambda collection: collection.retrieve(data=frame, schema={"city": int}, on_mismatch="null")
        )
        assert found.rows() == [(1, None)]


@settings(max_examples=SAMPLES)
@given(
    stored=st.sets(st.integers(0, 20)),
    asked=st.lists(st.integers(0, 20) | st.none(), max_size=40),
    uuids=st.booleans(),
)
def test_as_polars_joins(three: Three, stored: set[int], asked: list[int | None], uuids: bool) -> None:
    def ids(numbers: Any) -> pl.Series:
        made = [str(uuid.UUID(int=number)) if uuids and number is not None else number for number in numbers]
        return pl.Series("id", made, dtype=pl.String if uuids else pl.UInt64)

    points = pl.DataFrame({"id": ids(stored), "x": [float(number) for number in stored]}, schema_overrides={"x": float})
    three.create()
    three.upsert(points)
    frame = pl.DataFrame({"id": ids(asked), "row": range(len(asked))})
    found = three.same(lambda collection: collection.retrieve(data=frame, schema={"x": float}, indicator="there"))
    joined = frame.join(points.with_columns(there=True), on="id", how="left", maintain_order="left")
    assert_frame_equal(found, joined.with_columns(pl.col("there").fill_null(False)))
