"""How a scan is cut among workers: nothing lost, nothing twice, whatever the ids, the server, the limit, the faults."""

from __future__ import annotations

import subprocess
import sys
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import joblib
import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import qframe as qf
from qframe.backends.grpc.backend import GrpcBackend
from qframe.backends.rest.backend import RestBackend
from qframe.model.requests import Page, PageRequest
from qframe.reading.ranges import END, Ranges, id_at, place_of
from tests.loopback.process import ROOT, Server
from tests.loopback.relay import Relay

ROWS = 900
PAGE = 50
"""The collections' own limit of a page, so that small ones have many."""

STRICT = {"strict_mode_config": {"enabled": True, "max_query_limit": PAGE}}
RANDOM = np.random.default_rng(5)


def uuids(rows: int) -> list[str]:
    return [str(uuid.UUID(bytes=RANDOM.bytes(16))) for _ in range(rows)]


IDS: dict[str, list[int] | list[str]] = {
    "dense": list(range(ROWS)),
    "sparse": sorted({int(one) for one in RANDOM.integers(0, 2**64, ROWS, dtype=np.uint64)}),
    "skewed": [*range(5, 605), *range(10**9, 10**9 + 200), *(2**64 - 1 - 7 * row for row in range(100))],
    "uuid": uuids(ROWS),
    "close": [f"00000000-0000-0000-0000-{row:012x}" for row in range(ROWS)],
    "mixed": [*map(str, range(0, 1200, 3)), *uuids(400), "ffffffff-ffff-ffff-ffff-ffffffffffff"],
}


def in_order(ids: Any) -> list[Any]:
    return sorted(ids, key=place_of)


@pytest.fixture(scope="module", params=["1.18.0", "1.20.0"])
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    with Server.start(version=request.param) as server:
        server.version = request.param
        yield server


@pytest.fixture(scope="module", params=["rest", "grpc"])
def to(request: pytest.FixtureRequest, server: Server) -> Iterator[qf.Connection]:
    with qf.connect(server.url, grpc_port=server.grpc_port, transport=request.param) as opened:
        yield opened


def filled(to: qf.Connection, ids: Any) -> qf.Collection:
    collection = qf.collection(f"qframe_test_{uuid.uuid4().hex[:16]}", connection=to)
    whole = pl.DataFrame({"id": ids, "n": range(len(ids))})
    vector = np.arange(2 * len(ids), dtype=np.float32).reshape(-1, 2)
    collection.create_collection(whole.head(1), vector=vector[:1], config=STRICT, distance="dot")
    texts = pl.Series(ids)
    if texts.dtype == pl.String:
        # Integer ids beside UUIDs.
        numbers = texts.str.contains(r"^\d+$").to_numpy()
        for mask, kind in ((numbers, pl.UInt64), (~numbers, pl.String)):
            if mask.any():
                collection.upsert(whole.filter(mask).cast({"id": kind}), vector=vector[mask])
    else:
        collection.upsert(whole, vector=vector)
    return collection


@pytest.fixture(scope="module")
def collections(to: qf.Connection) -> Iterator[dict[str, qf.Collection]]:
    made = {kind: filled(to, ids) for kind, ids in IDS.items()}
    yield made
    for collection in made.values():
        collection.drop()


