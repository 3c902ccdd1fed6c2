"""Arrow tables as frames of each library, schemas of each library as targets, and matrices."""

import datetime
import decimal
import pickle

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from qframe.errors import FrameError, MismatchError, OptionError
from qframe.frames.results import render, take, to_matrix
from qframe.frames.schemas import Categories, Target, fit, misfits, targets_of

MATRIX = np.arange(12, dtype="f4").reshape(4, 3)
MULTI = pa.large_list(pa.list_(pa.float32(), 2))
SPARSE = pa.struct([("indices", pa.large_list(pa.uint32())), ("values", pa.large_list(pa.float32()))])
TABLE = pa.table(
    {
        "id": pa.array([1, 2, 3, 4], pa.uint64()),
        "s": pa.array(["a", None, "c", "d"], pa.large_string()),
        "i": pa.array([1, None, 2**60 + 1, 4]),
        "small": pa.array([1, None, 3, 4]),
        "f": pa.array([1.5, None, 2.0, 0.1]),
        "b": pa.array([True, None, False, True]),
        "d": pa.array([datetime.date(2020, 1, 1), None, None, None]),
        "t": pa.array([datetime.datetime(2020, 1, 1), None, None, None], pa.timestamp("us", "UTC")),
        "dec": pa.array([decimal.Decimal("1.50"), None, None, None], pa.decimal128(10, 2)),
        "l": pa.array([[1, None], None, [], [3]], pa.large_list(pa.int64())),
        "st": pa.array([{"a": [1]}, None, {"a": None}, {"a": []}], pa.struct([("a", pa.large_list(pa.int64()))])),
        "v": pa.FixedSizeListArray.from_arrays(pa.array(MATRIX.reshape(-1)), 3),
        "m": pa.array([[[1, 2]], None, [[3, 4], [5, 6]], []], MULTI),
        "sp": pa.array([{"indices": [3], "values": [0.5]}, None] + [{"indices": [], "values": []}] * 2, SPARSE),
    }
)


def test_polars_shares_buffers():
    frame = render(TABLE, "polars")
    assert frame.schema["v"] == pl.Array(pl.Float32, 3)
    assert frame.schema["m"] == pl.List(pl.Array(pl.Float32, 2))
    assert frame["v"].to_numpy().ctypes.data == MATRIX.ctypes.data
    assert frame.to_dicts() == TABLE.to_pylist()
    assert render(TABLE.schema.empty_table(), "polars").schema == frame.schema
    assert render(TABLE, "arrow") is TABLE


@pytest.mark.parametrize("dtype", [pa.list_(pa.float32(), 2), pa.list_(pa.list_(pa.float32(), 1), 2)])
def test_polars_takes_slices_of_vectors_with_nulls(dtype):
    value = [1.0, 2.0] if dtype.value_type == pa.float32() else [[1.0], None]
    column = pa.array([None, value, None, None, value], dtype)
    for start in range(5):
        for rows in range(6 - start):
            part = pa.table({"v": column.slice(start, rows)})
            assert render(part, "polars")["v"].to_list() == column.slice(start, rows).to_pylist()


def test_pandas_nullable():
    frame = render(TABLE.slice(1), "pandas")
    dtypes = frame.dtypes.astype(str).to_dict()
    assert {name: dtypes[name] for name in ("id", "s", "i", "f", "b", "t", "d")} == {
        "id": "UInt64",
        "s": "string",
        "i": "Int64",
        "f": "Float64",
        "b": "boolean",
        "t": "datetime64[us, UTC]",
        "d": "object",
    }
    assert frame["i"].tolist() == [pd.NA, 2**60 + 1, 4]
    assert frame["l"].tolist() == [None, [], [3]]
    assert frame["st"].tolist() == [None, {"a": None}, {"a": []}]
    assert frame.index.equals(pd.RangeIndex(3))


@pytest.mark.parametrize("backend", ["numpy_nullable", "numpy"])
def test_pandas_vectors_are_views_of_one_matrix(backend):
    frame = render(TABLE.slice(1), "pandas", backend)
    assert [row.ctypes.data for row in frame["v"]] == [row.ctypes.data for row in MATRIX[1:]]
    assert frame["m"][0] is None
    assert frame["m"][1].dtype == np.float32
    assert frame["m"][1].tolist() == [[3, 4], [5, 6]]
    assert frame["m"][2].shape == (0, 2)
    whole = render(TABLE, "pandas", backend)["sp"]
    assert whole[0]["indices"].tolist() == [3]
    assert whole[0]["values"].dtype == np.float32
    assert whole[1] is None
    assert len(whole[2]["indices"]) == 0


