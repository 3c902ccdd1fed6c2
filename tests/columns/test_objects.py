"""Python objects to columns and back, what is inferred of them, and the answers that are made of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qframe.columns.assemble import KEPT_MISMATCHES, hits, page
from qframe.columns.casting import cast
from qframe.columns.inference import infer
from qframe.columns.objects import columns_of, others_of, values_of
from qframe.columns.point_ids import point_ids
from qframe.columns.values import MISSING
from qframe.columns.vector_rows import vector_rows
from qframe.model.schema import Field, Schema, VectorField

scalars = (
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | st.text(max_size=3)
)
objects = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner, max_size=3),
    max_leaves=6,
)


@given(
    st.lists(objects | st.just(MISSING)) | st.lists(st.integers(-5, 5)) | st.lists(st.text()) | st.lists(st.booleans())
)
def test_what_goes_in_comes_out(column: list[Any]) -> None:
    values = values_of(column)
    assert _said(values.objects()) == _said(column)
    for row, held in enumerate(column):
        assert _said(values.value(row)) == _said(None if held is MISSING else held)


def _said(value: Any) -> str:
    """What tells 1, 1.0 and True apart; keys have no order."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key!r}: {_said(value[key])}" for key in sorted(value)) + "}"
    return "[" + ", ".join(map(_said, value)) + "]" if isinstance(value, list) else repr(value)


def test_integers_beyond_int64_are_floats() -> None:
    column = [2**63, 2**64 - 1, -(2**63), 2**63 - 1, 1.5, -(2**63) - 1]
    wanted = [2.0**63, 2.0**64, -(2**63), 2**63 - 1, 1.5, -(2.0**63)]
    assert repr(values_of(column).objects()) == repr(wanted)
    assert repr(others_of([{"a": [2**63, {"b": 2**64}], "c": 1}], ["c"])) == repr([{"a": [2.0**63, {"b": 2.0**64}]}])


def test_only_what_json_readers_make() -> None:
    with pytest.raises(TypeError, match="bytes, complex"):
        values_of([1, b"x", 1j])


def test_columns_of_payloads() -> None:
    payloads = [{"a": 1, "b": None}, {"a": "x"}, {}]
    found = columns_of(payloads, ["a", "b", "c"])
    assert {name: values.objects() for name, values in found.items()} == {
        "a": [1, "x", MISSING],
        "b": [None, MISSING, MISSING],
        "c": [MISSING] * 3,
    }
    assert others_of(payloads, ["b"]) == [{"a": 1}, {"a": "x"}, {}]


@pytest.mark.parametrize(
    ("column", "dtype"),
    [
        ([True, None], pa.bool_()),
        ([1, MISSING], pa.int64()),
        ([1, 2.5], pa.float64()),
        ([2**53 + 1, 2.5], None),
        ([2**63], pa.float64()),
        (["2024-01-03"], pa.large_string()),
        ([None, MISSING], pa.large_string()),
        ([], pa.large_string()),
        ([1, True], None),
        ([1, "x"], None),
        ([1, [1]], None),
        ([[1], [2.5], []], pa.large_list(pa.float64())),
        ([[], None], pa.large_list(pa.large_string())),
        ([[1, "x"]], None),
        ([{"b": 1}, {"a": "x", "b": 2.5}], pa.struct([("a", pa.large_string()), ("b", pa.float64())])),
        ([{"a": None}], pa.struct([("a", pa.large_string())])),
        ([{}], None),
        ([{"a": {}}], None),
        ([{"a": 1}, {"a": "x"}], None),
        ([{"a": [{"b": 1}]}], pa.struct([("a", pa.large_list(pa.struct([("b", pa.int64())])))])),
    ],
)
def test_inferred_types(column: list[Any], dtype: pa.DataType | None) -> None:
    wanted = Field("f", pa.large_string(), json=True) if dtype is None else Field("f", dtype)
    assert infer("f", values_of(column)) == wanted


@given(st.lists(objects | st.just(MISSING), max_size=6))
def test_a_sample_fits_what_is_inferred_of_it(column: list[Any]) -> None:
    values = values_of(column)
    found, bad = cast(values, infer("f", values))
    assert not len(bad)
    assert [held is None for held in found.to_pylist()] == [held is None or held is MISSING for held in column]


def _page(schema: Schema, payloads: list[dict[str, Any]], ids: list[int | str] | None = None) -> Any:
    names = [field.name for field in schema.payload]
    return page(
        schema,
        point_ids(list(range(len(payloads))) if ids is None else ids),
        columns_of(payloads, names),
        {},
        extra=None if schema.extra == "ignore" else others_of(payloads, names),
    )


