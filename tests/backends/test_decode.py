"""Answers of both wires, written by the official stubs and by json, read back as columns."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qframe.backends.grpc import decode as grpc_decode
from qframe.backends.rest import decode as rest_decode
from qframe.model.queries import Hits
from qframe.model.requests import Page
from qframe.model.schema import Field
from tests.backends import answers as a

JSON = tuple(Field(key, pa.large_string(), json=True) for key in a.KEYS)
TYPES = [
    pa.bool_(),
    pa.int64(),
    pa.uint8(),
    pa.float64(),
    pa.large_string(),
    pa.large_list(pa.int64()),
    pa.list_(pa.large_string(), 1),
    pa.struct([("a", pa.int64()), ("text", pa.large_string())]),
    pa.timestamp("us", "UTC"),
]


def _rows(found: Page | Hits) -> list[dict[str, Any]]:
    found.table.validate(full=True)
    return found.table.to_pylist()


def _vectors(row: dict[str, Any], layout: dict[str, str]) -> dict[str, Any]:
    return {name: row[f"{name}§"] for name in layout if row[f"{name}§"] is not None}


def _like(found: list[dict[str, Any]], points: list[a.Point], layout: dict[str, str]) -> None:
    assert [row["§id"] for row in found] == [str(point.id) for point in points]
    for row, point in zip(found, points, strict=True):
        held = {key: a.json_value(row[key]) for key in a.KEYS if row[key] is not None}
        wanted = {key: a.narrowed(value) for key, value in point.payload.items() if value is not None}
        assert a.same(held, wanted)
        assert a.same(_vectors(row, layout), point.vectors)


pages = a.layouts().flatmap(lambda layout: st.tuples(st.just(layout), a.points(layout)))


@given(pages, st.none() | a.ids, st.booleans(), st.integers())
@settings(deadline=None)
def test_every_value_comes_back(drawn: Any, offset: Any, old: bool, seed: int) -> None:
    layout, points = drawn
    schema = a.schema_of(layout, JSON)
    message = a.scroll_message(points, offset, old=old, rng=random.Random(seed))
    for page in (
        grpc_decode.scroll(message.SerializeToString(), schema),
        rest_decode.scroll(a.scroll_json(points, offset), schema),
        grpc_decode.retrieve(a.retrieve_message(points).SerializeToString(), schema),
        rest_decode.retrieve(a.retrieve_json(points), schema),
    ):
        _like(_rows(page), points, layout)
        assert not page.mismatches
    assert grpc_decode.scroll(message.SerializeToString(), schema).next_offset == offset
    assert rest_decode.scroll(a.scroll_json(points, offset), schema).next_offset == offset


@given(pages, st.lists(st.integers(0, 3), min_size=1, max_size=4))
@settings(deadline=None)
def test_hits_come_back_by_query_and_rank(drawn: Any, cuts: list[int]) -> None:
    layout, points = drawn
    schema = a.schema_of(layout, JSON)
    groups = []
    for cut in cuts:
        groups.append(points[:cut])
        points = points[cut:]
    flat = [point for group in groups for point in group]
    for hits in (
        grpc_decode.hits(a.batch_message(groups).SerializeToString(), schema),
        rest_decode.hits(a.batch_json(groups), schema),
    ):
        rows = _rows(hits)
        _like(rows, flat, layout)
        places = [(query, rank) for query, group in enumerate(groups) for rank in range(1, len(group) + 1)]
        assert [(row["query"], row["rank"]) for row in rows] == places
        assert [row["score"] for row in rows] == [point.score for point in flat]
        assert hits.table.column_names[:4] == ["query", "rank", "§id", "score"]
        assert hits.table.schema.types[:4] == [pa.uint32(), pa.uint32(), pa.large_string(), pa.float32()]


@given(pages, st.lists(st.sampled_from(TYPES), min_size=3, max_size=3), st.sampled_from(["ignore", "raise", "column"]))
@settings(deadline=None)
def test_both_wires_agree_about_what_fits(drawn: Any, types: list[pa.DataType], extra: str) -> None:
    layout, points = drawn
    fields = tuple(Field(key, dtype) for key, dtype in zip(["a", "text", "vector"], types, strict=True))
    schema = a.schema_of(layout, fields, extra=extra, unread=frozenset({"b"}))
    one = grpc_decode.scroll(a.scroll_message(points).SerializeToString(), schema)
    other = rest_decode.scroll(a.scroll_json(points), schema)
    assert one.table.schema.equals(schema.arrow())
    assert _rows(one) == _rows(other)
    assert _said(one) == _said(other)
    if extra == "column":
        for row, point in zip(_rows(one), points, strict=True):
            beyond = {k: a.narrowed(v) for k, v in point.payload.items() if k not in ("a", "b", "text", "vector")}
            assert a.same(a.json_value(row["extra"]) or {}, beyond)


def _said(page: Page) -> list[str]:
    """The mismatches; the order of keys within a row is the wire's."""
    return sorted(repr(replace(found, value=a.ordered(found.value))) for found in page.mismatches)