@pytest.mark.loopback
class TestEqual:
    @pytest.mark.parametrize("kind", IDS)
    @pytest.mark.parametrize("n_jobs", [1, 2, 4])
    @pytest.mark.parametrize("maintain_order", [False, True])
    def test_every_point_once(
        self, collections: dict[str, qf.Collection], kind: str, n_jobs: int, maintain_order: bool
    ) -> None:
        collection, ids = collections[kind], IDS[kind]
        options: dict[str, Any] = {"n_jobs": n_jobs, "maintain_order": maintain_order}
        found = collection.read(vectors=True, **options)
        assert found.height == len(ids)
        by_id = {point: row for row, point in enumerate(ids)}
        rows = [by_id[point] for point in found["id"]]
        assert found["n"].to_list() == rows
        assert found["vector"].to_numpy()[:, 0].tolist() == [2.0 * row for row in rows]
        assert sorted(rows) == list(range(len(ids)))
        if n_jobs == 1 or maintain_order:
            assert found["id"].to_list() == in_order(ids)
        assert collection.scan(**options).select("n").collect()["n"].sort().to_list() == sorted(rows)
        lazy = collection.scan(**options, schema={"n": pl.Int64}).filter(pl.col("n") % 7 == 3)
        assert sorted(lazy.collect()["n"]) == [row for row in sorted(rows) if row % 7 == 3]

    @pytest.mark.parametrize("kind", ["dense", "mixed"])
    @pytest.mark.parametrize("limit", [0, 1, 49, 149, 150, 333, 5_000])
    @pytest.mark.parametrize("maintain_order", [False, True])
    def test_limits(
        self, collections: dict[str, qf.Collection], server: Server, kind: str, limit: int, maintain_order: bool
    ) -> None:
        collection, ids = collections[kind], IDS[kind]
        frames = collection.iter_frames(n_jobs=3, maintain_order=maintain_order, limit=limit)
        server.clear()
        found = [point for frame in frames for point in frame["id"]]
        assert len(found) == min(limit, len(ids))
        assert len(set(found)) == len(found)
        if maintain_order:
            assert found == in_order(ids)[:limit]
        asked = sum(call["asked"]["limit"] for call in _scrolls(server))
        # Ranges of ids may show rows of each other, and those in order be there before their turn.
        sliced = server.version == "1.20.0" and not maintain_order
        assert asked <= min(limit, 2 * len(ids)) + (0 if sliced else 9 * PAGE)

    @pytest.mark.parametrize("kind", ["dense", "uuid"])
    @pytest.mark.parametrize("maintain_order", [False, True])
    def test_filters(self, collections: dict[str, qf.Collection], kind: str, maintain_order: bool) -> None:
        by = {"must": [{"key": "n", "range": {"gte": 100, "lt": 400}}]}
        found = collections[kind].read(filter=by, n_jobs=2, maintain_order=maintain_order)
        assert sorted(found["n"]) == list(range(100, 400))
        assert collections[kind].read(filter={"must": [{"key": "n", "match": {"value": -1}}]}, n_jobs=2).is_empty()

    def test_an_empty_collection(self, to: qf.Connection) -> None:
        collection = filled(to, [1])
        collection.delete(pl.DataFrame({"id": [1]}))
        for maintain_order in (False, True):
            assert collection.read(n_jobs=4, maintain_order=maintain_order).is_empty()
        collection.drop()

    @pytest.mark.parametrize("maintain_order", [False, True])
    def test_points_that_come_and_go_meanwhile(self, to: qf.Connection, maintain_order: bool) -> None:
        """Those that are there all the time are given once."""
        there = list(range(10_000, 10_000 + 3 * ROWS, 3))
        collection = filled(to, there)
        frames = collection.iter_frames(n_jobs=3, maintain_order=maintain_order)
        found: list[int] = []
        for number, frame in enumerate(frames):
            found += frame["id"].to_list()
            more = [number, 10_001 + 61 * number, 20_000_000 + number]
            collection.upsert(pl.DataFrame({"id": more, "n": [-1] * 3}), vector=np.ones((3, 2), dtype=np.float32))
            collection.delete(pl.DataFrame({"id": more[:2]}))
        assert len(set(found)) == len(found)
        assert set(there) <= set(found)
        if maintain_order:
            assert found == sorted(found)
        collection.drop()


@pytest.mark.parametrize("kind", ["skewed", "mixed"])
def test_every_point_once_of_any_server(wire: qf.Connection, kind: str) -> None:
    """What the class above holds of two versions of the loopback server."""
    collection = filled(wire, IDS[kind])
    for maintain_order in (False, True):
        options: dict[str, Any] = {"n_jobs": 3, "maintain_order": maintain_order}
        found = collection.read(**options)["id"].to_list()
        assert (found if maintain_order else in_order(found)) == in_order(IDS[kind])
        some = collection.scan(**options).filter(pl.col("n") % 2 == 1, pl.col("n") >= 600).collect()
        assert sorted(some["n"]) == list(range(601, len(IDS[kind]), 2))
    collection.drop()


