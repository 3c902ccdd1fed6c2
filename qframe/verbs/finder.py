"""The verbs of `Collection` that ask for some of its points, documented and typed; holds no logic.

The flows are imported where they are called, so that `import qframe` and completion cost nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, Unpack, overload

from qframe.verbs.naming import methods_called
from qframe.verbs.options import RetrieveOptions

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
    """Points by number and id: count, retrieve."""

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
