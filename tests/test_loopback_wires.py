"""The loopback server as a party on the wire: routes, compression, keys, TLS, older versions, its end."""

from __future__ import annotations

import gzip
import ssl
from collections.abc import Iterator
from pathlib import Path

import grpc
import httpx
import pytest
import trustme
from qdrant_client import grpc as proto

from tests.loopback.asking import call, create, error, put, stored
from tests.loopback.process import Server
from tests.loopback.relay import Relay

pytestmark = pytest.mark.loopback

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


def test_unknown_route_and_wrong_method_are_empty_404(http: httpx.Client) -> None:
    for method, path in (("GET", "/x"), ("POST", "/collections"), ("PUT", "/collections/t/points/scroll")):
        answer = http.request(method, path)
        assert (answer.status_code, answer.content) == (404, b"")


def test_unknown_grpc_method(loopback_server: Server) -> None:
    request = proto.ScrollPoints()
    with pytest.raises(grpc.RpcError) as caught:
        call(loopback_server, "/qdrant.Points/Nope", request, proto.ScrollResponse)
    assert caught.value.code() == grpc.StatusCode.UNIMPLEMENTED
