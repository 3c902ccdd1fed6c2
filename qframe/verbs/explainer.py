"""The verb of `Collection` that tells what a read asks, documented and typed; holds no logic.

The flow is imported where it is called, so that `import qframe` and completion cost nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from qframe.verbs.naming import methods_called

if TYPE_CHECKING:
    from qframe.connection import Connection
    from qframe.delivery.policy import RetryPolicy
    from qframe.explanation import Explanation
    from qframe.model.points import ShardKey
    from qframe.model.requests import Consistency
    from qframe.planning.options import Extra, OnMismatch, Pushdown


@methods_called("Collection")
class Explainer:
    """Reads before they run."""

    __slots__ = ()

    name: str
    connection: Connection

    def explain(
        self,
        predicate: Any = None,
        *,
        columns: Sequence[str] | None = None,
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
    ) -> Explanation:
        """What ``scan(…).filter(predicate)`` asks of the server, what is done here, and which index would help.

        The collection is looked at as `Collection.scan` does, and the points that match are counted, about; none is
        fetched. For a query of more than a filter, ask the LazyFrame: ``lf.qdrant.explain()``.

        Parameters
        ----------
        predicate : optional
            Whatever `filter` takes. polars expressions come after `limit`, as in a LazyFrame; what no LazyFrame takes
            goes to `filter`.
        columns : sequence of str, optional
            Columns of the answer, vectors among them, as in ``select(columns)`` after the filter; default: all.
        schema, schema_overrides, infer_schema_length, vectors, filter, limit :
            As in `Collection.scan`.
        on_mismatch, extra, n_jobs, maintain_order :
            As in `Collection.scan`.
        pushdown : "auto", "require" or "off"
            As in `Collection.scan`; "require" raises nothing here.
        retry, timeout, deadline, consistency, shard_key, id_name :
            As in `Collection.scan`.

        Returns
        -------
        Explanation

        Raises
        ------
        CollectionNotFoundError
            There is no such collection.
        OptionError
            An option makes no sense, or the predicate is none.
        UnreachableError
            Nothing answers.
        """
        from qframe.planning.options import ReadSettings
        from qframe.reading.explain import explain

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
        return explain(self.connection, self.name, predicate, settings, columns)
