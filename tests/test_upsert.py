"""Upserts through the public interface: sources, options, reports; what is stored is what the report says."""

from __future__ import annotations

import json
import pickle
import uuid
from collections.abc import Iterator
from typing import Any

import joblib
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import scipy.sparse

import qframe as qf
from tests.loopback.process import Server

N = 250


def frame(rows: int = N, start: int = 0) -> pl.DataFrame:
    """Ids, two payload columns and a vector."""
    ids = np.arange(start, start + rows, dtype=np.uint64)
    return pl.DataFrame(
        {
            "id": ids,
            "city": [f"city {number % 7}" for number in range(rows)],
            "price": ids.astype(np.float64) / 4,
            "vector": pl.Series(np.stack([ids, ids + 1], axis=1).astype(np.float32), dtype=pl.Array(pl.Float32, 2)),
        }
    )


def ids_there(name: str, connection: qf.Connection) -> list[int]:
    return qf.scan(name, connection=connection).select("id").collect()["id"].to_list()


def test_a_report_says_what_happened(connection: qf.Connection, name: str) -> None:
    report = frame().qdrant.upsert(name, connection=connection, batch_size=100)
    assert report.ok
    assert report.created
    assert report.counts == {"written": N, "acknowledged": 0, "failed": 0, "unknown": 0, "unsent": 0, "skipped": 0}
    assert report.transport == connection.transport
    assert report.target == connection.target
    assert report.batches >= 3
    assert report.ids.to_list() == list(range(N))
    assert report.failures.is_empty()
    assert f"{N} rows → {name!r}" in repr(report)
    assert name in report._repr_html_()
    assert json.loads(json.dumps(report.to_dict()))["written"] == N
    again = pickle.loads(pickle.dumps(report))
    assert repr(again) == repr(report)
    assert not frame().qdrant.upsert(name, connection=connection).created


def sources() -> dict[str, Any]:
    whole = frame()

    def parts() -> Iterator[pl.DataFrame]:
        for start in range(0, N, 60):
            yield whole.slice(start, 60)

    return {
        "polars": lambda: whole,
        "lazy": lambda: whole.lazy().with_columns(pl.col("price") + 0),
        "chunked": lambda: pl.concat([whole.head(100), whole.tail(N - 100)], rechunk=False),
        "pandas": lambda: whole.to_pandas(),
        "pandas arrow": lambda: whole.to_pandas(use_pyarrow_extension_array=True),
        "table": whole.to_arrow,
        "reader": lambda: pa.RecordBatchReader.from_stream(whole.to_arrow()),
        "capsule": lambda: type("Relation", (), {"__arrow_c_stream__": whole.__arrow_c_stream__})(),
        "generator": parts,
        "list of pandas": lambda: [part.to_pandas() for part in parts()],
    }


@pytest.mark.parametrize("kind", sorted(sources()))
def test_all_sources_give_the_same_points(connection: qf.Connection, name: str, kind: str) -> None:
    report = qf.collection(name, connection=connection).upsert(sources()[kind](), vector="vector", return_ids=True)
    assert report.written == N
    ids = report.ids.to_pylist() if hasattr(report.ids, "to_pylist") else list(report.ids)
    assert ids == list(range(N))
    found = qf.scan(name, connection=connection).collect()
    expected = frame()
    assert found["id"].to_list() == expected["id"].to_list()
    assert found["city"].to_list() == expected["city"].to_list()
    assert found["price"].to_list() == expected["price"].to_list()
    lengths = np.linalg.norm(qf.to_matrix(found, "vector"), axis=1)
    assert np.allclose(lengths, 1, atol=1e-6)


@pytest.mark.parametrize("options", [{"n_jobs": 1}, {"n_jobs": 4}, {"n_jobs": 2, "backend": "loky"}])
def test_workers(wire: qf.Connection, name: str, options: dict[str, Any]) -> None:
    report = frame(1000).qdrant.upsert(name, connection=wire, batch_size=50, **options)
    assert report.written == 1000
    assert report.batches == 20
    assert ids_there(name, wire) == list(range(1000))


