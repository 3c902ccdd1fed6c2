"""The module functions: `qf.scan("places")` is `qf.collection("places").scan()`; holds no logic."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Literal, Unpack, overload

from qframe.connection import as_connection
from qframe.verbs.collection import Collection
from qframe.verbs.forwarding import forwards_to
from qframe.verbs.naming import called
from qframe.verbs.options import (
    BatchOptions,
    CountOptions,
    FacetOptions,
    IterOptions,
    ReadOptions,
    RetrieveOptions,
    ScanOptions,
    SearchVectorOptions,
)

if TYPE_CHECKING:
    import uuid

    import numpy as np
    import numpy.typing as npt
    import pandas as pd
    import polars as pl
    import pyarrow as pa

    from qframe.frames.source import Library
    from qframe.verbs.batch import WriteBatch


def collection(name: str, *, connection: Any = None) -> Collection:
    """The collection `name`, to be read, written and administered.

    Parameters
    ----------
    name : str
        Name or alias; the collection need not exist.
    connection : Connection or whatever `qframe.connect` takes, optional
        Default: what `qframe.set_connection` has set, else what `qframe.connect()` says.

    Returns
    -------
    Collection

    Raises
    ------
    TargetError
        The target makes no sense.
    """
    return Collection.of(name, connection)


def collections(*, connection: Any = None) -> list[str]:
    """Names of all collections, sorted.

    Parameters
    ----------
    connection : Connection or whatever `qframe.connect` takes, optional
        Default: what `qframe.set_connection` has set, else what `qframe.connect()` says.

    Raises
    ------
    TargetError
        The target makes no sense.
    UnreachableError
        Nothing answers.
    AuthenticationError
        The key is missing or wrong.
    """
    from qframe.administration import names

    return names(as_connection(connection))


@called("qf.batch")
@forwards_to(Collection.batch)
def batch(collection: str, *, connection: Any = None, **options: Unpack[BatchOptions]) -> WriteBatch:
    return Collection.of(collection, connection).batch(**options)


@called("qf.scan")
@forwards_to(Collection.scan)
def scan(collection: str, *, connection: Any = None, **options: Unpack[ScanOptions]) -> pl.LazyFrame:
    return Collection.of(collection, connection).scan(**options)


@overload
def read(
    collection: str, *, frame: Literal["pandas"], connection: Any = None, **options: Unpack[ReadOptions]
) -> pd.DataFrame: ...


@overload
def read(
    collection: str, *, frame: Literal["arrow"], connection: Any = None, **options: Unpack[ReadOptions]
) -> pa.Table: ...


@overload
def read(
    collection: str,
    *,
    frame: Literal["polars"] | None = None,
    connection: Any = None,
    **options: Unpack[ReadOptions],
) -> pl.DataFrame: ...


@called("qf.read")
@forwards_to(Collection.read)
def read(
    collection: str, *, frame: Library | None = None, connection: Any = None, **options: Unpack[ReadOptions]
) -> Any:
    return Collection.of(collection, connection).read(frame=frame, **options)


@overload
def iter_frames(
    collection: str, *, frame: Literal["pandas"], connection: Any = None, **options: Unpack[IterOptions]
) -> Iterator[pd.DataFrame]: ...


@overload
def iter_frames(
    collection: str, *, frame: Literal["arrow"], connection: Any = None, **options: Unpack[IterOptions]
) -> Iterator[pa.Table]: ...


@overload
def iter_frames(
    collection: str,
    *,
    frame: Literal["polars"] | None = None,
    connection: Any = None,
    **options: Unpack[IterOptions],
) -> Iterator[pl.DataFrame]: ...


@called("qf.iter_frames")
@forwards_to(Collection.iter_frames)
def iter_frames(
    collection: str, *, frame: Library | None = None, connection: Any = None, **options: Unpack[IterOptions]
) -> Any:
    return Collection.of(collection, connection).iter_frames(frame=frame, **options)


@called("qf.count")
@forwards_to(Collection.count)
def count(collection: str, *, connection: Any = None, **options: Unpack[CountOptions]) -> int:
    return Collection.of(collection, connection).count(**options)


@overload
def facet(
    collection: str, key: str, *, frame: Literal["pandas"], connection: Any = None, **options: Unpack[FacetOptions]
) -> pd.DataFrame: ...


@overload
def facet(
    collection: str, key: str, *, frame: Literal["arrow"], connection: Any = None, **options: Unpack[FacetOptions]
) -> pa.Table: ...


@overload
def facet(
    collection: str,
    key: str,
    *,
    frame: Literal["polars"] | None = None,
    connection: Any = None,
    **options: Unpack[FacetOptions],
) -> pl.DataFrame: ...


@called("qf.facet")
@forwards_to(Collection.facet)
def facet(
    collection: str, key: str, *, frame: Library | None = None, connection: Any = None, **options: Unpack[FacetOptions]
) -> Any:
    return Collection.of(collection, connection).facet(key, frame=frame, **options)


@overload
def retrieve(
    collection: str,
    ids: Any,
    *,
    frame: Literal["pandas"],
    connection: Any = None,
    **options: Unpack[RetrieveOptions],
) -> pd.DataFrame: ...


@overload
def retrieve(
    collection: str,
    ids: Any,
    *,
    frame: Literal["arrow"],
    connection: Any = None,
    **options: Unpack[RetrieveOptions],
) -> pa.Table: ...


@overload
def retrieve(
    collection: str,
    ids: Any,
    *,
    frame: Literal["polars"] | None = None,
    connection: Any = None,
    **options: Unpack[RetrieveOptions],
) -> pl.DataFrame: ...


@called("qf.retrieve")
@forwards_to(Collection.retrieve, "id", "id_from", "namespace", "suffix", "indicator")
def retrieve(
    collection: str,
    ids: Any,
    *,
    frame: Library | None = None,
    connection: Any = None,
    **options: Unpack[RetrieveOptions],
) -> Any:
    return Collection.of(collection, connection).retrieve(ids, frame=frame, **options)


_FOR_FRAMES = ("keep", "n_jobs", "errors")
_FROM_FRAMES = "Searches for the rows of a frame are df.qdrant.search(…) and qf.collection(…).search(data=…)."


@overload
def search(
    collection: str,
    vector: Any,
    *,
    frame: Literal["pandas"],
    connection: Any = None,
    **options: Unpack[SearchVectorOptions],
) -> pd.DataFrame: ...


@overload
def search(
    collection: str,
    vector: Any,
    *,
    frame: Literal["arrow"],
    connection: Any = None,
    **options: Unpack[SearchVectorOptions],
) -> pa.Table: ...


@overload
def search(
    collection: str,
    vector: Any,
    *,
    frame: Literal["polars"] | None = None,
    connection: Any = None,
    **options: Unpack[SearchVectorOptions],
) -> pl.DataFrame: ...


@called("qf.search", dict.fromkeys(("data", *_FOR_FRAMES), _FROM_FRAMES))
@forwards_to(Collection.search, *_FOR_FRAMES)
def search(
    collection: str,
    vector: Any,
    *,
    frame: Library | None = None,
    connection: Any = None,
    **options: Unpack[SearchVectorOptions],
) -> Any:
    return Collection.of(collection, connection).search(vector, frame=frame, **options)


def make_ids(data: Any, *, id_from: Sequence[str], namespace: uuid.UUID | None = None) -> Any:
    """The ids that `upsert(id_from=…)` gives to a frame's rows, the same on every machine.

    Parameters
    ----------
    data : frame in memory
        A polars or pandas DataFrame, or an Arrow table.
    id_from : sequence of str
        Columns; their values, in this order, decide the id. Floats and nulls are refused.
    namespace : uuid.UUID, optional
        Default: qframe's own, the UUIDv5 of the DNS name "qframe".

    Returns
    -------
    series
        Lower-case hyphenated UUID text, in the frame's library (with its index for pandas).

    Raises
    ------
    FrameError
        A column is missing, or an id cannot be made from its dtype or from one of its values.
    """
    from qframe.write.identify import make_ids as run

    return run(data, id_from, namespace)


def to_matrix(frame: Any, column: str) -> npt.NDArray[np.float32]:
    """A vector column as a matrix.

    Parameters
    ----------
    frame : polars or pandas DataFrame, or Arrow table
    column : str
        Dense vectors: an Array or List of floats, or a pandas column of arrays or lists.

    Returns
    -------
    numpy.ndarray
        float32, shape (rows, dimension).

    Raises
    ------
    FrameError
        For nulls or vectors of different dimensions.
    """
    from qframe.frames.results import to_matrix as run

    return run(frame, column)
