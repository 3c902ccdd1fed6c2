"""Keys that a server knows, for the bodies in which it passes over all others without a word (seen in 1.19's sources).

A misspelt search parameter would so change nothing and nobody would hear of it. Filters are not here: in these a server
refuses what it does not know.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from qframe.errors import OptionError

Known = Mapping[str, "Known | None"]
"""Keys of an object, and those of the objects that they hold, where these are checked too."""


def _keys(names: str, **below: Known) -> Known:
    return dict.fromkeys(names.split()) | below


SEARCH_PARAMS = _keys(
    "hnsw_ef exact indexed_only",
    quantization=_keys("ignore rescore oversampling"),
    acorn=_keys("enable max_selectivity"),
    idf=_keys("corpus"),
)

_INDEX = "type on_disk memory enable_hnsw nested"
INDEX_PARAMS: Mapping[str, Known] = {
    "keyword": _keys(f"{_INDEX} is_tenant prefix"),
    "integer": _keys(f"{_INDEX} lookup range is_principal"),
    "float": _keys(f"{_INDEX} is_principal"),
    "geo": _keys(_INDEX),
    "text": _keys(
        f"{_INDEX} tokenizer lowercase min_token_len max_token_len ascii_folding phrase_matching stopwords stemmer "
        "scoring"
    ),
    "bool": _keys(_INDEX),
    "datetime": _keys(f"{_INDEX} is_principal"),
    "uuid": _keys(f"{_INDEX} is_tenant"),
}
"""By the type of the index."""

_HNSW = _keys("m ef_construct full_scan_threshold max_indexing_threads on_disk memory payload_m inline_storage")
VECTOR_PARAMS = _keys(
    "size distance quantization_config on_disk memory datatype",
    hnsw_config=_HNSW,
    multivector_config=_keys("comparator"),
)
SPARSE_VECTOR_PARAMS = _keys("modifier", index=_keys("full_scan_threshold on_disk memory datatype"))
COLLECTION = _keys(
    "vectors sparse_vectors shard_number sharding_method replication_factor write_consistency_factor on_disk_payload "
    "quantization_config metadata",
    payload=_keys("memory"),
    id_tracker=_keys("memory"),
    hnsw_config=_HNSW,
    wal_config=_keys("wal_capacity_mb wal_segments_ahead wal_retain_closed"),
    optimizers_config=_keys(
        "deleted_threshold vacuum_min_vector_number default_segment_number max_segment_size memmap_threshold "
        "indexing_threshold flush_interval_sec max_optimization_threads prevent_unoptimized"
    ),
    strict_mode_config=_keys(
        "enabled max_query_limit max_timeout unindexed_filtering_retrieve unindexed_filtering_update "
        "search_max_hnsw_ef search_allow_exact search_max_oversampling search_max_batchsize upsert_max_batchsize "
        "max_collection_vector_size_bytes max_collection_payload_size_bytes max_points_count "
        "read_rate_limit write_rate_limit filter_max_conditions condition_max_size multivector_config sparse_config "
        "max_payload_index_count max_resident_memory_percent"
    ),
)


def check_search_params(params: Mapping[str, Any] | None) -> None:
    """Raise OptionError for search params that no server knows."""
    _check(params, SEARCH_PARAMS, "params")


def check_index(field: str, schema: str | Mapping[str, Any]) -> None:
    """Raise OptionError for parameters that an index of its type does not have."""
    kind = schema.get("type") if isinstance(schema, Mapping) else None
    if isinstance(kind, str) and kind in INDEX_PARAMS:
        _check(schema, INDEX_PARAMS[kind], f"index of {field!r}")


def check_collection(config: Mapping[str, Any]) -> None:
    """Raise OptionError for keys of a collection's configuration that no server knows."""
    _check(config, COLLECTION, "config")
    vectors = config.get("vectors")
    if isinstance(vectors, Mapping) and "size" in vectors and not isinstance(vectors["size"], Mapping):
        vectors = {"": vectors}
    for held, known in ((vectors, VECTOR_PARAMS), (config.get("sparse_vectors"), SPARSE_VECTOR_PARAMS)):
        for name, params in held.items() if isinstance(held, Mapping) else ():
            _check(params, known, f"config, vector {name!r}")


def _check(value: Any, known: Known, path: str) -> None:
    # What is no object at all, or holds a wrong value, the server refuses in its own words.
    if not isinstance(value, Mapping):
        return
    for key, held in value.items():
        if key not in known:
            raise OptionError(
                f"{path}: unknown key {key!r}, which the server would pass over; known keys: {', '.join(known)}."
            )
        below = known[key]
        if below is not None:
            _check(held, below, f"{path}.{key}")
