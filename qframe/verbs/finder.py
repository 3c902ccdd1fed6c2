"""The verbs of `Collection` that ask for some of its points, documented and typed; holds no logic.

The flows are imported where they are called, so that `import qframe` and completion cost nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, Unpack, overload

from qframe.verbs.naming import methods_called
from qframe.verbs.options import FacetOptions, JoinOptions, RetrieveOptions

if TYPE_CHECKING:
    import uuid

    import pandas as pd
    import polars as pl
    import pyarrow as pa

    from qframe.connection import Connection
    from qframe.delivery.policy import RetryPolicy
    from qframe.frames.results import DtypeBackend
    from qframe.frames.source import Library
    from qframe.model.points import ShardKey
    from qframe.model.requests import Consistency
    from qframe.planning.options import Extra, OnMismatch


@methods_called("Collection")
class Finder:
    """Points by number, value and id: count, facet, retrieve."""

    __slots__ = ()

    name: str
    connection: Connection

    def count(
        self,
        *,
        filter: Any = None,  # noqa: A002 - Qdrant's word
        exact: bool = True,
        schema: Any = None,
        schema_overrides: Any = None,
        on_mismatch: OnMismatch = "raise",
        shard_key: ShardKey | None = None,
    ) -> int:
        """Number of points.

        Parameters
        ----------
        filter : optional
            As in `Collection.scan`. The server counts what it can evaluate exactly. For any other expression the
            points are read, no more of them than the server can tell apart, with nothing but the columns that the
            expression looks at, and counted here: always exactly.
        exact : bool
            False lets the server estimate, which is faster.
        schema, schema_overrides, on_mismatch :
            As in `Collection.scan`, for the columns that an expression looks at.
        shard_key : str or int, optional
            Only this shard.

        Raises
        ------
        CollectionNotFoundError
            There is no such collection.
        OptionError
            The filter makes no sense, or names a column that is not there.
        MismatchError
            A stored value that an expression looks at does not fit its column.
        """
        from qframe.planning.options import ReadSettings
        from qframe.reading.count import count

        settings = ReadSettings(
            filter=filter,
            schema=schema,
            schema_overrides=schema_overrides,
            on_mismatch=on_mismatch,
            shard_key=shard_key,
        )
        return count(self.connection, self.name, exact, settings)

    @overload
    def facet(
        self, key: str, *, frame: Literal["polars"] | None = None, **options: Unpack[FacetOptions]
    ) -> pl.DataFrame: ...

    @overload
    def facet(self, key: str, *, frame: Literal["pandas"], **options: Unpack[FacetOptions]) -> pd.DataFrame: ...

    @overload
    def facet(self, key: str, *, frame: Literal["arrow"], **options: Unpack[FacetOptions]) -> pa.Table: ...

    def facet(
        self,
        key: str,
        *,
        filter: Any = None,  # noqa: A002 - Qdrant's word
        limit: int = 10,
        exact: bool = False,
        schema: Any = None,
        schema_overrides: Any = None,
        shard_key: ShardKey | None = None,
        frame: Library | None = None,
        dtype_backend: DtypeBackend = "numpy_nullable",
    ) -> pl.DataFrame | pd.DataFrame | pa.Table:
        """The values under a payload key and how many points have each, the most frequent first.

        Needs Qdrant 1.12, and a payload index on the key: of the type keyword, integer, bool or uuid.

        Parameters
        ----------
        key : str
            A payload key, or the path of a nested one: ``"address.city"``. Each element of a list counts as a value,
            once a point.
        filter : optional
            As in `Collection.scan`, if the server can evaluate it exactly.
        limit : int
            Values in the answer.
        exact : bool
            False lets the server estimate, which is faster. True counts exactly what the index holds: values of another
            kind than the index's are not in it.
        schema, schema_overrides :
            As in `Collection.scan`, for the columns that `filter` looks at.
        shard_key : str or int, optional
            Only this shard.
        frame, dtype_backend :
            As in `Collection.read`.

        Returns
        -------
        polars.DataFrame, pandas.DataFrame or pyarrow.Table
            `value` (String, Int64 or Boolean; a UUID is text) and `count` (UInt64); by count, then by value.

        Raises
        ------
        CollectionNotFoundError
            There is no such collection.
        OptionError
            The key is not there, or has no index that knows its values; the filter is an expression that the server
            cannot evaluate exactly.
        UnsupportedError
            The server is too old.
        """
        from qframe.planning.options import ReadSettings
        from qframe.reading.facet import facet

        settings = ReadSettings(filter=filter, schema=schema, schema_overrides=schema_overrides, shard_key=shard_key)
        return facet(self.connection, self.name, key, limit, exact, settings, frame, dtype_backend)

    @overload
    def retrieve(
        self, ids: Any, *, frame: Literal["polars"] | None = None, **options: Unpack[RetrieveOptions]
    ) -> pl.DataFrame: ...

    @overload
    def retrieve(self, ids: Any, *, frame: Literal["pandas"], **options: Unpack[RetrieveOptions]) -> pd.DataFrame: ...

    @overload
    def retrieve(self, ids: Any, *, frame: Literal["arrow"], **options: Unpack[RetrieveOptions]) -> pa.Table: ...

    @overload
    def retrieve(self, *, data: pl.DataFrame, **options: Unpack[JoinOptions]) -> pl.DataFrame: ...

    @overload
    def retrieve(self, *, data: pd.DataFrame, **options: Unpack[JoinOptions]) -> pd.DataFrame: ...

    @overload
    def retrieve(self, *, data: pa.Table | pa.RecordBatch, **options: Unpack[JoinOptions]) -> pa.Table: ...

    def retrieve(
        self,
        ids: Any = None,
        *,
        data: Any = None,
        id: str | None = None,  # noqa: A002 - Qdrant's word
        id_from: Sequence[str] | None = None,
        namespace: uuid.UUID | None = None,
        suffix: str = "_right",
        indicator: str | None = None,
        frame: Library | None = None,
        dtype_backend: DtypeBackend = "numpy_nullable",
        columns: Sequence[str] | None = None,
        vectors: bool | str | Sequence[str] = False,
        schema: Any = None,
        schema_overrides: Any = None,
        infer_schema_length: int = 1000,
        on_mismatch: OnMismatch = "raise",
        extra: Extra = "ignore",
        retry: RetryPolicy | None = None,
        timeout: float | None = None,
        deadline: float | None = None,
        consistency: Consistency | None = None,
        shard_key: ShardKey | None = None,
        id_name: str = "id",
    ) -> pl.DataFrame | pd.DataFrame | pa.Table:
        """The points of some ids: of a list of them as a frame, or of a frame's rows, joined to these.

        Of a list, missing ones are left out and repeated ones come once. Of a frame every row stays where it is: beside
        an id that is missing in the collection, or null, stand nulls.

        Parameters
        ----------
        ids : sequence of int, str or uuid.UUID
            A list, an array, or a series: integers 0 … 2^64 - 1, UUIDs or their text.
        data : frame in memory
            Instead of `ids`: a polars or pandas DataFrame, or an Arrow table.
        id, id_from, namespace :
            Which ids the rows of the frame have, as in `Collection.upsert`.
        suffix : str
            Put after the name of a column of the points that the frame has too.
        indicator : str, optional
            Name of a column that tells whether the row's point was found: one without payload looks like none.
        frame, dtype_backend, columns, vectors :
            As in `Collection.read`; of a frame's rows the answer is a frame of the same library.
        schema, schema_overrides, infer_schema_length :
            As in `Collection.scan`.
        on_mismatch, extra, retry, timeout, deadline, consistency, shard_key, id_name :
            As in `Collection.scan`.

        Returns
        -------
        polars.DataFrame, pandas.DataFrame or pyarrow.Table
            Of a list: columns as in `Collection.scan`; rows in the order of the ids. Of a frame: its rows, its columns
            as they are (and its pandas index), then payload columns, vector columns, and `indicator` (Boolean).

        Raises
        ------
        FrameError
            A value cannot be a point id; its position, or its column and row, are named.
        CollectionNotFoundError
            There is no such collection.
        OptionError
            An option makes no sense, or names a column that is not there.
        MismatchError
            A stored value does not fit its column.
        """
        from qframe.planning.options import ReadSettings
        from qframe.reading.joining import JoinOptions, retrieve_either

        settings = ReadSettings(
            columns=columns,
            vectors=vectors,
            schema=schema,
            schema_overrides=schema_overrides,
            infer_schema_length=infer_schema_length,
            on_mismatch=on_mismatch,
            extra=extra,
            retry=retry,
            timeout=timeout,
            deadline=deadline,
            consistency=consistency,
            shard_key=shard_key,
            id_name=id_name,
        )
        options = JoinOptions(id, id_from, namespace, suffix, indicator)
        return retrieve_either(self.connection, self.name, ids, data, options, settings, frame, dtype_backend)
