"""`checkpoint=`: the same call goes on where it stopped, and no other; a file that cannot be trusted is refused."""

from __future__ import annotations

import errno
import json
import os
import shutil
import signal
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import qframe as qf
from qframe import locking
from qframe.backends.embedded.backend import EmbeddedBackend
from qframe.columns.digests import placed, row_digests
from qframe.model.ids import Ids
from qframe.model.outcome import Fault
from qframe.model.points import Points
from qframe.write import checkpoint as checkpoint_module
from qframe.write.checkpoint_file import check_bytes, read
from tests.loopback.process import Server

N, BATCH = 300, 20


def frame(rows: int = N, start: int = 0) -> pl.DataFrame:
    """Rows told apart by `n`."""
    n = np.arange(start, start + rows)
    vectors = np.stack([n, n + 1], axis=1).astype(np.float32)
    return pl.DataFrame(
        {
            "id": n.astype(np.uint64),
            "n": n,
            "city": [f"city {number % 7}" for number in n],
            "vector": pl.Series(vectors, dtype=pl.Array(pl.Float32, 2)),
        }
    )


class Enough(Exception):
    """Ends a call from its progress function or source."""


def until(rows: int, error: BaseException | None = None) -> Callable[[int, int | None], None]:
    """A progress function that ends the call after so many rows."""

    def progress(done: int, _: int | None) -> None:
        if done >= rows:
            raise error or Enough

    return progress


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "places.checkpoint"


@pytest.fixture
def always(monkeypatch: pytest.MonkeyPatch) -> None:
    """Saved at every answer."""
    monkeypatch.setattr(checkpoint_module, "PAUSE", 0)
    monkeypatch.setattr(checkpoint_module, "SHARE", 0)


class Places:
    """A collection, a file, and the call that is made again and again."""

    def __init__(self, name: str, connection: qf.Connection, path: Path) -> None:
        self.collection, self.path = qf.collection(name, connection=connection), path

    def upsert(self, data: Any = None, **options: Any) -> qf.WriteReport:
        data = frame() if data is None else data
        return self.collection.upsert(data, **{"checkpoint": self.path, "batch_size": BATCH, **options})

    def stopped(self, data: Any = None, rows: int = 100, **options: Any) -> qf.WriteReport:
        """The report of the call, ended after so many rows."""
        with pytest.raises(qf.WriteError) as caught:
            self.upsert(data, progress=until(rows), n_jobs=1, **options)
        assert isinstance(caught.value.__cause__, Enough)
        return caught.value.report

    def stored(self) -> pl.DataFrame:
        return self.collection.read(frame="polars").sort("n")

    def written(self) -> int:
        saved = read(self.path)
        assert saved is not None
        return saved.written


@pytest.fixture
def places(connection: qf.Connection, name: str, path: Path) -> Places:
    return Places(name, connection, path)


@pytest.fixture
def near(embedded: qf.Connection, name: str, path: Path) -> Places:
    """On the embedded engine alone, where the target makes no difference."""
    return Places(name, embedded, path)


VERBS: dict[str, tuple[list[str], dict[str, Any]]] = {
    "set_payload": (["city"], {}),
    "overwrite_payload": (["city"], {}),
    "update_vectors": (["vector"], {}),
    "delete_payload": ([], {"keys": ["city"]}),
    "clear_payload": ([], {}),
    "delete_vectors": ([], {"vectors": ""}),
    "delete": ([], {}),
}
"""Verb → its columns beside the id, and its own options."""


