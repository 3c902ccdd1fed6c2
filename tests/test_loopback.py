"""The loopback server as the official client and raw requests see it, beyond what was recorded.

Partial application, ids, null and NaN, compression, keys, TLS, strict mode, versions: `server-observed` behaviour that
the recordings do not hold.
"""

from __future__ import annotations

import gzip
import json
import re
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import httpx
import numpy as np
import pytest
import trustme
from qdrant_client import QdrantClient, models
from qdrant_client import grpc as proto

from tests.loopback.process import Server
from tests.loopback.relay import Relay

pytestmark = pytest.mark.loopback

ROWS = 300
MAX_SIM = {"comparator": "max_sim"}


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


def create(http: httpx.Client, name: str = "t", **config: Any) -> None:
    body = {"vectors": {"size": 2, "distance": "Dot"}} | config
    http.put(f"/collections/{name}", json=body).raise_for_status()


def put(http: httpx.Client, points: list[dict[str, Any]], name: str = "t", wait: str = "true") -> httpx.Response:
    return http.put(f"/collections/{name}/points", params={"wait": wait}, json={"points": points})


def stored(http: httpx.Client, name: str = "t") -> list[Any]:
    asked = {"limit": 1000, "with_payload": True, "with_vector": True}
    return http.post(f"/collections/{name}/points/scroll", json=asked).json()["result"]["points"]


