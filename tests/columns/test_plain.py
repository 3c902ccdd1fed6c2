"""Any column in plain types: the same JSON as the oracle's, in canonical layout."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qframe.columns.check import check_payload, unsupported
from qframe.columns.plain import plain
from tests.columns.payloads import columns, exactly, kinds, settle


def _is_plain(dtype: pa.DataType) -> bool:
    if pa.types.is_large_list(dtype):
        return _is_plain(dtype.value_type)
    if pa.types.is_struct(dtype):
        return all(_is_plain(field.type) for field in dtype)
    return dtype in (pa.null(), pa.bool_(), pa.int64(), pa.float64(), pa.large_string())


@given(st.data())
def test_any_column_becomes_the_json_of_its_values(data: st.DataObject) -> None:
    array, said = data.draw(columns(data.draw(st.integers(0, 5)), data.draw(kinds())))
    assert unsupported("x", array.type) is None
    assert check_payload("x", array) == []
    result = plain(array)
    assert _is_plain(result.type)
    result.validate(full=True)
    expected = [settle(value, "keep") for value in said]
    assert exactly(result.to_pylist()) == exactly(expected)


def test_nothing_stands_behind_null_structs() -> None:
    hidden = pa.array([2**64 - 1, 5, 7], pa.uint64())
    array = pa.StructArray.from_arrays([hidden], names=["x"], mask=pa.array([True, False, False]))
    result = plain(array)
    assert result.to_pylist() == [None, {"x": 5}, {"x": 7}]
    assert result.field(0).to_pylist() == [None, 5, 7]
    assert check_payload("s", array) == []


@pytest.mark.parametrize("layout", ["list", "fixed"])
def test_nothing_stands_behind_null_lists(layout: str) -> None:
    hidden = pa.array([float("inf"), 1.0, 2.0, 3.0, float("inf"), 5.0])
    bitmap = pa.py_buffer(np.packbits([False, True, False], bitorder="little"))
    if layout == "fixed":
        array = pa.Array.from_buffers(pa.list_(pa.float64(), 2), 3, [bitmap], children=[hidden])
    else:
        spans = pa.py_buffer(np.array([0, 2, 4, 6], dtype=np.int32))
        array = pa.Array.from_buffers(pa.list_(pa.float64()), 3, [bitmap, spans], children=[hidden])
    result = plain(array)
    assert result.to_pylist() == [None, [2.0, 3.0], None]
    assert result.values.to_pylist() == [2.0, 3.0]
    assert check_payload("l", array) == []
    assert plain(array.slice(1, 1)).to_pylist() == [[2.0, 3.0]]


@pytest.mark.parametrize("inner", [pa.string_view(), pa.list_(pa.string_view(), 1), pa.list_view(pa.string_view())])
def test_views_of_strings_behind_null_lists(inner: pa.DataType) -> None:
    value = "x" if inner == pa.string_view() else ["x"]
    hidden = pa.array([None, value], pa.list_(inner, 1))
    assert plain(hidden).to_pylist() == [None, [value]]
    nested = pa.array([None, [{"a": value}]], pa.list_(pa.struct([("a", inner)]), 1))
    assert plain(nested).to_pylist() == [None, [{"a": value}]]


def test_views_may_overlap_and_jump() -> None:
    array = pa.ListViewArray.from_arrays(
        pa.array([2, 0, 1], pa.int32()), pa.array([1, 3, 0], pa.int32()), pa.array(["a", "b", "c"])
    )
    assert plain(array).to_pylist() == [["c"], ["a", "b", "c"], []]
    assert plain(array.slice(1)).to_pylist() == [["a", "b", "c"], []]


def test_run_lengths_and_eight_bit_booleans() -> None:
    runs = pc.run_end_encode(pa.array(["a", "a", None, "b"]))
    assert plain(runs.slice(1)).to_pylist() == ["a", None, "b"]
    flags = pa.ExtensionArray.from_storage(pa.bool8(), pa.array([1, 0, None, 1], pa.int8()))
    assert plain(flags.slice(1)).to_pylist() == [False, None, True]


def test_nan_is_null_wherever_it_stands() -> None:
    nan = float("nan")
    array = pa.array([{"x": [nan, 1.0], "y": nan}, {"x": None, "y": 2.0}])
    assert plain(array).to_pylist() == [{"x": [None, 1.0], "y": None}, {"x": None, "y": 2.0}]
    assert plain(pa.array([nan, None, 1.0, nan], pa.float32()).slice(1)).to_pylist() == [None, 1.0, None]
    levels = pa.DictionaryArray.from_arrays(pa.array([0, 1, None], pa.int8()), pa.array([nan, 1.0]))
    assert plain(levels).to_pylist() == [None, 1.0, None]


@pytest.mark.parametrize(
    ("dtype", "ticks", "text"),
    [
        (pa.timestamp("s"), 0, "1970-01-01T00:00:00Z"),
        (pa.timestamp("us"), 1_500_000, "1970-01-01T00:00:01.500Z"),
        (pa.timestamp("ns"), 1_000, "1970-01-01T00:00:00.000001Z"),
        (pa.timestamp("ms", "Europe/Berlin"), -1, "1969-12-31T23:59:59.999Z"),
        (pa.timestamp("s"), -62_167_219_200, "0000-01-01T00:00:00Z"),
        (pa.timestamp("us"), 253_402_300_799_999_999, "9999-12-31T23:59:59.999999Z"),
        (pa.date32(), 2_932_896, "9999-12-31"),
        (pa.time64("ns"), 1, "00:00:00.000000001"),
        (pa.time32("s"), 86_399, "23:59:59"),
        (pa.duration("ns"), -(2**63) + 1, "-PT9223372036.854775807S"),
        (pa.duration("s"), -(2**63), "-PT9223372036854775808S"),
        (pa.duration("ms"), 0, "PT0S"),
        (pa.duration("us"), -1_500_000, "-PT1.500S"),
    ],
)
def test_dates_and_times_have_one_text(dtype: pa.DataType, ticks: int, text: str) -> None:
    width = pa.int32() if dtype.bit_width == 32 else pa.int64()
    assert plain(pa.array([None, ticks], width).view(dtype)).to_pylist() == [None, text]


def test_one_instant_has_the_same_text_in_every_unit() -> None:
    texts = {
        plain(pa.array([5 * ticks], pa.timestamp(unit)))[0].as_py()
        for unit, ticks in {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}.items()
    }
    assert texts == {"1970-01-01T00:00:05Z"}


def test_a_decimal_of_fifteen_digits_is_the_nearest_float() -> None:
    value = Decimal("123456.789012345")
    assert plain(pa.array([value], pa.decimal128(15, 9))).to_pylist() == [float(value)]
    assert plain(pa.array([value], pa.decimal128(16, 9))).to_pylist() == [str(value)]


@pytest.mark.parametrize(
    "array",
    [
        pa.array([2**64 - 1], pa.uint64()),
        pa.array([2**40], pa.timestamp("s")),
        pa.array([2_932_897], pa.int32()).view(pa.date32()),
    ],
)
def test_what_check_finds_is_refused_here_too(array: pa.Array) -> None:
    assert len(check_payload("x", array)) == 1
    with pytest.raises(ValueError, match=r"not in range|four-digit years"):
        plain(array)


def test_a_type_without_a_form_is_refused() -> None:
    with pytest.raises(TypeError, match="binary has no form"):
        plain(pa.array([b"x"]))
