"""The loopback server as the official client and raw requests see it, beyond what was recorded.

Partial application, ids, null and NaN, strict mode: what was observed and the recordings do not hold.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import httpx
import numpy as np
import pytest
from qdrant_client import QdrantClient, models
from qdrant_client import grpc as proto

from tests.loopback.asking import call, create, error, put, settle, stored
from tests.loopback.process import Server

pytestmark = pytest.mark.loopback

ROWS = 300


@pytest.fixture(scope="module")
def loopback_server() -> Iterator[Server]:
    with Server.start() as server:
        yield server


@pytest.fixture
def http(loopback_server: Server) -> Iterator[httpx.Client]:
    headers = {"accept-encoding": "identity"}
    with httpx.Client(base_url=loopback_server.url, headers=headers, trust_env=False) as client:
        yield client
        for found in client.get("/collections").json()["result"]["collections"]:
            client.delete(f"/collections/{found['name']}")


@pytest.fixture(params=["rest", "grpc"])
def client(request: pytest.FixtureRequest, loopback_server: Server, http: httpx.Client) -> Iterator[QdrantClient]:
    made = QdrantClient(
        url=loopback_server.url,
        grpc_port=loopback_server.grpc_port,
        prefer_grpc=request.param == "grpc",
        trust_env=False,
    )
    yield made
    made.close()


def test_official_client_round_trip(client: QdrantClient) -> None:
    rng = np.random.default_rng(1)
    vectors = rng.random((ROWS, 8), np.float32)
    payload = [{"n": i, "text": f"t{i % 7}", "even": i % 2 == 0, "list": [1, None, 2.5]} for i in range(ROWS)]
    config = models.VectorParams(size=8, distance=models.Distance.DOT)
    assert client.create_collection("t", vectors_config=config)
    assert client.collection_exists("t")
    client.upload_collection("t", vectors, payload, ids=list(range(ROWS)), batch_size=64, wait=True)
    points, offset = [], None
    while True:
        page, offset = client.scroll("t", limit=77, offset=offset, with_vectors=True)
        points += page
        if offset is None:
            break
    assert [p.id for p in points] == list(range(ROWS))
    assert [p.payload for p in points] == payload
    assert np.array_equal(np.array([p.vector for p in points], np.float32), vectors)
    even = models.Filter(must=[models.FieldCondition(key="even", match=models.MatchValue(value=True))])
    assert client.count("t", count_filter=even).count == ROWS // 2
    assert client.get_collection("t").points_count == ROWS
    nearest = int(np.argmax(vectors @ vectors[3]))
    assert client.query_points("t", query=vectors[3].tolist(), limit=1).points[0].id == nearest
    others = np.delete(np.arange(ROWS), 3)
    by_id = client.query_points("t", query=3, limit=1).points[0].id
    assert by_id == others[np.argmax(vectors[others] @ vectors[3])]
    client.create_payload_index("t", "text", models.PayloadSchemaType.KEYWORD)
    client.create_payload_index("t", "n", models.IntegerIndexParams(type="integer", lookup=True, range=True))
    assert {hit.value: hit.count for hit in client.facet("t", "text").hits}["t0"] == ROWS // 7 + 1
    last, _ = client.scroll("t", limit=1, order_by=models.OrderBy(key="n", direction=models.Direction.DESC))
    assert last[0].id == ROWS - 1
    schema = client.get_collection("t").payload_schema
    assert schema["n"].params == models.IntegerIndexParams(type="integer", lookup=True, range=True)
    client.delete_payload_index("t", "text")
    client.delete("t", even)
    assert client.count("t").count == ROWS // 2
    assert client.delete_collection("t")
    assert not client.collection_exists("t")


def test_all_point_operations(client: QdrantClient) -> None:
    vectors = {"a": models.VectorParams(size=2, distance=models.Distance.DOT)}
    sparse = {"s": models.SparseVectorParams()}
    client.create_collection("t", vectors_config=vectors, sparse_vectors_config=sparse)
    weights = models.SparseVector(indices=[5, 1], values=[0.5, 1.0])
    client.upsert("t", [models.PointStruct(id=i, vector={"a": [i, 1.0], "s": weights}) for i in range(1, 5)])
    client.set_payload("t", {"x": {"y": 1}}, points=[1, 2])
    client.set_payload("t", {"z": 2}, points=[1], key="x")
    client.overwrite_payload("t", {"only": True}, points=[2])
    client.update_vectors("t", [models.PointVectors(id=3, vector={"a": [9.0, 9.0]})])
    client.delete_vectors("t", ["s"], [3])
    client.delete_payload("t", ["only"], [2])
    client.batch_update_points(
        "t",
        [
            models.UpsertOperation(upsert=models.PointsList(points=[models.PointStruct(id=9, vector={})])),
            models.SetPayloadOperation(set_payload=models.SetPayload(payload={"k": 1}, points=[9])),
            models.ClearPayloadOperation(clear_payload=models.PointIdsList(points=[1])),
            models.DeleteOperation(delete=models.PointIdsList(points=[4])),
        ],
    )
    modes = [models.PointStruct(id=1, vector={}, payload={"new": 1}), models.PointStruct(id=10, vector={})]
    client.upsert("t", modes, update_mode=models.UpdateMode.INSERT_ONLY)
    found = {p.id: p for p in client.scroll("t", with_vectors=True)[0]}
    assert {i: p.payload for i, p in found.items()} == {1: {}, 2: {}, 3: {}, 9: {"k": 1}, 10: {}}
    assert found[3].vector == {"a": [9.0, 9.0]}
    assert found[1].vector["s"] == models.SparseVector(indices=[1, 5], values=[1.0, 0.5])
    assert found[9].vector == {}
    one_value = models.SparseVector(indices=[1], values=[2.0])
    hits = client.query_points("t", query=one_value, using="s", limit=1).points
    assert hits[0].score == 2.0


def test_aliases(client: QdrantClient, http: httpx.Client) -> None:
    create(http)
    create_alias = models.CreateAlias(collection_name="t", alias_name="other")
    client.update_collection_aliases([models.CreateAliasOperation(create_alias=create_alias)])
    assert [a.alias_name for a in client.get_aliases().aliases] == ["other"]
    assert client.count("other").count == 0
    delete = models.DeleteAlias(alias_name="other")
    client.update_collection_aliases([models.DeleteAliasOperation(delete_alias=delete)])
    assert client.get_aliases().aliases == []


def test_dimension_refuses_the_whole_request(http: httpx.Client) -> None:
    create(http, vectors={"a": {"size": 2, "distance": "Dot"}})
    for wait in ("true", "false"):
        answer = put(http, [{"id": 1, "vector": {"a": [1.0, 2.0]}}, {"id": 2, "vector": {"a": [1.0]}}], wait=wait)
        assert error(answer) == (400, "Wrong input: Vector dimension error: expected dim: 2, got 1 for vector 'a'")
    assert stored(http) == []


def test_an_unknown_name_is_found_too_late(http: httpx.Client) -> None:
    create(http)
    points = [{"id": 1, "vector": [1.0, 2.0]}, {"id": 2, "vector": [1.0, 2.0]}, {"id": 3, "vector": {"x": [1.0, 2.0]}}]
    assert error(put(http, points)) == (400, "Wrong input: Not existing vector name error: x")
    # In the order of a hash, 2 comes before 3 and 1 after it.
    assert [p["id"] for p in stored(http)] == [2]
    answer = put(http, [points[0], points[2]], wait="false")
    assert answer.json()["result"]["status"] == "acknowledged"
    settle(http)
    assert [p["id"] for p in stored(http)] == [2]


def test_what_is_acknowledged_is_applied_later_and_in_order() -> None:
    with Server.start(lag=3600) as server, httpx.Client(base_url=server.url, trust_env=False, timeout=30) as http:
        create(http)
        first, second = (put(http, [{"id": i, "vector": [1.0, 2.0]}], wait="false") for i in (1, 2))
        assert stored(http) == []
        assert http.get("/collections/t").json()["result"]["update_queue"] == {"length": 2}
        assert [answer.json()["result"]["operation_id"] for answer in (first, second)] == [1, 2]
        # Who waits for one waits for those before it.
        done = http.post("/collections/t/points/delete", params={"wait": "true"}, json={"points": [2]})
        assert done.json()["result"] == {"operation_id": 3, "status": "completed"}
        assert [p["id"] for p in stored(http)] == [1]


def test_fields_that_no_server_knows_are_refused(loopback_server: Server, http: httpx.Client) -> None:
    create(http)
    request = proto.CountPoints(collection_name="t")
    request.MergeFromString(b"\xfa\x7d\x03new")
    with pytest.raises(grpc.RpcError) as caught:
        call(loopback_server, "/qdrant.Points/Count", request, proto.CountResponse)
    assert caught.value.details() == "CountPoints has fields that no server knows"


def test_missing_ids_come_after_partial_application(http: httpx.Client) -> None:
    create(http)
    put(http, [{"id": i, "vector": [1.0, 2.0]} for i in (1, 2)])
    answer = http.post("/collections/t/points/payload?wait=true", json={"payload": {"a": 1}, "points": [1, 99, 2]})
    assert error(answer) == (404, "Not found: No point with id 99 found")
    assert stored(http)[0]["payload"] == {"a": 1}
    assert http.post("/collections/t/points/delete?wait=true", json={"points": [99]}).status_code == 200


@pytest.mark.parametrize(
    ("points", "status", "words"),
    [
        ([{"id": 1.0, "vector": []}], 400, "value 1.0 is not a valid point ID"),
        ([{"id": True, "vector": []}], 400, "value true is not a valid point ID"),
        ([{"id": 2**64, "vector": []}], 400, "is not a valid point ID"),
        ([{"vector": [1.0, 2.0]}], 400, "missing field `id`"),
        ([{"id": 1}], 400, "missing field `vector`"),
        ([{"id": 1, "vector": [1.0, 2.0], "pay": {}}], 400, "unknown field `pay`"),
        ([{"id": 1, "vector": []}], 422, "Validation error in JSON body"),
        ([{"id": 1, "vector": {"s": {"indices": [1, 1], "values": [1.0, 2.0]}}}], 422, "must be unique"),
        ([{"id": 1, "vector": {"s": {"indices": [1], "values": [1.0, 2.0]}}}], 422, "same length"),
        ([{"id": 1, "vector": {"m": []}}], 422, "must not be empty"),
        ([{"id": 1, "vector": {"m": [[1.0], [1.0, 2.0], [1.0]]}}], 422, "same dimension"),
        ([{"id": 1, "vector": {"s": [1.0]}}], 400, "Conversion between sparse and regular vectors failed"),
        ([{"id": 1, "vector": [1.0, 2.0], "payload": json.loads("[" * 200 + "]" * 200)}], 400, "payload"),
        ([{"id": 1, "vector": [1.0, 2.0], "payload": {"a": json.loads("[" * 200 + "]" * 200)}}], 400, "recursion"),
    ],
)
def test_bad_points_are_refused(http: httpx.Client, points: Any, status: int, words: str) -> None:
    create(http, sparse_vectors={"s": {}})
    got, text = error(put(http, points))
    assert got == status
    assert words in text
    assert stored(http) == []
    assert put(http, [{"id": 1, "vector": [1.0, 2.0]}]).status_code == 200, "the collection is still whole"


def test_a_refused_request_says_where_its_json_ended(http: httpx.Client) -> None:
    create(http)
    for body, words in {
        "": "EOF while parsing a value at line 1 column 0",
        "[1,": "EOF while parsing a value at line 1 column 3",
        '{"points": [': "EOF while parsing a list at line 1 column 12",
        '{"points': "EOF while parsing a string at line 1 column 8",
        '{"points": []} x': "trailing characters at line 1 column 16",
    }.items():
        assert error(http.put("/collections/t/points", content=body)) == (400, f"Format error in JSON body: {words}")


def test_bad_query_parameters(http: httpx.Client) -> None:
    create(http)
    assert error(put(http, [], wait="yes"))[0] == 400
    answer = http.put("/collections/t/points?timeout=x", json={"points": []})
    assert error(answer)[0] == 400


def test_retrieve_gives_no_payload_unless_asked(http: httpx.Client) -> None:
    create(http)
    put(http, [{"id": i, "vector": [1.0, 2.0], "payload": {"a": i}} for i in (1, 2)])
    asked = http.post("/collections/t/points", json={"ids": [2, 1, 7, 2]})
    assert asked.json()["result"] == [{"id": 2}, {"id": 1}]
    asked = http.post("/collections/t/points", json={"ids": [2], "with_payload": True, "with_vector": True})
    assert asked.json()["result"] == [{"id": 2, "payload": {"a": 2}, "vector": [1.0, 2.0]}]


def test_last_of_double_ids_wins_and_uuid_spellings_are_one(http: httpx.Client) -> None:
    create(http)
    spellings = ["550e8400e29b41d4a716446655440000", "urn:uuid:550E8400-E29B-41D4-A716-446655440000"]
    put(http, [{"id": i, "vector": [1.0, 2.0], "payload": {"n": n}} for n, i in enumerate([1, *spellings, 1])])
    found = stored(http)
    assert [(p["id"], p["payload"]["n"]) for p in found] == [(1, 3), ("550e8400-e29b-41d4-a716-446655440000", 2)]


def test_nan_over_grpc_is_stored_and_null_over_rest(loopback_server: Server, http: httpx.Client) -> None:
    create(http)
    dense = proto.DenseVector(data=[float("nan"), float("inf")])
    point = proto.PointStruct(id=proto.PointId(num=1), vectors=proto.Vectors(vector=proto.Vector(dense=dense)))
    request = proto.UpsertPoints(collection_name="t", wait=True, points=[point])
    call(loopback_server, "/qdrant.Points/Upsert", request, proto.PointsOperationResponse)
    assert stored(http)[0]["vector"] == [None, None]


def test_grpc_points_without_vectors_field_are_refused(loopback_server: Server, http: httpx.Client) -> None:
    create(http)
    request = proto.UpsertPoints(collection_name="t", points=[proto.PointStruct(id=proto.PointId(num=1))])
    with pytest.raises(grpc.RpcError) as caught:
        call(loopback_server, "/qdrant.Points/Upsert", request, proto.PointsOperationResponse)
    assert caught.value.details() == "Expected some vectors"
    request.points[0].vectors.vectors.SetInParent()
    call(loopback_server, "/qdrant.Points/Upsert", request, proto.PointsOperationResponse)
    settle(http)
    assert stored(http)[0]["vector"] == {}


def test_rate_limits_refill(http: httpx.Client) -> None:
    create(http, strict_mode_config={"enabled": True, "read_rate_limit": 3000, "write_rate_limit": 2})
    assert put(http, [{"id": 1, "vector": [1.0, 2.0]}]).status_code == 200
    answer = put(http, [{"id": 1, "vector": [1.0, 2.0]}, {"id": 2, "vector": [1.0, 2.0]}])
    assert answer.status_code == 429
    assert 0 < int(answer.headers["retry-after"]) <= 30
    pattern = r"Rate limiting exceeded: Write rate limit exceeded: Operation requires 2 tokens but only 1\.\d were"
    assert re.match(pattern, error(answer)[1])
    http.patch("/collections/t", json={"strict_mode_config": {"write_rate_limit": 60000}}).raise_for_status()
    for _ in range(3):
        assert put(http, [{"id": i, "vector": [1.0, 2.0]} for i in range(500)]).status_code == 200


def test_strict_mode_needs_an_index_of_the_right_kind(http: httpx.Client) -> None:
    create(http, strict_mode_config={"enabled": True, "unindexed_filtering_retrieve": False})
    by_city = {"filter": {"must": [{"key": "city", "match": {"value": "x"}}]}}
    for kind, status in (("integer", 400), ("keyword", 200)):
        http.put("/collections/t/index?wait=true", json={"field_name": "city", "field_schema": kind})
        assert http.post("/collections/t/points/count", json=by_city).status_code == status
    by_slice = {"filter": {"must": [{"slice": {"total": 2, "index": 0}}]}}
    assert http.post("/collections/t/points/scroll", json=by_slice).status_code == 200


def test_strict_mode_limits_what_is_stored_and_gone_through(http: httpx.Client) -> None:
    limits = {"max_points_count": 2, "max_payload_index_count": 1, "condition_max_size": 2, "search_allow_exact": False}
    create(http, strict_mode_config={"enabled": True, **limits})
    points = [{"id": i, "vector": [0.0, 1.0]} for i in range(3)]
    assert put(http, points[:2]).status_code == 200
    assert "2 points" in error(put(http, points[2:]))[1]
    for field, status in (("a", 200), ("b", 400)):
        schema = {"field_name": field, "field_schema": "integer"}
        assert http.put("/collections/t/index?wait=true", json=schema).status_code == status
    for ids, status in (([1, 2], 200), ([1, 2, 3], 400)):
        asked = {"filter": {"must": [{"has_id": ids}]}}
        assert http.post("/collections/t/points/scroll", json=asked).status_code == status
    for exact, status in ((False, 200), (True, 400), (None, 400)):
        asked = {} if exact is None else {"exact": exact}
        assert http.post("/collections/t/points/count", json=asked).status_code == status


def test_strict_mode_looks_at_the_filters_of_all_writes(http: httpx.Client) -> None:
    create(http, strict_mode_config={"enabled": True, "unindexed_filtering_update": False})
    by_city = {"filter": {"must": [{"key": "city", "match": {"value": "x"}}]}}
    for path, more in (("delete", {}), ("payload/clear", {}), ("vectors/delete", {"vector": [""]})):
        answer = http.post(f"/collections/t/points/{path}?wait=true", json=by_city | more)
        assert error(answer)[1].startswith("Bad request: Index required but not found")


def test_a_write_by_filter_is_charged_what_it_selects(http: httpx.Client) -> None:
    create(http)
    put(http, [{"id": i, "vector": [1.0, 2.0]} for i in range(30)])
    http.patch("/collections/t", json={"strict_mode_config": {"enabled": True, "write_rate_limit": 20}})
    for ids, status in (([*range(30)], 429), ([*range(20)], 200)):
        by_id = {"filter": {"must": [{"has_id": ids}]}}
        assert http.post("/collections/t/points/payload/clear?wait=true", json=by_id).status_code == status


def test_a_malformed_operation_of_a_grpc_batch_comes_after_those_before_it(
    loopback_server: Server, http: httpx.Client
) -> None:
    create(http)
    put(http, [{"id": i, "vector": [1.0, 2.0], "payload": {"n": 1}} for i in range(2)])
    request = proto.UpdateBatchPoints(collection_name="t", wait=True, timeout=1)
    request.operations.add().clear_payload.points.points.ids.add(num=0)
    writing = request.operations.add().set_payload
    writing.points_selector.points.ids.add(num=1)
    writing.payload["n"].double_value = float("nan")
    with pytest.raises(grpc.RpcError) as caught:
        call(loopback_server, "/qdrant.Points/UpdateBatch", request, proto.UpdateBatchResponse)
    assert caught.value.details() == "cannot convert to json number"
    assert [point["payload"] for point in stored(http)] == [{}, {"n": 1}]


def test_what_validation_refuses(loopback_server: Server, http: httpx.Client) -> None:
    create(http)
    put(http, [{"id": 1, "vector": [1.0, 2.0]}])
    answer = http.post("/collections/t/points/vectors/delete?wait=true", json={"points": [1], "vector": []})
    assert answer.status_code == 422
    request = proto.UpdateBatchPoints(collection_name="t", wait=True, timeout=0)
    request.operations.add().clear_payload.points.points.ids.add(num=1)
    with pytest.raises(grpc.RpcError) as caught:
        call(loopback_server, "/qdrant.Points/UpdateBatch", request, proto.UpdateBatchResponse)
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT


def test_slices_part_a_collection(http: httpx.Client) -> None:
    create(http)
    put(http, [{"id": i, "vector": [1.0, 2.0]} for i in range(200)])
    seen: list[int] = []
    for index in range(3):
        asked = {"limit": 1000, "filter": {"must": [{"slice": {"total": 3, "index": index}}]}}
        seen += [p["id"] for p in http.post("/collections/t/points/scroll", json=asked).json()["result"]["points"]]
    assert sorted(seen) == list(range(200))


def test_it_does_not_know_qframe() -> None:
    sources = Path(__file__).parent / "loopback"
    assert not [p.name for p in sources.glob("*.py") if re.search(r"^\s*(from|import) qframe", p.read_text(), re.M)]
