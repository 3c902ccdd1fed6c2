"""The keyword options of the verbs as types, so that what forwards them is typed without repeating them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, TypedDict

if TYPE_CHECKING:
    import os
    import uuid

    from qframe.columns.dense import NullVectors
    from qframe.delivery.jobs import BackendName
    from qframe.delivery.policy import RetryPolicy
    from qframe.frames.results import DtypeBackend
    from qframe.frames.source import Library
    from qframe.model.batch import Missing, Ordering
    from qframe.model.operations import StoredNulls, UpdateMode
    from qframe.model.options import Errors
    from qframe.model.points import ShardKey
    from qframe.model.queries import Fusion
    from qframe.model.requests import Consistency
    from qframe.planning.options import Extra, OnMismatch, Pushdown
    from qframe.write.create import IfExists, IfMissing
    from qframe.write.options import Duplicates, Order, Progress
    from qframe.write.verbs import SetNulls


class DeliveryOptions(TypedDict, total=False):
    """The options that all writes share, as `qframe.verbs.delivery` documents them."""

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
    order: Order
    duplicates: Duplicates
    progress: Progress
    checkpoint: str | os.PathLike[str] | None
    return_ids: bool


class _RowOptions(DeliveryOptions, total=False):
    """What all writes by frame have in common."""

    id: str | None
    id_from: Sequence[str] | None
    namespace: uuid.UUID | None
    shard_key: ShardKey | None


class UpsertOptions(_RowOptions, total=False):
    """Options of `Collection.upsert`."""

    vector: Any
    payload: Any
    nulls: StoredNulls
    null_vectors: NullVectors
    mode: UpdateMode
    update_filter: Any
    if_missing: IfMissing


class DeleteOptions(_RowOptions, total=False):
    """Options of `Collection.delete`, by frame."""


class ChangeOptions(_RowOptions, total=False):
    """Options of `Collection.clear_payload`, and of the verbs that name what they delete, by frame."""

    missing: Missing


class UpdateVectorsOptions(ChangeOptions, total=False):
    """Options of `Collection.update_vectors`."""

    vector: Any
    null_vectors: NullVectors


class SetPayloadOptions(ChangeOptions, total=False):
    """Options of `Collection.set_payload`, by frame."""

    payload: Any
    key: str | None
    nulls: SetNulls


class OverwritePayloadOptions(ChangeOptions, total=False):
    """Options of `Collection.overwrite_payload`, by frame."""

    payload: Any
    nulls: StoredNulls


class CheckOptions(TypedDict, total=False):
    """Options of `Collection.check`."""

    id: str | None
    id_from: Sequence[str] | None
    namespace: uuid.UUID | None
    vector: Any
    payload: Any
    shard_key: ShardKey | None
    nulls: StoredNulls
    null_vectors: NullVectors
    mode: UpdateMode
    update_filter: Any
    if_missing: IfMissing
    batch_size: int | None
    batch_bytes: int | None
    duplicates: Duplicates


class BatchOptions(TypedDict, total=False):
    """Options of `Collection.batch`."""

    batch_size: int | None
    batch_bytes: int | None
    wait: bool
    ordering: Ordering
    timeout: float | None
    deadline: float | None
    retry: RetryPolicy | None
    errors: Errors
    max_failures: int | None
    missing: Missing
    progress: Progress


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
    if_exists: IfExists
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
    pushdown: Pushdown
    n_jobs: int | None
    maintain_order: bool


class RetrieveOptions(_PointOptions, total=False):
    """Options of `Collection.retrieve`, beside `frame`."""

    columns: Sequence[str] | None
    dtype_backend: DtypeBackend


class JoinOptions(RetrieveOptions, total=False):
    """Options of `Collection.retrieve` for the rows of a frame."""

    id: str | None
    id_from: Sequence[str] | None
    namespace: uuid.UUID | None
    suffix: str
    indicator: str | None


class ReadOptions(ScanOptions, RetrieveOptions, total=False):
    """Options of `Collection.read`, beside `frame`."""


class IterOptions(ReadOptions, total=False):
    """Options of `Collection.iter_frames`, beside `frame`."""

    batch_size: int


class CountOptions(TypedDict, total=False):
    """Options of `Collection.count`."""

    filter: Any
    exact: bool
    schema: Any
    schema_overrides: Any
    on_mismatch: OnMismatch
    shard_key: ShardKey | None


class FacetOptions(TypedDict, total=False):
    """Options of `Collection.facet`, beside `frame`."""

    filter: Any
    limit: int
    exact: bool
    schema: Any
    schema_overrides: Any
    shard_key: ShardKey | None
    dtype_backend: DtypeBackend


class SearchVectorOptions(TypedDict, total=False):
    """Options of `qframe.search`, beside `frame`."""

    using: str | None
    limit: int
    offset: int
    filter: Any
    score_threshold: float | None
    params: Mapping[str, Any] | None
    prefetch: Sequence[Mapping[str, Any]] | None
    fusion: Fusion | None
    columns: Sequence[str] | None
    vectors: bool | str | Sequence[str]
    schema: Any
    schema_overrides: Any
    infer_schema_length: int
    on_mismatch: OnMismatch
    extra: Extra
    retry: RetryPolicy | None
    timeout: float | None
    deadline: float | None
    consistency: Consistency | None
    shard_key: ShardKey | None
    id_name: str
    dtype_backend: DtypeBackend


class SearchOptions(SearchVectorOptions, total=False):
    """Options of `Collection.search`, beside `data` and `frame`."""

    keep: Sequence[str] | None
    n_jobs: int | None
    errors: Errors


class SearchFrameOptions(SearchOptions, total=False):
    """Options of ``frame.qdrant.search``."""

    frame: Library | None
