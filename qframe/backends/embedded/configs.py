"""The body of a create call, as the REST API spells it → the engine's configuration, or why there is none."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from qframe.backends.description import vector_configs, vectors_by_name
from qframe.backends.embedded.engine import edge, refused
from qframe.model.limits import (
    FORBIDDEN_IN_NAMES,
    LARGEST_DIMENSION,
    LONGEST_COLLECTION_NAME,
    LONGEST_VECTOR_NAME,
)
from qframe.model.outcome import Fault
from qframe.model.requests import VectorConfig

Layout = Mapping[str, VectorConfig]
"""The vectors of a collection by name."""

_DISTANCES = ("Cosine", "Euclid", "Dot", "Manhattan")
_DATATYPES = {"float32": "Float32", "float16": "Float16", "uint8": "Uint8", "turbo8": "Turbo8", "turbo16": "Turbo16"}
_MEMORY = {"cold": "Cold", "cached": "Cached", "pinned": "Pinned"}

_ALONE: dict[str, tuple[object, ...]] = {
    "shard_number": (1,),
    "replication_factor": (1,),
    "write_consistency_factor": (1,),
    "sharding_method": ("auto",),
    "read_fan_out_factor": (0,),
}
"""Settings of clusters and the values at which they make no difference to one engine."""

_COLLECTION_KEYS = {
    "vectors", "sparse_vectors", "hnsw_config", "quantization_config", "optimizers_config", "on_disk_payload",
    "wal_config", "payload", "metadata", "strict_mode_config", *_ALONE,
}  # fmt: skip
_VECTOR_KEYS = {
    "size", "distance", "on_disk", "datatype", "multivector_config", "hnsw_config", "quantization_config", "memory",
}  # fmt: skip
_OPTIMIZER_KEYS = {
    "deleted_threshold", "vacuum_min_vector_number", "default_segment_number", "max_segment_size",
    "indexing_threshold", "prevent_unoptimized",
}  # fmt: skip
_IDLE_OPTIMIZER_KEYS = {"memmap_threshold", "flush_interval_sec", "max_optimization_threads"}
"""How a server's background threads go about it; there are none here."""

_HNSW_DEFAULTS = {"m": 16, "ef_construct": 100, "full_scan_threshold": 10000}

_NO_VECTOR = "none"
"""The engine wants a vector to be configured. Where there is none, this one is, and nobody hears of it: what a
collection has is read from the catalog, not from the engine."""


