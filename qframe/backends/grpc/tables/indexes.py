"""Field tables of payload indexes: kinds, and their parameters in the REST API's spelling (an object with a `type`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from qframe.backends.grpc.messages import (
    BOOL,
    TEXT,
    UINT64,
    Codec,
    Many,
    Shaped,
    enum,
    message,
    plain,
    wrong,
)
from qframe.backends.grpc.tables.config import MEMORY
from qframe.errors import OptionError

KINDS = ("keyword", "integer", "float", "geo", "text", "bool", "datetime", "uuid")
FIELD_TYPE = enum(**{name: number for number, name in enumerate(KINDS)})
SCHEMA_TYPE = enum(**{name: number for number, name in enumerate(KINDS, 1)})

# Messages without fields: their presence says it all.
PREFIX = Shaped(message(), lambda value, _: {} if value else None, lambda _: True)


def _stopwords(value: Any, _path: str) -> Any:
    return {"languages": [value]} if isinstance(value, str) else value


STOPWORDS = Shaped(message(languages=(1, Many(TEXT)), custom=(2, Many(TEXT))), _stopwords, lambda found: found)


def _stemmer(value: Any, path: str) -> dict[str, Any]:
    if not isinstance(value, Mapping) or value.get("type") not in ("snowball", "none"):
        raise wrong(path, "an object with type snowball or none", value)
    rest = {key: one for key, one in value.items() if key != "type"}
    return {"snowball": rest} if value["type"] == "snowball" else {"disabled": rest}


def _stemmer_back(found: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "none"} if "disabled" in found else {"type": "snowball", **found.get("snowball", {})}


STEMMER = Shaped(message(snowball=(1, message(language=(1, TEXT))), disabled=(2, message())), _stemmer, _stemmer_back)

_SCORING = message(type=(1, plain(enum(bm25=0), "bm25")))


def _scoring(value: Any, _path: str) -> Any:
    if isinstance(value, bool):
        return {"type": "bm25"} if value else None
    return value


SCORING = Shaped(_SCORING, _scoring, lambda found: found)

TEXT_PARAMS = message(
    tokenizer=(1, enum(prefix=1, whitespace=2, word=3, multilingual=4, code=5)),
    lowercase=(2, BOOL),
    min_token_len=(3, UINT64),
    max_token_len=(4, UINT64),
    on_disk=(5, BOOL),
    stopwords=(6, STOPWORDS),
    phrase_matching=(7, BOOL),
    stemmer=(8, STEMMER),
    ascii_folding=(9, BOOL),
    enable_hnsw=(10, BOOL),
    memory=(11, MEMORY),
    scoring=(12, SCORING),
    nested=(13, TEXT),
)

_PARAMS: dict[str, tuple[int, Codec]] = {
    "text": (1, TEXT_PARAMS),
    "integer": (
        2,
        message(
            lookup=(1, BOOL),
            range=(2, BOOL),
            is_principal=(3, BOOL),
            on_disk=(4, BOOL),
            enable_hnsw=(5, BOOL),
            memory=(6, MEMORY),
            nested=(7, TEXT),
        ),
    ),
    "keyword": (
        3,
        message(
            is_tenant=(1, BOOL),
            on_disk=(2, BOOL),
            enable_hnsw=(3, BOOL),
            prefix=(4, PREFIX),
            memory=(5, MEMORY),
            nested=(6, TEXT),
        ),
    ),
    "float": (
        4,
        message(
            on_disk=(1, BOOL),
            is_principal=(2, BOOL),
            enable_hnsw=(3, BOOL),
            memory=(4, MEMORY),
            nested=(5, TEXT),
        ),
    ),
    "geo": (5, message(on_disk=(1, BOOL), enable_hnsw=(2, BOOL), memory=(3, MEMORY), nested=(4, TEXT))),
    "bool": (6, message(on_disk=(1, BOOL), enable_hnsw=(2, BOOL), memory=(3, MEMORY), nested=(4, TEXT))),
    "datetime": (
        7,
        message(
            on_disk=(1, BOOL),
            is_principal=(2, BOOL),
            enable_hnsw=(3, BOOL),
            memory=(4, MEMORY),
            nested=(5, TEXT),
        ),
    ),
    "uuid": (
        8,
        message(
            is_tenant=(1, BOOL),
            on_disk=(2, BOOL),
            enable_hnsw=(3, BOOL),
            memory=(4, MEMORY),
            nested=(5, TEXT),
        ),
    ),
}


def _params(value: Any, _path: str) -> dict[str, Any]:
    return {value["type"]: {key: one for key, one in value.items() if key != "type"}}


def _params_back(found: Mapping[str, Any]) -> dict[str, Any] | None:
    return next(({"type": kind, **params} for kind, params in found.items()), None)


INDEX_PARAMS = Shaped(message(**_PARAMS), _params, _params_back)
"""An object with `type` and the parameters of that type."""

CREATE_INDEX = message(
    collection_name=(1, TEXT),
    wait=(2, BOOL),
    field_name=(3, TEXT),
    field_type=(4, FIELD_TYPE),
    params=(5, INDEX_PARAMS),
    timeout=(7, UINT64),
)

SCHEMA_INFO = message(
    data_type=(1, SCHEMA_TYPE),
    params=(2, INDEX_PARAMS),
    points=(3, UINT64),
)


def index_request(collection: str, field: str, schema: str | Mapping[str, Any]) -> bytes:
    """`CreateFieldIndexCollection` from a type name, or from the object that the REST API takes.

    Raises
    ------
    OptionError
        For an unknown type or parameter.
    """
    path = f"index of {field!r}"
    kind = schema if isinstance(schema, str) else schema.get("type")
    if kind not in KINDS:
        raise OptionError(f"{path}: found type {kind!r}, expected one of {', '.join(KINDS)}.")
    request: dict[str, Any] = {
        "collection_name": collection,
        "wait": True,
        "field_name": field,
        "field_type": kind,
    }
    if not isinstance(schema, str):
        request["params"] = schema
    return CREATE_INDEX.encode(request, path)
