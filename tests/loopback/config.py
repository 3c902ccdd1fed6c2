"""What a collection is: its configuration as the API describes it, and the engine's parameters made from it."""

from __future__ import annotations

from typing import Any

import qdrant_edge as edge
from qdrant_client.http import models as rest

from .errors import ValidationError, not_served
from .vectors import Layout

Json = dict[str, Any]

HNSW = {
    "m": 16,
    "ef_construct": 100,
    "full_scan_threshold": 10000,
    "max_indexing_threads": 0,
    "on_disk": False,
}
OPTIMIZERS = {
    "deleted_threshold": 0.2,
    "vacuum_min_vector_number": 1000,
    "default_segment_number": 0,
    "max_segment_size": None,
    "memmap_threshold": None,
    "indexing_threshold": 10000,
    "flush_interval_sec": 5,
    "max_optimization_threads": None,
    "prevent_unoptimized": None,
}
WAL = {"wal_capacity_mb": 32, "wal_segments_ahead": 0, "wal_retain_closed": 1}
DATATYPES = {
    "float32": edge.VectorStorageDatatype.Float32,
    "float16": edge.VectorStorageDatatype.Float16,
    "uint8": edge.VectorStorageDatatype.Uint8,
}
SCHEMA_TYPES = {
    "keyword": (edge.PayloadSchemaType.Keyword, edge.KeywordIndexParams),
    "integer": (edge.PayloadSchemaType.Integer, edge.IntegerIndexParams),
    "float": (edge.PayloadSchemaType.Float, edge.FloatIndexParams),
    "geo": (edge.PayloadSchemaType.Geo, edge.GeoIndexParams),
    "text": (edge.PayloadSchemaType.Text, edge.TextIndexParams),
    "bool": (edge.PayloadSchemaType.Bool, edge.BoolIndexParams),
    "datetime": (edge.PayloadSchemaType.Datetime, edge.DatetimeIndexParams),
    "uuid": (edge.PayloadSchemaType.Uuid, edge.UuidIndexParams),
}
TOKENIZERS = {
    "prefix": edge.TokenizerType.Prefix,
    "whitespace": edge.TokenizerType.Whitespace,
    "word": edge.TokenizerType.Word,
    "multilingual": edge.TokenizerType.Multilingual,
}
UNMODELLED_INDEX_PARAMS = {"stopwords", "stemmer", "memory", "scoring", "nested"}


def described(create: rest.CreateCollection) -> Json:
    """The `config` of the collection's info, as the server would show it."""
    given = create.model_dump(mode="json", exclude_none=True)
    params: Json = {}
    if "vectors" in given:
        params["vectors"] = given["vectors"]
    params |= {
        "shard_number": given.get("shard_number", 1),
        "replication_factor": given.get("replication_factor", 1),
        "write_consistency_factor": given.get("write_consistency_factor", 1),
        "on_disk_payload": given.get("on_disk_payload", True),
    }
    if "sharding_method" in given:
        params["sharding_method"] = given["sharding_method"]
    if "sparse_vectors" in given:
        params["sparse_vectors"] = given["sparse_vectors"]
    config = {
        "params": params,
        "hnsw_config": HNSW | given.get("hnsw_config", {}),
        "optimizer_config": OPTIMIZERS | given.get("optimizers_config", {}),
        "wal_config": WAL | given.get("wal_config", {}),
        "quantization_config": given.get("quantization_config"),
    }
    return config | {key: given[key] for key in ("strict_mode_config", "metadata") if key in given}


def updated(config: Json, update: rest.UpdateCollection) -> Json:
    """The configuration after a PATCH."""
    given = update.model_dump(mode="json", exclude_none=True)
    names = {"optimizers_config": "optimizer_config"}
    result = dict(config)
    for key, value in given.items():
        if key in ("vectors", "sparse_vectors"):
            raise not_served(f"updates of {key}")
        name = names.get(key, key)
        result[name] = {**(result.get(name) or {}), **value}
    return result


def dense_params(config: Json) -> Json:
    """Parameters of the dense vectors by name, the unnamed one under ""."""
    vectors = config["params"].get("vectors") or {}
    return {"": vectors} if "size" in vectors and not isinstance(vectors["size"], dict) else vectors


def layout(config: Json) -> Layout:
    dense = dense_params(config)
    return Layout(
        {name: params["size"] for name, params in dense.items()},
        frozenset(name for name, params in dense.items() if params.get("multivector_config")),
        frozenset(config["params"].get("sparse_vectors") or {}),
    )


def to_engine(config: Json) -> edge.EdgeConfig:
    """The engine's configuration: what changes answers; placement and quantization do not and are left out."""
    vectors = {name: _vector(params) for name, params in dense_params(config).items()}
    sparse = {name: _sparse(params) for name, params in (config["params"].get("sparse_vectors") or {}).items()}
    if not vectors and not sparse:
        # The engine wants one where the server does not; what the collection has is read from `layout`.
        sparse = {"none": edge.EdgeSparseVectorParams()}
    return edge.EdgeConfig(vectors=vectors or None, sparse_vectors=sparse or None, max_search_threads=1)


def _vector(params: Json) -> edge.EdgeVectorParams:
    if not 1 <= params["size"] <= 65536:
        raise ValidationError(f"vectors.size: value {params['size']} invalid, must be from 1 to 65536")
    datatype = params.get("datatype", "float32")
    if datatype not in DATATYPES:
        raise not_served(f"datatype {datatype}")
    multi = edge.MultiVectorConfig(edge.MultiVectorComparator.MaxSim) if params.get("multivector_config") else None
    return edge.EdgeVectorParams(
        params["size"],
        getattr(edge.Distance, params["distance"]),
        multivector_config=multi,
        datatype=DATATYPES[datatype],
    )


def _sparse(params: Json) -> edge.EdgeSparseVectorParams:
    return edge.EdgeSparseVectorParams(modifier=edge.Modifier.Idf if params.get("modifier") == "idf" else None)


def index_schema(kind: str, params: Json | None) -> Any:
    """A payload index as the engine takes it."""
    plain, with_params = SCHEMA_TYPES[kind]
    if params is None:
        return plain
    given = {k: v for k, v in params.items() if k != "type" and v is not None}
    if unknown := UNMODELLED_INDEX_PARAMS & given.keys():
        raise not_served(f"the index parameter {min(unknown)}")
    if "tokenizer" in given:
        given["tokenizer"] = TOKENIZERS[given["tokenizer"]]
    return with_params(**given)
