"""Bounds of integer ids: a scan begins at the first that may be kept and ends behind the last."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import qframe as qf
from qframe.filters.order import by_order
from qframe.filters.pushed import EVERY_ID, Part, Pushed
from qframe.model.predicate import And, Column, Compare, Conjunct, In, Not, Or, Predicate
from qframe.model.schema import Schema
from tests.loopback.process import Server

PAGE = 50
STRICT = {"strict_mode_config": {"enabled": True, "max_query_limit": PAGE}}
IDS = [
    *range(400),
    *range(10**9, 10**9 + 300),
    *(2**63 + 5 * row for row in range(100)),
    *(2**64 - 100 + row for row in range(100)),
]
FRAME = pl.DataFrame({"id": pl.Series(IDS, dtype=pl.UInt64), "n": range(len(IDS))})
ID = pl.col("id")
MOST = 2**64 - 1


def filled(to: qf.Connection) -> qf.Collection:
    collection = qf.collection(f"qframe_test_{uuid.uuid4().hex[:16]}", connection=to)
    collection.create_collection(config={"vectors": {}} if to.transport == "embedded" else {"vectors": {}, **STRICT})
    assert collection.upsert(FRAME, vector=False).ok
    return collection


@pytest.fixture(scope="module")
def collections(three_connections: dict[str, qf.Connection]) -> Iterator[list[qf.Collection]]:
    made = [filled(to) for to in three_connections.values()]
    yield made
    for collection in made:
        collection.drop()


@pytest.fixture(scope="module", params=["1.18.0", "1.20.0"])
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    with Server.start(version=request.param) as server:
        yield server


@pytest.fixture(scope="module")
def served(server: Server) -> Iterator[qf.Collection]:
    with qf.connect(server.url, grpc_port=server.grpc_port, transport="rest") as to:
        yield filled(to)


bounds = st.one_of(
    st.sampled_from([0, 1, 399, 400, 2**53, 2**53 + 1, 2**63 - 1, 2**63, MOST - 100, MOST - 1, MOST]),
    st.sampled_from(IDS),
    st.integers(0, MOST),
    st.integers(-5, 500),
)
SIGNS = {">": pl.Expr.gt, ">=": pl.Expr.ge, "<": pl.Expr.lt, "<=": pl.Expr.le}
signs = st.sampled_from([*SIGNS.values()])


@st.composite
def predicates(draw: st.DrawFn) -> list[pl.Expr]:
    """One to three bounds of ids, with other conditions beside them."""
    found = [draw(signs)(ID, draw(bounds)) for _ in range(draw(st.integers(1, 2)))]
    if draw(st.booleans()):
        found.append(ID.is_between(draw(bounds), draw(bounds)))
    if draw(st.booleans()):
        found.append(
            draw(st.sampled_from([pl.col("n") % 3 == 1, pl.col("n") < 600, ~(ID > 300) | (pl.col("n") > 500)]))
        )
    return found


def evaluated(predicate: list[pl.Expr]) -> pl.DataFrame:
    return FRAME.filter(*predicate)


@given(
    predicate=predicates(),
    n_jobs=st.sampled_from([1, 2]),
    rows=st.sampled_from([None, 1, 7, 60]),
    ordered=st.booleans(),
)
@settings(max_examples=120, deadline=None)
def test_a_scan_equals_the_frame(
    collections: list[qf.Collection], predicate: list[pl.Expr], n_jobs: int, rows: int | None, ordered: bool
) -> None:
    wanted = evaluated(predicate)
    options: dict[str, Any] = {"schema": FRAME.schema, "n_jobs": n_jobs, "maintain_order": ordered}
    for collection in collections:
        scanned = collection.scan(**options).filter(*predicate).collect()
        read = collection.read(filter=predicate, limit=rows, frame="polars", **options)
        assert scanned.sort("id").equals(wanted)
        if rows is None or ordered or n_jobs == 1:
            assert read.sort("id").equals(wanted if rows is None else wanted.head(rows))
        assert read.height == (wanted.height if rows is None else min(rows, wanted.height))
        before = collection.scan(limit=60, **options).filter(*predicate).collect()
        if ordered or n_jobs == 1:
            assert before.sort("id").equals(FRAME.head(60).filter(*predicate))


@pytest.mark.loopback
@given(predicate=predicates(), n_jobs=st.sampled_from([1, 2, 3]), ordered=st.booleans())
@settings(max_examples=60, deadline=None)
def test_however_it_is_cut(served: qf.Collection, predicate: list[pl.Expr], n_jobs: int, ordered: bool) -> None:
    read = served.read(filter=predicate, n_jobs=n_jobs, maintain_order=ordered, frame="polars")
    wanted = evaluated(predicate)
    assert (read if ordered or n_jobs == 1 else read.sort("id")).equals(wanted)


@pytest.mark.loopback
class TestWhatIsAsked:
    @pytest.fixture
    def asked(self, server: Server) -> Callable[[Callable[[], Any]], int]:
        def asked(read: Callable[[], Any]) -> int:
            server.clear()
            read()
            return sum(
                call["asked"]["limit"] for call in server.requests()["requests"] if call["operation"] == "scroll"
            )

        return asked

    @pytest.mark.parametrize("n_jobs", [1, 2])
    def test_no_more_than_the_ids_between(
        self, served: qf.Collection, asked: Callable[[Callable[[], Any]], int], n_jobs: int
    ) -> None:
        scan = served.scan(schema=FRAME.schema, n_jobs=n_jobs)
        assert asked(scan.filter(ID.is_between(5, 10)).collect) == 6
        assert asked(scan.filter(ID > MOST - 3).collect) <= PAGE  # UUIDs, if any, would come next
        assert asked(scan.filter((ID > 10) & (ID < 11)).collect) == 0
        assert asked(scan.filter(ID > MOST).collect) == 0
        # Slices and ranges go a page beyond, each.
        assert asked(scan.filter(ID < 150).collect) <= 150 + n_jobs * PAGE
        assert asked(scan.filter(ID >= 2**63).collect) <= 200 + 2 * n_jobs * PAGE
        assert (
            asked(lambda: served.count(filter=ID > MOST - 3, schema={})) <= PAGE + 1
        )  # the kind of the ids is asked, too


def test_is_told(collections: list[qf.Collection]) -> None:
    for collection in collections:
        (source,) = collection.explain([ID > 5, ID <= 9, pl.col("n") == 7]).sources
        assert (source.ids, source.exact) == ((6, 10), True)
        assert [part.pushed for part in source.parts] == ["exact"] * 3
        assert "in their order from 6 to 9" in repr(source)
        assert "from 6 to the last" in repr(collection.explain(ID > 5))
        assert "from the first to 4" in repr(collection.explain(ID < 5))
        (nothing,) = collection.explain((ID > 5) & (pl.col("n") > 3) & (ID < 5)).sources
        assert nothing.ids == (0, 0)
        (source,) = collection.explain(pl.col("n") > 3).sources
        assert source.ids is None
        assert source.to_dict()["ids"] is None
        # Bounds that a limit stands before, and those that pushdown="off" keeps here.
        assert collection.explain(ID > 5, limit=3).sources[0].ids is None
        assert collection.explain(ID > 5, pushdown="off").sources[0].ids is None


def test_satisfies_who_requires_a_pushdown(collections: list[qf.Collection]) -> None:
    for collection in collections:
        last = FRAME["id"][-3]
        assert collection.read(filter=ID.gt(last), pushdown="require", frame="polars").height == 2
        scan = collection.scan(pushdown="require").filter(ID.gt(last), pl.col("n") % 2 == 0)
        assert scan.collect().height == 1
        with pytest.raises(qf.PushdownError):
            collection.read(filter=ID.gt(last) | (pl.col("n") % 2 == 0), pushdown="require")


def test_a_count_is_of_what_is_between_and_a_deletion_is_refused(collections: list[qf.Collection]) -> None:
    for collection in collections:
        assert collection.count(filter=ID >= 2**63) == 200
        assert collection.count(filter=[ID < 10, pl.col("n") > 3]) == 6
        with pytest.raises(qf.OptionError, match="exactly"):
            collection.delete(filter=ID > 5)


def test_of_pandas(collections: list[qf.Collection]) -> None:
    pytest.importorskip("pandas")
    (source,) = collections[0].explain(filter="id > 5 and id <= 9 and n == 7").sources
    assert source.ids == (6, 10)
    for collection in collections:
        assert len(collection.read(filter="id > 5 and id <= 9", frame="pandas")) == 4


def test_ids_that_are_not_all_integers_have_another_order(connection: qf.Connection, name: str) -> None:
    texts = pl.DataFrame({"id": ["550e8400-e29b-41d4-a716-446655440000"]})
    collection = qf.collection(name, connection=connection)
    collection.create_collection(config={"vectors": {}})
    collection.upsert(texts, vector=False)
    collection.upsert(pl.DataFrame({"id": [7, 30]}), vector=False)
    assert collection.explain(ID > "3").sources[0].ids is None
    assert sorted(collection.scan().filter(ID > "3").collect()["id"]) == ["30", *texts["id"], "7"]


AN_ID, N = Column(("id",)), Column(("n",))


@pytest.mark.parametrize(
    ("predicate", "ids", "exact"),
    [
        (Compare(AN_ID, ">", 5), range(6, 2**64), True),
        (Compare(AN_ID, ">=", 5.5), range(6, 2**64), True),
        (Compare(AN_ID, "<", 5.5), range(6), True),
        (Compare(AN_ID, "<=", -1), range(0), True),
        (Compare(AN_ID, ">", -1), EVERY_ID, True),
        (Compare(AN_ID, "<", 2**70), EVERY_ID, True),
        (Compare(AN_ID, ">=", 2**70), range(0), True),
        (Compare(AN_ID, ">", 2.0**53), EVERY_ID, False),
        (Compare(AN_ID, "==", 5), EVERY_ID, False),
        (Compare(AN_ID, ">", "5"), EVERY_ID, False),
        (Compare(N, ">", 5), EVERY_ID, False),
        (In(AN_ID, (5, 6)), EVERY_ID, False),
        (Not(Compare(AN_ID, ">", 5)), EVERY_ID, False),
        (Or((Compare(AN_ID, ">", 5), Compare(N, "==", 1))), EVERY_ID, False),
        (And((Compare(AN_ID, ">", 5), Compare(AN_ID, "<", 9))), range(6, 9), True),
        (And((Compare(AN_ID, ">", 5), Compare(N, "==", 1))), range(6, 2**64), False),
    ],
)
def test_bounds(predicate: Predicate, ids: range, exact: bool) -> None:
    pushed = Pushed((Part("it", None, exact=False, reasons=("why",)),))
    found = by_order(pushed, [Conjunct("it", predicate)], Schema())
    assert found.ids == ids
    assert [(part.exact, part.reasons) for part in found.parts] == [(exact, () if exact else ("why",))]


def test_bounds_meet() -> None:
    signs_and_bounds = itertools.product(SIGNS, [0, 3, 7, MOST])
    for (one, low), (other, high) in itertools.combinations(signs_and_bounds, 2):
        conjuncts = [Conjunct("a", Compare(AN_ID, one, low)), Conjunct("b", Compare(AN_ID, other, high))]  # type: ignore[arg-type]
        found = by_order(Pushed((Part("a", None, exact=False), Part("b", None, exact=False))), conjuncts, Schema())
        kept = pl.DataFrame({"id": pl.Series([0, 1, 2, 3, 4, 6, 7, 8, MOST - 1, MOST], dtype=pl.UInt64)})
        wanted = kept.filter(SIGNS[one](ID, low), SIGNS[other](ID, high))["id"].to_list()
        assert [point for point in kept["id"] if point in found.ids] == wanted
