"""How many points match: a filter that the server evaluates exactly is counted there, any other here."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import polars as pl
import pytest

import qframe as qf
from tests.loopback.process import Server
from tests.three import Three

N = 3_000
POINTS = pl.DataFrame(
    {
        "id": range(N),
        "price": [row % 500 for row in range(N)],
        "city": [f"c{row % 10}" if row % 4 else None for row in range(N)],
        "tags": [["x", "y"][: row % 3] for row in range(N)],
        "v": pl.Series([[1.0, row] for row in range(N)], dtype=pl.Array(pl.Float32, 2)),
    }
)
HERE = pl.col("city").str.to_uppercase().str.ends_with("3")
"""What no server evaluates."""


@pytest.fixture(scope="module")
def stored(three_connections: dict[str, qf.Connection]) -> Iterator[Three]:
    with Three.on(three_connections) as three:
        three.create(POINTS, vector="v", distance="dot")
        three.upsert(POINTS)
        three.upsert(pl.DataFrame({"id": [N], "price": [7], "city": ["c3"]}), vector=False)
        yield three


@pytest.mark.parametrize(
    "filter_",
    [
        pl.col("price") > 400,
        (pl.col("price") > 400) & (pl.col("city") == "c3"),
        pl.col("price").is_between(3, 5) | pl.col("city").is_null(),
        ~(pl.col("price") > 400),
        pl.col("price") < 0,
        pl.lit(True),
        pl.col("id").is_in([1, 2, N, 7 * N]),
        HERE,
        HERE & (pl.col("price") > 100),
        [pl.col("price") % 7 == 3, pl.col("price") > 100],
        pl.col("tags").list.len() == 0,
    ],
    ids=lambda one: " & ".join(map(str, one)) if isinstance(one, list) else str(one),
)
@pytest.mark.parametrize("exact", [True, False])
def test_as_many_as_the_frame_has(stored: Three, filter_: Any, exact: bool) -> None:
    rows = stored.collections["embedded"].read().filter(filter_).height
    for collection in stored.collections.values():
        found = collection.count(filter=filter_, exact=exact)
        # What a server could count it may estimate, and the estimate goes by its segments.
        assert found == rows or (not exact and 0 <= found <= N + 1 and "uppercase" not in str(filter_))


def test_beside_a_qdrant_filter(stored: Three) -> None:
    ids = {"must": [{"has_id": list(range(100))}]}
    assert stored.same(lambda collection: collection.count(filter=[ids, HERE])) == POINTS[:100].filter(HERE).height


def test_in_pandas_terms(stored: Three) -> None:
    expected = POINTS.filter(pl.col("price") > 400).height
    assert stored.same(lambda collection: collection.count(filter="price > 400")) == expected
    assert stored.same(lambda collection: collection.count(filter=lambda frame: frame["price"] > 400)) == expected


def test_vectors_that_a_filter_looks_at(stored: Three) -> None:
    assert stored.same(lambda collection: collection.count(filter=pl.col("v").is_null())) == 1
    big = pl.col("v").arr.get(1) >= 2_000
    assert stored.same(lambda collection: collection.count(filter=big)) == 1_000


def test_refused(stored: Three) -> None:
    error = stored.refused(lambda collection: collection.count(filter=pl.col("prize") > 3))
    assert error.kind == "OptionError"
    assert "prize" in error
    error = stored.refused(lambda collection: collection.count(filter=pl.col("price") > pl.col("price").mean()))
    assert error.kind == "OptionError"
    assert "exact" in stored.refused(lambda collection: collection.count(exact=None))


@pytest.mark.loopback
@pytest.mark.parametrize("target", ["rest", "grpc"])
class TestWhatIsAsked:
    def asked(self, faulty: Server, operation: str) -> list[Any]:
        return [call["asked"] for call in faulty.requests()["requests"] if call["operation"] == operation]

    def test_an_exact_filter_is_counted_by_the_server(self, stored: Three, faulty: Server, target: str) -> None:
        collection = stored.collections[target]
        faulty.clear()
        collection.count(filter=pl.col("price") > 400)
        assert faulty.requests()["counts"][f"{target}/count"] == 1

    def test_an_estimate_is_asked_for_as_one(self, stored: Three, faulty: Server, target: str) -> None:
        collection, lengths = stored.collections[target], []
        for exact in (True, False):
            faulty.clear()
            collection.count(filter=pl.col("price") > 400, exact=exact)
            lengths += [call["bytes"] for call in faulty.requests()["requests"] if call["operation"] == "count"]
        # "true" and "false" as JSON; over gRPC both are one byte.
        assert lengths[1] - lengths[0] == (len("false") - len("true") if target == "rest" else 0)

    def test_another_reads_what_it_looks_at(self, stored: Three, faulty: Server, target: str) -> None:
        collection = stored.collections[target]
        faulty.clear()
        collection.count(filter=HERE & (pl.col("price") > 400))
        assert f"{target}/count" not in faulty.requests()["counts"]
        # The last requests are those of the pages, after the sample and the question for UUIDs.
        scrolled = [one for one in self.asked(faulty, "scroll") if one["payload"] not in (True, False)]
        assert scrolled
        for one in scrolled:
            assert sorted(one["payload"]) == ["city", "price"]
            assert not one["vectors"]
            assert one["filtered"]

    def test_nothing_is_read_for_a_qdrant_filter(self, stored: Three, faulty: Server, target: str) -> None:
        collection = stored.collections[target]
        faulty.clear()
        collection.count(filter={"must": [{"has_id": [1]}]})
        assert list(faulty.requests()["counts"].values()) == [1]
