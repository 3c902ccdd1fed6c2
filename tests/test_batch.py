"""Operations of several frames in one with-block: what is stored, what is reported, how many requests it takes."""

from __future__ import annotations

import pickle
import uuid
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import qframe as qf
from tests.loopback.process import Server

QUICK = qf.RetryPolicy(base=0.02)
UUIDS = [str(uuid.UUID(int=number)) for number in range(1, 5)]


def points(ids: list[Any], **columns: Any) -> pl.DataFrame:
    vectors = pl.Series(np.ones((len(ids), 2), np.float32), dtype=pl.Array(pl.Float32, 2))
    return pl.DataFrame({"id": ids, "vector": vectors, **columns})


def changes(ids: list[Any], **columns: Any) -> pl.DataFrame:
    return pl.DataFrame({"id": ids, **columns})


def stored(collection: qf.Collection) -> dict[Any, Any]:
    """Payload by id, without nulls."""
    schema = {"a": pl.Int64, "b": pl.String, "c": pl.Int64}
    found = collection.read(schema=schema, frame="polars").to_dicts()
    rows = {row.pop("id"): {key: value for key, value in row.items() if value is not None} for row in found}
    return {int(point) if str(point).isdigit() else point: payload for point, payload in rows.items()}


@pytest.fixture
def place(connection: qf.Connection, name: str) -> qf.Collection:
    """A collection with the points 0 to 9, on each of the three backends."""
    return filled(connection, name)


@pytest.fixture
def there(wire: qf.Connection, faulty: Server, name: str) -> qf.Collection:
    """The same on the loopback server, and an empty log."""
    collection = filled(wire, name)
    faulty.clear()
    return collection


def filled(connection: qf.Connection, name: str) -> qf.Collection:
    collection = qf.collection(name, connection=connection)
    collection.create_collection(points([0]))
    assert collection.upsert(points(list(range(10)), a=list(range(10)))).ok
    return collection


def deletes(batch: qf.WriteBatch, ids: list[int], first: pl.DataFrame | None = None) -> None:
    """One delete for each id, after the payload of `first`."""
    with batch as b:
        if first is not None:
            b.set_payload(first)
        for point in ids:
            b.delete(changes([point]))


