"""Filters without payload indexes: the ids that match are those of qdrant_client's local mode, written apart."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from qdrant_client import QdrantClient, models

from qframe.backends import embedded
from qframe.backends.embedded.backend import EmbeddedBackend
from qframe.backends.embedded.engine import edge
from qframe.backends.embedded.filters import edge_filter
from qframe.model.ids import Ids
from qframe.model.outcome import Fault
from qframe.model.queries import Nearest, QueryRequest
from qframe.model.requests import CreateIndex
from qframe.model.schema import Schema
from tests.backends.embedded.steps import COLLECTION, TIMEOUT, count, created, dense, ids_of, numbers, points, stored

PAYLOADS: list[dict[str, Any]] = [
    {},
    {"x": None},
    {"x": []},
    {"x": [None]},
    {"x": [5, None]},
    {"x": 5},
    {"x": 5.0},
    {"x": 5.5},
    {"x": 0},
    {"x": 1},
    {"x": True},
    {"x": False},
    {"x": [True, False]},
    {"x": -3},
    {"x": 2**53 + 1},
    {"x": -(2**63)},
    {"x": "5"},
    {"x": "berlin"},
    {"x": "Berlin Mitte"},
    {"x": ""},
    {"x": "true"},
    {"x": ["berlin", "paris"]},
    {"x": ["berlin", 5, True, None]},
    {"x": [["berlin"]]},
    {"x": {"y": 1}},
    {"x": {"y": [1, 2]}, "z": 1},
    {"x": [{"y": 1, "w": 2}, {"y": 3}]},
    {"x": [{"y": 1}, {"w": 2}]},
    {"x": "2024-05-01"},
    {"x": "2024-05-01T12:00:00Z"},
    {"x": "2024-05-01T12:00:00.123456+02:00"},
    {"x": ["2023-01-01", "2025-01-01"]},
    {"x": {"lon": 13.4, "lat": 52.5}},
    {"x": [{"lon": 13.4, "lat": 52.5}, {"lon": -74.0, "lat": 40.7}]},
    {"x": {"lon": 2.3, "lat": 48.9}},
    {"a.b": 1, "x y": "q"},
    {"a": {"b": 1}},
    {"x": "550e8400-e29b-41d4-a716-446655440000"},
]
IDS: list[int | str] = [*range(30), *(f"{at:08x}-0000-4000-8000-000000000000" for at in range(len(PAYLOADS) - 30))]
BERLIN = {"lon": 13.4, "lat": 52.5}
BOX = {"top_left": {"lon": 10, "lat": 55}, "bottom_right": {"lon": 15, "lat": 50}}
SQUARE = {"points": [{"lon": lon, "lat": lat} for lon, lat in ((10, 50), (15, 50), (15, 55), (10, 55), (10, 50))]}

FIELDS: list[dict[str, Any]] = [
    *({"match": {"value": value}} for value in (5, 0, 1, -3, True, False, "berlin", "5", "", "true", 2**53 + 1)),
    {"match": {"value": "550e8400-e29b-41d4-a716-446655440000"}},
    *({"match": {"any": value}} for value in ([], [5, 1], ["berlin", ""], [-(2**63)])),
    *({"match": {"except": value}} for value in ([], [5, 1], ["berlin"])),
    *({"match": {"prefix": value}} for value in ("ber", "Ber", "")),
    *({"match": {"substring": value}} for value in ("erl", "ERL", "")),
    {"range": {"gt": 0}},
    {"range": {"gte": 5, "lte": 5}},
    {"range": {"lt": 5.25, "gt": None}},
    {"range": {"gte": 2**53}},
    {"range": {}},
    {"range": {"gte": "2024-05-01", "lt": "2024-05-02T00:00:00Z"}},
    {"range": {"gt": "2024-05-01T10:00:00+00:00"}},
    {"range": {"lte": "2023-06-01 00:00:00"}},
    {"values_count": {"gte": 1}},
    {"values_count": {"lt": 1}},
    {"values_count": {"gt": 1, "lte": 2}},
    {"is_empty": True},
    {"is_empty": False},
    {"is_null": True},
    {"is_null": False},
    {"geo_bounding_box": BOX},
    {"geo_radius": {"center": BERLIN, "radius": 1000.0}},
    {"geo_radius": {"center": BERLIN, "radius": 2_000_000}},
    {"geo_polygon": {"exterior": SQUARE}},
    {"geo_polygon": {"exterior": SQUARE, "interiors": [SQUARE]}},
]
CONDITIONS: list[dict[str, Any]] = [
    *({"key": "x", **field} for field in FIELDS),
    {"key": "x.y", "match": {"value": 1}},
    {"key": "x[].y", "match": {"value": 1}},
    {"key": "x[0].y", "match": {"value": 1}},
    {"key": "x[].y", "range": {"gte": 2}},
    {"key": '"a.b"', "match": {"value": 1}},
    {"key": "a.b", "match": {"value": 1}},
    {"key": '"x y"', "match": {"value": "q"}},
    {"is_empty": {"key": "x"}},
    {"is_empty": {"key": "x.y"}},
    {"is_null": {"key": "x"}},
    {"has_id": [1, 3, "00000001-0000-4000-8000-000000000000", 99]},
    {"has_id": ["00000001000040008000000000000000"]},
    {"has_id": []},
    {"has_vector": ""},
    {"nested": {"key": "x", "filter": {"must": [{"key": "y", "match": {"value": 1}}]}}},
    {
        "nested": {
            "key": "x[]",
            "filter": {"must": {"key": "y", "range": {"gte": 1}}, "must_not": {"is_empty": {"key": "w"}}},
        }
    },
    {"nested": {"key": "x", "filter": {"should": []}}},
    {"must": []},
    {"should": []},
    {"must_not": []},
    {},
    {"must": {"key": "x", "match": {"value": 5}}},
    {"must_not": {}},
    {"must_not": {"should": []}},
    {"min_should": {"conditions": [{"is_null": {"key": "x"}}, {"is_empty": {"key": "x"}}], "min_count": 2}},
    {"min_should": {"conditions": [], "min_count": 1}},
    *({"slice": {"total": 3, "index": index}} for index in range(3)),
]


@pytest.fixture(scope="module")
def ours() -> Iterator[EmbeddedBackend]:
    backend = embedded.open(None)
    created(backend, {"vectors": {"size": 4, "distance": "Dot"}})
    # Not by way of Arrow, where a column has one type: what is tested here are filters, on payloads of every kind.
    shard = backend._folder.shard(COLLECTION).engine
    made = [edge.Point(id_, [1.0] * 4, payload) for id_, payload in zip(IDS, PAYLOADS, strict=True)]
    shard.update(edge.UpdateOperation.upsert_points(made))
    yield backend
    backend.close()


@pytest.fixture(scope="module")
def theirs() -> Iterator[QdrantClient]:
    client = QdrantClient(":memory:")
    client.create_collection(COLLECTION, vectors_config=models.VectorParams(size=4, distance=models.Distance.DOT))
    client.upsert(
        COLLECTION,
        [
            models.PointStruct(id=id_, vector=[1.0] * 4, payload=payload)
            for id_, payload in zip(IDS, PAYLOADS, strict=True)
        ],
    )
    yield client
    client.close()


def expected(client: QdrantClient, condition: dict[str, Any]) -> list[str]:
    found, _ = client.scroll(COLLECTION, scroll_filter=models.Filter.model_validate(condition), limit=1000)
    return sorted(str(record.id) for record in found)


def matching(backend: EmbeddedBackend, condition: dict[str, Any]) -> list[str]:
    found = ids_of(backend, condition)
    assert not isinstance(found, Fault), found
    return sorted(str(item) for item in found)


@pytest.mark.parametrize("clause", ["must", "should", "must_not"])
@pytest.mark.parametrize("condition", CONDITIONS, ids=str)
def test_ids_are_those_of_local_mode(
    ours: EmbeddedBackend, theirs: QdrantClient, condition: dict[str, Any], clause: str
) -> None:
    whole = {clause: [condition]}
    found = matching(ours, whole)
    assert found == expected(theirs, whole)
    assert count(ours, whole) == len(found)


combined = st.recursive(
    st.sampled_from([condition for condition in CONDITIONS if "key" in condition or "has_id" in condition]),
    lambda inner: st.dictionaries(
        st.sampled_from(["must", "should", "must_not"]), st.lists(inner, max_size=3), min_size=1, max_size=3
    ),
    max_leaves=6,
).map(lambda condition: {"must": [condition]})


@given(condition=combined)
@settings(max_examples=150)
def test_combinations(ours: EmbeddedBackend, theirs: QdrantClient, condition: dict[str, Any]) -> None:
    assert matching(ours, condition) == expected(theirs, condition)


def test_booleans_are_not_integers(ours: EmbeddedBackend) -> None:
    true, one = ({"must": [{"key": "x", "match": {"value": value}}]} for value in (True, 1))
    rows = [id_ for id_, payload in zip(IDS, PAYLOADS, strict=True) if payload.get("x") is True]
    assert set(map(str, rows)) <= set(matching(ours, true))
    assert not set(matching(ours, true)) & set(matching(ours, one))


def test_the_binding_still_takes_true_for_one() -> None:
    """When this fails, the numpy bool in `filters` can go."""
    assert edge.MatchValue(True).value == 1
    assert edge.MatchValue(True).value is not True


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        ({"musst": []}, "unknown field `musst` in filter"),
        ({"must": 5}, "expected a condition or a list"),
        ({"must": ["x"]}, "expected a condition"),
        ({"must": [{"key": "x"}]}, "at least one condition"),
        ({"must": [{"key": "x", "matsch": {"value": 1}}]}, "unknown field `matsch`"),
        ({"must": [{"key": 5, "is_null": True}]}, "expected a string"),
        ({"must": [{"key": "x[", "is_null": True}]}, "invalid JSON path x["),
        ({"must": [{"key": "x", "is_null": 1}]}, "expected a boolean"),
        ({"must": [{"key": "x", "match": {}}]}, "expected one of value"),
        ({"must": [{"key": "x", "match": {"value": 1, "any": [1]}}]}, "expected one of value"),
        ({"must": [{"key": "x", "match": {"value": 1.0}}]}, "expected a string, a 64-bit integer or a boolean"),
        ({"must": [{"key": "x", "match": {"value": 2**63}}]}, "64-bit integer"),
        ({"must": [{"key": "x", "match": {"value": None}}]}, "64-bit integer"),
        ({"must": [{"key": "x", "match": {"any": [1, "a"]}}]}, "only strings, or only 64-bit integers"),
        ({"must": [{"key": "x", "match": {"any": [True]}}]}, "only strings, or only 64-bit integers"),
        ({"must": [{"key": "x", "match": {"any": "abc"}}]}, "expected a list"),
        ({"must": [{"key": "x", "match": {"regex": "a"}}]}, "unknown field `regex` in match"),
        ({"must": [{"key": "x", "range": {"gt": True}}]}, "expected a finite number"),
        ({"must": [{"key": "x", "range": {"gt": float("nan")}}]}, "expected a finite number"),
        ({"must": [{"key": "x", "range": {"gt": 1, "lt": "2024-01-01"}}]}, "expected a finite number"),
        ({"must": [{"key": "x", "range": {"gt": "yesterday"}}]}, "failed to parse date-time"),
        ({"must": [{"key": "x", "range": {"above": 1}}]}, "unknown field `above` in range"),
        ({"must": [{"key": "x", "values_count": {"gt": -1}}]}, "negative"),
        ({"must": [{"key": "x", "values_count": {"gt": 1.5}}]}, "expected an integer"),
        ({"must": [{"key": "x", "geo_radius": {"center": {"lon": 200, "lat": 0}, "radius": 1}}]}, "GeoPoint"),
        ({"must": [{"key": "x", "geo_radius": {"radius": 1}}]}, "missing field `center`"),
        ({"must": [{"key": "x", "geo_polygon": {"exterior": {"points": []}}}]}, "polygon invalid"),
        ({"must": [{"has_id": [-1]}]}, "not a valid point ID"),
        ({"must": [{"has_id": [2**64]}]}, "not a valid point ID"),
        ({"must": [{"has_id": [True]}]}, "not a valid point ID"),
        ({"must": [{"has_id": [1.0]}]}, "not a valid point ID"),
        ({"must": [{"has_id": ["abc"]}]}, "UUID"),
        ({"must": [{"has_id": 5}]}, "expected a list"),
        ({"must": [{"is_empty": "x"}]}, "expected an object"),
        ({"must": [{"is_empty": {"key": "x"}, "is_null": {"key": "x"}}]}, "unknown field"),
        ({"must": [{"nested": {"key": "x"}}]}, "missing field `filter`"),
        ({"must": [{"slice": {"total": 3, "index": 3}}]}, "must be less than total"),
        ({"must": [{"slice": {"total": 0, "index": 0}}]}, "must be less than total"),
        ({"min_should": {"conditions": [], "min_count": 0}}, "min_count"),
        ({"min_should": {"min_count": 1}}, "missing field `conditions`"),
    ],
)
def test_what_a_server_would_refuse_is_refused(ours: EmbeddedBackend, condition: dict[str, Any], message: str) -> None:
    for answer in (count(ours, condition), ids_of(ours, condition)):
        assert isinstance(answer, Fault)
        assert (answer.kind, answer.applied) == ("refused", "no")
        assert answer.message.startswith("Format error in JSON body")
        assert message in answer.message


def test_filters_do_not_end_the_process(ours: EmbeddedBackend) -> None:
    condition: dict[str, Any] = {"must": [{"key": "x", "is_null": True}]}
    for _ in range(5000):
        condition = {"must": [condition]}
    assert isinstance(edge_filter(condition), Fault)
    assert isinstance(ids_of(ours, condition), Fault)


def test_filters_gate_a_query(backend: EmbeddedBackend) -> None:
    created(backend)
    flags = pa.array([True, False, True, None])
    stored(backend, points(numbers(1, 2, 3, 4), payload={"open": flags}))
    condition = {"must": {"key": "open", "match": {"value": True}}}
    request = QueryRequest(COLLECTION, Nearest(dense(1)), limit=10, filter=condition)
    hits = backend.query(request, Schema(), TIMEOUT)
    assert sorted(hits.table.column("id").to_pylist()) == [1, 3]


def test_filters_with_an_index(backend: EmbeddedBackend) -> None:
    created(backend)
    ids = Ids(np.arange(100, dtype=np.uint64))
    stored(backend, points(ids, payload={"city": pa.array(["a", "b"] * 50), "n": pa.array(range(100))}))
    for field, kind in (("city", "keyword"), ("n", "integer")):
        assert backend.admin(CreateIndex(COLLECTION, field, kind), TIMEOUT) is True
    condition = {"must": [{"key": "city", "match": {"value": "b"}}, {"key": "n", "range": {"gte": 95}}]}
    assert ids_of(backend, condition) == ["95", "97", "99"]