class TestGoingOn:
    def test_a_call_that_is_done_does_nothing(self, places: Places) -> None:
        first = places.upsert()
        assert (first.written, first.resumed) == (N, 0)
        again = places.upsert()
        assert again.ok
        assert (again.resumed, again.skipped, again.requests, again.total) == (N, N, 0, N)
        assert again.ids.to_list() == list(range(N))
        assert f"{N} rows were written before (checkpoint)" in repr(again)
        assert again.to_dict()["resumed"] == N

    def test_what_was_not_written_is_sent(self, places: Places) -> None:
        stopped = places.stopped()
        assert 0 < stopped.written < N
        assert places.written() == stopped.written
        report = places.upsert()
        assert (report.resumed, report.written) == (stopped.written, N - stopped.written)
        assert places.stored()["n"].to_list() == list(range(N))
        assert report.ok

    def test_random_ids_stay(self, places: Places) -> None:
        options = {"id": "uuid4", "payload": ["n", "city"]}
        stopped = places.stopped(**options)
        report = places.upsert(**options)
        assert report.ids.to_list() == stopped.ids.to_list()
        assert places.stored()["n"].to_list() == list(range(N))
        assert places.stored()["id"].to_list() == report.ids.to_list()

    def test_after_ctrl_c(self, near: Places) -> None:
        with pytest.raises(qf.WriteInterrupted) as caught:
            near.upsert(progress=until(100, KeyboardInterrupt()), n_jobs=1)
        assert near.upsert().resumed == caught.value.report.written > 0

    @pytest.mark.parametrize("kind", ["lazy", "parts", "table", "pandas"])
    def test_of_any_source(self, near: Places, kind: str) -> None:
        def data() -> Any:
            if kind == "parts":
                return (frame(50, start) for start in range(0, N, 50))
            return {"lazy": frame().lazy(), "table": frame().to_arrow(), "pandas": frame().to_pandas()}[kind]

        options = {"vector": "vector"}
        stopped = near.stopped(data(), **options)
        report = near.upsert(data(), **options)
        assert report.resumed == stopped.written > 0
        assert report.written == N - report.resumed
        assert near.stored()["n"].to_list() == list(range(N))

    def test_a_source_that_breaks_off(self, near: Places) -> None:
        def broken() -> Iterator[pl.DataFrame]:
            yield frame(60)
            yield frame(60, 60)
            raise OSError("the disk is gone")

        with pytest.raises(qf.WriteError):
            near.upsert(broken())
        report = near.upsert(frame(60, start) for start in range(0, N, 60))
        assert (report.resumed, report.written) == (120, N - 120)

    @pytest.mark.parametrize("verb", VERBS)
    def test_every_verb(self, places: Places, verb: str) -> None:
        places.collection.upsert(frame())
        call = getattr(places.collection, verb)
        columns, own = VERBS[verb]
        data = frame().select("id", *columns).with_columns(pl.col(columns).reverse())
        options: dict[str, Any] = {"checkpoint": places.path, "batch_size": BATCH, **own}
        with pytest.raises(qf.WriteError) as caught:
            call(data, progress=until(100), n_jobs=1, **options)
        report = call(data, **options)
        assert report.resumed == caught.value.report.written > 0
        assert report.resumed + report.written == N
        assert call(data, **options).resumed == N
        with pytest.raises(qf.CheckpointError, match="verb was"):
            places.upsert()

    def test_shard_keys_and_absent_vectors_are_looked_at(self, near: Places) -> None:
        data = frame().with_columns(
            other=pl.when(pl.col("n") % 3 > 0).then(pl.col("vector")),
            vector=pl.when(pl.col("n") % 2 > 0).then("vector"),
        )
        options = {"vector": ["other", "vector"], "null_vectors": "omit"}
        stopped = near.stopped(data, **options)
        done = stopped.rows("written")
        assert not np.array_equal(done, np.arange(len(done)))  # grouped by which vectors are there
        assert near.upsert(data, **options).resumed == len(done)
        changed = data.with_columns(other=pl.when(pl.col("n") == 5).then(None).otherwise("other"))
        with pytest.raises(qf.CheckpointError, match="row 5 "):
            near.upsert(changed, **options)

    def test_rows_that_failed_are_sent_again(self, near: Places) -> None:
        bad = frame().with_columns(n=pl.when(pl.col("id") == 7).then(float("inf")).otherwise(pl.col("n") * 1.0))
        first = near.upsert(bad, errors="report")
        assert (first.written, first.failed) == (N - 1, 1)
        again = near.upsert(bad, errors="report")
        assert (again.resumed, again.written, again.failed) == (N - 1, 0, 1)
        mended = near.upsert(bad.with_columns(n=pl.when(pl.col("id") == 7).then(7.0).otherwise("n")), errors="report")
        assert (mended.resumed, mended.written) == (N - 1, 1)

    def test_a_written_row_that_is_bad_now(self, near: Places) -> None:
        good = frame().with_columns(n=pl.col("n") * 1.0)
        near.upsert(good)
        bad = good.with_columns(n=pl.when(pl.col("id") == 7).then(float("inf")).otherwise("n"))
        with pytest.raises(qf.CheckpointError, match="row 7 was written before"):
            near.upsert(bad, errors="report")

    def test_missing_ids_are_asked_for_again(self, places: Places) -> None:
        places.collection.upsert(frame(200))
        data, options = frame().select("id", "city"), {"checkpoint": places.path, "errors": "report"}
        first = places.collection.set_payload(data, **options)
        assert (first.written, first.failed) == (200, 100)
        skipped = places.collection.set_payload(data, missing="skip", **options)
        assert (skipped.resumed, skipped.skipped, skipped.written) == (200, 300, 0)
        places.collection.upsert(frame(100, 200))
        assert places.collection.set_payload(data, **options).written == 100
        assert places.collection.set_payload(data, **options).resumed == N

    def test_bad_rows_of_a_stream_are_reported_again(self, near: Places) -> None:
        bad = frame().with_columns(n=pl.when(pl.col("id") % 100 == 7).then(float("inf")).otherwise(pl.col("n") * 1.0))
        for size, resumed in ((60, 0), (100, N - 3), (7, N - 3)):
            parts = (bad.slice(start, size) for start in range(0, N, size))
            report = near.upsert(parts, errors="report", return_ids=True)
            assert report.rows("failed").tolist() == [7, 107, 207]
            assert report.failures["row"].to_list() == [7, 107, 207]
            assert (report.resumed, report.written) == (resumed, N - 3 - resumed)
            assert report.ids.to_list() == list(range(N))

    def test_a_lazy_frame_in_other_batches(self, near: Places, tmp_path: Path) -> None:
        for size in (7, 50):
            frame().write_parquet(tmp_path / f"{size}.parquet", row_group_size=size)
        stopped = near.stopped(pl.scan_parquet(tmp_path / "7.parquet"))
        report = near.upsert(pl.scan_parquet(tmp_path / "50.parquet"))
        assert report.resumed == stopped.written > 0
        assert near.stored()["n"].to_list() == list(range(N))

    def test_ids_made_from_columns_stay(self, near: Places) -> None:
        options = {"id_from": ["n", "city"]}
        data = frame().drop("id")
        stopped = near.stopped(data, **options)
        report = near.upsert(data, **options)
        assert report.resumed == stopped.written > 0
        assert near.stored()["id"].to_list() == report.ids.to_list()

    def test_a_file_that_is_removed_in_the_middle_is_made_again(self, near: Places) -> None:
        def remove(done: int, _: int | None) -> None:
            near.path.unlink(missing_ok=True)

        assert near.upsert(progress=remove).ok
        assert near.upsert().resumed == N

    def test_acknowledged_is_enough_without_waiting(self, wire: qf.Connection, name: str, path: Path) -> None:
        there = Places(name, wire, path)
        first = there.upsert(wait=False, errors="report")
        assert first.acknowledged == N
        assert there.upsert(wait=False).resumed == N
        with pytest.raises(qf.CheckpointError, match=r"options\.wait was False and is True"):
            there.upsert()

    @pytest.mark.parametrize("policy", ["first", "last"])
    def test_rows_left_out_as_duplicates(self, near: Places, policy: str) -> None:
        data = frame().with_columns(id=pl.col("id") // 2)
        stopped = near.stopped(data, duplicates=policy)
        report = near.upsert(data, duplicates=policy)
        assert report.resumed == stopped.written
        assert (report.skipped, report.written) == (N // 2 + report.resumed, N // 2 - report.resumed)
        assert near.stored()["n"].to_list() == list(range(policy == "last", N, 2))

    @settings(max_examples=10)
    @given(stops=st.lists(st.integers(1, N), max_size=4), jobs=st.sampled_from([1, 3]), data=st.data())
    def test_however_often_it_is_stopped(
        self, embedded: qf.Connection, tmp_path: Path, stops: list[int], jobs: int, data: st.DataObject
    ) -> None:
        names = iter(range(10**6))
        collection = qf.collection(f"stopped_{len(list(tmp_path.iterdir()))}_{next(names)}", connection=embedded)
        collection.drop()
        path = tmp_path / f"{len(list(tmp_path.iterdir()))}.json"
        size = data.draw(st.integers(1, 60))
        options: dict[str, Any] = {"id": "uuid4", "payload": ["n"], "checkpoint": path, "n_jobs": jobs}
        for rows in stops:
            with suppress(qf.WriteError, Enough):
                collection.upsert(frame(), batch_size=size, progress=until(rows), **options)
        report = collection.upsert(frame(), batch_size=size, **options)
        stored = collection.read(frame="polars").sort("n")
        assert stored["n"].to_list() == list(range(N))
        assert stored["id"].to_list() == report.ids.to_list()


def test_an_interrupt_during_the_last_save(near: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file is whole, and the report says what it says."""
    monkeypatch.setattr(checkpoint_module.Checkpoint, "keep_up", lambda self: None)
    saves, write = [], checkpoint_module.write

    def pressed(path: Path, saved: Any) -> None:
        saves.append(saved.written)
        if saved.written:
            signal.raise_signal(signal.SIGINT)
        write(path, saved)

    monkeypatch.setattr(checkpoint_module, "write", pressed)
    with pytest.raises(qf.WriteInterrupted) as caught:
        near.upsert()
    assert saves == [0, N]
    assert caught.value.report.written == N
    monkeypatch.undo()
    assert near.upsert().resumed == N


class TestOrder:
    """With `duplicates="keep"`, a row that was not written and a later one of its id that was."""

    DATA = pl.concat([frame(4), frame(4)]).with_columns(n=pl.int_range(8), id=pl.col("id") + 1)
    OPTIONS: ClassVar[dict[str, Any]] = {
        "order": "semi_ordered",
        "duplicates": "keep",
        "errors": "report",
        "batch_size": 1,
    }

    @pytest.fixture
    def failed(self, wire: qf.Connection, faulty: Server, name: str, path: Path) -> Places:
        """Row 1 was refused, row 5 has its id and is written."""
        there = Places(name, wire, path)
        there.collection.create_collection(config={"vectors": {"size": 2, "distance": "Dot"}})
        faulty.faults([{"operation": "upsert", "action": "refuse", "ids": [2], "times": 1}])
        report = there.upsert(self.DATA, **self.OPTIONS)
        assert report.rows("failed").tolist() == [1]
        assert report.written == 7
        return there

    @pytest.mark.loopback
    def test_a_later_row_is_sent_again(self, failed: Places) -> None:
        report = failed.upsert(self.DATA, **self.OPTIONS)
        assert report.rows("written").tolist() == [1, 5]
        assert report.resumed == 6
        assert failed.stored()["n"].to_list() == [4, 5, 6, 7]
        assert failed.upsert(self.DATA, **self.OPTIONS).resumed == 8

    @pytest.mark.loopback
    def test_it_counts_as_written_only_when_it_is_again(self, failed: Places) -> None:
        stopped = failed.stopped(self.DATA, rows=1, **self.OPTIONS)
        assert stopped.rows("written").tolist() == [1]
        assert failed.written() == 7
        assert failed.upsert(self.DATA, **self.OPTIONS).rows("written").tolist() == [5]
        assert failed.stored()["n"].to_list() == [4, 5, 6, 7]

    @pytest.mark.loopback
    @pytest.mark.usefixtures("always")
    def test_nor_is_it_lost_when_the_next_call_stops_between_them(self, failed: Places) -> None:
        def parts(whole: bool) -> Iterator[pl.DataFrame]:
            yield self.DATA.head(4)
            if not whole:
                raise Enough
            yield self.DATA.tail(4)

        with pytest.raises(qf.WriteError) as caught:
            failed.upsert(parts(whole=False), **self.OPTIONS)
        assert caught.value.report.rows("written").tolist() == [1]
        assert failed.stored()["n"].to_list() == [1, 4, 6, 7]
        report = failed.upsert(parts(whole=True), **self.OPTIONS)
        assert {1, 5} <= set(report.rows("written").tolist())
        assert failed.stored()["n"].to_list() == [4, 5, 6, 7]


PLAIN = {"vectors": {"size": 2, "distance": "Cosine"}}

CALLS: dict[str, tuple[dict[str, Any], str]] = {
    "mode": ({"mode": "insert_only"}, r"options\.mode was 'upsert' and is 'insert_only'"),
    "nulls": ({"nulls": "keep"}, r"options\.nulls was 'omit' and is 'keep'"),
    "null_vectors": ({"null_vectors": "omit"}, r"options\.null_vectors"),
    "duplicates": ({"duplicates": "last"}, r"options\.duplicates"),
    "filter": ({"update_filter": {"must": []}}, r"options\.update_filter was None and is"),
    "payload": ({"payload": ["n"]}, r"columns\.payload was \['city', 'n'\] and is \['n'\]"),
    "id": ({"id": "n", "payload": ["city"]}, r"columns\.id was 'id' and is 'n'"),
    "random ids": ({"id": "uuid4", "payload": ["n", "city"]}, r"columns\.id was 'id' and is 'random'"),
    "beside": ({"vector": np.ones((N, 2), dtype=np.float32), "payload": ["n", "city"]}, r"columns\.vector\.\.from was"),
}


class TestAnotherCall:
    @pytest.mark.parametrize("case", CALLS)
    def test_is_named(self, near: Places, case: str) -> None:
        options, said = CALLS[case]
        near.upsert()
        before = near.path.read_bytes()
        with pytest.raises(qf.CheckpointError, match=said) as caught:
            near.upsert(**options)
        assert "Name another file, or delete this one" in str(caught.value)
        assert near.path.read_bytes() == before

    def test_more_categories_are_no_other_dtype(self, near: Places) -> None:
        """Indices of pandas are as wide as the number of categories asks for, and those of a stream have one width."""
        texts = [f"{number % 100}" for number in range(N)]
        few, many = sorted(set(texts)), [f"{number}" for number in range(1_000)]

        def data(categories: list[str]) -> pd.DataFrame:
            return pd.DataFrame({"id": range(N), "city": pd.Categorical(texts, categories)})

        near.upsert(data(few), vector=False)
        for again in (data(many), iter([data(few)])):
            assert near.upsert(again, vector=False).resumed == N

    def test_offsets_of_another_width_are_no_other_dtype(self, near: Places) -> None:
        """Which texts and lists have varies with the library: a file is written from polars, and from pyarrow."""
        wide = frame().with_columns(tags=pl.concat_list("city")).drop("vector").to_arrow()
        narrow = wide.cast(
            pa.schema(wide.schema).set(2, pa.field("city", pa.string())).set(3, pa.field("tags", pa.list_(pa.string())))
        )
        assert narrow.schema != wide.schema
        near.upsert(wide, vector=False)
        for again in (narrow, narrow.to_reader(), iter([narrow.slice(0, 9), wide.slice(9)])):
            assert near.upsert(again, vector=False).resumed == N

    def test_another_collection_and_dtype(self, near: Places, embedded: qf.Connection) -> None:
        near.upsert()
        with pytest.raises(qf.CheckpointError, match=r"collection was '\w+' and is 'elsewhere'"):
            qf.collection("elsewhere", connection=embedded).upsert(frame(), checkpoint=near.path)
        assert not qf.collection("elsewhere", connection=embedded).exists()
        with pytest.raises(qf.CheckpointError, match=r"schema\.n was 'int64' and is 'double'"):
            near.upsert(frame().with_columns(pl.col("n").cast(pl.Float64)))

    def test_another_target(self, near: Places, tmp_path: Path) -> None:
        near.upsert()
        with qf.connect(tmp_path / "store") as connection, pytest.raises(qf.CheckpointError, match="target was"):
            near.collection.of(near.collection.name, connection).upsert(frame(), checkpoint=near.path)

    def test_how_fast_and_how_patiently_is_free(self, near: Places) -> None:
        stopped = near.stopped()
        report = near.upsert(n_jobs=2, batch_size=7, timeout=5, errors="report", retry=qf.RetryPolicy(attempts=2))
        assert report.resumed == stopped.written

    def test_columns_may_come_in_another_order_and_others_may_come(self, near: Places) -> None:
        near.upsert(payload=["n", "city"])
        moved = frame().with_columns(more=1).select("city", "vector", "more", "n", "id")
        assert near.upsert(moved, payload=["city", "n"]).resumed == N

    def test_the_collection_is_gone(self, near: Places) -> None:
        near.upsert()
        near.collection.drop()
        with pytest.raises(qf.CheckpointError, match=rf"{N} rows are in the collection .* does not exist any more"):
            near.upsert()
        assert not near.collection.exists()

    def test_the_collection_was_made_anew(self, places: Places) -> None:
        places.upsert()
        places.collection.create_collection(config=PLAIN, if_exists="replace")
        with pytest.raises(qf.CheckpointError, match=rf"{N} rows are in the collection .* has no points: it was empt"):
            places.upsert()
        places.path.unlink()
        assert places.upsert().written == N

    def test_what_leaves_no_points_goes_on_in_an_empty_collection(self, places: Places) -> None:
        places.collection.create_collection(config=PLAIN)
        places.upsert(checkpoint=None)
        for _ in range(2):
            places.collection.delete(frame().select("id"), checkpoint=places.path)
        places.path.unlink()
        for resumed in (0, N):
            assert places.upsert(mode="update_only").resumed == resumed


def changed(n: int, **values: Any) -> pl.DataFrame:
    """The frame with other values in row `n`."""
    return frame().with_columns(
        pl.when(pl.col("n") == n).then(pl.lit(value)).otherwise(name).alias(name) for name, value in values.items()
    )


def turned(n: int) -> pl.DataFrame:
    """The frame with the vector of row `n` turned round."""
    vectors = frame()["vector"].to_numpy() * np.where(np.arange(N) == n, -1, 1)[:, None].astype(np.float32)
    return frame().with_columns(vector=pl.Series(vectors, dtype=pl.Array(pl.Float32, 2)))


class TestOtherRows:
    @pytest.mark.parametrize(
        ("data", "row"),
        [
            pytest.param(lambda: changed(42, city="city X"), 42, id="payload"),
            pytest.param(lambda: changed(42, city=None), 42, id="null"),
            pytest.param(lambda: changed(42, id=10**6), 42, id="id"),
            pytest.param(lambda: turned(42), 42, id="vector"),
            pytest.param(lambda: pl.concat([frame(1, 500), frame(N - 1)]), 0, id="moved by one"),
            pytest.param(lambda: frame().reverse(), 0, id="reversed"),
        ],
    )
    def test_are_refused_by_the_first(self, places: Places, data: Callable[[], pl.DataFrame], row: int) -> None:
        stopped = places.stopped(rows=100)
        before = places.path.read_bytes()
        assert row in stopped.rows("written")
        with pytest.raises(qf.CheckpointError, match=f"row {row} was written before, and is another now"):
            places.upsert(data())
        assert len(places.stored()) == stopped.written, "rows were sent before the difference was found"
        assert places.path.read_bytes() == before

    def test_rows_that_were_not_written_may_change(self, near: Places) -> None:
        stopped = near.stopped(rows=100)
        report = near.upsert(changed(N - 1, city="city X"))
        assert report.resumed == stopped.written
        assert near.stored()["city"].to_list()[-1] == "city X"

    def test_a_change_that_the_check_byte_does_not_show(self, near: Places) -> None:
        near.upsert()
        usual = _check_byte("city 0")
        same = next(city for i in range(5000) if _check_byte(city := f"other {i}") == usual)
        with pytest.raises(qf.CheckpointError, match=f"of the rows 0 to {N - 1}, one"):
            near.upsert(changed(0, city=same))

    def test_fewer_rows(self, near: Places) -> None:
        near.upsert()
        with pytest.raises(qf.CheckpointError, match=f"row {N - 1} as written, and the frame ends after 100 rows"):
            near.upsert(frame(100))
        with pytest.raises(qf.CheckpointError, match="the frame ends after 0 rows"):
            near.upsert(frame().head(0))

    def test_a_reader_that_was_read_before(self, near: Places, caplog: pytest.LogCaptureFixture) -> None:
        reader = frame().drop("vector").to_arrow().to_reader()
        assert near.upsert(reader, vector=False).written == N
        with pytest.raises(qf.CheckpointError, match="the frame ends after 0 rows"):
            near.upsert(reader, vector=False)
        told = [record.message for record in caplog.records]
        assert "stream without rows" not in told
        # An empty answer of a database looks the same: no error without a checkpoint, and no silence.
        assert near.upsert(reader, vector=False, checkpoint=None).total == 0
        assert [record.message for record in caplog.records][len(told) :].count("stream without rows") == 1

    def test_more_rows_are_sent(self, near: Places) -> None:
        near.upsert()
        report = near.upsert(frame(N + 50))
        assert (report.resumed, report.written) == (N, 50)

    def test_in_a_stream_after_some_were_sent(self, near: Places) -> None:
        mended = frame().with_columns(n=pl.when(pl.col("id") == 3).then(float("inf")).otherwise(pl.col("n") * 1.0))

        def parts(data: pl.DataFrame) -> Iterator[pl.DataFrame]:
            yield from (data.slice(start, 60) for start in range(0, N, 60))

        near.upsert(parts(mended), errors="report")
        other = mended.with_columns(
            n=pl.when(pl.col("id") == 3).then(3.0).when(pl.col("id") == 250).then(0.5).otherwise("n")
        )
        with pytest.raises(qf.WriteError, match="row 250 was written before") as caught:
            near.upsert(parts(other), errors="report")
        assert isinstance(caught.value.__cause__, qf.CheckpointError)
        assert caught.value.report.rows("written").tolist() == [3]
        assert near.upsert(parts(mended.with_columns(n=pl.when(pl.col("id") == 3).then(3.0).otherwise("n")))).ok


def _check_byte(city: str) -> int:
    """Of row 0 of the frame with another city."""
    batch = frame(1).with_columns(city=pl.lit(city)).select("n", "city").to_arrow().to_batches()[0]
    vectors = frame(1)["vector"].to_numpy()
    from qframe.model.vectors import Dense

    points = Points(Ids(np.zeros(1, dtype=np.uint64)), {"": Dense(vectors)}, batch, range(1))
    return int(check_bytes(placed(row_digests(points), range(1)))[0])


class TestFile:
    def test_is_small_and_says_what_it_is(self, near: Places) -> None:
        rows = 50_000
        near.upsert(frame(10), checkpoint=None)
        near.collection.delete(pl.DataFrame({"id": np.arange(rows)}), checkpoint=near.path)
        assert near.path.stat().st_size < 1.5 * rows
        content = json.loads(near.path.read_text())
        assert content["qframe_checkpoint"] == 1
        assert content["written"] == rows
        assert content["call"]["verb"] == "delete"

    def test_cut_or_changed_anywhere_is_refused(self, near: Places) -> None:
        near.upsert()
        whole = near.path.read_bytes()
        for place in [0, 1, 20, *range(30, len(whole) - 1, len(whole) // 23), len(whole) - 1]:
            near.path.write_bytes(whole[:place])
            with pytest.raises(qf.CheckpointError, match="cannot be used"):
                near.upsert()
            flipped = whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :]
            near.path.write_bytes(flipped)
            with pytest.raises(qf.CheckpointError, match=r"cannot be used|has the format"):
                near.upsert()
        near.path.write_bytes(whole)
        assert near.upsert().resumed == N

    @pytest.mark.parametrize("content", [b"", b"[]", b"{}", b"null", b"\xff\xfe", b"1", b'{"qframe_checkpoint": 1}'])
    def test_of_another_kind_is_refused(self, near: Places, content: bytes) -> None:
        near.path.write_bytes(content)
        with pytest.raises(qf.CheckpointError, match="cannot be used"):
            near.upsert()
        assert not near.collection.exists()
        assert near.path.read_bytes() == content

    def test_of_a_later_version_is_refused(self, near: Places) -> None:
        near.path.write_text(json.dumps({"qframe_checkpoint": 2, "more": "than we know"}))
        with pytest.raises(qf.CheckpointError, match="format 2, and this qframe knows 1"):
            near.upsert()

    @pytest.mark.parametrize("place", ["no folder", "a folder", "below a file"])
    def test_in_an_impossible_place(self, near: Places, tmp_path: Path, place: str) -> None:
        (tmp_path / "file").touch()
        near.path = {
            "no folder": tmp_path / "missing" / "x.json",
            "a folder": tmp_path,
            "below a file": tmp_path / "file" / "x.json",
        }[place]
        there = sorted(tmp_path.iterdir())
        with pytest.raises(qf.CheckpointError, match=r"cannot be (written|read): ") as caught:
            near.upsert()
        assert isinstance(caught.value.__cause__, OSError)
        assert not near.collection.exists()
        assert sorted(tmp_path.iterdir()) == there

    @pytest.mark.parametrize("kind", ["a device", "a pipe"])
    def test_that_is_none(self, near: Places, kind: str, tmp_path: Path) -> None:
        near.path = Path("/dev/full") if kind == "a device" else tmp_path / "pipe"
        if kind == "a pipe" and hasattr(os, "mkfifo"):
            os.mkfifo(near.path)
        if not near.path.exists():
            pytest.skip("there is no such thing here")
        with pytest.raises(qf.CheckpointError, match="cannot be used: it is there, and no file"):
            near.upsert()
        assert not near.path.with_name(f"{near.path.name}.lock").exists()

    @pytest.mark.parametrize("place", ["~nobody here/x", "a\0b"])
    def test_of_no_path(self, near: Places, place: str) -> None:
        near.path = place  # type: ignore[assignment]
        with pytest.raises(qf.CheckpointError, match="is no path: "):
            near.upsert()

    def test_must_be_a_path(self, near: Places) -> None:
        near.path = 3  # type: ignore[assignment]
        with pytest.raises(qf.OptionError, match="checkpoint=3: the path of a file"):
            near.upsert()

    def test_a_link_stays_a_link(self, near: Places, tmp_path: Path) -> None:
        real = tmp_path / "real.json"
        near.path.symlink_to(real)
        near.upsert()
        assert near.path.is_symlink()
        assert read(real) is not None

    def test_is_not_written_at_every_answer(self, near: Places, monkeypatch: pytest.MonkeyPatch) -> None:
        saved: list[int] = []
        real = checkpoint_module.write
        monkeypatch.setattr(
            checkpoint_module, "write", lambda path, what: (saved.append(what.written), real(path, what))
        )
        monkeypatch.setattr(checkpoint_module, "PAUSE", 1000)
        near.upsert()
        assert saved == [0, N]


class TestTwoCallsAtOnce:
    def test_in_one_process(self, near: Places) -> None:
        refused: list[str] = []

        def parts() -> Iterator[pl.DataFrame]:
            yield frame(50)
            with pytest.raises(qf.CheckpointError) as caught:
                near.upsert(parts())
            refused.append(str(caught.value))
            yield frame(50, 50)

        assert near.upsert(parts()).written == 100
        assert f"is in use by another call (process {os.getpid()}). Two at once" in refused[0]
        assert sorted(near.path.parent.glob("places*")) == [near.path], "the lock is left"
        assert near.upsert(frame(100)).resumed == 100

    def test_in_another_process_until_it_ends(self, near: Places, tmp_path: Path) -> None:
        near.upsert()
        code = (
            "import sys, pathlib; from qframe.locking import acquire; "
            "found = acquire(pathlib.Path(sys.argv[1])); print(flush=True); sys.stdin.read()"
        )
        link = tmp_path / "link"
        link.symlink_to(near.path)
        beside = f"{os.path.realpath(near.path)}.lock"
        holder = subprocess.Popen([sys.executable, "-c", code, beside], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        try:
            assert holder.stdout is not None
            holder.stdout.readline()
            with pytest.raises(qf.CheckpointError, match=rf"another call \(process {holder.pid}\)"):
                near.upsert(checkpoint=link)
        finally:
            holder.kill()
            holder.communicate()
        assert near.upsert(checkpoint=link).resumed == N

    def test_of_two_files(self, near: Places, tmp_path: Path) -> None:
        def parts() -> Iterator[pl.DataFrame]:
            yield frame(50)
            near.upsert(frame(50), checkpoint=tmp_path / "other")
            yield frame(50, 50)

        assert near.upsert(parts()).written == 100

    @pytest.mark.parametrize("after", ["an error", "a bad file"])
    def test_the_lock_ends_with_the_call(self, near: Places, after: str) -> None:
        if after == "an error":
            near.stopped()
        else:
            near.path.write_text("{}")
            with pytest.raises(qf.CheckpointError):
                near.upsert()
            near.path.unlink()
        assert near.upsert().ok

    def test_where_nothing_can_be_locked(
        self, near: Places, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        fcntl = pytest.importorskip("fcntl")
        near.upsert(frame(10))

        def flock(*_: int) -> None:
            raise OSError(errno.ENOLCK, "No locks available")

        monkeypatch.setattr(fcntl, "flock", flock)
        assert near.upsert().written == N - 10
        told = [record for record in caplog.records if record.message == "checkpoint not locked"]
        assert [record.__dict__["detail"] for record in told] == ["No locks available"]
        assert sorted(near.path.parent.glob("places*")) == [near.path], "the lock is left"

    def test_a_folder_that_is_not_ours(self, near: Places, monkeypatch: pytest.MonkeyPatch) -> None:
        def refuse(*_: object) -> int:
            raise PermissionError(errno.EACCES, "Permission denied", "places.checkpoint.lock")

        near.collection.drop()  # opens the folder, which is locked too
        monkeypatch.setattr(locking, "acquire", refuse)  # root may write anywhere
        with pytest.raises(qf.CheckpointError, match=r"cannot be locked: .*Permission denied.*Name another file"):
            near.upsert()
        assert not near.collection.exists()

    def test_a_lock_whose_file_its_holder_has_removed_is_none(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        fcntl = pytest.importorskip("fcntl")
        path = tmp_path / "x.lock"
        flock, opened = fcntl.flock, []

        def late(descriptor: int, how: int) -> None:
            if not opened:
                path.unlink()
            opened.append(descriptor)
            flock(descriptor, how)

        monkeypatch.setattr(fcntl, "flock", late)
        descriptor = locking.acquire(path)
        assert descriptor is not None
        assert len(opened) == 2
        assert locking.acquire(path) is None
        locking.release(descriptor, remove=path)
        assert not path.exists()


class TestPowerLoss:
    """The embedded engine's log is not made to last write by write; a checkpoint's rows must outlast the log."""

    @pytest.mark.usefixtures("always")
    def test_what_the_file_has_is_there_without_the_log(
        self, tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        counts: list[tuple[int, int]] = []
        real = checkpoint_module.write

        def write(path: Path, saved: Any) -> None:
            if saved.written:
                copy = tmp_path / f"copy {len(counts)}"
                shutil.copytree(tmp_path / "store", copy, ignore=shutil.ignore_patterns("open-*"))
                with qf.connect(copy) as connection:
                    counts.append((saved.written, qf.collection(name, connection=connection).count()))
            real(path, saved)

        monkeypatch.setattr(checkpoint_module, "write", write)
        with qf.connect(tmp_path / "store") as connection:
            Places(name, connection, tmp_path / "x").upsert(batch_size=100)
        assert [written for written, _ in counts] == [100, 200, 300, 300]
        assert all(there == written for written, there in counts)

    @pytest.mark.usefixtures("always")
    def test_what_cannot_be_made_to_last_is_not_in_the_file(
        self, near: Places, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        flushed: list[str] = []

        def flush(self: EmbeddedBackend, name: str) -> Fault | None:
            flushed.append(name)
            return Fault("fatal", "no", "the disk is gone") if len(flushed) > 3 else None

        monkeypatch.setattr(EmbeddedBackend, "flush", flush)
        with pytest.raises(qf.WriteError, match="the disk is gone") as caught:
            near.upsert(n_jobs=1)
        assert isinstance(caught.value.__cause__, qf.ServerError)
        assert caught.value.report.written == 4 * BATCH
        assert near.written() == 3 * BATCH

    def test_a_folder_that_cannot_be_made_to_last(self, near: Places, monkeypatch: pytest.MonkeyPatch) -> None:
        """What CIFS answers; the file itself lasts."""
        real = os.fsync

        def fsync(handle: int) -> None:
            if stat.S_ISDIR(os.fstat(handle).st_mode):
                raise OSError(errno.EINVAL, "Invalid argument")
            real(handle)

        monkeypatch.setattr(os, "fsync", fsync)
        assert near.upsert().ok
        assert near.written() == N


@contextmanager
def small_disk(folder: Path) -> Iterator[None]:
    """A file system of three pages in the folder: the lock takes one."""
    mount = ["mount", "-t", "tmpfs", "-o", "size=12k", "tmpfs", str(folder)]
    if os.name == "nt" or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("no file system can be mounted here")
    try:
        yield
    finally:
        subprocess.run(["umount", str(folder)], check=True)


@contextmanager
def small_files(_: Path) -> Iterator[None]:
    """No file of this process may grow beyond 4 kB: what a quota does."""
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.usefixtures("always")
@pytest.mark.parametrize("fault", [small_disk, small_files])
def test_a_full_disk(wire: qf.Connection, name: str, tmp_path: Path, fault: Any) -> None:
    rows = 20_000
    folder = tmp_path / "disk"
    folder.mkdir()
    there = Places(name, wire, folder / "x.json")
    options = {"batch_size": 500, "n_jobs": 2}
    with ExitStack() as stack:
        stack.enter_context(fault(folder))
        with pytest.raises(qf.WriteError, match=r"cannot be written: (No space left|File too large)") as caught:
            there.upsert(frame(rows), **options)
        assert [file.name for file in folder.iterdir()] == ["x.json"], "a temporary file is left"
        report, kept = caught.value.report, there.path.read_bytes()
        assert isinstance(caught.value.__cause__, OSError)
        assert caught.value.__cause__.errno in (errno.ENOSPC, errno.EFBIG)
        assert report.unsent > rows / 2, "it went on without a checkpoint"
        assert report.unknown == report.failed == 0
        assert len(there.stored()) == report.written
        assert 0 < there.written() <= report.written
    there.path.write_bytes(kept)
    assert there.upsert(frame(rows), **options).ok
    assert there.stored()["n"].to_list() == list(range(rows))


def test_a_full_disk_before_the_first_send(wire: qf.Connection, name: str, tmp_path: Path) -> None:
    there = Places(name, wire, tmp_path / "x.json")
    columns = {f"a column with quite a long name, number {number}": pl.lit(number) for number in range(99)}
    with small_files(tmp_path), pytest.raises(qf.CheckpointError, match=r"File too large\. Nothing was sent") as caught:
        there.upsert(frame().with_columns(**columns))
    assert isinstance(caught.value.__cause__, OSError)
    assert not there.collection.exists()
    assert not list(tmp_path.iterdir())
