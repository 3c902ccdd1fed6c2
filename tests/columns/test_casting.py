"""The typing rule: every kind of stored value against every type, then what each type makes of its values."""

from __future__ import annotations

import json
import math
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qframe.columns.casting import cast
from qframe.columns.objects import values_of
from qframe.columns.values import MISSING
from qframe.model.schema import Field

MISMATCH = object()

KINDS: dict[str, Any] = {
    "missing": MISSING,
    "null": None,
    "bool": True,
    "int": 3,
    "float": 2.5,
    "text": "x",
    "list": [1],
    "object": {"a": 1},
}
ALWAYS = {"missing": None, "null": None}
TEMPORAL = [
    *(pa.timestamp(unit) for unit in ("s", "ms", "us", "ns")),
    pa.timestamp("us", "UTC"),
    pa.date32(),
    pa.date64(),
    pa.time32("s"),
    pa.time32("ms"),
    pa.time64("us"),
    pa.time64("ns"),
    *(pa.duration(unit) for unit in ("s", "ms", "us", "ns")),
]
TABLE: list[tuple[pa.DataType, dict[str, Any]]] = [
    (pa.null(), {}),
    (pa.bool_(), {"bool": True}),
    *((getattr(pa, f"{sign}int{bits}")(), {"int": 3}) for sign in ("", "u") for bits in (8, 16, 32, 64)),
    *((dtype, {"int": 3.0, "float": 2.5}) for dtype in (pa.float16(), pa.float32(), pa.float64())),
    *((dtype, {"text": "x"}) for dtype in (pa.string(), pa.large_string(), pa.string_view())),
    (pa.dictionary(pa.int8(), pa.string()), {"text": "x"}),
    (pa.dictionary(pa.int8(), pa.int64()), {"int": 3}),
    *((dtype, {}) for dtype in TEMPORAL),  # "x" is no date
    *((dtype, {"int": Decimal(3), "float": Decimal("2.5")}) for dtype in (pa.decimal128(9, 2), pa.decimal256(40, 2))),
    *((dtype, {"list": [1]}) for dtype in (pa.list_(pa.int64()), pa.large_list(pa.int8()), pa.list_(pa.int64(), 1))),
    (pa.list_(pa.int64(), 2), {}),
    (pa.large_list(pa.large_string()), {}),
    (pa.struct([("a", pa.int64()), ("b", pa.bool_())]), {"object": {"a": 1, "b": None}}),
    (pa.struct([("a", pa.large_string())]), {}),
]


def _cast(objects: list[Any], dtype: pa.DataType, *, as_json: bool = False) -> list[Any]:
    """The values of the column, MISMATCH where one did not fit."""
    column, bad = cast(values_of(objects), Field("f", dtype, as_json))
    column.validate(full=True)
    found = column.to_pylist()
    for row in bad:
        assert found[row] is None
        found[row] = MISMATCH
    return found


@pytest.mark.parametrize(
    ("dtype", "fits"), TABLE, ids=lambda given: str(given) if isinstance(given, pa.DataType) else ""
)
def test_every_kind_against_every_type(dtype: pa.DataType, fits: dict[str, Any]) -> None:
    wanted = ALWAYS | fits
    for kind, stored in KINDS.items():
        assert _cast([stored], dtype) == [wanted.get(kind, MISMATCH)], kind
        # The same beside others, where other code runs.
        assert _cast([None, stored, MISSING], dtype) == [None, wanted.get(kind, MISMATCH), None], kind
    assert _cast(list(KINDS.values()), dtype) == [wanted.get(kind, MISMATCH) for kind in KINDS]
    assert _cast([], dtype) == []


def test_columns_have_the_type_of_the_field_and_dictionaries_that_of_their_values() -> None:
    for dtype, _ in TABLE:
        column, _ = cast(values_of([None]), Field("f", dtype))
        wanted = {"dictionary<values=string, indices=int8, ordered=0>": pa.large_string()}.get(str(dtype))
        if pa.types.is_dictionary(dtype):
            wanted = wanted or dtype.value_type
        assert column.type == (wanted or dtype)
    full, _ = cast(values_of([[1]]), Field("f", pa.list_(pa.int64())))
    assert full.type == pa.list_(pa.int64())


@pytest.mark.parametrize("name", ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"])
def test_integers_in_range_only(name: str) -> None:
    limits = np.iinfo(name)
    low, high = int(limits.min), min(int(limits.max), 2**63 - 1)
    assert _cast([low, high], getattr(pa, name)()) == [low, high]
    beyond = [low - 1 if low > -(2**63) else 3.0, high + 1]
    assert _cast(beyond, getattr(pa, name)()) == [MISMATCH, MISMATCH]
    assert _cast([3.0, True, "3"], getattr(pa, name)()) == [MISMATCH] * 3


@given(st.lists(st.integers(-(2**63), 2**63 - 1) | st.sampled_from([2**53, 2**53 + 1, -(2**53) - 1, 2**63 - 1, 2**62])))
def test_integers_become_float64_only_when_equal(numbers: list[int]) -> None:
    wanted = [float(number) if int(float(number)) == number else MISMATCH for number in numbers]
    assert _cast([*numbers, 0.5], pa.float64()) == [*wanted, 0.5]


@given(st.lists(st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False), max_size=20))
def test_narrow_floats_are_the_nearest(numbers: list[Any]) -> None:
    for dtype, narrow in ((pa.float32(), np.float32), (pa.float16(), np.float16)):
        with np.errstate(over="ignore"):
            wanted = [np.array([number]).astype(narrow)[0] for number in numbers]
        assert _cast(numbers, dtype) == [MISMATCH if np.isinf(value) else float(value) for value in wanted]


