"""What a request asks for, in one form for both wires: rows and write operations.

Made by `json_points` and `proto_points`, applied by `collection`. Filters and selectors stay the official REST models.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from uuid import UUID

from qdrant_client.http.models import Filter

from .errors import ApiError

PointId = int | UUID
MAX_DEPTH = 100
"""The engine accepts payloads nested deeper, and then cannot open its folder again."""


class Sparse(NamedTuple):
    indices: Any
    values: Any


class Multi(NamedTuple):
    rows: Any


class Row(NamedTuple):
    """One point; `vectors` by name, the unnamed one under ""; a dense vector is any sequence of numbers."""

    id: PointId
    vectors: dict[str, Any]
    payload: dict[str, Any] | None = None


Target = list[PointId] | Filter


@dataclass
class Upsert:
    rows: list[Row]
    mode: str | None = None
    condition: Filter | None = None


@dataclass
class UpdateVectors:
    rows: list[Row]
    condition: Filter | None = None


@dataclass
class Delete:
    target: Target


@dataclass
class SetPayload:
    target: Target
    payload: dict[str, Any]
    key: str | None = None


@dataclass
class OverwritePayload:
    target: Target
    payload: dict[str, Any]


@dataclass
class DeletePayload:
    target: Target
    keys: list[str]


@dataclass
class ClearPayload:
    target: Target


@dataclass
class DeleteVectors:
    names: list[str]
    targets: list[Target]


@dataclass
class CreateIndex:
    field_name: str
    kind: str
    params: dict[str, Any] | None


@dataclass
class DeleteIndex:
    field_name: str


Write = (
    Upsert
    | UpdateVectors
    | Delete
    | SetPayload
    | OverwritePayload
    | DeletePayload
    | ClearPayload
    | DeleteVectors
    | CreateIndex
    | DeleteIndex
)


@dataclass
class Work:
    """A decoded request, ready to run: what the request log and the fault rules need to know of it."""

    run: Callable[[], Any]
    points: int = 0
    ids: list[PointId] = field(default_factory=list)
    asked: dict[str, Any] | None = None


def ids_of(operation: Write) -> list[PointId]:
    """Ids that the operation names."""
    match operation:
        case Upsert() | UpdateVectors():
            return [row.id for row in operation.rows]
        case DeleteVectors():
            return [i for target in operation.targets if isinstance(target, list) for i in target]
        case CreateIndex() | DeleteIndex():
            return []
        case _:
            return operation.target if isinstance(operation.target, list) else []


def filters_of(operation: Write) -> list[Filter]:
    """Filters by which the operation selects its points."""
    targets = operation.targets if isinstance(operation, DeleteVectors) else [getattr(operation, "target", None)]
    return [target for target in targets if isinstance(target, Filter)]


def point_id(value: Any) -> PointId:
    """An id as the server takes it: an unsigned integer or a UUID in any spelling."""
    if isinstance(value, UUID):
        return value
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**64:
        return value
    if isinstance(value, str):
        try:
            return UUID(value)
        except ValueError:
            pass
    shown = str(value).lower() if isinstance(value, bool) else value
    raise ApiError(
        f"Format error in JSON body: value {shown} is not a valid point ID, "
        "valid values are either an unsigned integer or a UUID"
    )


def check_depth(payload: Any) -> None:
    """Refuse what the engine would store and then never open again."""
    level = [payload]
    for _ in range(MAX_DEPTH):
        nested = [v for value in level if isinstance(value, dict) for v in value.values()]
        nested += [v for value in level if isinstance(value, list) for v in value]
        level = [value for value in nested if isinstance(value, (dict, list))]
        if not level:
            return
    raise ApiError("Format error in JSON body: recursion limit exceeded")
