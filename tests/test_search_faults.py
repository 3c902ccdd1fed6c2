"""Searches of many queries that meet faults: requests retried alone, bad queries isolated, a common cause raised."""

from __future__ import annotations

import math
import pickle
import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pytest

import qframe as qf
from qframe.delivery.ask import Patience
from qframe.delivery.jobs import Jobs
from qframe.delivery.policy import RetryPolicy
from qframe.model.backend import Capabilities
from qframe.model.outcome import Fault
from qframe.model.queries import Hits, Nearest, QueryRequest
from qframe.model.schema import Schema
from qframe.model.vectors import Dense
from qframe.reading.search.rows import Task
from qframe.reading.search.tasks import ask_all
from tests.loopback.process import Server

QUICK = qf.RetryPolicy(base=0.02)
SMALL = pl.Array(pl.Float32, 2)


class Target:
    """A backend that answers each query with its own number, and refuses as it is told."""

    capabilities = Capabilities("rest", (1, 19, 0))

    def __init__(self, fault: Callable[[set[int]], Fault | None]) -> None:
        self.fault, self.requests, self.lock = fault, [], threading.Lock()

    def query(self, request: QueryRequest, schema: Schema, timeout: float) -> Hits | Fault:
        assert isinstance(request.query, Nearest)
        assert isinstance(request.query.vectors, Dense)
        numbers = request.query.vectors.values[:, 0].astype(int)
        with self.lock:
            self.requests.append(numbers.tolist())
        fault = self.fault(set(numbers.tolist()))
        return fault or Hits(pa.table({"query": pa.array(range(len(numbers)), pa.uint32()), "id": numbers}))


def tasks(rows: int, size: int) -> Iterator[Task]:
    for start in range(0, rows, size):
        numbers = np.arange(start, min(rows, start + size))
        yield Task(numbers, QueryRequest("c", Nearest(Dense(numbers.astype(np.float32)[:, np.newaxis]))))


def asked(target: Target, rows: int, size: int, n_jobs: int = 1) -> tuple[list[int], dict[int, str]]:
    """The rows that were answered, with their own answer each, and why others were not."""
    patience = Patience(RetryPolicy(attempts=2, base=0.001), 10)
    answers = ask_all(tasks(rows, size), target, Schema(), patience, Jobs(n_jobs))  # type: ignore[arg-type]
    answered = []
    for numbers, hits in answers.hits:
        assert hits.table["id"].to_pylist() == numbers.tolist()
        answered += numbers.tolist()
    failed = {row: fault.message for numbers, fault in answers.faults for row in numbers.tolist()}
    assert sorted([*answered, *failed]) == list(range(rows))
    return sorted(answered), failed


def refusing(*bad: int) -> Callable[[set[int]], Fault | None]:
    """A batch is refused for any of these rows, in words that name none."""
    return lambda numbers: Fault("refused", "no", "one is bad") if numbers & set(bad) else None


@pytest.mark.parametrize("bad", [(0,), (63,), (17, 18), (5, 40, 99), tuple(range(30, 38))])
@pytest.mark.parametrize("n_jobs", [1, 3])
def test_bad_queries_are_isolated(bad: tuple[int, ...], n_jobs: int) -> None:
    target = Target(refusing(*bad))
    answered, failed = asked(target, 100, 64, n_jobs)
    assert failed == dict.fromkeys(bad, "one is bad")
    assert len(answered) == 100 - len(bad)
    assert len(target.requests) <= 2 + len(bad) * (2 * math.log2(64) + 1)


def test_a_reason_that_holds_for_all_is_told_once() -> None:
    target = Target(lambda _: Fault("refused", "no", "no such param"))
    with pytest.raises(qf.ServerError, match="no such param"):
        asked(target, 1_000, 100)
    assert len(target.requests) <= 14, "two batches, their halves and quarters"


def test_a_single_query_is_refused_as_any_read() -> None:
    with pytest.raises(qf.ServerError, match="one is bad"):
        asked(Target(refusing(0)), 1, 100)