def test_ambient_workers(wire: qf.Connection, name: str) -> None:
    with joblib.parallel_config(backend="loky", n_jobs=2):
        report = frame().qdrant.upsert(name, connection=wire, batch_size=50, backend="ambient")
    assert report.written == N


def test_embedded_refuses_processes(embedded: qf.Connection, name: str) -> None:
    with pytest.raises(qf.UnsupportedError, match="loky"):
        frame().qdrant.upsert(name, connection=embedded, n_jobs=2, backend="loky")
    assert not qf.collection(name, connection=embedded).exists()


def test_batches_are_bounded_by_rows_and_bytes(wire: qf.Connection, name: str) -> None:
    by_rows = frame().qdrant.upsert(name, connection=wire, batch_size=30)
    assert by_rows.batches == 9
    by_bytes = frame().qdrant.upsert(name, connection=wire, batch_bytes=2_000)
    assert by_bytes.nbytes / by_bytes.batches < 2_500
    assert by_bytes.batches > 3


def test_without_waiting_rows_are_acknowledged(wire: qf.Connection, name: str) -> None:
    report = frame().qdrant.upsert(name, connection=wire, wait=False)
    assert report.acknowledged == N
    assert not report.ok


class TestIds:
    def test_random(self, connection: qf.Connection, name: str) -> None:
        report = frame().drop("id").qdrant.upsert(name, connection=connection, id="uuid4")
        ids = report.ids.to_list()
        assert {uuid.UUID(text).version for text in ids} == {4}
        assert sorted(ids) == ids_there(name, connection)

    def test_made_from_columns(self, connection: qf.Connection, name: str) -> None:
        data = frame().rename({"id": "sku"})
        for _ in range(2):
            report = data.qdrant.upsert(name, connection=connection, id_from=["sku", "city"])
        assert qf.count(name, connection=connection) == N
        assert report.ids.to_list() == qf.make_ids(data, id_from=["sku", "city"]).to_list()
        assert {"sku", "city"} <= set(qf.scan(name, connection=connection).collect_schema())

    def test_pandas_gets_them_with_its_index(self, embedded: qf.Connection, name: str) -> None:
        data = frame(5).drop("id").to_pandas().set_index(pd.Index(list("edcba")))
        ids = data.qdrant.upsert(name, connection=embedded, id="uuid4", vector="vector").ids
        assert list(ids.index) == list("edcba")
        data["point"] = ids
        assert data["point"].tolist() == ids.tolist()

    def test_none_is_an_error_with_three_ways(self, embedded: qf.Connection, name: str) -> None:
        with pytest.raises(qf.FrameError, match=r"(?s)id=.*id_from=.*uuid4"):
            frame().drop("id").qdrant.upsert(name, connection=embedded)


class TestVectors:
    def test_beside_the_frame(self, connection: qf.Connection, name: str) -> None:
        matrix = np.random.default_rng(0).normal(size=(N, 8))
        report = frame().drop("vector").qdrant.upsert(name, connection=connection, vector=matrix)
        assert report.ok
        assert qf.to_matrix(qf.scan(name, connection=connection).collect(), "vector").shape == (N, 8)

    def test_sparse_matrix_and_number_columns(self, connection: qf.Connection, name: str) -> None:
        matrix = scipy.sparse.random_array((N, 100), density=0.05, rng=np.random.default_rng(1), dtype=np.float32)
        data = frame().drop("vector").with_columns(x=pl.lit(1.0), y=pl.col("id").cast(pl.Float32) + 1)
        report = data.qdrant.upsert(
            name, connection=connection, vector={"words": matrix, "place": ["x", "y"]}, payload=["city"]
        )
        assert report.ok
        found = qf.scan(name, connection=connection).collect()
        assert found.columns == ["id", "city", "place", "words"]
        dense = matrix.tocsr()
        for row in (0, 17, N - 1):
            cell = found["words"][row]
            assert cell["indices"] == sorted(dense[[row]].indices.tolist())