def error(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["status"]["error"]


def call(server: Server, method: str, request: Any, kind: Any, **options: Any) -> Any:
    with grpc.insecure_channel(f"127.0.0.1:{server.grpc_port}", options=options.pop("channel", None)) as channel:
        return channel.unary_unary(method, type(request).SerializeToString, kind.FromString)(
            request, timeout=30, **options
        )


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
    points = [{"id": 1, "vector": [1.0, 2.0]}, {"id": 2, "vector": {"x": [1.0, 2.0]}}, {"id": 3, "vector": [1.0, 2.0]}]
    assert error(put(http, points)) == (400, "Wrong input: Not existing vector name error: x")
    assert [p["id"] for p in stored(http)] == [1]
    answer = put(http, points[1:], wait="false")
    assert answer.json()["result"]["status"] == "acknowledged"
    assert [p["id"] for p in stored(http)] == [1]


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


def test_unknown_route_and_wrong_method_are_empty_404(http: httpx.Client) -> None:
    for method, path in (("GET", "/x"), ("POST", "/collections"), ("PUT", "/collections/t/points/scroll")):
        answer = http.request(method, path)
        assert (answer.status_code, answer.content) == (404, b"")


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


def test_rest_zips_only_for_those_who_ask(loopback_server: Server, http: httpx.Client) -> None:
    create(http)
    plain = http.get("/collections/t")
    assert "content-encoding" not in plain.headers
    zipped = http.get("/collections/t", headers={"accept-encoding": "gzip, deflate"})
    assert zipped.headers["content-encoding"] == "gzip"
    assert zipped.json()["result"] == plain.json()["result"]
    missing = http.get("/collections/none", headers={"accept-encoding": "gzip"})
    assert missing.headers["content-encoding"] == "gzip"


def test_zipped_requests_are_taken(http: httpx.Client) -> None:
    create(http)
    body = gzip.compress(b'{"points":[{"id":1,"vector":[1.0,2.0]}]}')
    answer = http.put("/collections/t/points?wait=true", content=body, headers={"content-encoding": "gzip"})
    assert answer.status_code == 200
    assert len(stored(http)) == 1


def test_grpc_zips_only_for_those_who_ask(loopback_server: Server, http: httpx.Client) -> None:
    create(http)
    put(http, [{"id": i, "vector": [1.0, 2.0], "payload": {"text": "x" * 1000}} for i in range(100)])
    request = proto.ScrollPoints(collection_name="t", limit=100)
    sizes = {}
    for name, options in (("gzip", []), ("identity", [("grpc.compression_enabled_algorithms_bitset", 1)])):
        with Relay(loopback_server.grpc_port) as relay:
            with grpc.insecure_channel(f"127.0.0.1:{relay.port}", options=options) as channel:
                ask = channel.unary_unary("/qdrant.Points/Scroll", proto.ScrollPoints.SerializeToString)
                answer = ask(request, timeout=30)
            sizes[name] = relay.moved["down"]
        assert len(proto.ScrollResponse.FromString(answer).result) == 100
    assert sizes["identity"] > 100_000
    assert sizes["gzip"] < 20_000


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
    assert stored(http)[0]["vector"] == {}


def test_unknown_grpc_method(loopback_server: Server) -> None:
    request = proto.ScrollPoints()
    with pytest.raises(grpc.RpcError) as caught:
        call(loopback_server, "/qdrant.Points/Nope", request, proto.ScrollResponse)
    assert caught.value.code() == grpc.StatusCode.UNIMPLEMENTED


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


def test_an_older_version_knows_less() -> None:
    slices = [{"must": [{"slice": {"total": 2, "index": i}}]} for i in range(2)]
    prefix = {"must": [{"key": "a", "match": {"prefix": "x"}}]}
    with Server.start(version="1.18.0") as server, httpx.Client(base_url=server.url, trust_env=False) as http:
        assert http.get("/").json()["version"] == "1.18.0"
        create(http)
        put(http, [{"id": i, "vector": [1.0, 2.0], "payload": {"slice": 1}} for i in range(20)])
        for filter_ in (slices[0], prefix):
            assert http.post("/collections/t/points/count", json={"filter": filter_}).status_code == 400
        condition = proto.Condition(slice=proto.SliceCondition(total=2, index=0))
        request = proto.CountPoints(collection_name="t", filter=proto.Filter(must=[condition]))
        assert call(server, "/qdrant.Points/Count", request, proto.CountResponse).result.count == 20
        field = proto.FieldCondition(key="a", match=proto.Match(prefix="x"))
        request = proto.CountPoints(collection_name="t", filter=proto.Filter(must=[proto.Condition(field=field)]))
        with pytest.raises(grpc.RpcError) as caught:
            call(server, "/qdrant.Points/Count", request, proto.CountResponse)
        assert caught.value.details() == "Malformed Match condition"


def test_vectors_of_older_servers_come_in_flat_fields() -> None:
    vectors = {"d": {"size": 2, "distance": "Dot"}, "m": {"size": 2, "distance": "Dot", "multivector_config": MAX_SIM}}
    given = {"d": [1.0, 2.0], "m": [[1.0, 2.0], [3.0, 4.0]], "s": {"indices": [3], "values": [0.5]}}
    request = proto.ScrollPoints(collection_name="t", with_vectors=proto.WithVectorsSelector(enable=True))
    for version in ("1.16.0", "1.17.0"):
        with Server.start(version=version) as server, httpx.Client(base_url=server.url, trust_env=False) as http:
            create(http, vectors=vectors, sparse_vectors={"s": {}})
            put(http, [{"id": 1, "vector": given}])
            found = call(server, "/qdrant.Points/Scroll", request, proto.ScrollResponse).result[0].vectors.vectors
        kinds = {name: one.WhichOneof("vector") for name, one in found.vectors.items()}
        if version == "1.16.0":
            assert kinds == {"d": None, "m": None, "s": None}
            dense, multi, sparse = (found.vectors[name] for name in "dms")
            assert list(dense.data) == [1.0, 2.0]
            assert (list(multi.data), multi.vectors_count) == ([1.0, 2.0, 3.0, 4.0], 2)
            assert (list(sparse.indices.data), list(sparse.data)) == ([3], [0.5])
        else:
            assert kinds == {"d": "dense", "m": "multi_dense", "s": "sparse"}


def test_slices_part_a_collection(http: httpx.Client) -> None:
    create(http)
    put(http, [{"id": i, "vector": [1.0, 2.0]} for i in range(200)])
    seen: list[int] = []
    for index in range(3):
        asked = {"limit": 1000, "filter": {"must": [{"slice": {"total": 3, "index": index}}]}}
        seen += [p["id"] for p in http.post("/collections/t/points/scroll", json=asked).json()["result"]["points"]]
    assert sorted(seen) == list(range(200))


def test_keys_on_both_wires() -> None:
    with Server.start(api_key="k", read_only_api_key="r") as server:
        with httpx.Client(base_url=server.url, trust_env=False) as http:
            assert http.get("/").status_code == 200
            assert http.get("/healthz").status_code == 200
            answer = http.get("/collections")
            assert (answer.status_code, answer.text) == (
                401, "Must provide an API key or an Authorization bearer token"
            )  # fmt: skip
            assert "content-type" not in answer.headers
            answer = http.get("/collections", headers={"api-key": "x"})
            assert (answer.status_code, answer.text) == (401, "Invalid API key or JWT")
            for headers in ({"api-key": "k"}, {"authorization": "Bearer k"}, {"api-key": "r"}):
                assert http.get("/collections", headers=headers).status_code == 200
            body = {"vectors": {"size": 2, "distance": "Dot"}}
            answer = http.put("/collections/t", json=body, headers={"api-key": "r"})
            assert error(answer)[0] == 403
            assert error(answer)[1].startswith("Forbidden: ")
            assert http.put("/collections/t", json=body, headers={"api-key": "k"}).status_code == 200
        call(server, "/qdrant.Qdrant/HealthCheck", proto.HealthCheckRequest(), proto.HealthCheckReply)
        count, kind = proto.CountPoints(collection_name="t"), proto.CountResponse
        for key, code in (
            (None, "UNAUTHENTICATED"),
            (("api-key", "x"), "UNAUTHENTICATED"),
            (("api-key", "r"), None),
            (("authorization", "Bearer k"), None),
        ):
            metadata = [key] if key else None
            if code is None:
                call(server, "/qdrant.Points/Count", count, kind, metadata=metadata)
                continue
            with pytest.raises(grpc.RpcError) as caught:
                call(server, "/qdrant.Points/Count", count, kind, metadata=metadata)
            assert caught.value.code().name == code
        drop, reader = proto.DeleteCollection(collection_name="t"), [("api-key", "r")]
        with pytest.raises(grpc.RpcError) as caught:
            call(server, "/qdrant.Collections/Delete", drop, proto.CollectionOperationResponse, metadata=reader)
        assert caught.value.code() == grpc.StatusCode.PERMISSION_DENIED


def test_tls_on_both_wires(tmp_path: Path) -> None:
    authority = trustme.CA()
    made = authority.issue_cert("127.0.0.1", "localhost")
    cert, key, ca = tmp_path / "cert.pem", tmp_path / "key.pem", tmp_path / "ca.pem"
    made.private_key_pem.write_to_path(key)
    cert.write_bytes(b"".join(blob.bytes() for blob in made.cert_chain_pems))
    authority.cert_pem.write_to_path(ca)
    with Server.start(tls=(cert, key)) as server:
        context = ssl.create_default_context(cafile=str(ca))
        assert httpx.get(server.url, verify=context, trust_env=False).status_code == 200
        with pytest.raises(httpx.ConnectError):
            httpx.get(server.url, trust_env=False)
        credentials = grpc.ssl_channel_credentials(ca.read_bytes())
        with grpc.secure_channel(f"127.0.0.1:{server.grpc_port}", credentials) as channel:
            ask = channel.unary_unary("/qdrant.Qdrant/HealthCheck", proto.HealthCheckRequest.SerializeToString)
            assert ask(proto.HealthCheckRequest(), timeout=30)


def test_the_server_ends_with_its_standard_input() -> None:
    server = Server.start()
    server.stop()
    assert server.process.returncode == 0
    with pytest.raises(httpx.ConnectError):
        httpx.get(server.url, trust_env=False)


def test_it_does_not_know_qframe() -> None:
    sources = Path(__file__).parent / "loopback"
    assert not [p.name for p in sources.glob("*.py") if re.search(r"^\s*(from|import) qframe", p.read_text(), re.M)]
