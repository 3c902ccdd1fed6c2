"""Prefetches, fused or ordered by another vector: three backends agree with numpy, for frames and for vectors."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
import polars as pl
import pytest

import qframe as qf
from qframe.model.queries import QueryRequest
from qframe.model.requests import CollectionInfo, VectorConfig
from qframe.reading.search.form import form_of
from qframe.reading.search.options import Search
from qframe.reading.search.vectors import nearest_of
from tests.test_search import FRAME
from tests.test_search_frames import ASKED, ASKING, EXACT, QUERIES, SCORES, WORD_QUERIES
from tests.three import Three

VECTORS = ["dot", "words", "tokens"]
FEW = ASKING.head(12)


@pytest.fixture(scope="module")
def stored(three_connections: dict[str, qf.Connection]) -> Iterator[Three]:
    with Three.on(three_connections) as three:
        data = FRAME.select("id", "city", *VECTORS)
        three.create(data, vector=VECTORS, distance="dot", indexes={"city": "keyword"})
        three.upsert(data, vector=VECTORS)
        yield three


def found_by(vector: str, query: int, limit: int, keep: Any = None) -> list[int]:
    """The best points for one vector of a query, best first."""
    scores = SCORES[vector][query]
    order = np.argsort(-scores)
    if vector == "words":
        order = order[scores[order] != 0]
    return [point for point in order.tolist() if keep is None or keep(point)][:limit]


def rrf(lists: list[list[int]]) -> dict[int, float]:
    scores: dict[int, float] = {}
    for one in lists:
        for place, point in enumerate(one):
            scores[point] = scores.get(point, 0.0) + 1 / (2 + place)
    return scores


def check_fused(found: pl.DataFrame, expected: dict[int, float], limit: int, offset: int = 0) -> None:
    """Every hit has its score, and the scores are the best ones; points of one score stand in any order."""
    scores = sorted(expected.values(), reverse=True)[offset : offset + limit]
    np.testing.assert_allclose(found["score"].to_numpy(), scores, rtol=1e-5)
    np.testing.assert_allclose([expected[point] for point in found["id"].to_list()], scores, rtol=1e-5)
    assert found["rank"].to_list() == list(range(1, len(scores) + 1))
    assert found["id"].n_unique() == len(found)


def of_query(found: pl.DataFrame, query: int) -> pl.DataFrame:
    return found.filter(pl.col("query") == query)


@pytest.mark.parametrize("vectors", [["dot", "words"], ["tokens", "dot", "words"], None])
def test_fused_by_ranks(stored: Three, vectors: Any) -> None:
    for collection in stored.collections.values():
        found = collection.search(vectors, data=FEW, fusion="rrf", limit=6, params=EXACT)
        assert found.columns == ["query", "rank", "id", "score", "city"]
        for query in range(len(FEW)):
            lists = [found_by(vector, query, 10) for vector in vectors or VECTORS]
            check_fused(of_query(found, query), rrf(lists), 6)


@pytest.mark.parametrize(("limit", "offset"), [(30, 0), (10, 15), (3, 2)])
def test_prefetches_are_long_enough_for_the_answer(stored: Three, limit: int, offset: int) -> None:
    """Qdrant's own 10 would leave an answer of 30, or one from 15 on, short or empty."""
    for collection in stored.collections.values():
        found = collection.search(
            ["dot", "words"], data=FEW, fusion="rrf", limit=limit, offset=offset, params=EXACT, columns=[]
        )
        for query in range(len(FEW)):
            lists = [found_by(vector, query, max(10, limit + offset)) for vector in ("dot", "words")]
            check_fused(of_query(found, query), rrf(lists), limit, offset)


def test_fused_by_scores(stored: Three) -> None:
    for collection in stored.collections.values():
        found = collection.search(["dot", "words"], data=FEW, fusion="dbsf", limit=20, params=EXACT)
        for query in range(len(FEW)):
            expected: dict[int, float] = {}
            for vector in ("dot", "words"):
                points = found_by(vector, query, 20)
                scores = SCORES[vector][query][points].astype(np.float64)
                low, high = scores.mean() - 3 * scores.std(ddof=1), scores.mean() + 3 * scores.std(ddof=1)
                for point, score in zip(points, scores, strict=True):
                    expected[point] = expected.get(point, 0.0) + (score - low) / (high - low)
            check_fused(of_query(found, query), expected, 20)


