"""pandas frames as sources: every dtype, the index, no needless copies, and columns that cannot be written."""

import datetime
import decimal
import uuid

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from qframe.errors import FrameError
from qframe.frames.opening import open_source
from qframe.frames.source import PART_ROWS, opaque

U = uuid.UUID("936da01f-9abd-4d9d-80c7-02af85c822a8")


def read(data, *columns):
    source = open_source(data)
    parts = list(source.parts(columns or source.schema.names))
    return pa.Table.from_batches(parts)


def column(values, **options):
    frame = pd.DataFrame({"x": pd.Series(values, **options)})
    source = open_source(frame)
    table = pa.Table.from_batches(list(source.parts(["x"])), schema=pa.schema([source.schema.field("x")]))
    assert table.schema.field("x").type == source.schema.field("x").type
    return table.column("x")


@pytest.mark.parametrize(
    ("values", "dtype", "arrow", "expected"),
    [
        ([1, 2], "int8", pa.int8(), [1, 2]),
        ([1, 2**64 - 1], "uint64", pa.uint64(), [1, 2**64 - 1]),
        ([1.5, None], "float32", pa.float32(), [1.5, "nan"]),
        ([True, False], "bool", pa.bool_(), [True, False]),
        ([1, None], "Int64", pa.int64(), [1, None]),
        ([1.5, None], "Float64", pa.float64(), [1.5, None]),
        ([True, None], "boolean", pa.bool_(), [True, None]),
        (["a", None], "string[python]", pa.string(), ["a", None]),
        ([1, None], pd.ArrowDtype(pa.int16()), pa.int16(), [1, None]),
        ([[1.0], None], pd.ArrowDtype(pa.list_(pa.float32())), pa.list_(pa.float32()), [[1.0], None]),
        (["a", None], pd.ArrowDtype(pa.string_view()), pa.large_string(), ["a", None]),
        (["a", None], object, pa.large_string(), ["a", None]),
        ([True, None], object, pa.bool_(), [True, None]),
        ([np.bool_(True), float("nan")], object, pa.bool_(), [True, None]),
        ([1, None, pd.NA, float("nan")], object, pa.int64(), [1, None, None, None]),
        ([2**64 - 1, 0], object, pa.uint64(), [2**64 - 1, 0]),
        ([1, 2.5, None], object, pa.float64(), [1.0, 2.5, None]),
        ([np.float32(1.5)], object, pa.float32(), [1.5]),
        ([b"a", None], object, pa.large_binary(), [b"a", None]),
        ([U, None], object, pa.uuid(), [U, None]),
        ([datetime.date(2020, 1, 1), pd.NaT], object, pa.date32(), [datetime.date(2020, 1, 1), None]),
        ([datetime.time(1), None], object, pa.time64("us"), [datetime.time(1), None]),
        ([decimal.Decimal("1.50"), None], object, pa.decimal128(3, 2), [decimal.Decimal("1.50"), None]),
        ([[1, 2], None, []], object, pa.list_(pa.int64()), [[1, 2], None, []]),
        ([[1], [2.5]], object, pa.list_(pa.float64()), [[1.0], [2.5]]),
        ([(1, 2)], object, pa.list_(pa.int64()), [[1, 2]]),
        ([{"a": 1}, {"b": ["x"]}, None], object, None, [{"a": 1, "b": None}, {"a": None, "b": ["x"]}, None]),
        ([None, None], object, pa.null(), [None, None]),
        ([], object, pa.null(), []),
    ],
)
def test_dtypes(values, dtype, arrow, expected):
    found = column(values, dtype=dtype)
    assert arrow is None or found.type == arrow
    shown = ["nan" if isinstance(value, float) and np.isnan(value) else value for value in found.to_pylist()]
    assert shown == expected


def test_default_text_is_large_string_or_string():
    found = column(["a", None, "b"])
    assert found.type == pa.large_string()
    assert found.to_pylist() == ["a", None, "b"]


