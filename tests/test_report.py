"""What a report says in words of rows that were not written."""

import polars as pl
import pytest

import qframe as qf

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
