"""Nearest points: equal to what numpy finds by trying all."""

import numpy as np
import pyarrow as pa
import pytest

from qframe.backends.embedded import queries as engine_queries
from qframe.backends.embedded.backend import EmbeddedBackend
from qframe.model.ids import Ids
from qframe.model.outcome import Fault
from qframe.model.queries import Nearest, Prefetch, QueryRequest
from qframe.model.schema import Field, Schema, VectorField
from qframe.model.vectors import Dense
from tests.backends.embedded.steps import COLLECTION, TIMEOUT, created, dense, multi, numbers, points, sparse, stored

N, DIM = 300, 8
DISTANCES = ("Cosine", "Euclid", "Dot", "Manhattan")


def scores(distance: str, queries: np.ndarray, stored_: np.ndarray) -> np.ndarray:
    """Score of every query with every point, as Qdrant says it, in float64."""
    queries, stored_ = queries.astype(np.float64), stored_.astype(np.float64)
    if distance == "Cosine":
        queries = queries / np.linalg.norm(queries, axis=1, keepdims=True)
        stored_ = stored_ / np.linalg.norm(stored_, axis=1, keepdims=True)
    if distance in ("Cosine", "Dot"):
        return queries @ stored_.T
    order = 2 if distance == "Euclid" else 1
    return np.linalg.norm(queries[:, None] - stored_[None], ord=order, axis=2)


def best(found: np.ndarray, distance: str, limit: int) -> np.ndarray:
    """Points of each query, best first."""
    ascending = distance in ("Euclid", "Manhattan")
    return np.argsort(found if ascending else -found, axis=1, kind="stable")[:, :limit]


def asked(backend: EmbeddedBackend, request: QueryRequest, schema: Schema | None = None) -> pa.Table:
    answer = backend.query(request, schema or Schema(), TIMEOUT)
    assert not isinstance(answer, Fault), answer
    return answer.table


@pytest.mark.parametrize("distance", DISTANCES)
def test_dense(backend: EmbeddedBackend, distance: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_queries, "READ_POINTS", 50)
    created(backend, {"vectors": {"place": {"size": DIM, "distance": distance}}})
    held, queries = dense(N, DIM), dense(20, DIM, seed=1)
    stored(backend, points(Ids(np.arange(N, dtype=np.uint64)), {"place": held}))
    table = asked(backend, QueryRequest(COLLECTION, Nearest(queries, "place"), limit=7))
    every = scores(distance, queries.values, held.values)
    expected = best(every, distance, 7)
    assert table["query"].to_pylist() == np.repeat(np.arange(20), 7).tolist()
    assert table["rank"].to_pylist() == list(range(1, 8)) * 20
    assert np.array_equal(table["id"].to_numpy().reshape(20, 7), expected)
    found = table["score"].to_numpy().reshape(20, 7)
    assert np.allclose(found, np.take_along_axis(every, expected, axis=1), atol=1e-5)


def test_offset_threshold_and_columns(backend: EmbeddedBackend) -> None:
    created(backend, {"vectors": {"size": DIM, "distance": "Dot"}})
    held, queries = dense(N, DIM), dense(1, DIM, seed=1)
    ids = Ids(np.arange(N, dtype=np.uint64))
    stored(backend, points(ids, {"": held}, {"n": pa.array(range(N))}))
    every = scores("Dot", queries.values, held.values)
    order = best(every, "Dot", N)[0]
    schema = Schema((Field("n", pa.int64()),), (VectorField("vector", "", "dense", DIM),))
    table = asked(backend, QueryRequest(COLLECTION, Nearest(queries), limit=5, offset=3, vectors=("",)), schema)
    assert table.column_names == ["query", "rank", "id", "score", "n", "vector"]
    assert table["id"].to_pylist() == table["n"].to_pylist() == order[3:8].tolist()
    assert np.array_equal(table["vector"].to_pylist(), held.values[order[3:8]])
    threshold = float(every[0, order[9]] + every[0, order[10]]) / 2
    request = QueryRequest(COLLECTION, Nearest(queries), limit=100, score_threshold=threshold, payload=False)
    table = asked(backend, request)
    assert table["id"].to_pylist() == order[:10].tolist()