class TestSequences:
    def test_every_verb_in_the_order_written(self, place: qf.Collection) -> None:
        with place.batch() as b:
            b.upsert(points([10, 11], a=[10, 11], b=["x", "y"]))
            b.set_payload(changes([10, 0], b=["z", "zero"]))
            b.overwrite_payload(changes([1], c=[1]))
            b.delete_payload(changes([2, 3]), keys="a")
            b.clear_payload(changes([11]))
            b.delete(changes([4, 5]))
            b.upsert(points([4], a=[44]))
            b.update_vectors(points([6]).with_columns(vector=pl.Series([[0, 5]], dtype=pl.Array(pl.Float32, 2))))
            b.delete_vectors(changes([7]), vectors="")
        assert b.report.ok
        assert [report.total for report in b.reports] == [2, 2, 1, 2, 1, 2, 1, 1, 1]
        assert stored(place) == {
            0: {"a": 0, "b": "zero"}, 1: {"c": 1}, 2: {}, 3: {}, 4: {"a": 44},
            6: {"a": 6}, 7: {"a": 7}, 8: {"a": 8}, 9: {"a": 9}, 10: {"a": 10, "b": "z"}, 11: {},
        }  # fmt: skip
        vectors = dict(place.read(vectors=True, frame="polars").select("id", "vector").rows())
        assert list(vectors[6]) == [0, 1]
        assert vectors[7] is None

    def test_the_last_word_wins(self, place: qf.Collection) -> None:
        with place.batch() as b:
            for value in range(20):
                b.set_payload(changes([3, 4], c=[value, -value]))
            b.delete(changes([4]))
        assert b.report.ok
        assert stored(place)[3] == {"a": 3, "c": 19}
        assert 4 not in stored(place)

    def test_those_that_are_there_are_updated_and_the_others_inserted(self, place: qf.Collection) -> None:
        with place.batch(missing="skip") as b:
            b.upsert(points([9, 30], a=[100, 100]), mode="update_only")
            b.upsert(points([9, 30], a=[200, 200]), mode="insert_only")
            b.set_payload(changes([31], b=["x"]))
        assert (b.report.written, b.report.skipped) == (4, 1)
        found = stored(place)
        assert (found[9], found[30]) == ({"a": 100}, {"a": 200})

    def test_by_filter(self, place: qf.Collection) -> None:
        low = {"must": [{"key": "a", "range": {"lt": 3}}]}
        with place.batch() as b:
            b.set_payload(changes([7], a=[1]))
            b.set_payload(filter=low, payload={"b": "low"})
            b.delete(filter={"must": [{"key": "a", "match": {"value": 2}}]})
            b.set_payload(changes([7], a=[70]))
        assert b.report.ok
        assert (b.report.total, b.report.by_filter) == (4, 2)
        assert [report.by_filter for report in b.reports] == [0, 1, 1, 0]
        found = stored(place)
        assert {point for point, payload in found.items() if payload.get("b") == "low"} == {0, 1, 7}
        assert found[7]["a"] == 70
        assert 2 not in found

    def test_ids_of_both_kinds(self, place: qf.Collection) -> None:
        with place.batch() as b:
            b.upsert(points(UUIDS, a=[1, 2, 3, 4]))
            b.set_payload(changes(UUIDS[:2], b=["x", "y"]))
            b.set_payload(changes([1, 2], b=["x", "y"]))
            b.delete(changes(UUIDS[1:3]))
            b.delete(changes([1]))
        assert b.report.ok
        assert b.report.ids is None
        assert b.reports[0].ids.to_list() == UUIDS
        found = stored(place)
        assert {point for point in found if isinstance(point, str)} == {UUIDS[0], UUIDS[3]}
        assert found[UUIDS[0]] == {"a": 1, "b": "x"}
        assert (1 in found, found[2]) == (False, {"a": 2, "b": "y"})

    def test_a_collection_that_the_first_operation_makes(self, connection: qf.Connection, name: str) -> None:
        with qf.batch(name, connection=connection) as b:
            b.upsert(points([1, 2], a=[1, 2]))
            b.set_payload(changes([1], b=["one"]))
            with pytest.raises(qf.FrameError, match="'dense'"):
                b.upsert(points([3]), vector={"dense": "vector"})
            assert not qf.collection(name, connection=connection).exists()
        assert b.report.created
        assert stored(qf.collection(name, connection=connection)) == {1: {"a": 1, "b": "one"}, 2: {"a": 2}}

    def test_frames_of_several_libraries(self, place: qf.Collection) -> None:
        with place.batch() as b:
            b.set_payload(pd.DataFrame({"a": [5]}, index=pd.Index([2], name="id")))
            b.set_payload(changes([3], a=[6]).to_arrow())
        assert b.report.ok
        assert isinstance(b.reports[0].failures, pd.DataFrame)
        assert (stored(place)[2], stored(place)[3]) == ({"a": 5}, {"a": 6})

    def test_random_ids(self, place: qf.Collection) -> None:
        with place.batch() as b:
            b.upsert(points([1, 2]).drop("id"), id="uuid4")
        made = b.report.ids.to_list()
        assert set(made) <= set(stored(place))

    def test_nothing_at_all(self, place: qf.Collection) -> None:
        with place.batch() as b:
            pass
        assert (b.report.ok, b.report.total, b.reports) == (True, 0, [])


