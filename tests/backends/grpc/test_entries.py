"""Pages in the form in which servers write them, and next to it: the stubs say what they hold."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from google.protobuf.message import DecodeError
from hypothesis import given, settings
from hypothesis import strategies as st
from qdrant_client import grpc

from qframe.backends.grpc import decode
from qframe.columns.wire_reader import Malformed, varints
from qframe.model.schema import Field, Schema, VectorField
from tests.backends import answers as a
from tests.backends.grpc.reading import value_of

NAMES = ["a", "b", "ab", "ba", "name", "note", "name_of_one", "name_of_two", "name_of_2", "ключ", "x" * 127, "y" * 128]
COLUMNS = [
    st.integers(0, 127),
    st.integers(-(2**63), 2**63 - 1),
    st.integers(0, 20_000),
    st.floats(allow_nan=False, allow_infinity=False),
    st.booleans(),
    st.text(max_size=20),
    st.sampled_from(["", "é" * 40, "long " * 30, "longer" * 5000]),
    st.none(),
    st.lists(st.integers(0, 300), max_size=4),
    st.dictionaries(st.sampled_from(["a", "b"]), st.text(max_size=3)),
    a.values,
]


def _counted(content: bytes) -> bytes:
    """The content behind tag 2 and its length: a point of an answer."""
    length, size = [], len(content)
    while size > 0x7F:
        length.append(size & 0x7F | 0x80)
        size >>= 7
    return bytes([0x12, *length, size]) + content


def _point(ident: int | str, payload: dict[str, Any], vectors: dict[str, list[float]], rng: random.Random) -> bytes:
    """A point whose entries have an order of their own: messages are merged where they stand one after the other."""
    entries = [grpc.RetrievedPoint(payload={key: a.value_message(held)}) for key, held in payload.items()]
    rng.shuffle(entries)
    outputs = {name: a.output_message(vector) for name, vector in vectors.items()}
    held = grpc.VectorsOutput(vectors=grpc.NamedVectorsOutput(vectors=outputs))
    if list(outputs) == [""]:
        held = grpc.VectorsOutput(vector=outputs[""])
    end = grpc.RetrievedPoint(vectors=held if vectors else None)
    parts = [grpc.RetrievedPoint(id=a.id_message(ident)), *entries, end]
    return _counted(b"".join(part.SerializeToString() for part in parts))


def _answer(points: list[bytes], offset: int | None = None) -> bytes:
    head = grpc.ScrollResponse(next_page_offset=None if offset is None else a.id_message(offset))
    tail = grpc.ScrollResponse(time=0.5)
    return head.SerializeToString() + b"".join(points) + tail.SerializeToString()


def _schema(names: list[str], vector: str | None = None) -> Schema:
    vectors = () if vector is None else (VectorField("§", vector, "dense", a.DIM),)
    return Schema(tuple(Field(name, pa.large_string(), json=True) for name in names), vectors, pa.large_string(), "§id")


@given(st.data(), st.lists(st.sampled_from(NAMES), unique=True, min_size=1), st.integers(1, 90), st.randoms())
@settings(deadline=None)
def test_entries_in_any_order_are_found(data: Any, names: list[str], rows: int, rng: random.Random) -> None:
    pools = [data.draw(st.lists(data.draw(st.sampled_from(COLUMNS)), min_size=1, max_size=4)) for _ in names]
    there = data.draw(st.sampled_from([1.0, 1.0, 0.9, 0.2]))
    wanted = data.draw(st.lists(st.sampled_from(NAMES), unique=True, min_size=1)) if rng.random() < 0.3 else names
    vector = data.draw(st.sampled_from([None, "", "dense", "v" * 130]))
    uuids = [f"{i:08x}-{'0000-' * 3}{i:012x}" for i in range(rows)]
    ids = data.draw(st.sampled_from([range(rows), range(2**63, 2**63 + rows), uuids]))
    payloads = [
        {name: rng.choice(pool) for name, pool in zip(names, pools, strict=True) if rng.random() < there}
        for _ in range(rows)
    ]
    floats = data.draw(a.dense)
    vectors: list[dict[str, list[float]]] = [
        {} if vector is None or rng.random() > there else {vector: rng.sample(floats, a.DIM)} for _ in ids
    ]
    raw = _answer([_point(*parts, rng) for parts in zip(ids, payloads, vectors, strict=True)], rows)
    page = decode.scroll(raw, _schema(wanted, vector))
    page.table.validate(full=True)
    assert page.next_offset == rows
    assert not page.mismatches
    assert page.table.column("§id").to_pylist() == [str(one) for one in ids]
    for name in wanted:
        found = [a.json_value(text) for text in page.table.column(name).to_pylist()]
        said = [a.narrowed(held.get(name)) for held in payloads]
        assert all(a.same(one, other) for one, other in zip(found, said, strict=True))
    if vector is not None:
        assert page.table.column("§").to_pylist() == [held.get(vector) for held in vectors]


@given(st.integers(0), st.integers(0, 255), st.sampled_from(["", "v"]), st.sampled_from([3, 30]), st.randoms())
@settings(deadline=None, max_examples=300)
def test_another_byte_is_refused_or_read_as_the_stubs_read_it(
    at: int, byte: int, vector: str, rows: int, rng: random.Random
) -> None:
    payload = {"name": "some", "n": 1000, "x": 0.5, "yes": True, "tags": ["a", "b"], "at": {"b": 1}, "text": "é" * 50}
    points = [_point(200 + i, payload, {vector: [1.0, 2.0, 3.0]}, rng) for i in range(rows)]
    raw = bytearray(_answer(points, 5))
    raw[at % len(raw)] = byte
    names = [*payload, "none", "nane"]
    try:
        page = decode.scroll(bytes(raw), _schema(names, vector))
        message = grpc.ScrollResponse.FromString(bytes(raw))
    except (ValueError, DecodeError):
        return
    if message.ByteSize() != len(raw):
        return  # something is said twice: the stubs merge it
    said = message.result
    if any(len(one.payload) < len(payload) or not one.payload["at"].struct_value.fields for one in said):
        return  # an entry has a field that nobody knows: the stubs put it aside whole
    page.table.validate(full=True)
    assert page.table.num_rows == len(said)
    for row, point in zip(page.table.to_pylist(), said, strict=True):
        assert row["§id"] == (point.id.uuid or str(point.id.num))
        for name in names:
            assert a.same(a.json_value(row[name]), value_of(point.payload[name]) if name in point.payload else None)
        output = point.vectors.vectors.vectors[vector] if vector else point.vectors.vector
        dense = list(output.dense.data)
        assert row["§"] is None or a.same(row["§"], dense)
        assert row["§"] is not None or len(dense) != a.DIM


@pytest.mark.parametrize("size", [0, 100, 130, 20_000])
@pytest.mark.parametrize("rows", [1, 2, 400])
def test_points_of_any_length_stand_in_a_row(size: int, rows: int) -> None:
    """Lengths of one, two and three bytes; among the points a field of another number, and a number like a length."""
    rng = random.Random(size)
    points = [_point(i, {"t": "x" * size}, {}, rng) for i in range(rows)]
    points[rows // 2] += b"\x32\x80\x01" + bytes(128) + b"\x31\x80\x01" + bytes(6)
    page = decode.scroll(_answer(points), _schema(["t"]))
    assert page.table.column("t").to_pylist() == [f'"{"x" * size}"'] * rows


@pytest.mark.parametrize("cut", [1, 5, 15, 150, 200])
def test_an_answer_that_ends_within_its_last_point_is_malformed(cut: int) -> None:
    raw = b"".join(_point(i, {"t": "x" * 140}, {}, random.Random(0)) for i in range(100))
    assert len(raw) > 200
    with pytest.raises(Malformed):
        decode.scroll(raw[: -cut if cut % 10 else -cut - 1], _schema(["t"]))


@pytest.mark.parametrize("rows", [2, 40])
def test_a_field_that_reaches_into_the_next_point_is_malformed(rows: int) -> None:
    points = [_point(i, {"t": "x"}, {}, random.Random(0)) for i in range(rows)]
    points = [_counted(point[2:] + b"\x32\x05ab") for point in points]
    with pytest.raises(Malformed):
        decode.scroll(_answer(points), _schema(["t"]))


@given(st.lists(st.integers(0, 2**64 - 1) | st.integers(0, 300), min_size=1), st.integers(1, 9))
def test_varints_are_the_numbers_that_were_written(numbers: list[int], cut: int) -> None:
    written = [grpc.PointId(num=number).SerializeToString()[1:] for number in numbers]
    data = np.frombuffer(b"".join(written), dtype=np.uint8)
    stops = np.cumsum(list(map(len, written)))
    starts = stops - list(map(len, written))
    found, after = varints(data, starts)
    assert found.view(np.uint64).tolist() == numbers
    assert after.tolist() == stops.tolist()
    if cut < len(written[-1]):
        with pytest.raises(Malformed):
            varints(data[:-cut], starts)


def test_a_point_that_has_a_key_twice_says_the_later() -> None:
    rng = random.Random(0)
    twice = b"".join(grpc.RetrievedPoint(payload={"a": a.value_message(x)}).SerializeToString() for x in (1, 2))
    points = [_counted(grpc.RetrievedPoint(id=a.id_message(i)).SerializeToString() + twice) for i in range(40)]
    page = decode.scroll(_answer([*points, _point(40, {"a": 3}, {}, rng)]), _schema(["a"]))
    assert page.table.column("a").to_pylist() == ["2"] * 40 + ["3"]


def test_an_entry_that_says_its_value_first_is_found_among_others() -> None:
    def entry(key: bytes, number: int, *, turned: bool) -> bytes:
        parts = [b"\x0a" + bytes([len(key)]) + key, b"\x12\x02\x18" + bytes([number])]
        return _counted(b"".join(reversed(parts) if turned else parts))

    points = [
        _counted(
            grpc.RetrievedPoint(id=a.id_message(i)).SerializeToString()
            + entry(b"one", i, turned=i == 7)
            + entry(b"two", 2 * i, turned=False)
        )
        for i in range(40)
    ]
    page = decode.scroll(_answer(points), Schema((Field("one", pa.int64()), Field("two", pa.int64()))))
    assert page.table.to_pylist() == [{"id": i, "one": i, "two": 2 * i} for i in range(40)]