def test_sparse(backend: EmbeddedBackend) -> None:
    created(backend)
    rows = sparse(([1, 5], [1, 2]), ([5], [3]), ([9], [1]))
    stored(backend, points(numbers(1, 2, 3), {"sparse": rows}))
    queries = sparse(([5], [2]), ([1, 9], [1, 4]), ([77], [1]))
    table = asked(backend, QueryRequest(COLLECTION, Nearest(queries, "sparse")))
    found = zip(*(table[name].to_pylist() for name in ("query", "rank", "id", "score")), strict=True)
    assert list(found) == [(0, 1, 2, 6), (0, 2, 1, 4), (1, 1, 3, 4), (1, 2, 1, 1)]


def test_multi(backend: EmbeddedBackend) -> None:
    created(backend)
    stored(backend, points(numbers(1, 2), {"multi": multi([[1, 0], [0, 1]], [[2, 0]])}))
    queries = multi([[1, 0], [0, 1]], [[1, 0]])
    table = asked(backend, QueryRequest(COLLECTION, Nearest(queries, "multi")))
    found = zip(*(table[name].to_pylist() for name in ("query", "id", "score")), strict=True)
    assert sorted(found) == [(0, 1, 2), (0, 2, 2), (1, 1, 1), (1, 2, 2)]


def test_params(backend: EmbeddedBackend) -> None:
    created(backend)
    stored(backend, points(numbers(1, 2)))
    params = {
        "exact": True,
        "hnsw_ef": 64,
        "indexed_only": False,
        "quantization": {"ignore": True, "rescore": None},
        "acorn": {"enable": True},
    }
    assert len(asked(backend, QueryRequest(COLLECTION, Nearest(dense(1)), params=params))) == 2


def test_no_queries_and_no_points(backend: EmbeddedBackend) -> None:
    created(backend)
    assert len(asked(backend, QueryRequest(COLLECTION, Nearest(dense(2))))) == 0
    stored(backend, points(numbers(1, 2)))
    assert len(asked(backend, QueryRequest(COLLECTION, Nearest(dense(0))))) == 0


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        (QueryRequest(COLLECTION, Nearest(dense(1, 3))), "expected dim: 4, got 3"),
        (QueryRequest(COLLECTION, Nearest(dense(1), "nope")), "Not existing vector name error: nope"),
        (QueryRequest(COLLECTION, Nearest(sparse(([1], [1])))), "Conversion between sparse and regular"),
        (QueryRequest(COLLECTION, Nearest(Dense(np.full((1, 4), np.nan, np.float32)))), "NaN"),
        (QueryRequest(COLLECTION, Nearest(Dense(dense(1).values, np.array([False])))), "must not be null"),
        (QueryRequest(COLLECTION, Nearest(dense(1)), limit=0), "limit: value 0 invalid"),
        (QueryRequest(COLLECTION, Nearest(dense(1)), limit=2**64), "Format error"),
        (QueryRequest(COLLECTION, Nearest(dense(1)), offset=-1), "Format error"),
        (QueryRequest(COLLECTION, Nearest(dense(1)), params={"ef": 1}), "unknown field `ef` in params"),
        (QueryRequest(COLLECTION, Nearest(dense(1)), params={"hnsw_ef": "a"}), "params"),
        (QueryRequest(COLLECTION, Nearest(dense(1)), params={"quantization": {"x": 1}}), "params"),
        (QueryRequest(COLLECTION, Nearest(dense(1)), vectors=("nope",)), "Not existing vector name error: nope"),
        (QueryRequest(COLLECTION, Nearest(dense(1)), filter={"x": []}), "unknown field `x`"),
        (QueryRequest("nowhere", Nearest(dense(1))), "doesn't exist"),
    ],
)
def test_queries_refused(backend: EmbeddedBackend, request_: QueryRequest, message: str) -> None:
    created(backend)
    stored(backend, points(numbers(1, 2)))
    answer = backend.query(request_, Schema(), TIMEOUT)
    assert isinstance(answer, Fault)
    assert message in answer.message