class ConfigError(Exception):
    """A setting that makes no sense, or none here; carries the fault out of the depth of a configuration."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.message)
        self.fault = fault


def layout(config: Mapping[str, Any]) -> Layout:
    """The vectors that a configuration names."""
    return {item.name: item for item in vector_configs(config)}


def edge_config(config: Mapping[str, Any]) -> Any | Fault:
    """The engine's configuration.

    Parameters
    ----------
    config : mapping
        Body of the REST call `PUT /collections/{name}`.

    Returns
    -------
    qdrant_edge.EdgeConfig or Fault
        A fault of cause "unsupported" for what only a server can do, without a cause for what makes no sense.
    """
    try:
        return _collection(config)
    except ConfigError as found:
        return found.fault


def bad_name(name: str) -> Fault | None:
    """A fault for a collection name that a server would not take either."""
    if not 1 <= len(name) <= LONGEST_COLLECTION_NAME:
        most = LONGEST_COLLECTION_NAME
        return refused(f"Validation error: collection name must have 1 to {most} characters, got {len(name)}")
    bad = sorted(FORBIDDEN_IN_NAMES.intersection(name))
    if bad:
        return refused(f"Validation error: collection name cannot contain {bad[0]!r}")
    return None


def _collection(config: Mapping[str, Any]) -> Any:
    known_keys(config, _COLLECTION_KEYS, "")
    for key, harmless in _ALONE.items():
        if config.get(key) is not None and config[key] not in harmless:
            raise _unsupported(f"{key}={config[key]!r}", "the embedded engine is one shard without replicas")
    if _object(config, "strict_mode_config").get("enabled"):
        raise _unsupported("strict mode", "the embedded engine has no limits to enforce")
    vectors = vectors_by_name(_object(config, "vectors"))
    dense = {name: _dense(name, params) for name, params in vectors.items()}
    sparse = {name: _sparse(name, params or {}) for name, params in _object(config, "sparse_vectors").items()}
    if not dense and not sparse:
        sparse = {_NO_VECTOR: _sparse(_NO_VECTOR, {})}
    return made(
        edge.EdgeConfig,
        vectors=dense,
        sparse_vectors=sparse,
        on_disk_payload=config.get("on_disk_payload"),
        payload_memory=memory(_object(config, "payload").get("memory")),
        hnsw_config=_hnsw(config.get("hnsw_config")),
        quantization_config=_quantization(config.get("quantization_config")),
        optimizers=_optimizers(config.get("optimizers_config")),
        max_search_threads=1,
        wal_enabled=True,
    )


def _dense(name: str, params: Mapping[str, Any]) -> Any:
    _vector_name(name)
    known_keys(params, _VECTOR_KEYS, f"vectors[{name!r}].")
    size = params.get("size")
    if not isinstance(size, int) or isinstance(size, bool) or not 1 <= size <= LARGEST_DIMENSION:
        raise unusable(f"vector {name!r}: size must be an integer from 1 to {LARGEST_DIMENSION}, got {size!r}")
    distance = params.get("distance")
    if distance not in _DISTANCES:
        raise unusable(f"vector {name!r}: unknown distance {distance!r}, expected one of {', '.join(_DISTANCES)}")
    return made(
        edge.EdgeVectorParams,
        size,
        getattr(edge.Distance, distance),
        on_disk=params.get("on_disk"),
        multivector_config=_multivector(params.get("multivector_config")),
        datatype=_datatype(params.get("datatype")),
        quantization_config=_quantization(params.get("quantization_config")),
        hnsw_config=_hnsw(params.get("hnsw_config")),
        memory=memory(params.get("memory")),
    )


def _sparse(name: str, params: Mapping[str, Any]) -> Any:
    _vector_name(name)
    known_keys(params, {"index", "modifier"}, f"sparse_vectors[{name!r}].")
    index = params.get("index") or {}
    known_keys(index, {"full_scan_threshold", "on_disk", "datatype", "memory"}, f"sparse_vectors[{name!r}].index.")
    modifier = params.get("modifier") or "none"
    if modifier not in ("none", "idf"):
        raise unusable(f"sparse vector {name!r}: unknown modifier {modifier!r}, expected none or idf")
    return made(
        edge.EdgeSparseVectorParams,
        full_scan_threshold=index.get("full_scan_threshold"),
        on_disk=index.get("on_disk"),
        modifier=edge.Modifier.Idf if modifier == "idf" else None,
        datatype=_datatype(index.get("datatype")),
        memory=memory(index.get("memory")),
    )


def _object(config: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = config.get(key) or {}
    if not isinstance(found, Mapping):
        raise unusable(f"{key}: expected an object, got {found!r}")
    return found


def _vector_name(name: str) -> None:
    bad = sorted(FORBIDDEN_IN_NAMES.intersection(name))
    if bad or len(name.encode()) > LONGEST_VECTOR_NAME:
        why = f"cannot contain {bad[0]!r}" if bad else f"is longer than {LONGEST_VECTOR_NAME} bytes"
        raise unusable(f"vector name {name!r} {why}")


def _multivector(config: Mapping[str, Any] | None) -> Any:
    if config is None:
        return None
    if config.get("comparator") != "max_sim":
        raise unusable(f"unknown multivector comparator {config.get('comparator')!r}, expected max_sim")
    return edge.MultiVectorConfig(edge.MultiVectorComparator.MaxSim)


def _datatype(name: str | None) -> Any:
    if name is None:
        return None
    if name not in _DATATYPES:
        raise _unsupported(f"datatype {name!r}", f"the embedded engine stores {', '.join(_DATATYPES)}")
    return getattr(edge.VectorStorageDatatype, _DATATYPES[name])


def memory(name: str | None) -> Any:
    """Where a component is kept, by its REST name."""
    if name is None:
        return None
    if name not in _MEMORY:
        raise unusable(f"unknown memory {name!r}, expected one of {', '.join(_MEMORY)}")
    return getattr(edge.Memory, _MEMORY[name])


def _hnsw(config: Mapping[str, Any] | None) -> Any:
    if not config:
        return None
    known = {*_HNSW_DEFAULTS, "max_indexing_threads", "on_disk", "payload_m", "inline_storage", "memory"}
    known_keys(config, known, "hnsw_config.")
    given = {key: value for key, value in config.items() if value is not None}
    place = memory(given.pop("memory", None))
    return made(edge.HnswIndexConfig, **(_HNSW_DEFAULTS | given), memory=place)


def _optimizers(config: Mapping[str, Any] | None) -> Any:
    if not config:
        return None
    known_keys(config, _OPTIMIZER_KEYS | _IDLE_OPTIMIZER_KEYS, "optimizers_config.")
    return made(edge.EdgeOptimizersConfig, **{key: config.get(key) for key in _OPTIMIZER_KEYS})


def _quantization(config: Any) -> Any:
    if not config or config == "Disabled":
        return None
    known_keys(config, set(_QUANTIZATIONS), "quantization_config.")
    if len(config) != 1:
        raise unusable(f"quantization_config: expected one of {', '.join(_QUANTIZATIONS)}, got {', '.join(config)}")
    kind, params = next(iter(config.items()))
    return _QUANTIZATIONS[kind](dict(params))


def _scalar(params: dict[str, Any]) -> Any:
    known_keys(params, {"type", "quantile", "always_ram", "memory"}, "quantization_config.scalar.")
    if params.pop("type", "int8") != "int8":
        raise unusable("scalar quantization knows the type int8 only")
    return made(edge.ScalarQuantizationConfig, edge.ScalarType.Int8, **_with_memory(params))


def _product(params: dict[str, Any]) -> Any:
    known_keys(params, {"compression", "always_ram", "memory"}, "quantization_config.product.")
    ratio = choice(edge.CompressionRatio, params.pop("compression", None), "compression")
    return made(edge.ProductQuantizationConfig, ratio, **_with_memory(params))


def _binary(params: dict[str, Any]) -> Any:
    known_keys(params, {"always_ram", "encoding", "query_encoding", "memory"}, "quantization_config.binary.")
    for key, kind in (
        ("encoding", edge.BinaryQuantizationEncoding),
        ("query_encoding", edge.BinaryQuantizationQueryEncoding),
    ):
        if params.get(key) is not None:
            params[key] = choice(kind, params[key], key)
    return made(edge.BinaryQuantizationConfig, **_with_memory(params))


def _turbo(params: dict[str, Any]) -> Any:
    known_keys(params, {"always_ram", "bits", "memory"}, "quantization_config.turbo.")
    if params.get("bits") is not None:
        params["bits"] = choice(edge.TurboQuantBitSize, params["bits"], "bits")
    return made(edge.TurboQuantQuantizationConfig, **_with_memory(params))


_QUANTIZATIONS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "scalar": _scalar,
    "product": _product,
    "binary": _binary,
    "turbo": _turbo,
}


def _with_memory(params: dict[str, Any]) -> dict[str, Any]:
    return params | {"memory": memory(params.get("memory"))}


def choice(kind: Any, name: object, key: str) -> Any:
    """A member of an enum by its REST name: `one_and_half_bits` is `OneAndHalfBits`, `bits1_5` is `Bits1_5`."""
    by_name = {item.lower().replace("_", ""): getattr(kind, item) for item in dir(kind) if item[0].isupper()}
    found = by_name.get(str(name).lower().replace("_", ""))
    if found is None:
        raise unusable(f"unknown {key} {name!r}")
    return found


def made(kind: Callable[..., Any], *parts: Any, **named: Any) -> Any:
    """An object of the engine; it raises for values of another type than it takes."""
    try:
        return kind(*parts, **named)
    except (TypeError, ValueError, OverflowError) as error:
        raise unusable(f"{kind.__name__}: {error}") from error


def known_keys(config: Mapping[str, Any], known: set[str], where: str) -> None:
    """Raise for a key that is not known; a null says nothing, whatever its key."""
    if not isinstance(config, Mapping):
        raise unusable(f"{where.rstrip('.') or 'the configuration'}: expected an object, got {config!r}")
    for key, value in config.items():
        if key not in known and value is not None:
            raise unusable(f"unknown field `{where}{key}`, expected one of {', '.join(sorted(known))}")


def unusable(message: str) -> ConfigError:
    """To be raised for a setting that makes no sense."""
    return ConfigError(refused(f"Wrong input: {message}"))


def _unsupported(what: str, why: str) -> ConfigError:
    message = f"{what} is not supported by the embedded engine: {why}. Use a server for it"
    return ConfigError(Fault(kind="refused", applied="no", message=message, cause="unsupported"))