def test_batches_that_are_bad_as_a_whole_end_it() -> None:
    target = Target(lambda numbers: Fault("refused", "no", "gone bad") if max(numbers) >= 200 else None)
    answered, failed = asked(target, 1_000, 100)
    assert answered == list(range(200))
    assert failed[200] == "gone bad"
    assert failed[999] == "not asked, since those before were not answered: gone bad"
    assert len(target.requests) <= 2 + 14


@pytest.mark.parametrize("cause", ["auth", "collection", "unsupported"])
def test_what_is_fatal_ends_it_at_once(cause: str) -> None:
    kinds = {
        "auth": qf.AuthenticationError,
        "collection": qf.CollectionNotFoundError,
        "unsupported": qf.UnsupportedError,
    }
    target = Target(lambda numbers: Fault("fatal", "no", "ended", cause=cause) if 150 in numbers else None)
    with pytest.raises(kinds[cause]):
        asked(target, 1_000, 100)
    assert len(target.requests) == 2


def test_nobody_there() -> None:
    target = Target(lambda _: Fault("lost", "no", "refused", cause="unreachable"))
    with pytest.raises(qf.UnreachableError):
        asked(target, 10_000, 100)
    assert len(target.requests) == 6, "three requests in a row, twice each"


def test_a_request_that_stays_lost_costs_its_own_queries() -> None:
    target = Target(lambda numbers: Fault("lost", "unknown", "503") if 250 in numbers else None)
    answered, failed = asked(target, 1_000, 100)
    assert failed == dict.fromkeys(range(200, 300), "503")
    assert len(answered) == 900


def test_requests_that_are_too_large_are_halved() -> None:
    target = Target(lambda numbers: Fault("too_large", "no", "large") if len(numbers) > 10 else None)
    answered, failed = asked(target, 100, 100)
    assert (len(answered), failed) == (100, {})


def test_what_is_no_answer_is_raised_where_the_search_was_called() -> None:
    def broken(_: set[int]) -> Fault | None:
        raise ZeroDivisionError("a bug")

    for n_jobs in (1, 3):
        with pytest.raises(ZeroDivisionError, match="a bug"):
            asked(Target(broken), 1_000, 100, n_jobs)


def few(connection: qf.Connection, name: str) -> qf.Collection:
    collection = qf.collection(name, connection=connection)
    data = pl.DataFrame({"id": range(6), "v": pl.Series(np.eye(6, 2, dtype=np.float32) + 1)})
    assert collection.upsert(data, vector="v").ok
    return collection


BAD_ROWS = [[1.0, 2.0], None, [1.0, float("nan")], [2.0, 1.0], [1e300, 1.0]]
BAD = pl.DataFrame({"v": pl.Series(BAD_ROWS, dtype=pl.List(pl.Float64))})
REASONS = ["the vector is null", "NaN or infinity", "beyond float32"]


def test_failures_are_told_once(connection: qf.Connection, name: str) -> None:
    collection = few(connection, name)
    with pytest.warns(qf.QueryWarning) as caught:
        found = collection.search("v", data=BAD, limit=1)
    (warning,) = caught
    assert warning.filename == __file__
    message = warning.message
    assert isinstance(message, qf.QueryWarning)
    assert "3 of 5 queries were not answered: row 1: column 'v'" in str(message)
    assert [row for row, _ in message.failures] == [1, 2, 4]
    assert all(words in text for words, (_, text) in zip(REASONS, message.failures, strict=True))
    assert found["query"].to_list() == [0, 1, 2, 3, 4]
    assert found["rank"].to_list() == [1, None, None, 1, None]
    assert pickle.loads(pickle.dumps(message)).failures == message.failures


def test_only_the_first_are_shown(connection: qf.Connection, name: str) -> None:
    collection = few(connection, name)
    rows = pl.Series([[1.0, 1.0], *[None] * 300], dtype=SMALL)
    with pytest.warns(qf.QueryWarning, match=r"300 of 301 .* and 297 more, see .failures\.") as caught:
        collection.search("v", data=pl.DataFrame({"v": rows}))
    assert len(str(caught[0].message)) < 500


