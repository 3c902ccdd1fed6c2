"""What a collection for a frame is made of: configuration and payload indexes. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import pyarrow as pa

from qframe.administration import INDEX_TYPES
from qframe.backends.description import vector_configs
from qframe.columns.plain import is_text
from qframe.errors import FrameError, OptionError, UnsupportedError
from qframe.model.bad import shown
from qframe.model.limits import FORBIDDEN_IN_NAMES, LARGEST_DIMENSION, LONGEST_VECTOR_NAME
from qframe.model.paths import payload_path
from qframe.model.requests import CollectionInfo
from qframe.model.spelling import hint, listed
from qframe.vectors.role import VectorRole
from qframe.write.roles import Roles

DISTANCES = {"cosine": "Cosine", "dot": "Dot", "euclid": "Euclid", "manhattan": "Manhattan"}


def collection_config(
    roles: Roles,
    *,
    distance: str | Mapping[str, str] = "cosine",
    on_disk: bool | None = None,
    datatype: str | None = None,
    quantization: Mapping[str, Any] | None = None,
    shard_number: int | None = None,
    replication_factor: int | None = None,
    config: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The body of Qdrant's REST call for a collection that holds the vectors of a frame.

    Parameters
    ----------
    roles : Roles
        As `resolve` or `resolve_vectors` found them.
    distance : str or mapping
        "cosine", "dot", "euclid" or "manhattan" in any case, for all vectors or by vector name ("" the unnamed one);
        cosine for those not named.
    on_disk, datatype :
        Of every dense vector and multivector.
    quantization, shard_number, replication_factor :
        Qdrant's parameters.
    config : mapping, optional
        Parts of the body as they are; merged in, they win.

    Raises
    ------
    FrameError
        When a vector's dimension is not known or too large, or its name is not allowed.
    OptionError
        For an unknown distance or vector.
    UnsupportedError
        With a shard key, whose shards qframe does not make.
    """
    if roles.shard_column is not None or roles.shard_key is not None:
        raise UnsupportedError(
            "a collection with shard keys must be there before it is written to: make it with "
            "sharding_method='custom', and its shard keys with Qdrant's own API."
        )
    distances = _distances(roles, distance)
    common = {"on_disk": on_disk, "datatype": datatype}
    dense = {
        role.vector: {"size": _size(role), "distance": distances[role.vector], **_given(common), **_multi(role)}
        for role in roles.vectors
        if role.kind != "sparse"
    }
    sparse: dict[str, Any] = {role.vector: {} for role in roles.vectors if role.kind == "sparse"}
    for role in roles.vectors:
        _check_name(role)
    body: dict[str, Any] = {"vectors": dense[""] if list(dense) == [""] else dense}
    if sparse:
        body["sparse_vectors"] = sparse
    body |= _given(
        {
            "quantization_config": quantization,
            "shard_number": shard_number,
            "replication_factor": replication_factor,
        }
    )
    return body if config is None else _merged(body, config)


def _given(parameters: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in parameters.items() if value is not None}


def _multi(role: VectorRole) -> dict[str, Any]:
    return {"multivector_config": {"comparator": "max_sim"}} if role.kind == "multi" else {}


def _distances(roles: Roles, distance: str | Mapping[str, str]) -> dict[str, str]:
    """The distance of each vector, as Qdrant spells it."""
    names = [role.vector for role in roles.vectors]
    if not isinstance(distance, Mapping):
        return dict.fromkeys(names, _distance(distance))
    for name in distance:
        if name not in names:
            raise OptionError(f"distance=: the frame has no vector {name!r}, it has {listed(names) or 'none'}.")
    return {name: _distance(distance.get(name, "cosine")) for name in names}


def _distance(word: str) -> str:
    known = DISTANCES.get(word.lower()) if isinstance(word, str) else None
    if known is None:
        meant = hint(word, DISTANCES) if isinstance(word, str) else ""
        raise OptionError(f"distance={shown(word)}: one of {listed(DISTANCES)}.{meant}")
    return known


