"""REST bodies → operations: strict JSON, the official models, then what the models let through and the server does not.

Where the server's words come from its JSON parser they are rebuilt here from the parser used.
"""

from __future__ import annotations

from typing import Any

import orjson
import pydantic
from qdrant_client.http import models as rest

from .errors import ApiError, ValidationError, bad_request, not_served
from .operations import (
    ClearPayload,
    CreateIndex,
    Delete,
    DeletePayload,
    DeleteVectors,
    Multi,
    OverwritePayload,
    Row,
    SetPayload,
    Sparse,
    Target,
    UpdateVectors,
    Upsert,
    Write,
    point_id,
)
from .version import Version

BAD_VECTOR = "Format error in JSON body: data did not match any variant of untagged enum VectorStruct"
JSON_ERRORS = {
    "invalid literal": "expected ident",
    "unexpected content after document": "trailing characters",
    "number with leading zero": "invalid number",
    "number is infinity": "number out of range",
    "unexpected control character": "control character (\\u0000-\\u001F) found while parsing a string",
}


def load(body: bytes) -> Any:
    """Strict JSON, refused in the words of the server's parser."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise ApiError(f"Format error in JSON body: {_words(error, body)}") from error


def _words(error: orjson.JSONDecodeError, body: bytes) -> str:
    if not body:
        return "EOF while parsing a value at line 1 column 0"
    if error.msg.startswith("unexpected end of data"):
        return f"EOF while parsing {_open_place(body)} at line {error.lineno} column {error.colno - 1}"
    known = (words for start, words in JSON_ERRORS.items() if error.msg.startswith(start))
    return f"{next(known, 'expected value')} at line {error.lineno} column {error.colno}"


def _open_place(body: bytes) -> str:
    """What the text that ended too early was in."""
    open_places: list[str] = []
    in_string = escaped = False
    for char in body.decode("utf-8", "replace"):
        if in_string:
            in_string = escaped or char != '"'
            escaped = char == "\\" and not escaped
        elif char == '"':
            in_string = True
        elif char in "{[":
            open_places.append("an object" if char == "{" else "a list")
        elif char in "}]":
            open_places.pop()
    if in_string:
        return "a string"
    return "a value" if body.rstrip()[-1:] in b":," else open_places[-1] if open_places else "a value"


def model(kind: type[pydantic.BaseModel], body: Any) -> Any:
    """Validate by an official model, which takes no unknown keys."""
    try:
        return kind.model_validate(body)
    except pydantic.ValidationError as error:
        first = error.errors()[0]
        name = first["loc"][-1] if first["loc"] else ""
        if first["type"] == "missing":
            text = f"missing field `{name}`"
        elif first["type"] == "extra_forbidden":
            text = f"unknown field `{name}`"
        else:
            text = f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}"
        raise ApiError(f"Format error in JSON body: {text}") from error


def heard(kind: type[pydantic.BaseModel], body: Any) -> Any:
    """What the server takes notice of: but for filters, it passes over keys that it does not know."""
    return {key: value for key, value in body.items() if key in kind.model_fields} if isinstance(body, dict) else body


def upsert(body: Any, version: Version) -> tuple[Upsert, Any]:
    """Either form of an upsert, and its shard key."""
    if not isinstance(body, dict):
        raise ApiError("Format error in JSON body: invalid type: expected a map")
    if not version.knows((1, 17)):
        body = {k: v for k, v in body.items() if k != "update_mode"}
    if not version.knows((1, 16)):
        body = {k: v for k, v in body.items() if k != "update_filter"}
    if "batch" in body:
        rows = _columns(body["batch"])
        request = model(rest.PointsBatch, {**body, "batch": _without_nulls(body["batch"])})
    else:
        rows = _points(body.get("points"))
        request = model(rest.PointsList, body)
    mode = None if request.update_mode is None else request.update_mode.value
    return Upsert(rows, mode, request.update_filter), request.shard_key


def update_vectors(body: Any) -> tuple[UpdateVectors, Any]:
    rows = _points(body.get("points") if isinstance(body, dict) else None)
    request = model(rest.UpdateVectors, body)
    return UpdateVectors(rows, request.update_filter), request.shard_key


def _points(points: Any) -> list[Row]:
    if not isinstance(points, list):
        raise ApiError("Format error in JSON body: missing field `points`")
    rows = []
    for point in points:
        if not isinstance(point, dict):
            raise ApiError("Format error in JSON body: invalid type: expected struct PointStruct")
        for needed in ("id", "vector"):
            if needed not in point:
                raise ApiError(f"Format error in JSON body: missing field `{needed}`")
        rows.append(Row(point_id(point["id"]), _vectors(point["vector"]), point.get("payload")))
    return rows


def _vectors(value: Any) -> dict[str, Any]:
    if isinstance(value, dict) and not ({"text", "image", "object"} & value.keys() and "model" in value):
        return {name: _named_vector(vector) for name, vector in value.items()}
    if isinstance(value, dict):
        raise not_served("inference")
    if not isinstance(value, list):
        raise ApiError(BAD_VECTOR)
    return {"": _list_vector(value)}


def _list_vector(value: list[Any]) -> Any:
    return Multi(value) if value and all(isinstance(row, list) for row in value) else value


def _named_vector(value: Any) -> Any:
    """One vector of a named map; two lists of integers are read as sparse, as the server's parser does."""
    if isinstance(value, dict) and value.keys() == {"indices", "values"}:
        return Sparse(value["indices"], value["values"])
    if isinstance(value, dict):
        raise not_served("inference")
    if not isinstance(value, list):
        raise ApiError(BAD_VECTOR)
    if len(value) == 2 and all(isinstance(row, list) for row in value) and all(type(i) is int for i in value[0]):
        return Sparse(*value)
    return _list_vector(value)


