"""Searches as HTTP requests. Pure."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from qframe.backends.rest.fields import to_json
from qframe.backends.rest.known import check_search_params
from qframe.backends.rest.pipe import Request
from qframe.backends.rest.requests import collection_path, optional, read_params, wanted
from qframe.model.queries import Nearest, Prefetch, QueryRequest
from qframe.model.vectors import Multi, Sparse, VectorColumn


def query(request: QueryRequest, timeout: float) -> Request:
    """`POST …/points/query/batch`: one search for each row of the vector columns."""
    check_search_params(request.params)
    shared = {
        "limit": request.limit,
        "offset": request.offset,
        **optional(
            using=None if isinstance(request.query, str) else request.query.using or None,
            filter=request.filter,
            score_threshold=request.score_threshold,
            params=request.params,
        ),
        **wanted(request),
    }
    # What differs from row to row stands between what does not: each search is joined from pieces.
    pieces = [_query(request.query), *_prefetches(request.prefetch), _constant(b"," + to_json(shared)[1:])]
    searches = b",".join(map(b"".join, itertools.islice(zip(*pieces, strict=False), len(request))))
    path = collection_path(request.collection, "/points/query/batch")
    body = b'{"searches":[', searches, b"]}"
    return Request("POST", path, read_params(timeout, request.consistency), body)


def _query(query: Nearest | str) -> Iterator[bytes]:
    """What the search itself is, for each row."""
    if isinstance(query, str):
        return _constant(b'{"query":' + to_json({"fusion": query}))
    return (b'{"query":' + vector for vector in query_vectors(query.vectors))


def _prefetches(prefetch: tuple[Prefetch, ...]) -> Iterator[Iterator[bytes]]:
    for position, one in enumerate(prefetch):
        check_search_params(one.params)
        rest = to_json(
            {
                "limit": one.limit,
                **optional(
                    using=one.query.using or None,
                    filter=one.filter,
                    score_threshold=one.score_threshold,
                    params=one.params,
                ),
            }
        )
        yield _constant(b',{"query":' if position else b',"prefetch":[{"query":')
        yield query_vectors(one.query.vectors)
        yield _constant(b"," + rest[1:])
    if prefetch:
        yield _constant(b"]")


def _constant(piece: bytes) -> Iterator[bytes]:
    return itertools.repeat(piece)


def query_vectors(column: VectorColumn) -> Iterator[bytes]:
    """The JSON of each row. Floats keep their point: a multivector of two rows of integers is read as a sparse one."""
    if isinstance(column, Sparse):
        for start, stop in itertools.pairwise(column.offsets.tolist()):
            yield to_json({"indices": column.indices[start:stop], "values": column.values[start:stop]})
    elif isinstance(column, Multi):
        for start, stop in itertools.pairwise(column.offsets.tolist()):
            yield to_json(column.values[start:stop])
    else:
        yield from map(to_json, column.values)
