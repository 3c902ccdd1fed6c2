"""The loopback server answers 129 recorded requests as the real server (1.19.0) did.

Every request is sent again in its order, as raw JSON or protobuf bytes, and every answer compared with the
recorded one: status or code, headers or trailing metadata, and the body with the kinds of its numbers and the
operation numbers.
What is not compared stands in the tables below, each with its reason.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import httpx
import pytest
from google.protobuf.json_format import MessageToDict
from qdrant_client import grpc as proto

from tests.loopback.asking import settle
from tests.loopback.process import Server

pytestmark = pytest.mark.loopback

DATA = Path(__file__).parent / "data"
Record = dict[str, Any]


def recorded(name: str) -> list[Record]:
    return [json.loads(line) for line in (DATA / f"recorded_{name}.jsonl").read_text("utf-8").splitlines()]


REST, GRPC = recorded("rest"), recorded("grpc")

VOLATILE = {
    "time": "how long the server took",
    "commit": "the real server's build",
    "segments_count": "the engine makes its segments on demand, the server has two from the start",
}
"""Fields left out wherever they stand in a body."""

LOOSE_TEXT = {
    # the place is where the server's parser stood, which has read the condition ahead
    "filter substring": r"Format error in JSON body: data did not match any variant of untagged enum MatchInterface"
    r"( at line 1 column 96)?",
}
"""Refusals compared by a pattern, which must fit both."""


def _ids(body: Any) -> list[Any]:
    return [point["id"] for point in body["result"]["points"]]


LOOSE_ANSWER: dict[str, Callable[[Any], Any]] = {
    # the third place is a tie of points 0 and 1
    "query": lambda body: [body["result"]["points"][:2], [p["score"] for p in body["result"]["points"]]],
    "sample": lambda body: len(_ids(body)),  # random points
    "hybrid": _ids,  # points 5 and 6 tie in one of the fused lists, in either order, which changes a score
}
"""Answers of which only a part can be equal."""

DENSE = {"vectors": {"size": 4, "distance": "Dot"}}
LIMITED = {"strict_mode_config": {"enabled": True, "write_rate_limit": 10}}
BEFOREHAND = {
    "c": DENSE, "named": DENSE, "st": DENSE, "strict": DENSE, "strict2": DENSE | LIMITED, "v": DENSE, "w": DENSE,
}  # fmt: skip
"""Collections that were there when the recording began; it creates `named` and `strict` anew."""


@pytest.fixture(scope="module")
def loopback_server() -> Iterator[Server]:
    with Server.start(version="1.19.0", no_refill=True) as server:
        yield server


@pytest.fixture(scope="module")
def rest_answers(loopback_server: Server) -> list[httpx.Response]:
    """All REST requests sent once, in order."""
    headers = {"accept-encoding": "identity"}
    with httpx.Client(base_url=loopback_server.url, headers=headers, trust_env=False, timeout=60) as client:
        for name, config in BEFOREHAND.items():
            client.put(f"/collections/{name}", json=config).raise_for_status()
        return [sent(client, record) for record in REST]


def sent(client: httpx.Client, record: Record) -> httpx.Response:
    if record["name"] in ("create named", "create strict"):
        client.delete(record["path"]).raise_for_status()
    if record["name"] == "refused: rate limit":
        # The real server had charged the points of an earlier upsert twice; spend the two tokens here.
        points = [{"id": i, "vector": [0.0] * 4} for i in range(2)]
        client.put(record["path"], json={"points": points}).raise_for_status()
    body = record["body"]
    if record["name"] == "refused: too large":  # recorded by its beginning only
        body = '{"points":[' + " " * (33 * 2**20) + "]}"
    if body is not None and not isinstance(body, str):
        body = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    answer = client.request(record["method"], record["path"], params=record["params"], content=body)
    if "acknowledged" in answer.text:  # the recording took its time, and saw what it had written
        settle(client, record["path"].split("/")[2])
    return answer


@pytest.fixture(scope="module")
def grpc_answers(loopback_server: Server, rest_answers: list[httpx.Response]) -> list[Any]:
    """All gRPC requests sent once, after the REST ones: the message's bytes, or the error."""
    answers: list[Any] = []
    with grpc.insecure_channel(f"127.0.0.1:{loopback_server.grpc_port}") as channel:
        for record in GRPC:
            if record["name"] == "refused: deadline":  # its deadline was not recorded, only how it ended
                loopback_server.faults([{"wire": "grpc", "operation": "scroll", "action": "deadline"}])
            try:
                answers.append(channel.unary_unary(record["method"])(bytes.fromhex(record["request"]), timeout=30))
            except grpc.RpcError as error:
                answers.append(error)
    return answers


def names(records: list[Record]) -> list[str]:
    return [record["name"] for record in records]


def comparable(value: Any) -> Any:
    """A body without what is volatile."""
    if isinstance(value, dict):
        return {k: comparable(v) for k, v in value.items() if k not in VOLATILE}
    return [comparable(v) for v in value] if isinstance(value, list) else value


def text(value: Any) -> str:
    """JSON text in one order: unlike `==` it tells 1, 1.0, true and -0.0 apart."""
    return json.dumps(comparable(value), sort_keys=True, indent=1, ensure_ascii=False)


@pytest.mark.parametrize("at", range(len(REST)), ids=names(REST))
def test_rest_answer_is_the_real_servers(at: int, rest_answers: list[httpx.Response]) -> None:
    record, answer = REST[at], rest_answers[at]
    assert answer.status_code == record["status"], answer.text
    headers = {name: answer.headers.get(name) for name in record["headers"]}
    assert headers == record["headers"]
    if not record["answer"]:
        assert answer.text == ""
        return
    theirs, ours = json.loads(record["answer"]), answer.json()
    if pattern := LOOSE_TEXT.get(record["name"]):
        assert re.fullmatch(pattern, theirs["status"]["error"])
        assert re.fullmatch(pattern, ours["status"]["error"])
        return
    only = LOOSE_ANSWER.get(record["name"], lambda body: body)
    assert text(only(ours)) == text(only(theirs))


RESPONSES = {
    "HealthCheck": proto.HealthCheckReply,
    "CollectionExists": proto.CollectionExistsResponse,
    "Collections/Get": proto.GetCollectionInfoResponse,
    "List": proto.ListCollectionsResponse,
    "Scroll": proto.ScrollResponse,
    "Points/Get": proto.GetResponse,
    "Count": proto.CountResponse,
    "Upsert": proto.PointsOperationResponse,
    "Delete": proto.PointsOperationResponse,
    "UpdateBatch": proto.UpdateBatchResponse,
    "Facet": proto.FacetResponse,
    "QueryBatch": proto.QueryBatchResponse,
}


@pytest.mark.parametrize("at", range(len(GRPC)), ids=names(GRPC))
def test_grpc_answer_is_the_real_servers(at: int, grpc_answers: list[Any]) -> None:
    record, answer = GRPC[at], grpc_answers[at]
    if record["code"] != "OK":
        assert isinstance(answer, grpc.RpcError)
        assert answer.code().name == record["code"]
        assert answer.details() == record["details"]
        trailing = [list(pair) for pair in answer.trailing_metadata() if pair[0] == "retry-after"]
        assert trailing == record["trailing"]
        return
    assert isinstance(answer, bytes), answer
    kind = next(response for end, response in RESPONSES.items() if record["method"].endswith(end))
    theirs = MessageToDict(kind.FromString(bytes.fromhex(record["answer"])), preserving_proto_field_name=True)
    ours = MessageToDict(kind.FromString(answer), preserving_proto_field_name=True)
    assert text(ours) == text(theirs)
