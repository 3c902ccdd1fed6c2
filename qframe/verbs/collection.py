"""`Collection`: every verb and every option, documented once and typed (reading in `reader`, `finder`); no logic.

The flows are imported where they are called, so that `import qframe` and completion cost nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from qframe.connection import Connection, as_connection
from qframe.model.names import check_collection
from qframe.verbs.finder import Finder
from qframe.verbs.reader import Reader

if TYPE_CHECKING:
    import uuid

    from qframe.delivery.jobs import BackendName
    from qframe.delivery.policy import RetryPolicy
    from qframe.model.batch import Ordering
    from qframe.model.operations import StoredNulls, UpdateMode
    from qframe.model.requests import CollectionInfo
    from qframe.report import WriteReport
    from qframe.write.options import Duplicates, Errors, Progress


@dataclass(frozen=True, slots=True)
class Collection(Reader, Finder):
    """A collection on a target; a name and a connection, nothing is opened before a verb is called.

    Parameters
    ----------
    name : str
        Name or alias.
    connection : Connection
        Where it is.

    Raises
    ------
    OptionError
        The name is not text, empty, longer than 255 characters, or has a slash.
    """

    name: str
    connection: Connection

    def __post_init__(self) -> None:
        check_collection(self.name)

    @staticmethod
    def of(name: str, connection: Any = None) -> Collection:
        """The collection `name` on whatever `connection` names; what `qframe.collection` calls.

        Parameters
        ----------
        name : str
            Name or alias.
        connection : Connection or whatever `qframe.connect` takes, optional
            Default: what `qframe.set_connection` has set, else what `qframe.connect()` says.
        """
        return Collection(name, as_connection(connection))

    def exists(self) -> bool:
        """Whether there is such a collection (or alias).

        Raises
        ------
        UnreachableError
            Nothing answers.
        """
        from qframe.administration import exists

        return exists(self.connection, self.name)

    def info(self) -> CollectionInfo:
        """Vectors, indexes, number of points and configuration.

        Returns
        -------
        CollectionInfo

        Raises
        ------
        CollectionNotFoundError
            There is no such collection.
        """
        from qframe.administration import info

        return info(self.connection, self.name)

    def drop(self) -> bool:
        """Remove the collection with all its points. False when there was none."""
        from qframe.administration import drop

        return drop(self.connection, self.name)

    def create_index(self, field: str, type: str | Mapping[str, Any]) -> None:  # noqa: A002 - Qdrant's word
        """Make a payload index.

        Parameters
        ----------
        field : str
            Payload key, or a path such as ``"address.city"``.
        type : str or mapping
            ``"keyword"``, ``"integer"``, ``"float"``, ``"bool"``, ``"datetime"``, ``"uuid"``, ``"geo"``, ``"text"``,
            or the object of Qdrant's REST API, for example ``{"type": "keyword", "is_tenant": True}``.

        Raises
        ------
        CollectionNotFoundError
            There is no such collection.
        OptionError
            The type is none of these.
        ServerError
            The target refuses the parameters.
        """
        from qframe.administration import create_index

        create_index(self.connection, self.name, field, type)

    def drop_index(self, field: str) -> None:
        """Remove the payload index of `field`; the payload itself stays.

        Parameters
        ----------
        field : str
            As given to `create_index`.

        Raises
        ------
        CollectionNotFoundError
            There is no such collection.
        """
        from qframe.administration import drop_index

        drop_index(self.connection, self.name, field)

    def create_collection(
        self,
        data: Any = None,
        *,
        vector: Any = None,
        distance: str | Mapping[str, str] = "cosine",
        indexes: Literal["auto"] | Mapping[str, Any] | None = None,
        on_disk: bool | None = None,
        datatype: str | None = None,
        quantization: Mapping[str, Any] | None = None,
        shard_number: int | None = None,
        replication_factor: int | None = None,
        if_exists: Literal["raise", "ignore", "replace"] = "raise",
        config: Mapping[str, Any] | None = None,
    ) -> bool:
        """Make the collection, with the vectors that the frame has.

        Parameters
        ----------
        data : frame, optional
            Anything `upsert` takes; only its schema (and the width of its list columns) is looked at. Without it the
            vectors must be in `config`.
        vector : str, sequence, mapping, array or False, optional
            Which columns are vectors, as in `Collection.upsert`.
        distance : str or mapping
            ``"cosine"``, ``"dot"``, ``"euclid"``, ``"manhattan"``, for all vectors or by vector name (``""`` is the
            unnamed one). Qdrant normalises cosine vectors when it stores them.
        indexes : "auto", mapping or None
            Payload indexes: a mapping of field to type, or ``"auto"`` for booleans, integers, datetimes, Enum,
            Categorical and the shard key; never free text.
        on_disk : bool, optional
            Whether vectors stay on disk; this and the next four are Qdrant's parameters, None leaves the server's
            default.
        datatype : str, optional
            What the server stores for each number: ``"float32"``, ``"float16"``, ``"uint8"``.
        quantization : mapping, optional
            Qdrant's ``quantization_config``.
        shard_number, replication_factor : int, optional
            Of the collection.
        if_exists : "raise", "ignore" or "replace"
            ``"replace"`` removes the collection and all its points first.
        config : mapping, optional
            Further parts of the body of Qdrant's REST call, as they are; they win over what is derived.

        Returns
        -------
        bool
            Whether a collection was made.

        Raises
        ------
        CollectionExistsError
            It is there already, with ``if_exists="raise"``.
        FrameError
            No vector can be derived from the frame: two candidates, an unknown dimension, a name Qdrant does not allow.
        OptionError
            An unknown distance, index type or option.
        UnsupportedError
            The target cannot do what `config` says.
        """
        from qframe.write.create import create_collection

        return create_collection(
            self.connection,
            self.name,
            data,
            vector=vector,
            distance=distance,
            indexes=indexes,
            on_disk=on_disk,
            datatype=datatype,
            quantization=quantization,
            shard_number=shard_number,
            replication_factor=replication_factor,
            if_exists=if_exists,
            config=config,
        )

    def upsert(
        self,
        data: Any,
        *,
        id: str | None = None,  # noqa: A002 - Qdrant's word
        id_from: Sequence[str] | None = None,
        namespace: uuid.UUID | None = None,
        vector: Any = None,
        payload: Any = None,
        shard_key: str | int | None = None,
        nulls: StoredNulls = "omit",
        null_vectors: Literal["raise", "omit"] = "raise",
        mode: UpdateMode = "upsert",
        update_filter: Any = None,
        if_missing: Literal["create", "raise"] = "create",
        n_jobs: int | None = None,
        backend: BackendName = "threading",
        batch_size: int | None = None,
        batch_bytes: int | None = None,
        wait: bool = True,
        ordering: Ordering = "weak",
        timeout: float | None = None,
        deadline: float | None = None,
        retry: RetryPolicy | None = None,
        errors: Errors = "raise",
        max_failures: int | None = None,
        duplicates: Duplicates = "raise",
        progress: Progress = None,
        return_ids: bool = False,
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
        update_filter : mapping or Filter, optional
            Points that exist and do not match it are left as they are (server 1.16 and later).
        if_missing : "create" or "raise"
            What to do when there is no such collection.
        n_jobs : int, optional
            Requests in flight; default 4. See `joblib.Parallel`.
        backend : "threading", "loky" or "ambient"
            joblib's backend; ``"ambient"`` takes what `joblib.parallel_config` says.
        batch_size : int, optional
            Rows a request, at most; default 10,000.
        batch_bytes : int, optional
            Bytes a request, about; default 3,000,000.
        wait : bool
            Whether the server answers after applying a batch (True) or after logging it (rows are then reported as
            acknowledged).
        ordering : "weak", "medium" or "strong"
            Qdrant's write ordering.
        timeout : float, optional
            Seconds for one request; default: the connection's. The server's own limit follows from it.
        deadline : float, optional
            Seconds for the whole call.
        retry : RetryPolicy, optional
            How often and how patiently a batch is sent again; default: `RetryPolicy()`.
        errors : "raise" or "report"
            ``"raise"``: a bad row in a frame in memory means that nothing is written; a failed batch ends the call with
            `WriteError`. ``"report"``: what can be written is written, the report says the rest.
        max_failures : int, optional
            With ``errors="report"``: end the call after more failed rows than this.
        duplicates : "raise", "first" or "last"
            What to do about ids that occur twice: in the whole frame, in a stream within a chunk.
        progress : None, bool or callable
            None shows a bar after 2 seconds where there is a terminal or notebook; a callable gets (rows done, rows in
            all or None).
        return_ids : bool
            Keep ``report.ids`` for streams too.

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
            With ``if_missing="raise"``, or when the name is within two letters of an existing one.
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

        roles = RoleOptions(
            id=id, id_from=id_from, namespace=namespace, vector=vector, payload=payload, shard_key=shard_key
        )
        options = UpsertOptions(nulls, null_vectors, mode, update_filter, if_missing)
        settings = WriteSettings(
            n_jobs=n_jobs,
            backend=backend,
            batch_size=batch_size,
            batch_bytes=batch_bytes,
            wait=wait,
            ordering=ordering,
            timeout=timeout,
            deadline=deadline,
            retry=retry,
            errors=errors,
            max_failures=max_failures,
            duplicates=duplicates,
            progress=progress,
            return_ids=return_ids,
        )
        return upsert(self.connection, self.name, data, roles, options, settings)
