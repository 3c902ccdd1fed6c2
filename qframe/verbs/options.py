"""The keyword options of the verbs as types, so that what forwards them is typed without repeating them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, TypedDict

if TYPE_CHECKING:
    import uuid

    from qframe.delivery.jobs import BackendName
    from qframe.delivery.policy import RetryPolicy
    from qframe.frames.results import DtypeBackend
    from qframe.model.batch import Ordering
    from qframe.model.operations import StoredNulls, UpdateMode
    from qframe.model.points import ShardKey
    from qframe.model.requests import Consistency
    from qframe.reading.options import Extra, OnMismatch
    from qframe.write.options import Duplicates, Errors, Progress


class UpsertOptions(TypedDict, total=False):
    """Options of `Collection.upsert`."""

    id: str | None
    id_from: Sequence[str] | None
    namespace: uuid.UUID | None
    vector: Any
    payload: Any
    shard_key: str | int | None
    nulls: StoredNulls
    null_vectors: Literal["raise", "omit"]
    mode: UpdateMode
    update_filter: Any
    if_missing: Literal["create", "raise"]
    n_jobs: int | None
    backend: BackendName
    batch_size: int | None
    batch_bytes: int | None
    wait: bool
    ordering: Ordering
    timeout: float | None
    deadline: float | None
    retry: RetryPolicy | None
    errors: Errors
    max_failures: int | None
    duplicates: Duplicates
    progress: Progress
    return_ids: bool


class CreateOptions(TypedDict, total=False):
    """Options of `Collection.create_collection`."""

    vector: Any
    distance: str | Mapping[str, str]
    indexes: Literal["auto"] | Mapping[str, Any] | None
    on_disk: bool | None
    datatype: str | None
    quantization: Mapping[str, Any] | None
    shard_number: int | None
    replication_factor: int | None
    if_exists: Literal["raise", "ignore", "replace"]
    config: Mapping[str, Any] | None


class _PointOptions(TypedDict, total=False):
    """What `Collection.scan`, `read`, `iter_frames` and `retrieve` have in common."""

    schema: Any
    schema_overrides: Any
    infer_schema_length: int
    vectors: bool | str | Sequence[str]
    on_mismatch: OnMismatch
    extra: Extra
    retry: RetryPolicy | None
    timeout: float | None
    deadline: float | None
    consistency: Consistency | None
    shard_key: ShardKey | None
    id_name: str


class ScanOptions(_PointOptions, total=False):
    """Options of `Collection.scan`."""

    filter: Any
    limit: int | None


class RetrieveOptions(_PointOptions, total=False):
    """Options of `Collection.retrieve`, beside `frame`."""

    columns: Sequence[str] | None
    dtype_backend: DtypeBackend


class ReadOptions(ScanOptions, RetrieveOptions, total=False):
    """Options of `Collection.read`, beside `frame`."""


class IterOptions(ReadOptions, total=False):
    """Options of `Collection.iter_frames`, beside `frame`."""

    batch_size: int


class SearchOptions(TypedDict, total=False):
    """Options of `Collection.search`, beside `frame`."""

    using: str | None
    limit: int
    offset: int
    filter: Any
    score_threshold: float | None
    params: Mapping[str, Any] | None
    columns: Sequence[str] | None
    vectors: bool | str | Sequence[str]
    schema: Any
    schema_overrides: Any
    id_name: str
    dtype_backend: DtypeBackend