class TestBadRows:
    BAD = (3, 77, 200)

    def bad_frame(self) -> pl.DataFrame:
        prices = frame()["price"].to_numpy().copy()
        prices[list(self.BAD)] = np.inf
        return frame().with_columns(price=prices)

    def test_raise_writes_nothing(self, connection: qf.Connection, name: str) -> None:
        with pytest.raises(qf.FrameError, match=r"column 'price', row 3 .*inf") as caught:
            self.bad_frame().qdrant.upsert(name, connection=connection)
        assert (caught.value.column, caught.value.row, caught.value.value) == ("price", 3, np.inf)
        assert not qf.collection(name, connection=connection).exists()

    def test_report_writes_the_rest(self, connection: qf.Connection, name: str) -> None:
        data = self.bad_frame()
        report = data.qdrant.upsert(name, connection=connection, errors="report")
        assert (report.written, report.failed, report.total) == (N - 3, 3, N)
        assert report.failures["row"].to_list() == list(self.BAD)
        assert report.failures["id"].to_list() == list(self.BAD)
        assert set(report.failures["column"]) == {"price"}
        assert report.rows("failed").tolist() == list(self.BAD)
        assert report.select(data, "failed")["id"].to_list() == list(self.BAD)
        assert ids_there(name, connection) == [row for row in range(N) if row not in self.BAD]
        with pytest.raises(qf.WriteError) as caught:
            report.raise_for_failures()
        assert caught.value.report is report
        assert pickle.loads(pickle.dumps(caught.value)).report.failed == 3

    def test_a_stream_stops_at_the_first_bad_part(self, connection: qf.Connection, name: str) -> None:
        parts = [frame(50), frame(50, 50).with_columns(price=pl.lit(np.inf)), frame(50, 100)]
        with pytest.raises(qf.WriteError, match="price") as caught:
            qf.collection(name, connection=connection).upsert(parts, n_jobs=1)
        report = caught.value.report
        assert report.written == 50
        assert ids_there(name, connection) == list(range(50))
        assert isinstance(caught.value.__cause__, qf.FrameError)
        assert caught.value.__cause__.row == 50

    def test_a_stream_that_breaks_says_what_is_stored(self, connection: qf.Connection, name: str) -> None:
        def parts() -> Iterator[pl.DataFrame]:
            yield frame(50)
            raise RuntimeError("the disk is gone")

        with pytest.raises(qf.WriteError, match="the disk is gone") as caught:
            qf.collection(name, connection=connection).upsert(parts(), n_jobs=1)
        assert caught.value.report.written == 50
        assert isinstance(caught.value.__cause__, RuntimeError)


class TestDuplicates:
    DATA = pl.DataFrame({"id": [1, 2, 1, 3, 1], "n": [0, 1, 2, 3, 4], "vector": [[1.0, 1.0]] * 5})

    def write(self, name: str, connection: qf.Connection, **options: Any) -> qf.WriteReport:
        return self.DATA.qdrant.upsert(name, connection=connection, vector="vector", **options)

    def test_raise(self, connection: qf.Connection, name: str) -> None:
        with pytest.raises(qf.FrameError, match=r"column 'id', row 2 .*found 1.*row 0") as caught:
            self.write(name, connection)
        assert caught.value.row == 2
        report = self.write(name, connection, errors="report")
        assert report.rows("failed").tolist() == [2, 4]

    @pytest.mark.parametrize(("policy", "kept"), [("first", [0, 1, 3]), ("last", [4, 1, 3])])
    def test_one_wins(self, connection: qf.Connection, name: str, policy: str, kept: list[int]) -> None:
        report = self.write(name, connection, duplicates=policy)
        assert report.ok
        assert report.skipped == 2
        assert qf.scan(name, connection=connection).collect()["n"].to_list() == kept