class TestReports:
    def test_rows_of_all_and_of_each(self, place: qf.Collection) -> None:
        first, second = changes([1, 77, 2], b=["x"] * 3), changes([88, 3], b=["y"] * 2)
        with place.batch(errors="report") as b:
            b.set_payload(first)
            b.upsert(points([9], a=[9]))
            b.set_payload(second)
        assert (b.report.written, b.report.failed) == (4, 2)
        assert b.report.failures["row"].to_list() == [1, 4]
        assert b.report.failures["id"].to_list() == [77, 88]
        assert [report.counts["failed"] for report in b.reports] == [1, 0, 1]
        assert b.reports[0].failures["row"].to_list() == [1]
        assert b.reports[2].select(second, "failed")["id"].to_list() == [88]
        assert b.report.ids.to_list() == [1, 77, 2, 9, 88, 3]
        assert {point for point, payload in stored(place).items() if "b" in payload} == {1, 2, 3}
        assert repr(pickle.loads(pickle.dumps(b.reports))) == repr(b.reports)

    def test_missing_ones_are_skipped_on_request(self, place: qf.Collection) -> None:
        with place.batch(missing="skip") as b:
            b.set_payload(changes([1, 77], b=["x", "x"]))
        assert (b.report.written, b.report.skipped, b.report.ok) == (1, 1, True)

    def test_a_failure_ends_it(self, place: qf.Collection) -> None:
        b = place.batch(batch_size=2)
        with pytest.raises(qf.WriteError) as caught:
            deletes(b, [5], first=changes([1, 77], b=["x"] * 2))
        assert b.report is caught.value.report
        assert [dict(report.counts) for report in b.reports] == [
            dict.fromkeys(b.report.counts, 0) | {"written": 1, "failed": 1},
            dict.fromkeys(b.report.counts, 0) | {"unsent": 1},
        ]
        assert 5 in stored(place)

    def test_bad_rows(self, place: qf.Collection) -> None:
        data = points([20, 21, 20], a=[1, 2, 3]).with_columns(x=pl.Series([0.0, float("inf"), 1.0]))
        with place.batch(errors="report") as b:
            b.set_payload(changes([1], b=["x"]))
            b.upsert(data, duplicates="last")
        assert (b.report.written, b.report.failed, b.report.skipped) == (2, 1, 1)
        assert b.report.failures.select("row", "column").rows() == [(2, "x")]
        assert b.reports[1].failures.select("row", "column").rows() == [(1, "x")]

    def test_what_it_looks_like(self, place: qf.Collection) -> None:
        batch = place.batch()
        assert "has not begun" in repr(batch)
        with batch as b:
            b.set_payload(changes([1, 2], b=["x", "y"]))
            b.delete(filter={"must": [{"has_id": [3]}]})
            assert "2 operations on" in repr(b)
            assert "not sent yet" in repr(b)
            assert "set_payload 2 rows" in repr(b)
            assert "delete filter {'must'" in repr(b)
            with pytest.raises(qf.OptionError, match="not sent yet"):
                _ = b.report
        assert "is over" in repr(b)


