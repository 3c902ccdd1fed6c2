"""What a report says of rows that were not written, and of those that were not even read."""

import json
import math
import pickle
import uuid
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any, ClassVar

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import qframe as qf
from qframe.delivery import ledger
from qframe.model.options import Errors

INF = float("inf")


@pytest.fixture
def report(embedded: qf.Connection) -> qf.WriteReport:
    frame = pl.DataFrame({"id": range(5), "a": [0.0, INF, 0.0, 0.0, INF], "b": [0.0, 0.0, 0.0, INF, INF]})
    return qf.collection("places", connection=embedded).upsert(frame, vector=False, errors="report")


def test_each_reason_names_its_first_row(report: qf.WriteReport) -> None:
    found = [line for line in repr(report).splitlines() if "bad value" in line]
    assert len(found) == 2
    assert any("2 × bad value in column 'a', first in row 1: found inf" in line for line in found)
    assert any("2 × bad value in column 'b', first in row 3: found inf" in line for line in found)


def test_a_row_is_counted_once_and_named_for_each_reason(report: qf.WriteReport) -> None:
    assert (report.written, report.failed) == (2, 3)
    assert report.failures.select("row", "column").rows() == [(1, "a"), (3, "b"), (4, "a"), (4, "b")]


def rows(first: int, many: int, price: object = 1.0) -> pl.DataFrame:
    return pl.DataFrame({"id": range(first, first + many), "price": [price] * many})


def breaking() -> Iterator[pl.DataFrame]:
    yield rows(0, 40)
    raise ValueError("src")


def changing() -> Iterator[pl.DataFrame]:
    yield rows(0, 40)
    yield rows(40, 40, "dear")


@pytest.fixture
def places(embedded: qf.Connection) -> qf.Collection:
    return qf.collection("places", connection=embedded)


class TestASourceThatIsNotReadToItsEnd:
    @pytest.mark.parametrize("source", [breaking, changing])
    @pytest.mark.parametrize("errors", ["raise", "report"])
    def test_is_not_ok(
        self, places: qf.Collection, source: Callable[[], Iterator[pl.DataFrame]], errors: Errors
    ) -> None:
        with pytest.raises(qf.WriteError) as caught:
            places.upsert(source(), vector=False, errors=errors)
        report = caught.value.report
        assert (report.total, report.written) == (40, 40)
        assert not report.ok
        assert not report.complete
        with pytest.raises(qf.WriteError, match="not read to its end"):
            report.raise_for_failures()

    def test_says_so_wherever_it_is_looked_at(self, places: qf.Collection) -> None:
        with pytest.raises(qf.WriteError, match=r"the first 40 rows → .*\n(.*\n)*.*was not read to its end") as caught:
            places.upsert(breaking(), vector=False)
        report = caught.value.report
        assert "✗" in report._repr_html_()
        assert "was not read to its end" in report._repr_html_()
        facts = report.to_dict()
        assert (facts["ok"], facts["complete"]) == (False, False)
        merged = qf.WriteReport.merge([places.upsert(rows(100, 2), vector=False), report])
        assert (merged.ok, merged.complete, merged.total) == (False, False, 42)

    def test_a_call_that_leaves_it_says_so(self, places: qf.Collection) -> None:
        read = []

        def endless() -> Iterator[pl.DataFrame]:
            for number in count():
                read.append(number)
                yield rows(40 * number, 40).with_columns(price=pl.Series([INF] * 8 + [1.0] * 32))

        report = places.upsert(endless(), vector=False, errors="report", max_failures=10)
        assert report.total == 40 * len(read)
        assert not report.complete
        assert "was not read to its end" in repr(report)

    def test_one_that_was_is(self, places: qf.Collection) -> None:
        for data in (rows(0, 3), rows(0, 3).lazy(), iter([rows(0, 2), rows(2, 1)])):
            report = places.upsert(data, vector=False)
            assert report.complete
            assert report.ok
            assert f"3 rows → {places.name!r}" in repr(report)
            assert "the first" not in repr(report)


def test_bad_rows_of_a_stream_are_named_with_errors_raise(places: qf.Collection) -> None:
    bad = rows(40, 5).with_columns(price=pl.Series([1.0, INF, 1.0, INF, 1.0]), id=pl.Series([40, 41, 42, 43, 40]))
    with pytest.raises(qf.WriteError) as caught:
        places.upsert(iter([rows(0, 40), bad, rows(50, 5)]), vector=False)
    report = caught.value.report
    assert isinstance(caught.value.__cause__, qf.FrameError)
    assert caught.value.__cause__.row == 41
    assert report.rows("failed").tolist() == [41, 43, 44]
    assert report.failures.select("row", "id", "column").rows() == [
        (41, 41, "price"),
        (43, 43, "price"),
        (44, 40, "id"),
    ]
    assert report.rows("unsent").tolist() == [40, 42]
    assert report.written == 40
    together = pl.concat([rows(0, 40), bad])
    assert report.select(together, "unsent")["id"].to_list() == [40, 42]


