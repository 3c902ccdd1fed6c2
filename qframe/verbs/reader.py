"""The reading verbs of `Collection`, documented and typed; holds no logic.

The flows are imported where they are called, so that `import qframe` and completion cost nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, Unpack, overload

from qframe.verbs.options import DtypeBackend, FrameLibrary, ReadOptions

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl
    import pyarrow as pa

    from qframe.connection import Connection
    from qframe.delivery.policy import RetryPolicy
    from qframe.model.points import ShardKey
    from qframe.model.requests import Consistency
    from qframe.reading.options import Extra, OnMismatch


class Reader:
    """What can be read from a collection."""

    __slots__ = ()

    name: str
    connection: Connection

    def scan(
        self,
        *,
        schema: Any = None,
        schema_overrides: Any = None,
        infer_schema_length: int = 1000,
        vectors: bool | str | Sequence[str] = True,
        filter: Any = None,  # noqa: A002 - Qdrant's word
        limit: int | None = None,
        on_mismatch: OnMismatch = "raise",
        extra: Extra = "ignore",
        retry: RetryPolicy | None = None,
        timeout: float | None = None,
        deadline: float | None = None,
        consistency: Consistency | None = None,
        shard_key: ShardKey | None = None,
        id_name: str = "id",
    ) -> pl.LazyFrame:
        """The collection as a polars LazyFrame; points are fetched page by page when it is collected.

        Columns that are not used are not fetched, `head` ends the scan early, and predicates are applied here to each
        page. A scan is not a snapshot: every page shows the collection at its own time.

        Parameters
        ----------
        schema : mapping, optional
            Column → type, for payload columns: a `polars.Schema`, a `pyarrow.Schema`, or a dict of polars, Arrow or
            pandas types. Default: derived from payload indexes and a deterministic sample.
        schema_overrides : mapping, optional
            Types for some columns of the derived schema.
        infer_schema_length : int
            Points in the sample.
        vectors : bool, str or sequence of str
            Which vector columns there are; they are fetched only when they are used.
        filter : mapping, Filter, polars expression, or a list of these, optional
            Filter at the source, before `limit`. Qdrant filters (JSON, or models of qdrant_client) are evaluated by the
            server.
        limit : int, optional
            Rows at the source, after `filter`.
        on_mismatch : "raise" or "null"
            What a stored value does that does not fit its column.
        extra : "ignore", "raise" or "column"
            What stored keys beyond the schema do; ``"column"`` gathers them as JSON text in the column ``extra``.
        retry : RetryPolicy, optional
        timeout, deadline : float, optional
            Seconds for one request, and for the whole scan.
        consistency : int, "all", "majority" or "quorum", optional
            Qdrant's read consistency.
        shard_key : str or int, optional
        id_name : str
            Name of the id column.

        Returns
        -------
        polars.LazyFrame
            `id` (UInt64 if all ids are integers, else String), payload columns, vector columns.

        Raises
        ------
        CollectionNotFoundError
        OptionError
        MismatchError
            When it is collected, with ``on_mismatch="raise"``.
        """
        from qframe.reading.options import ReadSettings
        from qframe.reading.scan import scan

        settings = ReadSettings(
            schema=schema,
            schema_overrides=schema_overrides,
            infer_schema_length=infer_schema_length,
            vectors=vectors,
            filter=filter,
            limit=limit,
            on_mismatch=on_mismatch,
            extra=extra,
            retry=retry,
            timeout=timeout,
            deadline=deadline,
            consistency=consistency,
            shard_key=shard_key,
            id_name=id_name,
        )
        return scan(self.connection, self.name, settings)

    @overload
    def read(self, *, frame: Literal["polars"] | None = None, **options: Unpack[ReadOptions]) -> pl.DataFrame: ...

    @overload
    def read(self, *, frame: Literal["pandas"], **options: Unpack[ReadOptions]) -> pd.DataFrame: ...

    @overload
    def read(self, *, frame: Literal["arrow"], **options: Unpack[ReadOptions]) -> pa.Table: ...

    def read(
        self,
        *,
        frame: FrameLibrary | None = None,
        dtype_backend: DtypeBackend = "numpy_nullable",
        columns: Sequence[str] | None = None,
        vectors: bool | str | Sequence[str] = False,
        schema: Any = None,
        schema_overrides: Any = None,
        infer_schema_length: int = 1000,
        filter: Any = None,  # noqa: A002 - Qdrant's word
        limit: int | None = None,
        on_mismatch: OnMismatch = "raise",
        extra: Extra = "ignore",
        retry: RetryPolicy | None = None,
        timeout: float | None = None,
        deadline: float | None = None,
        consistency: Consistency | None = None,
        shard_key: ShardKey | None = None,
        id_name: str = "id",
    ) -> pl.DataFrame | pd.DataFrame | pa.Table:
        """The collection as a dataframe, at once.

        Parameters
        ----------
        frame : "polars", "pandas" or "arrow", optional
            Library of the answer; default: polars, or pandas where only that has been imported.
        dtype_backend : "numpy_nullable", "pyarrow" or "numpy"
            Dtypes of a pandas frame.
        columns : sequence of str, optional
            Only these; the id is always there.
        vectors : bool, str or sequence of str
            Vector columns to fetch; default none.
        schema, schema_overrides, infer_schema_length, filter, limit, on_mismatch, extra, retry, timeout, deadline, \
        consistency, shard_key, id_name :
            As in `scan`.

        Raises
        ------
        CollectionNotFoundError
        OptionError
        MismatchError
        """
        from qframe.reading.options import ReadSettings
        from qframe.reading.read import read

        settings = ReadSettings(
            columns=columns,
            vectors=vectors,
            schema=schema,
            schema_overrides=schema_overrides,
            infer_schema_length=infer_schema_length,
            filter=filter,
            limit=limit,
            on_mismatch=on_mismatch,
            extra=extra,
            retry=retry,
            timeout=timeout,
            deadline=deadline,
            consistency=consistency,
            shard_key=shard_key,
            id_name=id_name,
        )
        return read(self.connection, self.name, settings, frame, dtype_backend)

    def iter_frames(
        self,
        *,
        frame: FrameLibrary | None = None,
        dtype_backend: DtypeBackend = "numpy_nullable",
        batch_size: int = 10_000,
        columns: Sequence[str] | None = None,
        vectors: bool | str | Sequence[str] = False,
        schema: Any = None,
        schema_overrides: Any = None,
        infer_schema_length: int = 1000,
        filter: Any = None,  # noqa: A002 - Qdrant's word
        limit: int | None = None,
        on_mismatch: OnMismatch = "raise",
        extra: Extra = "ignore",
        retry: RetryPolicy | None = None,
        timeout: float | None = None,
        deadline: float | None = None,
        consistency: Consistency | None = None,
        shard_key: ShardKey | None = None,
        id_name: str = "id",
    ) -> Iterator[Any]:
        """The collection as frames of at most `batch_size` rows, one at a time, in id order.

        All other parameters as in `read`.
        """
        from qframe.reading.options import ReadSettings
        from qframe.reading.read import iter_frames

        settings = ReadSettings(
            columns=columns,
            vectors=vectors,
            schema=schema,
            schema_overrides=schema_overrides,
            infer_schema_length=infer_schema_length,
            filter=filter,
            limit=limit,
            on_mismatch=on_mismatch,
            extra=extra,
            retry=retry,
            timeout=timeout,
            deadline=deadline,
            consistency=consistency,
            shard_key=shard_key,
            id_name=id_name,
        )
        return iter_frames(self.connection, self.name, settings, frame, dtype_backend, batch_size)

    def count(self, *, filter: Any = None, exact: bool = True, shard_key: ShardKey | None = None) -> int:  # noqa: A002
        """Number of points.

        Parameters
        ----------
        filter : mapping, Filter, or a list of these, optional
            A Qdrant filter.
        exact : bool
            False lets the server estimate.
        shard_key : str or int, optional

        Raises
        ------
        CollectionNotFoundError
        """
        from qframe.reading.count import count

        return count(self.connection, self.name, filter, exact, shard_key)

    def retrieve(
        self,
        ids: Any,
        *,
        frame: FrameLibrary | None = None,
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
        """The points of the given ids, in their order; missing ones are left out, repeated ones come once.

        Parameters
        ----------
        ids : sequence of int, str or UUID
            A list, an array, or a series.

        All other parameters as in `read`.

        Raises
        ------
        FrameError
            For a value that cannot be a point id.
        """
        from qframe.reading.options import ReadSettings
        from qframe.reading.retrieve import retrieve

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
        return retrieve(self.connection, self.name, ids, settings, frame, dtype_backend)

    def search(
        self,
        vector: Any,
        *,
        using: str | None = None,
        limit: int = 10,
        offset: int = 0,
        filter: Any = None,  # noqa: A002 - Qdrant's word
        score_threshold: float | None = None,
        params: Mapping[str, Any] | None = None,
        columns: Sequence[str] | None = None,
        vectors: bool | str | Sequence[str] = False,
        schema: Any = None,
        schema_overrides: Any = None,
        frame: FrameLibrary | None = None,
        dtype_backend: DtypeBackend = "numpy_nullable",
    ) -> pl.DataFrame | pd.DataFrame | pa.Table:
        """The points nearest to one vector.

        Parameters
        ----------
        vector : sequence of float, array, or mapping with "indices" and "values"
            Shape (d,) for a dense vector, (k, d) for a multivector; a mapping for a sparse one.
        using : str, optional
            Vector name; found by itself where the collection has one vector.
        limit, offset : int
        filter : mapping, Filter, or a list of these, optional
        score_threshold : float, optional
            Only points with a better score.
        params : mapping, optional
            Qdrant's search params, for example ``{"hnsw_ef": 128}`` or ``{"exact": True}``.
        columns, vectors, schema, schema_overrides, frame, dtype_backend :
            As in `read`.

        Returns
        -------
        frame
            `rank` (from 1), `id`, `score`, payload columns, vector columns.

        Raises
        ------
        CollectionNotFoundError
        OptionError
            When `using` is needed, or the vector has the wrong dimension.
        """
        from qframe.reading.options import ReadSettings
        from qframe.reading.search import Search, search

        settings = ReadSettings(
            columns=columns, vectors=vectors, schema=schema, schema_overrides=schema_overrides, filter=filter
        )
        question = Search(vector, using, limit, offset, score_threshold, params)
        return search(self.connection, self.name, question, settings, frame, dtype_backend)
