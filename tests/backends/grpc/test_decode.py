"""What only protobuf can do to a decoder: forms of one message, unknown fields, broken bytes, recorded answers."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from qdrant_client import grpc

from qframe.backends.grpc import decode
from qframe.columns.wire_reader import Malformed
from qframe.model.schema import Field, Schema, VectorField
from tests.backends import answers as a
from tests.backends.grpc.reading import value_of
from tests.backends.grpc.recorded import answer, exchanges

KINDS: dict[str, tuple[Any, int | None]] = {
    "": ("dense", 4), "d": ("dense", 3), "u": ("dense", 2), "m": ("multi", 2), "s": ("sparse", None)
}  # fmt: skip
VECTORS = tuple(VectorField(f"{name}§", name, kind, dim) for name, (kind, dim) in KINDS.items())
ALL = Schema((), VECTORS, pa.large_string(), "§id", extra="column")
MESSAGES = {"Scroll": grpc.ScrollResponse, "Get": grpc.GetResponse, "QueryBatch": grpc.QueryBatchResponse}
RECORDED = [
    (one["name"], one["method"].rsplit("/", 1)[1])
    for one in exchanges()
    if one["code"] == "OK"
    and one["method"].startswith("/qdrant.Points/")
    and one["method"].rsplit("/", 1)[1] in MESSAGES
]


def _output(message: grpc.VectorOutput) -> Any:
    kind = message.WhichOneof("vector")
    if kind == "dense":
        return list(message.dense.data)
    if kind == "sparse":
        return {"indices": list(message.sparse.indices), "values": list(message.sparse.values)}
    return [list(row.data) for row in message.multi_dense.vectors]


def _said(point: Any) -> dict[str, Any]:
    """What the official stubs find in a point."""
    found = {f"{name}§": None for name in KINDS}
    kind = point.vectors.WhichOneof("vectors_options")
    if kind == "vector":
        found["§"] = _output(point.vectors.vector)
    elif kind == "vectors":
        found |= {f"{name}§": _output(held) for name, held in point.vectors.vectors.vectors.items()}
    ident = point.id.uuid or str(point.id.num)
    return {"§id": ident, "payload": {key: value_of(held) for key, held in point.payload.items()}, **found}


@pytest.mark.parametrize(("name", "method"), RECORDED)
def test_recorded_answers_say_what_the_stubs_find(name: str, method: str) -> None:
    raw = answer(name)
    message = MESSAGES[method].FromString(raw)
    if method == "QueryBatch":
        points = [point for group in message.result for point in group.result]
        hits = decode.hits(raw, ALL)
        table = hits.table.drop_columns(["query", "rank", "score"])
        assert hits.table.column("score").to_pylist() == [point.score for point in points]
    else:
        points = list(message.result)
        page = (decode.scroll if method == "Scroll" else decode.retrieve)(raw, ALL)
        table = page.table
        assert not page.mismatches
        if method == "Scroll":
            offset = message.next_page_offset if message.HasField("next_page_offset") else None
            assert page.next_offset == (None if offset is None else offset.uuid or offset.num)
    table.validate(full=True)
    rows = [row | {"payload": a.json_value(row.pop("extra")) or {}} for row in table.to_pylist()]
    assert len(rows) == len(points)
    assert all(a.same(row, _said(point)) for row, point in zip(rows, points, strict=True))


def _length(number: int, content: bytes) -> bytes:
    assert len(content) < 2**14
    size = bytes([len(content)]) if len(content) < 128 else bytes([len(content) & 127 | 128, len(content) >> 7])
    tag = number << 3 | 2
    return (bytes([tag]) if tag < 128 else bytes([tag & 127 | 128, tag >> 7])) + size + content


def _scroll(points: list[bytes]) -> bytes:
    """The bytes of an answer, which the stubs can read too."""
    raw = b"".join(_length(2, point) for point in points)
    assert len(grpc.ScrollResponse.FromString(raw).result) == len(points)
    return raw


def _id(number: int) -> bytes:
    return _length(1, bytes([8, number]))


@pytest.mark.parametrize("rows", [3, 40])
def test_unpacked_and_split_numbers_are_read(rows: int) -> None:
    floats = b"".join(b"\x0d" + struct.pack("<f", x) for x in (1.0, 2.5))
    split = _length(1, struct.pack("<f", 1.0)) + _length(1, struct.pack("<f", 2.5))
    indices = b"\x10\x05\x10\xac\x02"
    forms = [
        _length(1, _length(101, floats)),
        _length(1, _length(101, split)),
        _length(1, floats),  # before 1.17
    ]
    schema = Schema((), (VectorField("v", "", "dense", 2),))
    for form in forms:
        page = decode.scroll(_scroll([_id(i) + _length(4, form) for i in range(rows)]), schema)
        assert page.table.column("v").to_pylist() == [[1.0, 2.5]] * rows
    named = _length(2, _length(1, _length(1, b"s") + _length(2, _length(102, floats + indices))))
    schema = Schema((), (VectorField("s", "s", "sparse"),))
    page = decode.scroll(_scroll([_id(i) + _length(4, named) for i in range(rows)]), schema)
    assert page.table.column("s").to_pylist() == [{"indices": [5, 300], "values": [1.0, 2.5]}] * rows


UNKNOWN = b"\xf8\x06\x96\x01" + b"\xfa\x06\x02hi" + b"\xfd\x06abcd" + b"\xf9\x06abcdefgh"
"""Field 111 as a varint, bytes and both fixed widths."""


@pytest.mark.parametrize("rows", [2, 40])
def test_unknown_fields_are_skipped_everywhere(rows: int) -> None:
    value = UNKNOWN + b"\x18\x07" + UNKNOWN
    entry = UNKNOWN + _length(1, b"n") + _length(2, value) + UNKNOWN
    dense = _length(101, UNKNOWN + _length(1, struct.pack("<2f", 1.0, 2.5)))
    vectors = UNKNOWN + _length(1, UNKNOWN + dense)
    point = UNKNOWN + _length(1, UNKNOWN + b"\x08\x05") + _length(2, entry) + _length(4, vectors) + UNKNOWN
    schema = Schema((Field("n", pa.int64()),), (VectorField("v", "", "dense", 2),))
    page = decode.scroll(UNKNOWN + _scroll([point] * rows) + UNKNOWN, schema)
    assert page.table.to_pylist() == [{"id": 5, "n": 7, "v": [1.0, 2.5]}] * rows


def test_what_is_left_out_is_empty() -> None:
    """Other writers of protobuf leave out an empty key, an empty value, and fields at their defaults."""
    entries = [_length(2, _length(1, b"v")), _length(2, _length(2, b"\x18\x07")), _length(2, b"")]
    schema = Schema((Field("v", pa.int64()), Field("", pa.int64())))
    for rows in (1, 40):
        page = decode.scroll(_scroll([_id(1) + entries[0] + entries[1]] * rows), schema)
        assert page.table.to_pylist() == [{"id": 1, "v": None, "": 7}] * rows
        page = decode.scroll(_scroll([_id(1) + entries[2]] * rows), schema)
        assert page.table.to_pylist() == [{"id": 1, "v": None, "": None}] * rows
        # A point id that says nothing is the number 0.
        page = decode.scroll(_scroll([_length(1, b"")] * rows), schema)
        assert page.table.column("id").to_pylist() == [0] * rows


def test_the_last_of_several_counts() -> None:
    twice = _length(2, _length(1, b"v") + _length(2, b"\x18\x07\x22\x01x"))
    again = _length(2, _length(1, b"v") + _length(2, b"\x22\x01x\x18\x09"))
    schema = Schema((Field("v", pa.large_string(), json=True),))
    for rows in (1, 40):
        page = decode.scroll(_scroll([_id(1) + twice] * rows), schema)
        assert page.table.column("v").to_pylist() == ['"x"'] * rows
        page = decode.scroll(_scroll([_id(1) + twice + again] * rows), schema)
        assert page.table.column("v").to_pylist() == ["9"] * rows


def test_the_unnamed_vector_may_stand_beside_named_ones() -> None:
    points = [
        a.Point(1, {}, {"": [1.0, 2.0, 3.0]}),
        a.Point(2, {}, {"": [4.0, 5.0, 6.0], "s": {"indices": [1], "values": [0.5]}}),
    ]
    page = decode.scroll(a.scroll_message(points).SerializeToString(), a.schema_of({"": "dense"}, ()))
    assert page.table.column("§").to_pylist() == [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]


def test_nan_is_nan() -> None:
    points = [a.Point(1, {}, {"": [1.0, float("nan"), 3.0]})]
    page = decode.scroll(a.scroll_message(points).SerializeToString(), a.schema_of({"": "dense"}, ()))
    assert np.isnan(page.table.column("§").combine_chunks().flatten().to_numpy()).tolist() == [False, True, False]


def test_long_lists_among_short_ones() -> None:
    points = [a.Point(i, {"a": list(range(i * i))}) for i in range(60)]
    schema = a.schema_of({}, (Field("a", pa.large_list(pa.int64())),))
    page = decode.scroll(a.scroll_message(points).SerializeToString(), schema)
    assert page.table.column("a").to_pylist() == [point.payload["a"] for point in points]


@given(st.integers(0, 400), st.integers(0, 255), st.integers(1, 60))
def test_broken_answers_are_refused_or_read_but_never_crash(at: int, byte: int, rows: int) -> None:
    points = [a.Point(i, {"a": [i, "x"], "text": "é"}, {"": [1.0, 2.0, 3.0]}) for i in range(rows)]
    raw = bytearray(a.scroll_message(points).SerializeToString())
    raw[at % len(raw)] = byte
    schema = a.schema_of({"": "dense"}, (Field("a", pa.large_string(), json=True), Field("text", pa.large_string())))
    for broken in (bytes(raw), bytes(raw[: at % len(raw)])):
        try:
            decode.scroll(broken, schema).table.validate(full=True)
        except ValueError:
            continue


def test_a_cut_answer_is_malformed() -> None:
    raw = a.scroll_message([a.Point(i, {"a": 1}) for i in range(50)]).SerializeToString()
    with pytest.raises(Malformed):
        decode.scroll(raw[:-20], Schema())


@pytest.mark.parametrize("rows", [1, 50])
def test_lengths_beyond_all_measure_are_malformed(rows: int) -> None:
    point = b"\x0a" + b"\xff" * 9 + b"\x01" + b"\x00" * 20
    with pytest.raises(Malformed):
        decode.scroll(b"".join(b"\x12" + bytes([len(point)]) + point for _ in range(rows)), Schema())


@pytest.mark.parametrize("count", [0, 2, 4, 2**32 - 1])
def test_old_multivectors_whose_count_does_not_divide_them(count: int) -> None:
    output = grpc.VectorOutput(data=[1.0, 2.0, 3.0], vectors_count=count)
    points = [
        grpc.RetrievedPoint(id=grpc.PointId(num=i), vectors=grpc.VectorsOutput(vector=held))
        for i, held in enumerate([a.output_message([[1.0, 2.0, 3.0]], old=True), output])
    ]
    page = decode.scroll(grpc.ScrollResponse(result=points).SerializeToString(), a.schema_of({"": "multi"}, ()))
    assert page.table.column("§").to_pylist() == [[[1.0, 2.0, 3.0]], None]
    assert [found.row for found in page.mismatches] == [1]