def test_prefetches_say_what_they_want(stored: Three) -> None:
    stages = [
        {"vector": "dot", "limit": 25, "filter": {"must": [{"key": "city", "match": {"value": "c1"}}]}},
        {"vector": "words", "using": "words", "limit": 15, "score_threshold": 0.5, "params": EXACT},
        {"vector": "dot", "limit": 5},
    ]
    for collection in stored.collections.values():
        found = collection.search(data=FEW, prefetch=stages, fusion="rrf", limit=30, params=EXACT)
        for query in range(len(FEW)):
            words = [point for point in found_by("words", query, 15) if SCORES["words"][query][point] > 0.5]
            lists = [found_by("dot", query, 25, lambda point: point % 4 == 1), words, found_by("dot", query, 5)]
            check_fused(of_query(found, query), rrf(lists), 30)


def test_the_filter_holds_for_what_is_prefetched(stored: Three) -> None:
    condition = {"must": [{"key": "city", "match": {"value": "c2"}}]}
    for collection in stored.collections.values():
        found = collection.search(["dot", "words"], data=FEW, fusion="rrf", limit=10, filter=condition, params=EXACT)
        for query in range(len(FEW)):
            lists = [found_by(vector, query, 10, lambda point: point % 4 == 2) for vector in ("dot", "words")]
            check_fused(of_query(found, query), rrf(lists), 10)


def test_candidates_that_another_vector_orders(stored: Three) -> None:
    stages = [{"vector": "dot", "limit": 30}, {"vector": "words", "limit": 10}]
    found = stored.same(
        lambda collection: collection.search("tokens", data=FEW, prefetch=stages, limit=12, params=EXACT)
    )
    for query in range(len(FEW)):
        candidates = {*found_by("dot", query, 30), *found_by("words", query, 10)}
        expected = sorted(candidates, key=lambda point: -SCORES["tokens"][query][point])[:12]
        mine = of_query(found, query)
        assert mine["id"].to_list() == expected
        np.testing.assert_allclose(mine["score"].to_numpy(), SCORES["tokens"][query][expected], rtol=1e-4)


def test_the_same_from_vectors(stored: Three) -> None:
    words = {
        "indices": np.flatnonzero(WORD_QUERIES[0]).tolist(),
        "values": WORD_QUERIES[0][WORD_QUERIES[0] != 0].tolist(),
    }
    for collection in stored.collections.values():
        lists = [found_by("dot", 0, 10), found_by("words", 0, 10)]
        fused = qf.search(
            collection.name,
            {"dot": QUERIES[0], "words": words},
            fusion="rrf",
            limit=5,
            params=EXACT,
            connection=collection.connection,
        )
        assert fused.columns == ["rank", "id", "score", "city"]
        check_fused(fused, rrf(lists), 5)
        stages = [{"vector": QUERIES[0].tolist(), "using": "dot"}, {"vector": {"words": words}}]
        check_fused(collection.search(prefetch=stages, fusion="rrf", limit=5, params=EXACT), rrf(lists), 5)
        staged = collection.search(words, using="words", prefetch=stages[:1], limit=4, params=EXACT)
        expected = sorted(found_by("dot", 0, 10), key=lambda point: -SCORES["words"][0][point])
        expected = [point for point in expected if SCORES["words"][0][point] != 0][:4]
        assert staged["id"].to_list() == expected
        named = collection.search({"dot": QUERIES[0]}, limit=3, params=EXACT)
        assert named["id"].to_list() == found_by("dot", 0, 3)


def test_a_row_without_one_of_its_vectors(stored: Three) -> None:
    bad = FEW.with_columns(
        words=pl.when(pl.int_range(pl.len()) == 3).then(None).otherwise("words"),
        dot=pl.when(pl.int_range(pl.len()) == 7).then(None).otherwise("dot"),
    )
    for collection in stored.collections.values():
        with pytest.warns(qf.QueryWarning, match="2 of 12 queries") as caught:
            found = collection.search(["dot", "words"], data=bad, fusion="rrf", limit=5)
        message = caught[0].message
        assert isinstance(message, qf.QueryWarning)
        assert [row for row, _ in message.failures] == [3, 7]
        assert "column 'words'" in message.failures[0][1]
        assert found.filter(pl.col("rank").is_null())["query"].to_list() == [3, 7]
        assert found["query"].n_unique() == 12