def test_modes(connection: qf.Connection, name: str) -> None:
    old = frame(10)
    old.qdrant.upsert(name, connection=connection)
    new = frame(20).with_columns(city=pl.lit("new"))
    new.qdrant.upsert(name, connection=connection, mode="insert_only")
    assert qf.count(name, connection=connection) == 20
    cities = qf.scan(name, connection=connection).collect()["city"].to_list()
    assert [city == "new" for city in cities] == [False] * 10 + [True] * 10
    frame(30).with_columns(city=pl.lit("newer")).qdrant.upsert(name, connection=connection, mode="update_only")
    assert qf.count(name, connection=connection) == 20
    assert set(qf.scan(name, connection=connection).collect()["city"]) == {"newer"}
    only = {"must": [{"has_id": [3]}]}
    new.qdrant.upsert(name, connection=connection, update_filter=only)
    cities = qf.scan(name, connection=connection).collect()["city"].to_list()
    assert [row for row, city in enumerate(cities) if city == "new"] == [3]


class TestMissingCollections:
    def test_raise(self, connection: qf.Connection, name: str) -> None:
        with pytest.raises(qf.CollectionNotFoundError, match=name):
            frame().qdrant.upsert(name, connection=connection, if_missing="raise")

    def test_a_slip_is_not_made_a_collection(self, connection: qf.Connection, name: str) -> None:
        frame().qdrant.upsert(name, connection=connection)
        slip = name.replace("test", "tset")
        with pytest.raises(qf.CollectionNotFoundError, match=rf"very like that of '{name}'"):
            frame().qdrant.upsert(slip, connection=connection)
        assert not qf.collection(slip, connection=connection).exists()


