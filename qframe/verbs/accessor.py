"""What `frame.qdrant` is: the verbs of `Collection` that take a frame, with it filled in; holds no logic and no state.

Made anew at each access and imported when polars or pandas are, so it stays light.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NoReturn, Unpack

from qframe.verbs.collection import Collection
from qframe.verbs.forwarding import forwards_to
from qframe.verbs.naming import absent, methods_called
from qframe.verbs.options import (
    ChangeOptions,
    CheckOptions,
    CreateOptions,
    DeleteOptions,
    DeliveryOptions,
    JoinOptions,
    OverwritePayloadOptions,
    SearchFrameOptions,
    SetPayloadOptions,
    UpdateVectorsOptions,
    UpsertOptions,
)

if TYPE_CHECKING:
    from qframe.report import WriteReport
    from qframe.write.frame_check import FrameCheck


_ELSEWHERE = {
    **dict.fromkeys(DeliveryOptions.__annotations__, "It says how rows are sent, by the verbs that write."),
    **dict.fromkeys(("filter", "schema_overrides"), "The verbs that write by filter are those of qf.collection(…)."),
}


@methods_called("df.qdrant", _ELSEWHERE)
class QdrantNamespace:
    """The `.qdrant` namespace of polars DataFrames and LazyFrames and of pandas DataFrames."""

    __slots__ = ("_frame",)

    def __init__(self, frame: Any) -> None:
        self._frame = frame

    def __getattr__(self, name: str) -> NoReturn:
        raise AttributeError(absent("df.qdrant", name, type(self)), name=name, obj=self)

    @forwards_to(Collection.create_collection)
    def create_collection(self, collection: str, *, connection: Any = None, **options: Unpack[CreateOptions]) -> bool:
        return Collection.of(collection, connection).create_collection(self._frame, **options)

    @forwards_to(Collection.upsert)
    def upsert(self, collection: str, *, connection: Any = None, **options: Unpack[UpsertOptions]) -> WriteReport:
        return Collection.of(collection, connection).upsert(self._frame, **options)

    @forwards_to(Collection.update_vectors)
    def update_vectors(
        self, collection: str, *, connection: Any = None, **options: Unpack[UpdateVectorsOptions]
    ) -> WriteReport:
        return Collection.of(collection, connection).update_vectors(self._frame, **options)

    @forwards_to(Collection.set_payload, "filter", "schema_overrides")
    def set_payload(
        self, collection: str, *, connection: Any = None, **options: Unpack[SetPayloadOptions]
    ) -> WriteReport:
        return Collection.of(collection, connection).set_payload(self._frame, **options)

    @forwards_to(Collection.overwrite_payload, "filter", "schema_overrides")
    def overwrite_payload(
        self, collection: str, *, connection: Any = None, **options: Unpack[OverwritePayloadOptions]
    ) -> WriteReport:
        return Collection.of(collection, connection).overwrite_payload(self._frame, **options)

    @forwards_to(Collection.delete_payload, "filter", "schema_overrides")
    def delete_payload(
        self, collection: str, *, keys: str | Sequence[str], connection: Any = None, **options: Unpack[ChangeOptions]
    ) -> WriteReport:
        return Collection.of(collection, connection).delete_payload(self._frame, keys=keys, **options)

    @forwards_to(Collection.clear_payload, "filter", "schema_overrides")
    def clear_payload(
        self, collection: str, *, connection: Any = None, **options: Unpack[ChangeOptions]
    ) -> WriteReport:
        return Collection.of(collection, connection).clear_payload(self._frame, **options)

    @forwards_to(Collection.delete_vectors, "filter", "schema_overrides")
    def delete_vectors(
        self, collection: str, *, vectors: str | Sequence[str], connection: Any = None, **options: Unpack[ChangeOptions]
    ) -> WriteReport:
        return Collection.of(collection, connection).delete_vectors(self._frame, vectors=vectors, **options)

    @forwards_to(Collection.delete, "filter", "schema_overrides")
    def delete(self, collection: str, *, connection: Any = None, **options: Unpack[DeleteOptions]) -> WriteReport:
        return Collection.of(collection, connection).delete(self._frame, **options)

    @forwards_to(Collection.retrieve, "ids", "frame")
    def retrieve(self, collection: str, *, connection: Any = None, **options: Unpack[JoinOptions]) -> Any:
        return Collection.of(collection, connection).retrieve(data=self._frame, **options)

    @forwards_to(Collection.check)
    def check(self, collection: str, *, connection: Any = None, **options: Unpack[CheckOptions]) -> FrameCheck:
        return Collection.of(collection, connection).check(self._frame, **options)

    @forwards_to(Collection.search)
    def search(
        self,
        collection: str,
        vector: Any = None,
        *,
        connection: Any = None,
        **options: Unpack[SearchFrameOptions],
    ) -> Any:
        return Collection.of(collection, connection).search(vector, data=self._frame, **options)

    def __repr__(self) -> str:
        return f"<qdrant namespace of a {type(self._frame).__module__.split('.')[0]} {type(self._frame).__name__}>"
