"""polars, Arrow, streams and iterables as sources, and what is refused."""

import datetime
import decimal
import subprocess
import sys
import uuid

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from qframe.errors import FrameError
from qframe.frames.opening import open_source
from qframe.frames.source import PART_ROWS, opaque

U = uuid.UUID("936da01f-9abd-4d9d-80c7-02af85c822a8")


def table(source, *columns):
    columns = list(columns or source.schema.names)
    return pa.Table.from_batches(
        list(source.parts(columns)), schema=pa.schema([source.schema.field(n) for n in columns])
    )


ALL = pl.DataFrame(
    {
        "i": pl.Series([1, None], dtype=pl.Int16),
        "f": pl.Series([1.5, float("nan")], dtype=pl.Float32),
        "s": ["a", None],
        "b": [True, None],
        "c": pl.Series(["x", None], dtype=pl.Categorical),
        "e": pl.Series(["x", "y"], dtype=pl.Enum(["y", "x"])),
        "v": pl.Series([[1.0, 2.0], [3.0, 4.0]], dtype=pl.Array(pl.Float32, 2)),
        "l": [[1.0], []],
        "m": pl.Series([[[1.0, 2.0]], []], dtype=pl.List(pl.Array(pl.Float32, 2))),
        "st": [{"a": 1, "b": ["x"]}, {"a": None, "b": None}],
        "d": [datetime.date(2020, 1, 1), None],
        "t": [datetime.time(1), None],
        "dt": pl.Series([datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC), None], dtype=pl.Datetime("ns", "UTC")),
        "td": [datetime.timedelta(seconds=1), None],
        "dec": [decimal.Decimal("1.50"), None],
        "bin": [b"a", None],
        "n": [None, None],
    }
)


def test_polars_dtypes():
    for source in (open_source(ALL), open_source(ALL.lazy())):
        found = table(source)
        assert found.schema.equals(source.schema)
        assert found.to_pylist()[0] == ALL.to_dicts()[0]
        types = dict(zip(found.schema.names, found.schema.types, strict=True))
        assert types["s"] == pa.large_string()
        assert types["v"] == pa.list_(pa.float32(), 2)
        assert types["dt"] == pa.timestamp("ns", "UTC")
        assert pa.types.is_dictionary(types["c"])
        assert pa.types.is_dictionary(types["e"])


def test_polars_is_not_copied_and_is_cut_along_its_chunks():
    values = np.random.default_rng(0).random((PART_ROWS + 5, 4), dtype="f4")
    numbers = np.arange(PART_ROWS + 5)
    one = pl.DataFrame({"v": values, "x": numbers})
    frame = pl.concat([one, one[:7]], rechunk=False)
    source = open_source(frame)
    for _ in range(2):
        parts = list(source.parts(["v"]))
        assert [part.num_rows for part in parts] == [PART_ROWS, 5, 7]
        assert {part.column(0).flatten().buffers()[1].address for part in parts} == {values.ctypes.data}
        assert [part.column(0).flatten().to_numpy()[0] for part in parts] == [
            values[0, 0],
            values[PART_ROWS, 0],
            values[0, 0],
        ]
    assert (source.length, source.library, source.index, source.repeatable) == (PART_ROWS + 12, "polars", None, True)
    assert [part.num_rows for part in source.parts([])] == [PART_ROWS, 12]


def test_polars_objects():
    frame = pl.DataFrame({"u": pl.Series([U, None], dtype=pl.Object), "x": pl.Series([1, "a"], dtype=pl.Object)})
    source = open_source(frame.with_columns(i=1))
    assert source.schema.field("u").type == pa.uuid()
    assert table(source, "i", "u").to_pydict() == {"i": [1, 1], "u": [U, None]}
    assert opaque(source.schema.field("x")) == "Object (a mix of int and str)"
    with pytest.raises(FrameError, match=r"column 'x', row 1: found 'a'"):
        source.parts(["x"])
    lazy = open_source(frame.lazy())
    assert opaque(lazy.schema.field("u")) == "Object"
    with pytest.raises(FrameError, match="column 'u': the column is Object"):
        lazy.parts(["u"])


@pytest.mark.parametrize("dtype", [pl.Int128, pl.UInt128, pl.List(pl.Int128)])
def test_polars_dtypes_without_an_arrow_type(dtype):
    frame = pl.DataFrame(schema={"id": pl.Int64, "x": dtype})
    source = open_source(frame)
    assert "Int128" in opaque(source.schema.field("x"))
    assert opaque(source.schema.field("id")) is None
    assert list(source.parts(["id"])) == []
    with pytest.raises(FrameError, match=r"Cast it, for example with pl.col\('x'\)"):
        source.parts(["x"])