class TestProgress:
    def test_a_callable_hears_of_all_rows(self, connection: qf.Connection, name: str) -> None:
        heard: list[tuple[int, int | None]] = []
        frame().qdrant.upsert(
            name, connection=connection, batch_size=100, progress=lambda done, total: heard.append((done, total))
        )
        assert heard[-1] == (N, N)
        assert [done for done, _ in heard] == sorted(done for done, _ in heard)

    def test_rows_that_are_not_sent_are_done_too(self, embedded: qf.Connection, name: str) -> None:
        heard: list[tuple[int, int | None]] = []

        def upsert(data: Any, **options: Any) -> list[tuple[int, int | None]]:
            heard.clear()
            collection = qf.collection(name, connection=embedded)
            collection.upsert(data, vector=False, progress=lambda *said: heard.append(said), **options)
            return heard

        twice = pl.DataFrame({"id": [1, 1, 2, 3, None], "x": [0.0, np.inf, 0.0, np.inf, np.inf]})
        assert upsert(twice, errors="report") == [(5, 5)]
        assert upsert(twice[:3].select("id"), duplicates="first") == [(3, 3)]
        assert upsert(twice[3:], errors="report") == [(2, 2)]
        assert upsert(iter([twice[:3], twice[3:]]), errors="report", n_jobs=1) == [(3, None), (5, None)]
        assert upsert(twice[:0]) == []

    def test_a_bar_where_it_is_asked_for_and_none_elsewhere(
        self, embedded: qf.Connection, name: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        frame().qdrant.upsert(name, connection=embedded)
        assert capsys.readouterr() == ("", "")
        frame().qdrant.upsert(name, connection=embedded, progress=True)
        shown = capsys.readouterr()
        assert shown.out == ""
        assert name in shown.err


def test_reports_merge(embedded: qf.Connection, name: str) -> None:
    bad = frame(10, 100).with_columns(price=pl.when(pl.col("id") == 104).then(np.inf).otherwise(1.0))
    reports = [
        frame(10).qdrant.upsert(name, connection=embedded),
        bad.qdrant.upsert(name, connection=embedded, errors="report"),
    ]
    merged = qf.WriteReport.merge(reports)
    assert (merged.total, merged.written, merged.failed) == (20, 19, 1)
    assert merged.rows("failed").tolist() == [14]
    assert merged.failures["row"].to_list() == [14]
    assert merged.ids.to_list() == [*range(10), *range(100, 110)]
    assert merged.created


@pytest.mark.parametrize(
    "options",
    [
        {"n_jobs": 0},
        {"backend": "multiprocessing"},
        {"batch_size": 0},
        {"batch_bytes": -1},
        {"ordering": "weird"},
        {"errors": "ignore"},
        {"duplicates": "keep"},
        {"timeout": 0},
        {"deadline": -3},
        {"retry": 3},
        {"progress": "yes"},
        {"nulls": "skip"},
        {"null_vectors": "keep"},
        {"mode": "insert"},
        {"if_missing": "ignore"},
        {"max_failures": 0},
    ],
)
def test_senseless_options_write_nothing(embedded: qf.Connection, name: str, options: dict[str, Any]) -> None:
    with pytest.raises(qf.OptionError, match=next(iter(options))):
        frame().qdrant.upsert(name, connection=embedded, **options)
    assert qf.collections(connection=embedded) == []


def test_an_empty_frame_writes_nothing_and_makes_the_collection(connection: qf.Connection, name: str) -> None:
    report = frame(0).qdrant.upsert(name, connection=connection)
    assert report.ok
    assert report.total == 0
    assert report.created
    assert qf.count(name, connection=connection) == 0


@pytest.mark.loopback
@pytest.mark.parametrize("transport", ["rest", "grpc"])
def test_a_server_too_old_is_told_before_anything_is_made(transport: str) -> None:
    with Server.start(version="1.16.0") as old:
        target = qf.connect(old.url, grpc_port=old.grpc_port, transport=transport)
        with (
            target,
            pytest.raises(qf.UnsupportedError, match=r"mode='insert_only' needs Qdrant 1\.17\.0; the server is 1\.16"),
        ):
            frame(3).qdrant.upsert("qframe_test_too_old", connection=target, mode="insert_only")
        assert not qf.collection("qframe_test_too_old", connection=target).exists()


@pytest.mark.loopback
@pytest.mark.parametrize("transport", ["rest", "grpc"])
def test_a_key_that_may_not_write_is_the_cause_of_the_error(transport: str) -> None:
    with Server.start(api_key="all", read_only_api_key="look") as server:
        name = "qframe_test_read_only"
        with qf.connect(server.url, grpc_port=server.grpc_port, transport=transport, api_key="all") as able:
            frame(3).qdrant.upsert(name, connection=able)
        with (
            qf.connect(server.url, grpc_port=server.grpc_port, transport=transport, api_key="look") as looking,
            pytest.raises(qf.WriteError) as caught,
        ):
            frame(3).qdrant.upsert(name, connection=looking)
        assert isinstance(caught.value.__cause__, qf.AuthenticationError)


def test_bad_values_count_among_the_failures(connection: qf.Connection, name: str) -> None:
    good = frame(50)
    bad = good.with_columns(id=pl.lit(None, dtype=good.schema["id"]))
    collection = qf.collection(name, connection=connection)
    collection.upsert(good.head(1))
    report = collection.upsert(iter([good, bad, good]), errors="report", max_failures=10, n_jobs=1)
    assert report.ended_by == "more than max_failures=10 rows failed"
    assert (report.written, report.failed, report.complete) == (50, 50, False)


@pytest.mark.loopback
def test_a_filter_that_no_wire_has_words_for_makes_no_collection(loopback: Server, name: str) -> None:
    with qf.connect(loopback.url, grpc_port=loopback.grpc_port, transport="grpc") as target:
        with pytest.raises(qf.OptionError, match="kye"):
            frame(3).qdrant.upsert(
                name, connection=target, update_filter={"must": [{"kye": "n", "match": {"value": 1}}]}
            )
        assert not qf.collection(name, connection=target).exists()


@pytest.mark.timeout(60)
@pytest.mark.parametrize("order", ["unordered", "semi_ordered", "ordered"])
def test_an_endless_stream_of_bad_values_is_left(embedded: qf.Connection, name: str, order: str) -> None:
    def endless() -> Iterator[pl.DataFrame]:
        yield frame(10)
        while True:
            yield frame(10).with_columns(id=pl.lit(None, dtype=frame(1).schema["id"]))

    collection = qf.collection(name, connection=embedded)
    report = collection.upsert(endless(), errors="report", max_failures=100, order=order)
    assert report.ended_by == "more than max_failures=100 rows failed"
    assert (report.written, report.failed, report.complete) == (10, 110, False)
