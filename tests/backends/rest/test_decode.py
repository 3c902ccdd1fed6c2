"""What only JSON can do to a decoder: text that looks like vectors, numbers that are none, recorded answers."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from qframe.backends.rest import decode
from qframe.backends.rest.cut import cut
from qframe.model.schema import Field, Schema, VectorField
from tests.backends import answers as a
from tests.backends.rest.recorded import exchange, exchanges

UNNAMED = VectorField("vector", "", "dense", 4)
SCROLLS = ["scroll all vectors=False", "scroll all vectors=True", "scroll page 1", "scroll page uuid offset"]


def _answer(name: str) -> bytes:
    return exchange(name)["answer"].encode()


def _page(name: str, schema: Schema) -> tuple[list[dict[str, Any]], Any]:
    page = decode.scroll(_answer(name), schema)
    page.table.validate(full=True)
    return page.table.to_pylist(), page


@pytest.mark.parametrize("name", [*SCROLLS, "scroll last page"])
def test_recorded_scrolls_say_what_their_text_says(name: str) -> None:
    said = json.loads(exchange(name)["answer"])["result"]
    keys = sorted({key for point in said["points"] for key in point.get("payload", {})})
    schema = Schema(tuple(Field(f"{key}", pa.large_string(), json=True) for key in keys if key != "vector"))
    schema = Schema(schema.payload, (UNNAMED,), pa.large_string(), "§id", extra="column")
    rows, page = _page(name, schema)
    assert page.next_offset == said["next_page_offset"]
    assert len(rows) == len(said["points"])
    for row, point in zip(rows, said["points"], strict=True):
        assert row["§id"] == str(point["id"])
        payload = {k: a.narrowed(v) for k, v in point.get("payload", {}).items() if v is not None}
        extra = a.json_value(row["extra"]) or {}
        held = {key: a.json_value(row[key]) for key in keys if row.get(key) is not None and key != "vector"}
        assert a.same(held | extra, payload)
        wanted = point.get("vector")
        assert row["vector"] == (None if wanted is None else np.array(wanted, dtype=np.float32).tolist())


def test_recorded_named_vectors() -> None:
    kinds: dict[str, tuple[Any, int | None]] = {
        "d": ("dense", 3), "u": ("dense", 2), "m": ("multi", 2), "s": ("sparse", None)
    }  # fmt: skip
    vectors = tuple(VectorField(name, name, kind, dim) for name, (kind, dim) in kinds.items())
    for name in ("scroll named", "scroll one vector"):
        rows, page = _page(name, Schema((), vectors))
        said = json.loads(exchange(name)["answer"])["result"]["points"]
        assert not page.mismatches
        for row, point in zip(rows, said, strict=True):
            for vector in kinds:
                wanted = point["vector"].get(vector)
                if isinstance(wanted, dict):
                    assert row[vector] == wanted
                else:
                    assert row[vector] == (None if wanted is None else np.array(wanted, dtype=np.float32).tolist())


def test_recorded_query_batch() -> None:
    hits = decode.hits(_answer("query batch"), Schema((Field("int", pa.int64()),), id_type=pa.large_string()))
    said = json.loads(exchange("query batch")["answer"])["result"]
    flat = [
        (query, rank, str(point["id"]), point["score"], point.get("payload", {}).get("int"))
        for query, group in enumerate(said)
        for rank, point in enumerate(group["points"], 1)
    ]
    assert [tuple(row.values()) for row in hits.table.to_pylist()] == flat


def test_every_recorded_scroll_and_retrieve_can_be_read() -> None:
    schema = Schema((), (), pa.large_string(), extra="column")
    for found in exchanges():
        if found["status"] != 200 or found["method"] != "POST":
            continue
        path, answer = found["path"], found["answer"].encode()
        if path.endswith("/scroll"):
            assert decode.scroll(answer, schema).table.num_rows == len(json.loads(answer)["result"]["points"])
        elif path.endswith("/points"):
            assert decode.retrieve(answer, schema).table.num_rows == len(json.loads(answer)["result"])


LOOKALIKES: list[dict[str, Any]] = [
    {"vector": [9, 9]},
    {"vector": ["]", '"vector":['], "x": 1},
    {"vector": [[1], [2]]},
    {"vector": []},
    {"text": ',"vector":[1,2]}'},
    {"text": '\\","vector":[1,2]'},
    {"inner": {"vector": [1.5, {"vector": [2]}]}},
    {"": [1, 2], "inner": {"": [3]}},
    {"vector": "]"},
]


@pytest.mark.parametrize("payload", LOOKALIKES)
@pytest.mark.parametrize("where", [0, 1, 2])
def test_payload_that_looks_like_vectors_stays_payload(payload: dict[str, Any], where: int) -> None:
    for layout in ({"": "dense"}, {"": "dense", "s": "sparse"}, {"vector": "dense", "d": "dense"}):
        schema = a.schema_of(layout, tuple(Field(key, pa.large_string(), json=True) for key in payload))
        points = [
            a.Point(i, payload if i == where else {}, {name: [0.5, i, 1.0] for name in layout if name != "s"})
            for i in range(3)
        ]
        # One of them lacks a vector, so that the number of lists says nothing.
        points.append(a.Point(9, {}, {}))
        page = decode.scroll(a.scroll_json(points), schema)
        rows = page.table.to_pylist()
        for key, value in payload.items():
            assert a.json_value(rows[where][key]) == value
        for name in layout:
            wanted = [point.vectors.get(name) for point in points]
            assert [row[f"{name}§"] for row in rows] == wanted
        assert not page.mismatches


LONG = "x" * 1_000
"""A hundred of these are more than becomes objects at a time."""

POINTLIKE: list[dict[str, Any]] = [
    {"inner": [{"id": 1}, {"id": 2}]},
    {"inner": [{"id": i, "payload": {"text": LONG}, "vector": [1, 2, 3]} for i in range(100)]},
    {"inner": {"points": [{"id": 1}, {"id": "b"}]}},
    {"text": '},{"id":7'},
    {"text": '\\"},{"id":7},"vector":[1,2,3]'},
]


@pytest.mark.parametrize("payload", [{}, *POINTLIKE])
@pytest.mark.parametrize("where", [range(1), range(50, 51), range(99, 100), range(100)])
def test_answers_longer_than_a_part_are_read_point_by_point(payload: dict[str, Any], where: range) -> None:
    schema = a.schema_of({"": "dense"}, tuple(Field(key, pa.large_string(), json=True) for key in ["pad", *payload]))
    points = [
        a.Point(i, {"pad": LONG, **(payload if i in where else {})}, {"": [0.5, i, 1.0]} if i % 3 else {})
        for i in range(100)
    ]
    for page in (
        decode.scroll(a.scroll_json(points, "550e8400-e29b-41d4-a716-446655440000"), schema),
        decode.retrieve(a.retrieve_json(points), schema),
    ):
        rows = page.table.to_pylist()
        assert [row["§id"] for row in rows] == [str(i) for i in range(100)]
        assert [row["§"] for row in rows] == [point.vectors.get("") for point in points]
        for key, value in payload.items():
            assert [a.json_value(row[key]) for row in rows if row[key] is not None] == [value] * len(where)
        assert not page.mismatches


def test_the_next_page_of_a_long_answer_is_known() -> None:
    text = a.scroll_json([a.Point(i, {"pad": LONG}, {}) for i in range(100)], 100)
    assert decode.scroll(text, Schema()).next_offset == decode.ahead(text) == 100


def test_indented_json_is_read_too() -> None:
    points = [a.Point(1, {"text": "x"}, {"": [1.0, 2.0, 3.0]})]
    pretty = json.dumps(json.loads(a.scroll_json(points)), indent=2).encode()
    schema = a.schema_of({"": "dense"}, (Field("text", pa.large_string()),))
    assert decode.scroll(pretty, schema).table.to_pylist() == [{"§id": "1", "text": "x", "§": [1.0, 2.0, 3.0]}]


def test_nan_in_a_vector_is_null_in_json() -> None:
    schema = a.schema_of({"": "dense"}, ())
    text = a.scroll_json([a.Point(1, {}, {"": [1.0, 2.0, 3.0]}), a.Point(2, {}, {"": [4.0, 5.0, 6.0]})])
    page = decode.scroll(text.replace(b"2.0", b"null"), schema)
    first, second = page.table.to_pylist()
    assert first["§"][0] == 1.0
    assert math.isnan(first["§"][1])
    assert second["§"] == [4.0, 5.0, 6.0]


def test_wrong_lengths_that_add_up_are_told_apart() -> None:
    points = [a.Point(1, {}, {"": [1.0, 2.0]}), a.Point(2, {}, {"": [3.0, 4.0, 5.0, 6.0]})]
    page = decode.scroll(a.scroll_json(points), a.schema_of({"": "dense"}, ()))
    assert [row["§"] for row in page.table.to_pylist()] == [None, None]
    assert [found.value for found in page.mismatches] == [[1.0, 2.0], [3.0, 4.0, 5.0, 6.0]]


def test_cut_leaves_json_and_texts_in_order() -> None:
    pieces = cut(b'{"a":[1,2],"b":[3],"c":{"a":[4]}}', [b'"a":[', b'"b":['])
    assert pieces.rest == b'{"a":0,"b":0,"c":{"a":0}}'
    assert {mark: spans.views() for mark, spans in pieces.texts.items()} == {b'"a":[': [b"1,2", b"4"], b'"b":[': [b"3"]}
