"""Payload indexes: the schema of a REST call ⇄ the engine's parameters."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from qframe.backends.embedded.configs import choice, known_keys, made, memory, unusable
from qframe.backends.embedded.engine import edge

_PARAMS: dict[str, tuple[Any, set[str]]] = {
    "keyword": (edge.KeywordIndexParams, {"is_tenant", "prefix"}),
    "integer": (edge.IntegerIndexParams, {"lookup", "range", "is_principal"}),
    "float": (edge.FloatIndexParams, {"is_principal"}),
    "geo": (edge.GeoIndexParams, set()),
    "text": (
        edge.TextIndexParams,
        {
            "tokenizer", "min_token_len", "max_token_len", "lowercase", "ascii_folding", "phrase_matching",
            "stopwords", "stemmer",
        },
    ),
    "bool": (edge.BoolIndexParams, set()),
    "datetime": (edge.DatetimeIndexParams, {"is_principal"}),
    "uuid": (edge.UuidIndexParams, {"is_tenant"}),
}  # fmt: skip
_EVERYWHERE = {"on_disk", "enable_hnsw", "memory", "nested"}


def index_params(schema: str | Mapping[str, Any]) -> Any:
    """What the engine takes to make an index.

    Parameters
    ----------
    schema : str or mapping
        "keyword", "integer", "float", "geo", "text", "bool", "datetime", "uuid", or an object with that `type` and
        parameters.

    Raises
    ------
    ConfigError
    """
    given = {"type": schema} if isinstance(schema, str) else dict(schema)
    kind = given.pop("type", None)
    if kind not in _PARAMS:
        raise unusable(f"unknown index type {kind!r}, expected one of {', '.join(_PARAMS)}")
    make, own = _PARAMS[kind]
    if not given:
        return getattr(edge.PayloadSchemaType, kind.capitalize())
    known_keys(given, own | _EVERYWHERE, "field_schema.")
    return made(make, **{key: _VALUES[key](value) if key in _VALUES else value for key, value in given.items()})


def index_type(data_type: Any) -> str:
    """The REST name of an index type."""
    return next(kind for kind in _PARAMS if getattr(edge.PayloadSchemaType, kind.capitalize()) == data_type)


def index_switches(params: Any) -> dict[str, bool]:
    """Those of an index's parameters that are true or false, by name; `params` are None of one made by its type."""
    found = {name: getattr(params, name) for name in dir(params) if not name.startswith("_")}
    return {name: value for name, value in found.items() if isinstance(value, bool)}


def _tokenizer(name: str | None) -> Any:
    return None if name is None else choice(edge.TokenizerType, name, "tokenizer")


def _stopwords(found: Any) -> Any:
    if found is None or isinstance(found, str):
        return None if found is None else choice(edge.Language, found, "stopwords")
    known_keys(found, {"languages", "custom"}, "stopwords.")
    languages = {choice(edge.Language, name, "stopwords.languages") for name in found.get("languages") or ()}
    return edge.StopwordsSet(languages or None, set(found.get("custom") or ()) or None)


def _stemmer(found: Any) -> Any:
    if found is None:
        return None
    known_keys(found, {"type", "language"}, "stemmer.")
    kind = found.get("type")
    if kind == "none":
        return edge.DisabledStemmer()
    if kind != "snowball":
        raise unusable(f"unknown stemmer {kind!r}, expected snowball or none")
    return edge.SnowballParams(choice(edge.SnowballLanguage, found.get("language"), "stemmer.language"))


_VALUES: dict[str, Callable[[Any], Any]] = {
    "tokenizer": _tokenizer,
    "stopwords": _stopwords,
    "stemmer": _stemmer,
    "memory": memory,
}
