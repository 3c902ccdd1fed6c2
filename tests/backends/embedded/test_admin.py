"""Collections and payload indexes: what is made, described, refused and dropped."""

from typing import Any

import pyarrow as pa
import pytest
from qdrant_client import models

from qframe.backends import embedded
from qframe.backends.embedded.backend import EmbeddedBackend
from qframe.model.outcome import Fault
from qframe.model.requests import Create, CreateIndex, Describe, Drop, DropIndex, Exists, ListCollections, VectorConfig
from tests.backends.embedded.steps import COLLECTION, TIMEOUT, count, created, numbers, points, stored

DENSE = {"size": 4, "distance": "Cosine"}
QUANTIZATIONS: list[dict[str, Any]] = [
    {"scalar": {"type": "int8", "quantile": 0.99, "always_ram": True}},
    {"product": {"compression": "x16"}},
    {"binary": {"encoding": "one_and_half_bits", "query_encoding": "scalar8bits"}},
    {"binary": {}},
    {"turbo": {"bits": "bits1_5"}},
]
CONFIGS: list[dict[str, Any]] = [
    {"vectors": DENSE},
    {"vectors": {"a": DENSE, "b": {"size": 65536, "distance": "Manhattan", "datatype": "float16", "on_disk": True}}},
    {"vectors": {"size": DENSE}},
    {},
    {"vectors": {}},
    {"vectors": {"": {**DENSE, "datatype": "uint8", "memory": "cached"}}},
    {"sparse_vectors": {"s": {"modifier": "idf", "index": {"on_disk": True, "datatype": "float16"}}}},
    {
        "vectors": {
            **DENSE,
            "hnsw_config": {"m": 4, "ef_construct": 20},
            "multivector_config": {"comparator": "max_sim"},
        }
    },
    *({"vectors": DENSE, "quantization_config": config} for config in QUANTIZATIONS),
    *({"vectors": {**DENSE, "quantization_config": config}} for config in QUANTIZATIONS),
    {"vectors": DENSE, "hnsw_config": {"m": 0, "payload_m": 8, "max_indexing_threads": None}},
    {
        "vectors": DENSE,
        "shard_number": 1,
        "replication_factor": 1,
        "write_consistency_factor": 1,
        "sharding_method": "auto",
        "on_disk_payload": True,
        "optimizers_config": {"indexing_threshold": 0, "flush_interval_sec": 5},
        "wal_config": {"wal_capacity_mb": 1},
        "strict_mode_config": {"enabled": False},
        "metadata": {"owner": "me"},
        "payload": {"memory": "cold"},
    },
]
BAD_CONFIGS: list[tuple[dict[str, Any], str, str]] = [
    ({"vectors": DENSE, "shard_number": 2}, "unsupported", "shard_number=2"),
    ({"vectors": DENSE, "replication_factor": 2}, "unsupported", "replication_factor=2"),
    ({"vectors": DENSE, "sharding_method": "custom"}, "unsupported", "sharding_method='custom'"),
    ({"vectors": DENSE, "strict_mode_config": {"enabled": True}}, "unsupported", "strict mode"),
    ({"vectors": {**DENSE, "datatype": "turbo4"}}, "unsupported", "datatype 'turbo4'"),
    ({"vectors": DENSE, "vektors": DENSE}, "", "unknown field `vektors`"),
    ({"vectors": {**DENSE, "dim": 3}}, "", "unknown field `vectors[''].dim`"),
    ({"vectors": {"size": 0, "distance": "Dot"}}, "", "size must be an integer from 1"),
    ({"vectors": {"size": 65537, "distance": "Dot"}}, "", "size must be an integer from 1"),
    ({"vectors": {"size": 4.0, "distance": "Dot"}}, "", "size must be an integer from 1"),
    ({"vectors": {"size": 4, "distance": "cosine"}}, "", "unknown distance 'cosine'"),
    ({"vectors": {"size": 4}}, "", "unknown distance None"),
    ({"vectors": {"a/b": DENSE}}, "", "cannot contain '/'"),
    ({"vectors": {"n" * 201: DENSE}}, "", "longer than 200 bytes"),
    ({"vectors": {**DENSE, "multivector_config": {"comparator": "mean"}}}, "", "comparator 'mean'"),
    ({"vectors": DENSE, "quantization_config": {"magic": {}}}, "", "quantization_config.magic"),
    ({"vectors": DENSE, "quantization_config": {"product": {"compression": "x3"}}}, "", "unknown compression 'x3'"),
    ({"vectors": DENSE, "quantization_config": {"scalar": {"type": "int4"}}}, "", "int8 only"),
    ({"vectors": DENSE, "hnsw_config": {"em": 3}}, "", "hnsw_config.em"),
    ({"vectors": DENSE, "hnsw_config": {"m": "many"}}, "", "HnswIndexConfig"),
    ({"vectors": DENSE, "hnsw_config": 5}, "", "expected an object"),
    ({"vectors": DENSE, "quantization_config": {"binary": {}, "turbo": {}}}, "", "expected one of"),
    ({"vectors": {"a": 5}}, "", "expected an object"),
    ({"vectors": [DENSE]}, "", "vectors: expected an object"),
    ({"vectors": DENSE, "on_disk_payload": "yes"}, "", "EdgeConfig"),
    ({"vectors": {**DENSE, "memory": "warm"}}, "", "unknown memory 'warm'"),
    ({"sparse_vectors": {"s": {"modifier": "bm25"}}}, "", "unknown modifier 'bm25'"),
]


