"""The module functions: `qf.scan("places")` is `qf.collection("places").scan()`; holds no logic."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Literal, Unpack, overload

from qframe.connection import as_connection
from qframe.verbs.collection import Collection
from qframe.verbs.forwarding import forwards_to
from qframe.verbs.options import FrameLibrary, IterOptions, ReadOptions, RetrieveOptions, ScanOptions, SearchOptions

if TYPE_CHECKING:
    import uuid

    import numpy as np
    import numpy.typing as npt
    import pandas as pd
    import polars as pl
    import pyarrow as pa

    from qframe.model.points import ShardKey

_WHERE = """`collection` is the collection's name; `connection` a Connection or anything that `qframe.connect` takes,
default: the default target."""


def collection(name: str, *, connection: Any = None) -> Collection:
    """The collection `name`, to be read, written and administered.

    Parameters
    ----------
    name : str
    connection : Connection or whatever `qframe.connect` takes, optional
    """
    return Collection.of(name, connection)


def collections(*, connection: Any = None) -> list[str]:
    """Names of all collections, sorted.

    Parameters
    ----------
    connection : Connection or whatever `qframe.connect` takes, optional
    """
    from qframe.administration import names

    return names(as_connection(connection))


@forwards_to(Collection.scan, _WHERE)
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


@forwards_to(Collection.read, _WHERE)
def read(
    collection: str, *, frame: FrameLibrary | None = None, connection: Any = None, **options: Unpack[ReadOptions]
) -> Any:
    return Collection.of(collection, connection).read(frame=frame, **options)


@forwards_to(Collection.iter_frames, _WHERE)
def iter_frames(
    collection: str, *, frame: FrameLibrary | None = None, connection: Any = None, **options: Unpack[IterOptions]
) -> Iterator[Any]:
    return Collection.of(collection, connection).iter_frames(frame=frame, **options)


@forwards_to(Collection.count, _WHERE)
def count(
    collection: str,
    *,
    filter: Any = None,  # noqa: A002 - Qdrant's word
    exact: bool = True,
    shard_key: ShardKey | None = None,
    connection: Any = None,
) -> int:
    return Collection.of(collection, connection).count(filter=filter, exact=exact, shard_key=shard_key)


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


@forwards_to(Collection.retrieve, _WHERE)
def retrieve(
    collection: str,
    ids: Any,
    *,
    frame: FrameLibrary | None = None,
    connection: Any = None,
    **options: Unpack[RetrieveOptions],
) -> Any:
    return Collection.of(collection, connection).retrieve(ids, frame=frame, **options)


@overload
def search(
    collection: str,
    vector: Any,
    *,
    frame: Literal["pandas"],
    connection: Any = None,
    **options: Unpack[SearchOptions],
) -> pd.DataFrame: ...


@overload
def search(
    collection: str,
    vector: Any,
    *,
    frame: Literal["arrow"],
    connection: Any = None,
    **options: Unpack[SearchOptions],
) -> pa.Table: ...


@overload
def search(
    collection: str,
    vector: Any,
    *,
    frame: Literal["polars"] | None = None,
    connection: Any = None,
    **options: Unpack[SearchOptions],
) -> pl.DataFrame: ...


@forwards_to(Collection.search, _WHERE)
def search(
    collection: str,
    vector: Any,
    *,
    frame: FrameLibrary | None = None,
    connection: Any = None,
    **options: Unpack[SearchOptions],
) -> Any:
    return Collection.of(collection, connection).search(vector, frame=frame, **options)


def make_ids(data: Any, *, id_from: Sequence[str], namespace: uuid.UUID | None = None) -> Any:
    """The ids that `upsert(id_from=…)` gives to a frame's rows, the same on every machine.

    Parameters
    ----------
    data : frame in memory
    id_from : sequence of str
        Columns; their values decide the id. Floats and nulls are refused.
    namespace : uuid.UUID, optional

    Returns
    -------
    series
        Lower-case hyphenated UUID text, in the frame's library (with its index for pandas).

    Raises
    ------
    FrameError
    """
    from qframe.write.identify import make_ids as run

    return run(data, id_from, namespace)


def to_matrix(frame: Any, column: str) -> npt.NDArray[np.float32]:
    """A vector column as a matrix.

    Parameters
    ----------
    frame : polars or pandas DataFrame, or Arrow table
    column : str

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