def test_mismatches_come_in_row_order_and_are_few() -> None:
    schema = Schema((Field("a", pa.int64()), Field("b", pa.int8())))
    payloads = [{"a": "x", "b": 1000} for _ in range(300)] + [{"a": 1, "b": 1}]
    found = _page(schema, payloads)
    assert len(found.mismatches) == KEPT_MISMATCHES
    assert [(one.row, one.point_id, one.field) for one in found.mismatches[:3]] == [
        (0, 0, "a"),
        (0, 0, "b"),
        (1, 1, "a"),
    ]
    assert (found.mismatches[0].value, found.mismatches[1].value) == ("x", 1000)
    assert (found.mismatches[0].expected, found.mismatches[1].expected) == ("int64", "int8")
    assert found.table.column("a").null_count == 300


def test_unknown_keys_are_said_once_each() -> None:
    payloads = [{"a": 1}, {"a": 1, "x": 5}, {"x": 6, "y": [2**63]}]
    schema = Schema((Field("a", pa.int64()),), extra="raise")
    found = _page(schema, payloads, [7, 8, 9]).mismatches
    assert [(one.row, one.point_id, one.field, one.value) for one in found] == [(1, 8, "x", 5), (2, 9, "y", [2.0**63])]


def test_extra_keys_are_json_and_null_where_there_are_none() -> None:
    schema = Schema((Field("a", pa.int64()),), extra="column", extra_name="rest")
    found = _page(schema, [{"a": 1}, {"z": None, "b": {"d": 1, "c": 2.0}}])
    assert found.table.to_pylist() == [
        {"id": 0, "a": 1, "rest": None},
        {"id": 1, "a": None, "rest": '{"b":{"c":2.0,"d":1},"z":null}'},
    ]
    with pytest.raises(ValueError, match="extra"):
        page(schema, point_ids([1]), {}, {})


def test_ids_of_both_kinds() -> None:
    uuid = "550e8400-e29b-41d4-a716-446655440000"
    text = Schema(id_type=pa.large_string())
    assert _page(text, [{}] * 3, [1, uuid, 2**64 - 1]).table.column("id").to_pylist() == ["1", uuid, str(2**64 - 1)]
    assert _page(text, [{}], [uuid]).table.column("id").to_pylist() == [uuid]
    assert _page(text, [{}], [5]).table.column("id").to_pylist() == ["5"]
    assert _page(Schema(), [{}] * 2, [2**64 - 1, 0]).table.column("id").to_pylist() == [2**64 - 1, 0]
    assert _page(Schema(), [], []).table.schema.equals(Schema().arrow())


def test_vectors_of_python_lists() -> None:
    class Parts:
        indices = (3, 1)
        values = (0.5, 0.25)

    dense, multi, sparse = (VectorField(k, k, k, 2) for k in ("dense", "multi", "sparse"))  # type: ignore[arg-type]
    rows: dict[VectorField, list[Any]] = {
        dense: [[1.0, 2.0], None, MISSING, [1.0], np.array([3, 4], dtype=np.float32), [None, 1.0]],
        multi: [[[1.0, 2.0], [3.0, 4.0]], None, MISSING, [[1.0]], [np.zeros(2, dtype=np.float32)], [1.0, 2.0]],
        sparse: [{"indices": [7], "values": [1.0]}, None, MISSING, [1.0, 2.0], Parts(), {"indices": [], "values": []}],
    }
    vectors = {field.vector: vector_rows(field, held) for field, held in rows.items()}
    schema = Schema((), (dense, multi, sparse))
    found = page(schema, point_ids(list(range(6))), {}, vectors)
    found.table.validate(full=True)
    assert found.table.schema.equals(schema.arrow())
    columns = {name: found.table.column(name).to_pylist() for name in ("dense", "multi", "sparse")}
    assert columns["dense"][:5] == [[1.0, 2.0], None, None, None, [3.0, 4.0]]
    assert np.isnan(columns["dense"][5][0])
    assert columns["multi"] == [[[1.0, 2.0], [3.0, 4.0]], None, None, None, [[0.0, 0.0]], None]
    some = {"indices": [7], "values": [1.0]}, None, None, None, {"indices": [3, 1], "values": [0.5, 0.25]}
    assert columns["sparse"] == [*some, {"indices": [], "values": []}]
    assert {(one.row, one.field) for one in found.mismatches} == {
        (3, "dense"),
        (3, "multi"),
        (5, "multi"),
        (3, "sparse"),
    }


def test_hits_put_query_rank_and_score_around_the_id() -> None:
    schema = Schema((Field("a", pa.int64()),), id_name="key")
    found = hits(
        schema,
        point_ids([5, 6]),
        columns_of([{"a": 1}, {"a": "x"}], ["a"]),
        {},
        query=np.array([0, 1], dtype=np.uint32),
        rank=np.array([1, 1], dtype=np.uint32),
        score=np.array([0.5, 0.25], dtype=np.float32),
    )
    assert found.table.to_pylist() == [
        {"query": 0, "rank": 1, "key": 5, "score": 0.5, "a": 1},
        {"query": 1, "rank": 1, "key": 6, "score": 0.25, "a": None},
    ]
    assert [(one.row, one.point_id) for one in found.mismatches] == [(1, 6)]