def _size(role: VectorRole) -> int:
    column = role.columns[0] if role.columns else None
    if not role.dim:
        raise FrameError(
            f"{role.label}: how many numbers its vectors have is not to be seen, there is no row that has one. Cast "
            "the column to an Array, or make the collection with config=….",
            column=column,
        )
    if role.dim > LARGEST_DIMENSION:
        raise FrameError(
            f"{role.label}: found vectors of {role.dim} numbers: Qdrant takes at most {LARGEST_DIMENSION}. Take other "
            "embeddings, or split the vector.",
            column=column,
            value=role.dim,
        )
    return role.dim


def _check_name(role: VectorRole) -> None:
    bad = sorted(FORBIDDEN_IN_NAMES.intersection(role.vector))
    if not bad and len(role.vector.encode()) <= LONGEST_VECTOR_NAME:
        return
    why = f"{bad[0]!r} in it" if bad else f"more than {LONGEST_VECTOR_NAME} bytes"
    raise FrameError(
        f"{role.label}: a vector cannot be named {shown(role.vector)}, with {why}. Name the target: "
        f"vector={{'name': {role.columns[0]!r}}}."
        if role.columns
        else f"a vector cannot be named {shown(role.vector)}, with {why}.",
        column=role.columns[0] if role.columns else None,
        value=role.vector,
    )


def _merged(body: Mapping[str, Any], config: Mapping[str, Any]) -> dict[str, Any]:
    """Mappings merged to any depth, `config` wins; vectors of another form than those derived replace them."""
    merged = dict(body)
    for key, value in config.items():
        before = merged.get(key)
        if not (isinstance(before, Mapping) and isinstance(value, Mapping)):
            merged[key] = value
        elif key == "vectors" and _other_form(before, value):
            merged[key] = dict(value)
        else:
            merged[key] = _merged(before, value)
    return merged


def _other_form(derived: Mapping[str, Any], given: Mapping[str, Any]) -> bool:
    """Whether one configures the unnamed vector and the other vectors by name."""
    if isinstance(derived.get("size"), int):
        return any(isinstance(value, Mapping) and "size" in value for value in given.values())
    return isinstance(given.get("size"), int)


def payload_indexes(
    schema: pa.Schema, roles: Roles, wanted: Literal["auto"] | Mapping[str, Any] | None
) -> dict[str, str | Mapping[str, Any]]:
    """Payload indexes by path.

    Parameters
    ----------
    schema : pyarrow.Schema
    roles : Roles
    wanted : "auto", mapping or None
        "auto": booleans, integers, dates, datetimes, Enum, Categorical and the shard key, never free text. A mapping of
        path to type, or to the object of the REST API, is taken as it is.

    Raises
    ------
    OptionError
        For an unknown type.
    """
    if wanted is None:
        return {}
    if isinstance(wanted, Mapping):
        for field, kind in wanted.items():
            if not isinstance(kind, Mapping) and kind not in INDEX_TYPES:
                raise OptionError(f"indexes={{{field!r}: {shown(kind)}}}: the type is one of {listed(INDEX_TYPES)}.")
        return dict(wanted)
    if wanted != "auto":
        raise OptionError(f"indexes={shown(wanted)}: 'auto', a mapping of payload key to type, or None.")
    found: dict[str, str | Mapping[str, Any]] = {}
    for name in roles.payload:
        kind = _index_type(schema.field(name).type, shard_key=name == roles.shard_column)
        path = payload_path(name)
        if kind is not None and path is not None:
            found[path] = kind
    return found


def _index_type(dtype: pa.DataType, *, shard_key: bool) -> str | None:
    types = pa.types
    if types.is_dictionary(dtype):
        return "keyword" if is_text(dtype.value_type) else _index_type(dtype.value_type, shard_key=shard_key)
    if types.is_boolean(dtype):
        return "bool"
    if types.is_integer(dtype):
        return "integer"
    if types.is_timestamp(dtype) or types.is_date(dtype):
        return "datetime"
    return "keyword" if shard_key and is_text(dtype) else None


def same_configuration(info: CollectionInfo, config: Mapping[str, Any]) -> bool:
    """Whether a collection that somebody else has just made has the vectors that this one was to have."""
    return set(info.vectors) == set(vector_configs(config))
