"""What `lazyframe.qdrant` is: the namespace of all frames, and the explanation of a plan; holds no logic."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qframe.verbs.accessor import QdrantNamespace
from qframe.verbs.naming import methods_called

if TYPE_CHECKING:
    from qframe.explanation import Explanation


@methods_called("lf.qdrant")
class LazyQdrantNamespace(QdrantNamespace):
    """The `.qdrant` namespace of polars LazyFrames."""

    __slots__ = ()

    def explain(self) -> Explanation:
        """What this query asks of Qdrant: for each collection in it what is fetched and filtered there, and what here.

        polars starts a copy of the query and ends it as soon as it has told every source what it wants. No point is
        fetched; points that match are counted, about. Other parts of the query (files that it scans, functions that
        it calls) are not run, or in the worst case on no rows of Qdrant's.

        Returns
        -------
        Explanation
            One source for each scan of a collection, in the order in which polars starts them.

        Raises
        ------
        OptionError
            No collection is in the query; it ends in a sink; or polars cannot copy it: it holds a function that cannot
            be serialised, or the package cloudpickle is not installed.
        UnreachableError
            Nothing answers.
        """
        from qframe.reading.explain import explain_frame

        return explain_frame(self._frame)