def test_pandas_null_vectors_stay_in_their_rows():
    table = pa.table({"v": pa.array([None, [1, 2], None, [3, 4]], pa.list_(pa.float32(), 2))})
    for part in (table, pa.concat_tables([table.slice(0, 1), table.slice(1)])):
        rows = render(part, "pandas")["v"].tolist()
        assert [None if row is None else row.tolist() for row in rows] == [None, [1, 2], None, [3, 4]]


def test_pandas_numpy():
    frame = render(TABLE, "pandas", "numpy")
    assert frame["id"].dtype == np.uint64
    assert frame["small"].dtype == np.float64
    assert frame["f"].dtype == np.float64
    # A float64 column would change 2^60 + 1.
    assert frame["i"].tolist() == [1, None, 2**60 + 1, 4]


def test_pandas_pyarrow():
    frame = render(TABLE, "pandas", "pyarrow")
    assert all(isinstance(dtype, pd.ArrowDtype) for dtype in frame.dtypes)
    flat = frame["v"].array.__arrow_array__().chunk(0).flatten()
    assert flat.buffers()[1].address == MATRIX.ctypes.data


def test_take():
    rows = np.array([2, 0])
    assert take(pl.DataFrame({"x": [1, 2, 3]}), rows)["x"].to_list() == [3, 1]
    assert take(pd.DataFrame({"x": [1, 2, 3]}, index=[5, 5, 6]), rows)["x"].to_dict() == {6: 3, 5: 1}
    assert take(pa.table({"x": [1, 2, 3]}), rows)["x"].to_pylist() == [3, 1]
    with pytest.raises(FrameError, match="LazyFrame has no rows to pick from"):
        take(pl.LazyFrame({"x": [1]}), rows)


def test_to_matrix():
    frames = [
        render(TABLE, "polars"),
        TABLE,
        render(TABLE, "pandas", "pyarrow"),
        render(TABLE, "polars").with_columns(pl.col("v").cast(pl.List(pl.Float64))),
        render(TABLE, "pandas"),
    ]
    for frame in frames:
        found = to_matrix(frame, "v")
        assert found.dtype == np.float32
        assert found.tolist() == MATRIX.tolist()
    assert all(to_matrix(frame, "v").ctypes.data == MATRIX.ctypes.data for frame in frames[:3])
    assert to_matrix(pa.concat_tables([TABLE, TABLE]), "v").shape == (8, 3)
    assert to_matrix(TABLE.slice(0, 0), "v").shape == (0, 3)
    with pytest.raises(FrameError, match="no column 'w'"):
        to_matrix(TABLE, "w")
    with pytest.raises(FrameError, match="column 'v', row 1"):
        to_matrix(pl.DataFrame({"v": [[1.0], None]}), "v")
    chunks = pl.concat([pl.DataFrame({"v": [[1.0]]}), pl.DataFrame({"v": [[1.0, 2.0]]})], rechunk=False)
    with pytest.raises(FrameError, match="column 'v', row 1"):
        to_matrix(chunks, "v")


ENUM = pl.Enum(["x", "y"])


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({"x": pl.Int8}, Target(pa.int8())),
        (pl.Schema({"x": pl.Datetime("ms", "UTC")}), Target(pa.timestamp("ms", "UTC"))),
        ({"x": pl.Categorical}, Target(pa.large_string(), "polars", pl.Categorical(), Categories())),
        ({"x": ENUM}, Target(pa.large_string(), "polars", ENUM, Categories(("x", "y"), ordered=True))),
        ({"x": pl.List(ENUM)}, Target(pa.large_list(pa.large_string()), "polars", pl.List(ENUM))),
        ({"x": pl.Array(pl.Int8, (2, 3))}, Target(pa.list_(pa.list_(pa.int8(), 3), 2))),
        (pl.DataFrame(schema={"x": pl.Decimal(10, 2)}), Target(pa.decimal128(10, 2))),
        (pl.LazyFrame(schema={"x": pl.Time}), Target(pa.time64("ns"))),
        ({"x": int}, Target(pa.int64())),
        ({"x": "json"}, Target(pa.large_string(), json=True)),
        (pa.schema([("x", pa.int8())]), Target(pa.int8())),
        ({"x": pa.string_view()}, Target(pa.large_string(), "arrow", pa.string_view())),
        (pa.table({"x": ["a"]}), Target(pa.string())),
        (
            {"x": pa.dictionary(pa.int8(), pa.string())},
            Target(pa.string(), "arrow", pa.dictionary(pa.int8(), pa.string())),
        ),
        ({"x": "Int64"}, Target(pa.int64(), "pandas", pd.Int64Dtype())),
        ({"x": np.float32}, Target(pa.float32(), "pandas", np.dtype("f4"))),
        ({"x": "category"}, Target(pa.large_string(), "pandas", pd.CategoricalDtype(), Categories())),
        ({"x": "datetime64[ns, UTC]"}, Target(pa.timestamp("ns", "UTC"), "pandas", pd.DatetimeTZDtype("ns", "UTC"))),
        ({"x": pd.ArrowDtype(pa.int8())}, Target(pa.int8(), "pandas", pd.ArrowDtype(pa.int8()))),
        (pd.DataFrame({"x": pd.Series([1], dtype="Int8")}), Target(pa.int8(), "pandas", pd.Int8Dtype())),
        (pd.DataFrame({"x": [[1], [2]]}), Target(pa.list_(pa.int64()))),
        (pd.DataFrame({"x": [1.5]}).dtypes, Target(pa.float64(), "pandas", np.dtype("f8"))),
    ],
)
def test_targets(schema, expected):
    found = targets_of(schema)
    assert found == {"x": expected}
    assert pickle.loads(pickle.dumps(found)) == found