class TestSelect:
    def test_refuses_another_frame(self, places: qf.Collection) -> None:
        frame = rows(0, 3)
        report = places.upsert(frame, vector=False)
        assert report.select(frame, "written").equals(frame)
        for many in (2, 20_000):
            with pytest.raises(qf.FrameError, match=f"the report is of 3 rows, the frame has {many:,} rows"):
                report.select(rows(0, many), "failed")
        with pytest.raises(qf.OptionError, match="one of"):
            report.select(rows(0, 2), "lost")  # type: ignore[arg-type]

    def test_refuses_a_frame_of_a_batch_and_says_whose_report_is_meant(self, places: qf.Collection) -> None:
        first, second = rows(0, 3), rows(3, 4)
        with places.batch() as b:
            b.upsert(first, vector=False)
            b.set_payload(second.head(2).with_columns(id=pl.Series([0, 1])))
            b.upsert(second, vector=False)
        with pytest.raises(qf.FrameError, match=r"3 operations together, 9 rows, the frame has 4 rows.*reports\[2\]"):
            b.report.select(second, "written")
        assert b.reports[2].select(second, "written").height == 4
        merged = qf.WriteReport.merge([b.reports[0], b.reports[2]])
        assert merged.select(pl.concat([first, second]), "written").height == 7
        with pytest.raises(qf.FrameError, match="its own operation"):
            merged.select(first, "written")

    def test_of_merged_reports_goes_by_ids_too(self, places: qf.Collection) -> None:
        """A frame of several is often numbered anew, and sorted as easily as one."""
        first, second = rows(0, 3), rows(3, 4)
        with places.batch() as b:
            b.upsert(first, vector=False)
            b.upsert(second, vector=False)
        reports = [places.upsert(part.to_pandas(), vector=False) for part in (first, second)]
        together = pl.concat([first, second])
        assert qf.WriteReport.merge(reports).select(together.to_pandas(), "written")["id"].to_list() == [*range(7)]
        for merged in (qf.WriteReport.merge(reports), qf.WriteReport.merge(b.reports), b.report):
            assert merged.select(together, "written").equals(together)
            with pytest.raises(qf.FrameError, match="row 0 was written with the id 0, and in this frame it has 6"):
                merged.select(together.reverse(), "written")

    def test_refuses_a_write_by_filter(self, places: qf.Collection) -> None:
        places.upsert(rows(0, 1), vector=False)
        report = places.clear_payload(filter={})
        with pytest.raises(qf.FrameError, match="no rows to pick"):
            report.select(rows(0, 1), "written")

    def test_takes_the_whole_of_what_was_read_in_part(self, places: qf.Collection) -> None:
        with pytest.raises(qf.WriteError) as caught:
            places.upsert(breaking(), vector=False)
        report = caught.value.report
        assert report.select(rows(0, 100), "written").height == 40
        with pytest.raises(qf.FrameError, match="of 40 rows, the frame has 39 rows"):
            report.select(rows(0, 39), "written")


