"""The tool behind docs/performance.md: every stage runs, takes time, and is on the page. No figure is tested."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks import stages_kinds, stages_threads
from benchmarks.data import make_rows, read_rows
from benchmarks.stages import TABLES, Table
from benchmarks.stages_measure import costs
from benchmarks.targets import Target, target
from qframe.backends.opening import close_all

ROWS = 300
PAGE = (Path(__file__).parent.parent / "docs" / "performance.md").read_text()


@pytest.fixture(scope="module")
def frame(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("stages") / "rows.parquet"
    make_rows(ROWS, 16).write_parquet(path)
    return path


@pytest.fixture(scope="module")
def reached(frame: Path) -> Iterator[Target]:
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("QFRAME_TEST_URL", raising=False)  # figures of a server are not the page's
        with target(frame) as found:
            yield found
            close_all()


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.title)
def test_every_stage_takes_time_and_is_told(table: Table, frame: Path, reached: Target) -> None:
    found = costs(table.stages(table.wire, read_rows(frame), reached), ROWS, 0.0)
    assert len(found) >= 10
    _, _, section = PAGE.partition(f"\n### {table.title}\n")
    section = section.partition("\n### ")[0]
    for cost in found:
        assert min(cost.cpu, cost.often) > 0, cost
        assert f"\n| {cost.name} |" in section


def test_every_kind_is_told() -> None:
    found = list(stages_kinds.table(ROWS, 0.0))
    for name, each in found:
        assert len(each) == len(stages_kinds.COLUMNS) - 1
        assert f"\n| {name} |" in PAGE


def test_every_kind_is_read_as_it_was_written() -> None:
    for column in stages_kinds.columns(ROWS).values():
        *_, grpc, rest = stages_kinds.of_column(column, ROWS)
        for read in (grpc, rest):
            assert read.work().column(stages_kinds.FIELD).null_count == column.null_count()


def test_every_thread_is_told(frame: Path) -> None:
    for name, rate, gained in stages_threads.factors(read_rows(frame), 0.0, 1):
        assert min(rate, gained) > 0
        assert f"\n| {name} |" in PAGE