@pytest.mark.parametrize("config", CONFIGS, ids=str)
def test_configurations(backend: EmbeddedBackend, folder, config: dict[str, Any]) -> None:
    models.CreateCollection.model_validate(config)
    created(backend, config)
    described = backend.admin(Describe(COLLECTION), TIMEOUT)
    assert (described.name, described.points, described.status, described.sharding) == (COLLECTION, 0, "green", "auto")
    for key in ("vectors", "sparse_vectors"):
        assert described.config["params"].get(key) == config.get(key)
    backend.close()
    again = embedded.open(str(folder))
    assert again.admin(Describe(COLLECTION), TIMEOUT) == described
    again.close()


@pytest.mark.parametrize(("config", "cause", "message"), BAD_CONFIGS, ids=lambda item: str(item)[:60])
def test_configurations_refused(backend: EmbeddedBackend, config: dict[str, Any], cause: str, message: str) -> None:
    answer = backend.admin(Create(COLLECTION, config), TIMEOUT)
    assert isinstance(answer, Fault)
    assert (answer.kind, answer.applied, answer.cause) == ("refused", "no", cause)
    assert message in answer.message
    assert backend.admin(ListCollections(), TIMEOUT) == []


@pytest.mark.parametrize("name", ["", "n" * 256, "a/b", "a:b", "a\0b", "what?"])
def test_names_refused(backend: EmbeddedBackend, name: str) -> None:
    answer = backend.admin(Create(name, {"vectors": DENSE}), TIMEOUT)
    assert isinstance(answer, Fault)
    assert "collection name" in answer.message


def test_names_may_be_odd(backend: EmbeddedBackend) -> None:
    names = ["Ärger mit.Punkten", "n" * 255, " ", ".."]
    for name in names:
        created(backend, name=name)
    assert backend.admin(ListCollections(), TIMEOUT) == sorted(names)


def test_vectors_described(backend: EmbeddedBackend) -> None:
    created(
        backend,
        {
            "vectors": {
                "b": {**DENSE, "datatype": "uint8"},
                "a": {"size": 2, "distance": "Euclid", "multivector_config": {"comparator": "max_sim"}},
            },
            "sparse_vectors": {"s": {}},
        },
    )
    assert backend.admin(Describe(COLLECTION), TIMEOUT).vectors == (
        VectorConfig("a", "multi", 2, "Euclid"),
        VectorConfig("b", "dense", 4, "Cosine", "uint8"),
        VectorConfig("s", "sparse"),
    )


def test_create_exists_drop(backend: EmbeddedBackend) -> None:
    assert backend.admin(Exists(COLLECTION), TIMEOUT) is False
    created(backend)
    assert backend.admin(Exists(COLLECTION), TIMEOUT) is True
    stored(backend, points(numbers(1)))
    again = backend.admin(Create(COLLECTION, {"vectors": DENSE}), TIMEOUT)
    assert isinstance(again, Fault)
    assert again.cause == "exists"
    assert again.message == f"Wrong input: Collection `{COLLECTION}` already exists!"
    assert count(backend) == 1
    assert backend.admin(Drop(COLLECTION), TIMEOUT) is True
    assert backend.admin(Drop(COLLECTION), TIMEOUT) is False
    created(backend)
    assert count(backend) == 0