def _columns(batch: Any) -> list[Row]:
    """The columnar form: all columns as long as the ids."""
    if not isinstance(batch, dict) or "ids" not in batch or "vectors" not in batch:
        raise ApiError("Format error in JSON body: missing field `ids` or `vectors`")
    ids, vectors, payloads = [point_id(i) for i in batch["ids"]], batch["vectors"], batch.get("payloads")
    columns = vectors if isinstance(vectors, dict) else {"": vectors}
    for column in columns.values():
        _equal("vectors", ids, column)
    if payloads is not None:
        _equal("payloads", ids, payloads)
    read = _named_vector if isinstance(vectors, dict) else _list_vector
    return [
        Row(i, {name: read(column[at]) for name, column in columns.items()}, payloads[at] if payloads else None)
        for at, i in enumerate(ids)
    ]


def _without_nulls(batch: Any) -> Any:
    """The server takes null for a payload of the columnar form, the official model does not."""
    if not isinstance(batch.get("payloads"), list):
        return batch
    return {**batch, "payloads": [{} if payload is None else payload for payload in batch["payloads"]]}


def _equal(what: str, ids: list[Any], column: Any) -> None:
    if not isinstance(column, list):
        raise ApiError(BAD_VECTOR.replace("VectorStruct", "BatchVectorStruct"))
    if len(column) != len(ids):
        raise ValidationError(f"batch.batch: number of ids and {what} must be equal ({len(ids)} != {len(column)})")


def _target(request: Any) -> Target:
    points, filter_ = getattr(request, "points", None), getattr(request, "filter", None)
    if points is not None:
        return [point_id(i) for i in points]
    if filter_ is None:
        raise bad_request("Either list of ids or filter must be provided")
    return filter_


def _selector(body: Any) -> Any:
    by_ids = isinstance(body, dict) and "points" in body
    return model(rest.PointIdsList if by_ids else rest.FilterSelector, body)


def delete(body: Any) -> tuple[Write, Any]:
    request = _selector(body)
    return Delete(_target(request)), request.shard_key


def clear_payload(body: Any) -> tuple[Write, Any]:
    request = _selector(body)
    return ClearPayload(_target(request)), request.shard_key


def set_payload(body: Any) -> tuple[Write, Any]:
    request = model(rest.SetPayload, body)
    return SetPayload(_target(request), body["payload"], request.key), request.shard_key


def overwrite_payload(body: Any) -> tuple[Write, Any]:
    request = model(rest.SetPayload, body)
    return OverwritePayload(_target(request), body["payload"]), request.shard_key


def delete_payload(body: Any) -> tuple[Write, Any]:
    request = model(rest.DeletePayload, body)
    return DeletePayload(_target(request), request.keys), request.shard_key


def delete_vectors(body: Any) -> tuple[Write, Any]:
    request = model(rest.DeleteVectors, body)
    targets: list[Target] = []
    if request.points is not None:
        targets.append([point_id(i) for i in request.points])
    if request.filter is not None:
        targets.append(request.filter)
    if not targets:
        raise bad_request("Either list of ids or filter must be provided")
    if not request.vector:
        raise ValidationError("vector: must specify vector names to delete")
    return DeleteVectors(request.vector, targets), request.shard_key


INDEX_PARAMS: dict[str, type[pydantic.BaseModel]] = {
    "keyword": rest.KeywordIndexParams,
    "integer": rest.IntegerIndexParams,
    "float": rest.FloatIndexParams,
    "geo": rest.GeoIndexParams,
    "text": rest.TextIndexParams,
    "bool": rest.BoolIndexParams,
    "datetime": rest.DatetimeIndexParams,
    "uuid": rest.UuidIndexParams,
}


def create_index(body: Any) -> CreateIndex:
    given = body.get("field_schema") if isinstance(body, dict) else None
    if isinstance(given, dict) and given.get("type") in INDEX_PARAMS:
        body = {**body, "field_schema": heard(INDEX_PARAMS[given["type"]], given)}
    request = model(rest.CreateFieldIndex, body)
    schema = request.field_schema
    if schema is None:
        raise bad_request("Field type is not specified")
    if isinstance(schema, rest.PayloadSchemaType):
        return CreateIndex(request.field_name, schema.value, None)
    params = schema.model_dump(mode="json", exclude_none=True)
    return CreateIndex(request.field_name, params["type"], params)


WRITES = {
    "delete": delete,
    "set_payload": set_payload,
    "overwrite_payload": overwrite_payload,
    "delete_payload": delete_payload,
    "clear_payload": clear_payload,
    "update_vectors": update_vectors,
    "delete_vectors": delete_vectors,
}


def batch(body: Any, version: Version) -> list[tuple[Write, Any]]:
    """The operations of a `points/batch`."""
    if not isinstance(body, dict) or not isinstance(body.get("operations"), list):
        raise ApiError("Format error in JSON body: missing field `operations`")
    decoded: list[tuple[Write, Any]] = []
    for operation in body["operations"]:
        (name, given), *more = operation.items()
        if more or name not in {"upsert", *WRITES}:
            raise ApiError("Format error in JSON body: data did not match any variant of untagged enum UpdateOperation")
        decoded.append(upsert(given, version) if name == "upsert" else WRITES[name](given))
    return decoded