class TestTheBlock:
    def test_an_error_sends_nothing(self, place: qf.Collection) -> None:
        before = stored(place)
        b = place.batch()

        def gone_wrong() -> None:
            with b:
                b.delete(changes([1]))
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            gone_wrong()
        assert stored(place) == before
        with pytest.raises(qf.OptionError, match="nothing was sent"):
            _ = b.report

    def test_nothing_is_sent_before_its_end(self, place: qf.Collection) -> None:
        before = stored(place)
        with place.batch() as b:
            b.delete(changes([1]))
            b.upsert(points([100], a=[1]))
            assert stored(place) == before
        assert stored(place) != before

    def test_errors_come_at_their_line(self, place: qf.Collection) -> None:
        with place.batch() as b:
            with pytest.raises(qf.FrameError, match="row 1: found inf"):
                b.set_payload(changes([1, 2], x=[0.0, float("inf")]))
            with pytest.raises(qf.FrameError, match="the id of row 0 again"):
                b.set_payload(changes([1, 1], a=[1, 2]))
            with pytest.raises(qf.OptionError, match="exclude each other"):
                b.delete(changes([1]), filter={})
            with pytest.raises(qf.OptionError, match="which points"):
                b.clear_payload()
            with pytest.raises(qf.FrameError, match="Collect it"):
                b.delete(changes([1]).lazy())
            with pytest.raises(qf.FrameError, match="no vector 'x'"):
                b.delete_vectors(changes([1]), vectors="x")
            b.set_payload(changes([1], a=[5]))
        assert (b.report.total, b.report.ok) == (1, True)

    def test_only_within_it(self, embedded: qf.Connection, name: str) -> None:
        batch = qf.batch(name, connection=embedded)
        with pytest.raises(qf.OptionError, match="within its with-block"):
            batch.delete(changes([1]))
        filled(embedded, name)
        with batch:
            pass
        with pytest.raises(qf.OptionError, match="within its with-block"):
            batch.delete(filter={})
        with pytest.raises(qf.OptionError, match="one with-block"), batch:
            pass

    def test_a_collection_that_is_not_there(self, connection: qf.Connection, name: str) -> None:
        with pytest.raises(qf.CollectionNotFoundError), qf.batch(name, connection=connection) as b:
            b.set_payload(changes([1], a=[1]))

    def test_what_orders_and_shares_work_is_no_option(self, embedded: qf.Connection, name: str) -> None:
        for option in ("n_jobs", "backend", "order", "duplicates", "checkpoint", "return_ids"):
            with pytest.raises(TypeError, match=option):
                qf.batch(name, connection=embedded, **{option: None})
        with pytest.raises(qf.OptionError):
            qf.batch(name, connection=embedded, batch_size=0)

    def test_ids_that_occur_twice_in_a_frame(self, place: qf.Collection) -> None:
        with place.batch() as b:
            b.set_payload(changes([1, 2, 1], b=["x", "y", "z"]), duplicates="keep")
        assert b.report.written == 3
        assert stored(place)[1]["b"] == "z"

    def test_their_order_is_kept_where_vectors_are_missing(self, place: qf.Collection) -> None:
        data = points([1, 2, 1, 1], a=[10, 20, 30, 40])
        data = data.with_columns(vector=pl.when(pl.col("a").is_in([20, 30])).then("vector"))
        with place.batch() as b:
            b.upsert(data, duplicates="keep", null_vectors="omit")
        assert b.report.written == 4
        assert stored(place)[1] == {"a": 40}


