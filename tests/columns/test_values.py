"""Values of plain columns as protobuf and as JSON text: the edges that random batches of a few rows seldom meet."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from qdrant_client.conversions.conversion import value_to_json
from qdrant_client.grpc import Value

from qframe.columns import json_text, protobuf
from qframe.columns.plain import plain
from qframe.columns.rope import join
from tests.columns.payloads import exactly


def _read(array: pa.Array, nulls: Any = "omit") -> list[Any]:
    """The rows as both wires' readers see them, which must be one."""
    text = [json.loads(row) for row in join(json_text.value(plain(array), nulls)).to_pylist()]
    binary = [value_to_json(Value.FromString(row)) for row in join(protobuf.value(plain(array), nulls)).to_pylist()]
    assert exactly(text) == exactly(binary)
    return text


def test_lengths_that_need_one_to_three_bytes_stand_side_by_side() -> None:
    values = ["x" * length for length in (0, 1, 127, 128, 129, 16_383, 16_384, 70_000)]
    assert _read(pa.array(values)) == values
    assert _read(pa.array([values, [], values[:3]])) == [values, [], values[:3]]


def test_every_character_of_ascii_is_escaped_as_it_must() -> None:
    values = [chr(code) for code in range(128)] + ["".join(map(chr, range(128))), 'ü"\\\n€😀', "", "clean"]
    assert _read(pa.array(values)) == values
    assert _read(pa.array(["before", *values]).slice(1, 128)) == values[:128]


@pytest.mark.parametrize("dtype", [pa.int64(), pa.uint64()])
def test_integers_of_every_width(dtype: pa.DataType) -> None:
    values = [0, *(2**power + step for power in range(1, 63) for step in (-1, 0, 1)), 2**63 - 1]
    if pa.types.is_signed_integer(dtype):
        values += [-value for value in values] + [-(2**63)]
    assert _read(pa.array(values, dtype)) == values


def test_floats_are_exact_and_never_look_like_integers() -> None:
    values = [5.0, -0.0, 0.0, 1e-07, 5e-324, 1e16, 1e22, 1.7976931348623157e308, 0.1, 123456789.125, 2.0**53]
    assert exactly(_read(pa.array(values))) == exactly(values)
    assert exactly(_read(pa.array([None, *values]))) == exactly([None, *values])
    single = np.array([0.1, 16777217.0, 1e-45], dtype=np.float32)
    assert exactly(_read(pa.array(single))) == exactly(single.astype(np.float64).tolist())


@pytest.mark.parametrize("nulls", ["omit", "keep"])
def test_commas_stand_between_the_members_that_are_there(nulls: Any) -> None:
    rows = [{"a": a, "b": b, "c": c} for a in (None, 1) for b in (None, "x") for c in (None, [None])]
    kept = [{key: value for key, value in row.items() if nulls == "keep" or value is not None} for row in rows]
    assert _read(pa.array(rows), nulls) == kept
    assert _read(pa.array([*rows, None]), nulls) == [*kept, None]
    assert _read(pa.array([{"only": rows}]), nulls) == [{"only": kept}]


def test_empty_structs_lists_and_columns() -> None:
    assert _read(pa.array([{}, None, {}], pa.struct([]))) == [{}, None, {}]
    assert _read(pa.array([[], None, []], pa.list_(pa.list_(pa.int8())))) == [[], None, []]
    assert _read(pa.array([[], [None]], pa.list_(pa.null()))) == [[], [None]]
    assert _read(pa.array([], pa.list_(pa.struct([("a", pa.string())])))) == []


def test_a_type_that_is_not_plain_is_a_bug_upstream() -> None:
    for kernel in (json_text.value, protobuf.value):
        with pytest.raises(TypeError, match="int32 is not a plain type"):
            kernel(pa.array([1], pa.int32()), "omit")