def test_datetimes():
    stamps = pd.Series(pd.to_datetime(["2020-01-01", None]))
    assert column(stamps).to_pylist() == [datetime.datetime(2020, 1, 1), None]
    zoned = column(stamps.dt.tz_localize("Europe/Berlin"))
    assert zoned.type.tz == "Europe/Berlin"
    assert zoned.null_count == 1
    assert zoned.to_pylist()[0].utcoffset() == datetime.timedelta(hours=1)
    assert pa.types.is_duration(column(pd.Series(pd.to_timedelta([1, None], unit="s"))).type)
    objects = column([pd.Timestamp("2020-01-01 00:00:00.123456789"), pd.NaT], dtype=object)
    assert objects.type == pa.timestamp("ns")
    assert objects.cast(pa.int64()).to_pylist() == [pd.Timestamp("2020-01-01 00:00:00.123456789").value, None]
    objects = column([pd.Timestamp("2020-01-01 00:00:00.123456789", tz="Asia/Tokyo")], dtype=object)
    assert objects.type == pa.timestamp("ns", "Asia/Tokyo")
    assert column([pd.Timedelta(1001), None], dtype=object).cast(pa.int64()).to_pylist() == [1001, None]
    assert column([datetime.timedelta(1), None], dtype=object).to_pylist() == [datetime.timedelta(1), None]
    numpy = column([np.datetime64("2020-01-01T00:00:00.123456789"), None], dtype=object)
    assert numpy.cast(pa.int64()).to_pylist() == [1577836800123456789, None]


def test_categoricals():
    found = column(pd.Categorical(["b", None, "a"], categories=["b", "a"], ordered=True))
    assert pa.types.is_dictionary(found.type)
    assert found.to_pylist() == ["b", None, "a"]
    assert column(pd.Categorical([3, 4])).to_pylist() == [3, 4]


def test_sparse_dtype():
    assert column(pd.arrays.SparseArray([0.0, 1.0])).to_pylist() == [0.0, 1.0]


@pytest.mark.parametrize("dtype", ["float32", "float64", "int8"])
def test_objects_of_arrays(dtype):
    rows = [np.arange(3, dtype=dtype), None, np.arange(2, dtype=dtype)]
    found = column(rows, dtype=object)
    assert found.type == pa.large_list(pa.from_numpy_dtype(dtype))
    assert found.to_pylist() == [[0, 1, 2], None, [0, 1]]


def test_objects_of_matrices():
    found = column([np.ones((2, 3), "f4"), np.zeros((1, 3), "f4")], dtype=object)
    assert found.type == pa.large_list(pa.list_(pa.float32(), 3))
    assert found.to_pylist() == [[[1, 1, 1], [1, 1, 1]], [[0, 0, 0]]]


def test_arrays_beside_lists():
    assert column([np.array([1.0]), [2.0]], dtype=object).to_pylist() == [[1.0], [2.0]]
    assert column([np.ones((1, 2)), [[3.0, 4.0]]], dtype=object).to_pylist() == [[[1.0, 1.0]], [[3.0, 4.0]]]
    assert column([np.array(["a", "b"]), None], dtype=object).to_pylist() == [["a", "b"], None]
    assert column([pd.Series([1.0, 2.0]), None], dtype=object).to_pylist() == [[1.0, 2.0], None]


@pytest.mark.parametrize(
    ("values", "row", "value"),
    [
        ([1, None, "a", "b"], 2, "a"),
        ([1.5, float("nan"), "a"], 2, "a"),
        ([U, 3], 1, 3),
        ([[1], None, ["a"]], 2, ["a"]),
        ([[1], {"a": 1}], 1, {"a": 1}),
        ([{"a": 1}, {"a": "x"}], 1, {"a": "x"}),
        ([{"a": 1}, {1: 1}], 1, {1: 1}),
        ([{1, 2}], 0, {1, 2}),
        ([1, 2**64], 1, 2**64),
        ([-1, 2**63], 1, 2**63),
        ([datetime.date(2020, 1, 1), datetime.datetime(2020, 1, 1)], 1, datetime.datetime(2020, 1, 1)),
        (["a", "\ud800"], 1, "\ud800"),
        ([datetime.datetime(2020, 1, 1), pd.Timestamp("2020", tz="UTC")], 1, pd.Timestamp("2020", tz="UTC")),
        ([np.ones(2), np.ones((1, 2))], 1, None),
        ([object], 0, object),
    ],
)
def test_mixed_objects_are_refused_only_when_asked_for(values, row, value):
    frame = pd.DataFrame({"id": range(len(values)), "x": pd.Series(values, dtype=object)})
    source = open_source(frame)
    assert "Object" in opaque(source.schema.field("x"))
    assert [part.num_rows for part in source.parts(["id"])] == [len(values)]
    with pytest.raises(FrameError, match="column 'x', row") as caught:
        source.parts(["id", "x"])
    assert caught.value.column == "x"
    assert caught.value.row == row
    assert value is None or caught.value.value == value


