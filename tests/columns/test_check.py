"""Types and values that cannot be written: found by row, with what was found and a way out."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qframe.columns.check import DEEPEST, check_payload, unsupported
from qframe.errors import FrameError

MAX = 2**63 - 1
NESTED = pa.struct([("a", pa.list_(pa.struct([("b", pa.uint64())])))])


@pytest.mark.parametrize(
    ("dtype", "words"),
    [
        (pa.binary(), ["binary", "bytes", "hex or base64"]),
        (pa.large_binary(), ["large_binary", "bytes"]),
        (pa.binary_view(), ["binary_view", "bytes"]),
        (pa.binary(8), ["fixed_size_binary[8]", "bytes"]),
        (pa.map_(pa.string(), pa.int8()), ["map<string, int8>", "struct"]),
        (pa.month_day_nano_interval(), ["interval", "Duration"]),
        (pa.dense_union([pa.field("a", pa.int8())]), ["union", "text"]),
        (pa.json_(), ["arrow.json", "Cast it"]),
        (pa.list_(pa.struct([("a", pa.binary())])), ["binary", "'col[].a'"]),
        (pa.dictionary(pa.int8(), pa.binary()), ["binary"]),
        (pa.run_end_encoded(pa.int32(), pa.binary()), ["binary"]),
        (pa.list_(pa.run_end_encoded(pa.int32(), pa.int8())), ["run-end encoded", "'col[]'", "Decode"]),
        (pa.struct([("a", pa.int8()), ("a", pa.int8())]), ["'a' more than once", "own name"]),
    ],
)
def test_a_type_is_refused_once_for_the_column(dtype: pa.DataType, words: list[str]) -> None:
    error = unsupported("col", dtype)
    assert isinstance(error, FrameError)
    assert error.column == "col"
    assert error.value == str(dtype)
    for word in ["'col'", *words]:
        assert word in str(error)


@pytest.mark.parametrize("name", ["period", "interval"])
def test_types_of_pandas_alone_are_refused_by_name(name: str) -> None:
    pandas = pytest.importorskip("pandas")
    values = pandas.period_range("2020", "2021", freq="M") if name == "period" else pandas.interval_range(0, 3)
    assert f"pandas.{name}" in str(unsupported("col", pa.array(values).type))


def test_depth_has_a_limit() -> None:
    dtype = pa.int8()
    for _ in range(DEEPEST):
        dtype = pa.list_(dtype)
    assert unsupported("col", dtype) is None
    assert f"deeper than {DEEPEST} levels" in str(unsupported("col", pa.list_(dtype)))


@pytest.mark.parametrize(
    ("array", "rows", "values", "words"),
    [
        (pa.array([1, MAX + 1, None, 2**64 - 1], pa.uint64()), [1, 3], (MAX + 1, 2**64 - 1), "beyond int64"),
        (pa.array([1.0, float("-inf"), None, float("nan")]), [1], (float("-inf"),), "infinity"),
        (pa.array([float("inf")], pa.float32()), [0], (float("inf"),), "infinity"),
        (pa.array([1.0, float("inf")], pa.float16()), [1], (float("inf"),), "infinity"),
        (pa.array([1000, 1001, None], pa.timestamp("ns")), [1], ("1970-01-01 00:00:00.000001001",), "nanoseconds"),
        (pa.array([0, 253_402_300_800], pa.timestamp("s", "UTC")), [1], ("10000-01-01 00:00:00",), "four digits"),
        (pa.array([-62_167_219_200_001, 0], pa.timestamp("ms")), [0], ("-0001-12-31 23:59:59.999",), "four digits"),
        (pa.array([2_932_897, 2_932_896], pa.int32()).view(pa.date32()), [0], ("10000-01-01",), "four digits"),
        (pa.array([253_402_300_800_000], pa.int64()).view(pa.date64()), [0], ("10000-01-01",), "four digits"),
        (pa.array([-1, 0, 86_399, 86_400], pa.int32()).view(pa.time32("s")), [0, 3], ("-1", "86400"), "time of day"),
        (pa.array([86_400 * 10**9], pa.int64()).view(pa.time64("ns")), [0], ("86400000000000",), "time of day"),
        (pa.array([1.0, float("inf")]).dictionary_encode(), [1], (float("inf"),), "infinity"),
        (pa.array([[1.0], None, [2.0, float("inf"), float("-inf")]]), [2], (float("inf"),), "at 'col[]'"),
        (pa.array([{"a": [{"b": 1}]}, {"a": [None, {"b": 2**64 - 1}]}], NESTED), [1], (2**64 - 1,), "at 'col.a[].b'"),
    ],
)  # fmt: skip
def test_values_are_found_by_row(array: pa.Array, rows: list[int], values: tuple[object, ...], words: str) -> None:
    (bad,) = check_payload("col", array)
    assert bad.column == "col"
    assert bad.rows.dtype == np.int64
    assert bad.rows.tolist() == rows
    assert bad.values == values
    assert words in bad.message
    assert bad.way_out.endswith(".")
    longer = pa.concat_arrays([array, array]).slice(len(array) - 1)
    (shifted,) = check_payload("col", longer)
    assert shifted.rows.tolist() == [0] * (rows[-1] == len(array) - 1) + [row + 1 for row in rows]


def test_both_faults_of_a_timestamp_are_told() -> None:
    ticks = pa.array([-(2**63), 1], pa.int64()).view(pa.timestamp("ns"))
    assert [bad.rows.tolist() for bad in check_payload("t", ticks)] == [[0, 1]]
    fields = pa.struct([("a", pa.float64()), ("b", pa.uint64())])
    assert len(check_payload("s", pa.array([{"a": float("inf"), "b": 2**64 - 1}], fields))) == 2


def test_only_the_first_values_are_kept_but_all_rows() -> None:
    (bad,) = check_payload("x", pa.array([float("inf")] * 300))
    assert len(bad.rows) == 300
    assert len(bad.values) == 100


@given(st.lists(st.none() | st.floats(), max_size=20), st.integers(0, 3))
def test_infinities_are_found_at_any_offset(values: list[float | None], start: int) -> None:
    found = check_payload("x", pa.array(values, pa.float64()).slice(min(start, len(values))))
    expected = [i for i, value in enumerate(values[start:]) if value in (float("inf"), float("-inf"))]
    assert [row for bad in found for row in bad.rows.tolist()] == expected
