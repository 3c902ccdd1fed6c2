"""Nearest points: equal on the three backends, and equal to what numpy finds by looking at every point."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from qdrant_client import models

import qframe as qf
from tests.three import Three, assert_same

N, DIM = 400, 8
RNG = np.random.default_rng(11)
DENSE = RNG.normal(size=(N, DIM)).astype(np.float32)
TOKENS = [RNG.normal(size=(1 + row % 4, 3)).astype(np.float32) for row in range(N)]
WORDS = np.where(RNG.random((N, 30)) < 0.2, RNG.random((N, 30)), 0).astype(np.float32)
WORDS[:, 0] = RNG.random(N)
FRAME = pl.DataFrame(
    {
        "id": np.arange(N, dtype=np.uint64),
        "city": [f"c{row % 4}" for row in range(N)],
        "dot": pl.Series(DENSE),
        "euclid": pl.Series(DENSE),
        "manhattan": pl.Series(DENSE),
        "cosine": pl.Series(DENSE),
        "tokens": pl.Series([rows.tolist() for rows in TOKENS], dtype=pl.List(pl.Array(pl.Float32, 3))),
        "words": pl.Series(
            [{"indices": np.flatnonzero(row).tolist(), "values": row[row != 0].tolist()} for row in WORDS],
            dtype=pl.Struct({"indices": pl.List(pl.UInt32), "values": pl.List(pl.Float32)}),
        ),
    }
)
VECTORS = ["dot", "euclid", "manhattan", "cosine", "tokens", "words"]
QUERY = RNG.normal(size=DIM).astype(np.float32)


@pytest.fixture(scope="module")
def stored(three_connections: dict[str, qf.Connection]) -> Iterator[Three]:
    with Three.on(three_connections) as three:
        distance = {"dot": "dot", "euclid": "euclid", "manhattan": "manhattan", "cosine": "cosine", "tokens": "dot"}
        three.create(FRAME, vector=VECTORS, distance=distance, indexes={"city": "keyword"})
        three.upsert(FRAME, vector=VECTORS)
        yield three


def scores(using: str) -> np.ndarray[Any, Any]:
    """The score of every point."""
    if using == "dot":
        return DENSE @ QUERY
    if using == "cosine":
        return DENSE @ QUERY / np.linalg.norm(DENSE, axis=1) / np.linalg.norm(QUERY)
    order = {"euclid": 2, "manhattan": 1}[using]
    return np.linalg.norm(DENSE - QUERY, ord=order, axis=1)


def check(found: pl.DataFrame, expected: np.ndarray[Any, Any], best: np.ndarray[Any, Any]) -> None:
    assert found["id"].to_list() == best.tolist()
    assert found["rank"].to_list() == list(range(1, len(best) + 1))
    np.testing.assert_allclose(found["score"].to_numpy(), expected[best], rtol=1e-4)
    assert found["city"].to_list() == [f"c{row % 4}" for row in best]
    assert found.schema["rank"] == pl.UInt32
    assert found.schema["score"] == pl.Float32


@pytest.mark.parametrize("using", ["dot", "euclid", "manhattan", "cosine"])
def test_dense(stored: Three, using: str) -> None:
    expected = scores(using)
    order = np.argsort(expected if using in ("euclid", "manhattan") else -expected)
    found = stored.same(lambda collection: collection.search(QUERY, using=using, limit=15))
    check(found, expected, order[:15])
    found = stored.same(lambda collection: collection.search(QUERY, using=using, limit=5, offset=7))
    assert found["id"].to_list() == order[7:12].tolist()
    between = float(expected[order[4:6]].mean())
    found = stored.same(lambda collection: collection.search(QUERY, using=using, score_threshold=between))
    assert found["id"].to_list() == order[:5].tolist()


def test_multivectors(stored: Three) -> None:
    query = np.random.default_rng(5).normal(size=(2, 3)).astype(np.float32)
    for asked in (query, query[:1]):
        expected = np.array([(asked @ rows.T).max(axis=1).sum() for rows in TOKENS])
        found = stored.same(lambda collection, by=asked: collection.search(by, using="tokens"))
        check(found, expected, np.argsort(-expected)[:10])
    flat = stored.same(lambda collection: collection.search(query[0], using="tokens"))
    assert flat.equals(stored.same(lambda collection: collection.search(query[:1], using="tokens")))


def test_sparse(stored: Three) -> None:
    query = {"indices": [7, 0, 3], "values": [0.5, 1.0, 2.0]}
    expected = WORDS[:, query["indices"]] @ np.array(query["values"])
    found = stored.same(lambda collection: collection.search(query, using="words"))
    check(found, expected, np.argsort(-expected)[:10])
    assert stored.same(lambda collection: collection.search({"indices": [], "values": []}, using="words")).is_empty()


def test_filters(stored: Three) -> None:
    expected = scores("dot")
    best = np.array([row for row in np.argsort(-expected) if row % 4 == 2][:10])
    condition = {"key": "city", "match": {"value": "c2"}}
    model = models.Filter(must=[models.FieldCondition(key="city", match=models.MatchValue(value="c2"))])
    expression = pl.col("city") == "c2"
    for given in ({"must": [condition]}, model, [model, {"must_not": [{"has_id": [9_999]}]}], expression, [expression]):
        found = stored.same(lambda collection, by=given: collection.search(QUERY, using="dot", filter=by))
        check(found, expected, best)
    here = pl.col("city").str.len_chars() == 2
    error = stored.refused(lambda collection: collection.search(QUERY, using="dot", filter=here))
    assert error.kind == "OptionError"


@pytest.mark.parametrize("params", [{"exact": True}, {"hnsw_ef": 128}, {"exact": False, "indexed_only": False}])
def test_params(stored: Three, params: Any) -> None:
    expected = scores("dot")
    found = stored.same(lambda collection: collection.search(QUERY, using="dot", params=params))
    check(found, expected, np.argsort(-expected)[:10])


def test_columns_and_vectors(stored: Three) -> None:
    found = stored.same(lambda collection: collection.search(QUERY, using="dot", limit=2, columns=[]))
    assert found.columns == ["rank", "id", "score"]
    found = stored.same(
        lambda collection: collection.search(
            QUERY, using="dot", limit=2, columns=[], vectors=["words", "tokens", "dot"]
        )
    )
    assert found.columns == ["rank", "id", "score", "dot", "tokens", "words"]
    rows = found["id"].to_list()
    assert found["dot"].to_list() == DENSE[rows].tolist()
    assert found["tokens"].to_list() == [TOKENS[row].tolist() for row in rows]
    assert found.select("words").equals(FRAME[rows].select("words"))


@pytest.mark.parametrize(("frame", "kind"), [("polars", pl.DataFrame), ("pandas", pd.DataFrame), ("arrow", pa.Table)])
def test_libraries(stored: Three, frame: Any, kind: type) -> None:
    found = stored.same(lambda collection: collection.search(QUERY, using="dot", frame=frame, vectors="dot"))
    assert isinstance(found, kind)
    assert len(found) == 10


@pytest.mark.parametrize(
    "vector", [QUERY.tolist(), tuple(QUERY.tolist()), QUERY.astype(np.float64), pl.Series(QUERY), pd.Series(QUERY)]
)
def test_spellings_of_a_vector(stored: Three, vector: Any) -> None:
    found = stored.same(lambda collection: collection.search(vector, using="dot"))
    assert_same(found, stored.collections["grpc"].search(QUERY, using="dot"))


def test_the_only_vector_is_found(three: Three) -> None:
    for options in ({"vector": "dot"}, {"vector": {"": "dot"}}):
        data = FRAME.select("id", "dot").head(20)
        three.create(data, distance="dot", **options)
        three.upsert(data, **options)
        found = three.same(lambda collection: collection.search(QUERY, limit=3))
        assert found["id"].to_list() == np.argsort(-(DENSE[:20] @ QUERY))[:3].tolist()


@pytest.mark.parametrize(
    ("vector", "options", "words"),
    [
        (QUERY, {}, "say which: using="),
        (QUERY, {"using": "dott"}, "did you mean 'dot'?"),
        (QUERY[:3], {"using": "dot"}, "takes (8,)"),
        (QUERY[np.newaxis], {"using": "dot"}, "takes (8,)"),
        (3.5, {"using": "dot"}, "takes (8,)"),
        (QUERY, {"using": "tokens"}, "takes (k, 3)"),
        ([[1, 2, 3], [1, 2]], {"using": "tokens"}, "rows of one length"),
        ([*QUERY[1:], float("nan")], {"using": "dot"}, "NaN"),
        ([*QUERY[1:], float("inf")], {"using": "dot"}, "infinity"),
        ([*QUERY[1:].tolist(), 1e300], {"using": "dot"}, "float32"),
        (["a"] * DIM, {"using": "dot"}, "not made of numbers"),
        (None, {"using": "dot"}, "search"),
        (QUERY, {"using": "words"}, "'words' is sparse"),
        ({"indices": [1], "values": [1.0]}, {"using": "dot"}, "not made of numbers"),
        ({"indices": [1, 1], "values": [1.0, 2.0]}, {"using": "words"}, "no index stands twice"),
        ({"indices": [1, 2], "values": [1.0]}, {"using": "words"}, "as many"),
        ({"indices": [-1], "values": [1.0]}, {"using": "words"}, "from 0 to 2^32"),
        ({"indices": [2**32], "values": [1.0]}, {"using": "words"}, "from 0 to 2^32"),
        ({"indices": [1.5], "values": [1.0]}, {"using": "words"}, "integers"),
        ({"indices": ["a"], "values": [1.0]}, {"using": "words"}, "integers"),
        ({"indices": [1], "values": [float("nan")]}, {"using": "words"}, "NaN"),
        (QUERY, {"using": "dot", "limit": 0}, "limit"),
        (QUERY, {"using": "dot", "offset": -1}, "offset"),
        (QUERY, {"using": "dot", "score_threshold": "a"}, "score_threshold"),
        (QUERY, {"using": "dot", "params": 3}, "params"),
        (QUERY, {"using": "dot", "frame": "spark"}, "frame"),
        (QUERY, {"using": "dot", "dtype_backend": "object"}, "dtype_backend"),
    ],
)
def test_what_makes_no_sense(stored: Three, vector: Any, options: dict[str, Any], words: str) -> None:
    error = stored.refused(lambda collection: collection.search(vector, **options))
    assert error.kind == "OptionError"
    assert words in error


def test_params_that_nobody_knows(connection: qf.Connection, name: str) -> None:
    """The words are the target's own."""
    collection = qf.collection(name, connection=connection)
    data = FRAME.select("id", "dot").head(3)
    collection.upsert(data, vector="dot")
    with pytest.raises(qf.QframeError, match="nope"):
        collection.search(QUERY, params={"nope": 1})