def test_describing_what_is_not_there(backend: EmbeddedBackend) -> None:
    answer = backend.admin(Describe("nowhere"), TIMEOUT)
    assert isinstance(answer, Fault)
    assert (answer.kind, answer.cause) == ("fatal", "collection")
    assert answer.message == "Not found: Collection `nowhere` doesn't exist!"


INDEXES: list[tuple[str | dict[str, Any], str]] = [
    *((kind, kind) for kind in ("keyword", "integer", "float", "geo", "text", "bool", "datetime", "uuid")),
    ({"type": "keyword", "is_tenant": True, "prefix": True}, "keyword"),
    ({"type": "integer", "lookup": True, "range": False, "on_disk": True}, "integer"),
    ({"type": "uuid", "is_tenant": True, "memory": "cold"}, "uuid"),
    (
        {
            "type": "text",
            "tokenizer": "word",
            "min_token_len": 2,
            "max_token_len": 20,
            "lowercase": True,
            "phrase_matching": True,
            "stopwords": {"languages": ["english"], "custom": ["qdrant"]},
            "stemmer": {"type": "snowball", "language": "english"},
        },
        "text",
    ),
    ({"type": "text", "stopwords": "german"}, "text"),
]


@pytest.mark.parametrize(("schema", "kind"), INDEXES, ids=str)
def test_indexes(backend: EmbeddedBackend, folder, schema: str | dict[str, Any], kind: str) -> None:
    created(backend)
    stored(backend, points(numbers(1), payload={"f": pa.array(["x"])}))
    assert backend.admin(CreateIndex(COLLECTION, "f", schema), TIMEOUT) is True
    assert backend.admin(CreateIndex(COLLECTION, "f", schema), TIMEOUT) is True
    assert backend.admin(Describe(COLLECTION), TIMEOUT).indexes == {"f": kind}
    backend.close()
    again = embedded.open(str(folder))
    assert again.admin(Describe(COLLECTION), TIMEOUT).indexes == {"f": kind}
    assert again.admin(DropIndex(COLLECTION, "f"), TIMEOUT) is True
    assert again.admin(DropIndex(COLLECTION, "f"), TIMEOUT) is True
    assert again.admin(Describe(COLLECTION), TIMEOUT).indexes == {}
    again.close()


@pytest.mark.parametrize(
    ("field", "schema", "message"),
    [
        ("f", "varchar", "unknown index type 'varchar'"),
        ("f", {"lookup": True}, "unknown index type None"),
        ("f", {"type": "keyword", "lookup": True}, "unknown field `field_schema.lookup`"),
        ("f", {"type": "integer", "lookup": "yes"}, "IntegerIndexParams"),
        ("f", {"type": "text", "tokenizer": "letters"}, "unknown tokenizer 'letters'"),
        ("f", {"type": "text", "stemmer": {"type": "porter"}}, "unknown stemmer 'porter'"),
        ("f[", "keyword", "invalid JSON path f["),
    ],
)
def test_indexes_refused(backend: EmbeddedBackend, folder, field: str, schema: Any, message: str) -> None:
    created(backend)
    stored(backend, points(numbers(1)))
    answer = backend.admin(CreateIndex(COLLECTION, field, schema), TIMEOUT)
    assert isinstance(answer, Fault)
    assert (answer.kind, answer.applied) == ("refused", "no")
    assert message in answer.message
    backend.close()
    again = embedded.open(str(folder))
    assert count(again) == 1
    again.close()


def test_a_nested_index_that_makes_no_sense(backend: EmbeddedBackend, folder) -> None:
    created(backend)
    answer = backend.admin(CreateIndex(COLLECTION, "f", {"type": "integer", "nested": "offers"}), TIMEOUT)
    assert isinstance(answer, Fault)
    assert answer.kind == "refused"
    stored(backend, points(numbers(1)))
    backend.close()
    again = embedded.open(str(folder))
    assert count(again) == 1
    again.close()