@pytest.mark.parametrize(
    ("stored", "found"),
    [
        (0.1, "0.10"), (0.125, None), (3, "3.00"), (10**8, None), (9_999_999.99, "9999999.99"), ("1.5", "1.50"),
        ("1.505", None), ("1e2", "100.00"), ("-0.01", "-0.01"), ("", None), ("1_0", None), ("NaN", None), (" 1", None),
        ("Infinity", None), (1e300, None), (5e-324, None), (-0.0, "0.00"), ("1E-2", "0.01"), (True, None),
        ("1e999999999", None), ("٣", None),
    ],
)  # fmt: skip
def test_decimals_are_exact(stored: Any, found: str | None) -> None:
    assert _cast([stored], pa.decimal128(9, 2)) == [MISMATCH if found is None else Decimal(found)]


def test_negative_scales() -> None:
    assert _cast([1200, 1234, "1.3e3"], pa.decimal128(5, -2)) == [Decimal(1200), MISMATCH, Decimal(1300)]


@given(st.decimals(-(10**13) + 1, 10**13 - 1, places=2), st.floats(allow_nan=False, allow_infinity=False))
def test_decimals_that_were_stored_as_numbers_come_back(value: Decimal, number: float) -> None:
    assert _cast([float(value), str(value)], pa.decimal128(15, 2)) == [value, value]
    assert _cast([float(value), None], pa.decimal128(15, 2)) == [value, None]
    # A column of floats alone is read by other code.
    assert (
        _cast([number, float(value)], pa.decimal128(15, 2))
        == _cast([number, "1", float(value)], pa.decimal128(15, 2))[::2]
    )


def test_one_wrong_element_spoils_its_row_and_no_other() -> None:
    rows = [[1, 2], [1, "x"], [], None, [None, 3], "x", [True], [2**63]]
    wanted = [[1, 2], MISMATCH, [], None, [None, 3], MISMATCH, MISMATCH, MISMATCH]
    for dtype in (pa.large_list(pa.int64()), pa.list_(pa.int64())):
        assert _cast(rows, dtype) == wanted
    fixed = [held if held is None or (held is not MISMATCH and len(held) == 2) else MISMATCH for held in wanted]
    assert _cast(rows, pa.list_(pa.int64(), 2)) == fixed


def test_deep_mistakes_reach_the_top() -> None:
    dtype = pa.struct([("a", pa.large_list(pa.struct([("b", pa.list_(pa.int8(), 2))]))), ("d", pa.date32())])
    good = {"a": [{"b": [1, 2]}, {}, None, {"b": None}], "d": "2024-01-03"}
    kept = {"a": [{"b": [1, 2]}, {"b": None}, None, {"b": None}], "d": None}
    rows = [
        good,
        {"a": [{"b": [1, 300]}]},
        {"a": [{"b": [1]}]},
        {"d": "2024-02-30"},
        {"x": 1},
        {"a": {}},
        {"a": []},
    ]
    found = _cast(rows, dtype)
    assert str(found[0]["d"]) == "2024-01-03"
    assert found[0] | {"d": None} == kept
    assert found[1:] == [MISMATCH, MISMATCH, MISMATCH, {"a": None, "d": None}, MISMATCH, {"a": [], "d": None}]


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)


@given(st.lists(json_values))
def test_json_is_the_text_of_anything(objects: list[Any]) -> None:
    found = _cast(objects, pa.large_string(), as_json=True)
    assert [held is None for held in found] == [held is None for held in objects]
    again = [None if held is None else json.loads(held) for held in found]
    assert repr(again) == repr([_narrowed(held) for held in objects])


def _narrowed(held: Any) -> Any:
    """Beyond int64 there are floats; keys are sorted."""
    if isinstance(held, list):
        return [_narrowed(item) for item in held]
    if isinstance(held, dict):
        # By code points, as the bytes of UTF-8 sort.
        return {key: _narrowed(held[key]) for key in sorted(held)}
    return float(held) if type(held) is int and held >= 2**63 else held


def test_json_is_null_where_there_is_nothing() -> None:
    assert _cast([MISSING, None, {}, [None]], pa.large_string(), as_json=True) == [None, None, "{}", "[null]"]


def test_types_that_payload_cannot_have_are_refused() -> None:
    for dtype in (pa.binary(), pa.large_list(pa.binary()), pa.map_(pa.string(), pa.int64())):
        with pytest.raises(TypeError, match="cannot be read into"):
            cast(values_of([[b""[:0].hex()]]), Field("f", dtype))


def test_signs_and_edges_of_floats_stay() -> None:
    (found,) = _cast([-0.0], pa.float64())
    assert math.copysign(1, found) == -1
    assert _cast([5e-324, 1e308], pa.float64()) == [5e-324, 1e308]
