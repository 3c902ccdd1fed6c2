"""Searches on the gRPC wire: request bytes read by the official stubs."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from qdrant_client import grpc

from qframe.backends.grpc.queries import query_needs, query_request
from qframe.errors import OptionError
from qframe.model.queries import Nearest, Prefetch, QueryRequest
from qframe.model.vectors import Dense, Multi, Sparse
from tests.backends.grpc.test_requests import FILTER

CONDITION = {"must": [{"field": {"key": "a", "match": {"keyword": "x"}}}]}
DENSE = Dense(np.array([[1, 2], [3, 4], [5, 6]], np.float32))
SPARSE = Sparse(np.array([0, 2, 2, 3]), np.array([7, 300, 2**32 - 1], np.uint32), np.array([0.5, 1, 2], np.float32))
MULTI = Multi(np.array([0, 1, 3, 4]), np.array([[1, 2], [3, 4], [5, 6], [7, 8]], np.float32))


def queried(queries, using="", **options):
    return grpc.QueryBatchPoints.FromString(query_request(QueryRequest("c", Nearest(queries, using), **options)))


def nearest(request):
    return [one.query.nearest for one in request.query_points]


def test_dense_queries_are_one_a_row():
    assert [list(one.dense.data) for one in nearest(queried(DENSE))] == [[1, 2], [3, 4], [5, 6]]


def test_a_strided_matrix_is_written_by_its_rows():
    turned = Dense(np.asfortranarray(DENSE.values)[::-1])
    assert [list(one.dense.data) for one in nearest(queried(turned))] == [[5, 6], [3, 4], [1, 2]]


def test_sparse_queries_hold_indices_and_values():
    found = [(list(one.sparse.indices), list(one.sparse.values)) for one in nearest(queried(SPARSE))]
    assert found == [([7, 300], [0.5, 1]), ([], []), ([2**32 - 1], [2])]
    assert all(one.WhichOneof("variant") == "sparse" for one in nearest(queried(SPARSE)))


def test_multivector_queries_hold_their_rows():
    found = [[list(row.data) for row in one.multi_dense.vectors] for one in nearest(queried(MULTI))]
    assert found == [[[1, 2]], [[3, 4], [5, 6]], [[7, 8]]]


def test_every_query_carries_the_options():
    params = {
        "hnsw_ef": 128,
        "exact": False,
        "indexed_only": True,
        "quantization": {"ignore": False, "rescore": True, "oversampling": 2.5},
        "acorn": {"enable": True, "max_selectivity": 0.4},
        "idf": {"corpus": FILTER},
    }
    request = queried(
        DENSE,
        using="v",
        limit=3,
        offset=2,
        filter=FILTER,
        score_threshold=0.0,
        params=params,
        payload=("a",),
        vectors=("v",),
        consistency="all",
        shard_key="k",
    )
    condition = {"must": [{"field": {"key": "a", "match": {"keyword": "x"}}}]}
    expected = [
        grpc.QueryPoints(
            collection_name="c",
            query={"nearest": {"dense": {"data": row}}},
            using="v",
            limit=3,
            offset=2,
            filter=condition,
            score_threshold=0.0,
            params={**params, "idf": {"corpus": condition}},
            with_payload={"include": {"fields": ["a"]}},
            with_vectors={"include": {"names": ["v"]}},
            shard_key_selector={"shard_keys": [{"keyword": "k"}]},
        )
        for row in DENSE.values.tolist()
    ]
    assert list(request.query_points) == expected
    assert request.collection_name == "c"
    assert request.read_consistency.type == grpc.ReadConsistencyType.All


def test_an_unknown_search_parameter_is_refused_by_name():
    with pytest.raises(OptionError, match="'ef'"):
        query_request(QueryRequest("c", Nearest(DENSE), params={"ef": 1}))


def test_global_idf_is_a_message_without_a_corpus():
    params = queried(DENSE, params={"idf": "global"}).query_points[0].params
    assert params.HasField("idf")
    assert not params.idf.HasField("corpus")
    assert needs(params={"idf": "global"}) == [((1, 19, 0), "params.idf")]


def needs(**options):
    return query_needs(QueryRequest("c", Nearest(DENSE), **options))


def test_a_search_says_which_server_understands_it():
    assert needs(params={"exact": True}) == []
    assert needs(filter=FILTER, params={"idf": {}}) == [((1, 19, 0), "params.idf")]
    substring = {"must": [{"key": "a", "match": {"substring": "x"}}]}
    assert max(needs(filter=substring, params={"idf": {}}))[0] == (1, 20, 0)
    assert max(needs(params={"idf": {"corpus": substring}}))[0] == (1, 20, 0)


def test_a_prefetch_says_so_too():
    substring = {"must": [{"key": "a", "match": {"substring": "x"}}]}
    assert needs(prefetch=(Prefetch(Nearest(DENSE), 5),)) == []
    assert max(needs(prefetch=(Prefetch(Nearest(DENSE), 5, substring),)))[0] == (1, 20, 0)
    for params, since in (({"acorn": {"enable": True}}, (1, 16, 0)), ({"idf": {"corpus": substring}}, (1, 20, 0))):
        assert max(needs(prefetch=(Prefetch(Nearest(DENSE), 5, params=params),)))[0] == since


STAGES = (
    Prefetch(Nearest(DENSE, "d"), 30, FILTER, 0.5, {"exact": True}),
    Prefetch(Nearest(SPARSE, "s"), 20),
    Prefetch(Nearest(MULTI, "m"), 10),
)


def official_stages(row):
    sparse = [([7, 300], [0.5, 1]), ([], []), ([2**32 - 1], [2])][row]
    multi = [[[1, 2]], [[3, 4], [5, 6]], [[7, 8]]][row]
    return [
        grpc.PrefetchQuery(
            query={"nearest": {"dense": {"data": DENSE.values[row].tolist()}}},
            using="d",
            filter=CONDITION,
            params={"exact": True},
            score_threshold=0.5,
            limit=30,
        ),
        grpc.PrefetchQuery(
            query={"nearest": {"sparse": {"indices": sparse[0], "values": sparse[1]}}}, using="s", limit=20
        ),
        grpc.PrefetchQuery(
            query={"nearest": {"multi_dense": {"vectors": [{"data": one} for one in multi]}}}, using="m", limit=10
        ),
    ]


@pytest.mark.parametrize(("fusion", "number"), [("rrf", grpc.Fusion.RRF), ("dbsf", grpc.Fusion.DBSF)])
def test_fusion(fusion, number):
    made = query_request(QueryRequest("c", fusion, STAGES, limit=4, filter=FILTER, payload=False))
    read = grpc.QueryBatchPoints.FromString(made).query_points
    assert len(read) == 3
    for row, one in enumerate(read):
        assert one.query.WhichOneof("variant") == "fusion"
        assert one.query.fusion == number
        assert list(one.prefetch) == official_stages(row)
        assert (one.limit, one.collection_name, one.HasField("using")) == (4, "c", False)


def test_candidates_that_another_vector_orders():
    made = query_request(QueryRequest("c", Nearest(DENSE, "v"), STAGES))
    for row, one in enumerate(grpc.QueryBatchPoints.FromString(made).query_points):
        assert (list(one.query.nearest.dense.data), one.using) == (DENSE.values[row].tolist(), "v")
        assert list(one.prefetch) == official_stages(row)


rows = st.lists(st.lists(st.floats(width=32, allow_nan=False), min_size=3, max_size=3), max_size=5)


@given(rows, st.integers(0, 3), st.booleans())
def test_whatever_is_asked_is_read(values, stages, fused):
    column = Dense(np.array(values, np.float32).reshape(-1, 3))
    prefetch = tuple(Prefetch(Nearest(column, f"v{i}"), i + 1) for i in range(stages + fused))
    query = "rrf" if fused else Nearest(column)
    read = grpc.QueryBatchPoints.FromString(query_request(QueryRequest("c", query, prefetch))).query_points
    assert [[list(one.query.nearest.dense.data) for one in asked.prefetch] for asked in read] == [
        [row] * len(prefetch) for row in values
    ]
    assert all(asked.query.WhichOneof("variant") == ("fusion" if fused else "nearest") for asked in read)
    assert fused or [list(asked.query.nearest.dense.data) for asked in read] == values