def test_lazy_frames_are_not_run_for_their_schema_and_run_once():
    runs = []

    def count(frame):
        runs.append(frame.height)
        return frame

    lazy = pl.LazyFrame({"id": range(10), "x": range(10)}).map_batches(count, projection_pushdown=False)
    source = open_source(lazy)
    assert (source.length, source.library, source.repeatable) == (None, "polars", False)
    parts = source.parts(["x"])
    assert runs == []
    assert [value for part in parts for value in part.column(0).to_pylist()] == list(range(10))
    assert sum(runs) == 10
    with pytest.raises(FrameError, match="read once"):
        source.parts(["x"])


def test_lazy_frames_read_only_what_is_asked_for():
    lazy = pl.LazyFrame({"id": [1, 2], "x": ["a", "b"]}).with_columns(pl.col("x").cast(pl.Int64).alias("bad"))
    assert table(open_source(lazy), "id").to_pydict() == {"id": [1, 2]}
    assert sum(part.num_rows for part in open_source(lazy).parts([])) == 2
    with pytest.raises(pl.exceptions.InvalidOperationError):
        table(open_source(lazy), "bad")


def test_order_of_a_lazy_frame_is_kept():
    lazy = pl.LazyFrame({"id": range(300_000)}).filter(pl.col("id") % 3 == 0)
    assert table(open_source(lazy)).column("id").to_pylist() == list(range(0, 300_000, 3))


def test_arrow_tables():
    found = pa.table({"id": pa.chunked_array([[1, 2], [3]]), "s": ["a", None, "c"]})
    source = open_source(found)
    assert (source.length, source.library, source.repeatable) == (3, "arrow", True)
    for _ in range(2):
        parts = list(source.parts(["id"]))
        assert [part.num_rows for part in parts] == [2, 1]
        assert parts[0].column(0).buffers()[1].address == found.column("id").chunk(0).buffers()[1].address
    assert table(open_source(found.to_batches()[0])).num_rows == 2


def test_arrow_types_are_made_plain():
    class Unit(pa.ExtensionType):
        def __init__(self):
            super().__init__(pa.float32(), "test.unit")

        def __arrow_ext_serialize__(self):
            return b""

        @classmethod
        def __arrow_ext_deserialize__(cls, storage, data):
            return cls()

    columns = {
        "view": pa.array(["a", None], pa.string_view()),
        "bytes": pa.array([b"a", None], pa.binary_view()),
        "runs": pa.RunEndEncodedArray.from_arrays([1, 2], ["a", "b"]),
        "lists": pa.array([["a"], None], pa.list_view(pa.string_view())),
        "nested": pa.array([{"a": ["b"]}, None], pa.struct([("a", pa.list_(pa.string_view()))])),
        "unit": pa.ExtensionArray.from_storage(Unit(), pa.array([1.0, 2.0], pa.float32())),
        "uuid": pa.ExtensionArray.from_storage(pa.uuid(), pa.array([U.bytes, None], pa.binary(16))),
    }
    plain = {
        "view": pa.large_string(),
        "bytes": pa.large_binary(),
        "runs": pa.string(),
        "lists": pa.large_list(pa.large_string()),
        "nested": pa.struct([("a", pa.list_(pa.large_string()))]),
        "unit": pa.float32(),
        "uuid": pa.uuid(),
    }
    source = open_source(pa.table(columns))
    assert dict(zip(source.schema.names, source.schema.types, strict=True)) == plain
    assert table(source).to_pylist() == pa.table(columns).to_pylist()


class Stream:
    """Anything that speaks the Arrow stream protocol."""

    def __init__(self, data):
        self.data = data
        self.calls = 0

    def __arrow_c_stream__(self, requested_schema=None):
        self.calls += 1
        return self.data.__arrow_c_stream__(requested_schema)


def test_streams_are_consumed_once():
    data = pa.table({"id": [1, 2], "x": ["a", "b"]})
    for stream in (Stream(data), data.to_reader()):
        source = open_source(stream)
        assert (source.length, source.library, source.repeatable) == (None, "arrow", False)
        assert table(source, "x").to_pydict() == {"x": ["a", "b"]}
        with pytest.raises(FrameError, match="read once"):
            source.parts(["x"])
        assert getattr(stream, "calls", 1) == 1
    assert [part.num_rows for part in open_source(Stream(data)).parts([])] == [2]
    with pytest.raises(FrameError, match="not one of tables"):
        open_source(Stream(pa.chunked_array([[1]])))


def test_iterables():
    frames = [pl.DataFrame({"id": [1], "x": ["a"]}), pl.LazyFrame({"x": ["b"], "id": [2]})]
    source = open_source(frame for frame in frames)
    assert (source.length, source.library, source.repeatable) == (None, "polars", False)
    assert table(source, "id", "x").to_pydict() == {"id": [1, 2], "x": ["a", "b"]}
    with pytest.raises(FrameError, match="read once"):
        source.parts(["id"])
    pandas = [pd.DataFrame({"c": pd.Categorical(["a"]), "n": ["x"]}), pd.DataFrame({"c": ["b"], "n": [None]})]
    pandas[1]["c"] = pd.Categorical(["b"], categories=[str(i) for i in range(200)] + ["b"])
    pandas[1]["n"] = pandas[1]["n"].astype(object)
    source = open_source(pandas)
    assert source.library == "pandas"
    assert table(source).to_pydict() == {"c": ["a", "b"], "n": ["x", None]}
    assert source.schema.field("c").type.index_type == pa.int32()


