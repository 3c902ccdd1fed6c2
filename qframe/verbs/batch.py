"""`qf.batch`: the writing verbs gathered in a with-block and sent together at its end; documented and typed, no logic.

The flows are imported where they are called, so that `import qframe` and completion cost nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from qframe.verbs.naming import methods_called
from qframe.verbs.options import BatchOptions, DeliveryOptions

if TYPE_CHECKING:
    import uuid

    from qframe.columns.dense import NullVectors
    from qframe.model.operations import StoredNulls, UpdateMode
    from qframe.model.points import ShardKey
    from qframe.report import WriteReport
    from qframe.write.create import IfMissing
    from qframe.write.options import Duplicates
    from qframe.write.several import Several
    from qframe.write.verbs import SetNulls


_ELSEWHERE = {
    **dict.fromkeys(DeliveryOptions.__annotations__, "A batch has no such option."),
    **dict.fromkeys(BatchOptions.__annotations__, "Give it to qf.batch(…)."),
}


@methods_called("WriteBatch", _ELSEWHERE)
class WriteBatch:
    """Operations of several frames on one collection, sent together; what `qframe.batch` gives.

    The verbs take what those of `Collection` take, without the options of delivery. Each looks at its frame at once, so
    that errors come at its line, and sends nothing. At the end of the with-block the operations are sent in the order
    written, one request after another, several to a request; an exception in the block sends nothing. It is not a
    transaction: what was sent before a failure stays.

    Frames must be in memory, and must not be changed in place before the end of the block.
    """

    __slots__ = ("_several",)

    def __init__(self, several: Several) -> None:
        self._several = several

    def __enter__(self) -> Self:
        self._several.begin()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._several.end(error)

    def __repr__(self) -> str:
        return f"WriteBatch: {self._several.text()}"

    @property
    def report(self) -> WriteReport:
        """What became of every row, numbered as if the frames stood one below the other; a filter is one row.

        It is there after the with-block, also when that ended in `WriteError` or `WriteInterrupted`.

        Raises
        ------
        OptionError
            Nothing has been sent.
        """
        return self._several.sent()[0]

    @property
    def reports(self) -> list[WriteReport]:
        """A report for each operation, in order, its rows counted in its own frame, as `select(frame, …)` takes them.

        A request may carry several operations: `batches` counts those with rows of this one, and requests, retries,
        bytes and waits stand in `report` alone.

        Raises
        ------
        OptionError
            Nothing has been sent.
        """
        return self._several.sent()[1]

    def upsert(
        self,
        data: Any,
        *,
        id: str | None = None,  # noqa: A002 - Qdrant's word
        id_from: Sequence[str] | None = None,
        namespace: uuid.UUID | None = None,
        vector: Any = None,
        payload: Any = None,
        shard_key: ShardKey | None = None,
        nulls: StoredNulls = "omit",
        null_vectors: NullVectors = "raise",
        mode: UpdateMode = "upsert",
        update_filter: Any = None,
        if_missing: IfMissing = "create",
        duplicates: Duplicates = "raise",
    ) -> None:
        """Write a frame's rows as points, at the end of the block.

        Parameters
        ----------
        data, id, id_from, namespace, vector, payload, shard_key, nulls, null_vectors, mode, update_filter, if_missing :
            As in `Collection.upsert`.
        duplicates : "raise", "first", "last" or "keep"
            What to do about ids that occur twice in this frame: refuse them, take one row, or send all in their order.
        """
        from qframe.write.roles import RoleOptions
        from qframe.write.upsert import UpsertOptions, upsert_write

        roles = RoleOptions(id, id_from, namespace, vector, payload, shard_key)
        options = UpsertOptions(nulls, null_vectors, mode, update_filter, if_missing)
        write = upsert_write(self._several.connection, self._several.name, data, roles, options, duplicates)
        self._several.add(data, write, duplicates)

    def update_vectors(
        self,
        data: Any,
        *,
        id: str | None = None,  # noqa: A002 - Qdrant's word
        id_from: Sequence[str] | None = None,
        namespace: uuid.UUID | None = None,
        vector: Any = None,
        shard_key: ShardKey | None = None,
        null_vectors: NullVectors = "raise",
        duplicates: Duplicates = "raise",
    ) -> None:
        """Replace vectors of points that exist, at the end of the block.

        Parameters
        ----------
        data, id, id_from, namespace, vector, shard_key, null_vectors :
            As in `Collection.update_vectors`.
        duplicates : "raise", "first", "last" or "keep"
            What to do about ids that occur twice in this frame: refuse them, take one row, or send all in their order.
        """
        from qframe.write import verbs
        from qframe.write.roles import RoleOptions

        write = verbs.update_vectors(RoleOptions(id, id_from, namespace, vector, shard_key=shard_key), null_vectors)
        self._several.add(data, write, duplicates)

    def set_payload(
        self,
        data: Any = None,
        *,
        id: str | None = None,  # noqa: A002 - Qdrant's word
        id_from: Sequence[str] | None = None,
        namespace: uuid.UUID | None = None,
        payload: Any = None,
        key: str | None = None,
        nulls: SetNulls = "remove",
        shard_key: ShardKey | None = None,
        filter: Any = None,  # noqa: A002 - Qdrant's word
        schema_overrides: Any = None,
        duplicates: Duplicates = "raise",
    ) -> None:
        """Set keys in the payload of points that exist, at the end of the block.

        Parameters
        ----------
        data, id, id_from, namespace, payload, key, nulls, shard_key, filter, schema_overrides :
            As in `Collection.set_payload`.
        duplicates : "raise", "first", "last" or "keep"
            What to do about ids that occur twice in this frame: refuse them, take one row, or send all in their order.
        """
        from qframe.write import verbs
        from qframe.write.matching import Choice
        from qframe.write.roles import RoleOptions

        write = verbs.set_payload(RoleOptions(id, id_from, namespace, payload=payload, shard_key=shard_key), key, nulls)
        self._several.add_either(data, Choice(filter, schema_overrides), write, duplicates)

    def overwrite_payload(
        self,
        data: Any = None,
        *,
        id: str | None = None,  # noqa: A002 - Qdrant's word
        id_from: Sequence[str] | None = None,
        namespace: uuid.UUID | None = None,
        payload: Any = None,
        nulls: StoredNulls = "omit",
        shard_key: ShardKey | None = None,
        filter: Any = None,  # noqa: A002 - Qdrant's word
        schema_overrides: Any = None,
        duplicates: Duplicates = "raise",
    ) -> None:
        """Replace the whole payload of points that exist, at the end of the block.

        Parameters
        ----------
        data, id, id_from, namespace, payload, nulls, shard_key, filter, schema_overrides :
            As in `Collection.overwrite_payload`.
        duplicates : "raise", "first", "last" or "keep"
            What to do about ids that occur twice in this frame: refuse them, take one row, or send all in their order.
        """
        from qframe.write import verbs
        from qframe.write.matching import Choice
        from qframe.write.roles import RoleOptions

        write = verbs.overwrite_payload(
            RoleOptions(id, id_from, namespace, payload=payload, shard_key=shard_key), nulls
        )
        self._several.add_either(data, Choice(filter, schema_overrides), write, duplicates)

    def delete_payload(
        self,
        data: Any = None,
        *,
        keys: str | Sequence[str],
        id: str | None = None,  # noqa: A002 - Qdrant's word
        id_from: Sequence[str] | None = None,
        namespace: uuid.UUID | None = None,
        shard_key: ShardKey | None = None,
        filter: Any = None,  # noqa: A002 - Qdrant's word
        schema_overrides: Any = None,
        duplicates: Duplicates = "raise",
    ) -> None:
        """Remove keys from the payload of points that exist, at the end of the block.

        Parameters
        ----------
        data, keys, id, id_from, namespace, shard_key, filter, schema_overrides :
            As in `Collection.delete_payload`.
        duplicates : "raise", "first", "last" or "keep"
            What to do about ids that occur twice in this frame: refuse them, take one row, or send all in their order.
        """
        from qframe.write import verbs
        from qframe.write.matching import Choice
        from qframe.write.roles import RoleOptions

        write = verbs.delete_payload(RoleOptions(id, id_from, namespace, shard_key=shard_key), keys)
        self._several.add_either(data, Choice(filter, schema_overrides), write, duplicates)

    def clear_payload(
        self,
        data: Any = None,
        *,
        id: str | None = None,  # noqa: A002 - Qdrant's word
        id_from: Sequence[str] | None = None,
        namespace: uuid.UUID | None = None,
        shard_key: ShardKey | None = None,
        filter: Any = None,  # noqa: A002 - Qdrant's word
        schema_overrides: Any = None,
        duplicates: Duplicates = "raise",
    ) -> None:
        """Remove the whole payload of points that exist, at the end of the block.

        Parameters
        ----------
        data, id, id_from, namespace, shard_key, filter, schema_overrides :
            As in `Collection.clear_payload`.
        duplicates : "raise", "first", "last" or "keep"
            What to do about ids that occur twice in this frame: refuse them, take one row, or send all in their order.
        """
        from qframe.write import verbs
        from qframe.write.matching import Choice
        from qframe.write.roles import RoleOptions

        write = verbs.clear_payload(RoleOptions(id, id_from, namespace, shard_key=shard_key))
        self._several.add_either(data, Choice(filter, schema_overrides), write, duplicates)

    def delete_vectors(
        self,
        data: Any = None,
        *,
        vectors: str | Sequence[str],
        id: str | None = None,  # noqa: A002 - Qdrant's word
        id_from: Sequence[str] | None = None,
        namespace: uuid.UUID | None = None,
        shard_key: ShardKey | None = None,
        filter: Any = None,  # noqa: A002 - Qdrant's word
        schema_overrides: Any = None,
        duplicates: Duplicates = "raise",
    ) -> None:
        """Remove vectors from points that exist, at the end of the block.

        Parameters
        ----------
        data, vectors, id, id_from, namespace, shard_key, filter, schema_overrides :
            As in `Collection.delete_vectors`.
        duplicates : "raise", "first", "last" or "keep"
            What to do about ids that occur twice in this frame: refuse them, take one row, or send all in their order.
        """
        from qframe.write import verbs
        from qframe.write.matching import Choice
        from qframe.write.roles import RoleOptions

        write = verbs.delete_vectors(RoleOptions(id, id_from, namespace, shard_key=shard_key), vectors)
        self._several.add_either(data, Choice(filter, schema_overrides), write, duplicates)

    def delete(
        self,
        data: Any = None,
        *,
        id: str | None = None,  # noqa: A002 - Qdrant's word
        id_from: Sequence[str] | None = None,
        namespace: uuid.UUID | None = None,
        shard_key: ShardKey | None = None,
        filter: Any = None,  # noqa: A002 - Qdrant's word
        schema_overrides: Any = None,
        duplicates: Duplicates = "raise",
    ) -> None:
        """Remove points, at the end of the block.

        Parameters
        ----------
        data, id, id_from, namespace, shard_key, filter, schema_overrides :
            As in `Collection.delete`.
        duplicates : "raise", "first", "last" or "keep"
            What to do about ids that occur twice in this frame: refuse them, take one row, or send all in their order.
        """
        from qframe.write import verbs
        from qframe.write.matching import Choice
        from qframe.write.roles import RoleOptions

        write = verbs.delete(RoleOptions(id, id_from, namespace, shard_key=shard_key))
        self._several.add_either(data, Choice(filter, schema_overrides), write, duplicates)