def test_failures_are_raised_after_all_others_were_answered(connection: qf.Connection, name: str) -> None:
    collection = few(connection, name)
    with pytest.raises(qf.QueryError, match="3 of 5 queries were not answered") as caught:
        collection.search("v", data=BAD, limit=1, errors="raise")
    error = caught.value
    assert [row for row, _ in error.failures] == [1, 2, 4]
    assert error.answers["query"].to_list() == [0, 3]
    again = pickle.loads(pickle.dumps(error))
    assert (str(again), again.failures) == (str(error), error.failures)
    assert again.answers.equals(error.answers)
    good = collection.search("v", data=BAD[[0, 3]], limit=1, errors="raise")
    assert good["rank"].to_list() == [1, 1]


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ({"indices": [1, 1], "values": [1.0, 2.0]}, "more than once"),
        ({"indices": [1], "values": [1.0, 2.0]}, "as many indices as values"),
        ({"indices": [-1], "values": [1.0]}, r"from 0 to 2\^32"),
        ({"indices": [1], "values": [None]}, "null"),
        (None, "the vector is null"),
    ],
)
def test_bad_sparse_queries(connection: qf.Connection, name: str, words: Any, reason: str) -> None:
    collection = qf.collection(name, connection=connection)
    dtype = pl.Struct({"indices": pl.List(pl.Int64), "values": pl.List(pl.Float64)})
    good = {"indices": [3, 1], "values": [1.0, 2.0]}
    data = pl.DataFrame({"id": [1, 2], "words": pl.Series([good, good], dtype=dtype)})
    assert collection.upsert(data, vector="words").ok
    asking = pl.DataFrame({"words": pl.Series([good, words, good], dtype=dtype)})
    with pytest.warns(qf.QueryWarning, match=reason):
        found = collection.search(data=asking, limit=1)
    assert found["rank"].to_list() == [1, None, 1]


ROWS = 250


@pytest.fixture
def filled(wire: qf.Connection, faulty: Server, name: str) -> qf.Collection:
    angles = np.linspace(0, 3, ROWS)
    collection = qf.collection(name, connection=wire)
    vectors = np.column_stack([np.cos(angles), np.sin(angles)]).astype(np.float32)
    assert collection.upsert(pl.DataFrame({"id": range(ROWS)}), vector={"v": vectors}).ok
    faulty.clear()
    return collection


def asking() -> pl.DataFrame:
    angles = np.linspace(0, 3, ROWS)
    return pl.DataFrame({"v": pl.Series(np.column_stack([np.cos(angles), np.sin(angles)]).astype(np.float32))})


@pytest.mark.loopback
@pytest.mark.parametrize(
    "fault",
    [
        {"action": "unavailable", "times": 2},
        {"action": "throttle", "retry_after": 1, "times": 1},
        {"action": "drop", "times": 2},
        {"action": "half", "times": 2},
        {"action": "deadline", "times": 1},
    ],
    ids=lambda fault: fault["action"],
)
def test_a_lost_request_is_asked_again(filled: qf.Collection, faulty: Server, fault: dict[str, Any]) -> None:
    faulty.faults([{"operation": "query_batch", "skip": 1} | fault])
    found = filled.search(data=asking(), limit=1, retry=QUICK, columns=[], params={"exact": True})
    assert found["id"].to_list() == list(range(ROWS))
    assert faulty.fired() == [fault["times"]]
    requests = [one for one in faulty.requests()["requests"] if one["operation"] == "query_batch"]
    assert len(requests) == 3 + fault["times"]


@pytest.mark.loopback
def test_a_request_that_stays_lost(filled: qf.Collection, faulty: Server) -> None:
    faulty.faults([{"operation": "query_batch", "skip": 1, "times": 2, "action": "unavailable"}])
    retry = qf.RetryPolicy(attempts=2, base=0.01)
    with pytest.warns(qf.QueryWarning, match="100 of 250 .* shard is not ready"):
        found = filled.search(data=asking(), limit=1, retry=retry, n_jobs=1, params={"exact": True})
    assert found["id"].to_list() == [*range(100), *[None] * 100, *range(200, 250)]