@pytest.mark.loopback
class TestRequests:
    def sent(self, server: Server) -> list[tuple[str, int]]:
        log = server.requests()["requests"]
        return [(call["operation"], call["points"]) for call in log if call["operation"] in ("upsert", "batch")]

    def test_several_operations_are_one_request(self, there: qf.Collection, faulty: Server) -> None:
        with there.batch() as b:
            b.upsert(points([20], a=[1]))
            b.set_payload(changes([20, 1], b=["x", "y"]))
            b.delete(changes([2]))
        assert len(self.sent(faulty)) == b.report.requests == b.report.batches == 1
        assert [report.batches for report in b.reports] == [1, 1, 1]

    def test_an_id_that_is_needed_is_deleted_in_another_request(self, there: qf.Collection, faulty: Server) -> None:
        with there.batch() as b:
            b.set_payload(changes([7], b=["x"]))
            b.delete(changes([7]))
            b.set_payload(changes([8], b=["y"]))
        assert len(self.sent(faulty)) == 2
        assert [report.batches for report in b.reports] == [1, 1, 1]

    def test_filters_travel_alone(self, there: qf.Collection, faulty: Server) -> None:
        with there.batch() as b:
            b.set_payload(changes([1], b=["x"]))
            b.delete(filter={"must": [{"has_id": [3]}]})
            b.set_payload(changes([2], b=["y"]))
        assert len(self.sent(faulty)) == 3

    def test_split_by_bytes_and_by_rows(self, there: qf.Collection, faulty: Server) -> None:
        text = ["x" * 1_000] * 10
        with there.batch(batch_bytes=5_000) as b:
            b.set_payload(changes(list(range(10)), b=[f"{number}{part}" for number, part in enumerate(text)]))
            b.overwrite_payload(changes(list(range(10)), b=[f"{number}{part}" for number, part in enumerate(text)]))
        log = [call for call in faulty.requests()["requests"] if call["operation"] == "batch"]
        assert len(log) == b.report.batches >= 5
        assert max(call["bytes"] for call in log) < 6_000
        faulty.clear()
        with there.batch(batch_size=4) as b:
            b.delete(changes(list(range(6))))
            b.delete(changes(list(range(6, 10))))
        assert b.report.batches == 3

    def test_the_right_end_after_a_lost_answer(self, there: qf.Collection, faulty: Server) -> None:
        faulty.faults([{"operation": "batch", "action": "drop_after", "times": 1}])
        with there.batch(retry=QUICK) as b:
            b.set_payload(changes([7], b=["x"]))
            b.delete(changes([7]))
            b.set_payload(changes([8], b=["y"]))
        assert faulty.fired() == [1]
        assert (b.report.ok, b.report.retries) == (True, 1)
        found = stored(there)
        assert (7 in found, found[8]["b"]) == (False, "y")

    @pytest.mark.parametrize("skip", [0, 1, 2])
    def test_every_request_may_be_sent_twice(self, there: qf.Collection, faulty: Server, skip: int) -> None:
        faulty.faults([{"operation": "batch", "action": "drop_after", "skip": skip, "times": 1}])
        with there.batch(retry=QUICK, batch_size=5) as b:
            b.set_payload(changes([1, 2, 3], b=["x"] * 3))
            b.delete(changes([2]))
            b.upsert(points([2, 20], a=[22, 20]))
            b.set_payload(changes([2, 20], b=["new", "new"]))
            b.delete(changes([20, 3]))
            b.clear_payload(changes([1]))
        assert faulty.fired() == [1]
        assert b.report.ok
        found = stored(there)
        assert (found[1], found[2], 3 in found, 20 in found) == ({}, {"a": 22, "b": "new"}, False, False)

    def test_an_insert_after_an_update_may_be_sent_twice(self, there: qf.Collection, faulty: Server) -> None:
        faulty.faults([{"operation": "any", "action": "drop_after", "times": 1, "skip": skip} for skip in (0, 1)])
        with there.batch(retry=QUICK) as b:
            b.upsert(points([9, 30], a=[100, 100]), mode="update_only")
            b.upsert(points([9, 30], a=[200, 200]), mode="insert_only")
        assert sum(faulty.fired()) >= 1
        assert b.report.ok
        found = stored(there)
        assert (found[9], found[30]) == ({"a": 100}, {"a": 200})

    @pytest.mark.parametrize("action", ["unavailable", "drop", "half"])
    def test_what_passes_is_sent_again(self, there: qf.Collection, faulty: Server, action: str) -> None:
        faulty.faults([{"operation": "batch", "action": action, "times": 2}])
        with there.batch(retry=QUICK) as b:
            b.set_payload(changes([1], b=["x"]))
            b.delete(changes([2]))
        assert faulty.fired() == [2]
        assert (b.report.ok, b.report.retries) == (True, 2)
        assert stored(there)[1]["b"] == "x"

    def test_what_is_too_large_is_halved_in_order(self, there: qf.Collection, faulty: Server) -> None:
        faulty.faults([{"operation": "batch", "action": "too_large", "times": 3}])
        with there.batch(retry=QUICK) as b:
            for value in range(8):
                b.set_payload(changes([1, 2], c=[value, value]))
        assert faulty.fired() == [3]
        assert b.report.ok
        assert (stored(there)[1]["c"], stored(there)[2]["c"]) == (7, 7)

    def test_a_target_that_goes_away(self, there: qf.Collection, faulty: Server) -> None:
        faulty.faults([{"operation": "batch", "action": "drop_after"}])
        patience = qf.RetryPolicy(attempts=2, base=0.02)
        b = there.batch(retry=patience, batch_size=1)
        with pytest.raises(qf.WriteError):
            deletes(b, list(range(5)))
        assert [report.counts["unknown"] for report in b.reports] == [1, 1, 1, 0, 0]
        assert b.reports[4].unsent == 1


POINTS = (0, 1, 2, *UUIDS[:2])
VERBS = ("upsert", "set_payload", "overwrite_payload", "clear_payload", "delete_payload", "delete")


@st.composite
def operations(draw: st.DrawFn) -> list[tuple[str, list[Any]]]:
    """Verbs with the ids of a frame, of one kind, each once."""
    found = []
    for _ in range(draw(st.integers(1, 12))):
        kind = draw(st.sampled_from([POINTS[:3], POINTS[3:]]))
        found.append((draw(st.sampled_from(VERBS)), draw(st.lists(st.sampled_from(kind), min_size=1, unique=True))))
    return found