class TestWhatItSays:
    def test_which_verb(self, places: qf.Collection) -> None:
        report = places.upsert(rows(0, 3), vector=False)
        deleted = places.delete(rows(0, 1))
        assert (report.operation, deleted.operation) == ("upsert", "delete")
        assert repr(report).startswith(f"WriteReport: upsert: 3 rows → {places.name!r}")
        assert "upsert: 3 rows" in report._repr_html_()
        assert report.to_dict()["operation"] == "upsert"
        assert qf.WriteReport.merge([report, deleted, report]).operation == "upsert, delete"
        assert pickle.loads(pickle.dumps(report)).operation == "upsert"
        with places.batch() as b:
            b.delete(rows(1, 1))
        assert (b.report.operation, b.reports[0].operation) == ("batch", "delete")

    def test_a_batch_that_was_sent_shows_what_became_of_it(self, places: qf.Collection) -> None:
        with places.batch(errors="report") as b:
            b.upsert(rows(0, 3), vector=False)
            b.set_payload(rows(2, 2))
        assert repr(b).splitlines() == [
            f"WriteBatch: 2 operations on {places.name!r} (:memory:), its with-block is over: written 4 · failed 1",
            "  upsert 3 rows: written 3",
            "  set_payload 2 rows: written 1 · failed 1",
        ]

    def test_operations_by_filter_are_counted_apart(self, places: qf.Collection) -> None:
        framed = places.upsert(rows(0, 3), vector=False)
        filtered = places.clear_payload(filter={})
        assert "how many points were selected, the server does not say" in repr(filtered)
        assert "server does not say" not in repr(framed)
        assert (framed.to_dict()["by_filter"], filtered.to_dict()["by_filter"]) == (0, 1)
        with places.batch() as b:
            b.set_payload(rows(0, 3))
            b.clear_payload(filter={})
        for report in (qf.WriteReport.merge([framed, filtered]), b.report):
            assert report.by_filter == 1
            assert ": 3 rows and 1 operation by filter → " in repr(report)
        assert [report.by_filter for report in b.reports] == [0, 1]
        assert ": 2 operations by filter → " in repr(qf.WriteReport.merge([filtered, filtered]))

    def test_failures_have_the_same_names_as_a_dict(self, report: qf.WriteReport) -> None:
        listed = json.loads(json.dumps(report.to_dict()))["failures"]
        assert [item.pop("id") for item in listed] == report.failures["id"].to_list()
        assert listed == report.failures.drop("id").to_dicts()

    def test_an_early_end_only_where_something_was_left(self, places: qf.Collection) -> None:
        places.upsert(rows(0, 3), vector=False)
        with pytest.raises(qf.WriteError) as caught:
            places.set_payload(rows(0, 4))
        assert (caught.value.report.written, caught.value.report.failed) == (3, 1)
        assert caught.value.report.ended_by is None
        assert "ended early" not in str(caught.value)
        with pytest.raises(qf.WriteError, match="ended early: no point has this id") as caught:
            places.set_payload(rows(2, 4), batch_size=2, n_jobs=1)
        assert caught.value.report.unsent == 2


def test_a_report_and_a_check_are_true_when_they_are_ok(report: qf.WriteReport, places: qf.Collection) -> None:
    assert not report
    assert places.upsert(rows(0, 3), vector=False)
    assert places.check(rows(0, 3), vector=False)
    assert not places.check(rows(0, 3, INF), vector=False)


@pytest.mark.parametrize("given", [[1], 5, "a", [], None])
def test_merge_takes_reports(given: object) -> None:
    with pytest.raises(qf.OptionError, match=r"WriteReport\.merge: "):
        qf.WriteReport.merge(given)  # type: ignore[arg-type]


def test_merge_takes_no_report_alone(report: qf.WriteReport) -> None:
    with pytest.raises(qf.OptionError, match="a list of reports"):
        qf.WriteReport.merge(report)  # type: ignore[arg-type]