@pytest.mark.loopback
class TestRequests:
    def test_how_it_is_cut(self, collections: dict[str, qf.Collection], server: Server) -> None:
        def conditions(**options: Any) -> set[str]:
            server.clear()
            collections["dense"].read(schema={"n": pl.Int64}, **options)
            return {str(call["asked"]["filter"]) for call in _scrolls(server)}

        assert conditions(n_jobs=1) == {"None"}
        assert conditions(n_jobs=2, maintain_order=True) == {"None"}
        sliced = conditions(n_jobs=2)
        assert len(sliced - {"None"}) == (2 if server.version == "1.20.0" else 0)

    @pytest.mark.parametrize("kind", ["dense", "sparse", "uuid"])
    def test_ranges_of_even_ids_move_few_rows_twice(
        self, collections: dict[str, qf.Collection], server: Server, kind: str
    ) -> None:
        frames = collections[kind].iter_frames(n_jobs=2, maintain_order=True)
        server.clear()
        assert sum(frame.height for frame in frames) == len(IDS[kind])
        assert sum(call["asked"]["limit"] for call in _scrolls(server)) <= 1.8 * len(IDS[kind])

    @pytest.mark.parametrize("fault", ["unavailable", "drop", "half", "error"])
    @pytest.mark.parametrize("n_jobs", [1, 2])
    @pytest.mark.parametrize("maintain_order", [False, True])
    def test_a_page_that_fails_is_asked_for_again_alone(
        self, collections: dict[str, qf.Collection], server: Server, fault: str, n_jobs: int, maintain_order: bool
    ) -> None:
        options: dict[str, Any] = {
            "n_jobs": n_jobs,
            "maintain_order": maintain_order,
            "schema": {"n": pl.Int64},
            "retry": qf.RetryPolicy(base=0.02),
        }
        collection = collections["dense"]
        lazy = collection.scan(**options)
        for rules in ([], [{"operation": "scroll", "action": fault, "skip": 5, "times": 1}]):
            server.clear()
            server.faults(rules)
            assert lazy.collect()["n"].sort().to_list() == list(range(ROWS))
            assert server.fired() == [1] * len(rules)
            times = Counter(str(call["asked"]) for call in _scrolls(server))
            assert [number for number in times.values() if number > 1] == [2] * len(rules)
        server.clear()

    @pytest.mark.parametrize("maintain_order", [False, True])
    def test_what_stays_lost_is_the_error_of_the_scan(
        self, collections: dict[str, qf.Collection], server: Server, maintain_order: bool
    ) -> None:
        frames = collections["uuid"].iter_frames(
            n_jobs=2, maintain_order=maintain_order, retry=qf.RetryPolicy(attempts=2, base=0.01)
        )
        server.faults([{"operation": "scroll", "action": "error", "skip": 6}])
        with pytest.raises(qf.ServerError, match="made on request"):
            list(frames)
        server.clear()

    @pytest.mark.parametrize(("n_jobs", "most"), [(1, 4), (2, 4), (3, 6)])
    @pytest.mark.parametrize("maintain_order", [False, True])
    def test_nothing_goes_on_when_nobody_takes(
        self, collections: dict[str, qf.Collection], server: Server, n_jobs: int, most: int, maintain_order: bool
    ) -> None:
        # A frame is full with the first page.
        options = {"n_jobs": n_jobs, "maintain_order": maintain_order, "batch_size": 50}
        frames = collections["dense"].iter_frames(**options)
        server.clear()
        next(iter(frames))
        before, asked = 0, len(_scrolls(server))
        while asked > before:
            time.sleep(0.5)
            before, asked = asked, len(_scrolls(server))
        # With ranges the first page is alone: it tells how dense the ids are.
        assert asked <= most + 1


def _scrolls(server: Server) -> list[dict[str, Any]]:
    return [call for call in server.requests()["requests"] if call["operation"] == "scroll"]


@pytest.mark.parametrize("verb", ["scan", "read", "iter_frames"])
@pytest.mark.parametrize("n_jobs", [0, True, 2.0, "2"])
def test_numbers_that_make_no_sense(embedded: qf.Connection, name: str, verb: str, n_jobs: Any) -> None:
    collection = qf.collection(name, connection=embedded)
    collection.upsert(pl.DataFrame({"id": [1]}), vector=np.ones((1, 2), dtype=np.float32))
    with pytest.raises(qf.OptionError, match="n_jobs="):
        getattr(collection, verb)(n_jobs=n_jobs)
    with pytest.raises(qf.OptionError, match="maintain_order="):
        getattr(collection, verb)(maintain_order="yes")


@pytest.mark.loopback
def test_joblibs_configuration_is_that_of_the_thread_that_makes_the_scan(
    collections: dict[str, qf.Collection], server: Server
) -> None:
    with joblib.parallel_config(n_jobs=2):
        lazy = collections["dense"].scan()
    plain = collections["dense"].scan()
    seen = []
    for one in (lazy, plain):
        server.clear()
        assert one.select(pl.col("n").sum()).collect().item() == sum(range(ROWS))
        seen.append({str(call["asked"]["filter"]) for call in _scrolls(server)})
    assert len(seen[0]) == (2 if server.version == "1.20.0" else 1)
    assert len(seen[1]) == 1


PLACES = st.one_of(
    st.integers(0, 300),
    st.integers(0, 2**64 - 1),
    st.integers(2**64, 2**64 + 300),
    st.integers(2**64, END - 1),
    st.just(END - 1),
)


