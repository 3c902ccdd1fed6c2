"""Fault rules, the request log and the TCP relay do what they say, on both wires."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import grpc
import httpx
import pytest
from qdrant_client import QdrantClient, models
from qdrant_client import grpc as proto

from tests.loopback.process import Server
from tests.loopback.relay import Relay

pytestmark = pytest.mark.loopback

NAME = "faulty"
POINT = {"id": 1, "vector": [1.0, 2.0], "payload": {"a": 1}}


@pytest.fixture(scope="module")
def running() -> Iterator[Server]:
    with Server.start() as server:
        yield server


@pytest.fixture
def loopback_server(running: Server) -> Iterator[Server]:
    httpx.delete(f"{running.url}/collections/{NAME}")
    create = {"vectors": {"size": 2, "distance": "Dot"}}
    httpx.put(f"{running.url}/collections/{NAME}", json=create).raise_for_status()
    running.clear()
    yield running
    running.clear()


def put(server: Server, port: int | None = None, timeout: float = 30, **point: Any) -> httpx.Response:
    url = f"http://127.0.0.1:{port or server.rest_port}/collections/{NAME}/points?wait=true"
    return httpx.put(url, json={"points": [POINT | point]}, timeout=timeout, trust_env=False)


def upsert(
    server: Server, port: int | None = None, timeout: float = 30, number: int = 1, again: bool = False
) -> proto.PointsOperationResponse:
    vectors = proto.Vectors(vector=proto.Vector(dense=proto.DenseVector(data=[1.0, 2.0])))
    point = proto.PointStruct(id=proto.PointId(num=number), vectors=vectors)
    request = proto.UpsertPoints(collection_name=NAME, wait=True, points=[point])
    with grpc.insecure_channel(f"127.0.0.1:{port or server.grpc_port}") as channel:
        call = channel.unary_unary(
            "/qdrant.Points/Upsert",
            proto.UpsertPoints.SerializeToString,
            proto.PointsOperationResponse.FromString,
        )
        # after a failure grpc holds the address back for a while, for new channels too
        return call(request, timeout=timeout, wait_for_ready=again)


def refused(call: Callable[[], Any]) -> grpc.RpcError:
    with pytest.raises(grpc.RpcError) as caught:
        call()
    return caught.value


def _until(look: Callable[[], Any], wanted: Any) -> None:
    while look() != wanted:
        time.sleep(0.01)


def stored(server: Server) -> int:
    answer = httpx.post(f"{server.url}/collections/{NAME}/points/count", json={})
    return answer.json()["result"]["count"]


@pytest.mark.parametrize(
    ("rule", "status", "code", "words"),
    [
        ({"action": "throttle", "retry_after": 3}, 429, "RESOURCE_EXHAUSTED", "Retry after 3s"),
        ({"action": "throttle"}, 429, "RESOURCE_EXHAUSTED", "please try to split your request"),
        ({"action": "unavailable"}, 503, "UNAVAILABLE", "unavailable"),
        ({"action": "error"}, 500, "INTERNAL", "internal error"),
        ({"action": "too_large"}, 400, "INVALID_ARGUMENT", "is larger than allowed"),
        ({"action": "refuse", "ids": [1]}, 400, "INVALID_ARGUMENT", "cannot be stored"),
        ({"action": "deadline"}, 408, "CANCELLED", "Timeout expired"),
    ],
)
def test_a_refusal_applies_nothing(
    loopback_server: Server, rule: dict[str, Any], status: int, code: str, words: str
) -> None:
    loopback_server.faults([rule])
    answer, error = put(loopback_server), refused(lambda: upsert(loopback_server))
    assert (answer.status_code, error.code().name) == (status, code)
    assert words in answer.json()["status"]["error"]
    assert words in error.details()
    wait = rule.get("retry_after")
    assert answer.headers.get("retry-after") == (None if wait is None else str(wait))
    trailing = dict(error.trailing_metadata())
    assert trailing.get("retry-after") == (None if wait is None else str(wait))
    assert loopback_server.fired() == [2]
    loopback_server.clear()
    assert stored(loopback_server) == 0


def test_refuse_takes_only_the_ids_of_the_rule(loopback_server: Server) -> None:
    loopback_server.faults([{"action": "refuse", "ids": [7]}])
    assert put(loopback_server, id=6).status_code == 200
    answer = put(loopback_server, id=7)
    assert answer.status_code == 400
    assert "7" not in answer.json()["status"]["error"]
    assert upsert(loopback_server, number=8).result.status == proto.UpdateStatus.Completed
    assert refused(lambda: upsert(loopback_server, number=7)).code().name == "INVALID_ARGUMENT"
    assert stored(loopback_server) == 2


def test_skip_times_wire_and_operation(loopback_server: Server) -> None:
    rule = {"wire": "rest", "operation": "upsert", "skip": 1, "times": 2, "action": "unavailable"}
    loopback_server.faults([rule])
    assert upsert(loopback_server).result.status == proto.UpdateStatus.Completed
    assert stored(loopback_server) == 1
    assert [put(loopback_server).status_code for _ in range(4)] == [200, 503, 503, 200]
    assert loopback_server.fired() == [2]


@pytest.mark.parametrize(("action", "kept"), [("drop", 0), ("drop_after", 1), ("half", 1)])
def test_a_lost_connection(loopback_server: Server, action: str, kept: int) -> None:
    loopback_server.faults([{"operation": "upsert", "action": action}])
    with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
        put(loopback_server)
    assert stored(loopback_server) == kept
    assert refused(lambda: upsert(loopback_server, number=2)).code().name == "UNAVAILABLE"
    assert stored(loopback_server) == 2 * kept


def test_half_an_answer_is_half_its_bytes(loopback_server: Server) -> None:
    loopback_server.faults([{"action": "half"}])
    got = []
    with httpx.stream("GET", f"{loopback_server.url}/collections", trust_env=False) as answer:
        with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
            got.extend(answer.iter_raw())
        whole = int(answer.headers["content-length"])
    assert len(b"".join(got)) == whole // 2


def test_wait_timeout_is_applied(loopback_server: Server) -> None:
    loopback_server.faults([{"operation": "upsert", "action": "wait_timeout"}])
    assert put(loopback_server).json()["result"]["status"] == "wait_timeout"
    assert upsert(loopback_server, number=2).result.status == proto.UpdateStatus.WaitTimeout
    assert stored(loopback_server) == 2


def test_delay_and_silence(loopback_server: Server) -> None:
    loopback_server.faults([{"action": "delay", "seconds": 0.5, "times": 2}])
    for call in (put, upsert):
        began = time.perf_counter()
        call(loopback_server)
        assert time.perf_counter() - began >= 0.5
    loopback_server.clear()
    loopback_server.faults([{"operation": "upsert", "action": "silence"}])
    with pytest.raises(httpx.ReadTimeout):
        put(loopback_server, timeout=0.5)
    error = refused(lambda: upsert(loopback_server, timeout=0.5))
    assert error.code().name == "DEADLINE_EXCEEDED"


def test_the_version_routes_take_faults(loopback_server: Server) -> None:
    loopback_server.faults([{"operation": "health", "action": "unavailable", "times": 2}])
    assert [httpx.get(loopback_server.url, trust_env=False).status_code for _ in range(3)] == [503, 503, 200]


def test_an_unknown_rule_is_refused(loopback_server: Server) -> None:
    for rules in ([{"action": "explode"}], [{"action": "drop", "port": 1}], [{}]):
        assert httpx.post(f"{loopback_server.url}/__faults", content=json.dumps(rules)).status_code == 400


def test_the_log(loopback_server: Server) -> None:
    put(loopback_server)
    upsert(loopback_server)
    upsert(loopback_server)
    log = loopback_server.requests()
    assert log["counts"] == {"rest/upsert": 1, "grpc/upsert": 2}
    assert log["points"] == {"rest/upsert": 1, "grpc/upsert": 2}
    first = log["requests"][0]
    assert first["collection"] == NAME
    assert first["bytes"] == len(httpx.Request("PUT", "http://x", json={"points": [POINT]}).content)
    assert "gzip" in first["accept_encoding"]
    loopback_server.clear()
    overlaps = {"ids": 0, "requests": 0}
    assert loopback_server.requests() == {"counts": {}, "points": {}, "requests": [], "overlaps": overlaps}


@pytest.mark.parametrize("wire", ["rest", "grpc"])
def test_the_official_client_waits_as_told(loopback_server: Server, wire: str) -> None:
    loopback_server.faults([{"action": "throttle", "retry_after": 1, "times": 1, "operation": "upsert"}])
    client = QdrantClient(
        url=loopback_server.url, grpc_port=loopback_server.grpc_port, prefer_grpc=wire == "grpc", trust_env=False
    )
    with pytest.warns(UserWarning, match="Waiting for 1 seconds"):
        client.upload_points(NAME, [models.PointStruct(id=5, vector=[0.0, 1.0])], wait=True)
    client.close()
    assert loopback_server.requests()["counts"][f"{wire}/upsert"] == 2
    assert stored(loopback_server) == 1


def test_relay_refuses_and_takes_again(loopback_server: Server) -> None:
    with Relay(loopback_server.rest_port) as relay:
        assert put(loopback_server, relay.port).status_code == 200
        relay.refuse()
        with pytest.raises(httpx.ConnectError):
            put(loopback_server, relay.port)
        relay.accept()
        assert put(loopback_server, relay.port).status_code == 200
    with Relay(loopback_server.grpc_port) as relay:
        relay.refuse()
        assert refused(lambda: upsert(loopback_server, relay.port)).code().name == "UNAVAILABLE"
        relay.accept()
        upsert(loopback_server, relay.port, again=True)


def test_relay_resets_open_connections(loopback_server: Server) -> None:
    with Relay(loopback_server.rest_port) as relay:
        loopback_server.faults([{"operation": "upsert", "action": "silence", "times": 1}])
        resetting = threading.Thread(target=lambda: (_until(loopback_server.fired, [1]), relay.reset()))
        resetting.start()
        with pytest.raises((httpx.ReadError, httpx.RemoteProtocolError)):
            put(loopback_server, relay.port)
        resetting.join()
        assert put(loopback_server, relay.port).status_code == 200


@pytest.mark.parametrize(("direction", "kept"), [("up", 0), ("down", 1)])
def test_relay_cuts_in_the_middle(loopback_server: Server, direction: Any, kept: int) -> None:
    with Relay(loopback_server.rest_port) as relay:
        relay.cut(40, direction)
        with pytest.raises(httpx.TransportError):
            put(loopback_server, relay.port)
        assert relay.moved[direction] == 40
        assert stored(loopback_server) == kept
        assert put(loopback_server, relay.port).status_code == 200
    with Relay(loopback_server.grpc_port) as relay:
        relay.cut(60, direction)
        assert refused(lambda: upsert(loopback_server, relay.port, timeout=10)).code().name == "UNAVAILABLE"
        upsert(loopback_server, relay.port, again=True)


def test_relay_stalls_and_resumes(loopback_server: Server) -> None:
    with Relay(loopback_server.rest_port) as relay:
        relay.stall()
        with pytest.raises(httpx.ReadTimeout):
            put(loopback_server, relay.port, timeout=0.3)
        assert stored(loopback_server) == 0
        relay.resume()
        assert put(loopback_server, relay.port).status_code == 200


def test_start_up_failure_shows_why() -> None:
    with pytest.raises(RuntimeError, match="No such file"):
        Server.start(tls=("no.pem", "no.key"))
