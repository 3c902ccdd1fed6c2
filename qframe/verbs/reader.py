"""The verbs of `Collection` that read it from end to end, documented and typed; holds no logic.

The flows are imported where they are called, so that `import qframe` and completion cost nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Literal, Unpack, overload

from qframe.verbs.naming import methods_called
from qframe.verbs.options import IterOptions, ReadOptions

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl
    import pyarrow as pa

    from qframe.connection import Connection
    from qframe.delivery.policy import RetryPolicy
    from qframe.frames.results import DtypeBackend
    from qframe.frames.source import Library
    from qframe.model.points import ShardKey
    from qframe.model.requests import Consistency
    from qframe.planning.options import Extra, OnMismatch, Pushdown


@methods_called("Collection")
class Reader:
    """Points in id order: scan, read, iter_frames."""

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
        pushdown: Pushdown = "auto",
        n_jobs: int | None = None,
        maintain_order: bool = False,
        retry: RetryPolicy | None = None,
        timeout: float | None = None,
        deadline: float | None = None,
        consistency: Consistency | None = None,
        shard_key: ShardKey | None = None,
        id_name: str = "id",
    ) -> pl.LazyFrame:
        """The collection as a polars LazyFrame; points are fetched page by page when it is collected.

        Columns that are not used are not fetched, `head` ends the scan early, and predicates become Qdrant filters as
        far as they can; what comes is filtered again here. A scan is not a snapshot: every page shows the collection
        at its own time.

        Parameters
        ----------
        schema : mapping, optional
            Column → type, for payload columns: a `polars.Schema`, a `pyarrow.Schema`, or a dict of polars, Arrow or
            pandas types; ``"json"`` is a String of the JSON text of whatever is stored. Or a frame whose dtypes are
            meant; its id and vectors may stand in it and are passed over, since they are the collection's to type.
            Default: derived from payload indexes and a deterministic sample.
        schema_overrides : mapping, optional
            Types for some payload columns of the derived schema; a name that no point has is a column of nulls.
        infer_schema_length : int
            Points in the sample.
        vectors : bool, str or sequence of str
            Which vector columns there are; they are fetched only when they are used.
        filter : expression, text, callable, mapping, Filter, or a list of these, optional
            Filter at the source, before `limit`; all of a list must hold. Qdrant filters (JSON as in its REST API, or
            models of qdrant_client) are evaluated by the server alone. polars and `pd.col` expressions, query strings
            of pandas and functions of a pandas frame go to it as far as they can be translated, and are applied again
            here; they must look at each row by itself.
        limit : int, optional
            Rows at the source, after `filter`.
        on_mismatch : "raise" or "null"
            What a stored value does that does not fit its column.
        extra : "ignore", "raise" or "column"
            What stored keys beyond the schema do; ``"column"`` gathers them as JSON text in the column ``extra``.
        pushdown : "auto", "require" or "off"
            What becomes of expressions that the server can evaluate: it is asked to, with as much of them as it can
            (`Collection.explain` tells); they are applied here again. ``"require"`` refuses to read where the server
            can evaluate nothing of a filter, instead of reading all points; ``"off"`` sends it no expression. What
            polars keeps above a scan (``col > col.mean()``, ``str.to_date()``, and what stands beside them in one
            filter) the scan does not hear of, and reads all points; what is in `filter` it does.
        n_jobs : int, optional
            Pages fetched at a time, each in a thread of its own, in joblib's words: default what
            `joblib.parallel_config` says now, else 1; -1 is as many as there are cores.
        maintain_order : bool
            Rows in id order with several workers too. With one they always are.
        retry : RetryPolicy, optional
            How often a page is asked for again; default: `RetryPolicy()`.
        timeout, deadline : float, optional
            Seconds for one request (default: the connection's), and for the whole scan. The embedded engine cannot be
            interrupted: there the deadline is looked at before each page.
        consistency : int, "all", "majority" or "quorum", optional
            Qdrant's read consistency: how many replicas must agree.
        shard_key : str or int, optional
            Only this shard.
        id_name : str
            Name of the id column.

        Returns
        -------
        polars.LazyFrame
            `id` (UInt64 if all ids are integers, else String), payload columns, vector columns: Array(Float32, d) for
            dense vectors, Struct{indices: List(UInt32), values: List(Float32)} for sparse ones,
            List(Array(Float32, d)) for multivectors. The unnamed vector is the column `vector`.

        Raises
        ------
        CollectionNotFoundError
            There is no such collection.
        OptionError
            An option makes no sense, or a payload field has the name of another column.
        PushdownError
            When it is collected, with ``pushdown="require"``: the server can evaluate nothing of a filter.
        UnreachableError
            Nothing answers.
        MismatchError
            When it is collected, with ``on_mismatch="raise"``: a stored value does not fit its column.
        """
        from qframe.planning.options import ReadSettings
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
            pushdown=pushdown,
            n_jobs=n_jobs,
            maintain_order=maintain_order,
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
        frame: Library | None = None,
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
        pushdown: Pushdown = "auto",
        n_jobs: int | None = None,
        maintain_order: bool = False,
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
            Only these payload columns; the id, and what `vectors` and `extra` ask for, are always there.
        vectors : bool, str or sequence of str
            Vector columns to fetch; default none.
        schema, schema_overrides, infer_schema_length, filter, limit :
            As in `Collection.scan`.
        on_mismatch, extra, pushdown, n_jobs, maintain_order :
            As in `Collection.scan`.
        retry, timeout, deadline, consistency, shard_key, id_name :
            As in `Collection.scan`.

        Returns
        -------
        polars.DataFrame, pandas.DataFrame or pyarrow.Table
            Columns as in `Collection.scan`, rows in id order; with several workers and without `maintain_order` in any.

        Raises
        ------
        CollectionNotFoundError
            There is no such collection.
        OptionError
            An option makes no sense, or names a column that is not there.
        PushdownError
            With ``pushdown="require"``: the server can evaluate nothing of the filter.
        MismatchError
            A stored value does not fit its column.
        """
        from qframe.planning.options import ReadSettings
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
            pushdown=pushdown,
            n_jobs=n_jobs,
            maintain_order=maintain_order,
            retry=retry,
            timeout=timeout,
            deadline=deadline,
            consistency=consistency,
            shard_key=shard_key,
            id_name=id_name,
        )
        return read(self.connection, self.name, settings, frame, dtype_backend)

    @overload
    def iter_frames(
        self, *, frame: Literal["polars"] | None = None, **options: Unpack[IterOptions]
    ) -> Iterator[pl.DataFrame]: ...

    @overload
    def iter_frames(self, *, frame: Literal["pandas"], **options: Unpack[IterOptions]) -> Iterator[pd.DataFrame]: ...

    @overload
    def iter_frames(self, *, frame: Literal["arrow"], **options: Unpack[IterOptions]) -> Iterator[pa.Table]: ...

    def iter_frames(
        self,
        *,
        frame: Library | None = None,
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
        pushdown: Pushdown = "auto",
        n_jobs: int | None = None,
        maintain_order: bool = False,
        retry: RetryPolicy | None = None,
        timeout: float | None = None,
        deadline: float | None = None,
        consistency: Consistency | None = None,
        shard_key: ShardKey | None = None,
        id_name: str = "id",
    ) -> Iterator[pl.DataFrame] | Iterator[pd.DataFrame] | Iterator[pa.Table]:
        """The collection as frames of `batch_size` rows, one at a time, in the order of `Collection.read`.

        The collection is looked at now, points are fetched as the frames are asked for; in memory are the frame that is
        being filled, one page and the next for each worker, with `maintain_order` as many again.

        Parameters
        ----------
        frame, dtype_backend, columns, vectors :
            As in `Collection.read`.
        batch_size : int
            Rows a frame; the last has what is left.
        schema, schema_overrides, infer_schema_length, filter, limit :
            As in `Collection.scan`.
        on_mismatch, extra, pushdown, n_jobs, maintain_order :
            As in `Collection.scan`.
        retry, timeout, deadline, consistency, shard_key, id_name :
            As in `Collection.scan`.

        Returns
        -------
        iterator of frames
            Of the library that `frame` names; none where there are no rows.

        Raises
        ------
        CollectionNotFoundError
            There is no such collection.
        OptionError
            An option makes no sense, or names a column that is not there.
        PushdownError
            With ``pushdown="require"``: the server can evaluate nothing of the filter.
        MismatchError
            On the way, when a stored value does not fit its column.
        """
        from qframe.planning.options import ReadSettings
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
            pushdown=pushdown,
            n_jobs=n_jobs,
            maintain_order=maintain_order,
            retry=retry,
            timeout=timeout,
            deadline=deadline,
            consistency=consistency,
            shard_key=shard_key,
            id_name=id_name,
        )
        return iter_frames(self.connection, self.name, settings, frame, dtype_backend, batch_size)