STAGE = {"vector": "dot"}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"vector": "dot", "fusion": "rrf"}, "nothing to fuse"),
        ({"vector": ["dot", "words"], "fusion": "rff"}, "fusion='rff'"),
        ({"vector": "dot", "fusion": "rrf", "prefetch": [STAGE]}, "Leave one of vector= and fusion= out"),
        ({"prefetch": [STAGE]}, "what is to decide"),
        ({"prefetch": STAGE, "fusion": "rrf"}, "a list of mappings"),
        ({"prefetch": [], "fusion": "rrf"}, "a list of mappings"),
        ({"prefetch": ["dot"], "fusion": "rrf"}, "prefetch[0]='dot': a mapping"),
        ({"prefetch": [STAGE, {"vecter": "dot"}], "fusion": "rrf"}, "prefetch[1]: unknown key 'vecter'. Did you mean"),
        ({"prefetch": [{**STAGE, "limit": 0}], "fusion": "rrf"}, "prefetch[0]['limit']=0"),
        ({"prefetch": [{**STAGE, "using": 3}], "fusion": "rrf"}, "prefetch[0]['using']=3"),
        ({"prefetch": [{**STAGE, "params": 3}], "fusion": "rrf"}, "prefetch[0]['params']=3"),
        ({"prefetch": [{**STAGE, "score_threshold": "a"}], "fusion": "rrf"}, "prefetch[0]['score_threshold']='a'"),
        ({"prefetch": [{**STAGE, "filter": {"x": 1}}], "fusion": "rrf"}, "prefetch[0]['filter']"),
        ({"prefetch": [{"vector": ["dot", "words"]}], "fusion": "rrf"}, "a prefetch has one vector, and here are 2"),
        ({"vector": ["dot", "words"]}, "fusion='rrf'"),
    ],
)
def test_what_makes_no_sense(stored: Three, options: dict[str, Any], words: str) -> None:
    error = stored.refused(lambda collection: collection.search(data=FEW, **options))
    assert (error.kind, words in error) == ("OptionError", True), error.words


@pytest.mark.parametrize(
    ("vector", "options", "words"),
    [
        ({"dot": QUERIES[0], "tokens": QUERIES[0][:3]}, {}, "2 vectors are given"),
        ({"dto": QUERIES[0]}, {}, "did you mean 'dot'?"),
        ({}, {}, "names no vector"),
        ({"dot": QUERIES[0]}, {"using": "dot"}, "using= is for one vector"),
        (None, {"fusion": "rrf", "prefetch": [{"using": "dot"}]}, "a vector is needed"),
        (None, {"fusion": "rrf", "prefetch": [{"vector": QUERIES[0]}]}, "say which"),
    ],
)
def test_what_makes_no_sense_for_vectors(stored: Three, vector: Any, options: dict[str, Any], words: str) -> None:
    error = stored.refused(lambda collection: collection.search(vector, **options))
    assert (error.kind, words in error) == ("OptionError", True), error.words


def test_many_fused_queries_in_several_requests(stored: Three) -> None:
    for collection in stored.collections.values():
        found = collection.search(["dot", "words"], data=ASKING, fusion="rrf", limit=3, params=EXACT, columns=[])
        assert len(found) == 3 * ASKED
        for query in range(0, ASKED, 13):
            check_fused(of_query(found, query), rrf([found_by(v, query, 10) for v in ("dot", "words")]), 3)


def test_params_reach_every_prefetch_that_has_none() -> None:
    info = CollectionInfo("c", tuple(VectorConfig(name, "dense", 2, "Dot") for name in "ab"))
    find = partial(nearest_of, info)
    both = {"a": [1.0, 2.0], "b": [3.0, 4.0]}
    ef = {"hnsw_ef": 99}

    def made(**options: Any) -> QueryRequest:
        form = form_of(Search(**options), info, find, lambda given, option: given, {"collection": "c"})
        return form.request(form.found)

    assert [one.params for one in made(vector=both, fusion="rrf", params=EXACT).prefetch] == [EXACT, EXACT]
    stages = [{"vector": {"a": [1.0, 2.0]}, "params": ef}, {"vector": {"b": [1.0, 2.0]}}]
    staged = made(vector={"b": [0.0, 1.0]}, prefetch=stages, params=EXACT, limit=4, offset=9)
    assert [(one.query.using, one.params, one.limit) for one in staged.prefetch] == [("a", ef, 13), ("b", EXACT, 13)]
    assert (staged.params, staged.limit, staged.offset) == (EXACT, 4, 9)