@given(st.lists(a.floats, min_size=1, max_size=40))
def test_floats_of_json_are_the_nearest_float32(numbers: list[float]) -> None:
    layout = {"": "dense"}
    schema = a.schema_of(layout, ())
    points = [a.Point(i, {}, {"": [number, -number, 0.5]}) for i, number in enumerate(numbers)]
    column = rest_decode.scroll(a.scroll_json(points), schema).table.column("§").combine_chunks()
    found = np.frombuffer(column.values.buffers()[1], dtype=np.float32)
    wanted = np.array([point.vectors[""] for point in points], dtype=np.float32).reshape(-1)
    # Bits, so that -0.0 and subnormal numbers count.
    assert found.tobytes() == wanted.tobytes()


@pytest.mark.parametrize(
    ("text", "nearest"),
    [
        ("1.000000059604644775390625", 1.0),  # right between two float32, so the even one
        ("1.00000005960464477539062500001", 1.0 + 2.0**-23),  # as a float64 it is that, too
        ("-1.00000017881393432617187499999", -(1.0 + 2.0**-23)),
        ("7.00649232162408535461864791644e-46", 0.0),  # half of the least float32, and a little less
        ("7.00649232162408535461864791645e-46", 2.0**-149),
        ("1.7632415262334312619e-38", 1.7632415262334312619e-38),
        ("3.5e38", float("inf")),
        ("1e999", float("inf")),
    ],
)
def test_a_float_of_json_is_not_rounded_twice(text: str, nearest: float) -> None:
    schema = a.schema_of({"": "dense"}, ())
    body = f'{{"result":{{"points":[{{"id":1,"vector":[0.5,{text},0]}}],"next_page_offset":null}},"status":"ok"}}'
    (found,) = rest_decode.scroll(body.encode(), schema).table.column("§").to_pylist()
    assert found == [0.5, np.float32(nearest), 0.0]


@pytest.mark.parametrize("rows", [0, 1, 23, 24, 25, 200])
def test_pages_of_every_size(rows: int) -> None:
    layout = {"": "dense", "s": "sparse"}
    schema = a.schema_of(layout, JSON)
    rng = random.Random(rows)
    points = [
        a.Point(
            i,
            {key: [i] * rng.randrange(60) for key in a.KEYS[: rng.randrange(6)]} | ({"text": None} if i % 3 else {}),
            {"": [i, 0.5, -1.0]} | ({"s": {"indices": [i], "values": [1.0]}} if i % 2 else {}),
        )
        for i in range(rows)
    ]
    for page in (
        grpc_decode.scroll(a.scroll_message(points, rng=rng).SerializeToString(), schema),
        rest_decode.scroll(a.scroll_json(points), schema),
    ):
        _like(_rows(page), [_floated(point) for point in points], layout)


def _floated(point: a.Point) -> a.Point:
    return a.Point(point.id, point.payload, point.vectors | {"": [float(x) for x in point.vectors[""]]})


def test_ids_of_another_kind_are_said() -> None:
    uuid = "550e8400-e29b-41d4-a716-446655440000"
    points = [a.Point(7), a.Point(uuid)]
    schema = a.schema_of({}, ())
    numbers = type(schema)(id_name="key")
    for page in (
        grpc_decode.scroll(a.scroll_message(points).SerializeToString(), numbers),
        rest_decode.scroll(a.scroll_json(points), numbers),
    ):
        assert _rows(page) == [{"key": 7}, {"key": 0}]
        (found,) = page.mismatches
        assert (found.row, found.point_id, found.field, found.value) == (1, uuid, "key", uuid)


@pytest.mark.parametrize(
    ("kind", "stored"),
    [
        ("dense", [[1.0, 2.0, 3.0]]),
        ("dense", [1.0, 2.0]),
        ("dense", {"indices": [1], "values": [0.5]}),
        ("multi", [1.0, 2.0, 3.0]),
        ("multi", [[1.0, 2.0, 3.0], [4.0, 5.0]]),
        ("sparse", [1.0, 2.0, 3.0]),
    ],
)
def test_vectors_of_another_shape_are_said(kind: str, stored: Any) -> None:
    good = {"dense": [0.5, 1.0, 2.0], "multi": [[0.5, 1.0, 2.0]], "sparse": {"indices": [3], "values": [0.25]}}[kind]
    points = [a.Point(1, {}, {"v": good}), a.Point(2, {}, {"v": stored}), a.Point(3), a.Point(4, {}, {"v": good})]
    schema = a.schema_of({"v": kind}, ())
    for page in (
        grpc_decode.scroll(a.scroll_message(points).SerializeToString(), schema),
        rest_decode.scroll(a.scroll_json(points), schema),
    ):
        assert [row["v§"] for row in _rows(page)] == [good, None, None, good]
        (found,) = page.mismatches
        assert (found.row, found.point_id, found.field, found.value) == (1, 2, "v§", stored)
        assert kind in found.expected
