"""Configurations, indexes and names of collections made for a frame; read by the official models and the engine."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from qdrant_client import models

from qframe.backends.description import vector_configs
from qframe.errors import FrameError, OptionError, UnsupportedError
from qframe.model.requests import CollectionInfo
from qframe.planning.identity import RandomIds
from qframe.vectors.role import VectorRole
from qframe.write.collection_config import collection_config, payload_indexes, same_configuration
from qframe.write.resolve import resolve, resolve_vectors
from qframe.write.roles import RoleOptions, Roles

PAIR = pa.list_(pa.float32(), 2)
SCHEMA = pa.schema(
    [
        ("id", pa.int64()),
        ("vector", PAIR),
        ("late", pa.list_(pa.list_(pa.float32(), 3))),
        ("bag", pa.struct([("indices", pa.list_(pa.uint32())), ("values", pa.list_(pa.float32()))])),
        ("yes", pa.bool_()),
        ("n", pa.uint8()),
        ("a.b", pa.int64()),
        ('"', pa.int64()),
        ("day", pa.date32()),
        ("at", pa.timestamp("us", "UTC")),
        ("kind", pa.dictionary(pa.int8(), pa.string())),
        ("level", pa.dictionary(pa.int8(), pa.int64())),
        ("text", pa.string()),
        ("price", pa.float64()),
        ("tags", pa.list_(pa.string())),
        ("took", pa.duration("s")),
    ]
)


def _roles(vector: Any) -> Roles:
    return resolve(SCHEMA, RoleOptions(vector=vector, payload=False), length=2)


def _parsed(config: dict[str, Any]) -> models.CreateCollection:
    """The body as the official model reads it; what it does not know is an error there."""
    return models.CreateCollection.model_validate(config)


def test_one_unnamed_vector() -> None:
    config = collection_config(_roles("vector"))
    assert config == {"vectors": {"size": 2, "distance": "Cosine"}}
    assert _parsed(config).vectors == models.VectorParams(size=2, distance=models.Distance.COSINE)


def test_everything_at_once() -> None:
    config = collection_config(
        _roles(["vector", "late", "bag"]),
        distance={"": "DOT", "late": "Manhattan"},
        on_disk=True,
        datatype="float16",
        quantization={"scalar": {"type": "int8"}},
        shard_number=2,
        replication_factor=1,
        config={"on_disk_payload": True, "vectors": {"late": {"hnsw_config": {"m": 4}}}},
    )
    parsed = _parsed(config)
    assert parsed.vectors[""] == models.VectorParams(
        size=2, distance=models.Distance.DOT, on_disk=True, datatype=models.Datatype.FLOAT16
    )
    assert parsed.vectors["late"] == models.VectorParams(
        size=3,
        distance=models.Distance.MANHATTAN,
        on_disk=True,
        datatype=models.Datatype.FLOAT16,
        multivector_config=models.MultiVectorConfig(comparator=models.MultiVectorComparator.MAX_SIM),
        hnsw_config=models.HnswConfigDiff(m=4),
    )
    assert parsed.sparse_vectors == {"bag": models.SparseVectorParams()}
    assert parsed.quantization_config.scalar.type == models.ScalarType.INT8
    assert (parsed.shard_number, parsed.replication_factor, parsed.on_disk_payload) == (2, 1, True)


@pytest.mark.parametrize(
    ("vector", "given", "expected"),
    [
        ("vector", {"hnsw_config": {"m": 4}}, {"size": 2, "distance": "Cosine", "hnsw_config": {"m": 4}}),
        ("vector", {"size": 9}, {"size": 9, "distance": "Cosine"}),
        ("vector", {"d": {"size": 9, "distance": "Dot"}}, {"d": {"size": 9, "distance": "Dot"}}),
        ({"d": "vector"}, {"size": 9, "distance": "Dot"}, {"size": 9, "distance": "Dot"}),
        ({"d": "vector"}, {"d": {"on_disk": True}}, {"d": {"size": 2, "distance": "Cosine", "on_disk": True}}),
        (False, {"d": {"size": 9, "distance": "Dot"}}, {"d": {"size": 9, "distance": "Dot"}}),
    ],
)
def test_what_the_caller_configures_wins(vector: Any, given: Any, expected: Any) -> None:
    assert collection_config(_roles(vector), config={"vectors": given})["vectors"] == expected


@pytest.mark.parametrize("distance", ["cosine", "Cosine", "dot", "DOT", "euclid", "manhattan"])
def test_distances_in_any_case(distance: str) -> None:
    config = collection_config(_roles("vector"), distance=distance)
    assert _parsed(config).vectors.distance.value.lower() == distance.lower()


@pytest.mark.parametrize(
    ("distance", "words"),
    [
        ("cosin", "Did you mean 'cosine'?"),
        ("l2", "'euclid'"),
        (5, "distance=5"),
        ({"other": "dot"}, "no vector 'other'"),
        ({"": "x"}, "distance='x'"),
    ],
)
def test_distances_that_are_none(distance: Any, words: str) -> None:
    with pytest.raises(OptionError) as caught:
        collection_config(_roles("vector"), distance=distance)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("role", "words"),
    [
        (VectorRole("e", "dense", ("e",), dim=None), "no row"),
        (VectorRole("e", "dense", ("e",), dim=65537), "at most 65536"),
        (VectorRole("a/b", "dense", ("a/b",), dim=2), "'/' in it"),
        (VectorRole("x" * 201, "dense", ("e",), dim=2), "200 bytes"),
        (VectorRole("a:b", "sparse", ()), "':' in it"),
    ],
)
def test_vectors_that_no_collection_can_have(role: VectorRole, words: str) -> None:
    with pytest.raises(FrameError) as caught:
        collection_config(Roles(RandomIds(0), (role,)))
    assert words in str(caught.value)


def test_shards_are_not_made() -> None:
    for roles in (Roles(RandomIds(0), shard_key="x"), Roles(RandomIds(0), shard_column="x")):
        with pytest.raises(UnsupportedError, match="sharding_method='custom'"):
            collection_config(roles)


def test_indexes_that_suggest_themselves() -> None:
    roles = resolve_vectors(SCHEMA, ["vector", "late", "bag"])
    assert payload_indexes(SCHEMA, roles, "auto") == {
        "yes": "bool",
        "n": "integer",
        '"a.b"': "integer",
        "day": "datetime",
        "at": "datetime",
        "kind": "keyword",
        "level": "integer",
    }
    assert payload_indexes(SCHEMA, roles, None) == {}
    sharded = Roles(RandomIds(0), payload=("text", "price"), shard_column="text")
    assert payload_indexes(SCHEMA, sharded, "auto") == {"text": "keyword"}


def test_indexes_as_they_are_given() -> None:
    wanted = {"text": "text", "a.b": {"type": "keyword", "is_tenant": True}}
    assert payload_indexes(SCHEMA, _roles("vector"), wanted) == wanted
    for bad in ({"text": "string"}, "all", ["text"]):
        with pytest.raises(OptionError, match="indexes="):
            payload_indexes(SCHEMA, _roles("vector"), bad)


def test_the_winner_of_a_race_may_have_made_the_same() -> None:
    config = collection_config(_roles(["vector", "late", "bag"]), on_disk=True)
    info = CollectionInfo("places", tuple(reversed(vector_configs(config))), points=5)
    assert same_configuration(info, config)
    for other in (
        collection_config(_roles(["vector", "late"])),
        collection_config(_roles(["vector", "late", "bag"]), distance="dot"),
        collection_config(_roles({"": np.ones((2, 3)), "late": "late", "bag": "bag"})),
        collection_config(_roles(["vector", "late", "bag"]), datatype="uint8"),
    ):
        assert not same_configuration(info, other)
