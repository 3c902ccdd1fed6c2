"""Field tables of a collection's configuration, under the names and spellings that the REST API gives it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from qframe.backends.grpc.messages import (
    BOOL,
    DOUBLE,
    FLOAT,
    TEXT,
    UINT32,
    UINT64,
    Entries,
    Shaped,
    enum,
    message,
    plain,
    wrapped,
    wrong,
)
from qframe.backends.grpc.tables.values import JSON_OBJECT

MEMORY = enum(cold=1, cached=2, pinned=3)
DISTANCE = enum(Cosine=1, Euclid=2, Dot=3, Manhattan=4)
DATATYPE = enum(float32=1, uint8=2, float16=3, turbo4=4, turbo8=5, turbo16=6)
SHARDING = enum(auto=0, custom=1)

HNSW = message(
    m=(1, UINT64),
    ef_construct=(2, UINT64),
    full_scan_threshold=(3, UINT64),
    max_indexing_threads=(4, UINT64),
    on_disk=(5, BOOL),
    payload_m=(6, UINT64),
    inline_storage=(7, BOOL),
    memory=(8, MEMORY),
)

WAL = message(
    wal_capacity_mb=(1, UINT64),
    wal_segments_ahead=(2, UINT64),
    wal_retain_closed=(3, UINT64),
)


def _threads(value: Any, _path: str) -> Mapping[str, Any]:
    return {"setting": value} if isinstance(value, str) else {"value": value}


# "auto" is what an unset number means, and REST answers it as null.
MAX_OPTIMIZATION_THREADS = Shaped(
    message(value=(1, UINT64), setting=(2, enum(auto=0))), _threads, lambda found: found.get("value")
)

OPTIMIZERS = message(
    deleted_threshold=(1, DOUBLE),
    vacuum_min_vector_number=(2, UINT64),
    default_segment_number=(3, UINT64),
    max_segment_size=(4, UINT64),
    memmap_threshold=(5, UINT64),
    indexing_threshold=(6, UINT64),
    flush_interval_sec=(7, UINT64),
    max_optimization_threads=(9, MAX_OPTIMIZATION_THREADS),
    prevent_unoptimized=(10, BOOL),
)

QUERY_ENCODING = wrapped("setting", enum(default=0, binary=1, scalar4bits=2, scalar8bits=3), 4)

_QUANTIZATION = message(
    scalar=(
        1,
        message(type=(1, enum(int8=1)), quantile=(2, FLOAT), always_ram=(3, BOOL), memory=(4, MEMORY)).needs("type"),
    ),
    product=(
        2,
        message(
            compression=(1, plain(enum(x4=0, x8=1, x16=2, x32=3, x64=4), "x4")),
            always_ram=(2, BOOL),
            memory=(3, MEMORY),
        ),
    ),
    binary=(
        3,
        message(
            always_ram=(1, BOOL),
            encoding=(2, enum(one_bit=0, two_bits=1, one_and_half_bits=2)),
            query_encoding=(3, QUERY_ENCODING),
            memory=(4, MEMORY),
        ),
    ),
    turbo=(
        4,
        message(
            always_ram=(1, BOOL),
            bits=(2, enum(bits1=0, bits1_5=1, bits2=2, bits4=3, bits8=4)),
            memory=(3, MEMORY),
        ),
    ),
)


def _one_quantization(value: Any, path: str) -> Any:
    if not isinstance(value, Mapping) or len(value) != 1:
        raise wrong(path, "an object with one of scalar, product, binary, turbo", value)
    return value


QUANTIZATION = Shaped(_QUANTIZATION, _one_quantization, lambda found: found)

MULTIVECTOR = message(comparator=(1, plain(enum(max_sim=0), "max_sim")))

VECTOR_PARAMS = message(
    size=(1, plain(UINT64, 0)),
    distance=(2, DISTANCE),
    hnsw_config=(3, HNSW),
    quantization_config=(4, QUANTIZATION),
    on_disk=(5, BOOL),
    datatype=(6, DATATYPE),
    multivector_config=(7, MULTIVECTOR),
    memory=(8, MEMORY),
).needs("size", "distance")


def _vectors(value: Any, path: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise wrong(path, "the parameters of a vector, or an object of them by name", value)
    single = "size" in value and not isinstance(value["size"], Mapping)
    return {"params": value} if single else {"params_map": {"map": value}}


def _vectors_back(found: Mapping[str, Any]) -> Mapping[str, Any]:
    return found["params"] if "params" in found else found.get("params_map", {}).get("map", {})


VECTORS = Shaped(
    message(params=(1, VECTOR_PARAMS), params_map=(2, message(map=(1, Entries(VECTOR_PARAMS))))),
    _vectors,
    _vectors_back,
)

SPARSE_PARAMS = message(
    index=(
        1,
        message(full_scan_threshold=(1, UINT64), on_disk=(2, BOOL), datatype=(3, DATATYPE), memory=(4, MEMORY)),
    ),
    modifier=(2, enum(none=0, idf=1)),
)
SPARSE_VECTORS = wrapped("map", Entries(SPARSE_PARAMS))

STRICT_MODE = message(
    enabled=(1, BOOL),
    max_query_limit=(2, UINT32),
    max_timeout=(3, UINT32),
    unindexed_filtering_retrieve=(4, BOOL),
    unindexed_filtering_update=(5, BOOL),
    search_max_hnsw_ef=(6, UINT32),
    search_allow_exact=(7, BOOL),
    search_max_oversampling=(8, FLOAT),
    upsert_max_batchsize=(9, UINT64),
    max_collection_vector_size_bytes=(10, UINT64),
    read_rate_limit=(11, UINT32),
    write_rate_limit=(12, UINT32),
    max_collection_payload_size_bytes=(13, UINT64),
    filter_max_conditions=(14, UINT64),
    condition_max_size=(15, UINT64),
    multivector_config=(16, wrapped("multivector_config", Entries(message(max_vectors=(1, UINT64))))),
    sparse_config=(17, wrapped("sparse_config", Entries(message(max_length=(10, UINT64))))),
    max_points_count=(18, UINT64),
    max_payload_index_count=(19, UINT64),
    search_max_batchsize=(20, UINT64),
    max_resident_memory_percent=(21, UINT32),
)

STORAGE = message(memory=(1, MEMORY))

CREATE = message(
    collection_name=(1, TEXT),
    hnsw_config=(4, HNSW),
    wal_config=(5, WAL),
    optimizers_config=(6, OPTIMIZERS),
    shard_number=(7, UINT32),
    on_disk_payload=(8, BOOL),
    timeout=(9, UINT64),
    vectors=(10, VECTORS),
    replication_factor=(11, UINT32),
    write_consistency_factor=(12, UINT32),
    quantization_config=(14, QUANTIZATION),
    sharding_method=(15, SHARDING),
    sparse_vectors=(16, SPARSE_VECTORS),
    strict_mode_config=(17, STRICT_MODE),
    metadata=(18, JSON_OBJECT),
    payload=(19, STORAGE),
    id_tracker=(20, STORAGE),
)

CONFIG = message(
    params=(
        1,
        message(
            shard_number=(3, plain(UINT32, 0)),
            on_disk_payload=(4, plain(BOOL, False)),
            vectors=(5, VECTORS),
            replication_factor=(6, UINT32),
            write_consistency_factor=(7, UINT32),
            read_fan_out_factor=(8, UINT32),
            sharding_method=(9, SHARDING),
            sparse_vectors=(10, SPARSE_VECTORS),
            read_fan_out_delay_ms=(11, UINT64),
            payload=(12, STORAGE),
            id_tracker=(13, STORAGE),
        ),
    ),
    hnsw_config=(2, HNSW),
    optimizer_config=(3, OPTIMIZERS),
    wal_config=(4, WAL),
    quantization_config=(5, QUANTIZATION),
    strict_mode_config=(6, STRICT_MODE),
    metadata=(7, JSON_OBJECT),
)

CREATE_KEYS = tuple(name for name in CREATE.table if name not in ("collection_name", "timeout"))
"""What the body of the REST call may hold."""