def gather(batch: qf.WriteBatch, steps: list[tuple[str, list[Any]]]) -> None:
    with batch as b:
        for value, (verb, ids) in enumerate(steps):
            if verb == "upsert":
                b.upsert(points(ids, a=[value] * len(ids)))
            elif verb in ("set_payload", "overwrite_payload"):
                new = {"b": [f"{value}"] * len(ids)} if value % 2 else {"c": [value] * len(ids)}
                getattr(b, verb)(changes(ids, **new))
            elif verb == "delete_payload":
                b.delete_payload(changes(ids), keys=["a", "b"])
            else:
                getattr(b, verb)(changes(ids))


def expected(steps: list[tuple[str, list[Any]]]) -> tuple[dict[Any, Any], list[str]]:
    """What is stored in the end, and what becomes of each row, by a plain model."""
    there: dict[Any, Any] = {}
    rows = []
    for value, (verb, ids) in enumerate(steps):
        for point in ids:
            rows.append("written")
            if verb == "upsert":
                there[point] = {"a": value}
            elif verb == "delete":
                there.pop(point, None)
            elif point not in there:
                rows[-1] = "failed"
            elif verb == "delete_payload":
                there[point] = {key: kept for key, kept in there[point].items() if key == "c"}
            else:
                new = {} if verb == "clear_payload" else {"b": f"{value}"} if value % 2 else {"c": value}
                there[point] = there[point] | new if verb == "set_payload" else new
    return there, rows


@given(operations(), st.integers(1, 12))
@settings(max_examples=20)
def test_any_sequence(connection: qf.Connection, name: str, steps: list[tuple[str, list[Any]]], size: int) -> None:
    collection = qf.collection(name, connection=connection)
    collection.create_collection(points([0]), if_exists="replace")
    batch = collection.batch(errors="report", batch_size=size)
    gather(batch, steps)
    content, rows = expected(steps)
    states = ["failed" if row in set(batch.report.rows("failed")) else "written" for row in range(len(rows))]
    assert (stored(collection), states) == (content, rows)
    assert batch.report.written + batch.report.failed == len(rows)
    assert qf.WriteReport.merge(batch.reports).counts == batch.report.counts


@pytest.mark.loopback
@given(
    operations(),
    st.integers(1, 12),
    st.lists(st.sampled_from(["drop", "drop_after", "half", "unavailable"]), max_size=3),
)
@settings(max_examples=25)
def test_any_sequence_with_faults(
    wire: qf.Connection, faulty: Server, name: str, steps: list[tuple[str, list[Any]]], size: int, actions: list[str]
) -> None:
    collection = qf.collection(name, connection=wire)
    faulty.clear()
    collection.create_collection(points([0]), if_exists="replace")
    for place, action in enumerate(actions):
        faulty.faults([{"operation": "batch", "action": action, "skip": place, "times": 1}])
    batch = collection.batch(errors="report", batch_size=size, retry=QUICK)
    gather(batch, steps)
    faulty.clear()
    content, rows = expected(steps)
    failed = set(batch.report.rows("failed").tolist())
    assert stored(collection) == content
    assert failed == {row for row, state in enumerate(rows) if state == "failed"}
    assert batch.report.unknown == 0


def test_failures_of_one_operation_leave_room_for_those_of_another(embedded: qf.Connection, name: str) -> None:
    collection = qf.collection(name, connection=embedded)
    collection.create_collection(config={"vectors": {}})
    many = pl.DataFrame({"id": range(11_000), "x": [float("inf")] * 11_000})
    with collection.batch(errors="report") as b:
        b.upsert(many)
        b.upsert(pl.DataFrame({"id": [1, 2], "x": [1.0, float("inf")]}))
        b.upsert(pl.DataFrame({"id": [3]}))
    assert [(report.failed, len(report.failures), report.failures_truncated) for report in b.reports] == [
        (11_000, 10_000, True),
        (1, 1, False),
        (0, 0, False),
    ]
    assert b.reports[1].failures.select("row", "id", "column").rows() == [(1, 2, "x")]
    assert "reasons" not in repr(b.reports[2])
