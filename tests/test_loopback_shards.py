"""Custom sharding of the loopback server as the official client sees it, in the words of the reference."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from qdrant_client import QdrantClient, models
from qdrant_client.http.exceptions import UnexpectedResponse

from tests.loopback.process import Server

pytestmark = pytest.mark.loopback

NAME = "qframe_test_loopback_shards"
VECTOR = models.VectorParams(size=2, distance=models.Distance.DOT)


@pytest.fixture(params=["rest", "grpc"])
def client(request: pytest.FixtureRequest, loopback: Server) -> Iterator[QdrantClient]:
    """A client, and a collection with the shard keys "a" and 7."""
    prefer = request.param == "grpc"
    made = QdrantClient(url=loopback.url, grpc_port=loopback.grpc_port, prefer_grpc=prefer, trust_env=False)
    made.create_collection(NAME, vectors_config=VECTOR, sharding_method=models.ShardingMethod.CUSTOM)
    for key in ("a", 7):
        assert made.create_shard_key(NAME, key)
    yield made
    made.delete_collection(NAME)
    made.close()


def put(client: QdrantClient, key: str | int | None, *ids: int) -> None:
    points = [models.PointStruct(id=i, vector=[i, 1.0], payload={"of": str(key), "n": i}) for i in ids]
    client.upsert(NAME, points, shard_key_selector=key)


def refusal(call: object, *given: object, **options: object) -> str:
    with pytest.raises(Exception, match="hard") as error:  # RpcError or UnexpectedResponse, with the server's words
        call(*given, **options)  # type: ignore[operator]
    found = error.value
    return str(found.content if isinstance(found, UnexpectedResponse) else found.details())  # type: ignore[attr-defined]


def test_points_lie_under_their_key(client: QdrantClient) -> None:
    put(client, "a", 1, 2, 3)
    put(client, 7, 3, 4)
    assert client.count(NAME).count == 5
    assert client.count(NAME, shard_key_selector="a").count == 3
    every, after = client.scroll(NAME, limit=3)
    # An id under two keys is shown once.
    assert [point.id for point in every] == [1, 2, 3]
    rest, end = client.scroll(NAME, limit=3, offset=after)
    assert [(point.id, point.shard_key) for point in rest] == [(4, 7)]
    assert end is None
    mine, _ = client.scroll(NAME, shard_key_selector=7)
    assert [(point.id, point.payload["of"], point.shard_key) for point in mine] == [(3, "7", 7), (4, "7", 7)]
    assert [point.id for point in client.retrieve(NAME, [1, 3], shard_key_selector=7)] == [3]
    assert [point.id for point in client.retrieve(NAME, [1, 4])] == [1, 4]
    hits = client.query_points(NAME, query=[1.0, 0.0], shard_key_selector="a", limit=1).points
    assert [(hit.id, hit.shard_key) for hit in hits] == [(3, "a")]


def test_writes_change_one_shard(client: QdrantClient) -> None:
    put(client, "a", 1, 2)
    put(client, 7, 1)
    client.set_payload(NAME, {"n": 0}, points=[1], shard_key_selector=7)
    assert client.retrieve(NAME, [1], shard_key_selector="a")[0].payload["n"] == 1
    assert client.retrieve(NAME, [1], shard_key_selector=7)[0].payload["n"] == 0
    assert "No point with id 2 found" in refusal_of_missing(client)
    client.batch_update_points(
        NAME,
        [
            models.DeleteOperation(delete=models.PointIdsList(points=[1], shard_key="a")),
            models.ClearPayloadOperation(clear_payload=models.PointIdsList(points=[1], shard_key=7)),
        ],
    )
    assert [(point.id, point.payload, point.shard_key) for point in client.scroll(NAME)[0]] == [
        (1, {}, 7),
        (2, {"of": "a", "n": 2}, "a"),
    ]


def refusal_of_missing(client: QdrantClient) -> str:
    with pytest.raises(Exception, match="No point") as error:
        client.set_payload(NAME, {"n": 0}, points=[2], shard_key_selector=7)
    return str(error.value)


def test_refusals(client: QdrantClient) -> None:
    point = [models.PointStruct(id=1, vector=[1.0, 2.0])]
    assert "Shard key not specified" in refusal(client.upsert, NAME, point)
    assert "Shard key not specified" in refusal(client.delete, NAME, [1])
    assert "not found" in refusal(client.upsert, NAME, point, shard_key_selector="b")
    assert "not found" in refusal(client.upsert, NAME, point, shard_key_selector="7")
    assert "not found" in refusal(client.count, NAME, shard_key_selector="b")
    assert "not found" in refusal(client.scroll, NAME, shard_key_selector=["a", "b"])
    assert "already exists" in refusal(client.create_shard_key, NAME, "a")
    assert client.count(NAME).count == 0


def test_keys_come_and_go(client: QdrantClient) -> None:
    put(client, 7, 1)
    client.create_payload_index(NAME, "of", models.PayloadSchemaType.KEYWORD)
    assert client.create_shard_key(NAME, "late")
    put(client, "late", 2, 3)
    assert {hit.value: hit.count for hit in client.facet(NAME, "of").hits} == {"7": 1, "late": 2}
    info = client.get_collection(NAME)
    assert (info.points_count, info.payload_schema["of"].points) == (3, 3)
    assert info.config.params.sharding_method == models.ShardingMethod.CUSTOM
    keys = [shard.shard_key for shard in client.http.distributed_api.collection_cluster_info(NAME).result.local_shards]
    assert keys == ["a", 7, "late"]
    assert client.delete_shard_key(NAME, "late")
    assert client.count(NAME).count == 1
