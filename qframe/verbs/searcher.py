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
    from qframe.frames.results import DtypeBackend
    from qframe.frames.source import Library


@methods_called("Collection")
class Searcher:
    """Points by nearness."""

    __slots__ = ()

    name: str
    connection: Connection

    @overload
    def search(
        self, vector: Any, *, frame: Literal["polars"] | None = None, **options: Unpack[SearchOptions]
    ) -> pl.DataFrame: ...

    @overload
    def search(self, vector: Any, *, frame: Literal["pandas"], **options: Unpack[SearchOptions]) -> pd.DataFrame: ...

    @overload
    def search(self, vector: Any, *, frame: Literal["arrow"], **options: Unpack[SearchOptions]) -> pa.Table: ...

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
        id_name: str = "id",
        frame: Library | None = None,
        dtype_backend: DtypeBackend = "numpy_nullable",
    ) -> pl.DataFrame | pd.DataFrame | pa.Table:
        """The points nearest to one vector.

        Parameters
        ----------
        vector : sequence of float, array, or mapping with "indices" and "values"
            Shape (d,) for a dense vector, (k, d) for a multivector; a mapping for a sparse one. Taken as float32.
        using : str, optional
            Vector name; found by itself where the collection has one vector.
        limit, offset : int
            Points in the answer, and points to leave out before them.
        filter : mapping, Filter, or a list of these, optional
            Qdrant filters, as JSON or as models of qdrant_client; all must hold.
        score_threshold : float, optional
            Only points with a better score: a higher one for cosine and dot, a lower one for the distances euclid and
            manhattan.
        params : mapping, optional
            Qdrant's search params, for example ``{"hnsw_ef": 128}`` or ``{"exact": True}``.
        columns, vectors, frame, dtype_backend :
            As in `Collection.read`.
        schema, schema_overrides, id_name :
            As in `Collection.scan`.

        Returns
        -------
        polars.DataFrame, pandas.DataFrame or pyarrow.Table
            `rank` (UInt32, from 1), `id`, `score` (Float32), payload columns, vector columns; the best first.

        Raises
        ------
        CollectionNotFoundError
            There is no such collection.
        OptionError
            `using` is needed, or the vector has the wrong dimension, or holds NaN, or a payload field is called `rank`
            or `score` (leave it out of `columns`).
        MismatchError
            A stored value does not fit its column.
        """
        from qframe.planning.options import ReadSettings
        from qframe.reading.search import Search, search

        settings = ReadSettings(
            columns=columns,
            vectors=vectors,
            schema=schema,
            schema_overrides=schema_overrides,
            filter=filter,
            id_name=id_name,
        )
        question = Search(vector, using, limit, offset, score_threshold, params)
        return search(self.connection, self.name, question, settings, frame, dtype_backend)
