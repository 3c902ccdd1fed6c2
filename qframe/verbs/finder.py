"""The verbs of `Collection` that ask for some of its points, documented and typed; holds no logic.

The flows are imported where they are called, so that `import qframe` and completion cost nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, Unpack, overload

from qframe.verbs.naming import methods_called
from qframe.verbs.options import FacetOptions, RetrieveOptions

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
    from qframe.planning.options import Extra, OnMismatch


@methods_called("Collection")
class Finder:
    """Points by number, value and id: count, facet, retrieve."""

    __slots__ = ()

    name: str
    connection: Connection

    def count(self, *, filter: Any = None, exact: bool = True, shard_key: ShardKey | None = None) -> int:  # noqa: A002
        """Number of points.

        Parameters
        ----------
        filter : mapping, Filter, or a list of these, optional
            Qdrant filters, as JSON or as models of qdrant_client; all must hold.
        exact : bool
            False lets the server estimate, which is faster.
        shard_key : str or int, optional
            Only this shard.

        Raises
        ------
        CollectionNotFoundError
            There is no such collection.
        OptionError
            The filter is not Qdrant's: a polars expression cannot be counted by the server.
        """
        from qframe.reading.count import count

        return count(self.connection, self.name, filter, exact, shard_key)

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
            Only points that match: as in `Collection.delete`.
        limit : int
            Values in the answer.
        exact : bool
            False lets the server estimate, which is faster.
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
            The key has no index that knows its values; the filter is an expression that the server cannot evaluate
            exactly.
        UnsupportedError
            The server is too old.
        """
        from qframe.reading.facet import facet

        return facet(self.connection, self.name, key, filter, limit, exact, shard_key, frame, dtype_backend)

    @overload
    def retrieve(
        self, ids: Any, *, frame: Literal["polars"] | None = None, **options: Unpack[RetrieveOptions]
    ) -> pl.DataFrame: ...

    @overload
    def retrieve(self, ids: Any, *, frame: Literal["pandas"], **options: Unpack[RetrieveOptions]) -> pd.DataFrame: ...

    @overload
    def retrieve(self, ids: Any, *, frame: Literal["arrow"], **options: Unpack[RetrieveOptions]) -> pa.Table: ...

    def retrieve(
        self,
        ids: Any,
        *,
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
        """The points of the given ids; missing ones are left out, repeated ones come once.

        Parameters
        ----------
        ids : sequence of int, str or uuid.UUID
            A list, an array, or a series: integers 0 … 2^64 - 1, UUIDs or their text.
        frame, dtype_backend, columns, vectors :
            As in `Collection.read`.
        schema, schema_overrides, infer_schema_length :
            As in `Collection.scan`.
        on_mismatch, extra, retry, timeout, deadline, consistency, shard_key, id_name :
            As in `Collection.scan`.

        Returns
        -------
        polars.DataFrame, pandas.DataFrame or pyarrow.Table
            Columns as in `Collection.scan`; rows in the order of the ids.

        Raises
        ------
        FrameError
            A value cannot be a point id; its position is named.
        CollectionNotFoundError
            There is no such collection.
        OptionError
            An option makes no sense, or names a column that is not there.
        MismatchError
            A stored value does not fit its column.
        """
        from qframe.planning.options import ReadSettings
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