def test_iterables_of_several_libraries():
    """Each has its own width of offsets, and pandas makes up types for frames without rows."""

    def frames():
        return [
            pd.DataFrame({"id": [], "x": [], "v": []}),
            pa.table({"id": [1], "x": ["a"], "v": [[1.0]]}),
            pl.DataFrame({"id": [2], "x": ["b"], "v": [[2.0]]}),
            pl.DataFrame(),
            pd.DataFrame({"id": [3], "x": ["c"], "v": [[3.0]]}),
            pa.table({"id": [4], "x": ["d"], "v": [[4.0]]}).to_reader(),
            pl.LazyFrame({"id": [5], "x": ["e"], "v": [[5.0]]}),
        ]

    for order in (frames(), frames()[::-1], [*frames()[2:], *frames()[:2]]):
        source = open_source(iter(order))
        found = table(source, "id", "x", "v").to_pydict()
        assert sorted(found["id"]) == [1, 2, 3, 4, 5]
        assert found["x"] == ["abcde"[number - 1] for number in found["id"]]
        assert found["v"] == [[float(number)] for number in found["id"]]
    empty = open_source(iter([pl.DataFrame(), pl.DataFrame({"id": []})]))
    assert (empty.schema.names, list(empty.parts([]))) == ([], [])
    mixed = open_source(iter([*frames()[:2], pl.DataFrame({"id": [1], "x": [1.5], "v": [[1.0]]})]))
    with pytest.raises(FrameError, match="frame 2 of the iterable has double in column 'x', frame 1 has string"):
        list(mixed.parts(["x"]))


def test_iterables_are_pulled_as_they_are_read():
    pulled = []

    def frames():
        for number in range(3):
            pulled.append(number)
            yield pl.DataFrame({"id": [number]})

    source = open_source(frames())
    assert pulled == [0]
    parts = source.parts(["id"])
    next(parts)
    assert pulled == [0]
    next(parts)
    assert pulled == [0, 1]


@pytest.mark.parametrize(
    ("second", "message"),
    [
        (pl.DataFrame({"id": ["b"], "x": [1]}), "frame 1 of the iterable has large_string in column 'id'"),
        (pl.DataFrame({"id": [1]}), "frame 1 of the iterable lacks the column 'x'"),
        (pl.DataFrame({"id": [1], "x": [1], "y": [2]}), "frame 1 of the iterable has the column 'y'"),
        (pl.DataFrame({"id": [1], "x": pl.Series([{1}], dtype=pl.Object)}), "begins at row 2: column 'x', row 0"),
        (3, "item 1 of the iterable is of type int"),
        ([pl.DataFrame({"id": [1], "x": [1]})], "item 1 of the iterable is of type list"),
    ],
)
def test_a_later_frame_that_differs(second, message):
    source = open_source([pl.DataFrame({"id": [1, 2], "x": [1, 2]}), second])
    with pytest.raises(FrameError, match=message):
        list(source.parts(["id", "x"]))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (pl.Series([1]), "polars Series is not a frame"),
        (pd.Series([1]), "pandas.Series is not a frame"),
        (pd.Index([1]), "pandas.Index is not a frame"),
        (np.ones((2, 3)), r"numpy array of shape \(2, 3\) is not a frame"),
        ({"id": [1]}, "an object of type dict is not a frame; pl.DataFrame"),
        ([{"id": 1}], "item 0 of the iterable: an object of type dict is not a frame; pl.DataFrame"),
        ("frame.parquet", "an object of type str is not a frame"),
        (b"x", "an object of type bytes is not a frame"),
        (None, "an object of type NoneType is not a frame"),
        (3, "Taken are a polars DataFrame or LazyFrame"),
        (pa.array([1]), "pyarrow.Int64Array is not a frame"),
        (pa.chunked_array([[1]]), "pyarrow.ChunkedArray is not a frame"),
        ([], "gave no frame"),
        (pa.table([[1], [2]], names=["a", "a"]), "column 'a' is there more than once"),
    ],
)
def test_what_is_not_a_frame(data, message):
    with pytest.raises(FrameError, match=message):
        open_source(data)


WITHOUT = """
import sys
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name in ("polars", "pandas"):
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Absent())
import pyarrow as pa
from qframe.frames.opening import open_source
print(sum(part.num_rows for part in open_source([pa.table({"id": [1]})]).parts(["id"])))
"""


def test_no_library_is_needed():
    run = subprocess.run([sys.executable, "-c", WITHOUT], check=True, capture_output=True, text=True)
    assert run.stdout == "1\n"