def two_vectors(backend: EmbeddedBackend) -> tuple[Dense, Dense]:
    created(backend, {"vectors": {name: {"size": DIM, "distance": "Dot"} for name in ("a", "b")}})
    held = dense(N, DIM), dense(N, DIM, seed=2)
    columns = {"n": pa.array(range(N))}
    stored(backend, points(Ids(np.arange(N, dtype=np.uint64)), dict(zip("ab", held, strict=True)), columns))
    return held


def test_fused(backend: EmbeddedBackend) -> None:
    held = two_vectors(backend)
    queries = dense(5, DIM, seed=3), dense(5, DIM, seed=4)
    stages = tuple(Prefetch(Nearest(one, name), 20) for one, name in zip(queries, "ab", strict=True))
    found = asked(backend, QueryRequest(COLLECTION, "rrf", stages, limit=8))
    for row in range(5):
        expected: dict[int, float] = {}
        for one, other in zip(queries, held, strict=True):
            for place, point in enumerate(best(scores("Dot", one.values, other.values), "Dot", 20)[row].tolist()):
                expected[point] = expected.get(point, 0) + 1 / (place + 2)
        mine = found.filter(pa.array(np.asarray(found["query"]) == row))
        assert np.allclose(mine["score"].to_numpy(), sorted(expected.values(), reverse=True)[:8])
        assert np.allclose([expected[point] for point in mine["id"].to_pylist()], mine["score"].to_numpy())


def test_candidates_that_another_vector_orders(backend: EmbeddedBackend) -> None:
    held = two_vectors(backend)
    queries = dense(5, DIM, seed=3), dense(5, DIM, seed=4)
    even = {"must": [{"has_id": list(range(0, N, 2))}]}
    stage = Prefetch(Nearest(queries[0], "a"), 20, {"must": [{"key": "n", "range": {"lt": 200}}]})
    found = asked(backend, QueryRequest(COLLECTION, Nearest(queries[1], "b"), (stage,), limit=20, filter=even))
    near, final = (scores("Dot", one.values, other.values) for one, other in zip(queries, held, strict=True))
    for row in range(5):
        # The filter of the search holds for what is prefetched too, or fewer than 20 would be left.
        candidates = [point for point in np.argsort(-near[row]) if point % 2 == 0 and point < 200][:20]
        expected = sorted(candidates, key=lambda point: -final[row, point])
        assert found.filter(pa.array(np.asarray(found["query"]) == row))["id"].to_pylist() == expected


@pytest.mark.parametrize(
    ("stage", "message"),
    [
        (Prefetch(Nearest(dense(1, 3)), 5), "expected dim: 4, got 3"),
        (Prefetch(Nearest(dense(1)), 0), "limit: value 0 invalid"),
        (Prefetch(Nearest(dense(1)), 5, {"x": []}), "unknown field `x`"),
        (Prefetch(Nearest(dense(1)), 5, params={"ef": 1}), "unknown field `ef` in params"),
        (Prefetch(Nearest(dense(1), "nope"), 5), "Not existing vector name error: nope"),
    ],
)
def test_prefetches_refused(backend: EmbeddedBackend, stage: Prefetch, message: str) -> None:
    created(backend)
    stored(backend, points(numbers(1, 2)))
    answer = backend.query(QueryRequest(COLLECTION, "rrf", (stage,)), Schema(), TIMEOUT)
    assert isinstance(answer, Fault)
    assert message in answer.message
