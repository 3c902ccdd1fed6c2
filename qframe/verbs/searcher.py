"""The verb of `Collection` that asks for the nearest points, documented and typed; holds no logic.

The flows are imported where they are called, so that `import qframe` and completion cost nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, Unpack, overload

from qframe.verbs.naming import methods_called
from qframe.verbs.options import SearchOptions

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl
    import pyarrow as pa

    from qframe.connection import Connection
    from qframe.delivery.policy import RetryPolicy
    from qframe.frames.results import DtypeBackend
    from qframe.frames.source import Library
    from qframe.model.options import Errors
    from qframe.model.points import ShardKey
    from qframe.model.queries import Fusion
    from qframe.model.requests import Consistency
    from qframe.planning.options import Extra, OnMismatch


@methods_called("Collection")
class Searcher:
    """Points by nearness."""

    __slots__ = ()

    name: str
    connection: Connection

    @overload
    def search(
        self, vector: Any = None, *, data: Any = None, frame: Literal["polars"], **options: Unpack[SearchOptions]
    ) -> pl.DataFrame: ...

    @overload
    def search(
        self, vector: Any = None, *, data: Any = None, frame: Literal["pandas"], **options: Unpack[SearchOptions]
    ) -> pd.DataFrame: ...

    @overload
    def search(
        self, vector: Any = None, *, data: Any = None, frame: Literal["arrow"], **options: Unpack[SearchOptions]
    ) -> pa.Table: ...

    @overload
    def search(
        self, vector: Any = None, *, data: pd.DataFrame, frame: None = None, **options: Unpack[SearchOptions]
    ) -> pd.DataFrame: ...

    @overload
    def search(
        self,
        vector: Any = None,
        *,
        data: pl.DataFrame | pl.LazyFrame | None = None,
        frame: None = None,
        **options: Unpack[SearchOptions],
    ) -> pl.DataFrame: ...

    # pyarrow has no types of its own: its tables would be taken for any frame.
    @overload
    def search(
        self, vector: Any = None, *, data: pa.Table, frame: None = None, **options: Unpack[SearchOptions]
    ) -> pa.Table: ...

    @overload
    def search(
        self, vector: Any = None, *, data: Any, frame: Library | None = None, **options: Unpack[SearchOptions]
    ) -> Any: ...

    def search(
        self,
        vector: Any = None,
        *,
        data: Any = None,
        using: str | None = None,
        limit: int = 10,
        offset: int = 0,
        filter: Any = None,  # noqa: A002 - Qdrant's word
        score_threshold: float | None = None,
        params: Mapping[str, Any] | None = None,
        prefetch: Sequence[Mapping[str, Any]] | None = None,
        fusion: Fusion | None = None,
        columns: Sequence[str] | None = None,
        vectors: bool | str | Sequence[str] = False,
        keep: Sequence[str] | None = None,
        schema: Any = None,
        schema_overrides: Any = None,
        infer_schema_length: int = 1000,
        on_mismatch: OnMismatch = "raise",
        extra: Extra = "ignore",
        n_jobs: int | None = None,
        errors: Errors = "report",
        retry: RetryPolicy | None = None,
        timeout: float | None = None,
        deadline: float | None = None,
        consistency: Consistency | None = None,
        shard_key: ShardKey | None = None,
        id_name: str = "id",
        frame: Library | None = None,
        dtype_backend: DtypeBackend = "numpy_nullable",
    ) -> pl.DataFrame | pd.DataFrame | pa.Table:
        """The points nearest to a vector, or to the vectors in each row of a frame.

        Parameters
        ----------
        vector : sequence of float, array, mapping, str or list of str
            Without a frame the vector itself: of shape (d,) for a dense one, (k, d) for a multivector, a mapping with
            "indices" and "values" for a sparse one; taken as float32. A mapping of vector names to these for several.
            With a frame what `Collection.upsert` takes: a column, a list of columns, a mapping of vector names to
            columns, an array beside the frame. Default: the columns named like the collection's vectors, else the only
            column that looks like a vector.
        data : frame, optional
            Anything `upsert` takes. Each of its rows is one query.
        using : str, optional
            Vector name; found by itself where the collection has one vector, or where the column is named like it.
        limit, offset : int
            Points in the answer to each query, and points to leave out before them.
        filter : expression, text, mapping, Filter, or a list of these, optional
            What every hit must satisfy, as in `Collection.scan`; an expression that the server cannot evaluate exactly
            is refused.
        score_threshold : float, optional
            Only points with a better score: a higher one for cosine, dot and fused lists, a lower one for the distances
            euclid and manhattan.
        params : mapping, optional
            Qdrant's search params, for example ``{"hnsw_ef": 128}`` or ``{"exact": True}``; those of every prefetch
            too that has none of its own.
        prefetch : list of mappings, optional
            Searches whose hits are the candidates for this one, each a mapping with the keys `vector`, `using`,
            `limit`, `filter`, `score_threshold` and `params`, all optional but for what the vector needs. `limit` is by
            default that of the search and its offset, at least 10.
        fusion : "rrf" or "dbsf", optional
            Make one list of what several vectors, or several prefetches, have found: by their ranks (reciprocal rank
            fusion), or by their scores (distribution-based score fusion).
        columns, vectors :
            As in `Collection.read`.
        keep : list of str, optional
            Columns of `data` that the answer is to have, as `query_<name>`.
        schema, schema_overrides, infer_schema_length, on_mismatch, extra :
            As in `Collection.scan`.
        n_jobs : int, optional
            Requests in flight, of up to 100 queries each; None is 4, -1 as many as there are cores.
        errors : "report" or "raise"
            What becomes of queries of `data` that cannot be answered. ``"report"``: one row with null for rank, id and
            score each, and one `QueryWarning`. ``"raise"``: `QueryError`, after all others were answered.
        retry, timeout, deadline, consistency, shard_key, id_name :
            As in `Collection.scan`.
        frame, dtype_backend :
            As in `Collection.read`; by default the answer to a frame is of its library.

        Returns
        -------
        polars.DataFrame, pandas.DataFrame or pyarrow.Table
            `rank` (UInt32, from 1), `id`, `score` (Float32), payload columns, vector columns; the best first. From a
            frame with `query` (UInt32, position of the row) before and the columns of `keep` after these, in the order
            of the rows; a query without hits has no row.

        Raises
        ------
        CollectionNotFoundError
            There is no such collection.
        FrameError
            A column cannot be the vector, or none is found.
        OptionError
            `using` is needed, or the vector has the wrong dimension, or holds NaN, or a payload field is called
            `query`, `rank` or `score` (leave it out of `columns`), or options exclude each other.
        MismatchError
            A stored value does not fit its column.
        QueryError
            Some queries of `data` were not answered, with ``errors="raise"``.
        """
        from qframe.planning.options import ReadSettings
        from qframe.reading.search.flow import search
        from qframe.reading.search.options import Search

        settings = ReadSettings(
            columns=columns,
            vectors=vectors,
            schema=schema,
            schema_overrides=schema_overrides,
            infer_schema_length=infer_schema_length,
            filter=filter,
            on_mismatch=on_mismatch,
            extra=extra,
            retry=retry,
            timeout=timeout,
            deadline=deadline,
            consistency=consistency,
            shard_key=shard_key,
            id_name=id_name,
        )
        question = Search(
            vector=vector,
            using=using,
            limit=limit,
            offset=offset,
            score_threshold=score_threshold,
            params=params,
            prefetch=prefetch,
            fusion=fusion,
            keep=keep,
            errors=errors,
            n_jobs=n_jobs,
        )
        return search(self.connection, self.name, data, question, settings, frame, dtype_backend)