@pytest.mark.loopback
def test_a_server_that_stays_away(filled: qf.Collection, faulty: Server) -> None:
    faulty.faults([{"operation": "query_batch", "action": "error"}])
    with pytest.raises(qf.ServerError, match="made on request") as caught:
        filled.search(data=asking(), retry=qf.RetryPolicy(attempts=2, base=0.01))
    assert caught.value.kind == "lost"
    assert faulty.fired()[0] <= 6


def test_a_collection_that_is_not_there(connection: qf.Connection, name: str) -> None:
    with pytest.raises(qf.CollectionNotFoundError, match=name):
        qf.collection(name, connection=connection).search(data=asking())


def test_params_that_nobody_knows(connection: qf.Connection, name: str) -> None:
    collection = few(connection, name)
    with pytest.raises(qf.QframeError, match="nope"):
        collection.search(data=asking(), params={"nope": 1})


@pytest.mark.loopback
def test_params_that_the_server_refuses(wire: qf.Connection, name: str, faulty: Server) -> None:
    collection = strict(wire, name, filter_max_conditions=1)
    faulty.clear()
    conditions = {"must": [{"has_id": [1]}, {"has_id": [2]}]}
    with pytest.raises(qf.ServerError, match="filter limit"):
        collection.search(data=asking(), filter=conditions)
    assert faulty.requests()["counts"][f"{wire.transport}/query_batch"] <= 21


def strict(connection: qf.Connection, name: str, **limits: int) -> qf.Collection:
    collection = qf.collection(name, connection=connection)
    vectors = {vector: {"size": 2, "distance": "Dot"} for vector in ("v", "w")}
    config = {"vectors": vectors, "strict_mode_config": {"enabled": True, **limits}}
    collection.create_collection(config=config)
    data = asking().with_row_index("id").with_columns(w="v")
    assert collection.upsert(data, vector=["v", "w"]).ok
    return collection


def test_the_collections_limits_are_kept(wire: qf.Connection, name: str) -> None:
    collection = strict(wire, name, search_max_batchsize=40, max_query_limit=15)
    found = collection.search("v", data=asking(), limit=15)
    assert len(found) == ROWS * 15
    fused = collection.search(["v", "w"], data=asking().with_columns(w="v").head(3), fusion="rrf", limit=12, offset=8)
    assert fused["query"].n_unique() == 3
    for options in ({"limit": 16}, {"prefetch": [{"vector": "v", "limit": 16}]}):
        with pytest.raises(qf.OptionError, match=r"limit.*=16: the strict mode .* allows at most 15 points"):
            collection.search("v", data=asking(), **options)
    with pytest.raises(qf.OptionError, match="at most 15 points"):
        collection.search([1.0, 2.0], using="v", limit=16)


@pytest.mark.loopback
def test_no_request_is_sent_to_be_refused(wire: qf.Connection, name: str, faulty: Server) -> None:
    collection = strict(wire, name, search_max_batchsize=40)
    faulty.clear()
    assert len(collection.search("v", data=asking(), limit=2)) == 2 * ROWS
    assert faulty.requests()["counts"][f"{wire.transport}/query_batch"] == 7


@pytest.mark.loopback
def test_how_many_requests(filled: qf.Collection, faulty: Server) -> None:
    filled.search(data=asking(), limit=1)
    filled.search(data=asking().head(1), limit=1)
    assert faulty.requests()["counts"][f"{filled.connection.transport}/query_batch"] == 4
    faulty.clear()
    # 250 queries of a filter of some 100 kB each do not go into three requests.
    wanted = {"must": [{"has_id": list(range(10_000, 25_000))}]}
    assert filled.search(data=asking(), filter=wanted).is_empty()
    log = [one for one in faulty.requests()["requests"] if one["operation"] == "query_batch"]
    assert len(log) > 5
    assert max(one["bytes"] for one in log) < 3_000_000