@pytest.mark.parametrize(
    ("schema", "message"),
    [
        ({"x": pl.Binary}, "payload cannot be read into large_binary"),
        ({"x": pl.Object}, "cannot be read into Object"),
        ({"x": pl.List(pl.Binary)}, "large_binary"),
        ({"x": "period[D]"}, "cannot be read into Period"),
        ({"x": "object"}, "Name the type of its values"),
        ({"x": "int65"}, r"schema\['x'\]='int65': not a dtype"),
        ({"x": 3}, "not a dtype"),
        ({1: pl.Int8}, "1 is not a column name"),
        (3, "a mapping of column names"),
    ],
)
def test_schemas_that_make_no_sense(schema, message):
    with pytest.raises(OptionError, match=message):
        targets_of(schema)


def test_final_dtypes():
    table = pa.table({"id": pa.array([1, 2], pa.uint64()), "x": pa.array(["y", None], pa.large_string())})
    assert render(table, "polars", targets=targets_of({"x": ENUM})).schema["x"] == ENUM
    assert render(table, "polars", targets=targets_of({"x": pl.Categorical})).schema["x"] == pl.Categorical
    category = pd.CategoricalDtype(["x", "y"], ordered=True)
    found = render(table, "pandas", targets=targets_of({"x": category}))["x"]
    assert found.dtype == category
    assert found.tolist()[0] == "y"
    dictionary = pa.dictionary(pa.int8(), pa.string())
    assert render(table, "arrow", targets=targets_of({"x": dictionary})).schema.field("x").type == dictionary
    # Of another library's targets categories alone have a meaning, and not within lists.
    assert render(table, "pandas", targets=targets_of({"x": ENUM}))["x"].dtype == category
    assert render(table, "polars", targets=targets_of({"x": category})).schema["x"] == pl.Categorical
    lists = pa.table({"x": pa.array([["y"]], pa.large_list(pa.large_string()))})
    assert render(lists, "arrow", targets=targets_of({"x": pl.List(ENUM)})).schema == lists.schema


def test_pandas_dtypes_are_given_back():
    asked = {"i": "int32", "n": "int64", "f": "float32", "t": "datetime64[ns]", "o": "Int8", "a": "int8[pyarrow]"}
    table = pa.table(
        {
            "i": pa.array([1, 2], pa.int32()),
            "n": pa.array([1, None]),
            "f": pa.array([1.5, None], pa.float32()),
            "t": pa.array([datetime.datetime(2020, 1, 1), None], pa.timestamp("ns")),
            "o": pa.array([1, None], pa.int8()),
            "a": pa.array([1, None], pa.int8()),
        }
    )
    found = render(table, "pandas", targets=targets_of(asked)).dtypes.astype(str).to_dict()
    # int64 has no null: the column stays nullable.
    assert found == asked | {"n": "Int64"}


@pytest.mark.parametrize(
    ("dtype", "values", "rows"),
    [
        (ENUM, ["x", "z", None, "w"], [1, 3]),
        (pl.List(ENUM), [["x"], ["y", "z"], None, []], [1]),
        (pl.Categorical, ["x", "z"], []),
        (pd.CategoricalDtype(["x"]), ["x", None, "z"], [2]),
        (pd.CategoricalDtype(), ["x"], []),
    ],
)
def test_values_without_a_place(dtype, values, rows):
    targets = targets_of({"x": dtype})
    table = pa.table({"id": range(len(values)), "x": pa.array(values, targets["x"].dtype)})
    assert [(name, found.tolist()) for name, found in misfits(table, targets)] == ([("x", rows)] if rows else [])
    if not rows:
        assert fit(table, targets) is table
        return
    with pytest.raises(MismatchError, match="schema_overrides") as caught:
        fit(table, targets)
    assert (caught.value.point_id, caught.value.field, caught.value.value) == (rows[0], "x", values[rows[0]])
    expected = [None if row in rows else value for row, value in enumerate(values)]
    assert fit(table, targets, on_mismatch="null").column("x").to_pylist() == expected