class TestReasons:
    def test_rows_with_one_reason_are_one_line_whatever_their_values(self, places: qf.Collection) -> None:
        many = 300
        for ids, line in (
            (
                [f"no uuid {row}" for row in range(many)],
                "300 × bad value in column 'id', first in row 0: found 'no uuid 0'",
            ),
            (
                [row // 2 for row in range(many)],
                "150 × bad value in column 'id', first in row 1: found 0: the id of row 0",
            ),
        ):
            report = places.upsert(pl.DataFrame({"id": ids}), vector=False, errors="report")
            assert line in repr(report)
            assert ".failures" not in repr(report)

    def test_more_reasons_than_are_shown_and_more_rows_than_are_told(
        self, places: qf.Collection, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        values = {f"c{number}": [math.inf if row == number else 1.0 for row in range(6)] for number in range(6)}
        report = places.upsert(pl.DataFrame({"id": range(6), **values}), vector=False, errors="report")
        assert repr(report).endswith("\n  … and 1 more, see .failures")
        monkeypatch.setattr(ledger, "KEPT_FAILURES", 4)
        report = places.upsert(pl.DataFrame({"id": range(6), **values}), vector=False, errors="report")
        assert "\n  of the first 4 reasons:\n  1 × " in repr(report)

    def test_what_is_raised_says_what_the_report_says(self, places: qf.Collection) -> None:
        report = places.upsert(pl.DataFrame({"id": ["no uuid"]}), vector=False, errors="report")
        with pytest.raises(qf.WriteError) as caught:
            report.raise_for_failures()
        assert str(caught.value) == repr(report)
        assert str(caught.value).startswith("WriteReport: upsert: 1 row")

    def test_an_id_that_comes_again_is_told_with_its_own_first_row(self, places: qf.Collection) -> None:
        """In a frame, in its second part, and in a stream."""
        ids = [*range(70_000), 0, 69_999, 5, 6]
        data = pl.DataFrame({"id": ids})
        texts = places.upsert(data, vector=False, errors="report").failures["message"].to_list()
        assert [text.split(" again")[0] for text in texts] == [
            "found 0: the id of row 0",
            "found 69999: the id of row 69999",
            "found 5: the id of row 5",
            "found 6: the id of row 6",
        ]
        chunks = (pl.DataFrame({"id": part}) for part in ([7, 8], [1, 1, 2, 2], [3, 3]))
        texts = places.upsert(chunks, vector=False, errors="report").failures["message"].to_list()
        assert [text.split(" again")[0] for text in texts] == [
            "found 1: the id of row 2",
            "found 2: the id of row 4",
            "found 3: the id of row 6",
        ]

    def test_a_value_that_was_not_kept_is_not_said_to_be_none(self, places: qf.Collection) -> None:
        report = places.upsert(rows(0, 300, INF), vector=False, errors="report")
        texts = report.failures["message"]
        assert texts[0].startswith("found inf: infinity")
        assert texts[299].startswith("infinity has no word in JSON")
        assert "300 × bad value in column 'price', first in row 0: found inf" in repr(report)


class TestFailuresAsAFrame:
    def test_ids_are_what_verbs_take(self, places: qf.Collection) -> None:
        places.create_collection(config={"vectors": {}})
        uuids = [str(uuid.uuid4()), str(uuid.uuid4())]
        for ids, dtype in (([7, 9], pl.UInt64), (uuids, pl.String)):
            failures = places.set_payload(pl.DataFrame({"id": ids, "a": 1}), errors="report").failures
            assert (failures["id"].dtype, failures["id"].to_list()) == (dtype, ids)
            assert places.upsert(failures.select("id"), vector=False).written == 2
        with places.batch(errors="report") as b:
            b.set_payload(pl.DataFrame({"id": [70], "a": 1}))
            b.set_payload(pl.DataFrame({"id": [str(uuid.UUID(int=1))], "a": 1}))
        assert b.report.failures["id"].to_list() == ["70", str(uuid.UUID(int=1))]
        assert b.reports[0].failures["id"].to_list() == [70]

    def test_a_row_without_an_id_has_none(self, places: qf.Collection) -> None:
        failures = places.upsert(pl.DataFrame({"id": [None, 3, 3]}), vector=False, errors="report").failures
        assert failures["id"].to_list() == [None, 3]
        assert places.upsert(rows(0, 2), vector=False).failures["id"].dtype == pl.UInt64

    @pytest.mark.parametrize(
        "index",
        [
            pd.Index(["a", "b", "b"]),
            pd.Index([10, 20, 30]),
            pd.MultiIndex.from_tuples([("a", 1), ("a", 2), ("b", 1)]),
            pd.CategoricalIndex(list("abc")),
            pd.date_range("2020-01-01", periods=3, tz="Europe/Berlin"),
        ],
        ids=lambda index: type(index).__name__,
    )
    def test_a_pandas_index_gives_its_own_labels(self, places: qf.Collection, index: pd.Index) -> None:
        data = pd.DataFrame({"id": [1, 2, 3], "price": [1.0, INF, INF]}, index=index)
        report = pickle.loads(pickle.dumps(places.upsert(data, vector=False, errors="report")))
        assert report.failures["index"].tolist() == index[1:].tolist()
        assert report.ids.index.equals(index)
        assert report.select(data, "failed").index.equals(index[1:])
        both = qf.WriteReport.merge([report, report])
        assert both.failures["index"].tolist() == [*index[1:], *index[1:]]
        assert both.failures["row"].tolist() == [1, 2, 4, 5]
        assert both.ids.index.equals(index.append(index))
        assert both.ids.tolist() == [1, 2, 3, 1, 2, 3]


def made(library: str, data: dict[str, Any]) -> Any:
    if library == "arrow":
        return pa.table(data)
    return pd.DataFrame(data) if library == "pandas" else pl.DataFrame(data)


def turned(frame: Any) -> Any:
    """The rows of a frame in the other order."""
    if isinstance(frame, pd.DataFrame):
        return frame.iloc[::-1].reset_index(drop=True)
    return frame.reverse() if isinstance(frame, pl.DataFrame) else frame.take(list(range(len(frame)))[::-1])


class TestSelectsFromTheFrameThatWasWritten:
    DATA: ClassVar = {"id": [1, 2, 3, 4], "sku": ["a", "b", "c", "d"], "price": [1.0, INF, 3.0, 4.0]}

    @pytest.mark.parametrize("library", ["polars", "pandas", "arrow"])
    @pytest.mark.parametrize("options", [{}, {"id_from": ["sku"]}], ids=str)
    @pytest.mark.parametrize("stream", [False, True])
    def test_rows_in_another_order_are_refused(
        self, places: qf.Collection, library: str, options: dict[str, Any], stream: bool
    ) -> None:
        data = made(library, self.DATA)
        report = places.upsert(iter([data]) if stream else data, vector=False, errors="report", **options)
        report = pickle.loads(pickle.dumps(report))
        assert len(report.select(data, "failed")) == 1
        with pytest.raises(qf.FrameError, match=r"row 1 was written with the id .*another order") as caught:
            report.select(turned(data), "failed")
        assert caught.value.row == 1
        assert len(report.select(turned(data), "unsent")) == 0

    def test_labels_tell_it_where_ids_are_random(self, places: qf.Collection) -> None:
        data = made("pandas", self.DATA).set_index("sku").drop(columns="id")
        report = places.upsert(data, id="uuid4", vector=False, errors="report")
        assert report.select(data, "failed").index.tolist() == ["b"]
        with pytest.raises(qf.FrameError, match="index label 'b', and in this frame it has 'c'"):
            report.select(data.sort_index(ascending=False), "failed")

    @pytest.mark.parametrize(
        "index",
        [
            pd.Index(["a", pd.NA, "c"], dtype="string"),
            pd.Index([1, pd.NA, 3], dtype="Int64"),
            pd.Index([1.0, None, 3.0]),
            pd.DatetimeIndex(["2020-01-01", None, "2020-01-03"]),
            pd.MultiIndex.from_arrays([["a", "b", "c"], [1.0, None, 3.0]]),
        ],
        ids=lambda index: f"{type(index).__name__} {index.dtype}",
    )
    def test_labels_may_be_missing(self, places: qf.Collection, index: pd.Index) -> None:
        data = pd.DataFrame({"price": [1.0, 2.0, INF]}, index=index)
        report = places.upsert(data, id="uuid4", vector=False, errors="report")
        assert report.select(data, "unsent").index.equals(index[:0])
        assert report.select(data, "written")["price"].to_list() == [1.0, 2.0]
        with pytest.raises(qf.FrameError, match=r"row 0 was written with the index label .*another order"):
            report.select(data[::-1], "written")

    def test_columns_beside_it_are_picked_by_position(self, places: qf.Collection) -> None:
        report = places.upsert(made("polars", self.DATA), vector=False, errors="report")
        assert report.select(pl.DataFrame({"other": list("wxyz")}), "failed").rows() == [("x",)]

    def test_a_row_whose_id_was_no_id_is_picked_when_it_has_one(self, places: qf.Collection) -> None:
        data = pl.DataFrame({"id": [1, None, 3]})
        report = places.upsert(data, vector=False, errors="report")
        assert report.select(data.with_columns(id=pl.Series([1, 2, 3])), "failed")["id"].to_list() == [2]

    def test_of_a_batch_each_frame_is_known(self, places: qf.Collection) -> None:
        data = made("polars", self.DATA)
        with places.batch(errors="report") as b:
            b.upsert(data.with_columns(price=1.0), vector=False)
            b.upsert(data, vector=False)
        assert b.reports[1].select(data, "failed")["id"].to_list() == [2]
        with pytest.raises(qf.FrameError, match="another order"):
            b.reports[1].select(turned(data), "failed")


@pytest.mark.parametrize("kind", [pa.Table, pa.RecordBatch])
@pytest.mark.parametrize("dtype", [pa.string_view(), pa.list_(pa.string_view()), pa.list_view(pa.int8())], ids=str)
def test_rows_of_arrow_types_that_arrow_takes_nothing_of(
    embedded: qf.Connection, dtype: pa.DataType, kind: Any
) -> None:
    values = pa.array([None, None, None] if dtype != pa.string_view() else ["a", None, "c"], dtype)
    frame = kind.from_arrays([pa.array([1, 2, 3]), values, pa.array([1.0, INF, 2.0])], names=["id", "x", "price"])
    report = qf.collection("places", connection=embedded).upsert(frame, vector=False, errors="report")
    assert report.select(frame, "failed")["id"].to_pylist() == [2]
    assert report.select(frame, "written")["x"].to_pylist() == [values[0].as_py(), values[2].as_py()]
