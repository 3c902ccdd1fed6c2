"""The verbs of `Collection` that write payload, documented and typed; holds no logic.

The flows are imported where they are called, so that `import qframe` and completion cost nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Unpack

from qframe.verbs.delivery import shared
from qframe.verbs.naming import methods_called
from qframe.verbs.options import DeliveryOptions

if TYPE_CHECKING:
    import uuid

    from qframe.connection import Connection
    from qframe.model.batch import Missing
    from qframe.model.operations import StoredNulls
    from qframe.model.points import ShardKey
    from qframe.report import WriteReport
    from qframe.write.verbs import SetNulls


@methods_called("Collection")
class PayloadWriter:
    """Payload of points that exist, from the rows of a frame or by filter."""

    __slots__ = ()

    name: str
    connection: Connection

    @shared
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
        missing: Missing = "report",
        **delivery: Unpack[DeliveryOptions],
    ) -> WriteReport:
        """Set keys in the payload of points that exist; their other keys and their vectors stay.

        Rows with the same payload become one operation on the wire.

        Parameters
        ----------
        data : frame, optional
            As in `Collection.upsert`; instead of `filter`.
        id, id_from, namespace, shard_key :
            As in `Collection.upsert`; random ids have no place here.
        payload : sequence of str or polars selector, optional
            Columns, at least one; default: all without another role, vector-like ones must be named or left out.
        key : str, optional
            A payload path under which they are set, for example ``"address"``; default: at the top. What stands there
            and is no object, a number say, is replaced by one. An element of a list (``"stops[0]"``, ``"stops[]"``)
            that is not there is not made, and the server does not say so.
        nulls : "remove" or "skip"
            Whether a null (NaN counts as null) removes the key, or leaves it as it is.
        filter : optional
            Instead of `data`: all points that match. A Qdrant filter (JSON, or a model of qdrant_client), an expression
            as in `Collection.scan` that the server can evaluate exactly, or a list of these. ``{}`` are all points of
            the collection. `payload` is then a mapping of keys to values. There are no rows, and options that speak of
            rows are refused.
        schema_overrides : mapping, optional
            Types of columns that an expression in `filter` looks at, as in `Collection.scan`: dates, times and Enums
            are text to a sample.
        missing : "report" or "skip"
            What a row is whose id is not there: failed, or skipped.

        Returns
        -------
        WriteReport
            What became of every row; of a filter, one row stands for all that it matches.

        Raises
        ------
        FrameError, OptionError, CollectionNotFoundError, UnsupportedError, WriteError, WriteInterrupted
            As in `Collection.upsert`; the collection is never created.
        """
        from qframe.write import verbs
        from qframe.write.matching import Choice, write_either
        from qframe.write.options import WriteSettings
        from qframe.write.roles import RoleOptions

        roles = RoleOptions(id, id_from, namespace, payload=payload, shard_key=shard_key)
        write, settings = verbs.set_payload(roles, key, nulls), WriteSettings(missing=missing, **delivery)
        return write_either(self.connection, self.name, data, Choice(filter, schema_overrides), write, settings)

    @shared
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
        missing: Missing = "report",
        **delivery: Unpack[DeliveryOptions],
    ) -> WriteReport:
        """Replace the whole payload of points that exist; their vectors stay.

        Rows with the same payload become one operation on the wire.

        Parameters
        ----------
        data, id, id_from, namespace, payload, shard_key, filter, schema_overrides, missing :
            As in `Collection.set_payload`.
        nulls : "omit" or "keep"
            Whether a null (NaN counts as null) is left out of the payload or stored as null.

        Returns
        -------
        WriteReport
            As of `Collection.set_payload`.

        Raises
        ------
        FrameError, OptionError, CollectionNotFoundError, UnsupportedError, WriteError, WriteInterrupted
            As in `Collection.upsert`; the collection is never created.
        """
        from qframe.write import verbs
        from qframe.write.matching import Choice, write_either
        from qframe.write.options import WriteSettings
        from qframe.write.roles import RoleOptions

        roles = RoleOptions(id, id_from, namespace, payload=payload, shard_key=shard_key)
        write, settings = verbs.overwrite_payload(roles, nulls), WriteSettings(missing=missing, **delivery)
        return write_either(self.connection, self.name, data, Choice(filter, schema_overrides), write, settings)

    @shared
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
        missing: Missing = "report",
        **delivery: Unpack[DeliveryOptions],
    ) -> WriteReport:
        """Remove keys from the payload of points that exist. Of a frame only the ids are taken.

        Parameters
        ----------
        data, id, id_from, namespace, shard_key, filter, schema_overrides, missing :
            As in `Collection.set_payload`.
        keys : str or sequence of str
            Payload paths: ``"price"``, ``"address.city"``, ``"stops[].name"``; ``"tags[]"`` empties a list, and a path
            that ends at one element, ``"tags[0]"``, is refused: servers pass over it. A key that has a dot or brackets
            of its own stands in double quotes: ``'"a.b"'``.

        Returns
        -------
        WriteReport
            As of `Collection.set_payload`.

        Raises
        ------
        FrameError, OptionError, CollectionNotFoundError, UnsupportedError, WriteError, WriteInterrupted
            As in `Collection.upsert`; the collection is never created.
        """
        from qframe.write import verbs
        from qframe.write.matching import Choice, write_either
        from qframe.write.options import WriteSettings
        from qframe.write.roles import RoleOptions

        roles = RoleOptions(id, id_from, namespace, shard_key=shard_key)
        write, settings = verbs.delete_payload(roles, keys), WriteSettings(missing=missing, **delivery)
        return write_either(self.connection, self.name, data, Choice(filter, schema_overrides), write, settings)

    @shared
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
        missing: Missing = "report",
        **delivery: Unpack[DeliveryOptions],
    ) -> WriteReport:
        """Remove the whole payload of points that exist. Of a frame only the ids are taken.

        Parameters
        ----------
        data, id, id_from, namespace, shard_key, filter, schema_overrides, missing :
            As in `Collection.set_payload`.

        Returns
        -------
        WriteReport
            As of `Collection.set_payload`.

        Raises
        ------
        FrameError, OptionError, CollectionNotFoundError, UnsupportedError, WriteError, WriteInterrupted
            As in `Collection.upsert`; the collection is never created.
        """
        from qframe.write import verbs
        from qframe.write.matching import Choice, write_either
        from qframe.write.options import WriteSettings
        from qframe.write.roles import RoleOptions

        roles = RoleOptions(id, id_from, namespace, shard_key=shard_key)
        write, settings = verbs.clear_payload(roles), WriteSettings(missing=missing, **delivery)
        return write_either(self.connection, self.name, data, Choice(filter, schema_overrides), write, settings)
