"""Searches over REST, read by the official models as a server would read them."""

from typing import Any

import numpy as np
import pytest
from qdrant_client import models

from qframe.backends.rest.queries import query
from qframe.errors import OptionError
from qframe.model.queries import Nearest, Prefetch, QueryRequest
from qframe.model.vectors import Dense, Multi, Sparse
from tests.backends.rest.test_requests import FILTER, said


def searches(request: QueryRequest) -> list[models.QueryRequest]:
    return models.QueryRequestBatch.model_validate(said(query(request, 60))).searches


def queries(column: Any) -> list[models.QueryRequest]:
    request = QueryRequest(
        "c", Nearest(column, "v"), (), 5, 2, FILTER, 0.5, {"hnsw_ef": 64, "exact": True}, ("a",), ("v",), "all", "k"
    )
    made = query(request, 60)
    assert (made.method, made.path) == ("POST", "/collections/c/points/query/batch")
    assert ("consistency", "all") in made.params
    return models.QueryRequestBatch.model_validate(said(made)).searches


def test_a_query_for_each_row() -> None:
    values = np.array([[0.1, 2.0], [1e-8, -3.5]], dtype=np.float32)
    read = queries(Dense(values))
    assert [np.float32(search.query).tolist() for search in read] == values.tolist()
    for search in read:
        assert (search.using, search.limit, search.offset, search.score_threshold) == ("v", 5, 2, 0.5)
        assert search.filter == models.Filter.model_validate(FILTER)
        assert search.params == models.SearchParams(hnsw_ef=64, exact=True)
        assert (search.with_payload, search.with_vector, search.shard_key) == (["a"], ["v"], "k")


def test_sparse_queries() -> None:
    column = Sparse(np.array([0, 2, 2]), np.array([9, 3], dtype=np.uint32), np.array([1.0, 0.5], dtype=np.float32))
    read = [search.query for search in queries(column)]
    assert read == [models.SparseVector(indices=[9, 3], values=[1.0, 0.5]), models.SparseVector(indices=[], values=[])]


def test_multivector_queries_keep_their_decimal_points() -> None:
    column = Multi(np.array([0, 2, 3]), np.array([[1, 2], [3, 4], [5, 6]], dtype=np.float32))
    assert [search.query for search in queries(column)] == [[[1.0, 2.0], [3.0, 4.0]], [[5.0, 6.0]]]
    body = b"".join(query(QueryRequest("c", Nearest(column)), 60).body)
    assert b"[[1.0,2.0],[3.0,4.0]]" in body, "two rows of integers are read as a sparse vector"


def test_rows_that_do_not_lie_one_after_the_other() -> None:
    values = np.arange(12, dtype=np.float32).reshape(2, 6)[:, ::2]
    assert [search.query for search in queries(Dense(values))] == values.tolist()


DENSE = Dense(np.array([[0.5, 1.0], [2.0, -1.0]], dtype=np.float32))
SPARSE = Sparse(np.array([0, 1, 1]), np.array([7], dtype=np.uint32), np.array([0.25], dtype=np.float32))
STAGES = (
    Prefetch(Nearest(DENSE, "d"), 30, FILTER, 0.1, {"exact": True}),
    Prefetch(Nearest(SPARSE, "s"), 20),
    Prefetch(Nearest(DENSE), 10),
)
WORDS = [models.SparseVector(indices=[7], values=[0.25]), models.SparseVector(indices=[], values=[])]


def check_stages(search: models.QueryRequest, row: int) -> None:
    assert isinstance(search.prefetch, list)
    first, second, third = search.prefetch
    vector = DENSE.values[row].tolist()
    assert first == models.Prefetch(
        query=vector,
        using="d",
        filter=models.Filter.model_validate(FILTER),
        params=models.SearchParams(exact=True),
        score_threshold=0.1,
        limit=30,
    )
    assert second == models.Prefetch(query=WORDS[row], using="s", limit=20)
    assert third == models.Prefetch(query=vector, limit=10)


@pytest.mark.parametrize("fusion", ["rrf", "dbsf"])
def test_fusion(fusion: Any) -> None:
    read = searches(QueryRequest("c", fusion, STAGES, limit=4, filter=FILTER, payload=False))
    assert len(read) == 2
    for row, search in enumerate(read):
        assert search.query == models.FusionQuery(fusion=models.Fusion(fusion))
        assert (search.using, search.limit, search.with_payload) == (None, 4, False)
        assert search.filter == models.Filter.model_validate(FILTER)
        check_stages(search, row)


def test_candidates_that_another_vector_orders() -> None:
    for row, search in enumerate(searches(QueryRequest("c", Nearest(DENSE, "v"), STAGES))):
        assert (search.query, search.using) == (DENSE.values[row].tolist(), "v")
        check_stages(search, row)


def test_no_query_at_all() -> None:
    nothing = Dense(np.empty((0, 2), dtype=np.float32))
    assert searches(QueryRequest("c", "rrf", (Prefetch(Nearest(nothing), 10),))) == []


def test_params_of_a_prefetch_that_nobody_knows_are_not_sent() -> None:
    with pytest.raises(OptionError, match="'ef'"):
        query(QueryRequest("c", "rrf", (Prefetch(Nearest(DENSE), 10, params={"ef": 1}),)), 60)