@pytest.mark.parametrize(
    ("values", "what"),
    [
        (pd.period_range("2020", periods=2), "Period"),
        (pd.interval_range(0, 2), "Interval"),
        (pd.cut([1, 2], [0, 1, 2]), "Categorical of Interval"),
        (np.array([1j, 2j]), "complex128"),
    ],
)
def test_dtypes_without_a_counterpart(values, what):
    source = open_source(pd.DataFrame({"x": values}))
    assert opaque(source.schema.field("x")).startswith(what)
    with pytest.raises(FrameError, match=rf"column 'x': the column is {what}.*astype\(str\)"):
        source.parts(["x"])


def test_named_index_levels_come_after_the_columns():
    frame = pd.DataFrame({"x": [1, 2]}, index=pd.MultiIndex.from_tuples([("a", 1), ("b", 2)], names=["k", None]))
    source = open_source(frame)
    assert source.schema.names == ["x", "k"]
    assert source.index is frame.index
    assert read(frame).to_pydict() == {"x": [1, 2], "k": ["a", "b"]}
    assert open_source(pd.DataFrame({"x": [1]})).schema.names == ["x"]


def test_an_index_that_repeats_a_column():
    frame = pd.DataFrame({"id": [5, 6], "x": [1, 2]})
    assert read(frame.set_index("id", drop=False)).to_pydict() == {"id": [5, 6], "x": [1, 2]}
    frame.index = pd.Index([6, 5], name="id")
    with pytest.raises(FrameError, match="'id' is both an index level and a column"):
        open_source(frame)


def test_index_does_not_align_anything():
    frame = pd.DataFrame({"x": [1, 2, 3], "o": ["a", [1], "c"]}, index=[2, 2, 0])
    assert read(frame, "x").to_pydict() == {"x": [1, 2, 3]}


@pytest.mark.parametrize(
    ("names", "found"), [([1, "a"], "1"), (["a", "a"], "'a'"), ([("a", "b"), ("a", "c")], r"\('a', 'b'\)")]
)
def test_column_names(names, found):
    with pytest.raises(FrameError, match=f"column {found}"):
        open_source(pd.DataFrame([[1, 2]], columns=names))


def test_numbers_and_arrow_columns_are_not_copied():
    numbers = np.arange(PART_ROWS + 10.0)
    arrow = pa.array(np.arange(PART_ROWS + 10))
    frame = pd.DataFrame({"x": numbers}, copy=False)
    frame["y"] = pd.Series(pd.arrays.ArrowExtensionArray(arrow))
    source = open_source(frame)
    for _ in range(2):
        parts = list(source.parts(["y", "x"]))
        assert [part.num_rows for part in parts] == [PART_ROWS, 10]
        assert {part.column(0).buffers()[1].address for part in parts} == {arrow.buffers()[1].address}
        assert {part.column(1).buffers()[1].address for part in parts} == {frame["x"].to_numpy().ctypes.data}


def test_objects_are_converted_once():
    frame = pd.DataFrame({"v": list(np.ones((100, 4), "f4"))})
    source = open_source(frame)
    first, second = (next(source.parts(["v"])).column(0).flatten().buffers()[1].address for _ in range(2))
    assert first == second


def test_length_library_and_no_columns():
    source = open_source(pd.DataFrame({"x": range(PART_ROWS + 3)}))
    assert (source.length, source.library, source.repeatable) == (PART_ROWS + 3, "pandas", True)
    assert [part.num_rows for part in source.parts([])] == [PART_ROWS, 3]
    assert list(open_source(pd.DataFrame({"x": []})).parts(["x"])) == []
