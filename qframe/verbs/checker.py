"""`Collection.check`: what an upsert would come to, without writing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from qframe.verbs.naming import methods_called
from qframe.verbs.options import DeliveryOptions

if TYPE_CHECKING:
    import uuid

    from qframe.columns.dense import NullVectors
    from qframe.connection import Connection
    from qframe.model.operations import StoredNulls, UpdateMode
    from qframe.model.points import ShardKey
    from qframe.write.create import IfMissing
    from qframe.write.frame_check import FrameCheck
    from qframe.write.options import Duplicates

_ELSEWHERE = dict.fromkeys(DeliveryOptions.__annotations__, "It says how rows are sent, and check sends none.")


@methods_called("Collection", _ELSEWHERE)
class Checker:
    """A look at a frame that writes nothing."""

    __slots__ = ()

    name: str
    connection: Connection

    def check(
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
        batch_size: int | None = None,
        batch_bytes: int | None = None,
        duplicates: Duplicates = "raise",
    ) -> FrameCheck:
        """Look at a frame against the collection as `upsert` would, and write nothing.

        Every row is looked at, and what is found is a value: an upsert stops at the first fault, this goes on. Streams
        are read chunk by chunk; one that can be read only once is used up.

        Parameters
        ----------
        data : frame
            Anything that `Collection.upsert` takes.
        id, id_from, namespace, vector, payload, shard_key :
            As in `Collection.upsert`.
        nulls, null_vectors, mode, update_filter, if_missing :
            As in `Collection.upsert`.
        batch_size, batch_bytes :
            As in `Collection.upsert`; they say how many requests there would be.
        duplicates : "raise", "first", "last" or "keep"
            As in `Collection.upsert`: whether ids that occur twice are bad rows, left out, or written in order.

        Returns
        -------
        FrameCheck
            `ok`, `problems` (a frame of the caller's library: errors, for which a write is refused, and warnings), how
            many rows, bytes and requests, what each column is for, and the collection that would be made.

        Raises
        ------
        FrameError
            `data` is no frame.
        OptionError
            An option makes no sense, or two exclude each other.
        UnreachableError
            Nothing answers.
        AuthenticationError
            The key is missing or wrong.
        """
        from qframe.write.checking import check
        from qframe.write.options import WriteSettings
        from qframe.write.roles import RoleOptions
        from qframe.write.upsert import UpsertOptions

        roles = RoleOptions(
            id=id, id_from=id_from, namespace=namespace, vector=vector, payload=payload, shard_key=shard_key
        )
        options = UpsertOptions(nulls, null_vectors, mode, update_filter, if_missing)
        settings = WriteSettings(
            batch_size=batch_size,
            batch_bytes=batch_bytes,
            duplicates=duplicates,
            # For its duplicates="keep", which needs an order; nothing is sent, so any will do.
            order="ordered",
            errors="report",
        )
        return check(self.connection, self.name, data, roles, options, settings)