class TestRanges:
    @given(
        places=st.sets(PLACES, max_size=200),
        rows=st.integers(1, 30),
        workers=st.integers(1, 4),
        ahead=st.sampled_from([None, 1, 3]),
        data=st.data(),
    )
    @settings(max_examples=200)
    def test_all_ids_once(
        self, places: set[int], rows: int, workers: int, ahead: int | None, data: st.DataObject
    ) -> None:
        """Pages land in any order, and the ids are as uneven as can be."""
        there = sorted(places)
        ranges = Ranges(None, ahead)
        flying: list[Any] = []
        found: list[int] = []
        while True:
            while len(flying) < workers and (task := ranges.ask(rows)) is not None:
                assert 1 <= task.rows <= rows
                flying.append(task)
            if not flying:
                break
            task = flying.pop(data.draw(st.integers(0, len(flying) - 1)))
            for share in ranges.land(task, _page(there, task)):
                ids = share.page.table["id"].to_pylist()[: share.rows]
                found += [place_of(point) for point in ids]
        if ahead is None:
            found.sort()
        assert found == there

    @given(place=PLACES)
    def test_places(self, place: int) -> None:
        assert place_of(id_at(place)) == place
        assert place_of(str(id_at(place))) == place


def _page(there: list[int], task: Any) -> Page:
    """What a server with these points answers."""
    left = [place for place in there if place >= place_of(task.offset or 0)]
    ids = [str(id_at(place)) for place in left[: task.rows]]
    following = id_at(left[task.rows]) if len(left) > task.rows else None
    return Page(pa.table({"id": pa.array(ids, pa.large_string())}), following)


@pytest.mark.loopback
@pytest.mark.parametrize("n_jobs", [1, 3])
@pytest.mark.parametrize("maintain_order", [False, True])
def test_shard_key_and_consistency_go_with_every_page(
    collections: dict[str, qf.Collection], monkeypatch: pytest.MonkeyPatch, n_jobs: int, maintain_order: bool
) -> None:
    seen: list[PageRequest] = []

    def noted(fetch: Any) -> Any:
        def fetching(self: Any, request: PageRequest, timeout: float) -> Any:
            seen.append(request)
            # The loopback server has no shard keys.
            return fetch(self, replace(request, shard_key=None), timeout)

        return fetching

    for backend in (GrpcBackend, RestBackend):
        monkeypatch.setattr(backend, "fetch", noted(backend.fetch))
    options: dict[str, Any] = {"n_jobs": n_jobs, "maintain_order": maintain_order}
    found = collections["uuid"].read(shard_key="a", consistency="quorum", schema={"n": pl.Int64}, **options)
    assert found.height == ROWS
    assert len(seen) > ROWS // PAGE
    assert {(request.shard_key, request.consistency) for request in seen} == {("a", "quorum")}


@pytest.mark.loopback
@pytest.mark.parametrize("transport", ["rest", "grpc"])
def test_a_selective_filter_moves_little(faulty: Server, transport: str) -> None:
    """One point in a hundred: at most 2 % of the bytes of all."""
    rows = 100_000
    vector = np.ones((rows, 16), dtype=np.float32)
    with Relay(faulty.rest_port) as rest, Relay(faulty.grpc_port) as grpc:
        to = qf.connect(f"http://127.0.0.1:{rest.port}", grpc_port=grpc.port, transport=transport)
        collection = qf.collection(f"qframe_test_{uuid.uuid4().hex[:16]}", connection=to)
        data = pl.DataFrame({"id": range(rows), "n": [row % 100 for row in range(rows)]})
        collection.create_collection(data.head(1), vector=vector[:1], distance="dot", indexes={"n": "integer"})
        collection.upsert(data, vector=vector)

        def moved(**options: Any) -> tuple[int, int]:
            lazy = collection.scan(schema={"n": pl.Int64}, **options)
            before = rest.moved["down"] + grpc.moved["down"]
            height = lazy.collect().height
            return rest.moved["down"] + grpc.moved["down"] - before, height

        whole, every = moved()
        some, chosen = moved(filter={"must": [{"key": "n", "match": {"value": 7}}]})
        collection.drop()
        to.close()
    assert (every, chosen) == (rows, rows // 100)
    assert whole > rows * 16 * 4
    assert some <= 0.02 * whole


def test_the_interpreter_ends_after_the_calls_in_flight() -> None:
    """Whatever they are in the middle of: a thread that came back to a polars kernel then would abort the process."""
    code = (
        "import time\n"
        "from qframe.reading.flight import Flight\n"
        "Flight(lambda: (time.sleep(1), print('landed', flush=True)))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("landed\n", "")
