"""The verbs of `Collection` that write points and vectors, documented and typed; holds no logic.

The flows are imported where they are called, so that `import qframe` and completion cost nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Unpack

from qframe.verbs.delivery import shared
from qframe.verbs.naming import methods_called
from qframe.verbs.options import DeliveryOptions
from qframe.verbs.payload_writer import PayloadWriter

if TYPE_CHECKING:
    import uuid

    from qframe.columns.dense import NullVectors
    from qframe.model.batch import Missing
    from qframe.model.operations import StoredNulls, UpdateMode
    from qframe.model.points import ShardKey
    from qframe.report import WriteReport
    from qframe.write.create import IfMissing


@methods_called("Collection")
class Writer(PayloadWriter):
    """Points and parts of them, from the rows of a frame or by filter."""

    __slots__ = ()

    @shared
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
        **delivery: Unpack[DeliveryOptions],
    ) -> WriteReport:
        """Write a frame's rows as points; a point that exists already is replaced whole.

        Parameters
        ----------
        data : frame
            A polars DataFrame or LazyFrame, a pandas DataFrame, anything with ``__arrow_c_stream__`` (Arrow tables and
            readers, DuckDB relations), or an iterable of these. A frame in memory is checked whole before the first
            byte is sent; a stream chunk by chunk.
        id : str, optional
            The id column: integers 0 … 2^64 - 1, UUID objects or UUID text; default: the column, or named pandas
            index, ``id``. ``"uuid4"`` makes random ids, given back in ``report.ids``.
        id_from : sequence of str, optional
            Instead of `id`: a UUIDv5 of these columns' values, the same on every machine (`qframe.make_ids`).
        namespace : uuid.UUID, optional
            For `id_from`; default: qframe's own.
        vector : str, sequence, mapping, array or False, optional
            Which columns are vectors: a column name, several, or ``{"target name": source}`` where a source is a
            column, a pair of columns (indices, values) for a sparse vector, a list of number columns for one dense
            vector, or an array of shape (n, d). Default: columns named like the collection's vectors, else the only
            vector-like column. ``False``: no vectors.
        payload : sequence of str, polars selector or False, optional
            Default: all columns without another role; vector-like columns must be named here or left out.
        shard_key : str or int, optional
            A column, or one value for all rows.
        nulls : "omit" or "keep"
            Whether a null in a payload column (NaN counts as null) is left out of the payload or stored as null.
        null_vectors : "raise" or "omit"
            Whether a null vector is a bad row, or a point without that vector.
        mode : "upsert", "insert_only" or "update_only"
            Qdrant's update mode (server 1.17 and later). The server does not say what it skipped, so rows count as
            written when they were accepted.
        update_filter : optional
            Points that exist and do not match it are left as they are (server 1.16 and later): a filter as in
            `Collection.set_payload`. An expression looks at what is stored; a column of the frame has the frame's
            type, unless a sample shows values of another kind.
        if_missing : "create" or "raise"
            What to do when there is no such collection.

        Returns
        -------
        WriteReport
            What became of every row.

        Raises
        ------
        FrameError
            Before anything is sent: a column or value that cannot be written; it names column, row, value, way out.
        OptionError
            An option makes no sense, or two exclude each other.
        CollectionNotFoundError
            With ``if_missing="raise"``, or when the name is probably a slip of an existing one.
        UnsupportedError
            The target is too old for `mode` or `update_filter`, or cannot be used by other processes.
        WriteError
            With ``errors="raise"``, when some rows were not written; it carries the report.
        WriteInterrupted
            On Ctrl-C; it carries the report.
        """
        from qframe.write.options import WriteSettings
        from qframe.write.roles import RoleOptions
        from qframe.write.upsert import UpsertOptions, upsert

        roles = RoleOptions(id, id_from, namespace, vector, payload, shard_key)
        options = UpsertOptions(nulls, null_vectors, mode, update_filter, if_missing)
        return upsert(self.connection, self.name, data, roles, options, WriteSettings(**delivery))

    @shared
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
        missing: Missing = "report",
        **delivery: Unpack[DeliveryOptions],
    ) -> WriteReport:
        """Replace vectors of points that exist; their other vectors and their payload stay.

        Parameters
        ----------
        data, id, id_from, namespace, shard_key :
            As in `Collection.upsert`; random ids have no place here.
        vector : str, sequence, mapping or array, optional
            As in `Collection.upsert`, at least one. Columns without a role are ignored.
        null_vectors : "raise" or "omit"
            Whether a null vector is a bad row, or a vector that stays as it is; rows without any are skipped.
        missing : "report" or "skip"
            What a row is whose id is not there: failed, or skipped.

        Returns
        -------
        WriteReport

        Raises
        ------
        FrameError, OptionError, CollectionNotFoundError, UnsupportedError, WriteError, WriteInterrupted
            As in `Collection.upsert`; the collection is never created.
        """
        from qframe.write import verbs
        from qframe.write.frame import write_frame
        from qframe.write.options import WriteSettings
        from qframe.write.roles import RoleOptions

        roles = RoleOptions(id, id_from, namespace, vector, shard_key=shard_key)
        write = verbs.update_vectors(roles, null_vectors)
        return write_frame(self.connection, self.name, data, write, WriteSettings(missing=missing, **delivery))

    @shared
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
        missing: Missing = "report",
        **delivery: Unpack[DeliveryOptions],
    ) -> WriteReport:
        """Remove vectors from points that exist. Of a frame only the ids are taken.

        Parameters
        ----------
        data, id, id_from, namespace, shard_key, filter, schema_overrides, missing :
            As in `Collection.set_payload`.
        vectors : str or sequence of str
            Names of the collection's vectors; ``""`` is the unnamed one.

        Returns
        -------
        WriteReport
            As of `Collection.set_payload`.

        Raises
        ------
        FrameError, OptionError, CollectionNotFoundError, UnsupportedError, WriteError, WriteInterrupted
            As in `Collection.upsert`; the collection is never created. FrameError for a vector it does not have, too.
        """
        from qframe.write import verbs
        from qframe.write.matching import Choice, write_either
        from qframe.write.options import WriteSettings
        from qframe.write.roles import RoleOptions

        roles = RoleOptions(id, id_from, namespace, shard_key=shard_key)
        write, settings = verbs.delete_vectors(roles, vectors), WriteSettings(missing=missing, **delivery)
        return write_either(self.connection, self.name, data, Choice(filter, schema_overrides), write, settings)

    @shared
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
        **delivery: Unpack[DeliveryOptions],
    ) -> WriteReport:
        """Remove points. Of a frame only the ids are taken; ids that are not there count as written.

        Parameters
        ----------
        data, id, id_from, namespace, shard_key, filter, schema_overrides :
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

        write = verbs.delete(RoleOptions(id, id_from, namespace, shard_key=shard_key))
        choice, settings = Choice(filter, schema_overrides), WriteSettings(**delivery)
        return write_either(self.connection, self.name, data, choice, write, settings)
